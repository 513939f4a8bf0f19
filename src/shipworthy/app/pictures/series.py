"""Windows as series over time: what several pictures of production share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shipworthy.app.views.reading import Part
from shipworthy.core.digests import Json
from shipworthy.core.errors import InvalidGoal
from shipworthy.problem.goal import Bar

__all__ = ["TRAILING", "Matured", "matured", "ordered", "value_bar"]

TRAILING: Final = 14
"""Windows in a trailing mean; the same as the incident rule looks back (``monitoring.incidents``)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matured:
    """Windows whose outcomes are known, oldest first; every array has shape (n_windows,).

    Attributes:
        start: When each begins, ISO 8601 UTC.
        rows: Decisions with a known outcome.
        value: What they earned, in the goal's unit.
        baseline: What the baseline would have earned on the same.
    """

    start: tuple[str, ...]
    rows: NDArray[np.float64]
    value: NDArray[np.float64]
    baseline: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.start)

    @property
    def uplift(self) -> NDArray[np.float64]:
        """Value over the baseline, in the goal's unit."""
        return self.value - self.baseline

    def per_1000(self, amount: NDArray[np.float64]) -> NDArray[np.float64]:
        """``amount`` per 1,000 decisions of each window."""
        return 1000 * amount / self.rows

    def trailing(self, amount: NDArray[np.float64]) -> list[float | None]:
        """``amount`` per 1,000 decisions over the last windows up to each; None until there are enough."""
        sums, rows = (np.concatenate([[0.0], np.cumsum(one)]) for one in (amount, self.rows))
        known = 1000 * (sums[TRAILING:] - sums[:-TRAILING]) / (rows[TRAILING:] - rows[:-TRAILING])
        return [*[None] * min(TRAILING - 1, len(self)), *known.tolist()]


def ordered(windows: Iterable[Mapping[str, Json]]) -> list[Part]:
    """Windows in the order of time."""
    return sorted((Part(one) for one in windows), key=lambda one: one.text("start"))


def matured(windows: Iterable[Mapping[str, Json]]) -> Matured:
    """The mature windows with a known outcome."""
    known = [one for one in ordered(windows) if one.get("mature") and one.number("labelled")]
    return Matured(
        start=tuple(one.text("start") for one in known),
        rows=_column(known, "labelled"),
        value=_column(known, "value_total"),
        baseline=_column(known, "baseline_value_total"),
    )


def value_bar(good_enough: Sequence[str]) -> Bar | None:
    """The line that is drawn on value, from the texts of a goal such as ``value_per_1000 >= baseline + 10000``."""
    for text in good_enough:
        metric, _, rest = text.partition(" ")
        if metric == "value_per_1000":
            try:
                return Bar.parse(metric, rest)
            except InvalidGoal:
                return None
    return None


def _column(parts: Sequence[Part], name: str) -> NDArray[np.float64]:
    return np.array([one.number(name) or 0.0 for one in parts], dtype=np.float64)
