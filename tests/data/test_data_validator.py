"""A request is held against its contract, quickly where all is well and by name where it is not."""

import math
import timeit
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.core.errors import InvalidContract
from shipworthy.data.contract import Contract
from shipworthy.data.properties import Property
from shipworthy.data.validator import compile_validator


def validator(*promises):
    contract = Contract(id="request", version="1", name="request", properties=promises)
    return compile_validator(contract, [one.name for one in promises])


CARRIER = Property(name="carrier", logical_type="string", required=True, pattern="^[A-Z0-9]{2}$")
DELAY = Property(name="delay", logical_type="number", required=True, minimum=-60, maximum=2000)
SEATS = Property(name="seats", logical_type="integer")
ENGINE = Property(name="engine", logical_type="string", enum=("Turbo-fan", "4 Cycle"), min_length=3, max_length=10)
NIGHT = Property(name="night", logical_type="boolean")
AT = Property(name="at", logical_type="timestamp", maximum="2014-01-01")
ALL = (CARRIER, DELAY, SEATS, ENGINE, NIGHT, AT)
GOOD = {"carrier": "AA", "delay": 3.5, "seats": 4, "engine": "4 Cycle", "night": True, "at": "2013-10-01T05:00Z"}


def ask(**changed):
    return validator(*ALL).check({name: [value] for name, value in (GOOD | changed).items()})


def test_a_good_request_has_no_breach_at_first_and_again():
    checker = validator(*ALL)
    columns = {name: [value] for name, value in GOOD.items()}
    assert [checker.check(columns) for _ in range(3)] == [[], [], []]
    assert checker.check({name: [value] * 100 for name, value in GOOD.items()}) == []


@pytest.mark.covers("D23")
@pytest.mark.parametrize(
    ("field", "value", "rule", "message"),
    [
        ("carrier", None, "required", "carrier: null, but required"),
        ("carrier", 7, "type", "carrier: 7 is no string"),
        ("carrier", "aa", "pattern", "carrier: 'aa' is not of the form ^[A-Z0-9]{2}$"),
        ("carrier", "AA\n", "pattern", "carrier: 'AA\\n' is not of the form ^[A-Z0-9]{2}$"),
        ("delay", math.nan, "required", "delay: null, but required"),
        ("delay", -61, "minimum", "delay: -61 is below the minimum -60"),
        ("delay", 2000.5, "maximum", "delay: 2000.5 is above the maximum 2000"),
        ("delay", math.inf, "maximum", "delay: inf is above the maximum 2000"),
        ("delay", "3", "type", "delay: '3' is no number"),
        ("delay", True, "type", "delay: True is no number"),
        ("seats", 4.5, "type", "seats: 4.5 is no integer"),
        ("engine", "Turbofan", "enum", "engine: 'Turbofan' is none of the 2 allowed values"),
        ("engine", "4", "minLength", "engine: '4' is shorter than 3 characters"),
        ("engine", "x" * 90, "maxLength", f"engine: '{'x' * 56}... is longer than 10 characters"),
        ("night", 1, "type", "night: 1 is no boolean"),
        ("at", "yesterday", "type", "at: 'yesterday' is no timestamp"),
        ("at", "2014-01-01T00:00:01", "maximum", "at: '2014-01-01T00:00:01' is above the maximum 2014-01-01"),
    ],
)
def test_a_breach_names_field_and_rule(field, value, rule, message):
    (breach,) = ask(**{field: value})
    assert (breach.field, breach.row, breach.rule, breach.message) == (field, 0, rule, message)


@pytest.mark.parametrize(
    "changed",
    [{"seats": None}, {"seats": 4.0}, {"engine": None}, {"night": None}, {"seats": math.nan}, {"delay": 0},
     {"at": datetime(2013, 10, 1, tzinfo=UTC)}, {"delay": np.float32(3)}, {"seats": np.int64(4)}, {"night": np.True_}],
)  # fmt: skip
def test_what_the_contract_allows_passes(changed):
    assert ask(**changed) == []


