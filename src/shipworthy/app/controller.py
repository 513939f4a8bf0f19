"""The controller: carries out jobs, one after the other, and survives a crash at any step."""

import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from shipworthy.app.workspace import Workspace
from shipworthy.core.digests import Json
from shipworthy.core.errors import Refused, ShipworthyError
from shipworthy.stores.jobs import JobState, Lease, run_step

__all__ = ["Controller", "Steps"]

Steps = Mapping[str, Callable[[Mapping[str, Json]], Json]]
"""What a kind of job does: its steps by name, in order. Each gets the job's payload and gives plain JSON for the
journal. A step that stands in the journal is not done again; one that was cut off is, so every step is idempotent."""

_LEASE: Final = timedelta(minutes=10)
_RETRY: Final = timedelta(seconds=5)
_PAUSE_S: Final = 0.5
_log = logging.getLogger("shipworthy.controller")


class Controller:
    """Takes due jobs of a workspace; several controllers may share its table of jobs."""

    def __init__(self, workspace: Workspace, kinds: Mapping[str, Steps]) -> None:
        self._workspace = workspace
        self._kinds = kinds
        self._name = workspace.new_id("controller")

    def run_due(self) -> int:
        """Carry out every job that is due now.

        Returns:
            How many were begun, whatever their end.
        """
        count = 0
        while (lease := self._workspace.jobs.lease(self._name, ttl=_LEASE, kinds=tuple(self._kinds))) is not None:
            self._carry_out(lease)
            count += 1
        return count

    def run_until(self, stop: threading.Event) -> None:
        """Carry out jobs as they become due, until told to stop."""
        while not stop.is_set():
            self.run_due()
            stop.wait(_PAUSE_S)

    def _carry_out(self, lease: Lease) -> None:
        jobs = self._workspace.jobs
        try:
            for name, step in self._kinds[lease.job.kind].items():
                run_step(jobs, lease, name, lambda step=step: step(lease.job.payload))  # type: ignore[misc]
            jobs.finish(lease)
        except Refused as error:
            _log.warning("job %s %s was left to another controller: %s", lease.job.kind, lease.job.key, error.problem)
        except Exception as error:  # noqa: BLE001 - the job boundary: whatever goes wrong is kept in the job
            self._fail(lease, error)

    def _fail(self, lease: Lease, error: Exception) -> None:
        reason = error.problem if isinstance(error, ShipworthyError) else f"{type(error).__name__}: {error}"
        _log.error("job %s %s failed: %s", lease.job.kind, lease.job.key, reason)
        _log.debug("%s", traceback.format_exc())
        job = self._workspace.jobs.finish(lease, error=reason, retry_in=_RETRY)
        if job.state is JobState.FAILED:
            self._workspace.note("job.failed", f"{job.kind}/{job.key}", error=reason, attempts=job.attempts)
