"""Joining what was said with what happened: no row is lost, none is made."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitoring_cases import make_goal, make_labels, make_records, produce

fractions = st.floats(0, 1)
requests = st.lists(st.tuples(st.floats(0, 5), st.lists(fractions, max_size=4)), max_size=15)


@given(requests, st.sets(st.tuples(st.integers(0, 14), st.integers(0, 3))), st.randoms(use_true_random=False))
def test_every_request_and_every_predicted_row_is_there_once_whatever_labels_came(asked, told, random):
    records = make_records([(f"r{i}", day, "ok", said) for i, (day, said) in enumerate(asked)])
    labels = [(f"r{i}", row, bool((i + row) % 2)) for i, row in told]
    random.shuffle(labels)
    production = produce(records, make_labels(labels), make_goal())
    flat = [(i, row, said) for i, (_, all_said) in enumerate(asked) for row, said in enumerate(all_said)]
    assert len(production.at_ns) == len(asked)
    assert production.rows.probability.tolist() == [said for _, _, said in flat]
    assert production.rows.labelled.tolist() == [(i, row) in told for i, row, _ in flat]
    known = production.rows.where(production.rows.labelled)
    assert known.truth.tolist() == [bool((i + row) % 2) for i, row, _ in flat if (i, row) in told]


@pytest.mark.covers("M1", "M5")
def test_the_recorded_decision_counts_and_the_goal_decides_only_where_there_is_none(goal):
    records = make_records(
        [
            ("a", 0, "ok", [0.9, 0.1], [False, True]),
            ("b", 0, "invalid", []),
            ("c", 0, "fallback", [0.9, 0.1]),
        ]
    )
    production = produce(records, make_labels([]), goal)
    assert production.rows.acted.tolist() == [False, True, True, False]
    assert production.outcome.tolist() == ["ok", "invalid", "fallback"]


@pytest.mark.covers("TRUST-R15", "TRUST-R16")
def test_labels_of_unknown_requests_are_ignored(goal):
    records = make_records([("a", 0, "ok", [0.9])])
    production = produce(records, make_labels([("ghost", 0, True), ("a", 7, True)]), goal)
    assert not production.rows.labelled.any()


def test_without_a_baseline_what_is_done_today_is_nothing(goal):
    records = make_records([("a", 0, "ok", [0.9])])
    production = produce(records, make_labels([("a", 0, True)]), goal)
    assert production.rows.baseline_acted.tolist() == [False]
    with pytest.raises(ValueError, match="for 1 predictions"):
        produce(records, make_labels([]), goal, baseline=np.array([0.1, 0.2]))


def test_a_model_that_says_no_fraction_is_counted_but_never_scored(goal):
    records = make_records([("a", 0, "ok", [float("nan"), 1.5, 0.5])])
    labels = make_labels([("a", 0, True), ("a", 1, True), ("a", 2, True)])
    production = produce(records, labels, goal)
    assert production.rows.labelled.tolist() == [False, False, True]


def test_no_records_are_no_error(goal):
    production = produce(make_records([]), make_labels([]), goal)
    assert len(production.at_ns) == len(production.rows) == 0
