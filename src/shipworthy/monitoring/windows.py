"""Production day by day: volume, outcomes, latency, scores, and what is known of quality and value."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from shipworthy.core.digests import Json, finite_or_none
from shipworthy.monitoring.production import Production, Rows
from shipworthy.problem.goal import Goal
from shipworthy.problem.value import value_per_row
from shipworthy.stats.histogram import count_in
from shipworthy.stats.metrics import auc, calibration_error, log_loss
from shipworthy.stats.quantiles import quantiles

__all__ = ["window_start", "windows"]

_METRICS = (
    "auc",
    "log_loss",
    "calibration_error",
    "value_per_1000",
    "baseline_value_per_1000",
    "uplift_per_1000",
)


def windows(
    production: Production,
    goal: Goal,
    *,
    endpoint: str,
    every: timedelta,
    label_delay: timedelta,
    now: datetime,
    edges: Sequence[float],
    reference: Sequence[int],
) -> tuple[dict[str, Json], ...]:
    """One body (document kind ``window``) for each window with a request, oldest first.

    Every request and every predicted row falls into exactly one window. Windows begin at multiples of ``every``
    since 1970 UTC. Metrics and values are over the rows whose outcome is known; while a window is not ``mature``
    they are provisional, for bad outcomes may be known sooner than good ones.

    Args:
        production: What the endpoint did.
        goal: What outcomes are worth.
        endpoint: Its name.
        every: Length of a window, positive.
        label_delay: How long after a request its outcome counts as known.
        now: When this is computed, aware UTC.
        edges: Bounds of the score bins, rising, shape (bins + 1,).
        reference: Rows of the training data in each bin, shape (bins,).
    """
    step = _nanoseconds(every)
    request_window, row_window = production.at_ns // step, production.rows.at_ns // step
    bodies = []
    for number in np.unique(request_window):
        inside = request_window == number
        rows = production.rows.where(row_window == number)
        start = window_start(int(number), every)
        bodies.append(
            {
                "endpoint": endpoint,
                "start": start.isoformat(),
                "end": (start + every).isoformat(),
                "mature": start + every + label_delay <= now,
                **_traffic(production, inside),
                **_answers(rows, edges, reference),
                **_worth(rows.where(rows.labelled), goal),
            }
        )
    return tuple(bodies)


def window_start(number: int, every: timedelta) -> datetime:
    """The instant at which the ``number``-th window since 1970 UTC begins."""
    return datetime(1970, 1, 1, tzinfo=UTC) + number * every


def _traffic(production: Production, inside: NDArray[np.bool_]) -> dict[str, Json]:
    names, counts = np.unique(production.outcome[inside], return_counts=True)
    p50, p99 = quantiles(production.total_us[inside] / 1000, (0.5, 0.99))
    outcomes: Mapping[str, Json] = {str(name): int(count) for name, count in zip(names, counts, strict=True)}
    return {"requests": int(inside.sum()), "outcomes": outcomes, "latency_ms": {"p50": p50, "p99": p99}}


def _answers(rows: Rows, edges: Sequence[float], reference: Sequence[int]) -> dict[str, Json]:
    labelled = int(rows.labelled.sum())
    counts = count_in(rows.probability, np.asarray(edges, dtype=np.float64))
    return {
        "predictions": len(rows),
        "labelled": labelled,
        "maturity": labelled / len(rows) if len(rows) else None,
        "acted": int(rows.acted.sum()),
        "happened": int(rows.truth.sum()),
        "scores": {"edges": list(edges), "counts": counts.tolist(), "reference": list(reference)},
    }


def _worth(known: Rows, goal: Goal) -> dict[str, Json]:
    """Metrics by name and values in the goal's unit; null where no outcome is known."""
    if len(known) == 0:
        return {"metrics": dict.fromkeys(_METRICS), "value_total": None, "baseline_value_total": None}
    value = float(value_per_row(goal.value, known.truth, known.acted).sum())
    baseline = float(value_per_row(goal.value, known.truth, known.baseline_acted).sum())
    scores = known.scores(np.zeros(len(known), dtype=np.int64))
    per_1000 = 1000 / len(known)
    figures = (
        auc(scores),
        log_loss(scores),
        calibration_error(scores),
        value * per_1000,
        baseline * per_1000,
        (value - baseline) * per_1000,
    )
    metrics: dict[str, Json] = {name: finite_or_none(one) for name, one in zip(_METRICS, figures, strict=True)}
    return {"metrics": metrics, "value_total": value, "baseline_value_total": baseline}


def _nanoseconds(span: timedelta) -> int:
    if span <= timedelta(0):
        raise ValueError(f"a window of {span} has no length")
    return (span // timedelta(microseconds=1)) * 1000
