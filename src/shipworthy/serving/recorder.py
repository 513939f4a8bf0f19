"""The recorder: every request becomes a record, and no answer leaves before the commit that holds its record."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Final

from shipworthy.core.errors import BackendFailed
from shipworthy.serving.entries import encode_exchange
from shipworthy.serving.events import tell
from shipworthy.serving.exchange import Exchange
from shipworthy.serving.metrics import Metrics
from shipworthy.serving.router import share
from shipworthy.stores.records import encode_entry
from shipworthy.stores.segments import SegmentWriter

__all__ = ["UNROUTED", "Recorder"]

UNROUTED: Final = "_unrouted"
_COMPLAIN_EVERY_S: Final = 10.0


class Recorder:
    """Writes records and feedback of one worker, one segment an endpoint, with one system call a group.

    The counters hold ``seen = written + sampled_out + dropped`` whenever no request is in flight. Requests that
    fit no endpoint are recorded too, in the folder ``_unrouted``.

    Attributes:
        seen: Requests that belong into the records, since the last commit; the callers count here.

    Args:
        folder: The workspace's folder of records.
        worker: Names this worker in file names.
        metrics: Where to count.
        share_kept: Share of the successful requests that is recorded, a fraction in [0, 1].
        segment_s: Age from which a segment is sealed, in seconds.
    """

    def __init__(
        self, folder: Path, worker: str, metrics: Metrics, *, share_kept: float = 1.0, segment_s: float = 600.0
    ) -> None:
        self._folder = folder
        self._segment_s = segment_s
        self._worker = worker
        self._share = share_kept
        self._writers: dict[str, SegmentWriter] = {}
        self._seen = metrics.counter("shipworthy_requests_seen_total")
        self._written = metrics.counter("shipworthy_log_records_total", result="written")
        self._sampled = metrics.counter("shipworthy_log_records_total", result="sampled_out")
        self._dropped = metrics.counter("shipworthy_log_records_total", result="dropped")
        self._feedback = metrics.counter("shipworthy_feedback_total")
        self._failures = metrics.counter("shipworthy_recording_failures_total")
        self._failed = metrics.gauge("shipworthy_recording_failed")
        self.seen = 0
        self._is_failing = False
        self._syncing: Future[None] = Future()
        self._syncing.set_result(None)
        self._complained_s = -_COMPLAIN_EVERY_S
        self._own_up()

    def _own_up(self) -> None:
        """What a worker of this place had seen when it was killed, and never counted as written, is dropped."""
        lost = self._seen.value - self._written.value - self._sampled.value - self._dropped.value
        self._dropped.add(max(lost, 0.0))
        self._failed.set(0)

    def commit(self, group: Sequence[Exchange], *, now_ns: int, epoch_ns: int) -> Sequence[Exchange]:
        """Write the records of a group of answered requests; their answers may leave afterwards.

        Args:
            group: Requests whose answers are whole.
            now_ns: The performance counter, in ns.
            epoch_ns: What to add to the performance counter for ns since 1970.

        Returns:
            Those whose record or feedback could not be written; usually none.
        """
        self._seen.add(self.seen)
        self.seen = 0
        asked = group[0].asked
        if self._share == 1 and all([one.asked is asked and one.feedback is None for one in group]):  # noqa: C419 - fast
            self._append(asked.endpoint or UNROUTED, group, now_ns, epoch_ns)
            return self._commit(asked.endpoint or UNROUTED, group)
        kept: dict[str, list[Exchange]] = {}
        for exchange in group:
            if self._share < 1 and self._left_out(exchange):
                self._sampled.add()
            else:
                kept.setdefault(exchange.asked.endpoint or UNROUTED, []).append(exchange)
        lost: list[Exchange] = []
        for endpoint, part in kept.items():
            self._append(endpoint, part, now_ns, epoch_ns)
            lost += self._commit(endpoint, part)
        return lost

    def _append(self, endpoint: str, part: Sequence[Exchange], now_ns: int, epoch_ns: int) -> None:
        append = (self._writers.get(endpoint) or self._open(endpoint)).append
        for exchange in part:
            if exchange.feedback is None:
                append(encode_exchange(exchange, now_ns, epoch_ns))
                continue
            for statement in exchange.feedback:
                append(encode_entry(statement))

    def _left_out(self, exchange: Exchange) -> bool:
        plain = exchange.outcome == "ok" and exchange.feedback is None
        return plain and share(exchange.request_id, b"record") >= self._share

    def _commit(self, endpoint: str, part: Sequence[Exchange]) -> Sequence[Exchange]:
        statements = [exchange.feedback for exchange in part if exchange.feedback is not None]
        records = len(part) - len(statements)
        try:
            self._writers[endpoint].commit()
        except BackendFailed as error:
            self._complain(error)
            if error.facts["lost"]:
                self._dropped.add(records)
                return part
        else:
            if self._is_failing:
                self._is_failing = False
                self._failed.set(0)
        self._written.add(records)
        if statements:
            self._feedback.add(sum(map(len, statements)))
        return []

    def _complain(self, error: BackendFailed) -> None:
        self._is_failing = True
        self._failures.add()
        self._failed.set(1)
        now_s = time.monotonic()
        if now_s - self._complained_s >= _COMPLAIN_EVERY_S:
            self._complained_s = now_s
            tell("recording.failed", problem=error.problem, remedy=error.remedy)

    def _open(self, endpoint: str) -> SegmentWriter:
        writer = SegmentWriter(self._folder / endpoint / "segments", self._worker, roll_after_s=self._segment_s)
        self._writers[endpoint] = writer
        return writer

    def sync(self, thread: Executor) -> None:
        """Make what was committed survive a power cut too, off the event loop."""
        if not self._syncing.done():
            return  # the disk is slow: one at a time
        paths = [writer.path for writer in self._writers.values() if writer.path is not None]
        self._syncing = thread.submit(_sync, paths)

    def close(self) -> None:
        """Seal the segments."""
        for writer in self._writers.values():
            try:
                writer.close()
            except BackendFailed as error:
                self._complain(error)


def _sync(paths: list[Path]) -> None:
    """Flush the files' pages; a segment that was sealed meanwhile has another name and is left to its sealer."""
    for path in paths:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            os.fsync(descriptor)
        except OSError as error:
            tell(
                "recording.failed", problem=f"{path}: {error.strerror}", remedy="mend the disk; a power cut would lose"
            )
        finally:
            os.close(descriptor)
