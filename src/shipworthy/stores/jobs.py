"""Jobs: work that survives the death of whoever does it, by leases, fencing tokens and a journal of steps."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select, update

from shipworthy.core.clock import Clock
from shipworthy.core.digests import Json, canonical_json
from shipworthy.core.errors import NotFound, Refused
from shipworthy.stores.database import Database, insert_once
from shipworthy.stores.schema import job_steps, jobs

__all__ = ["Job", "JobState", "Jobs", "Lease", "SqlJobs", "run_step"]

_JobRow = Row[tuple[object, ...]]
_DIED: Final = "the worker {worker!r} died at it, {attempts} times in all"


class JobState(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of work as it stood when it was read.

    Attributes:
        number: Its number in the store.
        kind: What is to be done, such as ``"window"``.
        key: What it is to be done for; a kind and key are one job, however often it is asked for.
        payload: Plain JSON that the work needs.
        state: Where it is.
        due_at: Not to be begun before.
        created_at: When it was first asked for.
        attempts: How often it was begun.
        attempts_allowed: How often it may be begun.
        worker: Who has or had it; empty if nobody yet.
        error: Why its last attempt failed; empty if none did.
        steps: Results of the steps that are journalled, by name.
    """

    number: int
    kind: str
    key: str
    payload: Mapping[str, Json]
    state: JobState
    due_at: datetime
    created_at: datetime
    attempts: int
    attempts_allowed: int
    worker: str
    error: str
    steps: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to work on a job until ``until``, or until somebody else holds a newer one.

    Attributes:
        job: The job as it stood when it was leased.
        token: Fencing token: rises with every lease of the job; older tokens are refused.
        until: When others may take the job over.
    """

    job: Job
    token: int
    until: datetime


class Jobs(Protocol):
    """Keeps jobs and who may work on them.

    Every implementation keeps these promises (``shipworthy.testing.JobsContract`` checks them):

    - a kind and key are one job: asking for it again changes nothing;
    - a job has at most one valid lease; one whose lease ran out may be leased by another;
    - what a holder of an outlived lease writes is refused once the job was leased again or ended;
    - a recorded step is there for whoever leases next, after any crash;
    - a job is begun at most ``attempts_allowed`` times, then it has failed and keeps its last error.

    Safe to share between threads and processes.
    """

    def enqueue(
        self,
        kind: str,
        key: str,
        payload: Mapping[str, Json],
        *,
        due_at: datetime | None = None,
        attempts_allowed: int = 3,
    ) -> Job:
        """Ask for a job; returns the one that is kept, which may be done already.

        Args:
            kind: What is to be done.
            key: What for.
            payload: What the work needs.
            due_at: Not to be begun before; None: at once.
            attempts_allowed: How often it may be begun, at least 1.
        """
        ...

    def lease(self, worker: str, *, ttl: timedelta, kinds: Collection[str] | None = None) -> Lease | None:
        """Take the job that is due longest, if any.

        Args:
            worker: Who takes it.
            ttl: For how long; renew in time.
            kinds: Only of these kinds; None: of any.
        """
        ...

    def renew(self, lease: Lease, *, ttl: timedelta) -> Lease:
        """Hold a job for another ``ttl`` from now.

        Raises:
            Refused: If the lease is no longer valid.
        """
        ...

    def record(self, lease: Lease, step: str, result: Json) -> None:
        """Journal that a step was done; the first result recorded for a step stays.

        Raises:
            Refused: If the lease is no longer valid.
        """
        ...

    def finish(self, lease: Lease, *, error: str = "", retry_in: timedelta = timedelta(0)) -> Job:
        """End an attempt: the job is done, or queued again after ``retry_in``, or failed for good.

        Args:
            lease: The lease of this attempt.
            error: Why it failed; empty: it succeeded.
            retry_in: How long to wait before the next attempt.

        Raises:
            Refused: If the lease is no longer valid.
        """
        ...

    def find(self, *, kind: str | None = None, state: JobState | None = None, limit: int = 100) -> tuple[Job, ...]:
        """The newest jobs, newest first."""
        ...


def run_step(jobs: Jobs, lease: Lease, step: str, work: Callable[[], Json]) -> Json:
    """Do a step unless it is journalled, and journal it.

    A step that was done but not journalled when its worker died is done again: it must be idempotent.

    Returns:
        The step's result, now or then.

    Raises:
        Refused: If the lease is no longer valid.
    """
    if step in lease.job.steps:
        return lease.job.steps[step]
    result = work()
    jobs.record(lease, step, result)
    return result


class SqlJobs:
    """Jobs in the workspace's database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def enqueue(
        self,
        kind: str,
        key: str,
        payload: Mapping[str, Json],
        *,
        due_at: datetime | None = None,
        attempts_allowed: int = 3,
    ) -> Job:
        canonical_json(payload)  # refuses NaN here, before the database wraps the error
        now = self._clock.now()
        new = {"kind": kind, "key": key, "payload": payload, "state": JobState.QUEUED, "due_at": due_at or now}
        unused = {"attempts": 0, "token": 0, "worker": "", "leased_until": None, "error": ""}
        limits = {"created_at": now, "attempts_allowed": attempts_allowed}
        with self._database.write() as connection:
            insert_once(connection, jobs, new | unused | limits)
            row = connection.execute(select(jobs).where((jobs.c.kind == kind) & (jobs.c.key == key))).one()
            return _job(connection, row)

    def lease(self, worker: str, *, ttl: timedelta, kinds: Collection[str] | None = None) -> Lease | None:
        now = self._clock.now()
        with self._database.write() as connection:
            while (row := _longest_due(connection, now, kinds)) is not None:
                if row.attempts < row.attempts_allowed:
                    return _take(connection, row, worker, now + ttl)
                died = _DIED.format(worker=row.worker, attempts=row.attempts)
                ended = {"state": JobState.FAILED, "leased_until": None, "error": row.error or died}
                connection.execute(update(jobs).where(jobs.c.number == row.number).values(**ended))
        return None

    def renew(self, lease: Lease, *, ttl: timedelta) -> Lease:
        until = self._clock.now() + ttl
        with self._database.write() as connection:
            _change(connection, lease, {"leased_until": until})
            return Lease(job=_reread(connection, lease), token=lease.token, until=until)

    def record(self, lease: Lease, step: str, result: Json) -> None:
        canonical_json(result)
        with self._database.write() as connection:
            _change(connection, lease, {"worker": lease.job.worker})
            values = {"job": lease.job.number, "step": step, "result": result, "recorded_at": self._clock.now()}
            insert_once(connection, job_steps, values)

    def finish(self, lease: Lease, *, error: str = "", retry_in: timedelta = timedelta(0)) -> Job:
        ended: dict[str, object] = {"state": JobState.DONE, "leased_until": None, "error": error}
        if error and lease.job.attempts < lease.job.attempts_allowed:
            ended |= {"state": JobState.QUEUED, "due_at": self._clock.now() + retry_in}
        elif error:
            ended |= {"state": JobState.FAILED}
        with self._database.write() as connection:
            _change(connection, lease, ended)
            return _reread(connection, lease)

    def find(self, *, kind: str | None = None, state: JobState | None = None, limit: int = 100) -> tuple[Job, ...]:
        query = select(jobs).order_by(jobs.c.number.desc()).limit(limit)
        if kind is not None:
            query = query.where(jobs.c.kind == kind)
        if state is not None:
            query = query.where(jobs.c.state == state)
        with self._database.read() as connection:
            return tuple(_job(connection, row) for row in connection.execute(query).all())