def test_a_missing_column_breaks_only_a_promise_to_be_there():
    (breach,) = validator(CARRIER, SEATS).check({})
    assert breach.message == "carrier: missing, but required"


def test_rows_are_named_in_a_batch():
    columns = {"carrier": ["AA", None, "UA"], "delay": np.array([1.0, 2.0, math.nan])}
    found = validator(CARRIER, DELAY).check(columns)
    assert [breach.message for breach in found] == [
        "carrier, row 1: null, but required",
        "delay, row 2: null, but required",
    ]


def test_a_good_type_does_not_hide_a_bad_value_behind_it():
    checker = validator(*ALL)
    columns = {name: [value] for name, value in GOOD.items()}
    assert checker.check(columns) == []
    assert [one.rule for one in checker.check(columns | {"carrier": ["nope"]})] == ["pattern"]
    assert [one.rule for one in checker.check(columns | {"delay": [math.nan]})] == ["required"]
    assert [one.rule for one in checker.check(columns | {"delay": [-61.0]})] == ["minimum"]


def test_unknown_values_of_a_category_are_fine_without_an_enumeration():
    assert validator(Property(name="origin", logical_type="string", required=True)).check({"origin": ["XYZ"]}) == []


def test_personal_values_are_never_shown():
    secret = Property(name="email", logical_type="string", classification="personal", max_length=3)
    (breach,) = validator(secret).check({"email": ["ada@example.com"]})
    assert breach.message == "email: the value is longer than 3 characters"


def test_breaches_are_bounded():
    assert len(validator(CARRIER, DELAY).check({"carrier": [None] * 5000, "delay": [None] * 5000})) == 100


def test_a_matrix_is_a_field_of_many_numbers_per_row():
    checker = validator(Property(name="x", logical_type="number", required=True, maximum=10))
    matrix = np.zeros((3, 20), dtype=np.float32)
    assert checker.check({"x": matrix}) == []
    matrix[1, 7] = np.nan
    assert [one.row for one in checker.check({"x": matrix})] == [1]
    assert [one.row for one in checker.check({"x": np.full((1, 20), 11.0)})] == [0]


def test_a_contract_cannot_require_what_callers_do_not_send():
    contract = Contract(id="r", version="1", name="r", properties=(CARRIER,))
    with pytest.raises(InvalidContract, match="'carrier', which is no field"):
        compile_validator(contract, ["delay"])


values = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=3), st.sampled_from(["AA"])
)


@given(st.lists(values, min_size=1, max_size=6), st.sampled_from([CARRIER, DELAY, SEATS, ENGINE, NIGHT, AT]))
def test_one_row_at_a_time_finds_what_the_batch_finds(column, promise):
    checker = validator(promise)
    batch = checker.check({promise.name: column})
    single = [(row, one.rule) for row, value in enumerate(column) for one in checker.check({promise.name: [value]})]
    again = [(row, one.rule) for row, value in enumerate(column) for one in checker.check({promise.name: [value]})]
    assert [(one.row, one.rule) for one in batch] == single == again


@given(st.lists(st.floats(width=32), min_size=1, max_size=6), st.sampled_from([DELAY, SEATS]))
def test_numpy_columns_find_what_lists_find(column, promise):
    checker = validator(promise)
    array = np.array(column, dtype=np.float64)
    assert checker.check({promise.name: array}) == checker.check({promise.name: array.tolist()})


def test_twenty_good_fields_cost_a_few_microseconds():
    promises = [
        *(Property(name=f"n{i}", logical_type="number", required=True) for i in range(12)),
        *(Property(name=f"s{i}", logical_type="string", required=True) for i in range(8)),
    ]
    checker = validator(*promises)
    columns = {one.name: ["AA"] if one.logical_type == "string" else [1.5] for one in promises}
    assert checker.check(columns) == []
    best_us = min(timeit.repeat(lambda: checker.check(columns), number=2000, repeat=5)) / 2000 * 1e6
    assert best_us < 10  # about 1 on an idle machine
