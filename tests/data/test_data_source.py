"""Sources open by name, and a snapshot names exactly the content that was there."""

import sqlite3
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.core.digests import canonical_json, digest_file
from shipworthy.core.errors import InvalidData
from shipworthy.data.snapshot import digest_table
from shipworthy.data.source import open_sources
from shipworthy.engines.duckdb import DuckDbEngine
from shipworthy.problem.reader import parse_project

NOW = datetime(2014, 1, 1, tzinfo=UTC)
PROJECT = """\
apiVersion: shipworthy/v1
project: p
owner: ada
goal:
  question: q
  decision: d
  why_ml: w
  target: late
  value: {true_positive: 1, false_positive: -1, true_negative: 0, false_negative: 0}
  baseline: constant
  good_enough: {auc: '>= 0.7'}
data:
  sources: {flights: {location: LOCATION}}
  key: id
  event_time: at
  decision_time: at
  label_delay: 1d
serving: {endpoint: p}
"""


def opened(folder, location):
    engine = DuckDbEngine(threads=1)
    try:
        project = parse_project(PROJECT.replace("LOCATION", location))
        told = []
        (snapshot,) = open_sources(project, folder, engine, now=NOW, progress=lambda text, **_: told.append(text))
        assert told == ["opening flights"]
        return snapshot
    finally:
        engine.close()


def database(folder, name, rows):
    with sqlite3.connect(folder / name) as base:
        base.execute("CREATE TABLE t (id INTEGER, note TEXT)")
        base.executemany("INSERT INTO t VALUES (?, ?)", rows)
    base.close()


@pytest.mark.covers("T12", "D21")
def test_a_snapshot_of_a_file_is_the_digest_of_its_bytes(tmp_path):
    pq.write_table(pa.table({"id": [1, 2]}), tmp_path / "flights.parquet")
    snapshot = opened(tmp_path, "flights.parquet")
    assert snapshot.digest == digest_file(tmp_path / "flights.parquet")
    assert (snapshot.rows, snapshot.columns, snapshot.taken_at) == (2, {"id": "BIGINT"}, NOW)
    assert b'"columns":[["id","BIGINT"]]' in canonical_json(snapshot.to_json())


@pytest.mark.covers("N11")
def test_a_snapshot_of_a_folder_changes_with_names_and_content(tmp_path):
    folder = tmp_path / "parts"
    (folder / "month=1").mkdir(parents=True)
    pq.write_table(pa.table({"id": [1]}), folder / "month=1" / "a.parquet")
    first = opened(tmp_path, "parts").digest
    assert opened(tmp_path, "parts").digest == first
    (folder / "month=1").rename(folder / "month=2")
    second = opened(tmp_path, "parts").digest
    pq.write_table(pa.table({"id": [2]}), folder / "month=2" / "a.parquet")
    assert len({first, second, opened(tmp_path, "parts").digest}) == 3


@pytest.mark.covers("N11")
def test_a_snapshot_of_a_table_does_not_depend_on_the_order_of_its_rows(tmp_path):
    rows = [(1, "a"), (2, None), (None, "c")]
    database(tmp_path, "one.db", rows)
    database(tmp_path, "two.db", rows[::-1])
    database(tmp_path, "three.db", [(1, "a"), (2, ""), (None, "c")])
    one, two, three = (opened(tmp_path, f"sqlite:///{name}.db#t").digest for name in ("one", "two", "three"))
    assert one == two != three


@given(st.lists(st.none() | st.integers(-5, 5), max_size=8), st.integers(0, 8))
def test_a_table_digest_does_not_depend_on_chunks_or_on_what_lies_under_nulls(values, cut):
    whole = pa.table({"x": pa.array(values, pa.int64())})
    parts = [whole["x"].slice(0, cut).combine_chunks(), whole["x"].slice(cut).combine_chunks()]
    chunked = pa.table({"x": pa.chunked_array(parts)})
    mask = pa.array([value is None for value in values], pa.bool_())
    numbers = pa.array([99 if value is None else value for value in values], pa.int64())
    masked = pa.table({"x": pa.array(numbers.to_numpy(), mask=mask.to_numpy(zero_copy_only=False))})
    assert digest_table(whole) == digest_table(chunked) == digest_table(masked)


def test_a_source_without_rows_is_refused(tmp_path):
    (tmp_path / "flights.csv").write_text("id,at\n")
    with pytest.raises(InvalidData, match=r"'flights' at 'flights\.csv' has no rows"):
        opened(tmp_path, "flights.csv")


def test_a_password_is_never_kept_with_a_snapshot(tmp_path):
    database(tmp_path, "one.db", [])
    with pytest.raises(InvalidData) as caught:
        opened(tmp_path, "sqlite:///one.db#t")
    assert "one.db#t" in str(caught.value)
