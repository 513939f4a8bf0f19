"""What pages draw themselves: data for the plots, and the sparkline, as markup that cannot run anything."""

import json
from collections.abc import Sequence

from markupsafe import Markup

from shipworthy.app.views.overview import Spark

__all__ = ["figure_json", "sparkline"]

_UNSAFE: dict[str, str | int | None] = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_ESCAPES = str.maketrans(_UNSAFE)
WIDTH, HEIGHT = 180, 44


def figure_json(figure: object) -> Markup:
    """A figure for ``<script type="application/json">``; no text in it can end the element."""
    text = json.dumps(figure, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_ESCAPES))  # noqa: S704 - every character that HTML reads is escaped


def sparkline(spark: Spark, label: str) -> Markup:
    """Value over the baseline as a small curve with its band and a zero line, described in ``label``."""
    if len(spark.values) < 2:
        return Markup("")
    low, high = min(0.0, *spark.lows), max(0.0, *spark.highs)
    span = (high - low) or 1.0

    def points(values: Sequence[float]) -> list[str]:
        step = WIDTH / (len(values) - 1)
        return [f"{i * step:.1f},{HEIGHT - 2 - (v - low) / span * (HEIGHT - 4):.1f}" for i, v in enumerate(values)]

    zero = HEIGHT - 2 + low / span * (HEIGHT - 4)
    band = " ".join([*points(spark.highs), *reversed(points(spark.lows))])
    line = points(spark.values)
    end_x, end_y = line[-1].split(",")
    return Markup(
        '<svg class="spark" viewBox="-2 0 {width} {height}" width="{width}" height="{height}" role="img" '
        'aria-label="{label}"><polygon class="band" points="{band}"/>'
        '<line class="zero" x1="0" x2="{edge}" y1="{zero:.1f}" y2="{zero:.1f}"/>'
        '<polyline class="line" points="{line}"/><circle class="end" cx="{end_x}" cy="{end_y}" r="2.5"/></svg>'
    ).format(
        width=WIDTH + 6,
        height=HEIGHT,
        label=label,
        band=band,
        edge=WIDTH,
        zero=zero,
        line=" ".join(line),
        end_x=end_x,
        end_y=end_y,
    )
