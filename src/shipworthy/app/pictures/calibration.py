"""Calibration: what was said beside what happened."""

from collections.abc import Mapping

from shipworthy.app.pictures import theme
from shipworthy.app.pictures.picture import Picture
from shipworthy.app.views import words
from shipworthy.app.views.reading import Part
from shipworthy.core.digests import Json

__all__ = ["draw_calibration"]


def draw_calibration(evidence: Mapping[str, Json]) -> Picture | None:
    """Mean probability and share of true outcomes of each bin; the closer to the diagonal, the more honest.

    Args:
        evidence: ``{"said", "happened", "count", "threshold"}`` of the check ``calibration``: a number a bin, null
            where it is empty.

    Returns:
        None if no bin has a row.
    """
    part = Part(evidence)
    bins = [
        (float(str(said)), float(str(happened)), int(count))
        for said, happened, count in zip(
            _list(part.get("said")), _list(part.get("happened")), part.numbers("count"), strict=True
        )
        if said is not None and happened is not None and count
    ]
    if not bins:
        return None
    said, happened, count = ([float(one[place]) for one in bins] for place in range(3))
    rows = sum(count)
    error = sum(n * abs(s - h) for s, h, n in bins) / rows
    size = [8 + 26 * (n / max(count)) ** 0.5 for n in count]
    threshold = part.number("threshold")
    diagonal = theme.line([0, 1], [0, 1], "honest", colour=theme.GREY, width=1.5, hoverinfo="skip", hovertemplate=None)
    dots: theme.Part = {
        **theme.line(said, happened, "model", width=1.5),
        "mode": "lines+markers",
        "marker": {"size": list(size), "color": theme.ACCENT, "opacity": 0.75},
        "customdata": list(count),
        "hovertemplate": "said %{x:.3f}<br>happened %{y:.3f}<br>%{customdata:,} rows<extra></extra>",
    }
    over = [theme.label(0.97, 0.97, "said = happened ")]
    if threshold is not None:
        over.append(theme.upright(threshold, f"acts from {threshold:g}"))
    return Picture(
        name="calibration",
        title=f"What was said is off by {words.number(error, 2)} on average over {words.count(rows)} rows",
        figure=theme.figure(
            [diagonal, dots],
            x=theme.axis("probability that was said", range=[-0.02, 1]),
            y=theme.axis("share that happened", range=[-0.03, 1.03]),
            over=over,
        ),
        columns=("said", "happened", "rows"),
        rows=tuple(bins),
        note="Each dot is a bin of equal width, larger with more rows. Under the line: too much was said.",
    )


def _list(value: Json) -> list[Json]:
    return list(value) if isinstance(value, list | tuple) else []
