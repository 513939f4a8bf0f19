"""Quantities as people write them in the project file: ``60s``, ``1%``, ``scheduled_departure - 2h``."""

import re
from datetime import timedelta

from shipworthy.problem.project import DecisionTime

__all__ = [
    "AMOUNT",
    "DECISION_TIME",
    "DURATION",
    "END",
    "SHARE",
    "format_duration",
    "parse_decision_time",
    "parse_duration",
    "parse_share",
]

END = r"(?![\s\S])"
"""The very end of a text, in Python's and in JSON Schema's expressions alike; Python's ``$`` lets a line break pass."""

AMOUNT = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
DURATION = rf"^{AMOUNT}[smhd]{END}"
SHARE = rf"^{AMOUNT}%{END}"
DECISION_TIME = rf"^[^\s+-][^+-]*?(?:\s*[+-]\s*{AMOUNT}[smhd])?{END}"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MOVED = re.compile(rf"^(.*?)\s*([+-])\s*({AMOUNT}[smhd]){END}")


def parse_duration(text: str) -> timedelta:
    """Read ``60s``, ``10m``, ``2h`` or ``1d``.

    Raises:
        ValueError: If the text has another form.

    >>> parse_duration("1.5h")
    datetime.timedelta(seconds=5400)
    """
    if re.search(DURATION, text) is None:
        raise ValueError(f"{text!r} is no duration such as 60s, 10m, 2h or 1d")
    return timedelta(seconds=float(text[:-1]) * _SECONDS[text[-1]])


def format_duration(duration: timedelta) -> str:
    """Write a duration so that :func:`parse_duration` reads the same, in the largest unit that divides it.

    >>> format_duration(timedelta(hours=48))
    '2d'
    """
    seconds = duration.total_seconds()
    unit = next((name for name in "dhm" if seconds and seconds % _SECONDS[name] == 0), "s")
    return f"{seconds / _SECONDS[unit]:g}{unit}"


def parse_share(text: str) -> float:
    """Read ``10%`` as the fraction 0.1.

    Raises:
        ValueError: If the text has another form.

    >>> parse_share("10%")
    0.1
    """
    if re.search(SHARE, text) is None:
        raise ValueError(f"{text!r} is no share such as 10%")
    return float(text[:-1]) / 100


def parse_decision_time(text: str) -> DecisionTime:
    """Read ``scheduled_departure - 2h``, or a column alone.

    >>> parse_decision_time("departure - 2h")
    DecisionTime(column='departure', offset=datetime.timedelta(days=-1, seconds=79200))
    """
    moved = _MOVED.match(text)
    if moved is None:
        return DecisionTime(column=text.strip())
    step = parse_duration(moved[3])
    return DecisionTime(column=moved[1], offset=-step if moved[2] == "-" else step)
