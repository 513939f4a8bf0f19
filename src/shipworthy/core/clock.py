"""The clock as a parameter: the same code lives through today and through a rehearsed year."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "ManualClock", "SystemClock", "parse_instant"]


class Clock(Protocol):
    """Tells the time. Every instant in Shipworthy is aware and in UTC."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), tz=UTC)


class ManualClock:
    """A clock that moves only when told, for tests and rehearsals.

    >>> clock = ManualClock(datetime(2013, 10, 1, tzinfo=UTC))
    >>> clock.advance(timedelta(hours=2))
    >>> clock.now().hour
    2
    """

    def __init__(self, start: datetime) -> None:
        self._now = _aware(start)

    def now(self) -> datetime:
        return self._now

    def advance(self, step: timedelta) -> None:
        """Move forward by ``step``; a clock never goes back.

        Raises:
            ValueError: If ``step`` is negative.
        """
        if step < timedelta(0):
            raise ValueError(f"a clock cannot go back by {-step}")
        self._now += step

    def move_to(self, instant: datetime) -> None:
        """Move forward to ``instant``, or stay when it is past already."""
        self._now = max(self._now, _aware(instant))


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant; one without an offset is taken as UTC.

    Raises:
        ValueError: If ``text`` is no ISO 8601 date or time.

    >>> parse_instant("2013-10-01T14:05Z").isoformat()
    '2013-10-01T14:05:00+00:00'
    """
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone; use an aware UTC instant")
    return instant.astimezone(UTC)
