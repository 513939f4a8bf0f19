"""When value falls under "good enough": one incident for one cause, opened and closed against the noise of days.

The rule looks at the last 14 mature windows. It opens when the whole 95 % interval of their value lies under the
line, and closes when their value is back on it; between the two nothing changes, so that no incident flickers.

Source:
    Shipworthy's own simulation: 275 days of uplift of a simple model on the flights example (standard deviation 38
    per flight and day, lag-1 correlation .21), resampled in blocks of three days around another mean, line at 10 per
    flight, 100 runs each. True uplift 30: opened 0.2 times a year; 20: 2.2 times. A fall from 30 to 0 was found within
    60 days in 97 of 100 runs, after 19 days at the median; to -10 in all, after 13. Opening as soon as the point
    estimate lies under the line opened 2.5 times a year at 30 and 13 times at 20 (60 runs); detectors on single rows
    always ring on such data (METHODS 4).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from shipworthy.core.digests import Json
from shipworthy.core.findings import Finding, Status
from shipworthy.problem.goal import Bar, Goal
from shipworthy.stats.bootstrap import Interval, Resampling

__all__ = ["CAUSE", "Action", "decide"]

CAUSE: Final = "value"
_LOOK_BACK: Final = 14
_AT_LEAST: Final = 7
_REMEDY: Final = (
    "look at what changed (data, plan, season), roll back to the package before, or retrain on the newest labels; "
    "while it lasts the baseline may be the better answer"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What to do with one incident.

    Attributes:
        kind: ``open`` a new one, ``keep`` it open with the newest figures, or ``close`` it.
        incident: Id of the open incident; None to open a new one.
        body: The whole new body (document kind ``incident``).
    """

    kind: Literal["open", "keep", "close"]
    incident: str | None
    body: dict[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Margins:
    """Mature windows, oldest first: when each began, its labelled rows and its value over the line."""

    start: tuple[str, ...]
    rows: NDArray[np.float64]
    over: NDArray[np.float64]


def decide(
    *,
    windows: Iterable[Mapping[str, Json]],
    open_incidents: Mapping[str, Mapping[str, Json]],
    goal: Goal,
    project: str,
    endpoint: str,
    now: datetime,
) -> Action | None:
    """Decide about the incident "value is under good enough" of one endpoint.

    Pure: the same windows give the same action, and an action that was carried out gives None the next time.

    Args:
        windows: Bodies of the endpoint's windows (:func:`shipworthy.monitoring.windows.windows`), any order.
        open_incidents: Bodies of open incidents by id, of any endpoint and cause.
        goal: Its first line on value is the one that is watched.
        project: Name of the project.
        endpoint: Name of the endpoint.
        now: The present instant, aware UTC.

    Returns:
        What to do; None if there is nothing to do, as while fewer than 7 windows are mature.
    """
    bar = next((one for one in goal.good_enough if one.metric == "value_per_1000" and one.sense == ">="), None)
    margins = _margins(windows, bar) if bar else None
    if bar is None or margins is None or len(margins.rows) < _AT_LEAST:
        return None
    trailing = _trailing(margins)
    story = _Story(goal=goal, bar=bar, margins=margins, trailing=trailing, now=now)
    found = next(
        (
            (name, body)
            for name, body in open_incidents.items()
            if body["endpoint"] == endpoint and body["cause"] == CAUSE
        ),
        None,
    )
    if found is None:
        return _opened(story, project, endpoint) if trailing.high < 0 else None
    name, body = found
    if trailing.estimate >= 0:
        return Action(kind="close", incident=name, body=story.closed(body))
    kept = story.kept(body)
    return Action(kind="keep", incident=name, body=kept) if kept != dict(body) else None


def _opened(story: "_Story", project: str, endpoint: str) -> Action:
    return Action(kind="open", incident=None, body=story.opened(project, endpoint))


def _margins(windows: Iterable[Mapping[str, Json]], bar: Bar) -> _Margins:
    known = sorted((one for one in windows if one["mature"] and one["labelled"]), key=lambda one: str(one["start"]))
    rows = np.array([float(one["labelled"]) for one in known])  # type: ignore[arg-type]
    value = np.array([float(one["value_total"]) for one in known])  # type: ignore[arg-type]
    today = np.array([float(one["baseline_value_total"]) for one in known])  # type: ignore[arg-type]
    line = bar.amount * rows / 1000 + (today if bar.over_baseline else 0)
    return _Margins(start=tuple(str(one["start"]) for one in known), rows=rows, over=value - line)


def _trailing(margins: _Margins) -> Interval:
    """Value over the line per 1,000 decisions in the last windows, with its interval over windows."""
    rows, over = margins.rows[-_LOOK_BACK:], margins.over[-_LOOK_BACK:]
    plan = Resampling()
    draws = plan.draws(len(rows))
    return plan.interval(1000 * over.sum() / rows.sum(), 1000 * (draws @ over) / (draws @ rows), blocks=len(rows))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Story:
    """The words and figures of one incident."""

    goal: Goal
    bar: Bar
    margins: _Margins
    trailing: Interval
    now: datetime

    def opened(self, project: str, endpoint: str) -> dict[str, Json]:
        since = self.margins.start[-self.trailing.blocks]
        figures = self._figures(since)
        return {
            "project": project,
            "endpoint": endpoint,
            "cause": CAUSE,
            "title": f"Value is under 'good enough' since {since[:10]}",
            "opened_at": self.now.isoformat(),
            "closed_at": None,
            "status": "open",
            "since": since,
            "unit": self.goal.unit,
            "suggested": _REMEDY,
            "timeline": [{"at": self.now.isoformat(), "text": f"Opened. {self._finding().message}"}],
            **figures,
        }

    def kept(self, body: Mapping[str, Json]) -> dict[str, Json]:
        return {**body, **self._figures(str(body["since"]))}

    def closed(self, body: Mapping[str, Json]) -> dict[str, Json]:
        lost = _lost(self.margins, str(body["since"]))
        text = (
            f"Closed by recovery: the last {self.trailing.blocks} mature windows earned "
            f"{self._money(self.trailing.estimate)} over the line per 1,000 {self.goal.each}s. "
            f"Since {str(body['since'])[:10]} the sum against the line is {self._money(lost)}."
        )
        timeline: Sequence[Json] = body["timeline"]  # type: ignore[assignment]
        return {
            **body,
            "status": "closed",
            "closed_at": self.now.isoformat(),
            "consequence": lost,
            "timeline": [*timeline, {"at": self.now.isoformat(), "text": text}],
        }

    def _figures(self, since: str) -> dict[str, Json]:
        return {"consequence": _lost(self.margins, since), "findings": [self._finding().to_json()]}

    def _finding(self) -> Finding:
        low, high = self.trailing.low, self.trailing.high
        under = "under" if self.trailing.estimate < 0 else "over"
        recent = slice(-self.trailing.blocks, None)
        return Finding(
            check="value.realised",
            status=Status.FAILED,
            message=(
                f"The last {self.trailing.blocks} mature windows earned {self._money(abs(self.trailing.estimate))} "
                f"per 1,000 {self.goal.each}s {under} the line 'value {self.bar}' "
                f"(95 % interval by window {self._money(low)} to {self._money(high)})."
            ),
            measured=self.trailing.estimate,
            interval=(low, high),
            threshold=">= 0 over the line",
            unit=self.goal.unit_per_1000,
            remedy=_REMEDY,
            evidence={
                "picture": "value_margin",
                "unit": self.goal.unit_per_1000,
                "line": str(self.bar),
                "start": list(self.margins.start[recent]),
                "over_per_1000": (1000 * self.margins.over[recent] / self.margins.rows[recent]).tolist(),
            },
        )

    def _money(self, amount: float) -> str:
        return f"{amount:,.0f} {self.goal.unit}"


def _lost(margins: _Margins, since: str) -> float:
    """Value over the line of all mature windows from ``since`` on, in the goal's unit; negative is a loss."""
    inside = np.array([start >= since for start in margins.start])
    return float(margins.over[inside].sum())
