"""Records and feedback as Arrow tables: their columns, and how entries become them."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from shipworthy.stores.records import Feedback, Record

__all__ = ["FEEDBACK", "RECORDS", "feedback_table", "records_table"]

_INSTANT: Final = pa.timestamp("us", tz="UTC")

RECORDS: Final = pa.schema(
    [
        ("request_id", pa.string()),
        ("at", _INSTANT),
        ("received", _INSTANT),
        ("endpoint", pa.string()),
        ("variant", pa.string()),
        ("package", pa.string()),
        ("plan", pa.int64()),
        ("route", pa.string()),
        ("protocol", pa.string()),
        ("status", pa.int32()),
        ("outcome", pa.string()),
        ("rows", pa.int32()),
        ("input", pa.binary()),
        ("content_type", pa.string()),
        ("probability", pa.list_(pa.float64())),
        ("outputs", pa.binary()),
        ("decision", pa.list_(pa.bool_())),
        ("error_type", pa.string()),
        ("error_message", pa.string()),
        ("stack_digest", pa.string()),
        ("queue_us", pa.int64()),
        ("run_us", pa.int64()),
        ("total_us", pa.int64()),
        ("fallback_reason", pa.string()),
        ("truncated", pa.bool_()),
    ]
)
"""One row a request. Columns carry the names of ``Record``; its ``*_ns`` became instants in UTC, to the microsecond."""

FEEDBACK: Final = pa.schema(
    [
        ("request_id", pa.string()),
        ("row", pa.int32()),
        ("outcome", pa.float64()),
        ("observed", _INSTANT),
        ("received", _INSTANT),
        ("source", pa.string()),
        ("feedback_id", pa.string()),
    ]
)
"""One row a statement; an outcome of yes or no is 1 or 0."""

_FIELD: Final = {"at": "at_ns", "received": "received_ns", "observed": "observed_ns"}


def records_table(records: Sequence[Record], schema: pa.Schema = RECORDS) -> pa.Table:
    """Records as a table of the schema ``RECORDS`` or a part of it, in the same order."""
    return _table(records, schema)


def feedback_table(feedback: Sequence[Feedback], schema: pa.Schema = FEEDBACK) -> pa.Table:
    """Feedback as a table of the schema ``FEEDBACK`` or a part of it, in the same order."""
    return _table(feedback, schema)


def _table(entries: Sequence[Record | Feedback], schema: pa.Schema) -> pa.Table:
    arrays = [_column([getattr(one, _FIELD.get(field.name, field.name)) for one in entries], field) for field in schema]
    return pa.table(arrays, schema=schema)


def _column(values: Sequence[object], field: pa.Field) -> pa.Array:
    if field.type == _INSTANT:
        return pa.array([int(value) // 1000 for value in values], pa.int64()).cast(_INSTANT)  # type: ignore[call-overload]
    if field.name == "outcome" and pa.types.is_floating(field.type):
        return pa.array([float(value) for value in values], field.type)  # type: ignore[arg-type]
    return pa.array(values, field.type)
