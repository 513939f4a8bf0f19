"""Intervals by blocks: they hold the estimate, repeat exactly, and cover where iid intervals do not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.stats.bootstrap import Interval, Resampling, block_mean, block_statistic
from shipworthy.stats.estimates import (
    estimate_auc,
    estimate_brier,
    estimate_calibration_error,
    estimate_log_loss,
    estimate_skill,
)
from shipworthy.stats.metrics import auc, brier, calibration_error, log_loss, skill
from shipworthy.stats.scores import Scores


def days(seed, *, blocks=12, rows=30, effect=1.0):
    """Scores whose outcomes share a day's luck."""
    random = np.random.default_rng(seed)
    block = np.repeat(np.arange(blocks), rows)
    logit = random.normal(-1, 0.7, blocks * rows)
    luck = np.repeat(random.normal(0, effect, blocks), rows)
    truth = random.random(blocks * rows) < 1 / (1 + np.exp(-(logit + luck)))
    return Scores(truth=truth, probability=1 / (1 + np.exp(-logit)), block=block)


PAIRS = [
    (estimate_auc, auc),
    (estimate_log_loss, log_loss),
    (estimate_brier, brier),
    (estimate_calibration_error, calibration_error),
    (estimate_skill, skill),
]


@pytest.mark.parametrize(("estimate", "statistic"), PAIRS, ids=lambda one: one.__name__)
def test_the_fast_interval_is_the_general_one(estimate, statistic):
    one = days(1)
    plan = Resampling(resamples=50)
    fast = estimate(one, plan=plan)
    slow = block_statistic(one, statistic, resamples=50)
    assert (fast.estimate, fast.low, fast.high) == pytest.approx((slow.estimate, slow.low, slow.high), rel=1e-9)
    assert fast.blocks == slow.blocks == 12


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(0, 5)), min_size=1, max_size=40), st.integers(0, 9))
def test_the_interval_holds_the_estimate_and_repeats_with_its_seed(rows, seed):
    values = np.array([value for value, _ in rows])
    block = np.array([place for _, place in rows])
    one = block_mean(values, block, resamples=40, seed=seed)
    assert one.low <= one.estimate <= one.high
    assert one == block_mean(values, block, resamples=40, seed=seed)


@given(st.permutations(list(range(24))))
def test_the_interval_does_not_depend_on_the_order_of_rows(order):
    values = np.arange(24.0) ** 2
    block = np.arange(24) // 4
    there = block_mean(values, block, resamples=30)
    shuffled = block_mean(values[order], block[order], resamples=30)
    assert (shuffled.low, shuffled.high) == pytest.approx((there.low, there.high))


def test_one_block_tells_nothing_of_the_spread():
    alone = block_mean(np.arange(5.0), np.zeros(5, np.int64))
    assert (alone.low, alone.high, alone.blocks) == (-np.inf, np.inf, 1)
    assert alone.to_json() == {"estimate": 2.0, "low": None, "high": None, "blocks": 1}


def test_no_row_is_an_error():
    with pytest.raises(ValueError, match="at least one row"):
        block_mean(np.zeros(0), np.zeros(0, np.int64))


def test_a_wider_confidence_gives_a_wider_interval():
    values = np.random.default_rng(0).normal(size=300)
    block = np.arange(300) // 10
    narrow = block_mean(values, block, confidence=0.5)
    wide = block_mean(values, block, confidence=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.covers("V2", "M5")
def test_day_blocks_cover_the_truth_where_independent_rows_do_not():
    """Day effects as on the flights example: rows of one day share its luck (METHODS 2 measured 10.8 times)."""
    random = np.random.default_rng(7)
    tries, blocks, rows = 150, 60, 200
    covered = {"block": 0, "iid": 0}
    ratio = []
    for seed in range(tries):
        luck = np.repeat(random.normal(0, 1.0, blocks), rows)
        values = luck + random.normal(0, 1.5, blocks * rows)
        by_day = block_mean(values, np.repeat(np.arange(blocks), rows), resamples=400, seed=seed)
        spread = 1.96 * float(values.std()) / np.sqrt(len(values))
        covered["block"] += by_day.low <= 0 <= by_day.high
        covered["iid"] += abs(float(values.mean())) <= spread
        ratio.append((by_day.high - by_day.low) / (2 * spread))
    assert covered["block"] / tries >= 0.88
    assert covered["iid"] / tries <= 0.5
    assert np.median(ratio) > 5


def test_an_interval_writes_plain_numbers():
    assert Interval(estimate=1.5, low=1.0, high=2.0, blocks=30).to_json()["high"] == 2.0


@pytest.mark.parametrize("wrong", [{"resamples": 0}, {"confidence": 1.0}, {"confidence": 0.0}])
def test_a_plan_that_draws_nothing_or_is_no_fraction_is_an_error(wrong):
    with pytest.raises(ValueError, match="resamples at confidence"):
        Resampling(**wrong)


@pytest.mark.parametrize(
    ("probability", "block", "problem"),
    [([0.1, 0.2], [0], "differ"), ([0.1, float("nan")], [0, 0], "NaN or outside"), ([0.1, 1.1], [0, 0], "outside")],
)
def test_scores_that_are_no_fractions_or_do_not_fit_together_are_an_error(probability, block, problem):
    with pytest.raises(ValueError, match=problem):
        Scores(truth=np.array([True, False]), probability=np.array(probability), block=np.array(block))
