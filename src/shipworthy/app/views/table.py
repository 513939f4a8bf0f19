"""A table as CSV that a spreadsheet opens without running anything."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

__all__ = ["to_csv"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write RFC 4180 CSV with a header line.

    A text that a spreadsheet would take for a formula gets an apostrophe before it, the spreadsheet's own mark for
    plain text; numbers stay numbers.

    >>> to_csv(["name", "n"], [["=1+1", -2.5], [None, 3]]).split()
    ['name,n', "'=1+1,-2.5", ',3']
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)  # its line ends are those of the RFC, and so it quotes both of their characters
    writer.writerow([_cell(one) for one in columns])
    writer.writerows([_cell(one) for one in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
