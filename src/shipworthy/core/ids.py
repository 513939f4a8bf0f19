"""Ids that sort by the time they were made, so that listings need no second key."""

import os
import threading
from datetime import datetime

__all__ = ["IdMaker"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_TIME_LENGTH = 10
_RANDOM_LENGTH = 8


class IdMaker:
    """Makes ids such as ``run-01jd3k8q0v4m2x7c9t``: kind, milliseconds since 1970, then randomness.

    Ids of one maker rise strictly, even within a millisecond. Safe to share between threads.

    Source:
        The layout follows ULID (A. Feerasta, 2016), shortened to 8 random characters (40 bits).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = (0, 0)

    def make(self, kind: str, now: datetime) -> str:
        """A new id of ``kind``, made at ``now`` (aware UTC)."""
        milliseconds = int(now.timestamp() * 1000)
        with self._lock:
            last_ms, last_random = self._last
            if milliseconds > last_ms:
                self._last = (milliseconds, int.from_bytes(os.urandom(4), "big"))
            else:
                self._last = (last_ms, last_random + 1)
            stamp, random = self._last
        return f"{kind}-{_base32(stamp, _TIME_LENGTH)}{_base32(random, _RANDOM_LENGTH)}"


def _base32(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
