import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from shipworthy.stores.database import Database
from shipworthy.stores.journal import MemoryJournal, SqlJournal
from shipworthy.testing import JournalContract

# Appends for ever; says a number only once it is kept.
_WRITER = """
import sys
from pathlib import Path
from shipworthy.core.errors import BackendFailed
from shipworthy.stores.database import Database
from shipworthy.stores.journal import Link, SqlJournal

journal = SqlJournal(Database.at(Path(sys.argv[1])))
while True:
    try:
        kept = journal.append(lambda last: Link(number=(last.number if last else 0) + 1, body={"n": 1}, digest="d"))
    except BackendFailed as error:
        print("failed", error.problem, flush=True)
        break
    print(kept.number, flush=True)
"""


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    def journal(self):
        return MemoryJournal()


class TestSqliteJournal(JournalContract):
    @pytest.fixture
    def journal(self, sqlite_database):
        return SqlJournal(sqlite_database)


@pytest.mark.server
class TestPostgresJournal(JournalContract):
    @pytest.fixture
    def journal(self, postgres_database):
        return SqlJournal(postgres_database)


def _stored(path):
    database = Database.at(path)
    numbers = []
    while page := SqlJournal(database).read(after=len(numbers)):
        numbers += [link.number for link in page]
    head = SqlJournal(database).head()
    database.close()
    assert numbers == list(range(1, len(numbers) + 1))
    assert head.number == len(numbers)
    return len(numbers)


@pytest.mark.server
@pytest.mark.covers("TRUST-R7")
def test_no_link_that_was_acknowledged_is_lost_when_its_writer_is_killed(tmp_path):
    path = tmp_path / "workspace.db"
    acked = rounds = 0
    for seed in range(10):
        with subprocess.Popen([sys.executable, "-c", _WRITER, path], stdout=subprocess.PIPE, text=True) as writer:
            first = writer.stdout.readline()
            time.sleep(random.Random(seed).uniform(0.02, 0.2))
            os.kill(writer.pid, signal.SIGKILL)
            said = [first, *writer.stdout.readlines()]
        acked = max([acked, *(int(line) for line in said if line.endswith("\n"))])
        stored = _stored(path)
        assert acked <= stored <= acked + 1
        acked, rounds = stored, rounds + 1
    print(f"{rounds} kills, {acked} links acknowledged, 0 lost")


@pytest.mark.server
@pytest.mark.covers("TRUST-R8")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: no failing fsync to be had")
def test_a_failing_fsync_is_told_at_once_and_nothing_acknowledged_is_lost(tmp_path):
    path = tmp_path / "workspace.db"
    Database.at(path).close()
    fault = "inject=fdatasync:error=EIO:when=20+"
    command = ["strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=fdatasync", "-e", fault]
    done = subprocess.run(
        [*command, sys.executable, "-c", _WRITER, path], capture_output=True, text=True, timeout=60, check=False
    )
    lines = done.stdout.splitlines()
    if not lines and "ptrace" in done.stderr.lower():
        pytest.skip(f"strace may not trace here: {done.stderr.strip()}")
    assert lines[-1].startswith("failed"), done.stderr
    acked = len(lines) - 1
    assert 0 < acked <= _stored(path) <= acked + 1
