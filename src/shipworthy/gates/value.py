"""Whether the model is good enough: every line that the goal draws, in the goal's own unit."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shipworthy.core.digests import Json, finite_or_none
from shipworthy.core.findings import Finding, Status
from shipworthy.gates.evidence import Evidence
from shipworthy.gates.figures import bar, bounds, in_words
from shipworthy.problem.goal import Bar, Goal
from shipworthy.problem.value import decide, value_per_row
from shipworthy.stats.bootstrap import Interval, block_mean
from shipworthy.stats.estimates import estimate_auc, estimate_log_loss
from shipworthy.stats.scores import Scores

__all__ = ["check_value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """A metric of model and baseline on the same rows; ``judged`` is what the line is drawn for."""

    model: Interval
    baseline: Interval
    judged: Interval
    unit: str
    form: str


def check_value(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding per line of ``good_enough`` but calibration's, which has a check of its own.

    A line fails if the estimate on later rows does not clear it, and warns if the interval's far end does not. Where a
    line is drawn over the baseline, the difference to the baseline on the same rows is judged, so that what moves both
    does not blur it.

    Picture ``bars``: ``{"unit", "threshold", "bars": [{"name", "value", "low", "high"}]}``: baseline, model and, where
    the line is drawn over the baseline, their difference; ``threshold`` is the number that the last bar has to clear.
    """
    lines = [line for line in evidence.goal.good_enough if line.metric != "calibration_error"]
    return tuple(_hold(line, evidence) for line in lines)


def _hold(line: Bar, evidence: Evidence) -> Finding:
    measured = _METRICS[line.metric](evidence, line)
    status = _status(line, measured.judged)
    what = line.metric + (" over the baseline" if line.over_baseline else "")
    bars = [bar("baseline", measured.baseline), bar("model", measured.model)]
    if line.over_baseline:
        bars.append(bar("difference", measured.judged))
    return Finding(
        check=f"good_enough.{line.metric}",
        status=status,
        message=(
            f"{what} is {in_words(measured.judged, measured.form)} {measured.unit}, "
            f"on {measured.judged.blocks} later days; the goal wants {line.sense} {line.amount:,g}."
        ),
        measured=finite_or_none(measured.judged.estimate),
        interval=bounds(measured.judged),
        threshold=str(line),
        unit=measured.unit,
        remedy="" if status is Status.PASSED else _remedy(status, line),
        evidence={"picture": "bars", "unit": measured.unit, "threshold": line.amount, "bars": list[Json](bars)},
    )


def _status(line: Bar, judged: Interval) -> Status:
    # A line over the baseline was turned into one over the difference: its own amount is what remains to clear.
    if not line.cleared_by(judged.estimate, baseline=0.0):
        return Status.FAILED
    far = judged.low if line.sense == ">=" else judged.high
    return Status.PASSED if line.cleared_by(far, baseline=0.0) else Status.WARNED


def _remedy(status: Status, line: Bar) -> str:
    if status is Status.WARNED:
        return "hold out more days before you rely on it: the estimate clears the line, its interval does not"
    return f"improve the features or the model, or ask the owner whether {line.metric} {line} is the right line"


def _value(evidence: Evidence, line: Bar) -> _Measured:
    goal, block = evidence.goal, evidence.valid.block
    model, today = (_earned(goal, scores) for scores in (evidence.valid, evidence.baseline))
    judged = model - today if line.over_baseline else model
    return _Measured(
        model=block_mean(model, block),
        baseline=block_mean(today, block),
        judged=block_mean(judged, block),
        unit=goal.unit_per_1000,
        form=",.0f",
    )


def _earned(goal: Goal, scores: Scores) -> NDArray[np.float64]:
    return 1000 * value_per_row(goal.value, scores.truth, decide(goal, scores.probability))


def _quality(estimate: Callable[[Scores], Interval], unit: str) -> Callable[[Evidence, Bar], _Measured]:
    def measure(evidence: Evidence, line: Bar) -> _Measured:
        model, today = estimate(evidence.valid), estimate(evidence.baseline)
        judged = _less(model, today.estimate) if line.over_baseline else model
        return _Measured(model=model, baseline=today, judged=judged, unit=unit, form=".4f")

    return measure


def _less(interval: Interval, amount: float) -> Interval:
    low, high = interval.low - amount, interval.high - amount
    return Interval(estimate=interval.estimate - amount, low=low, high=high, blocks=interval.blocks)


_METRICS: dict[str, Callable[[Evidence, Bar], _Measured]] = {
    "value_per_1000": _value,
    "auc": _quality(estimate_auc, "AUC"),
    "log_loss": _quality(estimate_log_loss, "nats"),
}
