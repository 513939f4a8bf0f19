"""The baseline as a table of rates: what is done today, kept in the package, ready to answer when the model cannot."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from shipworthy.core.digests import Json
from shipworthy.core.errors import InvalidPackage

__all__ = ["RateTable", "render_key"]

Column = Sequence[object] | NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTable:
    """How often the target was true for each combination of a few columns.

    Without keys it is a constant. A combination that was never seen, a null and an absent column all get the
    default: a fallback answers always.

    Attributes:
        keys: Names of the columns that a rate depends on, in order; may be empty.
        rates: Rate by rendered key values (:func:`render_key`), fractions in [0, 1].
        default: Rate of every other row, a fraction in [0, 1].

    Raises:
        ValueError: If a rate is no fraction, or a combination has another length than ``keys``.

    >>> table = RateTable(keys=("carrier", "hour"), rates={("UA", "7"): 0.1}, default=0.2)
    >>> table.probability({"carrier": ["UA", "AA"], "hour": [7.0, 7.0]}).tolist()
    [0.1, 0.2]
    """

    keys: tuple[str, ...]
    rates: Mapping[tuple[str, ...], float]
    default: float

    def __post_init__(self) -> None:
        for combination, rate in [*self.rates.items(), (self.keys, self.default)]:
            if len(combination) != len(self.keys):
                raise ValueError(f"baseline: {combination} does not give one value for each of {self.keys}")
            if not 0 <= rate <= 1:
                raise ValueError(f"baseline: the rate of {combination} is {rate}, not a fraction")

    def probability(self, columns: Mapping[str, Column]) -> NDArray[np.float64]:
        """The rate of every row, float64, shape (n_rows,).

        Args:
            columns: Columns of equal length by name, at least one; those that are no keys are ignored.

        Raises:
            ValueError: If there is no column at all: how many rows are asked for is then unknown.
        """
        if not columns:
            raise ValueError("baseline: give at least one column, it tells how many rows there are")
        rows = len(next(iter(columns.values())))
        if not self.keys:
            return np.full(rows, self.default)
        rendered = [_render_column(columns[key]) if key in columns else [""] * rows for key in self.keys]
        found = (self.rates.get(combination, self.default) for combination in zip(*rendered, strict=True))
        return np.fromiter(found, dtype=np.float64, count=rows)

    def to_json(self) -> dict[str, Json]:
        """Plain JSON, from which :meth:`from_json` makes an equal table; combinations are in sorted order."""
        return {
            "keys": list(self.keys),
            "rates": [[list(combination), rate] for combination, rate in sorted(self.rates.items())],
            "default": self.default,
        }

    @classmethod
    def from_json(cls, body: Json) -> "RateTable":
        """Read what :meth:`to_json` wrote.

        Raises:
            InvalidPackage: If ``body`` has another form, or a rate is no fraction.
        """
        try:
            read = msgspec.convert(body, _Body)
            return cls(keys=read.keys, rates=dict(read.rates), default=read.default)
        except (msgspec.ValidationError, ValueError) as error:
            raise InvalidPackage(
                f"baseline.json: {error}",
                remedy="write the package again; its baseline is no table of rates",
                file="baseline.json",
            ) from error


class _Body(msgspec.Struct):
    keys: tuple[str, ...]
    rates: list[tuple[tuple[str, ...], float]]
    default: float


def render_key(value: object) -> str:
    """Write a key value as the one text that stands for it, whatever type it travelled in.

    >>> [render_key(value) for value in (7, 7.0, "7", 7.5, True, None, float("nan"))]
    ['7', '7', '7', '7.5', 'true', '', '']
    """
    match value:
        case None:
            return ""
        case str():
            return value
        case bytes():
            return value.decode(errors="replace")
        case bool() | np.bool_():
            return "true" if value else "false"
        case float() | np.floating():
            return _render_float(float(value))
        case _:
            return str(value)


def _render_float(number: float) -> str:
    if math.isnan(number):
        return ""
    return str(int(number)) if number.is_integer() else repr(number)


def _render_column(column: Column) -> list[str]:
    values: Sequence[object] = column.tolist() if isinstance(column, np.ndarray) else column
    return [render_key(value) for value in values]
