"""Production, window by window: volume, outcomes, latency, scores, and value as far as it is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shipworthy.app.views.reading import Estimate, Part, Workspace, newest, read_all
from shipworthy.core.digests import Json

__all__ = [
    "Bar",
    "Performance",
    "WindowRow",
    "newest_window",
    "read_bodies",
    "read_performance",
    "read_windows",
    "view_performance",
]

FAILURES = ("error", "timeout", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRow:
    """One monitoring window.

    Attributes:
        requests: How many came, whatever their outcome.
        outcomes: How many ended how.
        p50_ms: Median latency in ms.
        p99_ms: 99th percentile of latency in ms.
        predictions: Rows that were answered.
        labelled: How many of those have a known outcome.
        maturity: Share of the predictions whose outcome is known, a fraction.
        acted: Rows that were acted on.
        metrics: Realised metrics by name, each in its own unit.
        value: What the decisions earned, in the goal's unit; None while nothing is known.
        baseline_value: What the baseline would have earned on the same rows.
    """

    start: datetime
    end: datetime
    requests: int
    outcomes: Mapping[str, int]
    p50_ms: float | None
    p99_ms: float | None
    predictions: int
    labelled: int
    maturity: float | None
    acted: int
    metrics: Mapping[str, float]
    value: float | None
    baseline_value: float | None

    @property
    def failed(self) -> int:
        """Requests that got no answer: errors, timeouts and rejections."""
        return sum(self.outcomes.get(name, 0) for name in FAILURES)

    @property
    def uplift(self) -> float | None:
        """What was earned over the baseline, in the goal's unit."""
        if self.value is None or self.baseline_value is None:
            return None
        return self.value - self.baseline_value

    @property
    def uplift_per_1000(self) -> float | None:
        """The same per 1,000 labelled decisions."""
        if self.uplift is None or not self.labelled:
            return None
        return 1000 * self.uplift / self.labelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One line of "good enough" and where production stands to it, both in the metric's own unit."""

    metric: str
    text: str
    measured: float | None
    threshold: float | None
    cleared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What production reached so far, over everything that matured.

    Attributes:
        labelled: How many decisions have a known outcome.
        days: Over how many windows.
        metrics: Each metric with its 95 % interval, in its own unit.
        bars: The lines of "good enough".
    """

    as_of: datetime | None
    start: datetime | None
    end: datetime | None
    labelled: int
    days: int
    metrics: Mapping[str, Estimate]
    bars: tuple[Bar, ...]

    @property
    def uplift(self) -> Estimate:
        """Value over the baseline per 1,000 decisions, with its interval."""
        return self.metrics.get("uplift_per_1000", Estimate(value=None))

    @property
    def missed(self) -> tuple[Bar, ...]:
        """The lines that are not cleared."""
        return tuple(one for one in self.bars if not one.cleared)


def read_bodies(
    workspace: Workspace, endpoint: str, start: datetime | None = None, end: datetime | None = None
) -> tuple[Mapping[str, Json], ...]:
    """The bodies of the windows that begin in ``[start, end)``, oldest first."""
    begun = [(Part(one.body).instant("start"), one.body) for one in read_all(workspace, "window", endpoint=endpoint)]
    inside = [
        (at, body)
        for at, body in begun
        if at is not None and (start is None or at >= start) and (end is None or at < end)
    ]
    return tuple(body for _, body in sorted(inside, key=lambda one: one[0]))


def read_windows(
    workspace: Workspace, endpoint: str, start: datetime | None = None, end: datetime | None = None
) -> tuple[WindowRow, ...]:
    """The windows that begin in ``[start, end)``, oldest first."""
    rows = (_row(Part(body)) for body in read_bodies(workspace, endpoint, start, end))
    return tuple(one for one in rows if one is not None)


def newest_window(workspace: Workspace, endpoint: str) -> Part:
    """The body of the window that begins last; an empty part when there is none."""
    bodies = [Part(one.body) for one in read_all(workspace, "window", endpoint=endpoint)]
    return max(bodies, key=lambda one: one.text("start"), default=Part(None))


def _row(body: Part) -> WindowRow | None:
    start, end = body.instant("start"), body.instant("end")
    if start is None or end is None:
        return None
    latency, metrics = body.part("latency_ms"), body.part("metrics")
    known = {name: metrics.number(name) for name, _ in metrics.items()}
    return WindowRow(
        start=start,
        end=end,
        requests=body.whole("requests"),
        outcomes={name: int(body.part("outcomes").number(name) or 0) for name, _ in body.part("outcomes").items()},
        p50_ms=latency.number("p50"),
        p99_ms=latency.number("p99"),
        predictions=body.whole("predictions"),
        labelled=body.whole("labelled"),
        maturity=body.number("maturity"),
        acted=body.whole("acted"),
        metrics={name: value for name, value in known.items() if value is not None},
        value=body.number("value_total"),
        baseline_value=body.number("baseline_value_total"),
    )


def read_performance(workspace: Workspace, endpoint: str) -> Part:
    """The body of what an endpoint reached so far; an empty part when nothing matured."""
    found = newest(workspace, "performance", endpoint=endpoint)
    return Part(found.body if found else None)


def view_performance(body: Part) -> Performance:
    """Read what :func:`read_performance` found."""
    metrics = body.part("metrics")
    return Performance(
        as_of=body.instant("as_of"),
        start=body.instant("from"),
        end=body.instant("to"),
        labelled=body.whole("labelled"),
        days=body.whole("days"),
        metrics={name: metrics.estimate(name) for name, _ in metrics.items()},
        bars=tuple(
            Bar(
                metric=one.text("metric"),
                text=one.text("text"),
                measured=one.number("measured"),
                threshold=one.number("threshold"),
                cleared=one.flag("cleared"),
            )
            for one in body.parts("bars")
        ),
    )
