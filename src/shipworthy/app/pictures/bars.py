"""A few figures side by side, each with its interval, against one line."""

from collections.abc import Mapping
from dataclasses import dataclass

from shipworthy.app.pictures import theme
from shipworthy.app.pictures.picture import Picture
from shipworthy.app.views import words
from shipworthy.app.views.reading import Estimate, Part
from shipworthy.core.digests import Json

__all__ = ["draw_bars", "draw_skill_gap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    name: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What the bars are held against; ``at`` is None for no line."""

    at: float | None
    text: str
    last_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    name: str
    title: str
    unit: str


def draw_bars(evidence: Mapping[str, Json]) -> Picture | None:
    """Figures with their intervals; those of the baseline are grey.

    Args:
        evidence: ``{"unit", "threshold", "bars": [{"name", "value", "low", "high"}]}``; ``threshold`` is a line for
            all bars, or for the last alone where that one is called ``difference``.

    Returns:
        None if no bar has a value.
    """
    part = Part(evidence)
    bars = [
        _Bar(name=one.text("name"), value=value, low=one.number("low"), high=one.number("high"))
        for one in part.parts("bars")
        if (value := one.number("value")) is not None
    ]
    if not bars:
        return None
    unit, threshold = part.text("unit"), part.number("threshold")
    said = ", ".join(f"{one.name} {_figure(one.value, unit)}" for one in bars)
    line = _Line(at=threshold, text="line", last_only=bars[-1].name == "difference")
    return _draw(_Words(name="bars", title=said[:1].upper() + said[1:], unit=unit), bars, line)


def draw_skill_gap(evidence: Mapping[str, Json]) -> Picture | None:
    """Skill on the model's own rows and on later ones, and the gap between them with its lines.

    Args:
        evidence: ``{"train", "valid", "gap", "warn", "fail"}`` of the check ``overfit``.

    Returns:
        None if a figure is missing.
    """
    part = Part(evidence)
    named = {"own rows": "train", "later rows": "valid", "gap": "gap"}
    bars = [_of(name, part.estimate(key)) for name, key in named.items()]
    known = [one for one in bars if one is not None]
    if len(known) < len(bars):
        return None
    train, valid, gap = known
    title = (
        f"Explains {words.number(train.value)} of the uncertainty on its own rows, {words.number(valid.value)} on "
        f"later ones: a gap of {words.number(gap.value)}"
    )
    line = _Line(at=part.number("fail"), text="gap fails<br>above", last_only=True)
    return _draw(_Words(name="skill_gap", title=title, unit="skill"), known, line)


def _of(name: str, estimate: Estimate) -> _Bar | None:
    if estimate.value is None:
        return None
    return _Bar(name=name, value=estimate.value, low=estimate.low, high=estimate.high)


def _draw(said: _Words, bars: list[_Bar], line: _Line) -> Picture:
    unit = said.unit
    colours = [theme.GREY if one.name.startswith("baseline") else theme.ACCENT for one in bars]
    up = [None if one.high is None else one.high - one.value for one in bars]
    down = [None if one.low is None else one.value - one.low for one in bars]
    trace: theme.Part = {
        "type": "bar",
        "x": [one.name for one in bars],
        "y": [one.value for one in bars],
        "width": 0.5,
        "marker": {"color": list(colours), "opacity": 0.8},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": list(up),
            "arrayminus": list(down),
            "color": theme.GREY,
            "thickness": 1.5,
            "width": 5,
        },
        "hovertemplate": "%{x} %{y:,.4~g}<extra></extra>",
    }
    texts = [
        theme.label(place, max(one.value, one.high or one.value, 0), _figure(one.value, unit), anchor="center")
        for place, one in enumerate(bars)
    ]
    return Picture(
        name=said.name,
        title=said.title,
        figure=theme.figure(
            [trace],
            x=theme.axis("", type="category"),
            y=theme.axis(unit, zeroline=True),
            over=[*_drawn(line, bars, unit), *texts],
        ),
        columns=("what", unit or "value", "low", "high"),
        rows=tuple((one.name, one.value, one.low, one.high) for one in bars),
        note="Thin lines are 95 % intervals by day." if any(one.low is not None for one in bars) else "",
    )


def _drawn(line: _Line, bars: list[_Bar], unit: str) -> list[theme.Part]:
    if line.at is None:
        return []
    edges = [0.0, line.at, *(bound for one in bars for bound in (one.value, one.low, one.high) if bound is not None)]
    start = (len(bars) - 1) / len(bars) if line.last_only else 0.0
    name = f"{line.text} {_figure(line.at, unit)}"
    return [theme.level(line.at, start=start), *theme.beside({name: line.at}, low=min(edges), high=max(edges))]


def _figure(value: float, unit: str) -> str:
    money = unit.partition(" ")[0]
    if money in words.CURRENCIES:
        return words.amount(value, money)
    return f"{words.number(value)} {unit}".rstrip() if unit in {"MB", "ms"} else words.number(value)
