"""The checks of the model itself: overfit, underfit, calibration and value, each with a case on both sides."""

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.core.findings import Finding, Status
from shipworthy.gates.calibration import check_calibration
from shipworthy.gates.contract import check_contract
from shipworthy.gates.overfit import check_overfit, skill_gap
from shipworthy.gates.underfit import check_underfit
from shipworthy.gates.value import check_value
from shipworthy.problem.goal import Bar
from shipworthy.stats.bootstrap import Interval
from shipworthy.stats.scores import Scores


def with_probability(scores, probability):
    return Scores(truth=scores.truth, probability=np.clip(probability, 0, 1), block=scores.block)


def with_lines(evidence, **lines):
    bars = tuple(Bar.parse(metric, text) for metric, text in lines.items())
    goal = replace(evidence.goal, good_enough=bars)
    return replace(evidence, package=replace(evidence.package, goal=goal))


def fitted(evidence, **parameters):
    """Evidence of a LightGBM model of these parameters."""
    names = ("wind", "hour")
    train, valid = (
        np.column_stack([table[name].to_numpy() for name in names])
        for table in (evidence.train_features, evidence.valid_features)
    )
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": 0, "min_data_in_bin": 1}
    model = lgb.train(settings | parameters, lgb.Dataset(train, evidence.train.truth), num_boost_round=60)
    return replace(
        evidence,
        train=with_probability(evidence.train, model.predict(train)),
        valid=with_probability(evidence.valid, model.predict(valid)),
    )


@pytest.mark.covers("V5")
def test_a_thousand_leaves_and_single_row_leaves_are_refused_for_overfitting(evidence):
    (finding,) = check_overfit(fitted(evidence, num_leaves=1000, min_data_in_leaf=1, learning_rate=0.1))
    assert finding.status is Status.FAILED
    assert finding.measured > 0.2
    assert finding.interval[0] > 0.05
    assert "simpler model" in finding.remedy
    assert finding.evidence["train"]["estimate"] > 0.5


@pytest.mark.covers("V5")
def test_a_few_large_leaves_pass_for_overfitting(evidence):
    (finding,) = check_overfit(fitted(evidence, num_leaves=6, min_data_in_leaf=100, learning_rate=0.05))
    assert finding.status is Status.PASSED
    assert finding.interval[0] < finding.measured < finding.interval[1]


def test_a_gap_that_is_surely_there_but_not_wide_is_a_warning(evidence):
    # Pulled towards the outcome on own rows only: learned by heart, a little.
    train = with_probability(evidence.train, 0.75 * evidence.train.probability + 0.25 * evidence.train.truth)
    milder = with_probability(evidence.train, 0.87 * evidence.train.probability + 0.13 * evidence.train.truth)
    (wide,) = check_overfit(replace(evidence, train=train))
    (slight,) = check_overfit(replace(evidence, train=milder))
    assert wide.status is Status.FAILED
    assert slight.status is Status.WARNED
    assert 0.05 < slight.interval[0] < slight.measured < 0.2


def test_skill_on_later_rows_that_may_be_nothing_fails_whatever_the_gap(evidence):
    shuffled = np.random.default_rng(0).permutation(evidence.valid.probability)
    valid = with_probability(evidence.valid, shuffled)
    (finding,) = check_overfit(
        replace(evidence, train=evidence.valid, train_features=evidence.valid_features, valid=valid)
    )
    assert finding.status is Status.FAILED


sides = st.floats(0, 0.5)


@given(st.floats(-1, 1), sides, sides, st.floats(-1, 1), sides, sides)
def test_the_gap_lies_in_its_interval_and_is_no_narrower_than_either_side(train, down, up, valid, low, high):
    first = Interval(estimate=train, low=train - down, high=train + up, blocks=40)
    second = Interval(estimate=valid, low=valid - low, high=valid + high, blocks=30)
    gap = skill_gap(first, second)
    assert gap.low <= gap.estimate <= gap.high
    widest = max(first.high - first.low, second.high - second.low)
    assert gap.high - gap.low >= widest - 1e-9
    assert gap.blocks == 30


def test_a_model_that_knows_only_the_rate_is_refused_for_underfitting(evidence):
    constant = replace(
        evidence,
        train=with_probability(evidence.train, np.full(len(evidence.train), evidence.train.truth.mean())),
        valid=evidence.baseline,
    )
    (finding,) = check_underfit(constant)
    assert finding.status is Status.FAILED
    assert finding.measured == pytest.approx(0, abs=1e-6)


