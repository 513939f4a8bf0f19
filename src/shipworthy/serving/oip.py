"""The Open Inference Protocol v2 in JSON: typed decoding compiled from the signature, and answers from templates.

Source: kserve/open-inference-protocol, ``specification/protocol/inference_rest.md``.
"""

import re
from typing import Any, ClassVar, Final, Literal, Union

import msgspec

from shipworthy.core.digests import Json
from shipworthy.core.errors import InvalidRequest
from shipworthy.packaging.signature import Datatype, Field, Signature
from shipworthy.serving.elements import accepted_datatypes, decode_loosely, element_type, malformed, refuse_path
from shipworthy.serving.limits import Limits
from shipworthy.serving.tensors import Rows, width_of

__all__ = ["OipCodec", "metadata", "oip_error"]

PLATFORM: Final = "onnxruntime_onnx"
_INPUT_PATH: Final = re.compile(r"\$\.inputs\[(\d+)\]")
_encode = msgspec.json.Encoder().encode


class _JustId(msgspec.Struct, gc=False):
    id: str = ""


_just_id = msgspec.json.Decoder(_JustId).decode


class _Wanted(msgspec.Struct, gc=False):
    name: str
    parameters: dict[str, str | int | float | bool] | None = None


class _Tensor(msgspec.Struct, gc=False):
    """What every compiled input type has; ``position`` is the field's place in the signature."""

    position: ClassVar[int]
    shape: list[int]
    data: list[Any]


class _Request(msgspec.Struct, gc=False):
    """What every compiled request type has."""

    inputs: list[_Tensor]
    id: str = ""
    outputs: list[_Wanted] | None = None


def oip_error(problem: str) -> bytes:
    """The body of every answer that is no success."""
    return _encode({"error": problem})


def metadata(name: str, versions: list[str], signature: Signature, parameters: dict[str, Json]) -> bytes:
    """The body of the model's metadata; -1 stands for the number of rows."""
    return _encode(
        {
            "name": name,
            "versions": versions,
            "platform": PLATFORM,
            "inputs": [_describe(field) for field in signature.inputs],
            "outputs": [_describe(field) for field in signature.outputs],
            "parameters": parameters,
        }
    )


def _describe(field: Field) -> dict[str, Json]:
    return {"name": field.name, "datatype": field.datatype.value, "shape": list(field.shape)}


class OipCodec:
    """Decodes requests to and encodes answers of one package.

    Args:
        name: The model's name on the wire: the endpoint.
        version: The model's version on the wire.
        signature: The package's signature; both directions are compiled from it.
        limits: How many rows and how long an id may be.
    """

    def __init__(self, name: str, version: str, signature: Signature, limits: Limits) -> None:
        self._fields = signature.inputs
        self._widths = tuple(width_of(field) for field in signature.inputs)
        self._one_row = tuple([1, *field.shape[1:]] for field in signature.inputs)
        self._has_text = any(field.datatype is Datatype.BYTES for field in signature.inputs)
        self._limits = limits
        self._outputs = {field.name: index for index, field in enumerate(signature.outputs)}
        self._flat = msgspec.json.Decoder(_request_type(signature, nested=False)).decode
        self._nested = msgspec.json.Decoder(_request_type(signature, nested=True)).decode
        self._opening = _opening(name, version)
        self._pieces = [_output_template(field) for field in signature.outputs]
        self._whole = self._opening + b'"outputs":[' + b",".join(self._pieces) + b"]}"

    def decode(self, body: bytes) -> Rows:
        """Read a request.

        Raises:
            InvalidRequest: Naming the input and what is wrong with it.
        """
        try:
            request: _Request = self._flat(body)
        except (msgspec.ValidationError, RecursionError):
            request = self._decode_nested(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise malformed(error) from error
        count, values = self._gathered(request)
        if self._has_text and b"\\u0000" in body:
            raise InvalidRequest("a string holds the character NUL", remedy="send text without it")
        wanted = None if request.outputs is None else self._wanted(request.outputs)
        return Rows(count, values, self._checked_id(request.id) if request.id else "", wanted)

    def _gathered(self, request: _Request) -> tuple[int, list[list[Any]]]:
        """How many rows, and the values of every field in the signature's order."""
        values: list[list[Any]] = [None] * len(self._fields)  # type: ignore[list-item]  # each is filled or refused
        count = 0
        for tensor in request.inputs:
            position = tensor.position
            data = tensor.data
            plain = tensor.shape == self._one_row[position] and len(data) == self._widths[position]
            rows = 1 if plain else self._count(tensor)
            if rows != count:
                if count:
                    raise _wrong(self._fields[position], f"has {rows} rows where others have {count}")
                count = rows
            if values[position] is not None:
                raise _wrong(self._fields[position], "is given twice")
            values[position] = data
        if len(request.inputs) != len(values):
            raise _wrong(self._fields[values.index(None)], "is missing")  # type: ignore[arg-type]
        return count, values

    def id_of(self, body: bytes) -> str:
        """The id that a request's body gives, whatever else is in it; empty if it gives none that can be used."""
        try:
            return self._checked_id(_just_id(body).id)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidRequest):
            return ""

    def _decode_nested(self, body: bytes) -> _Request:
        try:
            request: _Request = self._nested(body)
        except msgspec.ValidationError as error:
            raise self._explain(error, body) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise malformed(error) from error
        for tensor in request.inputs:
            tensor.data = _flattened(tensor, self._fields[tensor.position])
        return request

    def _count(self, tensor: _Tensor) -> int:
        field, shape = self._fields[tensor.position], tensor.shape
        inner = shape[1:]
        fits = inner == list(field.shape[1:]) or (inner == [1] and len(field.shape) == 1)
        if not shape or not fits:
            raise _wrong(field, f"has shape {shape} where {_shapes(field)} is expected")
        count = shape[0]
        if count < 1 or len(tensor.data) != count * self._widths[tensor.position]:
            raise _wrong(field, f"has shape {shape} and {len(tensor.data)} values; they have to agree, from one row on")
        if count > self._limits.rows:
            raise InvalidRequest(
                f"{count} rows in one request; at most {self._limits.rows} are taken",
                remedy="send them in several requests",
                limit="rows",
            )
        return count

    def _checked_id(self, given: str) -> str:
        safe = given.isascii() and given.isprintable() and '"' not in given and "\\" not in given
        if not safe or len(given) > self._limits.id_length:
            raise InvalidRequest(
                "the id is too long or has characters that cannot travel in a header",
                remedy=f"use at most {self._limits.id_length} printable ASCII characters, no quote, no backslash",
            )
        return given

    def _wanted(self, outputs: list[_Wanted]) -> tuple[int, ...] | None:
        for one in outputs:
            if one.name not in self._outputs:
                known = ", ".join(self._outputs)
                raise InvalidRequest(f"output {one.name!r} is unknown", remedy=f"this model gives: {known}")
            if (one.parameters or {}).get("binary_data"):
                raise InvalidRequest("binary tensors are not spoken here", remedy="ask for JSON: binary_data: false")
        return tuple(self._outputs[one.name] for one in outputs) or None

    def _explain(self, error: msgspec.ValidationError, body: bytes) -> InvalidRequest:
        _, _, path = str(error).partition(" - at ")
        at = _INPUT_PATH.search(path)
        content = decode_loosely(body)
        if at is None or not isinstance(content, dict):
            return refuse_path(f"the request ({path.strip('`') or '$'})", error)
        tensor = content["inputs"][int(at[1])]
        name = tensor.get("name") if isinstance(tensor, dict) else None
        names = [field.name for field in self._fields]
        if name not in names:
            return InvalidRequest(f"input {name!r} is unknown", remedy=f"this model takes: {', '.join(names)}")
        if ".datatype" in path:
            accepted = ", ".join(accepted_datatypes(self._fields[names.index(name)]))
            return _wrong_text(name, f"datatype {tensor['datatype']!r} does not fit; send one of {accepted}")
        return refuse_path(f"input {name!r}", error, place=path[at.end() :])

    def encode(self, request_id: bytes, rows: Rows, outputs: list[list[Any]], fallback: str = "") -> bytes:
        """Write an answer.

        Args:
            request_id: Id of the request, safe inside a JSON string.
            rows: The request: how many rows, and which outputs it wants.
            outputs: Values of each output of the signature, one list an output, row by row.
            fallback: Why the baseline answered; empty if the model did.
        """
        count, wanted = rows.count, rows.wanted
        if wanted is None and not fallback:
            filled: list[object] = [request_id]
            for values in outputs:
                filled += (count, _encode(values))
            return self._whole % tuple(filled)
        chosen = range(len(outputs)) if wanted is None else wanted
        parameters = b'"parameters":%b,' % _encode({"fallback": fallback}) if fallback else b""
        bodies = b",".join(self._pieces[one] % (count, _encode(outputs[one])) for one in chosen)
        return self._opening % request_id + parameters + b'"outputs":[' + bodies + b"]}"


