"""Rows of callers beside each other become the graph's tensors, and its outputs become each caller's own lists."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shipworthy.packaging.signature import Datatype, Field, Packing, Signature

__all__ = ["Packer", "Rows", "Value", "width_of"]

Value = float | int | bool | str | None
Array = NDArray[Any]


class Rows:
    """The input of one request, as decoded: one list per field of the signature, in its order.

    Attributes:
        count: Number of rows, 1 or more.
        values: For a column ``count`` values; for a matrix ``count * width`` values, row by row.
        request_id: Id that the body gave; empty if it gave none.
        wanted: Positions of the outputs to send, in order; None for all.
    """

    __slots__ = ("count", "request_id", "values", "wanted")

    def __init__(
        self, count: int, values: Sequence[list[Any]], request_id: str = "", wanted: tuple[int, ...] | None = None
    ) -> None:
        self.count = count
        self.values = values
        self.request_id = request_id
        self.wanted = wanted


def width_of(field: Field) -> int:
    """How many values of ``field`` make one row: 1 for a column, the product of the inner shape otherwise."""
    width = 1
    for size in field.shape[1:]:
        width *= size
    return width


class Packer:
    """Fills the graph's input tensors from the rows of any number of requests.

    Args:
        signature: What callers send, and which field stands in which column of which tensor.

    >>> number = Field(name="x", datatype=Datatype.FP32, nullable=True)
    >>> packing = Packing(tensor="numbers", datatype=Datatype.FP32, fields=("x",))
    >>> packer = Packer(Signature(inputs=(number,), outputs=(), packing=(packing,)))
    >>> packer.pack([Rows(1, [[2.5]]), Rows(2, [[None, 1.0]])])["numbers"].tolist()
    [[2.5], [nan], [1.0]]
    """

    def __init__(self, signature: Signature) -> None:
        position = {field.name: index for index, field in enumerate(signature.inputs)}
        self._parts = [_Part(packing, signature, position) for packing in signature.packing]

    def pack(self, batch: Sequence[Rows]) -> dict[str, Array]:
        """Every input tensor of the graph, with the rows of ``batch`` one after the other.

        Raises:
            FloatingPointError: If a number is too large for float32 (inside ``np.errstate(over="raise")``).
        """
        return {part.tensor: part.fill(batch) for part in self._parts}


class _Part:
    """One input tensor of the graph."""

    def __init__(self, packing: Packing, signature: Signature, position: dict[str, int]) -> None:
        self.tensor = packing.tensor
        self._text = packing.datatype is Datatype.BYTES
        self._dtype: type = object if self._text else np.float32
        self._columns = [position[name] for name in packing.fields]
        first = signature.inputs[self._columns[0]]
        self._matrix = len(self._columns) == 1 and len(first.shape) > 1
        self._shape = (-1, *first.shape[1:]) if self._matrix else (-1, len(self._columns))

    def fill(self, batch: Sequence[Rows]) -> Array:
        if self._matrix or all(rows.count == 1 for rows in batch):
            return self._by_row(batch)
        return self._by_column(batch)

    def _by_row(self, batch: Sequence[Rows]) -> Array:
        if len(self._columns) == 1:
            only = self._columns[0]
            flat = batch[0].values[only] if len(batch) == 1 else [one for rows in batch for one in rows.values[only]]
        else:
            flat = [rows.values[column][0] for rows in batch for column in self._columns]
        return np.array(self._filled(flat), dtype=self._dtype).reshape(self._shape)

    def _by_column(self, batch: Sequence[Rows]) -> Array:
        table = [self._filled([one for rows in batch for one in rows.values[column]]) for column in self._columns]
        return np.ascontiguousarray(np.array(table, dtype=self._dtype).T)

    def _filled(self, values: list[Value]) -> list[Value]:
        """A null is NaN to numpy by itself; among strings it has to become the empty one."""
        return ["" if value is None else value for value in values] if self._text else values
