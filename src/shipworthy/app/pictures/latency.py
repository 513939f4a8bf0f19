"""Latency: quantiles over time in production, and the whole curve at the gate."""

from collections.abc import Iterable, Mapping

from shipworthy.app.pictures import theme
from shipworthy.app.pictures.picture import Moment, Picture
from shipworthy.app.pictures.series import ordered
from shipworthy.app.views import words
from shipworthy.app.views.reading import Part
from shipworthy.core.digests import Json

__all__ = ["draw_latency", "draw_latency_curve"]

_ROOM = 1.15


def draw_latency(
    windows: Iterable[Mapping[str, Json]], *, budget_ms: float | None = None, moments: Iterable[Moment] = ()
) -> Picture | None:
    """Median and 99th percentile of each window against the budget.

    Args:
        windows: Bodies of documents of kind ``window``.
        budget_ms: Largest p99 that the goal allows, in ms; None for no line.
        moments: What happened, such as new plans.

    Returns:
        None if there is no window.
    """
    parts = ordered(windows)
    if not parts:
        return None
    start = [one.text("start") for one in parts]
    p50, p99 = ([one.part("latency_ms").number(name) for one in parts] for name in ("p50", "p99"))
    known = [one for one in p99 if one is not None]
    highest = max([*known, budget_ms or 0.0, 0.001]) * _ROOM
    named = {"p50": p50[-1], "p99": p99[-1], "p99 budget": budget_ms}
    over = [] if budget_ms is None else [theme.level(budget_ms)]
    over += theme.beside({name: at for name, at in named.items() if at is not None}, low=0, high=highest)
    over += theme.events(moments, start=start[0], end=start[-1])
    return Picture(
        name="latency",
        title=_title(known, budget_ms),
        figure=theme.figure(
            [
                theme.line(start, p50, "p50 ms", colour=theme.GREY),
                theme.line(start, p99, "p99 ms", width=2.5),
            ],
            x=theme.axis("day (UTC)", type="date"),
            y=theme.axis("time in the server, ms", range=[0, highest]),
            over=over,
        ),
        columns=("day", "p50, ms", "p99, ms"),
        rows=tuple(zip(start, p50, p99, strict=True)),
        note="From the last byte of the request to the first of the reply, every request of the day.",
    )


def draw_latency_curve(evidence: Mapping[str, Json]) -> Picture | None:
    """How long requests took at the gate, from the fastest to the slowest, against the budget.

    Args:
        evidence: ``{"budget", "p50", "p99", "sorted"}`` of the check ``latency``, all in ms.
    """
    part = Part(evidence)
    curve, budget, p99 = part.numbers("sorted"), part.number("budget"), part.number("p99")
    if not curve or budget is None or p99 is None:
        return None
    share = [place / max(len(curve) - 1, 1) for place in range(len(curve))]
    side = "within" if p99 <= budget else "over"
    p50 = part.number("p50")
    return Picture(
        name="latency",
        title=f"99 of 100 requests took up to {words.milliseconds(p99)}, {side} the budget of "
        f"{words.milliseconds(budget)}",
        figure=theme.figure(
            [theme.line(share, list(curve), "ms", width=2.5)],
            x=theme.axis("share of requests", tickformat=".0%"),
            y=theme.axis("time as the caller sees it, ms", range=[0, max(curve[-1], budget) * _ROOM]),
            over=[
                theme.level(budget),
                *theme.beside({"p99 budget": budget}, low=0, high=max(curve[-1], budget) * _ROOM),
                theme.upright(0.99, f"p99 {words.milliseconds(p99)}", colour=theme.GREY, anchor="right", top=0.6),
            ],
        ),
        columns=("share of requests", "ms"),
        rows=tuple(zip(share, curve, strict=True)),
        note=f"Half of the requests took up to {words.milliseconds(p50)}. One row a request, over HTTP.",
    )


def _title(p99: list[float], budget_ms: float | None) -> str:
    if not p99:
        return "No request was timed"
    worst = f"The worst day's p99 was {words.milliseconds(max(p99))}"
    if budget_ms is None:
        return worst
    over = sum(one > budget_ms for one in p99)
    if not over:
        return f"{worst}, within the budget of {words.milliseconds(budget_ms)}"
    return f"p99 was over its budget of {words.milliseconds(budget_ms)} on {over} of {words.plural(len(p99), 'day')}"
