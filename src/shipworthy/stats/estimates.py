"""The common measures with their block-bootstrap intervals, each in one vectorised pass over block sums."""

import numpy as np
from numpy.typing import NDArray

from shipworthy.stats.bootstrap import Interval, Resampling, block_mean
from shipworthy.stats.metrics import auc, bin_of, calibration_error, log_loss_per_row, skill
from shipworthy.stats.scores import Scores

__all__ = ["estimate_auc", "estimate_brier", "estimate_calibration_error", "estimate_log_loss", "estimate_skill"]

_STANDARD = Resampling()


def estimate_auc(scores: Scores, plan: Resampling = _STANDARD) -> Interval:
    """AUC with its interval: the same as ``block_statistic(scores, auc)`` and some thousand times faster.

    The wins of block i's true rows over block j's false rows are counted once; a resample is then a quadratic
    form in the draws.
    """
    blocks, place = np.unique(scores.block, return_inverse=True)
    positives = np.bincount(place[scores.truth], minlength=len(blocks)).astype(np.float64)
    negatives = np.bincount(place[~scores.truth], minlength=len(blocks)).astype(np.float64)
    wins = _wins(scores, place, len(blocks))
    draws = plan.draws(len(blocks))
    pairs = (draws @ positives) * (draws @ negatives)
    won = np.einsum("ri,ij,rj->r", draws, wins, draws, optimize=True)
    resampled = np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return plan.interval(auc(scores), resampled, blocks=len(blocks))


def estimate_log_loss(scores: Scores, plan: Resampling = _STANDARD) -> Interval:
    """Log loss in nats with its interval."""
    return _mean(log_loss_per_row(scores), scores, plan)


def estimate_brier(scores: Scores, plan: Resampling = _STANDARD) -> Interval:
    """Brier score with its interval."""
    return _mean((scores.probability - scores.truth) ** 2, scores, plan)


def estimate_skill(scores: Scores, plan: Resampling = _STANDARD) -> Interval:
    """Skill (1 - log loss / log loss of the base rate) with its interval; each resample has its own base rate."""
    drawn = _drawn(scores, np.column_stack([log_loss_per_row(scores), scores.truth, np.ones(len(scores))]), plan)
    loss, rate = drawn[:, 0] / drawn[:, 2], drawn[:, 1] / drawn[:, 2]
    known = (rate > 0) & (rate < 1)
    safe = np.where(known, rate, 0.5)
    constant = -(safe * np.log(safe) + (1 - safe) * np.log(1 - safe))
    resampled = np.where(known, 1 - loss / constant, np.nan)
    return plan.interval(skill(scores), resampled, blocks=len(np.unique(scores.block)))


def estimate_calibration_error(scores: Scores, bins: int = 10, plan: Resampling = _STANDARD) -> Interval:
    """Expected calibration error with its interval.

    The error is a sum of absolute gaps, so resamples of a well calibrated model lie above the estimate: the
    interval is a cautious one.
    """
    inside = np.eye(bins)[bin_of(scores.probability, bins)]
    gap = inside * (scores.probability - scores.truth)[:, None]
    drawn = _drawn(scores, np.column_stack([gap, np.ones(len(scores))]), plan)
    resampled = np.abs(drawn[:, :bins]).sum(axis=1) / drawn[:, bins]
    return plan.interval(calibration_error(scores, bins), resampled, blocks=len(np.unique(scores.block)))


def _mean(values: NDArray[np.float64], scores: Scores, plan: Resampling) -> Interval:
    return block_mean(values, scores.block, resamples=plan.resamples, confidence=plan.confidence, seed=plan.seed)


def _drawn(scores: Scores, columns: NDArray[np.float64], plan: Resampling) -> NDArray[np.float64]:
    """Sums of each column over each resample, shape (resamples, n_columns)."""
    blocks, place = np.unique(scores.block, return_inverse=True)
    sums = np.column_stack([np.bincount(place, weights=one, minlength=len(blocks)) for one in columns.T])
    drawn: NDArray[np.float64] = plan.draws(len(blocks)) @ sums
    return drawn


def _wins(scores: Scores, place: NDArray[np.int64], blocks: int) -> NDArray[np.float64]:
    """Pairs won by block i's true rows against block j's false rows, ties half, shape (blocks, blocks)."""
    truth, said = scores.truth, scores.probability
    true_said, true_place = said[truth], place[truth]
    wins = np.zeros((blocks, blocks))
    for column in range(blocks):
        false_said = np.sort(said[~truth & (place == column)])
        below = np.searchsorted(false_said, true_said, side="left")
        not_above = np.searchsorted(false_said, true_said, side="right")
        wins[:, column] = np.bincount(true_place, weights=(below + not_above) / 2, minlength=blocks)
    return wins
