"""The baseline in the package: a table of rates that answers always."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.core.errors import InvalidPackage
from shipworthy.packaging.baseline import RateTable, render_key

TABLE = RateTable(keys=("carrier", "hour"), rates={("UA", "7"): 0.1, ("AA", ""): 0.3}, default=0.2)

fractions = st.floats(0, 1)
keys = st.text(max_size=5)


@st.composite
def tables(draw):
    names = tuple(draw(st.lists(keys, max_size=3, unique=True)))
    combinations = st.tuples(*[keys] * len(names))
    rates = draw(st.dictionaries(combinations, fractions, max_size=5)) if names else {}
    return RateTable(keys=names, rates=rates, default=draw(fractions))


@given(tables())
def test_a_table_survives_its_own_json(table):
    assert RateTable.from_json(json.loads(json.dumps(table.to_json()))) == table


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_the_same_key_in_every_type(number):
    texts = {render_key(form) for form in (number, float(number), np.int64(number), np.float64(number), str(number))}
    assert texts == {str(number)}


def test_a_known_combination_gets_its_rate_and_any_other_the_default():
    columns = {"carrier": ["UA", "UA", "AA", "ZZ", None], "hour": [7.0, 8.0, None, 7, float("nan")]}
    assert TABLE.probability(columns).tolist() == [0.1, 0.2, 0.3, 0.2, 0.2]


def test_numpy_columns_and_bytes_work_as_well():
    columns = {"carrier": np.array([b"UA", b"AA"], dtype=object), "hour": np.array([7, np.nan])}
    assert TABLE.probability(columns).tolist() == [0.1, 0.3]


def test_an_absent_key_column_counts_as_null_because_a_fallback_answers_always():
    assert TABLE.probability({"carrier": ["UA", "AA"]}).tolist() == [0.2, 0.3]


def test_a_table_without_keys_is_a_constant():
    constant = RateTable(keys=(), rates={}, default=0.4)
    assert constant.probability({"anything": [1, 2, 3]}).tolist() == [0.4, 0.4, 0.4]


def test_without_any_column_nobody_can_tell_how_many_rows_are_asked_for():
    with pytest.raises(ValueError, match="at least one column"):
        TABLE.probability({})


@pytest.mark.parametrize(
    ("rates", "default"), [({("UA", "7"): 1.1}, 0.2), ({("UA",): 0.1}, 0.2), ({}, float("nan")), ({}, -0.1)]
)
def test_a_rate_that_is_no_fraction_and_a_combination_of_another_length_are_refused(rates, default):
    with pytest.raises(ValueError, match="baseline"):
        RateTable(keys=("carrier", "hour"), rates=rates, default=default)


@pytest.mark.parametrize(
    "body", [None, {}, {"keys": ["a"], "rates": [["x"]], "default": 0.1}, {"keys": [], "rates": [], "default": 7}]
)
def test_a_body_of_another_form_is_an_invalid_package(body):
    with pytest.raises(InvalidPackage, match=r"baseline\.json"):
        RateTable.from_json(body)
