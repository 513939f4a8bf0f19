"""Measures of quality: bounds, symmetries and agreement with a reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as reference_log_loss

from shipworthy.stats.metrics import (
    auc,
    brier,
    calibration_curve,
    calibration_error,
    log_loss,
    skill,
)
from shipworthy.stats.scores import Scores


@st.composite
def scores(draw):
    size = draw(st.integers(2, 60))
    truth = draw(arrays.arrays(np.bool_, size))
    truth[0], truth[1] = True, False
    steps = draw(arrays.arrays(np.int64, size, elements=st.integers(0, 40)))  # many ties
    block = draw(arrays.arrays(np.int64, size, elements=st.integers(0, 6)))
    return Scores(truth=truth, probability=steps / 40, block=block)


def shuffled(one, seed=3):
    order = np.random.default_rng(seed).permutation(len(one))
    return Scores(truth=one.truth[order], probability=one.probability[order], block=one.block[order])


@given(scores())
def test_measures_agree_with_scikit_learn_on_ties_and_extremes(one):
    inside = np.clip(one.probability, 1e-15, 1 - 1e-15)
    assert auc(one) == pytest.approx(roc_auc_score(one.truth, one.probability))
    assert log_loss(one) == pytest.approx(reference_log_loss(one.truth, inside))
    assert brier(one) == pytest.approx(brier_score_loss(one.truth, one.probability))


@given(scores())
def test_measures_keep_their_bounds_and_do_not_depend_on_the_order_of_rows(one):
    for measure in (auc, brier, calibration_error):
        assert 0 <= measure(one) <= 1
        assert measure(shuffled(one)) == pytest.approx(measure(one))
    assert log_loss(one) >= 0
    assert log_loss(shuffled(one)) == pytest.approx(log_loss(one))


@given(scores())
def test_the_opposite_scores_rank_the_other_way_round(one):
    opposite = Scores(truth=one.truth, probability=1 - one.probability, block=one.block)
    assert auc(opposite) == pytest.approx(1 - auc(one))


@given(scores())
def test_the_calibration_curve_counts_every_row_once(one):
    curve = calibration_curve(one, bins=10)
    assert curve.count.sum() == len(one)
    held = curve.count > 0
    assert np.all((curve.said[held] >= curve.edges[:-1][held] - 1e-12) & (curve.said[held] <= curve.edges[1:][held]))
    assert np.nansum(curve.happened * curve.count) == pytest.approx(one.truth.sum())


def test_one_class_alone_has_no_auc_and_no_skill():
    alone = Scores(truth=np.ones(3, bool), probability=np.array([0.1, 0.2, 0.3]), block=np.zeros(3, np.int64))
    assert np.isnan(auc(alone))
    assert np.isnan(skill(alone))


def test_saying_the_base_rate_has_no_skill_and_perfect_foresight_has_all():
    truth = np.array([True, False, False, True, False])
    block = np.zeros(5, np.int64)
    constant = Scores(truth=truth, probability=np.full(5, 0.4), block=block)
    perfect = Scores(truth=truth, probability=truth.astype(float), block=block)
    assert skill(constant) == pytest.approx(0)
    assert skill(perfect) == pytest.approx(1)
    assert calibration_error(constant) == pytest.approx(0)


def test_no_rows_give_nan_and_no_error():
    empty = Scores(truth=np.zeros(0, bool), probability=np.zeros(0), block=np.zeros(0, np.int64))
    assert all(np.isnan(measure(empty)) for measure in (auc, log_loss, brier, calibration_error, skill))
