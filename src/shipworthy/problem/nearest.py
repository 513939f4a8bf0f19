"""The nearest known name, for remedies."""

import difflib
from collections.abc import Iterable

__all__ = ["nearest_name"]


def nearest_name(name: str, known: Iterable[str]) -> str:
    """A hint such as ``"; did you mean 'carrier'?"``, or nothing where no name is near.

    >>> nearest_name("carier", ["origin", "carrier"])
    "; did you mean 'carrier'?"
    """
    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""
