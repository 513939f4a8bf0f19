import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shipworthy.core.errors import BackendFailed, InvalidData
from shipworthy.stores import archive
from shipworthy.stores.archive import Archived, archive_segments, read_feedback, read_records
from shipworthy.stores.records import Feedback, Record, encode_entry
from shipworthy.stores.segments import SegmentWriter, read_segment
from shipworthy.stores.tables import FEEDBACK, RECORDS

DAY_NS = 24 * 3600 * 1_000_000_000
START = datetime(2013, 10, 1, tzinfo=UTC)
START_NS = int(START.timestamp()) * 1_000_000_000


def a_record(number, **changes):
    at_ns = START_NS + number * DAY_NS // 4
    plain = {
        "request_id": f"r{number:04d}",
        "at_ns": at_ns + 789,
        "received_ns": at_ns + 5_000,
        "endpoint": "e",
        "variant": "champion",
        "package": "a" * 64,
        "plan": 1,
        "route": "/v2/models/e/infer",
        "protocol": "oip",
        "status": 200,
        "outcome": "ok",
        "rows": 1,
        "input": b'{"x": 1}',
        "content_type": "application/json",
        "probability": [0.25],
        "decision": [True],
        "total_us": 100 + number,
    }
    return Record(**{**plain, **changes})


def a_label(number, **changes):
    plain = {
        "request_id": f"r{number:04d}",
        "outcome": True,
        "observed_ns": START_NS + (number + 8) * DAY_NS // 4,
        "received_ns": START_NS + 90 * DAY_NS,
        "source": "ops",
        "feedback_id": f"f{number}",
    }
    return Feedback(**{**plain, **changes})


def write(folder, *entries, seal=True, worker="w0"):
    writer = SegmentWriter(folder / "segments", worker)
    for entry in entries:
        writer.append(encode_entry(entry))
    writer.commit()
    if seal:
        writer.close()
    return writer


def ids(table):
    return table["request_id"].to_pylist()


def segments(folder):
    return sorted(path.suffix for path in (folder / "segments").iterdir())


def test_an_endpoint_that_recorded_nothing_reads_as_empty_tables(tmp_path):
    assert archive_segments(tmp_path / "none") == Archived()
    assert read_records(tmp_path / "none").schema == RECORDS
    assert read_feedback(tmp_path / "none").schema == FEEDBACK
    assert len(read_records(tmp_path / "none")) == 0


@pytest.mark.covers("M1", "TRUST-R27")
def test_a_record_reads_the_same_before_and_after_it_became_parquet(tmp_path):
    failed = a_record(
        1, status=500, outcome="error", error_type="ValueError", probability=[], decision=[], stack_digest="d"
    )
    many = a_record(2, rows=3, probability=[0.1, 0.2, 0.3], decision=[False, True, True])
    write(tmp_path, a_record(0), failed, a_label(0), many)
    live = read_records(tmp_path)
    labels = read_feedback(tmp_path)
    done = archive_segments(tmp_path)
    assert done == Archived(segments=1, records=3, feedback=1)
    assert segments(tmp_path) == []
    assert read_records(tmp_path).equals(live)
    assert read_feedback(tmp_path).equals(labels)
    assert live.schema == RECORDS
    assert live["at"].to_pylist()[0] == START
    assert live["probability"].to_pylist() == [[0.25], [], [0.1, 0.2, 0.3]]
    assert labels.to_pylist()[0]["outcome"] == 1.0


@pytest.mark.covers("M1")
def test_duckdb_reads_the_parquet_as_it_lies(tmp_path):
    write(tmp_path, *(a_record(number) for number in range(10)))
    archive_segments(tmp_path)
    days = sorted(path.name for path in (tmp_path / "parquet").iterdir())
    assert days == ["date=2013-10-01", "date=2013-10-02", "date=2013-10-03"]
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT date, count(*), sum(probability[1]), min(outcome) FROM read_parquet(?, hive_partitioning = true) "
            "GROUP BY date ORDER BY date",
            [f"{tmp_path}/parquet/*/*.parquet"],
        ).fetchall()
    assert [(str(day), count, total, outcome) for day, count, total, outcome in found] == [
        ("2013-10-01", 4, 1.0, "ok"),
        ("2013-10-02", 4, 1.0, "ok"),
        ("2013-10-03", 2, 0.5, "ok"),
    ]


def test_live_sealed_and_archived_records_read_as_one_table_by_time(tmp_path):
    write(tmp_path, a_record(2), a_record(0))
    archive_segments(tmp_path)
    write(tmp_path, a_record(3))
    live = write(tmp_path, a_record(1), seal=False, worker="w1")
    assert ids(read_records(tmp_path)) == ["r0000", "r0001", "r0002", "r0003"]
    assert archive_segments(tmp_path).segments == 1
    assert segments(tmp_path) == [".seg"]
    assert ids(read_records(tmp_path)) == ["r0000", "r0001", "r0002", "r0003"]
    live.close()


