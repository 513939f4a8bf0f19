"""Cumulative value over the baseline, with its band."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from shipworthy.app.pictures import theme
from shipworthy.app.pictures.picture import Moment, Picture
from shipworthy.app.pictures.series import matured
from shipworthy.app.views import words
from shipworthy.core.digests import Json

__all__ = ["draw_uplift"]

_FEWEST = 7


def draw_uplift(windows: Iterable[Mapping[str, Json]], *, unit: str, moments: Iterable[Moment] = ()) -> Picture | None:
    """The sum of value over the baseline since the first mature window.

    The band is the 95 % interval of the sum, from the spread of the days so far: 1.96 standard deviations of a day
    times the square root of their number. It begins at the seventh day.

    Args:
        windows: Bodies of documents of kind ``window``.
        unit: Unit of value, such as ``"USD"``.
        moments: What happened, such as new plans.

    Returns:
        None while nothing is mature.
    """
    known = matured(windows)
    if len(known) == 0:
        return None
    total = np.cumsum(known.uplift)
    half = _half_width(known.uplift)
    low, high = _known(total - half), _known(total + half)
    bounds = [one for one in (*low, *high, *total.tolist()) if one is not None]
    said = words.amount(float(total[-1]), unit, signed=True)
    interval = words.between(low[-1], high[-1], unit)
    return Picture(
        name="uplift",
        title=f"{said} over the baseline in {words.plural(len(known), 'day')}"
        + (f" (95 % interval {interval})" if interval else ""),
        figure=theme.figure(
            [*theme.band(known.start, low, high), theme.line(known.start, total.tolist(), "sum", width=2.5)],
            x=theme.axis("day (UTC)", type="date"),
            y=theme.axis(f"{unit} over the baseline, summed"),
            over=[
                theme.level(0, colour=theme.GREY, dash="solid"),
                *theme.beside(
                    {"baseline": 0.0, "sum": float(total[-1])}, low=min(0.0, *bounds), high=max(0.0, *bounds)
                ),
                *theme.events(moments, start=known.start[0], end=known.start[-1]),
            ],
        ),
        columns=("day", f"sum over the baseline, {unit}", f"low, {unit}", f"high, {unit}"),
        rows=tuple(zip(known.start, total.tolist(), low, high, strict=True)),
        note="Only days whose outcomes are mature. The band is the 95 % interval of the sum from the spread of days.",
    )


def _half_width(daily: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the width of the band up to each day, NaN before the seventh, shape (n_days,)."""
    count = np.arange(1, len(daily) + 1)
    mean = np.cumsum(daily) / count
    spread = np.maximum(np.cumsum(daily**2) / count - mean**2, 0) * count / np.maximum(count - 1, 1)
    return np.where(count >= _FEWEST, 1.96 * np.sqrt(spread * count), np.nan)


def _known(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(one) else float(one) for one in values]
