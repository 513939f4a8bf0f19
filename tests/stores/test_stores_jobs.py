import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from shipworthy.core.clock import SystemClock
from shipworthy.stores.database import Database
from shipworthy.stores.jobs import JobState, SqlJobs, run_step
from shipworthy.testing import JobsContract

# Does the first of two steps, says so, and hangs in the second.
_WORKER = """
import sys, time
from datetime import timedelta
from pathlib import Path
from shipworthy.core.clock import SystemClock
from shipworthy.stores.database import Database
from shipworthy.stores.jobs import SqlJobs, run_step

jobs = SqlJobs(Database.at(Path(sys.argv[1])), SystemClock())
lease = jobs.lease("victim", ttl=timedelta(seconds=1))
run_step(jobs, lease, "fetch", lambda: {"by": "victim"})
run_step(jobs, lease, "score", lambda: [print("hanging", flush=True), time.sleep(600)])
"""


class TestSqliteJobs(JobsContract):
    @pytest.fixture
    def jobs(self, sqlite_database, clock):
        return SqlJobs(sqlite_database, clock)


@pytest.mark.server
class TestPostgresJobs(JobsContract):
    @pytest.fixture
    def jobs(self, postgres_database, clock):
        return SqlJobs(postgres_database, clock)


@pytest.mark.server
@pytest.mark.covers("TRUST-R5")
def test_a_job_whose_worker_is_killed_goes_on_at_the_step_that_was_cut_off(tmp_path):
    path = tmp_path / "workspace.db"
    database = Database.at(path)
    jobs = SqlJobs(database, SystemClock())
    jobs.enqueue("window", "e/1", {})
    with subprocess.Popen([sys.executable, "-c", _WORKER, path], stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout.readline() == "hanging\n"
        assert jobs.lease("heir", ttl=timedelta(seconds=1)) is None
        os.kill(victim.pid, signal.SIGKILL)
    lease = None
    while lease is None:
        lease = jobs.lease("heir", ttl=timedelta(seconds=30))
    assert run_step(jobs, lease, "fetch", lambda: {"by": "heir"}) == {"by": "victim"}
    assert run_step(jobs, lease, "score", lambda: {"by": "heir"}) == {"by": "heir"}
    done = jobs.finish(lease)
    assert (done.state, done.attempts) == (JobState.DONE, 2)
    database.close()
