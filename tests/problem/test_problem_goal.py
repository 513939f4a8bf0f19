"""A goal says in numbers what a decision is worth, and refuses what could never be measured."""

import dataclasses
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shipworthy.core.errors import InvalidGoal
from shipworthy.problem.goal import Bar, Budgets, Goal, ValueMatrix

amounts = st.floats(-1e6, 1e6)
gaps = st.floats(1e-2, 1e6)


def goal(**changed):
    given = {
        "question": "will it be late?",
        "decision": "protect it",
        "why_ml": "rules earn nothing",
        "target": "late",
        "value": ValueMatrix(true_positive=750, false_positive=-250, true_negative=0, false_negative=0),
        "baseline": "constant",
        "good_enough": (Bar.parse("auc", ">= 0.7"),),
    }
    return Goal(**given | changed)


@pytest.mark.covers("P4", "P7")
@given(amounts, amounts, gaps, gaps, st.floats(0, 1))
def test_acting_pays_from_the_break_even_on(true_positive, false_positive, gain, cost, probability):
    false_negative, true_negative = true_positive - gain, false_positive + cost
    matrix = ValueMatrix(
        true_positive=true_positive,
        false_positive=false_positive,
        true_negative=true_negative,
        false_negative=false_negative,
    )
    acting = probability * true_positive + (1 - probability) * false_positive
    waiting = probability * false_negative + (1 - probability) * true_negative
    assume(abs(acting - waiting) > 1e-6 * (1 + abs(acting) + abs(waiting)))
    assert 0 < matrix.break_even < 1
    assert (probability >= matrix.break_even) == (acting > waiting)


@pytest.mark.covers("P1", "P4")
@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("true_positive", math.nan, "not a finite number"),
        ("false_negative", math.inf, "not a finite number"),
        ("true_positive", -1, "acting has to pay"),
        ("true_negative", -300, "acting has to pay"),
    ],
)
def test_values_that_decide_nothing_are_refused(field, value, says):
    with pytest.raises(InvalidGoal, match=says) as caught:
        dataclasses.replace(goal().value, **{field: value})
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "shown", "line"),
    [
        (">= 0.8", ">= 0.8", 0.8),
        ("<= 0.03", "<= 0.03", 0.03),
        (">= baseline", ">= baseline + 0", 5),
        (">= baseline + 10_000", ">= baseline + 10000", 10_005),
        (">=baseline-2", ">= baseline - 2", 3),
    ],
)
def test_a_bar_is_read_shown_and_held(text, shown, line):
    bar = Bar.parse("value_per_1000", text)
    assert (str(bar), bar.threshold(baseline=5)) == (shown, line)
    assert Bar.parse("value_per_1000", str(bar)) == bar
    assert bar.cleared_by(line, baseline=5)
    assert not bar.cleared_by(math.nan, baseline=5)
    assert bar.cleared_by(line + 1, baseline=5) is (bar.sense == ">=")


@pytest.mark.parametrize("text", ["", "0.8", "> 1", ">= ", ">= baseline +", ">= baseline 5", ">= five", "== 1"])
def test_other_texts_are_no_bars(text):
    with pytest.raises(InvalidGoal, match="no line to clear"):
        Bar.parse("auc", text)


@pytest.mark.covers("P2", "P5")
@pytest.mark.parametrize(
    "changed", [{"question": " "}, {"decision": ""}, {"target": ""}, {"baseline": ""}, {"good_enough": ()}]
)
def test_a_goal_needs_its_words_and_at_least_one_line(changed):
    with pytest.raises(InvalidGoal) as caught:
        goal(**changed)
    assert caught.value.facts["field"] == f"goal.{next(iter(changed))}"


@pytest.mark.parametrize("amount", [0, -1, math.nan, math.inf])
def test_a_budget_is_a_positive_number(amount):
    with pytest.raises(InvalidGoal, match="not a positive number"):
        Budgets(latency_p99_ms=amount)


def test_a_goal_knows_its_threshold_and_unit():
    assert goal().threshold == 0.25
    assert goal(each="flight").unit_per_1000 == "USD per 1,000 flights"
