"""Whether a probability may be taken at its word: of the rows said to be 30 % likely, do 30 % happen?"""

import numpy as np
from numpy.typing import NDArray

from shipworthy.core.digests import Json, finite_or_none
from shipworthy.core.findings import Finding, Status
from shipworthy.gates.evidence import Evidence
from shipworthy.gates.figures import bounds, in_words
from shipworthy.problem.goal import Bar, Goal
from shipworthy.stats.bootstrap import Interval
from shipworthy.stats.estimates import estimate_calibration_error
from shipworthy.stats.metrics import calibration_curve, calibration_error

__all__ = ["check_calibration"]

_WORTH_A_LOOK = 0.05


def check_calibration(evidence: Evidence) -> tuple[Finding, ...]:
    """Hold the expected calibration error (10 bins, later rows) against the goal's line.

    It fails if the error does not clear the line, and warns if the interval's far end does not. A goal without such a
    line only gets a warning above 0.05.

    Picture ``calibration``: ``{"said", "happened", "count", "threshold"}``: the mean probability, the share of true
    outcomes (both null where a bin is empty) and the rows of each of 10 bins; ``threshold`` is the decision's
    probability, where being wrong costs most.
    """
    error, valid = estimate_calibration_error(evidence.valid), evidence.valid
    curve = calibration_curve(valid)
    line = _line(evidence.goal)
    status, threshold = _status(line, error, baseline=calibration_error(evidence.baseline))
    return (
        Finding(
            check="calibration",
            status=status,
            message=f"Probabilities are off by {in_words(error)} on average over {len(valid):,} later rows.",
            measured=finite_or_none(error.estimate),
            interval=bounds(error),
            threshold=threshold,
            unit="probability",
            remedy="" if status is Status.PASSED else "recalibrate on later rows, or train on rows more like them",
            evidence={
                "picture": "calibration",
                "said": _numbers(curve.said),
                "happened": _numbers(curve.happened),
                "count": curve.count.tolist(),
                "threshold": evidence.goal.threshold,
            },
        ),
    )


def _line(goal: Goal) -> Bar | None:
    return next((bar for bar in goal.good_enough if bar.metric == "calibration_error"), None)


def _status(line: Bar | None, error: Interval, *, baseline: float) -> tuple[Status, str]:
    if line is None:
        fine = error.estimate <= _WORTH_A_LOOK
        return (Status.PASSED if fine else Status.WARNED), f"<= {_WORTH_A_LOOK}"
    if not line.cleared_by(error.estimate, baseline=baseline):
        return Status.FAILED, str(line)
    return (Status.PASSED if line.cleared_by(error.high, baseline=baseline) else Status.WARNED), str(line)


def _numbers(values: NDArray[np.float64]) -> list[Json]:
    return [finite_or_none(float(value)) for value in values]
