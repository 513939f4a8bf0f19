"""The signature: which columns a caller sends, how they become the graph's tensors, and what comes back."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from shipworthy.core.digests import Json
from shipworthy.core.errors import InvalidPackage

__all__ = ["Datatype", "Field", "Packing", "Signature"]


class Datatype(StrEnum):
    """Element types by their Open Inference Protocol names."""

    BOOL = "BOOL"
    INT64 = "INT64"
    INT32 = "INT32"
    FP32 = "FP32"
    FP64 = "FP64"
    BYTES = "BYTES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One named tensor that a caller sends or gets.

    Attributes:
        name: Name on the wire.
        datatype: Element type on the wire.
        shape: Shape with -1 for the rows; ``(-1,)`` for a column, ``(-1, 20)`` for a matrix.
        nullable: Whether a value may be null (it becomes NaN, or the empty string).
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...] = (-1,)
    nullable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """One input tensor of the graph, and the fields that fill its columns in order.

    Attributes:
        tensor: Name of the graph's input.
        datatype: ``FP32`` (numbers and booleans, null as NaN) or ``BYTES`` (strings, null as "").
        fields: Names of the fields, left to right; a single matrix field passes through as it is.
    """

    tensor: str
    datatype: Datatype
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a package takes and gives.

    Attributes:
        inputs: Fields a caller sends, in order.
        outputs: Fields a caller gets, in order; names are the graph's own output names.
        packing: How inputs become the graph's tensors; every input stands in exactly one.

    Raises:
        ValueError: If an input is packed never or twice.
    """

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    packing: tuple[Packing, ...]

    def __post_init__(self) -> None:
        packed = [name for one in self.packing for name in one.fields]
        if sorted(packed) != sorted(field.name for field in self.inputs):
            raise ValueError("every input has to be packed exactly once")

    def to_json(self) -> dict[str, Json]:
        """Plain JSON, from which :meth:`from_json` makes an equal signature."""
        return {
            "inputs": [_field_json(one) for one in self.inputs],
            "outputs": [_field_json(one) for one in self.outputs],
            "packing": [
                {"tensor": one.tensor, "datatype": one.datatype.value, "fields": list(one.fields)}
                for one in self.packing
            ],
        }

    @classmethod
    def from_json(cls, body: Json) -> "Signature":
        """Read what :meth:`to_json` wrote.

        Raises:
            InvalidPackage: If ``body`` has another form, or an input is packed never or twice.
        """
        try:
            return msgspec.convert(body, cls)
        except msgspec.ValidationError as error:
            raise InvalidPackage(
                f"signature.json: {error}",
                remedy="write the package again; its signature does not fit its own form",
                file="signature.json",
            ) from error


def _field_json(field: Field) -> dict[str, Json]:
    return {
        "name": field.name,
        "datatype": field.datatype.value,
        "shape": list(field.shape),
        "nullable": field.nullable,
    }
