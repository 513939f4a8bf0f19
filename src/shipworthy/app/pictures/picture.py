"""The picture as a noun: a figure, its message and its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shipworthy.core.digests import Json

__all__ = ["Moment", "Picture"]

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One figure with the numbers that it shows.

    Attributes:
        name: Stable name, such as ``"calibration"``; part of addresses.
        title: The message in one sentence, with its numbers.
        figure: A Plotly figure as plain JSON: ``data`` and ``layout``.
        columns: Names of the columns of ``rows``, with units.
        rows: The numbers behind the figure, for a table, a CSV file and pages without JavaScript.
        note: What the numbers rest on, and how to read the figure.

    Raises:
        ValueError: If a row has another length than ``columns``.
    """

    name: str
    title: str
    figure: Mapping[str, Json]
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        wrong = next((row for row in self.rows if len(row) != len(self.columns)), None)
        if wrong is not None:
            raise ValueError(f"picture {self.name!r}: {wrong} does not fit the columns {self.columns}")

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        """How a notebook shows it: it knows Plotly's figures by this media type."""
        return {"application/vnd.plotly.v1+json": dict(self.figure), "text/plain": self.title}


class Moment(Protocol):
    """Something that happened and belongs on a picture of time, such as a new plan."""

    @property
    def at(self) -> datetime:
        """When, aware UTC."""
        ...

    @property
    def text(self) -> str:
        """What, in a few words."""
        ...
