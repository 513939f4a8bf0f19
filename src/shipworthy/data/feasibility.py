"""Feasibility: whether a question is worth modelling, asked of the data before anybody models.

The lines are first ones, drawn low: under "failed" no honest test is possible, under "warned" its interval is wide.
"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pyarrow.compute as pc

from shipworthy.core.findings import Finding, Status
from shipworthy.data.frame import FeatureFrame
from shipworthy.problem.goal import Bar, Goal
from shipworthy.problem.value import value_per_1000

__all__ = ["check_feasibility"]

_ROWS_FAIL, _ROWS_WARN = 500, 5_000
_BLOCKS_FAIL, _BLOCKS_WARN = 30, 60
_CLASS_FAIL, _CLASS_WARN = 50, 500
_UNKNOWN_FAIL, _UNKNOWN_WARN = 0.5, 0.05
_SHOWN = 10


def check_feasibility(frame: FeatureFrame, goal: Goal, *, label_delay: timedelta = timedelta(0)) -> tuple[Finding, ...]:
    """Hold the decisions of the past against what a model and an honest test of it need.

    Args:
        frame: Decisions with features and, where known, outcomes.
        goal: What is asked of a model.
        label_delay: How long after an event its outcome is known.

    Returns:
        One finding for each question: outcomes, rows, blocks, classes, label delay, features, value.

    Source:
        Blocks, not rows, make an interval: METHODS section 3 (on flights an interval from rows is 10.8 times too
        narrow), after B. Efron & R. Tibshirani (1993), An introduction to the bootstrap, chapter 8.
    """
    known = frame.rows(frame.labelled)
    outcomes = _outcomes(frame, goal)
    if len(known) == 0:
        return (outcomes,)
    return (
        outcomes,
        _rows(known),
        _blocks(known),
        _classes(known, goal),
        _label_delay(known, label_delay),
        _features(frame),
        *_value(known, goal),
    )


def _outcomes(frame: FeatureFrame, goal: Goal) -> Finding:
    unknown = int((~frame.labelled).sum())
    share = unknown / max(len(frame), 1)
    return Finding(
        check="feasibility.outcomes",
        status=_status(1 - share, fail=1 - _UNKNOWN_FAIL, warn=1 - _UNKNOWN_WARN),
        message=f"{unknown:,} of {len(frame):,} decisions have no outcome in {goal.target!r} "
        "(null or NaN, or not known yet); they are left out of training",
        measured=share,
        threshold=f"<= {_UNKNOWN_WARN}",
        remedy=f"fill in {goal.target!r} where the outcome is known; if it is rarely known, collect labels first",
        evidence={"unknown": unknown, "rows": len(frame), "target": goal.target},
    )


def _rows(known: FeatureFrame) -> Finding:
    return Finding(
        check="feasibility.rows",
        status=_status(len(known), fail=_ROWS_FAIL, warn=_ROWS_WARN),
        message=f"{len(known):,} decisions have a known outcome",
        measured=float(len(known)),
        threshold=f">= {_ROWS_WARN:,}",
        unit="rows",
        remedy="collect more decisions before modelling, or start with the baseline alone",
    )


def _blocks(known: FeatureFrame) -> Finding:
    days = np.unique(known.block)
    return Finding(
        check="feasibility.blocks",
        status=_status(len(days), fail=_BLOCKS_FAIL, warn=_BLOCKS_WARN),
        message=f"the decisions fall on {len(days):,} days; rows of one day depend on each other, so days count",
        measured=float(len(days)),
        threshold=f">= {_BLOCKS_WARN}",
        unit="days",
        remedy="collect more days; more rows of the same days do not help",
        evidence={"first_day": int(days[0]), "last_day": int(days[-1]), "rows": len(known)},
    )


def _classes(known: FeatureFrame, goal: Goal) -> Finding:
    yes = int(known.truth.sum())
    rarer = min(yes, len(known) - yes)
    said = f"{goal.target!r} is true {yes:,} times and false {len(known) - yes:,} times"
    constant = ": it is always the same, so the goal cannot be computed" if rarer == 0 else ""
    return Finding(
        check="feasibility.classes",
        status=_status(rarer, fail=_CLASS_FAIL, warn=_CLASS_WARN),
        message=f"{said}{constant}",
        measured=float(rarer),
        threshold=f">= {_CLASS_WARN}",
        unit="rows of the rarer outcome",
        remedy="collect more of the rarer outcome, or mend the target if it should not be so rare",
        evidence={"true": yes, "false": len(known) - yes},
    )


def _label_delay(known: FeatureFrame, delay: timedelta) -> Finding:
    instants = known.event_time
    span = pc.max(instants).as_py() - pc.min(instants).as_py()
    delay_days, span_days = (one.total_seconds() / 86_400 for one in (delay, span))
    return Finding(
        check="feasibility.label_delay",
        status=_status(span_days, fail=delay_days, warn=4 * delay_days),
        message=f"outcomes are known {delay_days:.3g} days after the event, and the data span {span_days:.4g} days",
        measured=delay_days,
        threshold=f"<= {span_days / 4:.3g}",
        unit="days",
        remedy="collect a span of several label delays, or decide on an earlier sign of the outcome",
    )


def _features(frame: FeatureFrame) -> Finding:
    counts = {name: int(pc.count_distinct(frame.features[name], mode="only_valid").as_py()) for name in frame.names}
    empty = [name for name, count in counts.items() if count == 0]
    constant = [name for name, count in counts.items() if count == 1]
    useful = len(counts) - len(empty) - len(constant)
    dull = _listed("without any value", empty) + _listed("with one value only", constant)
    return Finding(
        check="feasibility.features",
        status=Status.FAILED if useful == 0 else Status.WARNED if dull else Status.PASSED,
        message=f"{useful} of {len(counts)} features vary{dull}",
        measured=float(useful),
        threshold=">= 1",
        unit="features",
        remedy="take features that never vary out of the features file, or mend the join that should fill them",
        evidence={"empty": empty, "constant": constant},
    )


def _listed(what: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"; {what}: {', '.join(names[:_SHOWN])}{more}" if names else ""


def _value(known: FeatureFrame, goal: Goal) -> list[Finding]:
    """Whether perfect knowledge would clear each line on value: if not, no model can."""
    truth = known.truth
    perfect = value_per_1000(goal.value, truth, truth)
    constant = max(value_per_1000(goal.value, truth, np.full(len(truth), acted)) for acted in (True, False))
    return [_ceiling(bar, goal, perfect, constant) for bar in goal.good_enough if bar.metric == "value_per_1000"]


def _ceiling(bar: Bar, goal: Goal, perfect: float, constant: float) -> Finding:
    """A line over the baseline is held against the better of acting always and never, which a baseline may yet miss."""
    best = perfect - constant if bar.over_baseline else perfect
    over = " more than acting always or never" if bar.over_baseline else ""
    missed = Status.WARNED if bar.over_baseline else Status.FAILED
    return Finding(
        check="feasibility.value",
        status=Status.PASSED if best >= bar.amount else missed,
        message=f"perfect knowledge would earn {best:,.0f} {goal.unit_per_1000}{over}; asked for: {bar}",
        measured=best,
        threshold=str(bar),
        unit=goal.unit_per_1000,
        remedy="lower the line in goal.good_enough, or mend goal.value: no model can earn more than perfect knowledge",
        evidence={"perfect": perfect, "constant": constant},
    )


def _status(measured: float, *, fail: float, warn: float) -> Status:
    if measured < fail:
        return Status.FAILED
    return Status.WARNED if measured < warn else Status.PASSED