def test_a_model_that_beats_the_baseline_by_less_than_its_noise_is_a_warning(evidence):
    # The baseline is right on even days and wrong on odd ones; the model says a half and is a little better on average.
    truth, block = np.arange(len(evidence.valid)) % 2 == 0, evidence.valid.block
    lean = np.where(block % 2 == 0, 0.1, -0.1) * np.where(truth, 1, -1)
    valid = Scores(truth=truth, probability=np.full(len(truth), 0.5), block=block)
    baseline = with_probability(valid, 0.5 + lean)
    (finding,) = check_underfit(replace(evidence, valid=valid, baseline=baseline))
    assert finding.status is Status.WARNED
    (better,) = check_underfit(evidence)
    assert better.status is Status.PASSED


@pytest.mark.covers("V8")
def test_probabilities_that_say_too_much_are_refused_by_the_line_of_the_goal(evidence):
    (finding,) = check_calibration(
        replace(evidence, valid=with_probability(evidence.valid, evidence.valid.probability + 0.1))
    )
    assert finding.status is Status.FAILED
    assert finding.measured == pytest.approx(0.1, abs=0.03)
    assert finding.threshold == "<= 0.05"
    said, happened = finding.evidence["said"], finding.evidence["happened"]
    assert len(said) == len(happened) == len(finding.evidence["count"]) == 10
    assert all(one is None or one > other for one, other in zip(said[1:8], happened[1:8], strict=True))


def test_an_interval_that_reaches_over_the_line_is_a_warning(evidence):
    (fine,) = check_calibration(evidence)
    line = (fine.measured + fine.interval[1]) / 2
    (finding,) = check_calibration(with_lines(evidence, calibration_error=f"<= {line:.6f}"))
    assert (fine.status, finding.status) == (Status.PASSED, Status.WARNED)


def test_without_a_line_of_the_goal_bad_calibration_is_a_warning_only(evidence):
    evidence = with_lines(evidence, auc=">= 0.5")
    off = replace(evidence, valid=with_probability(evidence.valid, evidence.valid.probability + 0.2))
    assert check_calibration(evidence)[0].status is Status.PASSED
    assert check_calibration(off)[0].status is Status.WARNED


@pytest.mark.covers("V12")
def test_value_is_judged_as_the_difference_to_the_baseline_with_its_day_interval(evidence):
    (finding,) = check_value(evidence)
    assert finding.status is Status.PASSED
    assert finding.unit == "USD per 1,000 flights"
    assert finding.interval[0] > 5000
    names = [one["name"] for one in finding.evidence["bars"]]
    assert names == ["baseline", "model", "difference"]
    baseline, model, difference = (one["value"] for one in finding.evidence["bars"])
    assert difference == pytest.approx(model - baseline)
    assert difference == pytest.approx(finding.measured)


def test_a_model_that_does_not_earn_enough_is_refused_and_one_that_may_not_is_a_warning(evidence):
    (sure,) = check_value(evidence)
    (poor,) = check_value(with_lines(evidence, value_per_1000=f">= baseline + {sure.measured * 2:.0f}"))
    between = (sure.interval[0] + sure.measured) / 2
    (unsure,) = check_value(with_lines(evidence, value_per_1000=f">= baseline + {between:.0f}"))
    assert (poor.status, unsure.status) == (Status.FAILED, Status.WARNED)
    assert "right line" in poor.remedy
    assert "hold out more days" in unsure.remedy


@pytest.mark.parametrize(
    ("metric", "fine", "too_much"),
    [
        ("auc", ">= 0.6", ">= 0.99"),
        ("auc", ">= baseline + 0.1", ">= baseline + 0.45"),
        ("log_loss", "<= 0.68", "<= 0.1"),
        ("log_loss", "<= baseline - 0.01", "<= baseline - 0.6"),
        ("value_per_1000", ">= 1000", ">= 700000"),
    ],
)
def test_every_metric_can_draw_a_line_on_both_sides(evidence, metric, fine, too_much):
    (passed,) = check_value(with_lines(evidence, **{metric: fine}))
    (failed,) = check_value(with_lines(evidence, **{metric: too_much}))
    assert (passed.status, failed.status) == (Status.PASSED, Status.FAILED)
    assert passed.check == f"good_enough.{metric}"
    assert passed.interval[0] <= passed.measured <= passed.interval[1]


def test_contract_findings_are_passed_on_and_none_at_all_is_said(evidence):
    broken = Finding(
        check="contract.weather", status=Status.FAILED, message="3 nulls in wind", remedy="mend the source"
    )
    assert check_contract(replace(evidence, contract=(broken,))) == (broken,)
    (finding,) = check_contract(replace(evidence, contract=()))
    assert finding.status is Status.SKIPPED
    assert "nothing is promised" in finding.message
