"""What one value of a field may be: its type on the wire, the datatypes that fit it, and a refusal in plain words."""

import re
from typing import Annotated, Any, Final

import msgspec

from shipworthy.core.errors import InvalidRequest
from shipworthy.packaging.signature import Datatype, Field

__all__ = ["accepted_datatypes", "decode_loosely", "element_type", "malformed", "refuse_path"]

_WHOLE: Final = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
_NUMBERS: Final = ("FP32", "FP64", *_WHOLE)
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_TYPES: Final[dict[Datatype, tuple[Any, tuple[str, ...]]]] = {
    Datatype.BOOL: (bool, ("BOOL",)),
    Datatype.INT32: (Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)], _WHOLE),
    Datatype.INT64: (_Int64, _WHOLE),
    Datatype.FP32: (float, _NUMBERS),
    Datatype.FP64: (float, _NUMBERS),
    Datatype.BYTES: (str, ("BYTES",)),
}
_WORDS: Final = {
    "float": "a number",
    "int": "a whole number",
    "str": "a string",
    "bool": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
_EXPECTED: Final = re.compile(r"Expected `([a-z |]+)`, got `([a-z]+)`")
_INDEX: Final = re.compile(r"\[(\d+)\]")


def element_type(field: Field) -> Any:  # noqa: ANN401 - a type annotation made at run time
    """The Python type of one value of ``field``, for msgspec."""
    kind = _TYPES[field.datatype][0]
    return kind | None if field.nullable else kind


def accepted_datatypes(field: Field) -> tuple[str, ...]:
    """The OIP datatypes whose values ``field`` takes without loss of meaning."""
    return _TYPES[field.datatype][1]


def malformed(error: Exception) -> InvalidRequest:
    """A body that is no JSON text at all, or is nested too deep."""
    if isinstance(error, UnicodeDecodeError):
        return InvalidRequest("the body is not valid UTF-8", remedy="send JSON encoded as UTF-8")
    if isinstance(error, RecursionError):
        return InvalidRequest("the body is nested too deep", remedy="send the documented form")
    return InvalidRequest(
        f"the body is no JSON that can be read: {error}",
        remedy="send JSON (RFC 8259); it has no NaN, no Infinity and no number beyond a double",
    )


def decode_loosely(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Any JSON value, for naming what is wrong with it; None if it cannot be read."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def refuse_path(subject: str, error: msgspec.ValidationError, *, place: str = "") -> InvalidRequest:
    """Say what a typed decoder found, about ``subject`` (such as ``"input 'age'"``).

    Args:
        subject: What the values belong to.
        error: What the decoder said, with the path.
        place: Part of the path whose last index is the value's; empty for none.
    """
    text = str(error).partition(" - at ")[0]
    found = _EXPECTED.search(text)
    if found:
        expected = " or ".join(_WORDS.get(word, word) for word in found[1].split(" | "))
        text = f"expected {expected}, got {_WORDS.get(found[2], found[2])}"
    index = _INDEX.findall(place)
    where = f" at position {index[-1]}" if index else ""
    return InvalidRequest(
        f"{subject}: {text[0].lower()}{text[1:]}{where}", remedy="send what the model's metadata says", field=subject
    )
