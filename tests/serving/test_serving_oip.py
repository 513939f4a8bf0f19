import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving_workspace import COLUMNS, MATRIX, oip

from shipworthy.core.errors import InvalidRequest
from shipworthy.serving.limits import Limits
from shipworthy.serving.oip import OipCodec
from shipworthy.serving.tensors import Rows

columns = OipCodec("flights", "abc", COLUMNS, Limits(rows=1_000))
matrix = OipCodec("flights", "abc", MATRIX, Limits(rows=1_000))
numbers = st.floats(-1e30, 1e30)
rows_of_columns = st.tuples(numbers, st.none() | st.integers(-(2**53), 2**53), st.booleans(), st.none() | st.text())


def _matrix(data, *, shape=(1, 4), datatype="FP32", name="x"):
    return {"inputs": [{"name": name, "shape": list(shape), "datatype": datatype, "data": data}]}


def _problem(codec: OipCodec, body: object) -> str:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(InvalidRequest) as caught:
        codec.decode(content)
    return caught.value.problem


@given(
    st.lists(
        st.tuples(numbers, st.none() | st.integers(-(2**53), 2**53), st.booleans(), st.none() | st.text()), min_size=1
    )
)
def test_columns_arrive_as_they_were_sent_flat_or_nested(rows):
    sent = [list(column) for column in zip(*rows, strict=True)]
    if any("\0" in (text or "") for text in sent[3]):
        return
    names = ("hour", "distance", "weekend", "carrier")
    body = oip(**dict(zip(names, sent, strict=True)))
    assert columns.decode(json.dumps(body).encode()).values == sent
    for tensor in body["inputs"]:
        tensor["shape"] = [len(rows), 1]
        tensor["data"] = [[value] for value in tensor["data"]]
    assert columns.decode(json.dumps(body).encode()).values == sent


@given(st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=1, max_size=5))
def test_a_matrix_arrives_row_by_row_flat_or_nested(rows):
    flat = [value for row in rows for value in row]
    for data in (flat, rows):
        decoded = matrix.decode(json.dumps(_matrix(data, shape=(len(rows), 4))).encode())
        assert (decoded.count, decoded.values) == (len(rows), [flat])


def test_inputs_may_come_in_any_order():
    body = oip(hour=[3.5])
    body["inputs"].reverse()
    assert columns.decode(json.dumps(body).encode()).values == [[3.5], [100], [False], ["UA"]]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[]", "expected an object"),
        (b'{"inputs": []}', "'x': is missing"),
        (b'{"inputs":' + b"[" * 100_000, "expected an object"),
        (b'{"other":' + b"[" * 100_000, "nested too deep"),
        (b'{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[NaN,1,1,1]}]}', "no JSON"),
        (b'{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1e999,1,1,1]}]}', "out of range"),
        (b'{"inputs":[{"name":"\xff","shape":[1,4],"datatype":"FP32","data":[1,1,1,1]}]}', "UTF-8"),
        (b'{"inputs":[{"name":"\\ud800","shape":[1,4],"datatype":"FP32","data":[1,1,1,1]}]}', "no JSON"),
        (_matrix([1, 2, 3, 4], name="y"), "'y' is unknown"),
        (_matrix([1, 2, 3, "4"]), "got a string at position 3"),
        (_matrix([1, 2, 3, None]), "got null at position 3"),
        (_matrix([1, 2, 3, True]), "got true or false at position 3"),
        (_matrix([1, 2, 3]), "agree"),
        (_matrix([1, 2, 3], shape=(1, 3)), "shape [1, 3]"),
        (_matrix([], shape=(0, 4)), "from one row on"),
        (_matrix([], shape=()), "shape []"),
        (_matrix([1, 2, 3, 4], shape=(-1, 4)), "agree"),
        (_matrix([1, 2, 3, 4], datatype="BYTES"), "datatype 'BYTES'"),
        (_matrix([1, 2, 3, 4], datatype="FP16"), "datatype 'FP16'"),
        (_matrix([[1, 2], [3, 4]]), "nested in another way"),
        (_matrix([[1, 2, 3, [4]]]), "got a list"),
        (_matrix([0.0] * 4_004, shape=(1_001, 4)), "1001 rows"),
        ({**_matrix([1, 2, 3, 4]), "id": "a\u00e9"}, "id"),
        ({**_matrix([1, 2, 3, 4]), "id": "a" * 129}, "id"),
        ({**_matrix([1, 2, 3, 4]), "id": 'a"b'}, "id"),
        ({**_matrix([1, 2, 3, 4]), "outputs": [{"name": "nope"}]}, "'nope' is unknown"),
        ({"inputs": _matrix([1, 2, 3, 4])["inputs"] * 2}, "given twice"),
    ],
)
@pytest.mark.covers("TRUST-S3", "TRUST-S4", "TRUST-S5")
def test_a_wrong_request_is_refused_in_words_that_name_what_is_wrong(body, said):
    assert said in _problem(matrix, body)


def test_a_column_is_refused_by_its_name():
    assert "'hour'" in _problem(columns, oip(hour=["7"]))
    assert "'hour'" in _problem(columns, oip(hour=[None]))
    assert "'distance'" in _problem(columns, oip(distance=[1.5]))
    assert "'carrier': has 1 rows" in _problem(
        columns, {"inputs": oip(hour=[1, 2])["inputs"][:3] + oip()["inputs"][3:]}
    )
    assert "NUL" in _problem(columns, oip(carrier=["a\0b"]))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'), min_size=1, max_size=128))
def test_an_answer_is_valid_json_and_repeats_the_id(request_id):
    rows = Rows(2, [])
    body = json.loads(columns.encode(request_id.encode(), rows, [[0.25, 0.5], [False, True]]))
    assert body["id"] == request_id
    assert [one["data"] for one in body["outputs"]] == [[0.25, 0.5], [False, True]]
    assert [one["shape"] for one in body["outputs"]] == [[2], [2]]


def test_only_the_wanted_outputs_are_sent():
    body = {**oip(), "outputs": [{"name": "decision"}]}
    rows = columns.decode(json.dumps(body).encode())
    assert [one["name"] for one in json.loads(columns.encode(b"1", rows, [[0.25], [True]]))["outputs"]] == ["decision"]


def test_a_name_with_a_percent_sign_does_not_break_the_template():
    codec = OipCodec("50%", "%b", COLUMNS, Limits())
    assert json.loads(codec.encode(b"1", Rows(1, []), [[0.5], [True]]))["model_name"] == "50%"
