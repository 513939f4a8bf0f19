"""The example's own features on twelve days of March, a storm among them: nothing of the future is in them."""

import importlib.util
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import sqlglot

from shipworthy.core.errors import InvalidFeatures
from shipworthy.data.contract import read_contract
from shipworthy.data.features import build_features, source_tables
from shipworthy.engines.duckdb import DuckDbEngine
from shipworthy.problem.reader import read_project
from shipworthy.training.baseline import fit_baseline

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"
PROJECT = read_project(EXAMPLE)
CONTRACTS = {name: read_contract(EXAMPLE / source.contract) for name, source in PROJECT.data.sources.items()}
FIRST, LAST = pa.scalar("2013-03-01").cast(pa.date32()), pa.scalar("2013-03-12").cast(pa.date32())


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flights")
    found = importlib.util.spec_from_file_location("flights_prepare", EXAMPLE / "prepare.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    module.prepare(folder)
    read = {name: pq.read_table(folder / f"{name}.parquet") for name in PROJECT.data.sources}
    assert read["flights"].num_rows == 336_776
    day = read["flights"]["departure_date"]
    read["flights"] = read["flights"].filter(pc.and_(pc.greater_equal(day, FIRST), pc.less_equal(day, LAST)))
    return read


def build(tables, sql=None, folder=EXAMPLE):
    engine = DuckDbEngine(threads=2)
    try:
        for name, table in tables.items():
            engine.attach_table(name, table)
        if sql is not None:
            (folder / "features.sql").write_text(sql)
        return build_features(PROJECT, folder, engine, CONTRACTS, until=None)
    finally:
        engine.close()


def as_known(tables, now):
    """The tables as they stood at ``now``: every late value that was not known yet is null."""
    engine = DuckDbEngine(threads=2)
    for name, table in tables.items():
        engine.attach_table(name, table)
    result = {}
    for name, source in source_tables(PROJECT, engine, CONTRACTS).items():
        masked = [
            f"CASE WHEN {at} <= TIMESTAMPTZ '{now.isoformat()}' THEN {column} END AS {column}"
            for column, at in source.known_at.items()
        ]
        plain = [column for column in source.columns if column not in source.known_at]
        result[name] = engine.query(
            sqlglot.parse_one(f"SELECT {', '.join(plain + masked)} FROM {name}", dialect="duckdb")
        )
    engine.close()
    return result


@pytest.fixture(scope="module")
def frame(tables):
    return build(tables)


@pytest.mark.covers("D11", "D20", "D21")
def test_three_sources_become_one_row_per_flight_with_all_its_features(frame, tables):
    assert sorted(frame.key.to_pylist()) == sorted(tables["flights"]["flight_id"].to_pylist())
    assert len(frame.names) == 51
    assert set(frame.known_at) == set(frame.names)
    assert frame.known_at["carrier"] == "known always"
    assert "weather.temp (known at observed_at)" in frame.known_at["temp"]
    hours = set(frame.features["hour"].to_pylist())
    assert hours <= set(range(5, 24)), "the hour is New York's own"


@pytest.mark.covers("D3", "D11")
def test_features_of_a_flight_are_the_same_when_the_future_has_not_happened(frame, tables):
    stormy = [position for position, key in enumerate(frame.key.to_pylist()) if "-20130308-" in key]
    for position in (stormy[40], stormy[-40]):
        now = frame.decision_time[position].as_py()
        blind = build(as_known(tables, now))
        place = blind.key.to_pylist().index(frame.key[position].as_py())
        assert blind.features.slice(place, 1).to_pylist() == frame.features.slice(position, 1).to_pylist()
        assert blind.target[place].as_py() is None


@pytest.mark.covers("D3", "D11")
@pytest.mark.parametrize("column", ["dep_delay", "arr_time", "air_time", "disrupted"])
def test_what_happens_to_the_flight_itself_is_refused_by_name(tables, tmp_path, column):
    text = (EXAMPLE / "features.sql").read_text()
    assert text.count("    d.carrier,\n") == 1
    with pytest.raises(InvalidFeatures, match=f"line [0-9]+: '{column}' of the decision's own row"):
        build(tables, text.replace("    d.carrier,\n", f"    d.carrier,\n    d.{column},\n"), tmp_path)
    joined = text.replace("    d.carrier,\n", f"    d.carrier,\n    own.{column},\n")
    with pytest.raises(InvalidFeatures, match=f"feature '{column}' is null for every decision: flights.{column}"):
        build(tables, joined + "LEFT JOIN flights AS own ON own.flight_id = d.flight_id\n", tmp_path)


def test_the_rule_in_use_today_is_a_rate_for_each_carrier_and_hour(frame):
    table = fit_baseline(PROJECT.goal.baseline, frame, EXAMPLE)
    assert table.keys == ("carrier", "hour")
    said = table.probability({name: frame.features[name].to_pylist() for name in table.keys})
    assert said.mean() == pytest.approx(frame.truth.mean())


def test_a_decision_two_hours_ahead_is_two_hours_ahead_over_the_change_of_clocks(frame):
    ahead = {
        event - taken
        for event, taken in zip(frame.event_time.to_pylist(), frame.decision_time.to_pylist(), strict=True)
    }
    assert ahead == {timedelta(hours=2)}
