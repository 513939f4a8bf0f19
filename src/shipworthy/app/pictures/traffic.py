"""Traffic and how it ended, window by window."""

from collections.abc import Iterable, Mapping
from typing import Final

from shipworthy.app.pictures import theme
from shipworthy.app.pictures.picture import Moment, Picture
from shipworthy.app.pictures.series import ordered
from shipworthy.app.views import words
from shipworthy.core.digests import Json

__all__ = ["draw_traffic"]

_ROOM_FOR_EVENTS: Final = 1.2

_GROUPS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "answered": (("ok",), theme.ACCENT),
    "answered by the baseline": (("fallback",), "#8fb8de"),
    "refused by the contract": (("invalid",), theme.GREY),
    "failed": (("error", "timeout", "rejected"), theme.WARM),
}


def draw_traffic(windows: Iterable[Mapping[str, Json]], *, moments: Iterable[Moment] = ()) -> Picture | None:
    """Requests of each window by how they ended; windows with failures are marked above their bar.

    Args:
        windows: Bodies of documents of kind ``window``.
        moments: What happened, such as new plans.

    Returns:
        None if there is no window.
    """
    parts = ordered(windows)
    if not parts:
        return None
    start = [one.text("start") for one in parts]
    counts = {
        name: [sum(one.part("outcomes").number(kind) or 0 for kind in kinds) for one in parts]
        for name, (kinds, _) in _GROUPS.items()
    }
    total = [sum(column) for column in zip(*counts.values(), strict=True)]
    traces = [_bars(start, name, counts[name]) for name in _GROUPS if sum(counts[name])]
    if any(counts["failed"]):
        traces.append(_failures(start, total, counts["failed"]))
    return Picture(
        name="traffic",
        title=_title(sum(total), {name: sum(column) for name, column in counts.items()}),
        figure=theme.figure(
            traces,
            x=theme.axis("day (UTC)", type="date"),
            y=theme.axis("requests", range=[0, max(total) * _ROOM_FOR_EVENTS]),
            over=theme.events(moments, start=start[0], end=start[-1]),
            barmode="stack",
            showlegend=len(traces) > 1,
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        ),
        columns=("day", "requests", *counts),
        rows=tuple(zip(start, total, *counts.values(), strict=True)),
        note="A triangle marks a day with failures: errors, time-outs and requests turned away under load.",
    )


def _bars(start: list[str], name: str, counts: list[float]) -> theme.Part:
    return {
        "type": "bar",
        "x": list(start),
        "y": list(counts),
        "name": name,
        "marker": {"color": _GROUPS[name][1], "line": {"width": 0}},
        "hovertemplate": f"%{{x}}<br>%{{y:,}} {name}<extra></extra>",
    }


def _failures(start: list[str], total: list[float], failed: list[float]) -> theme.Part:
    """A triangle on each window with failures: three among thousands are no visible bar."""
    places = [place for place, count in enumerate(failed) if count]
    return theme.points(
        [start[place] for place in places],
        [total[place] for place in places],
        "a day with failures",
        marker={"color": theme.WARM, "size": 9, "symbol": "triangle-down"},
        text=[f"{failed[place]:,.0f} failed" for place in places],
        hovertemplate="%{x}<br>%{text}<extra></extra>",
    )


def _title(total: float, sums: Mapping[str, float]) -> str:
    said = f"{words.count(total)} requests"
    if not sums["failed"]:
        return f"{said}, none failed"
    return f"{said}, {words.count(sums['failed'])} failed ({words.share(sums['failed'] / total)})"
