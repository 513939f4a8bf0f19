"""The leaderboard: value against latency, the baseline as a line, the proposal marked."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from shipworthy.app.pictures import theme
from shipworthy.app.pictures.picture import Picture
from shipworthy.app.views import words
from shipworthy.app.views.reading import Estimate, Part
from shipworthy.core.digests import Json

__all__ = ["draw_leaderboard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    name: str
    kind: str
    proposed: bool
    value: float
    interval: Estimate
    latency_us: float

    def row(self, *, on_front: bool) -> tuple[str | float | bool | None, ...]:
        low, high = self.interval.low, self.interval.high
        return self.name, self.kind, self.proposed, self.value, low, high, self.latency_us, on_front


def draw_leaderboard(run: Mapping[str, Json], *, unit: str) -> Picture | None:
    """Value per 1,000 decisions of each candidate against the time of one row.

    Args:
        run: Body of a document of kind ``run``.
        unit: Unit of value per 1,000, such as ``"USD per 1,000 flights"``.

    Returns:
        None if no candidate beside the baseline was measured.
    """
    body = Part(run)
    everyone = [one for one in map(_candidate, body.parts("candidates")) if one is not None]
    models = [one for one in everyone if one.kind != "baseline"]
    if not models:
        return None
    front = {one.name for one in models if not any(_better(other, one) for other in models)}
    baseline = next((one for one in everyone if one.kind == "baseline"), None)
    # On a logarithmic axis Plotly places texts by the logarithm.
    over = [
        theme.label(
            math.log10(one.latency_us), one.value, _called(one), anchor="center", shift=9 if one.proposed else -26
        )
        for one in _named(models, front)
    ]
    if baseline is not None:
        values = [one.value for one in everyone]
        over.append(theme.level(baseline.value, colour=theme.GREY))
        over += theme.beside({"baseline": baseline.value}, low=min(values), high=max(values))
    return Picture(
        name="leaderboard",
        title=_title(models, baseline, unit),
        figure=theme.figure(
            [
                _dots([one for one in models if not one.proposed], theme.GREY, 9, "circle"),
                _dots([one for one in models if one.proposed], theme.ACCENT, 13, "diamond"),
            ],
            x=theme.axis("time of one row, microseconds (log scale)", type="log", dtick="D2", range=_decades(models)),
            y=theme.axis(unit),
            over=over,
        ),
        columns=("candidate", "kind", "proposed", f"value, {unit}", "low", "high", "latency, us", "on the front"),
        rows=tuple(one.row(on_front=one.name in front) for one in everyone),
        note=body.text("sentence") or "Higher earns more, further left answers faster. Bars are 95 % intervals by day.",
    )


def _candidate(part: Part) -> _Candidate | None:
    interval = part.part("metrics").estimate("value_per_1000")
    latency = part.number("latency_us")
    if interval.value is None or latency is None:
        return None
    return _Candidate(
        name=part.text("name"),
        kind=part.text("kind"),
        proposed=part.get("proposed") is True,
        value=interval.value,
        interval=interval,
        latency_us=max(latency, 0.01),
    )


def _decades(models: list[_Candidate]) -> list[Json]:
    """The range of the logarithmic axis, with room for the names of the outer ones."""
    decades = [math.log10(one.latency_us) for one in models]
    return [min(decades) - 0.3, max(decades) + 0.3]


def _better(one: _Candidate, other: _Candidate) -> bool:
    """Whether ``one`` is at least as good in both and better in one."""
    as_good = one.value >= other.value and one.latency_us <= other.latency_us
    return as_good and (one.value > other.value or one.latency_us < other.latency_us)


def _named(models: list[_Candidate], front: set[str]) -> list[_Candidate]:
    """Those that get a label: the proposal, and the best on the front; a label each would cover the picture."""
    best = max(models, key=lambda one: one.value)
    fast = min((one for one in models if one.name in front), key=lambda one: one.latency_us)
    proposed = [one for one in models if one.proposed]
    return list({one.name: one for one in [*proposed, best, fast]}.values())


def _called(one: _Candidate) -> str:
    return f"<b>{one.name}</b> (proposed)" if one.proposed else one.name


def _dots(some: list[_Candidate], colour: str, size: float, symbol: str) -> theme.Part:
    up = [(one.interval.high or one.value) - one.value for one in some]
    down = [one.value - (one.interval.low or one.value) for one in some]
    return {
        **theme.points([one.latency_us for one in some], [one.value for one in some], "", colour=colour),
        "marker": {"color": colour, "size": size, "symbol": symbol},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": list(up),
            "arrayminus": list(down),
            "color": colour,
            "thickness": 1,
            "width": 3,
        },
        "text": [one.name for one in some],
        "hovertemplate": "%{text}<br>%{y:,.4~g} at %{x:.3~g} us<extra></extra>",
    }


def _title(models: list[_Candidate], baseline: _Candidate | None, unit: str) -> str:
    chosen = next((one for one in models if one.proposed), None)
    if chosen is None:
        return f"{words.plural(len(models), 'candidate')}, none is proposed"
    said = f"{chosen.name} is proposed: {words.amount(chosen.value, unit)}"
    if baseline is None:
        return said
    return f"{said}, the baseline earns {words.amount(baseline.value, unit.partition(' ')[0])}"
