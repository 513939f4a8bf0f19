"""The look of every picture: neutral colours that hold on light and on dark, and the parts that figures are made of.

Each colour has a contrast of at least 3:1 on white and on the console's dark surface, and the accent and the warm
colour differ for every kind of colour vision (a blue and an orange of different lightness).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from shipworthy.app.pictures.picture import Moment
from shipworthy.core.digests import Json

__all__ = [
    "ACCENT",
    "GREY",
    "WARM",
    "axis",
    "band",
    "beside",
    "events",
    "figure",
    "label",
    "level",
    "line",
    "points",
    "upright",
]

ACCENT: Final = "#3b82c4"
GREY: Final = "#808892"
WARM: Final = "#c2691d"
_BAND: Final = "rgba(59,130,196,0.18)"
_GRID: Final = "rgba(128,136,146,0.22)"
_TEXT: Final = "#6b7178"
_PLOT_PX: Final = 230
_LINE_PX: Final = 14
_ROOM_PX: Final = 86
_FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"

Part = dict[str, Json]
Values = Sequence[float | None]


def figure(traces: Iterable[Part], *, x: Part, y: Part, over: Iterable[Part] = (), **layout: Json) -> Part:
    """A whole figure.

    Args:
        traces: What is drawn, back to front.
        x: The horizontal axis.
        y: The vertical axis.
        over: Lines and texts over or beside it, from :func:`level`, :func:`beside`, :func:`upright`, :func:`label` and
            :func:`events`.
        layout: Further keys of Plotly's layout.
    """
    parts = list(over)
    shapes: list[Json] = [part["shape"] for part in parts if "shape" in part]
    texts: list[Json] = [part["text"] for part in parts if "text" in part]
    # A page that sets margins of its own reads in ``meta`` how much room the texts beside the plot need.
    right = _ROOM_PX if any(part.get("beside") for part in parts) else 20
    drawn: list[Json] = list(traces)
    return {
        "data": drawn,
        "layout": {
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": _FONT, "size": 12, "color": _TEXT},
            "showlegend": False,
            "hovermode": "closest",
            "margin": {"t": 20, "r": right, "b": 48, "l": 64},
            "meta": {"margin": {"r": right}},
            "xaxis": x,
            "yaxis": y,
            "shapes": shapes,
            "annotations": texts,
            **layout,
        },
    }


def axis(title: str, **keys: Json) -> Part:
    """An axis named with its unit; light grid, no box."""
    return {
        "title": {"text": title, "font": {"size": 12}},
        "gridcolor": _GRID,
        "zerolinecolor": _GRID,
        "automargin": True,
        **keys,
    }


def line(x: Sequence[Json], y: Values, name: str, *, colour: str = ACCENT, width: float = 2, **keys: Json) -> Part:
    """A series as a line; gaps where a value is None."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "y": list(y),
        "name": name,
        "line": {"color": colour, "width": width},
        "hovertemplate": f"%{{x}}<br>{name} %{{y:,.4~g}}<extra></extra>",
        **keys,
    }


def points(x: Sequence[Json], y: Values, name: str, *, colour: str = GREY, size: float = 5, **keys: Json) -> Part:
    """A series as dots."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(x),
        "y": list(y),
        "name": name,
        "marker": {"color": colour, "size": size},
        "hovertemplate": f"%{{x}}<br>{name} %{{y:,.4~g}}<extra></extra>",
        **keys,
    }


def band(x: Sequence[Json], low: Values, high: Values) -> tuple[Part, Part]:
    """An interval as a soft band in the accent's colour, to be drawn before its line."""
    edge: Part = {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }
    return {**edge, "y": list(low)}, {**edge, "y": list(high), "fill": "tonexty", "fillcolor": _BAND}


def level(value: float, *, colour: str = WARM, dash: str = "dash", start: float = 0.0) -> Part:
    """A threshold or baseline as a horizontal line, from the fraction ``start`` of the width on; see :func:`beside`."""
    return {
        "shape": {
            "type": "line",
            "xref": "paper",
            "x0": start,
            "x1": 1,
            "y0": value,
            "y1": value,
            "line": {"color": colour, "width": 1.5, "dash": dash},
        }
    }


def beside(names: Mapping[str, float], *, low: float, high: float) -> list[Part]:
    """The names of lines and levels right of the plot, each at its height, moved apart where they would touch.

    Args:
        names: Height of each name, in the unit of the vertical axis; at most a few words each, ``<br>`` breaks lines.
        low: About the lowest value of the axis.
        high: About the highest.
    """
    scale = _PLOT_PX / ((high - low) or 1.0)
    parts: list[Part] = []
    taken = -math.inf
    for name, y in sorted(names.items(), key=lambda one: one[1]):
        wanted = (y - low) * scale
        height = _LINE_PX * (name.count("<br>") + 1)
        centre = max(wanted, taken + height / 2)
        taken = centre + height / 2
        text: Part = {
            "xref": "paper",
            "x": 1,
            "xshift": 5,
            "y": y,
            "yshift": round(centre - wanted),
            "xanchor": "left",
            "yanchor": "middle",
            "align": "left",
            "text": name,
            "showarrow": False,
        }
        parts.append({"text": text, "beside": True})
    return parts


def upright(value: Json, text: str, *, colour: str = WARM, top: float = 1.0, anchor: str = "left") -> Part:
    """A threshold as a vertical line, labelled at the top."""
    return {
        "shape": {
            "type": "line",
            "yref": "paper",
            "x0": value,
            "x1": value,
            "y0": 0,
            "y1": 1,
            "line": {"color": colour, "width": 1.5, "dash": "dash"},
        },
        "text": {
            "yref": "paper",
            "x": value,
            "y": top,
            "xanchor": anchor,
            "yanchor": "top",
            "text": f" {text} ",
            "showarrow": False,
        },
    }


def label(x: Json, y: float, text: str, *, anchor: str = "right", shift: int = 3) -> Part:
    """The name of a line or point, ``shift`` pixels above it."""
    return {
        "text": {
            "x": x,
            "y": y,
            "text": text,
            "xanchor": anchor,
            "yanchor": "bottom",
            "yshift": shift,
            "showarrow": False,
        }
    }


def events(moments: Iterable[Moment], *, start: str, end: str) -> list[Part]:
    """What happened between two instants (ISO 8601, UTC), as thin vertical marks; moments of one day share a label."""
    by_day: dict[str, list[Moment]] = {}
    for one in sorted(moments, key=lambda moment: moment.at):
        if start <= one.at.isoformat() <= end:
            by_day.setdefault(one.at.date().isoformat(), []).append(one)
    marks = []
    for place, found in enumerate(by_day.values()):
        text = ", ".join(dict.fromkeys(one.text for one in found))
        mark = upright(found[0].at.isoformat(), text, colour=GREY, top=1.0 - 0.07 * (place % 3))
        mark["shape"] = {**_part(mark["shape"]), "line": {"color": GREY, "width": 1}}
        marks.append(mark)
    return marks


def _part(value: Json) -> Part:
    assert isinstance(value, dict)
    return value
