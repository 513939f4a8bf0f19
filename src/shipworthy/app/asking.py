"""Questions to the endpoint from rows: JSON bodies, and what the answers mean."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal

import msgspec
import pyarrow as pa

from shipworthy.app.client import Answer, Question
from shipworthy.core.digests import Json
from shipworthy.packaging.signature import Field, Signature

__all__ = ["oip_question", "record_questions", "said"]


def record_questions(
    rows: pa.Table, *, headers: Sequence[Mapping[str, str]], path: str = "/invocations"
) -> Iterator[Question]:
    """One question a row, as an MLflow record.

    Args:
        rows: Features by name.
        headers: For each row, its own headers.
        path: Route that takes MLflow's scoring protocol.
    """
    for body, own in zip(rows.to_pylist(), headers, strict=True):
        clean = {name: _finite(value) for name, value in body.items()}
        yield Question(path=path, body=msgspec.json.encode({"dataframe_records": [clean]}), headers=own)


def oip_question(endpoint: str, signature: Signature, columns: Mapping[str, Sequence[object]]) -> Question:
    """One question about many rows, in the Open Inference Protocol.

    Args:
        endpoint: The endpoint's name, which is the model's name on the wire.
        signature: What it takes.
        columns: A column per input, equal lengths; None is null.
    """
    inputs = [_tensor(field, columns[field.name]) for field in signature.inputs]
    return Question(path=f"/v2/models/{endpoint}/infer", body=msgspec.json.encode({"inputs": inputs}))


def said(answer: Answer) -> Mapping[str, Json]:
    """The first row of an answer in MLflow's form; empty if it is none."""
    body = answer.json()
    predictions = body.get("predictions") if isinstance(body, dict) else None
    if not predictions:
        return {}
    first = predictions[0]
    return first if isinstance(first, dict) else {"probability": first}


def _tensor(field: Field, values: Sequence[object]) -> Json:
    data = [_finite(value) for value in values]
    return {"name": field.name, "shape": [len(values)], "datatype": field.datatype.value, "data": data}


def _finite(value: object) -> Json:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    assert value is None or isinstance(value, str | int | float | bool)
    return value
