"""A moment after which no further round begins."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shipworthy.core.clock import Clock

__all__ = ["Deadline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The end of a budget of time.

    A clock that stands still (in tests) never ends it, so that a search is then the same on every machine.

    Attributes:
        clock: What time is read from.
        end: When the budget is used up.
    """

    clock: Clock
    end: datetime

    @property
    def over(self) -> bool:
        """Whether the budget is used up."""
        return self.clock.now() >= self.end

    @property
    def left_s(self) -> float:
        """What is left of the budget, in s, never below 0."""
        return max((self.end - self.clock.now()).total_seconds(), 0.0)

    def share(self, fraction: float) -> "Deadline":
        """The moment when ``fraction`` of the time that is left now is used up."""
        return replace(self, end=self.clock.now() + timedelta(seconds=self.left_s * fraction))

    def go_on(self) -> bool:
        """Whether another round may begin."""
        return not self.over