@pytest.mark.parametrize("archived", [False, True])
def test_records_are_read_by_time_outcome_and_column(tmp_path, archived):
    write(tmp_path, *(a_record(number, outcome="ok" if number % 2 else "error") for number in range(12)))
    if archived:
        archive_segments(tmp_path)
    since, until = START + timedelta(days=1), START + timedelta(days=2)
    assert ids(read_records(tmp_path, since=since, until=until)) == ["r0004", "r0005", "r0006", "r0007"]
    assert ids(read_records(tmp_path, until=since)) == ["r0000", "r0001", "r0002", "r0003"]
    assert ids(read_records(tmp_path, since=since, outcomes=("ok",)))[:2] == ["r0005", "r0007"]
    narrow = read_records(tmp_path, since=since, outcomes=("ok",), columns=("total_us", "status"))
    assert narrow.column_names == ["total_us", "status"]
    assert len(narrow) == 4


@pytest.mark.parametrize("archived", [False, True])
def test_feedback_is_read_by_the_time_of_observation(tmp_path, archived):
    write(tmp_path, *(a_label(number) for number in range(8)))
    if archived:
        archive_segments(tmp_path)
    since, until = START + timedelta(days=2), START + timedelta(days=3)
    assert ids(read_feedback(tmp_path, since=since, until=until)) == ["r0000", "r0001", "r0002", "r0003"]


