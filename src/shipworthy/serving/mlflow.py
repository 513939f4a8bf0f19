"""MLflow's scoring protocol (since 2.0): ``/invocations`` with exactly one of four forms, answered as ``predictions``.

Source: mlflow 3.17, ``mlflow/pyfunc/scoring_server``.
"""

from typing import Any, Final

import msgspec

from shipworthy.core.errors import InvalidRequest
from shipworthy.packaging.signature import Field, Signature
from shipworthy.serving.elements import element_type, malformed, refuse_path
from shipworthy.serving.limits import Limits
from shipworthy.serving.tensors import Rows, width_of

__all__ = ["MlflowCodec", "mlflow_error", "require_json"]


FORMS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")
_REMEDY: Final = "send exactly one of dataframe_split, dataframe_records, instances and inputs"
_CODES: Final = {
    400: "BAD_REQUEST",
    404: "NOT_FOUND",
    405: "BAD_REQUEST",
    413: "BAD_REQUEST",
    415: "BAD_REQUEST",
    429: "RESOURCE_EXHAUSTED",
}
_encode = msgspec.json.encode


class _Invocation(msgspec.Struct, gc=False):
    dataframe_split: msgspec.Raw = msgspec.Raw()
    dataframe_records: msgspec.Raw = msgspec.Raw()
    instances: msgspec.Raw = msgspec.Raw()
    inputs: msgspec.Raw = msgspec.Raw()


class _Split(msgspec.Struct, gc=False):
    data: list[list[Any]]
    columns: list[str] | None = None


_invocation = msgspec.json.Decoder(_Invocation).decode
_split = msgspec.json.Decoder(_Split).decode
_any = msgspec.json.Decoder().decode


def mlflow_error(status: int, problem: str) -> bytes:
    """The body of every answer that is no success."""
    return _encode({"error_code": _CODES.get(status, "INTERNAL_ERROR"), "message": problem})


def require_json(content_type: bytes) -> None:
    """Let only JSON pass; a request that does not say what it is counts as JSON.

    Raises:
        InvalidRequest: If it says that it is something else, or has a parameter other than ``charset=utf-8``.
    """
    kind, *parameters = (part.strip().lower() for part in content_type.split(b";"))
    if kind not in {b"", b"application/json"} or any(one != b"charset=utf-8" for one in parameters):
        raise InvalidRequest(
            f"content type {content_type.decode('latin-1')[:80]!r} is not spoken here",
            remedy="send application/json",
            limit="type",
        )


