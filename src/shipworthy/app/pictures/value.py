"""Value over time against the baseline, with the line of "good enough" and what happened."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from shipworthy.app.pictures import theme
from shipworthy.app.pictures.picture import Moment, Picture
from shipworthy.app.pictures.series import TRAILING, Matured, matured, value_bar
from shipworthy.app.views import words
from shipworthy.core.digests import Json
from shipworthy.problem.goal import Bar

__all__ = ["draw_value"]

_COLOURS: Final[Mapping[str, str]] = {"baseline": theme.GREY, "good enough": theme.WARM}


def draw_value(
    windows: Iterable[Mapping[str, Json]],
    *,
    unit: str,
    good_enough: Sequence[str] = (),
    moments: Iterable[Moment] = (),
) -> Picture | None:
    """Value per 1,000 decisions of each mature window, with the mean of the last 14 and the line to clear.

    Where the line speaks of the baseline, the picture shows value over the baseline, so that the line is a level.

    Args:
        windows: Bodies of documents of kind ``window``.
        unit: Unit of value per 1,000, such as ``"USD per 1,000 flights"``.
        good_enough: The goal's lines as texts.
        moments: What happened, such as new plans.

    Returns:
        None while nothing is mature.
    """
    known = matured(windows)
    if len(known) == 0:
        return None
    bar = value_bar(good_enough)
    over_baseline = bar is None or bar.over_baseline
    amount = known.uplift if over_baseline else known.value
    what = "value over the baseline" if over_baseline else "value"
    each, trailing = known.per_1000(amount).tolist(), known.trailing(amount)
    dots = theme.points(known.start, each, "one day", size=4, opacity=0.55)
    last = next((one for one in reversed(trailing) if one is not None), None)
    levels = _levels(bar, over_baseline=over_baseline)
    named = {**levels, **({} if last is None else {f"{TRAILING}-day mean": last})}
    return Picture(
        name="value",
        title=_title(len(known), bar, last, what, unit),
        figure=theme.figure(
            [dots, theme.line(known.start, trailing, f"mean of {TRAILING} days", width=2.5)],
            x=theme.axis("day (UTC)", type="date"),
            y=theme.axis(unit),
            over=[
                *[theme.level(at, colour=_COLOURS[name]) for name, at in levels.items()],
                *theme.beside(named, low=min(0.0, *each), high=max(0.0, *each)),
                *theme.events(moments, start=known.start[0], end=known.start[-1]),
            ],
        ),
        columns=("day", "decisions", f"value, {unit}", f"baseline, {unit}", f"{what}, mean of {TRAILING} days"),
        rows=_rows(known, trailing),
        note=(
            f"Dots are days ({what}), the line is the mean of the last {TRAILING}. "
            "Days differ much by weather and season: one day alone says little."
        ),
    )


def _rows(known: Matured, trailing: list[float | None]) -> tuple[tuple[str | float | None, ...], ...]:
    value, baseline = known.per_1000(known.value).tolist(), known.per_1000(known.baseline).tolist()
    return tuple(zip(known.start, known.rows.astype(int).tolist(), value, baseline, trailing, strict=True))


def _levels(bar: Bar | None, *, over_baseline: bool) -> dict[str, float]:
    levels = {"baseline": 0.0} if over_baseline else {}
    return levels if bar is None else {**levels, "good enough": bar.amount}


def _title(days: int, bar: Bar | None, last: float | None, what: str, unit: str) -> str:
    if last is None:
        return f"{words.plural(days, 'day')} matured: too few for a mean of {TRAILING} days"
    said = f"The last {TRAILING} days earned {words.amount(last, unit)}"
    if what != "value":
        said += " over the baseline"
    if bar is None:
        return said
    money = unit.partition(" ")[0]
    side = "above" if last >= bar.amount else "under"
    return f"{said}, {side} 'good enough' ({words.amount(bar.amount, money)})"
