"""A candidate: one way of answering, with everything that it is chosen by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shipworthy.core.digests import Json
from shipworthy.problem.goal import Goal
from shipworthy.problem.value import decide, value_per_row
from shipworthy.stats.bootstrap import Interval, block_mean
from shipworthy.stats.estimates import estimate_auc, estimate_calibration_error, estimate_log_loss
from shipworthy.stats.scores import Scores
from shipworthy.training.fitted import Fitted
from shipworthy.training.learner import Kind

__all__ = ["Candidate", "earned", "measure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One entry of the leaderboard.

    Attributes:
        name: Name, unique within a search.
        kind: Family.
        parameters: What was set and what the fit came to.
        valid: Scores on the validation rows, which it never saw.
        train: Scores on the rows that it was fitted on.
        metrics: ``auc``, ``log_loss`` (nats), ``calibration_error`` (fraction), ``value_per_1000`` and
            ``uplift_per_1000`` (goal's unit) on the validation rows, with intervals by day.
        latency_us: Median time of one single-row answer without a server, in microseconds.
        size_bytes: Length of its graph (or table), in bytes.
        seconds: Wall time of its last fit, in s.
        maker: Makes it anew from all rows.
    """

    name: str
    kind: Kind
    parameters: Mapping[str, Json]
    valid: Scores
    train: Scores
    metrics: Mapping[str, Interval]
    latency_us: float
    size_bytes: int
    seconds: float
    maker: Callable[[], Fitted]

    def refit(self) -> Fitted:
        """Fit on all rows, validation too, as long as validation found right; ready to be packaged.

        Raises:
            Refused: If this is the baseline: there is no model to ship.
        """
        return self.maker()

    def to_json(self, *, proposed: bool) -> dict[str, Json]:
        """The leaderboard's line, for the record of the run."""
        return {
            "name": self.name,
            "kind": self.kind,
            "metrics": {name: interval.to_json() for name, interval in self.metrics.items()},
            "latency_us": self.latency_us,
            "size_bytes": self.size_bytes,
            "seconds": self.seconds,
            "parameters": dict(self.parameters),
            "proposed": proposed,
        }


def earned(goal: Goal, scores: Scores) -> NDArray[np.float64]:
    """What acting on these scores earned, row by row, in the goal's unit, shape (n_rows,)."""
    return value_per_row(goal.value, scores.truth, decide(goal, scores.probability))


def measure(goal: Goal, scores: Scores, baseline: Scores) -> dict[str, Interval]:
    """The metrics of a candidate against the baseline's scores on the same rows.

    The uplift is taken row by row before days are drawn again, so what one day does to both cancels out.
    """
    mine, theirs = earned(goal, scores), earned(goal, baseline)
    return {
        "auc": estimate_auc(scores),
        "log_loss": estimate_log_loss(scores),
        "calibration_error": estimate_calibration_error(scores),
        "value_per_1000": block_mean(1000 * mine, scores.block),
        "uplift_per_1000": block_mean(1000 * (mine - theirs), scores.block),
    }
