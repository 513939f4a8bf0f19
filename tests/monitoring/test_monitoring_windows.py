"""Windows and performance: everything counted once, nothing provisional taken for known."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitoring_cases import START, make_goal, make_labels, make_month, make_records, produce

from shipworthy.core.digests import canonical_json
from shipworthy.monitoring.performance import performance
from shipworthy.monitoring.windows import windows

DAY = timedelta(days=1)
EDGES = tuple(np.linspace(0, 1, 11).tolist())


def look(production, goal, *, now=START + timedelta(days=60), every=DAY):
    return windows(
        production,
        goal,
        endpoint="flights",
        every=every,
        label_delay=DAY,
        now=now,
        edges=EDGES,
        reference=(1,) * 10,
    )


@given(
    st.lists(st.tuples(st.floats(0, 5), st.lists(st.floats(0, 1), max_size=3)), max_size=20),
    st.sampled_from([timedelta(hours=1), DAY, timedelta(days=7)]),
    st.randoms(use_true_random=False),
)
def test_every_request_and_row_falls_into_exactly_one_window_whatever_the_order(asked, every, random):
    rows = [(f"r{i}", day, "ok", said) for i, (day, said) in enumerate(asked)]
    labels = make_labels([(f"r{i}", 0, bool(i % 2)) for i in range(0, len(asked), 2)])
    goal = make_goal()
    bodies = look(produce(make_records(rows), labels, goal), goal, every=every)
    predicted = sum(len(said) for _, said in asked)
    assert sum(one["requests"] for one in bodies) == len(asked)
    assert sum(sum(one["outcomes"].values()) for one in bodies) == len(asked)
    assert sum(one["predictions"] for one in bodies) == predicted
    assert sum(sum(one["scores"]["counts"]) for one in bodies) == predicted
    random.shuffle(rows)
    again = look(produce(make_records(rows), labels, goal), goal, every=every)
    assert [(one["start"], one["labelled"], one["acted"]) for one in again] == [
        (one["start"], one["labelled"], one["acted"]) for one in bodies
    ]


@pytest.mark.covers("M2", "M5", "P12")
def test_a_window_tells_volume_latency_scores_and_value_against_the_baseline(goal):
    records = make_records(
        [
            ("a", 0.1, "ok", [0.9]),
            ("b", 0.2, "ok", [0.8]),
            ("c", 0.3, "ok", [0.1]),
            ("d", 0.4, "invalid", []),
            ("e", 1.5, "fallback", [0.2]),
        ]
    )
    labels = make_labels([("a", 0, True), ("b", 0, False), ("c", 0, True)])
    baseline = np.array([0.1, 0.1, 0.9, 0.2])
    first, second = look(produce(records, labels, goal, baseline=baseline), goal)
    assert (first["start"], first["end"]) == ("2013-10-01T00:00:00+00:00", "2013-10-02T00:00:00+00:00")
    assert first["requests"] == 4
    assert first["outcomes"] == {"invalid": 1, "ok": 3}
    assert first["latency_ms"] == {"p50": 1.01, "p99": 1.03}
    assert (first["predictions"], first["labelled"], first["maturity"]) == (3, 3, 1.0)
    assert (first["acted"], first["happened"]) == (2, 2)
    assert (first["value_total"], first["baseline_value_total"]) == (500, 750)
    assert first["metrics"]["uplift_per_1000"] == pytest.approx(-250 / 3 * 1000)
    assert first["metrics"]["auc"] == 0.5
    assert second["value_total"] is None
    assert set(second["metrics"].values()) == {None}
    assert second["scores"]["counts"][2] == 1
    canonical_json([first, second])


def test_a_window_is_mature_only_when_its_last_label_may_be_expected(goal):
    production = produce(make_records([("a", 0, "ok", [0.9])]), make_labels([]), goal)
    (early,) = look(production, goal, now=START + timedelta(days=2) - timedelta(seconds=1))
    (late,) = look(production, goal, now=START + timedelta(days=2))
    assert (early["mature"], late["mature"]) == (False, True)


def test_a_window_without_length_is_an_error(goal):
    production = produce(make_records([]), make_labels([]), goal)
    with pytest.raises(ValueError, match="no length"):
        look(production, goal, every=timedelta(0))


def measure(production, goal, now):
    return performance(production, goal, endpoint="flights", every=DAY, label_delay=DAY, now=now)


@pytest.mark.covers("M5", "P4", "P5", "P7")
def test_performance_holds_everything_that_matured_against_good_enough(goal):
    records, labels, baseline = make_month()
    production = produce(records, labels, goal, baseline=baseline)
    body = measure(production, goal, START + timedelta(days=60))
    assert (body["labelled"], body["days"], body["maturity"], body["overdue"]) == (3000, 30, 1.0, 0)
    uplift = body["metrics"]["uplift_per_1000"]
    assert uplift["low"] < uplift["estimate"] < uplift["high"]
    value, calibration = body["bars"]
    assert value["cleared"]
    assert value["text"] == ">= baseline + 10000"
    assert value["threshold"] == pytest.approx(body["metrics"]["baseline_value_per_1000"]["estimate"] + 10_000)
    assert calibration["measured"] == pytest.approx(body["metrics"]["calibration_error"]["estimate"])
    canonical_json(body)


def test_performance_leaves_out_what_is_not_mature_and_counts_what_never_came(goal):
    records, labels, baseline = make_month(days=10, rows=20)
    some = labels.slice(10)  # ten labels of the first day never come
    production = produce(records, some, goal, baseline=baseline)
    body = measure(production, goal, START + timedelta(days=6, hours=12))
    assert body["days"] == 5  # days 0 to 4 are whole and older than a day
    assert (body["labelled"], body["overdue"]) == (90, 10)
    assert body["to"] < (START + timedelta(days=5)).isoformat()
    assert measure(production, goal, START + timedelta(days=1)) is None


@given(st.integers(0, 5))
def test_cumulative_value_is_the_sum_of_the_mature_windows(seed):
    goal = make_goal()
    records, labels, baseline = make_month(seed, days=6, rows=10)
    production = produce(records, labels, goal, baseline=baseline)
    now = START + timedelta(days=5)
    mature = [one for one in look(production, goal, now=now) if one["mature"]]
    body = measure(production, goal, now)
    rows = sum(one["labelled"] for one in mature)
    total = sum(one["value_total"] for one in mature)
    assert body["labelled"] == rows
    assert body["metrics"]["value_per_1000"]["estimate"] == pytest.approx(1000 * total / rows)


def test_a_line_over_the_baseline_needs_a_baseline_that_answers_everywhere():
    goal = make_goal(auc=">= baseline + 0.1")
    records, labels, baseline = make_month(days=8)
    with_baseline = produce(records, labels, goal, baseline=baseline)
    (cleared,) = measure(with_baseline, goal, START + timedelta(days=60))["bars"]
    assert (cleared["threshold"], cleared["cleared"]) == (pytest.approx(0.6), True)
    without = produce(records, labels, goal)
    (unknown,) = measure(without, goal, START + timedelta(days=60))["bars"]
    assert (unknown["threshold"], unknown["cleared"]) == (None, False)