def _request_type(signature: Signature, *, nested: bool) -> Any:  # noqa: ANN401 - a class made at run time
    kinds = tuple(_tensor_type(index, field, nested=nested) for index, field in enumerate(signature.inputs))
    fields = [("inputs", list[Union[kinds]])]  # type: ignore[valid-type] # noqa: UP007 - a union made at run time
    return msgspec.defstruct("Request", fields, bases=(_Request,), gc=False)


def _tensor_type(index: int, field: Field, *, nested: bool) -> Any:  # noqa: ANN401 - a class made at run time
    element: Any = element_type(field)
    kind: Any = list[element]
    for _ in range(max(len(field.shape) - 1, 1) if nested else 0):
        kind = list[element | kind]
    return msgspec.defstruct(
        f"Input{index}",
        [("datatype", Literal[accepted_datatypes(field)]), ("data", kind)],
        bases=(_Tensor,),
        namespace={"position": index},
        tag_field="name",
        tag=field.name,
        gc=False,
        kw_only=True,
    )


def _flattened(tensor: _Tensor, field: Field) -> list[Any]:
    data = tensor.data
    if not any(type(one) is list for one in data):
        return data
    for size in tensor.shape[1:] or (1,):
        if not all(type(one) is list and len(one) == size for one in data):
            raise _wrong(field, f"is nested in another way than its shape {tensor.shape} says")
        data = [value for one in data for value in one]
    if any(type(one) is list for one in data):
        raise _wrong(field, f"is nested deeper than its shape {tensor.shape} says")
    return data


def _opening(name: str, version: str) -> bytes:
    head = _encode({"model_name": name, "model_version": version})
    return head[:-1].replace(b"%", b"%%") + b',"id":"%b",'


def _output_template(field: Field) -> bytes:
    head = _encode({"name": field.name, "datatype": field.datatype.value})
    inner = "".join(f",{size}" for size in field.shape[1:]).encode()
    return head[:-1].replace(b"%", b"%%") + b',"shape":[%d' + inner + b'],"data":%b}'


def _shapes(field: Field) -> str:
    return "[n] or [n, 1]" if len(field.shape) == 1 else f"[n, {', '.join(map(str, field.shape[1:]))}]"


def _wrong(field: Field, what: str) -> InvalidRequest:
    return _wrong_text(field.name, what)


def _wrong_text(name: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"input {name!r}: {what}", remedy="send what the model's metadata says", field=name)
