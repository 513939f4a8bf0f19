"""Labels: late, repeated, corrected and stray feedback, joined to the predictions that it is about."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shipworthy.core.errors import BackendFailed, UserError

__all__ = ["Inputs", "Labelled", "join_labels", "list_predictions"]

Decode = Callable[[bytes, str, str], Mapping[str, Sequence[object]]]

_CARRIED: Final = ("request_id", "at", "received", "endpoint", "variant", "package", "plan", "outcome")

# A statement repeated word for word is one statement, received when it first came. Of several about one row the one
# observed last counts, then the one received last; the rest of the order only makes the answer the same every time.
# A caller that used one id twice acted on the newer answer, so that one gets the label.
_JOIN: Final = """
WITH statements AS (
    SELECT request_id, "row", outcome, observed, feedback_id, min(received) AS received
    FROM feedback GROUP BY ALL
),
ranked AS (
    SELECT *, row_number() OVER (newest_first) AS place, count(*) OVER (PARTITION BY request_id, "row") AS said
    FROM statements
    WINDOW newest_first AS (
        PARTITION BY request_id, "row" ORDER BY observed DESC, received DESC, feedback_id DESC, outcome DESC
    )
),
answers AS (
    SELECT *, row_number() OVER (newest_first) AS turn
    FROM predictions
    WINDOW newest_first AS (PARTITION BY request_id, "row" ORDER BY "at" DESC, received DESC, position DESC)
)
SELECT a.position, l.outcome AS label, l.observed AS observed, l.received AS labelled, coalesce(l.said, 0) AS said
FROM answers AS a
LEFT JOIN ranked AS l ON l.request_id = a.request_id AND l."row" = a."row" AND l.place = 1 AND a.turn = 1
ORDER BY a.position
"""

_COUNTS: Final = """
WITH statements AS (SELECT DISTINCT request_id, "row", outcome, observed, feedback_id FROM feedback),
labels AS (SELECT request_id, "row", count(DISTINCT outcome) AS values_said FROM statements GROUP BY ALL),
known AS (SELECT DISTINCT request_id, "row" FROM predictions)
SELECT
    (SELECT count(*) FROM feedback) - (SELECT count(*) FROM statements),
    (SELECT count(*) FROM labels WHERE values_said > 1),
    (SELECT count(*) FROM labels ANTI JOIN known USING (request_id, "row"))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """How to read what was asked.

    Attributes:
        fields: Name and type of each feature.
        decode: Given a body, its content type and its dialect, the features as columns, one value a row.
    """

    fields: pa.Schema
    decode: Decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Predictions with what is known of their outcomes.

    Attributes:
        table: The predictions with ``label`` (1 or 0 for yes or no; null while nobody said), ``observed`` and
            ``labelled`` (when it happened and when we learned it) and ``said`` (how many statements there are).
        duplicates: Statements that repeat another word for word; they count once.
        conflicts: Rows about which different outcomes were stated; the one observed last counts.
        unknown: Rows that were labelled but are not among the predictions.
    """

    table: pa.Table
    duplicates: int
    conflicts: int
    unknown: int


def list_predictions(records: pa.Table, inputs: Inputs | None = None) -> pa.Table:
    """One row for each row that was predicted.

    Args:
        records: What ``read_records`` gives, with ``input``, ``content_type``, ``protocol`` and ``truncated``
            where ``inputs`` are asked for.
        inputs: How to read the features; a request that cannot be read has nulls.

    Returns:
        ``request_id``, ``row`` (from 0), the record's ``at``, ``received``, ``endpoint``, ``variant``,
        ``package``, ``plan`` and ``outcome``, then ``probability``, ``decision`` and the features.
    """
    lengths = _lengths(records["probability"])
    parents = np.repeat(np.arange(len(records)), lengths)
    first = np.cumsum(lengths) - lengths
    table = records.select(list(_CARRIED)).take(parents)
    table = table.add_column(1, "row", pa.array((np.arange(len(parents)) - first[parents]).astype(np.int32)))
    table = table.append_column("probability", pc.list_flatten(records["probability"]))
    table = table.append_column("decision", _decisions(records["decision"], lengths))
    if inputs is None:
        return table
    for name, values in _features(records, lengths, inputs).items():
        table = table.append_column(name, values)
    return table


def join_labels(records: pa.Table, feedback: pa.Table, inputs: Inputs | None = None) -> Labelled:
    """Join feedback to the predictions that it is about.

    The order in which feedback came and how often it came make no difference. Give all the records that the
    feedback could be about: what is about others counts as unknown.

    Args:
        records: What ``read_records`` gives.
        feedback: What ``read_feedback`` gives.
        inputs: How to read the features, as for :func:`list_predictions`.

    Raises:
        BackendFailed: If there is not enough memory.
    """
    predictions = list_predictions(records, inputs)
    narrow = predictions.select(["request_id", "row", "at", "received"])
    narrow = narrow.append_column("position", pa.array(np.arange(len(predictions))))
    try:
        with closing(duckdb.connect(":memory:")) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.register("predictions", narrow)
            connection.register("feedback", feedback)
            labels = connection.sql(_JOIN).to_arrow_table()
            duplicates, conflicts, unknown = connection.sql(_COUNTS).fetchall()[0]
    except duckdb.Error as error:
        raise BackendFailed(
            f"labels cannot be joined to {len(predictions)} predictions: {error}",
            remedy="read a shorter time at once, or free memory",
            predictions=len(predictions),
        ) from error
    table = predictions
    for name in ("label", "observed", "labelled", "said"):
        table = table.append_column(name, labels[name])
    return Labelled(table=table, duplicates=duplicates, conflicts=conflicts, unknown=unknown)


def _lengths(lists: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    filled = pc.fill_null(pc.list_value_length(lists), 0)
    return np.asarray(filled.to_numpy(), dtype=np.int64)


def _decisions(decisions: pa.ChunkedArray, lengths: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Array:
    """The decisions in a row each; null where a record has none, or not one a row."""
    if np.array_equal(_lengths(decisions), lengths):
        return pc.list_flatten(decisions)
    values: list[bool | None] = []
    for given, length in zip(decisions.to_pylist(), lengths.tolist(), strict=True):
        values += given if given is not None and len(given) == length else [None] * length
    return pa.array(values, pa.bool_())


def _features(
    records: pa.Table, lengths: np.ndarray[tuple[int], np.dtype[np.int64]], inputs: Inputs
) -> dict[str, pa.Array]:
    names = inputs.fields.names
    columns: dict[str, list[object]] = {name: [] for name in names}
    asked = zip(
        *(records[name].to_pylist() for name in ("input", "content_type", "protocol", "truncated")), strict=True
    )
    for (body, content_type, protocol, truncated), length in zip(asked, lengths.tolist(), strict=True):
        read = _decoded(body, content_type, protocol, inputs) if length and not truncated else {}
        for name in names:
            values = read.get(name, ())
            columns[name] += values if len(values) == length else [None] * length
    return {field.name: _array(columns[field.name], field.type) for field in inputs.fields}


def _array(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    """The values as one column; one that is of another type, or too large for it, is null and spares the others."""
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, OverflowError):
        return pa.array([_fitting(one, kind) for one in values], kind)


def _fitting(value: object, kind: pa.DataType) -> object:
    try:
        plain = float(value) if pa.types.is_floating(kind) and isinstance(value, int) else value
        return pa.scalar(plain, kind).as_py()
    except (pa.ArrowException, OverflowError):
        return None


def _decoded(body: bytes, content_type: str, protocol: str, inputs: Inputs) -> Mapping[str, Sequence[object]]:
    try:
        return inputs.decode(body, content_type, protocol)
    except UserError:
        return {}
