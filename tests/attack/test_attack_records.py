"""Requests and labels that are well-formed for the endpoint must never end the monitoring of what it answered."""

import json
import math

import pyarrow as pa
import pytest
from serving_workspace import GOAL, columns_package, oip

from shipworthy.app.production import inputs_of
from shipworthy.data.contract import Contract, Property
from shipworthy.data.validator import compile_validator
from shipworthy.monitoring.production import read_production
from shipworthy.packaging.package import open_package
from shipworthy.stores.labels import join_labels, list_predictions
from shipworthy.stores.records import Feedback, Record
from shipworthy.stores.tables import feedback_table, records_table

ROW = {"hour": 7.0, "distance": 100, "weekend": False, "carrier": "UA"}
NESTED = oip()
NESTED["inputs"][3] |= {"shape": [1, 1], "data": [["UA"]]}
BODIES = {
    "records": {"dataframe_records": [ROW]},
    "split": {"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]}},
    "instances": {"instances": [ROW]},
    "inputs that are rows": {"inputs": [ROW]},
    "inputs that are columns": {"inputs": {name: [value] for name, value in ROW.items()}},
    "rows that look like tensors": {"inputs": [{**ROW, "name": "carrier", "data": ["AA"]}]},
    "more than was asked for": {"dataframe_records": [{**ROW, "more": {"a": [1]}}], "params": {}},
    "tensors": oip(),
    "tensors in reverse": {"inputs": oip()["inputs"][::-1]},
    "a nested tensor": NESTED,
}


def recorded(body, request_id="r"):
    return Record(
        request_id=request_id,
        at_ns=1_700_000_000 * 10**9,
        received_ns=1_700_000_000 * 10**9,
        endpoint="flights",
        variant="champion",
        package="",
        plan=1,
        route="/",
        protocol="oip" if any("datatype" in one for one in body.get("inputs", [])) else "mlflow",
        status=200,
        outcome="ok",
        rows=1,
        input=json.dumps(body).encode(),
        content_type="application/json",
        probability=[0.5],
        decision=[True],
    )


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspace")
    return inputs_of(open_package(folder / "packages" / columns_package(folder)), ["hour", "carrier"])


@pytest.mark.covers("R27", "R4")
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_every_form_that_the_endpoint_takes_is_read_again(inputs, body):
    """Rows under "inputs" were taken for tensors: one such request ended all monitoring."""
    table = list_predictions(records_table([recorded(body)]), inputs)
    assert (table["hour"].to_pylist(), table["carrier"].to_pylist()) == ([7.0], ["UA"])


@pytest.mark.covers("S4", "R27")
def test_a_number_that_no_column_holds_is_null_and_spares_its_neighbours(inputs):
    bodies = [{"dataframe_records": [{**ROW, "hour": hour}]} for hour in (3.5, 2**53 + 1, 2**70, "x")]
    table = list_predictions(records_table([recorded(body) for body in bodies]), inputs)
    assert table["hour"].to_pylist() == [3.5, float(2**53 + 1), float(2**70), None]


@pytest.mark.covers("D12", "S4")
@pytest.mark.parametrize("kind", ["boolean", "integer", "string"])
def test_a_null_that_came_as_nan_does_not_teach_the_contract_to_let_numbers_through(kind):
    contract = Contract(id="r", version="1", name="r", properties=(Property(name="x", logical_type=kind),))
    validator = compile_validator(contract, ["x"])
    assert validator.check({"x": [math.nan]}) == []
    assert [one.rule for one in validator.check({"x": [3.5]})] == ["type"]


@pytest.mark.covers("S24", "R15", "M2")
def test_a_label_that_is_neither_yes_nor_no_counts_as_no_outcome():
    records = records_table([recorded({"dataframe_records": [ROW]}, str(number)) for number in range(6)])
    said = [True, False, 0.5, 1e308, -5.0, 2.0]
    feedback = [
        Feedback(
            request_id=str(number), row=0, outcome=outcome, observed_ns=1, received_ns=1, source="", feedback_id=""
        )
        for number, outcome in enumerate(said)
    ]
    predictions = join_labels(records, feedback_table(feedback)).table
    production = read_production(records, predictions.combine_chunks(), GOAL)
    assert production.rows.labelled.tolist() == [True, True, False, False, False, False]
    assert production.rows.truth[production.rows.labelled].tolist() == [True, False]
    assert isinstance(predictions, pa.Table)
