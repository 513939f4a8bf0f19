"""What every store of jobs promises."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from shipworthy.core.clock import ManualClock
from shipworthy.core.digests import Json
from shipworthy.core.errors import Refused
from shipworthy.stores.jobs import Jobs, JobState, Lease, run_step

__all__ = ["JobsContract"]

_TTL = timedelta(minutes=1)


def _lease(jobs: Jobs, worker: str = "w") -> Lease:
    lease = jobs.lease(worker, ttl=_TTL)
    assert lease is not None
    return lease


class JobsContract:
    """Give the fixture ``jobs``: an empty store on ``clock``."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The clock of the store."""
        return ManualClock(datetime(2013, 10, 1, tzinfo=UTC))

    @pytest.fixture
    def jobs(self, clock: ManualClock) -> Jobs:
        """An empty store on ``clock``."""
        raise NotImplementedError

    def test_a_kind_and_key_are_one_job(self, jobs: Jobs) -> None:
        first = jobs.enqueue("window", "e/1", {"day": 1})
        assert jobs.enqueue("window", "e/1", {"day": 2}) == first
        assert jobs.enqueue("window", "e/2", {"day": 2}).number != first.number
        assert [job.key for job in jobs.find()] == ["e/2", "e/1"]

    def test_a_job_goes_from_queued_to_done(self, jobs: Jobs) -> None:
        assert jobs.enqueue("window", "e/1", {"day": 1}).state is JobState.QUEUED
        lease = _lease(jobs)
        assert (lease.job.state, lease.job.worker, lease.job.attempts) == (JobState.RUNNING, "w", 1)
        assert jobs.finish(lease).state is JobState.DONE
        assert jobs.lease("w", ttl=_TTL) is None
        assert jobs.enqueue("window", "e/1", {"day": 1}).state is JobState.DONE

    def test_the_job_due_longest_comes_first_and_none_before_its_time(self, jobs: Jobs, clock: ManualClock) -> None:
        now = clock.now()
        jobs.enqueue("k", "later", {}, due_at=now + timedelta(hours=2))
        jobs.enqueue("k", "sooner", {}, due_at=now + timedelta(hours=1))
        assert jobs.lease("w", ttl=_TTL) is None
        clock.advance(timedelta(hours=2))
        assert [_lease(jobs).job.key, _lease(jobs).job.key] == ["sooner", "later"]

    def test_only_the_kinds_that_a_worker_can_do_are_leased(self, jobs: Jobs) -> None:
        jobs.enqueue("window", "e/1", {})
        assert jobs.lease("w", ttl=_TTL, kinds=("archive",)) is None
        assert jobs.lease("w", ttl=_TTL, kinds=("archive", "window")) is not None

    def test_of_many_workers_one_gets_the_job(self, jobs: Jobs) -> None:
        for number in range(5):
            jobs.enqueue("k", str(number), {})
        with ThreadPoolExecutor(8) as pool:
            leases = list(pool.map(lambda number: jobs.lease(f"w{number}", ttl=_TTL), range(16)))
        assert sorted(lease.job.key for lease in leases if lease) == ["0", "1", "2", "3", "4"]

    def test_a_dead_workers_job_is_resumed_at_the_first_step_without_an_entry(
        self, jobs: Jobs, clock: ManualClock
    ) -> None:
        jobs.enqueue("k", "1", {})
        dead = _lease(jobs, "dead")
        done: list[str] = []

        def step(lease: Lease, name: str) -> Json:
            def work() -> Json:
                done.append(name)
                return {"by": lease.job.worker}

            return run_step(jobs, lease, name, work)

        step(dead, "fetch")
        assert jobs.lease("heir", ttl=_TTL) is None
        clock.advance(_TTL)
        heir = _lease(jobs, "heir")
        assert heir.token > dead.token
        assert step(heir, "fetch") == {"by": "dead"}
        assert step(heir, "score") == {"by": "heir"}
        assert done == ["fetch", "score"]
        assert jobs.finish(heir).steps == {"fetch": {"by": "dead"}, "score": {"by": "heir"}}

    def test_what_a_worker_with_an_outlived_lease_writes_is_refused(self, jobs: Jobs, clock: ManualClock) -> None:
        jobs.enqueue("k", "1", {})
        stale = _lease(jobs, "stale")
        clock.advance(_TTL)
        heir = _lease(jobs, "heir")
        for write in (
            lambda: jobs.record(stale, "step", 1),
            lambda: jobs.renew(stale, ttl=_TTL),
            lambda: jobs.finish(stale),
        ):
            with pytest.raises(Refused, match="no longer holds"):
                write()
        assert jobs.finish(heir).steps == {}
        with pytest.raises(Refused, match="no longer holds"):
            jobs.finish(heir)

    def test_a_renewed_lease_is_held_longer(self, jobs: Jobs, clock: ManualClock) -> None:
        jobs.enqueue("k", "1", {})
        lease = _lease(jobs)
        clock.advance(_TTL / 2)
        lease = jobs.renew(lease, ttl=_TTL)
        clock.advance(_TTL / 2)
        assert jobs.lease("other", ttl=_TTL) is None
        clock.advance(_TTL / 2)
        assert jobs.lease("other", ttl=_TTL) is not None

    def test_the_first_result_of_a_step_stays(self, jobs: Jobs) -> None:
        jobs.enqueue("k", "1", {})
        lease = _lease(jobs)
        jobs.record(lease, "step", {"n": 1})
        jobs.record(lease, "step", {"n": 2})
        assert jobs.finish(lease).steps == {"step": {"n": 1}}

    def test_a_failed_attempt_is_repeated_until_the_last_allowed(self, jobs: Jobs, clock: ManualClock) -> None:
        jobs.enqueue("k", "1", {}, attempts_allowed=2)
        again = jobs.finish(_lease(jobs), error="disk full", retry_in=_TTL)
        assert (again.state, again.error) == (JobState.QUEUED, "disk full")
        assert jobs.lease("w", ttl=_TTL) is None
        clock.advance(_TTL)
        failed = jobs.finish(_lease(jobs), error="disk still full")
        assert (failed.state, failed.attempts, failed.error) == (JobState.FAILED, 2, "disk still full")
        assert jobs.lease("w", ttl=_TTL) is None
        assert jobs.find(state=JobState.FAILED) == (failed,)

    def test_a_job_that_kills_its_workers_fails_in_the_end_and_says_why(self, jobs: Jobs, clock: ManualClock) -> None:
        jobs.enqueue("k", "1", {}, attempts_allowed=2)
        for _ in range(2):
            _lease(jobs, "victim")
            clock.advance(_TTL)
        assert jobs.lease("w", ttl=_TTL) is None
        (job,) = jobs.find(kind="k")
        assert job.state is JobState.FAILED
        assert "victim" in job.error
