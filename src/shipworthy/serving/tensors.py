"""Rows of callers beside each other become the graph's tensors, and its outputs become each caller's own lists."""

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shipworthy.packaging.signature import Datatype, Field, Packing, Signature

__all__ = ["Packer", "Rows", "Value", "width_of"]

Value = float | int | bool | str | None
Array = NDArray[Any]
_NAN: Final = float("nan")
_FLOAT32: Final = np.dtype("<f4")


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
            OverflowError: If a number is too large for float32.
        """
        return {part.tensor: part.fill(batch) for part in self._parts}


@lru_cache(maxsize=256)
def _floats(count: int) -> struct.Struct:
    # Little-endian: the native form would turn what is too large into infinity.
    return struct.Struct(f"<{count}f")


class _Part:
    """One input tensor of the graph."""

    def __init__(self, packing: Packing, signature: Signature, position: dict[str, int]) -> None:
        self.tensor = packing.tensor
        self._text = packing.datatype is Datatype.BYTES
        self._columns = [position[name] for name in packing.fields]
        fields = [signature.inputs[column] for column in self._columns]
        self._nullable = any(field.nullable for field in fields)
        self._matrix = len(fields) == 1 and len(fields[0].shape) > 1
        self._shape = (-1, *fields[0].shape[1:]) if self._matrix else (-1, len(fields))

    def fill(self, batch: Sequence[Rows]) -> Array:
        if self._matrix or all([rows.count == 1 for rows in batch]):  # noqa: C419 - twice as fast for few
            return self._array(self._by_row(batch)).reshape(self._shape)
        columns = [chain.from_iterable([rows.values[column] for rows in batch]) for column in self._columns]
        flat = self._array(chain.from_iterable(columns))
        return np.ascontiguousarray(flat.reshape(len(columns), -1).T)

    def _by_row(self, batch: Sequence[Rows]) -> Iterable[Value]:
        if len(self._columns) > 1:
            return [rows.values[column][0] for rows in batch for column in self._columns]
        only = self._columns[0]
        if len(batch) == 1:
            return batch[0].values[only]
        return chain.from_iterable([rows.values[only] for rows in batch])

    def _array(self, values: Iterable[Value]) -> Array:
        """One-dimensional. A null becomes NaN, or the empty string.

        Packing by ``struct`` is twice as fast as numpy is from a list, and it refuses what float32 cannot hold.
        """
        if self._text:
            return np.array(["" if value is None else value for value in values], dtype=object)
        numbers = [_NAN if value is None else value for value in values] if self._nullable else [*values]
        return np.frombuffer(_floats(len(numbers)).pack(*numbers), _FLOAT32)
