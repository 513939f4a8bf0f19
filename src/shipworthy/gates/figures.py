"""How an estimate enters a finding: as numbers that JSON can hold, and in words."""

import math

from shipworthy.core.digests import Json, finite_or_none
from shipworthy.stats.bootstrap import Interval

__all__ = ["bar", "bounds", "in_words"]


def bounds(interval: Interval) -> tuple[float, float] | None:
    """Both bounds; None where one is not finite, because a single block tells nothing of the spread."""
    finite = math.isfinite(interval.low) and math.isfinite(interval.high)
    return (interval.low, interval.high) if finite else None


def bar(name: str, interval: Interval) -> dict[str, Json]:
    """One bar of a picture ``bars``: ``{"name", "value", "low", "high"}``; what is not finite is null."""
    low, high = bounds(interval) or (None, None)
    return {"name": name, "value": finite_or_none(interval.estimate), "low": low, "high": high}


def in_words(interval: Interval, form: str = ".3f") -> str:
    """The estimate with its 95 % interval, such as ``0.790 [0.771, 0.808]``."""
    estimate = format(interval.estimate, form)
    known = bounds(interval)
    return f"{estimate} [{known[0]:{form}}, {known[1]:{form}}]" if known else f"{estimate} (no interval: one block)"