def _longest_due(connection: Connection, now: datetime, kinds: Collection[str] | None) -> _JobRow | None:
    free = or_(
        and_(jobs.c.state == JobState.QUEUED, jobs.c.due_at <= now),
        and_(jobs.c.state == JobState.RUNNING, jobs.c.leased_until <= now),
    )
    query = select(jobs).where(free).order_by(jobs.c.due_at, jobs.c.number).limit(1)
    if kinds is not None:
        query = query.where(jobs.c.kind.in_(kinds))
    return connection.execute(query.with_for_update(skip_locked=True)).first()


def _take(connection: Connection, row: _JobRow, worker: str, until: datetime) -> Lease:
    token = row.token + 1
    taken = {"state": JobState.RUNNING, "token": token, "worker": worker, "leased_until": until}
    changed = update(jobs).where(jobs.c.number == row.number).values(attempts=row.attempts + 1, **taken)
    connection.execute(changed)
    held = connection.execute(select(jobs).where(jobs.c.number == row.number)).one()
    return Lease(job=_job(connection, held), token=token, until=until)


def _change(connection: Connection, lease: Lease, values: Mapping[str, object]) -> None:
    """Change a leased job; a holder whose lease ran out may go on as long as nobody else has begun."""
    changed = connection.execute(update(jobs).where(_held(lease)).values(**values))
    if changed.rowcount == 0:
        raise _lost(lease)


def _held(lease: Lease) -> ColumnElement[bool]:
    mine = (jobs.c.number == lease.job.number) & (jobs.c.token == lease.token)
    return mine & (jobs.c.state == JobState.RUNNING)


def _reread(connection: Connection, lease: Lease) -> Job:
    row = connection.execute(select(jobs).where(jobs.c.number == lease.job.number)).first()
    if row is None:
        raise NotFound(
            f"job {lease.job.kind} {lease.job.key!r} is gone",
            remedy="enqueue it again",
            kind=lease.job.kind,
            key=lease.job.key,
        )
    return _job(connection, row)


def _job(connection: Connection, row: _JobRow) -> Job:
    steps = connection.execute(select(job_steps.c.step, job_steps.c.result).where(job_steps.c.job == row.number))
    return Job(
        number=row.number,
        kind=row.kind,
        key=row.key,
        payload=row.payload,
        state=JobState(row.state),
        due_at=row.due_at,
        created_at=row.created_at,
        attempts=row.attempts,
        attempts_allowed=row.attempts_allowed,
        worker=row.worker,
        error=row.error,
        steps={done.step: done.result for done in steps},
    )


def _lost(lease: Lease) -> Refused:
    return Refused(
        f"{lease.job.worker!r} no longer holds job {lease.job.kind} {lease.job.key!r}: its lease ran out and "
        "another worker has begun, or it has ended",
        remedy="stop working on it; whoever holds it now goes on from the last journalled step",
        kind=lease.job.kind,
        key=lease.job.key,
        token=lease.token,
    )
