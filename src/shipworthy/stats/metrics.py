"""Measures of how good probabilities are: ranking, sharpness and honesty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shipworthy.stats.scores import Scores

__all__ = [
    "CalibrationCurve",
    "auc",
    "bin_of",
    "brier",
    "calibration_curve",
    "calibration_error",
    "log_loss",
    "log_loss_per_row",
    "skill",
]

_SMALLEST = 1e-15


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationCurve:
    """What was said beside what happened, in bins of equal width.

    Attributes:
        edges: Bounds of the bins, fractions from 0 to 1, shape (bins + 1,).
        said: Mean probability of each bin, NaN where it is empty, shape (bins,).
        happened: Share of true outcomes of each bin, NaN where it is empty, shape (bins,).
        count: Rows of each bin, int64, shape (bins,).
    """

    edges: NDArray[np.float64]
    said: NDArray[np.float64]
    happened: NDArray[np.float64]
    count: NDArray[np.int64]


def auc(scores: Scores) -> float:
    """The chance that a true row is scored above a false one, a fraction in [0, 1]; ties count half.

    NaN if all rows are true or all are false: then there is no pair to compare.

    Source:
        H. B. Mann & D. R. Whitney (1947), On a test of whether one of two random variables is stochastically
        larger than the other, by mid-ranks.
    """
    positives = int(scores.truth.sum())
    negatives = len(scores) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    _, place, count = np.unique(scores.probability, return_inverse=True, return_counts=True)
    mid_rank = np.cumsum(count) - (count - 1) / 2
    rank_sum = float(mid_rank[place[scores.truth]].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def log_loss_per_row(scores: Scores) -> NDArray[np.float64]:
    """Negative log-likelihood of each outcome in nats, shape (n_rows,); probabilities are kept 1e-15 off 0 and 1."""
    said = np.clip(scores.probability, _SMALLEST, 1 - _SMALLEST)
    return -np.log(np.where(scores.truth, said, 1 - said))


def log_loss(scores: Scores) -> float:
    """Mean negative log-likelihood in nats, >= 0; NaN if there is no row."""
    return _mean(log_loss_per_row(scores))


def brier(scores: Scores) -> float:
    """Mean squared distance of probability and outcome, in [0, 1]; NaN if there is no row.

    Source:
        G. W. Brier (1950), Verification of forecasts expressed in terms of probability.
    """
    return _mean((scores.probability - scores.truth) ** 2)


def skill(scores: Scores) -> float:
    """The share of the uncertainty that is explained: 1 - log loss / log loss of the constant base rate.

    0 is no better than always saying the rate; negative is worse; NaN if all outcomes are the same. Unlike
    log loss it may be compared between periods of different base rate.
    """
    if len(scores) == 0:
        return float("nan")
    rate = float(scores.truth.mean())
    if rate in {0.0, 1.0}:
        return float("nan")
    constant = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    return 1 - log_loss(scores) / float(constant)


def calibration_curve(scores: Scores, bins: int = 10) -> CalibrationCurve:
    """What was said beside what happened, in ``bins`` bins of equal width."""
    place = bin_of(scores.probability, bins)
    count = np.bincount(place, minlength=bins).astype(np.int64)
    said = np.bincount(place, weights=scores.probability, minlength=bins)
    happened = np.bincount(place, weights=scores.truth.astype(np.float64), minlength=bins)
    rows = np.where(count > 0, count, np.nan)
    return CalibrationCurve(edges=np.linspace(0, 1, bins + 1), said=said / rows, happened=happened / rows, count=count)


def calibration_error(scores: Scores, bins: int = 10) -> float:
    """Expected calibration error: the mean gap between said and happened, weighted by rows, a fraction in [0, 1].

    NaN if there is no row.

    Source:
        M. P. Naeini, G. Cooper & M. Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian
        binning; equal-width bins as in C. Guo et al. (2017), On calibration of modern neural networks.
    """
    if len(scores) == 0:
        return float("nan")
    curve = calibration_curve(scores, bins)
    gap = np.abs(curve.said - curve.happened)
    return float(np.nansum(gap * curve.count) / len(scores))


def bin_of(probability: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """The equal-width bin of each probability, from 0 to ``bins`` - 1, shape (n_rows,); 1.0 is in the last."""
    return np.minimum((probability * bins).astype(np.int64), bins - 1)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")
