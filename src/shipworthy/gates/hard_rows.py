"""The rows on which two readings of one model are most likely to part: real ones, and real ones made harder."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["KINDS", "hard_rows"]

KINDS = 3
"""Equal parts of hard rows: real ones first, then odd ones, then moved ones."""

_UNSEEN = "never seen before"
_FAR = 1e6
_SHARE = 0.25


def hard_rows(features: pa.Table, *, nullable: Collection[str], rows: int = 600, seed: int = 0) -> pa.Table:
    """Real rows, then the same with nulls and unseen categories, then the same with far and neighbouring numbers.

    Made-up numbers are ones that float32 can hold, so that a difference is the model's and not the input's.

    Args:
        features: Real rows, at least one; float64, int64, bool or string columns.
        nullable: Names of the columns that may be null; the others get no null.
        rows: About how many to make, a third of each kind; fewer if ``features`` is shorter.
        seed: Seed of the choice.

    Returns:
        A table with the same columns and types, the real rows first.
    """
    random = np.random.default_rng(seed)
    some = min(max(1, rows // KINDS), features.num_rows)
    real = features.take(np.sort(random.choice(features.num_rows, size=some, replace=False)))
    odd, moved = real, real
    for place, name in enumerate(real.column_names):
        column = real.column(name).combine_chunks()
        odd = odd.set_column(place, real.schema.field(name), _odd(column, random, nullable=name in nullable))
        moved = moved.set_column(place, real.schema.field(name), _moved(column, random))
    return pa.concat_tables([real, odd, moved]).combine_chunks()


def _odd(column: pa.Array, random: np.random.Generator, *, nullable: bool) -> pa.Array:
    """Some values null (where allowed), some strings unseen."""
    values = column.to_pylist()
    kind = random.random(len(values))
    for place in np.flatnonzero(kind < _SHARE) if nullable else ():
        values[place] = None
    for place in np.flatnonzero(kind > 1 - _SHARE) if column.type == pa.string() else ():
        values[place] = _UNSEEN
    return pa.array(values, type=column.type)


def _moved(column: pa.Array, random: np.random.Generator) -> pa.Array:
    """Some numbers far outside of what was seen, the others one float32 step up or down; nulls stay."""
    if column.type == pa.bool_() or column.type == pa.string():
        return column
    values = np.asarray(column.to_pylist(), dtype=np.float64)
    moved = _numbers_moved(values, random)
    if column.type == pa.int64():
        moved = np.trunc(moved)
    return pa.array(moved, mask=np.isnan(values)).cast(column.type)


def _numbers_moved(values: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    single = values.astype(np.float32)
    kind = random.random(len(values))
    up, down = np.nextafter(single, np.float32(np.inf)), np.nextafter(single, np.float32(-np.inf))
    near = np.where(kind < 0.5, up, down)
    far = (np.abs(single) + 1) * np.float32(_FAR) * np.where(kind < 0.85, 1, -1).astype(np.float32)
    return np.where(kind < 1 - _SHARE, near, far).astype(np.float64)
