"""Feasibility says before any modelling whether the data can answer the question."""

import dataclasses
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from shipworthy.core.digests import canonical_json
from shipworthy.core.findings import Status
from shipworthy.data.feasibility import check_feasibility
from shipworthy.data.frame import INSTANT, FeatureFrame
from shipworthy.problem.goal import Bar, Goal, ValueMatrix

GOAL = Goal(
    question="will it be late?",
    decision="protect it",
    why_ml="rules earn nothing",
    target="late",
    value=ValueMatrix(true_positive=750, false_positive=-250, true_negative=0, false_negative=0),
    baseline="constant",
    good_enough=(Bar.parse("value_per_1000", ">= baseline + 10000"), Bar.parse("auc", ">= 0.7")),
    each="flight",
)


def frame(*, days=90, per_day=100, late_share=0.2, unknown=0, **features):
    rows = days * per_day
    start = int(datetime(2013, 1, 1, tzinfo=UTC).timestamp() * 1e6)
    at = pa.array(start + np.arange(rows) // per_day * 86_400_000_000, pa.int64()).cast(INSTANT)
    target = [None if row < unknown else row % 100 < 100 * late_share for row in range(rows)]
    features = features or {"hour": np.arange(rows) % 24.0}
    return FeatureFrame(
        key=pa.array(range(rows), pa.int64()),
        event_time=at,
        decision_time=at,
        target=pa.array(target, pa.bool_()),
        features=pa.table(features),
    )


def judged(found):
    for finding in found:
        canonical_json(finding.to_json())
    return {finding.check.removeprefix("feasibility."): finding for finding in found}


@pytest.mark.covers("D1", "D2")
def test_enough_data_passes_every_question():
    found = judged(check_feasibility(frame(), GOAL, label_delay=timedelta(days=1)))
    assert {name: finding.status for name, finding in found.items()} == dict.fromkeys(
        ["outcomes", "rows", "blocks", "classes", "label_delay", "features", "value"], Status.PASSED
    )
    assert found["value"].measured == 150_000
    assert "USD per 1,000 flights" in found["value"].message


@pytest.mark.covers("D1", "D2")
@pytest.mark.parametrize(
    ("asked", "name", "status", "words"),
    [
        (frame(days=3), "rows", Status.FAILED, "300 decisions"),
        (frame(days=30), "rows", Status.WARNED, "3,000 decisions"),
        (frame(days=20, per_day=1000), "blocks", Status.FAILED, "20 days"),
        (frame(days=40, per_day=1000), "blocks", Status.WARNED, "40 days"),
        (frame(late_share=0), "classes", Status.FAILED, "the goal cannot be computed"),
        (frame(late_share=0.02), "classes", Status.WARNED, "true 180 times"),
        (frame(unknown=8000), "outcomes", Status.FAILED, "8,000 of 9,000"),
        (frame(unknown=900), "outcomes", Status.WARNED, "null or NaN"),
        (frame(x=np.ones(9000)), "features", Status.FAILED, "one value only: x"),
        (frame(x=np.arange(9000.0), y=pa.nulls(9000, pa.float64())), "features", Status.WARNED, "without any value: y"),
    ],
)
def test_what_is_missing_is_named_with_a_remedy(asked, name, status, words):
    finding = judged(check_feasibility(asked, GOAL))[name]
    assert finding.status is status
    assert words in finding.message
    assert finding.remedy


def test_a_target_that_is_never_known_ends_the_questions():
    (finding,) = check_feasibility(frame(unknown=9000), GOAL)
    assert finding.status is Status.FAILED
    assert "9,000 of 9,000" in finding.message


@pytest.mark.parametrize(("delay_days", "status"), [(200, Status.FAILED), (60, Status.WARNED), (7, Status.PASSED)])
def test_a_label_delay_as_long_as_the_data_is_found(delay_days, status):
    found = judged(check_feasibility(frame(), GOAL, label_delay=timedelta(days=delay_days)))
    assert found["label_delay"].status is status


@pytest.mark.covers("P4")
@pytest.mark.parametrize(("bar", "status"), [(">= 200000", Status.FAILED), (">= baseline + 200000", Status.WARNED)])
def test_a_line_that_perfect_knowledge_would_miss_is_found(bar, status):
    goal = dataclasses.replace(GOAL, good_enough=(Bar.parse("value_per_1000", bar),))
    found = judged(check_feasibility(frame(), goal))
    assert found["value"].status is status
    assert "150,000" in found["value"].message
