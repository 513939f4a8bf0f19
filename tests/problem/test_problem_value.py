"""What decisions are worth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipworthy.problem.goal import Bar, Goal, ValueMatrix
from shipworthy.problem.value import decide, value_per_1000, value_per_row

MATRIX = ValueMatrix(true_positive=750, false_positive=-250, true_negative=0, false_negative=0)


def goal(matrix=MATRIX):
    return Goal(
        question="Will it be late?",
        decision="protect it",
        why_ml="",
        target="late",
        value=matrix,
        baseline="constant",
        good_enough=(Bar.parse("value_per_1000", ">= baseline + 1"),),
    )


@pytest.mark.covers("P4", "P7")
def test_each_of_the_four_outcomes_has_its_own_worth():
    truth = np.array([True, False, False, True])
    acted = np.array([True, True, False, False])
    assert value_per_row(MATRIX, truth, acted).tolist() == [750, -250, 0, 0]
    assert value_per_1000(MATRIX, truth, acted) == 125_000


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=50),
    st.floats(1, 1e4),
    st.floats(-1e4, -1),
)
def test_acting_from_break_even_on_is_worth_most_when_probabilities_are_true(rows, hit, miss):
    """In expectation the threshold of the goal is never worse than acting on all or on none."""
    matrix = ValueMatrix(true_positive=hit, false_positive=miss, true_negative=0, false_negative=0)
    said = np.array([probability for _, probability in rows])
    acted = decide(goal(matrix), said)
    expected = np.where(acted, said * hit + (1 - said) * miss, 0.0)
    everywhere = said * hit + (1 - said) * miss
    assert expected.sum() >= max(everywhere.sum(), 0.0) - 1e-2  # float32 on the line


def test_a_probability_on_the_line_is_acted_on_as_the_float32_graph_does():
    third = ValueMatrix(true_positive=2, false_positive=-1, true_negative=0, false_negative=0)
    as_served = np.array([np.float32(1 / 3)])
    assert decide(goal(third), as_served).tolist() == [True]
    assert decide(goal(third), as_served.astype(np.float64)).tolist() == [True]
    assert decide(goal(third), np.array([np.nan, 0.2])).tolist() == [False, False]


def test_no_rows_have_no_value_and_shapes_must_match():
    assert np.isnan(value_per_1000(MATRIX, np.zeros(0, bool), np.zeros(0, bool)))
    with pytest.raises(ValueError, match="differ"):
        value_per_row(MATRIX, np.zeros(2, bool), np.zeros(3, bool))