def test_a_microsecond_stays_a_microsecond_before_1970_and_after(tmp_path):
    odd = [a_record(0, at_ns=-1_500), a_record(1, at_ns=1_999), a_record(2, at_ns=START_NS + 123_456_999)]
    write(tmp_path, *odd)
    before = read_records(tmp_path)["at"].cast(pa.int64()).to_pylist()
    archive_segments(tmp_path)
    assert before == [-2, 1, START_NS // 1000 + 123_456]
    assert read_records(tmp_path)["at"].cast(pa.int64()).to_pylist() == before


class Died(BaseException):
    """Stands for a kill: no handler of ours catches it."""


def die_at(monkeypatch, step):
    """Let the ``step``-th call that changes a name or a file never happen."""
    left = step

    def dying(real):
        def call(*arguments, **options):
            nonlocal left
            left -= 1
            if left < 0:
                raise Died
            return real(*arguments, **options)

        return call

    for name in ("rename", "replace", "unlink", "fsync", "mkdir"):
        monkeypatch.setattr(os, name, dying(getattr(os, name)))


def fill(folder):
    write(folder, *(a_record(number) for number in range(5)), a_label(0), a_label(5))
    write(folder, *(a_record(number) for number in range(5, 9)), worker="w1")


def expect_everything_once(folder):
    assert ids(read_records(folder)) == [f"r{number:04d}" for number in range(9)]
    assert len(read_feedback(folder)) == 2


def expect_all_archived(folder):
    archive_segments(folder)
    expect_everything_once(folder)
    assert list(folder.rglob("*.draft")) == []
    assert segments(folder) == []
    stored = [pq.ParquetFile(path).metadata.num_rows for path in (folder / "parquet").rglob("*.parquet")]
    assert sum(stored) == 9


@pytest.mark.covers("TRUST-R5", "TRUST-R6")
def test_archiving_that_dies_at_any_step_neither_loses_nor_doubles_a_record(tmp_path, monkeypatch):
    for step in range(200):
        folder = tmp_path / str(step)
        fill(folder)
        with monkeypatch.context() as dying:
            die_at(dying, step)
            try:
                archive_segments(folder)
            except Died:
                died = True
            else:
                died = False
        expect_everything_once(folder)
        expect_all_archived(folder)
        if not died:
            break
    assert 15 < step < 199
    print(f"{step} deaths, one at every step: 0 records lost, 0 doubled")


# Archives, and is killed at the n-th time that bytes are made durable.
_KILLED = """
import os, signal, sys
from pathlib import Path
from shipworthy.stores.archive import archive_segments

left, real = int(sys.argv[2]), os.fsync

def fsync(descriptor):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(descriptor)

os.fsync = fsync
archive_segments(Path(sys.argv[1]))
"""


@pytest.mark.server
@pytest.mark.covers("TRUST-R5", "TRUST-R6")
@pytest.mark.parametrize("step", [0, 3, 7])
def test_archiving_that_is_killed_is_finished_by_the_next(tmp_path, step):
    fill(tmp_path)
    killed = subprocess.run([sys.executable, "-c", _KILLED, tmp_path, str(step)], check=False)
    assert killed.returncode == -signal.SIGKILL
    expect_everything_once(tmp_path)
    expect_all_archived(tmp_path)


@pytest.mark.covers("TRUST-R13")
def test_a_torn_tail_is_dropped_and_counted(tmp_path):
    write(tmp_path, a_record(0), a_record(1))
    (path,) = (tmp_path / "segments").iterdir()
    os.truncate(path, path.stat().st_size - 3)
    assert archive_segments(tmp_path) == Archived(segments=1, records=1, torn=1)
    assert ids(read_records(tmp_path)) == ["r0000"]


def test_damage_in_the_middle_is_counted_and_the_segment_kept_for_a_look(tmp_path):
    write(tmp_path, a_record(0), a_record(1), a_record(2))
    (path,) = (tmp_path / "segments").iterdir()
    size = len(encode_entry(a_record(0))) + 12
    content = bytearray(path.read_bytes())
    content[20 + size + 30] ^= 1
    path.write_bytes(content)
    assert archive_segments(tmp_path) == Archived(segments=1, records=2, damaged_bytes=size)
    assert segments(tmp_path) == [".damaged"]
    assert ids(read_records(tmp_path)) == ["r0000", "r0002"]
    assert archive_segments(tmp_path) == Archived()


def test_a_segment_that_cannot_be_read_is_put_aside_and_named(tmp_path):
    write(tmp_path, a_record(0))
    (tmp_path / "segments" / "1-w0-00000000.sealed").write_bytes(b"this is no segment of records at all")
    with pytest.raises(InvalidData, match="1-w0-00000000"):
        read_records(tmp_path)
    done = archive_segments(tmp_path)
    assert done.segments == 1
    assert "1-w0-00000000.unreadable" in done.unreadable[0]
    assert ids(read_records(tmp_path)) == ["r0000"]


def test_while_another_archives_nothing_is_done(tmp_path):
    write(tmp_path, a_record(0))
    with archive._alone(tmp_path) as alone:
        assert alone
        assert archive_segments(tmp_path) == Archived()
    assert archive_segments(tmp_path).segments == 1


@pytest.mark.covers("TRUST-R9")
def test_a_full_disk_while_archiving_keeps_every_record_and_leaves_no_draft(tmp_path, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    write(tmp_path, *(a_record(number) for number in range(9)))
    with monkeypatch.context() as broken:
        broken.setattr(archive, "sync_folder", full)
        with pytest.raises(BackendFailed, match="No space left"):
            archive_segments(tmp_path)
    assert len(read_records(tmp_path)) == 9
    assert list(tmp_path.rglob("*.draft")) == []
    assert archive_segments(tmp_path).records == 9
    assert len(read_records(tmp_path)) == 9


def test_a_parquet_file_that_is_none_is_a_backend_that_failed(tmp_path):
    home = tmp_path / "parquet" / "date=2013-10-01"
    home.mkdir(parents=True)
    (home / "x.parquet").write_bytes(b"no parquet")
    with pytest.raises(BackendFailed, match="cannot be read"):
        read_records(tmp_path)


@pytest.mark.covers("TRUST-R24")
def test_parquet_of_an_older_release_reads_with_its_missing_columns_empty(tmp_path):
    write(tmp_path, a_record(0))
    archive_segments(tmp_path)
    (path,) = (tmp_path / "parquet").rglob("*.parquet")
    pq.write_table(pq.ParquetFile(path).read().drop_columns(["truncated", "fallback_reason"]), path)
    table = read_records(tmp_path)
    assert table.schema == RECORDS
    assert table["truncated"].to_pylist() == [None]


def test_a_reader_sees_every_record_once_while_segments_move_under_it(tmp_path, monkeypatch):
    write(tmp_path, a_record(0))
    live = write(tmp_path, a_record(1), seal=False, worker="w1")
    real = archive._stems

    def then_all_moves(folder):
        stems = real(folder)
        live.close()
        archive_segments(tmp_path)
        return stems

    monkeypatch.setattr(archive, "_stems", then_all_moves)
    assert ids(read_records(tmp_path)) == ["r0000", "r0001"]
    assert segments(tmp_path) == []


def test_a_live_segment_is_read_to_its_last_commit(tmp_path):
    writer = write(tmp_path, a_record(0), seal=False)
    path = Path(writer.path)
    with path.open("ab") as half:
        half.write(path.read_bytes()[20:60])  # the beginning of a write that is still going on
    assert ids(read_records(tmp_path)) == ["r0000"]
    assert read_segment(path).torn_bytes == 40
    writer.close()
