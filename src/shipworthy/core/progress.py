"""How long work tells how far it is, without knowing who listens."""

from typing import Protocol

__all__ = ["Progress", "silent"]


class Progress(Protocol):
    """Called as work goes on; must return fast and must not raise."""

    def __call__(self, message: str, *, done: float | None = None) -> None:
        """Tell the listener.

        Args:
            message: What is being done now, a short phrase.
            done: Share of the whole work that is done, a fraction in [0, 1]; None if unknown.
        """
        ...


def silent(message: str, *, done: float | None = None) -> None:
    """A listener that says nothing."""
