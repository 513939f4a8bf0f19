import json

import pytest
from serving_workspace import COLUMNS, MATRIX

from shipworthy.core.errors import InvalidRequest
from shipworthy.serving.limits import Limits
from shipworthy.serving.mlflow import MlflowCodec

columns = MlflowCodec(COLUMNS, Limits(rows=1_000))
matrix = MlflowCodec(MATRIX, Limits(rows=1_000))
RECORD = {"hour": 7, "distance": None, "weekend": True, "carrier": "UA"}
VALUES = [[7.0, 7.0], [None, None], [True, True], ["UA", "UA"]]


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": [RECORD, RECORD]},
        {"instances": [RECORD, RECORD]},
        {"inputs": {name: [value, value] for name, value in RECORD.items()}},
        {"inputs": {name: [[value], [value]] for name, value in RECORD.items()}},
        {"dataframe_split": {"columns": list(RECORD), "index": [0, 1], "data": [list(RECORD.values())] * 2}},
        {"dataframe_split": {"columns": ["more", *RECORD], "data": [[1, *RECORD.values()]] * 2}},
        {"dataframe_records": [{**RECORD, "more": 1}] * 2, "params": {"a": 1}},
    ],
)
def test_each_of_the_four_forms_gives_the_same_rows(body):
    rows = columns.decode(json.dumps(body).encode())
    assert (rows.count, rows.values) == (2, VALUES)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [[1, 2, 3, 4]]},
        {"inputs": [[1, 2, 3, 4]]},
        {"inputs": {"x": [[1, 2, 3, 4]]}},
        {"dataframe_split": {"columns": [0, 1, 2, 3], "data": [[1, 2, 3, 4]]}},
        {"dataframe_split": {"data": [[1, 2, 3, 4]]}},
    ],
)
def test_a_tensor_may_come_in_every_form_that_has_one(body):
    if "columns" in body.get("dataframe_split", {}):
        body["dataframe_split"]["columns"] = [str(name) for name in body["dataframe_split"]["columns"]]
    assert matrix.decode(json.dumps(body).encode()).values == [[1.0, 2.0, 3.0, 4.0]]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "0 of the four forms"),
        ({"inputs": {}, "instances": []}, "2 of the four forms"),
        ({"inputs": None}, "inputs has to be a list"),
        ({"inputs": {"hour": [1]}}, "'distance' is missing"),
        ({"inputs": {**{name: [value] for name, value in RECORD.items()}, "hour": [1, 2]}}, "rows"),
        ({"inputs": {**{name: [value] for name, value in RECORD.items()}, "hour": 1}}, "'hour' has to be a list"),
        ({"inputs": {**{name: [value] for name, value in RECORD.items()}, "hour": ["x"]}}, "'hour': expected a number"),
        ({"dataframe_records": []}, "one object a row"),
        ({"dataframe_records": [RECORD, {}]}, "record 1 has no 'hour'"),
        ({"dataframe_split": {"columns": ["hour"], "data": [[1, 2]]}}, "1 values"),
        ({"dataframe_split": {"columns": ["hour", "hour"], "data": [[1, 2]]}}, "twice"),
        ({"dataframe_split": {"columns": list(RECORD), "data": []}}, "missing"),
        ({"dataframe_split": 3}, "expected an object"),
        ({"instances": [1]}, "4 named columns"),
        ({"inputs": {name: [value] * 1_001 for name, value in RECORD.items()}}, "1001 rows"),
        ({"inputs": {**{name: [value] for name, value in RECORD.items()}, "carrier": ["a\0"]}}, "NUL"),
        (b"{", "no JSON"),
        (b'{"inputs":' + b"[" * 100_000, "nested too deep"),
    ],
)
@pytest.mark.covers("TRUST-S3", "TRUST-S5")
def test_a_wrong_request_is_refused_in_words_that_name_what_is_wrong(body, said):
    with pytest.raises(InvalidRequest) as caught:
        columns.decode(body if isinstance(body, bytes) else json.dumps(body).encode())
    assert said in caught.value.problem


def test_several_outputs_are_answered_as_records_and_one_as_a_list():
    assert json.loads(columns.encode(2, [[0.25, 0.5], [False, True]])) == {
        "predictions": [{"probability": 0.25, "decision": False}, {"probability": 0.5, "decision": True}]
    }
    assert json.loads(matrix.encode(2, [[0.25, 0.5]])) == {"predictions": [0.25, 0.5]}
