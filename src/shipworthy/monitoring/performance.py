"""What production reached over everything that matured, with intervals, held against "good enough"."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shipworthy.core.digests import Json, finite_or_none
from shipworthy.monitoring.production import Production, Rows
from shipworthy.problem.goal import Bar, Goal
from shipworthy.problem.value import value_per_row
from shipworthy.stats.bootstrap import Interval, block_mean
from shipworthy.stats.estimates import estimate_auc, estimate_calibration_error, estimate_log_loss
from shipworthy.stats.metrics import auc, calibration_error, log_loss
from shipworthy.stats.scores import Scores

__all__ = ["performance"]

_DAY_NS: Final = 86_400 * 10**9
_OF_SCORES: Final[Mapping[str, Callable[[Scores], float]]] = {
    "auc": auc,
    "log_loss": log_loss,
    "calibration_error": calibration_error,
}


def performance(
    production: Production, goal: Goal, *, endpoint: str, every: timedelta, label_delay: timedelta, now: datetime
) -> dict[str, Json] | None:
    """The body of the document ``performance``: cumulative over the windows that are mature at ``now``.

    Only whole windows older than ``label_delay`` count: outcomes that arrive early are not a fair sample.
    Intervals draw whole UTC days again.

    Args:
        production: What the endpoint did, from its beginning.
        goal: What outcomes are worth and what is good enough.
        endpoint: Its name.
        every: Length of a monitoring window.
        label_delay: How long after a request its outcome counts as known.
        now: When this is computed, aware UTC.

    Returns:
        None while no outcome of a mature window is known. ``maturity`` is the share of all predictions whose outcome
        is known; ``overdue`` counts predictions of mature windows whose outcome never came: they are left out.
    """
    mature = production.rows.where(production.rows.at_ns < _matured_until(every, label_delay, now))
    known = mature.where(mature.labelled)
    if len(known) == 0:
        return None
    block = known.at_ns // _DAY_NS
    metrics = _metrics(known, block, goal)
    bars: list[Json] = [_bar(bar, metrics, known, block) for bar in goal.good_enough]
    return {
        "endpoint": endpoint,
        "as_of": now.isoformat(),
        "from": _instant(int(known.at_ns.min())),
        "to": _instant(int(known.at_ns.max())),
        "predictions": len(production.rows),
        "labelled": len(known),
        "maturity": float(production.rows.labelled.mean()),
        "overdue": len(mature) - len(known),
        "days": len(np.unique(block)),
        "metrics": {name: one.to_json() for name, one in metrics.items()},
        "bars": bars,
    }


def _matured_until(every: timedelta, label_delay: timedelta, now: datetime) -> int:
    """The end of the last mature window in ns since 1970 UTC."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    whole = (now - label_delay - epoch) // every
    return (whole * every // timedelta(microseconds=1)) * 1000


def _metrics(known: Rows, block: NDArray[np.int64], goal: Goal) -> dict[str, Interval]:
    scores = known.scores(block)
    value = 1000 * value_per_row(goal.value, known.truth, known.acted)
    baseline = 1000 * value_per_row(goal.value, known.truth, known.baseline_acted)
    return {
        "auc": estimate_auc(scores),
        "log_loss": estimate_log_loss(scores),
        "calibration_error": estimate_calibration_error(scores),
        "value_per_1000": block_mean(value, block),
        "baseline_value_per_1000": block_mean(baseline, block),
        "uplift_per_1000": block_mean(value - baseline, block),
    }


def _bar(bar: Bar, metrics: Mapping[str, Interval], known: Rows, block: NDArray[np.int64]) -> dict[str, Json]:
    measured = metrics[bar.metric].estimate
    today = _baseline_figure(bar.metric, metrics, known, block) if bar.over_baseline else 0.0
    return {
        "metric": bar.metric,
        "text": str(bar),
        "measured": finite_or_none(measured),
        "threshold": finite_or_none(bar.threshold(baseline=today)),
        "cleared": bar.cleared_by(measured, baseline=today),
    }


def _baseline_figure(metric: str, metrics: Mapping[str, Interval], known: Rows, block: NDArray[np.int64]) -> float:
    if metric == "value_per_1000":
        return metrics["baseline_value_per_1000"].estimate
    if np.isnan(known.baseline).any():
        return float("nan")
    return _OF_SCORES[metric](known.baseline_scores(block))


def _instant(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, tz=UTC).isoformat()
