"""A profile: the summary of a table that can be merged, kept instead of the rows.

Only state that merges is kept: counts, moments, extremes, counts on fixed edges and counts of values. A reference
profile chooses the edges (20 bins of equal frequency, for bins of equal width are blind after one outlier); every later
profile counts on the same edges, so two can be compared, and those of many days added up.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shipworthy.core.errors import InvalidData
from shipworthy.core.formats import PROFILE
from shipworthy.stats.histogram import count_in, equal_frequency_edges

__all__ = ["ColumnProfile", "Profile", "count_on", "merge_profiles", "profile_table"]

_BINS = 20
_MOST_VALUES = 1000
_FORMAT = b"shipworthy.profile"

Kind = Literal["number", "text", "flag", "moment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """The summary of one column.

    Attributes:
        name: Name of the column.
        kind: ``"number"``; ``"moment"``, a number of seconds since 1970 UTC; ``"flag"``; or ``"text"``.
        rows: Number of rows.
        nulls: Rows without a value; NaN is none.
        infinite: Rows with an infinite number; they are in no other figure.
        minimum: Smallest finite number; NaN if there is none.
        maximum: Largest finite number; NaN if there is none.
        mean: Mean of the finite numbers; NaN if there is none.
        squares: Sum of squared distances of the finite numbers from their mean.
        edges: Bounds of the bins, rising, shape (bins + 1,); empty if there are none.
        counts: Finite numbers in each bin, shape (bins,); those beyond the edges are in the outer bins.
        values: The most frequent texts, at most 1,000, the most frequent first; flags as ``"false"`` and ``"true"``.
        value_counts: Rows of each.
        others: Rows whose text is none of ``values``.
    """

    name: str
    kind: Kind
    rows: int
    nulls: int
    infinite: int = 0
    minimum: float = math.nan
    maximum: float = math.nan
    mean: float = math.nan
    squares: float = 0.0
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    values: tuple[str, ...] = ()
    value_counts: tuple[int, ...] = ()
    others: int = 0

    @property
    def known(self) -> int:
        """Rows with a value; for numbers, a finite one."""
        return self.rows - self.nulls - self.infinite

    @property
    def null_share(self) -> float:
        """Share of rows without a value, a fraction; 0 if there are no rows."""
        return self.nulls / self.rows if self.rows else 0.0

    @property
    def deviation(self) -> float:
        """Standard deviation of the finite numbers (with n - 1); NaN below two of them."""
        return math.sqrt(self.squares / (self.known - 1)) if self.known > 1 else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The summary of a table: one of each column, in order."""

    columns: tuple[ColumnProfile, ...]

    def column(self, name: str) -> ColumnProfile:
        """The summary of one column.

        Raises:
            KeyError: If there is no such column.
        """
        for one in self.columns:
            if one.name == name:
                return one
        raise KeyError(name)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.columns[0].rows if self.columns else 0

    def to_arrow(self) -> bytes:
        """The profile as an Arrow stream, one row a column, with its format number."""
        arrays = {
            field.name: pa.array([getattr(one, field.name) for one in self.columns], _ARROW[field.name])
            for field in fields(ColumnProfile)
        }
        table = pa.table(arrays).replace_schema_metadata({_FORMAT: str(PROFILE).encode()})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return cast("bytes", sink.getvalue().to_pybytes())

    @classmethod
    def from_arrow(cls, content: bytes) -> "Profile":
        """Read what :meth:`to_arrow` wrote.

        Raises:
            InvalidData: If the bytes are no profile, or one of another format.
        """
        try:
            table = pa.ipc.open_stream(pa.py_buffer(content)).read_all()
        except (pa.ArrowException, OSError) as error:
            raise InvalidData(f"no profile: {error}", remedy="make the profile again") from error
        number = (table.schema.metadata or {}).get(_FORMAT, b"none").decode()
        if number != str(PROFILE) or set(table.column_names) != set(_ARROW):
            raise InvalidData(
                f"the profile has format {number}, and this version reads {PROFILE}",
                remedy="read it with the version that wrote it, or make it again",
                format=number,
            )
        rows: list[dict[str, Any]] = [
            {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
            for row in table.to_pylist()
        ]
        return cls(columns=tuple(ColumnProfile(**row) for row in rows))


_ARROW = {
    "name": pa.string(),
    "kind": pa.string(),
    **dict.fromkeys(("rows", "nulls", "infinite", "others"), pa.int64()),
    **dict.fromkeys(("minimum", "maximum", "mean", "squares"), pa.float64()),
    "edges": pa.list_(pa.float64()),
    "counts": pa.list_(pa.int64()),
    "values": pa.list_(pa.string()),
    "value_counts": pa.list_(pa.int64()),
}


def profile_table(table: pa.Table) -> Profile:
    """Summarise a table, with bins of its own: the reference that later tables are counted on.

    Args:
        table: Columns of numbers, booleans, strings, dates or timestamps; others are left out.
    """
    return Profile(columns=tuple(_columns(table, edges={})))


def count_on(reference: Profile, table: pa.Table) -> Profile:
    """Summarise a table on the edges of a reference, so that the two compare and merge.

    Raises:
        InvalidData: If the table lacks a column of the reference, or one has another kind.
    """
    absent = [one.name for one in reference.columns if one.name not in table.column_names]
    if absent:
        raise InvalidData(
            f"column {absent[0]!r} of the reference is not in the data", remedy="add the column", field=absent[0]
        )
    picked = table.select([one.name for one in reference.columns])
    found = Profile(columns=tuple(_columns(picked, edges={one.name: one.edges for one in reference.columns})))
    for before, now in zip(reference.columns, found.columns, strict=True):
        if before.kind != now.kind:
            raise InvalidData(
                f"column {now.name!r} was a {before.kind} and is a {now.kind}", remedy="mend its type", field=now.name
            )
    return found


def merge_profiles(one: Profile, other: Profile) -> Profile:
    """The profile of two tables together. Texts beyond the 1,000 most frequent are only counted.

    Raises:
        ValueError: If the profiles have other columns or edges.

    Source:
        Means and squares: T. F. Chan, G. H. Golub & R. J. LeVeque (1979), Updating formulae and a pairwise
        algorithm for computing sample variances, Stanford STAN-CS-79-773.
    """
    if [column.name for column in one.columns] != [column.name for column in other.columns]:
        raise ValueError("only profiles of the same columns merge")
    return Profile(columns=tuple(_merged(*pair) for pair in zip(one.columns, other.columns, strict=True)))


def _columns(table: pa.Table, *, edges: Mapping[str, tuple[float, ...]]) -> list[ColumnProfile]:
    found = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = _kind(column.type)
        if kind in {"number", "moment"}:
            found.append(_of_numbers(name, cast("Kind", kind), column, edges.get(name)))
        elif kind is not None:
            found.append(_of_values(name, kind, column))
    return found


def _kind(arrow: pa.DataType) -> Kind | None:
    types = pa.types
    if types.is_integer(arrow) or types.is_floating(arrow) or types.is_decimal(arrow):
        return "number"
    if types.is_timestamp(arrow) or types.is_date(arrow):
        return "moment"
    if types.is_boolean(arrow):
        return "flag"
    texts = types.is_string(arrow) or types.is_large_string(arrow) or types.is_dictionary(arrow)
    return "text" if texts else None


def _of_numbers(name: str, kind: Kind, column: pa.ChunkedArray, edges: tuple[float, ...] | None) -> ColumnProfile:
    values = _as_floats(kind, column)
    nan = np.isnan(values)
    finite = values[np.isfinite(values)]
    rows, nulls = len(values), int(nan.sum())
    if edges is None:
        edges = tuple(equal_frequency_edges(finite, _BINS).tolist()) if len(finite) else ()
    counts = tuple(count_in(finite, np.array(edges)).tolist()) if edges else ()
    infinite = rows - nulls - len(finite)
    if len(finite) == 0:
        return ColumnProfile(
            name=name, kind=kind, rows=rows, nulls=nulls, infinite=infinite, edges=edges, counts=counts
        )
    mean = float(finite.mean())
    return ColumnProfile(
        name=name,
        kind=kind,
        rows=rows,
        nulls=nulls,
        infinite=infinite,
        minimum=float(finite.min()),
        maximum=float(finite.max()),
        mean=mean,
        squares=float(np.square(finite - mean).sum()),
        edges=edges,
        counts=counts,
    )


def _as_floats(kind: Kind, column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Numbers with NaN for null; moments in seconds since 1970."""
    if kind == "moment":
        micros = column.cast(pa.timestamp("us", tz=getattr(column.type, "tz", None))).cast(pa.int64())
        column = pc.divide(micros.cast(pa.float64(), safe=False), 1e6)
    floats = column.cast(pa.float64(), safe=False).combine_chunks()
    return np.array(floats.fill_null(math.nan).to_numpy(zero_copy_only=False), dtype=np.float64)


def _of_values(name: str, kind: Kind, column: pa.ChunkedArray) -> ColumnProfile:
    known = column.cast(pa.string()).drop_null()
    counted = pc.value_counts(known)
    counts = Counter(dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)))
    return _with_values(
        ColumnProfile(name=name, kind=kind, rows=len(column), nulls=int(column.null_count)), counts, others=0
    )


def _with_values(base: ColumnProfile, counts: Counter[str], *, others: int) -> ColumnProfile:
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    kept = ranked[:_MOST_VALUES]
    return ColumnProfile(
        name=base.name,
        kind=base.kind,
        rows=base.rows,
        nulls=base.nulls,
        values=tuple(value for value, _ in kept),
        value_counts=tuple(count for _, count in kept),
        others=others + sum(count for _, count in ranked[_MOST_VALUES:]),
    )


def _merged(one: ColumnProfile, other: ColumnProfile) -> ColumnProfile:
    if (one.kind, one.edges) != (other.kind, other.edges):
        raise ValueError(f"column {one.name!r}: only profiles on the same edges merge")
    rows, nulls = one.rows + other.rows, one.nulls + other.nulls
    if one.kind in {"text", "flag"}:
        counts = Counter(dict(zip(one.values, one.value_counts, strict=True)))
        counts.update(dict(zip(other.values, other.value_counts, strict=True)))
        together = ColumnProfile(name=one.name, kind=one.kind, rows=rows, nulls=nulls)
        return _with_values(together, counts, others=one.others + other.others)
    mean, squares = _merged_moments(one, other)
    return ColumnProfile(
        name=one.name,
        kind=one.kind,
        rows=rows,
        nulls=nulls,
        infinite=one.infinite + other.infinite,
        minimum=float(np.fmin(one.minimum, other.minimum)),
        maximum=float(np.fmax(one.maximum, other.maximum)),
        mean=mean,
        squares=squares,
        edges=one.edges,
        counts=tuple(map(int, np.add(one.counts, other.counts))),
    )


def _merged_moments(one: ColumnProfile, other: ColumnProfile) -> tuple[float, float]:
    if one.known == 0 or other.known == 0:
        fuller = one if one.known else other
        return fuller.mean, fuller.squares
    both = one.known + other.known
    distance = other.mean - one.mean
    mean = one.mean + distance * other.known / both
    return mean, one.squares + other.squares + distance**2 * one.known * other.known / both