class MlflowCodec:
    """Decodes requests to and encodes answers of one package.

    Columns that the model does not know are ignored, as MLflow does: its clients send whole frames.

    Args:
        signature: The package's signature.
        limits: How many rows one request may have.
    """

    def __init__(self, signature: Signature, limits: Limits) -> None:
        self._fields = signature.inputs
        self._limits = limits
        self._matrix = signature.inputs[0] if _is_matrix(signature) else None
        self._outputs = [field.name for field in signature.outputs]

    def decode(self, body: bytes) -> Rows:
        """Read a request.

        Raises:
            InvalidRequest: Naming the column and what is wrong with it.
        """
        try:
            values = self._values(body)
        except msgspec.ValidationError as error:
            raise refuse_path("the request", error, place=str(error).partition(" - at ")[2]) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise malformed(error) from error
        if b"\\u0000" in body:
            raise InvalidRequest("a string holds the character NUL", remedy="send text without it")
        return Rows(self._count(values), values)

    def _values(self, body: bytes) -> list[list[Any]]:
        invocation = _invocation(body)
        given = [form for form in FORMS if getattr(invocation, form)]
        if len(given) != 1:
            raise InvalidRequest(f"the request has {len(given)} of the four forms", remedy=_REMEDY)
        content: msgspec.Raw = getattr(invocation, given[0])
        if given[0] == "dataframe_split":
            return self._from_split(_split(content))
        value = _any(content)
        if isinstance(value, dict) and given[0] == "inputs":
            return self._from_columns({name: _listed(name, column) for name, column in value.items()})
        if not isinstance(value, list):
            raise InvalidRequest(f"{given[0]} has to be a list", remedy=_REMEDY)
        if value and all(isinstance(row, dict) for row in value):
            return self._from_columns(_columns_of(value))
        if given[0] == "dataframe_records":
            raise InvalidRequest("dataframe_records has to be a list of one object a row", remedy=_REMEDY)
        return self._from_tensor(given[0], value)

    def _from_split(self, split: _Split) -> list[list[Any]]:
        if self._matrix is not None:
            return self._from_tensor("dataframe_split", split.data)
        names = split.columns if split.columns is not None else [field.name for field in self._fields]
        if len(set(names)) != len(names):
            raise InvalidRequest("dataframe_split names a column twice", remedy="name each column once")
        if any(len(row) != len(names) for row in split.data):
            raise InvalidRequest(
                f"dataframe_split: a row has not {len(names)} values", remedy="give each row one value a column"
            )
        columns = [list(column) for column in zip(*split.data, strict=True)]
        return self._from_columns(dict(zip(names, columns, strict=False)))

    def _from_columns(self, columns: dict[str, list[Any]]) -> list[list[Any]]:
        values = []
        for field in self._fields:
            if field.name not in columns:
                raise InvalidRequest(
                    f"column {field.name!r} is missing", remedy="send every input of the signature", field=field.name
                )
            values.append(_typed(field, columns[field.name]))
        return values

    def _from_tensor(self, form: str, value: list[Any]) -> list[list[Any]]:
        if self._matrix is None and len(self._fields) > 1:
            raise InvalidRequest(
                f"{form} is a tensor; this model takes {len(self._fields)} named columns",
                remedy="send one object a row, or dataframe_split with columns",
            )
        return [_typed(self._fields[0], value)]

    def _count(self, values: list[list[Any]]) -> int:
        counts = {len(column) // width_of(field) for field, column in zip(self._fields, values, strict=True)}
        if len(counts) != 1 or 0 in counts:
            raise InvalidRequest(f"columns have {sorted(counts)} rows", remedy="give all the same number, 1 or more")
        count = counts.pop()
        if count > self._limits.rows:
            raise InvalidRequest(
                f"{count} rows in one request; at most {self._limits.rows} are taken",
                remedy="send them in several requests",
                limit="rows",
            )
        return count

    def encode(self, count: int, outputs: list[list[Any]]) -> bytes:
        """Write an answer: a list of values, or of one object a row where the model has several outputs."""
        if len(outputs) == 1:
            return _encode({"predictions": outputs[0]})
        columns = [_rowwise(values, count) for values in outputs]
        frames = [dict(zip(self._outputs, row, strict=True)) for row in zip(*columns, strict=True)]
        return _encode({"predictions": frames})


def _is_matrix(signature: Signature) -> bool:
    return len(signature.inputs) == 1 and len(signature.inputs[0].shape) > 1


def _listed(name: str, column: object) -> list[Any]:
    if not isinstance(column, list):
        raise InvalidRequest(f"column {name!r} has to be a list", remedy="give one value a row", field=name)
    return [one[0] if isinstance(one, list) and len(one) == 1 else one for one in column]


def _columns_of(records: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Columns of the first record's names; a later record that lacks one is told by its position."""
    columns: dict[str, list[Any]] = {}
    for name in records[0]:
        column = [record.get(name, msgspec.UNSET) for record in records]
        if msgspec.UNSET in column:
            index = column.index(msgspec.UNSET)
            raise InvalidRequest(f"record {index} has no {name!r}", remedy="give every record all columns", field=name)
        columns[name] = column
    return columns


def _typed(field: Field, values: list[Any]) -> list[Any]:
    for size in field.shape[1:]:
        if not all(isinstance(one, list) and len(one) == size for one in values):
            raise InvalidRequest(
                f"input {field.name!r}: a row has not {size} values", remedy="send rows of that width", field=field.name
            )
        values = [value for one in values for value in one]
    try:
        return msgspec.convert(values, list[element_type(field)])  # type: ignore[misc, no-any-return]
    except msgspec.ValidationError as error:
        place = str(error).partition(" - at ")[2]
        raise refuse_path(f"input {field.name!r}", error, place=place) from error


def _rowwise(values: list[Any], count: int) -> list[Any]:
    """One element a row: the value itself, or the list of them where a row has several."""
    width = len(values) // count
    return values if width == 1 else [values[index * width : (index + 1) * width] for index in range(count)]
