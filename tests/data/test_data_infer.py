"""A drafted project says what it guessed and asks for what it cannot know."""

import re
import sqlite3
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shipworthy.core.errors import InvalidData, InvalidGoal, InvalidProject, UserError
from shipworthy.core.findings import Status
from shipworthy.data.contract import read_contract
from shipworthy.data.infer import draft_project, infer_request_contract
from shipworthy.data.properties import Property
from shipworthy.data.table_checks import check_table
from shipworthy.engines.duckdb import DuckDbEngine
from shipworthy.problem.reader import parse_project

NOW = datetime(2014, 1, 1, tzinfo=UTC)
TABLE = pa.table(
    {
        "flight_id": ["a", "b", "c", "d"],
        "scheduled_departure": pa.array([datetime(2013, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)]),
        "distance": [1.5, 2.5, 3.5, 4.5],
        "seats": [100, 200, None, 100],
        "carrier": ["AA", "UA", "AA", None],
        "late": [True, False, None, True],
        "stops": pa.array([[1], [2], [], []], pa.list_(pa.int64())),
    }
)
ANSWERS = {
    "label_delay": "1d",
    "value_per_1000": "'>= baseline + 1000'",
    "true_positive": "750",
    "false_positive": "-250",
    "true_negative": "0",
    "false_negative": "0",
}


@pytest.fixture
def engine():
    with_engine = DuckDbEngine(threads=1)
    yield with_engine
    with_engine.close()


@pytest.fixture
def draft(engine, tmp_path):
    pq.write_table(TABLE, tmp_path / "flights 2013.parquet")
    return draft_project(engine, "flights 2013.parquet", base=tmp_path)


def answered(text):
    lines = []
    for line in text.splitlines():
        key = line.partition(":")[0].strip()
        lines.append(re.sub(r'"?FILL IN.*', ANSWERS.get(key, "an answer"), line) if "FILL IN" in line else line)
    return "\n".join(lines)


@pytest.mark.covers("P1", "P2", "D7")
def test_every_guess_is_to_confirm_and_every_unknown_to_fill_in(draft):
    structure = re.compile(r"^\s*(-|- )?\s*(apiVersion|kind|goal|value|good_enough|data|sources|serving|schema|"
                           r"customProperties|location|contract|property|logicalType: object).*")  # fmt: skip
    for text in (draft.project, draft.contract):
        for line in text.splitlines():
            said = "# confirm" in line or "FILL IN" in line or structure.match(line) or "name:" in line
            assert said or line.strip() == "value: true", line


def test_the_draft_is_refused_until_it_is_filled_in(draft):
    with pytest.raises(InvalidProject, match="owner is still to be filled in") as caught:
        parse_project(draft.project)
    assert "who answers for this project" in caught.value.remedy
    with pytest.raises(InvalidGoal, match=r"goal\.question is still to be filled in"):
        parse_project(draft.project.replace('"FILL IN: who answers for this project, a name or address"', "ada"))


def test_a_draft_that_is_filled_in_reads_and_its_data_keep_its_contract(engine, draft, tmp_path):
    project = parse_project(answered(draft.project))
    assert project.name == "flights-2013"
    assert (project.data.key, project.data.event_time) == ("flight_id", "scheduled_departure")
    assert project.goal.target == "late"
    assert project.data.primary.name == "flights_2013"
    assert project.data.primary.contract == draft.contract_path == "contracts/flights_2013.odcs.yaml"
    contract = read_contract(draft.contract)
    assert contract.promise("carrier") == Property(name="carrier", logical_type="string", guessed=True)
    assert contract.promise("flight_id").unique
    assert contract.promise("distance") == Property(name="distance", logical_type="number", required=True, guessed=True)
    assert draft.left_out == {"stops": "BIGINT[]"}
    assert "left out: stops (BIGINT[])" in draft.contract
    found = check_table(engine, "flights_2013", contract, NOW)
    assert {finding.status for finding in found} == {Status.PASSED}


def test_a_flag_of_zeros_and_ones_is_a_likely_target_and_nothing_is_invented_without_one(engine, tmp_path):
    (tmp_path / "churn.csv").write_text("n,churned\n3,0\n3,1\n4,0\n")
    project = draft_project(engine, "churn.csv", base=tmp_path).project
    assert "target: churned  # confirm" in project
    assert 'key: "FILL IN' in project
    assert 'event_time: "FILL IN' in project
    (tmp_path / "plain.csv").write_text("n\n3\n3\n4\n")
    assert 'target: "FILL IN' in draft_project(engine, "plain.csv", base=tmp_path).project


def test_a_database_table_is_drafted_too(engine, tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as base:
        base.execute("CREATE TABLE orders (id INTEGER, paid BOOLEAN)")
        base.execute("INSERT INTO orders VALUES (1, 1), (2, 0), (3, 1)")
    base.close()
    draft = draft_project(engine, "sqlite:///shop.db#orders", base=tmp_path, name="Will it be paid?")
    assert parse_project(answered(draft.project)).data.primary.location == "sqlite:///shop.db#orders"
    assert "project: will-it-be-paid" in draft.project


@pytest.mark.parametrize(
    ("table", "says"), [(TABLE.slice(0, 0), "no rows"), (TABLE.select(["stops"]), "no plain column")]
)
def test_what_nothing_can_be_inferred_from_is_refused(engine, tmp_path, table, says):
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(InvalidData, match=says):
        draft_project(engine, "x.parquet", base=tmp_path)


@pytest.mark.parametrize("name", ["2013-flights", "ünïcode", "select", "a b;c", "---"])
def test_any_file_name_gives_a_project_that_reads(engine, tmp_path, name):
    pq.write_table(TABLE, tmp_path / f"{name}.parquet")
    draft = draft_project(engine, f"{name}.parquet", base=tmp_path)
    try:
        parse_project(answered(draft.project))
    except UserError as error:
        pytest.fail(str(error))


def test_a_request_promises_the_types_and_nulls_that_were_seen():
    features = pa.table(
        {
            "hour": pa.array([1, 2], pa.int64()),
            "delay": [1.0, float("nan")],
            "age": pa.array([1.0, None], pa.float64()),
            "carrier": ["AA", "UA"],
            "engine": ["x", None],
            "night": [True, False],
        }
    )
    contract = infer_request_contract(features, "flight-disruption request")
    assert contract.on_breach == "block"
    assert contract.id == "flight-disruption-request"
    assert contract.properties == (
        Property(name="hour", logical_type="number", required=True),
        Property(name="delay", logical_type="number"),
        Property(name="age", logical_type="number"),
        Property(name="carrier", logical_type="string", required=True),
        Property(name="engine", logical_type="string"),
        Property(name="night", logical_type="boolean", required=True),
    )
