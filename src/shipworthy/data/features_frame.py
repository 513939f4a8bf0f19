"""From the engine's answer to a frame: one row per decision, every column of a type that a model can take."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from shipworthy.core.errors import InvalidData, InvalidFeatures, InvalidProject
from shipworthy.data.asof_relations import Relation, SourceTable
from shipworthy.data.frame import INSTANT, FeatureFrame

__all__ = ["Answer", "make_frame"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the engine answered.

    Attributes:
        table: The columns of ``FIXED``, then ``FOUND`` (whether the features query had a row), then the features.
        relation: What each column of the features query carries.
        tables: Every source by its name in lower case.
        file: Name of the features file, for errors.
    """

    FIXED: ClassVar[tuple[str, ...]] = ("__key", "__event", "__decision", "__target", "__odd")
    FOUND: ClassVar[str] = "__found"

    table: pa.Table
    relation: Relation
    tables: Mapping[str, SourceTable]
    file: str

    @property
    def features(self) -> list[str]:
        """Names of the features, in order."""
        kept = {*self.FIXED, self.FOUND}
        return [name for name in self.table.column_names if name not in kept]

    def column(self, name: str) -> pa.Array:
        """One column in one piece."""
        return self.table.column(name).combine_chunks()


def make_frame(answer: Answer, *, target: str) -> FeatureFrame:
    """Check the answer and make it a frame.

    Raises:
        InvalidFeatures: If a decision is missing or comes twice, or a feature is of another type, infinite, or null
            for every decision because it is never known in time.
        InvalidData: If a target is neither true nor false, or an event has no time.
    """
    key = _key(answer)
    _check_target(answer, key, target)
    _check_times(answer, key)
    _check_rows(answer, key)
    features = pa.table({name: _feature(answer, name) for name in answer.features})
    return FeatureFrame(
        key=key,
        event_time=answer.column("__event").cast(INSTANT),
        decision_time=answer.column("__decision").cast(INSTANT),
        target=answer.column("__target"),
        features=features,
        known_at={name: _known_at(answer, name) for name in answer.features},
    )


def _key(answer: Answer) -> pa.Array:
    column = answer.column("__key")
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64())
    if _is_text(column.type):
        return column.cast(pa.string())
    raise InvalidProject(
        f"data.key: the column is {column.type}, not a text or a whole number",
        remedy="name a column that holds texts or whole numbers",
        field="data.key",
    )


def _check_target(answer: Answer, key: pa.Array, target: str) -> None:
    odd = pc.sum(answer.column("__odd")).as_py() or 0
    if odd:
        first = key.filter(answer.column("__odd"))[0].as_py()
        raise InvalidData(
            f"target {target!r}: {odd} values are neither true nor false (1 or 0), the first at {first!r}",
            remedy="mend them at the source, or leave them null where the outcome is not known",
            column=target,
            rows=odd,
        )


def _check_times(answer: Answer, key: pa.Array) -> None:
    lost = answer.column("__decision").null_count or answer.column("__event").null_count
    if key.null_count or lost:
        raise InvalidData(
            f"{max(key.null_count, lost)} decisions have no key, event time or decision time",
            remedy="say required: true in the contract of the primary source, and mend its rows",
            rows=max(key.null_count, lost),
        )


def _check_rows(answer: Answer, key: pa.Array) -> None:
    missing = pc.invert(answer.column(Answer.FOUND))
    count = pc.sum(missing).as_py() or 0
    if count:
        first = key.filter(missing)[0].as_py()
        raise InvalidFeatures(
            f"{answer.file}: {count} of {len(key)} decisions are missing, the first is {first!r}",
            remedy="start from decisions and use LEFT JOIN, so that a decision without a match stays",
            file=answer.file,
            missing=count,
        )
    counts = pc.value_counts(key)
    if len(counts) != len(key):
        often = pc.max(counts.field("counts"))
        name = counts.field("values").filter(pc.equal(counts.field("counts"), often))[0].as_py()
        raise InvalidFeatures(
            f"{answer.file}: decision {name!r} comes out {often.as_py()} times",
            remedy="aggregate what is joined to one row per decision, and make sure that the key is unique",
            file=answer.file,
            key=name,
        )


def _feature(answer: Answer, name: str) -> pa.Array:
    column = answer.column(name)
    if column.null_count == len(column):
        _check_ever_known(answer, name)
    kind = column.type
    if pa.types.is_boolean(kind):
        return column
    if pa.types.is_integer(kind):
        return column.cast(pa.int64())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return _finite(answer, name, column.cast(pa.float64()))
    if _is_text(kind):
        return column.cast(pa.string())
    raise InvalidFeatures(
        f"{answer.file}: feature {name!r} is {kind}, which no model takes",
        remedy="make it a number, a boolean or a string, such as epoch(x), dayofweek(x) or x::VARCHAR; or leave it out",
        file=answer.file,
        feature=name,
    )


def _finite(answer: Answer, name: str, column: pa.Array) -> pa.Array:
    infinite = pc.sum(pc.is_inf(column)).as_py() or 0
    if infinite:
        raise InvalidFeatures(
            f"{answer.file}: feature {name!r} is infinite for {infinite} decisions",
            remedy="guard the division: x / nullif(y, 0)",
            file=answer.file,
            feature=name,
        )
    return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)


def _check_ever_known(answer: Answer, name: str) -> None:
    """Refuse a feature that is late for every single decision, as the outcome of the decision's own row is."""
    late = answer.relation.columns[name]
    if late is None:
        return
    origin = min(late.touched)
    known_at = _when(answer, origin)
    raise InvalidFeatures(
        f"{answer.file}: feature {name!r} is null for every decision: {origin} is known at {known_at}, "
        "which is always after decision time",
        remedy="join rows of earlier events, not the decision's own; or leave the feature out",
        file=answer.file,
        feature=name,
        column=origin,
        known_at=known_at,
    )


def _known_at(answer: Answer, name: str) -> str:
    late = answer.relation.columns[name]
    if late is None:
        return "known always"
    parts = ", ".join(f"{origin} (known at {_when(answer, origin)})" for origin in sorted(late.touched))
    return f"as known at decision time: {parts}"


def _when(answer: Answer, origin: str) -> str:
    source, _, column = origin.rpartition(".")
    return answer.tables[source.lower()].known_at[column]


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
