"""Value over the line of "good enough", day by day: what an incident is opened on."""

from collections.abc import Mapping

from shipworthy.app.pictures import theme
from shipworthy.app.pictures.picture import Picture
from shipworthy.app.views import words
from shipworthy.app.views.reading import Part
from shipworthy.core.digests import Json

__all__ = ["draw_value_margin"]


def draw_value_margin(evidence: Mapping[str, Json]) -> Picture | None:
    """Bars over and under the line, one a window.

    Args:
        evidence: ``{"unit", "line", "start", "over_per_1000"}`` of the check ``value.realised``.

    Returns:
        None if there is no window.
    """
    part = Part(evidence)
    start, over = part.texts("start"), part.numbers("over_per_1000")
    if not over or len(start) != len(over):
        return None
    unit = part.text("unit")
    under = sum(one < 0 for one in over)
    bars: theme.Part = {
        "type": "bar",
        "x": list(start),
        "y": list(over),
        "marker": {"color": [theme.WARM if one < 0 else theme.ACCENT for one in over], "opacity": 0.8},
        "hovertemplate": "%{x}<br>%{y:,.4~g} against the line<extra></extra>",
    }
    return Picture(
        name="value_margin",
        title=f"Under 'good enough' on {under} of {words.plural(len(over), 'day')}",
        figure=theme.figure(
            [bars],
            x=theme.axis("day (UTC)", type="date"),
            y=theme.axis(unit),
            over=[theme.level(0), *theme.beside({"good enough": 0.0}, low=min(over), high=max(over))],
        ),
        columns=("day", f"against the line, {unit}"),
        rows=tuple(zip(start, over, strict=True)),
        note=f"The line is 'value {part.text('line')}'. Only days whose outcomes are mature.",
    )
