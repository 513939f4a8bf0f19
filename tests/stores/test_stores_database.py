import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from shipworthy.core import formats
from shipworthy.core.clock import SystemClock
from shipworthy.core.errors import BackendFailed, InvalidConfig
from shipworthy.stores import schema
from shipworthy.stores.database import Database
from shipworthy.stores.documents import SqlDocuments
from shipworthy.stores.jobs import SqlJobs
from shipworthy.stores.journal import Link, SqlJournal


def _link(last):
    return Link(number=last.number + 1 if last else 1, body={}, digest="d")


@pytest.mark.parametrize("name", ["sqlite_database", pytest.param("postgres_database", marks=pytest.mark.server)])
def test_the_migrations_make_exactly_the_tables_that_the_code_expects(name, request):
    database = request.getfixturevalue(name)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == schema.NEWEST
    assert int(schema.NEWEST) == formats.WORKSPACE


@pytest.mark.covers("TRUST-R7", "TRUST-R9")
def test_sqlite_keeps_every_commit_through_a_power_cut(sqlite_database):
    with sqlite_database.read() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_what_was_written_is_there_after_opening_again(tmp_path):
    path = tmp_path / "a folder with 100% of spaces" / "workspace.db"
    database = Database.at(path)
    added = SqlDocuments(database, SystemClock()).add("run", "r", {"a": 1})
    database.close()
    again = Database.at(path)
    assert SqlDocuments(again, SystemClock()).get("run", "r") == added
    again.close()


@pytest.mark.covers("TRUST-R24")
def test_a_workspace_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "workspace.db"
    Database.at(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(InvalidConfig, match="schema 9999") as refused:
        Database.at(path)
    assert "newer Shipworthy" in refused.value.remedy
    with pytest.raises(InvalidConfig, match="schema 9999"):
        Database.at(path)


_OPENER = """
import sys
from pathlib import Path
from shipworthy.stores.database import Database
Database.at(Path(sys.argv[1])).close()
"""


def test_many_processes_may_open_a_new_workspace_at_once(tmp_path):
    command = [sys.executable, "-W", "error", "-c", _OPENER, tmp_path / "workspace.db"]
    openers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    complaints = [opener.communicate(timeout=60)[1] for opener in openers]
    assert [opener.returncode for opener in openers] == [0] * 4, complaints


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "mysql://root@127.0.0.1/x", "postgresql+nodriver://ship@127.0.0.1/x"]
)
def test_a_url_that_cannot_be_used_is_a_wrong_setting(url):
    with pytest.raises(InvalidConfig, match="database URL"):
        Database.open(url)


def test_a_file_that_is_no_database_is_a_backend_that_failed(tmp_path):
    path = tmp_path / "workspace.db"
    path.write_bytes(b"no database, and longer than a page header of SQLite" * 20)
    with pytest.raises(BackendFailed, match=r"workspace\.db"):
        Database.at(path)


def test_a_password_is_never_shown(tmp_path):
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'shipworthy[postgres]'")
    with pytest.raises(BackendFailed) as failed:
        Database.open("postgresql+psycopg://ship:secret@127.0.0.1:1/none")
    assert "secret" not in str(failed.value)
    assert "secret" not in str(failed.value.facts)


def _break_tables(path):
    with sqlite3.connect(path) as raw:
        for table in ("documents", "journal", "journal_head", "job_steps", "jobs"):
            raw.execute(f"DROP TABLE {table}")
    raw.close()


def test_no_exception_of_the_database_library_escapes(tmp_path):
    path = tmp_path / "workspace.db"
    database = Database.at(path)
    documents, journal, jobs = (
        SqlDocuments(database, SystemClock()),
        SqlJournal(database),
        SqlJobs(database, SystemClock()),
    )
    _break_tables(path)
    calls = [
        lambda: documents.add("run", "r", {}),
        lambda: documents.revise("run", "r", {}, revision=1),
        lambda: documents.get("run", "r"),
        lambda: documents.find("run"),
        lambda: journal.append(_link),
        journal.read,
        journal.head,
        lambda: jobs.enqueue("k", "1", {}),
        jobs.find,
    ]
    for call in calls:
        with pytest.raises(BackendFailed, match="no such table"):
            call()
    database.close()


def test_a_database_locked_by_another_program_is_a_backend_that_failed(tmp_path, monkeypatch):
    monkeypatch.setattr("shipworthy.stores.database._BUSY_MS", 50)
    path = tmp_path / "workspace.db"
    database = Database.at(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BackendFailed, match="locked"):
        SqlJournal(database).append(_link)
    other.execute("COMMIT")
    other.close()
    assert SqlJournal(database).append(_link).number == 1
    database.close()


def _fill(journal):
    """Append until the disk refuses; returns the last number that was acknowledged, and the refusal."""
    acked = 0
    while True:
        try:
            acked = journal.append(lambda last: replace(_link(last), body={"text": "x" * 4000})).number
        except BackendFailed as error:
            return acked, error.problem


@pytest.mark.covers("TRUST-R9")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_refuses_the_event_keeps_what_was_acknowledged_and_recovers(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", small], check=False).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        database = Database.at(small / "workspace.db")
        journal = SqlJournal(database)
        acked, problem = _fill(journal)
        assert acked > 0
        assert "full" in problem
        assert [link.number for link in journal.read()] == list(range(1, acked + 1))
        subprocess.run(["mount", "-o", "remount,size=4m", small], check=True)
        assert journal.append(_link).number == acked + 1
        database.close()
    finally:
        subprocess.run(["umount", "-l", small], check=True)


@pytest.mark.server
@pytest.mark.covers("TRUST-R11")
def test_a_restarted_postgres_is_used_again_without_a_restart_of_ours(postgres):
    database = Database.open(postgres.new_database())
    journal = SqlJournal(database)
    journal.append(_link)
    postgres.stop()
    with pytest.raises(BackendFailed):
        journal.append(_link)
    postgres.start()
    assert journal.append(_link).number == 2
    assert [link.number for link in journal.read()] == [1, 2]
    database.close()


@pytest.mark.server
def test_many_may_open_a_new_postgres_workspace_at_once(postgres):
    url = postgres.new_database()
    with ThreadPoolExecutor(6) as pool:
        databases = list(pool.map(lambda _: Database.open(url), range(6)))
    with databases[0].read() as connection:
        assert connection.execute(select(schema.journal_head.c.number)).scalars().all() == [0]
    for database in databases:
        database.close()
