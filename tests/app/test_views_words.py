"""Words, tables and bodies: what every face reads numbers, times and fields with."""

import csv
import doctest
import io
import json
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.app.views import problem, reading, record, table, words
from shipworthy.core.errors import BackendFailed, InvalidGoal, InvalidRequest, NotFound, Overloaded, Refused

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
plain = st.one_of(st.none(), st.booleans(), st.integers(), finite, st.text(max_size=40))


@pytest.mark.parametrize("module", [words, table, reading, record, problem], ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


@given(finite.filter(lambda value: abs(value) >= 1e-4))
def test_a_number_in_words_is_the_number_to_three_digits(value):
    said = float(words.number(value).replace(",", "").replace("−", "-"))
    assert math.isclose(said, value, rel_tol=0.006)


@given(finite)
def test_an_amount_has_one_sign_and_never_a_long_tail(value):
    said = words.amount(value, "USD per 1,000 flights", signed=True)
    assert said.startswith(("+$", "−$", "$"))
    assert said.endswith(" per 1,000 flights")
    assert len(said.partition(" ")[0]) <= 14


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_a_dash(value):
    for say in (words.number, words.exact, words.share, words.amount):
        assert say(value) == "–"


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=20_000)))
def test_an_age_is_never_negative_and_always_has_a_unit(step):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    said = words.age(now - step, now)
    assert said == "now" or said.endswith(" ago")
    assert "-" not in said


@given(st.lists(st.lists(plain, min_size=2, max_size=2), max_size=20))
def test_csv_reads_back_and_holds_no_formula(rows):
    text = table.to_csv(["a", "b"], rows)
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert len(read) == len(rows) + 1
    for given_row, read_row in zip(rows, read[1:], strict=True):
        for value, cell in zip(given_row, read_row, strict=True):
            if isinstance(value, str):
                assert cell in {value, f"'{value}"}
                assert not cell.lstrip(" ").startswith(("=", "+", "-", "@"))
            elif isinstance(value, float):
                assert float(cell) == value


@given(st.binary(max_size=300))
def test_any_body_is_read_without_a_failure(body):
    assert isinstance(record.read_fields(body), dict)


@pytest.mark.covers("TRUST-S3")
@pytest.mark.parametrize("value", [10**400, -(10**4000), math.nan, math.inf, 1e-320, True, "x" * 999, [1] * 999])
def test_any_value_of_an_input_is_shown_in_a_line(value):
    assert 1 <= len(record._plain(value)) <= 201


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), finite, st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["inputs", "name", "data", "instances", "dataframe_split", "columns", "dataframe_records"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_read_without_a_failure(value):
    for values in record.read_fields(json.dumps(value).encode()).values():
        assert isinstance(values, list)


@given(json_values, st.sampled_from(["inputs", "name", "nothing"]))
def test_a_part_of_any_body_is_read_without_a_failure(value, name):
    part = reading.Part(value)
    part.number(name), part.texts(name), part.numbers(name), part.parts(name), part.estimate(name), part.whole(name)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound, 404),
        (InvalidRequest, 400),
        (InvalidGoal, 422),
        (Refused, 403),
        (Overloaded, 429),
        (BackendFailed, 503),
    ],
)
def test_each_kind_of_error_has_its_status_and_keeps_its_facts(error, status):
    told = problem.problem_of(error("it broke", remedy="mend it", file="x"))
    assert (told.status, told.detail, told.remedy, told.facts) == (status, "it broke", "mend it", {"file": "x"})
    assert told.type == f"urn:shipworthy:problem:{error.code}"
