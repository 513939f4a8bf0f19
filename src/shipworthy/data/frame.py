"""The table that models are made from: one row per decision, and nothing in it that was not known at decision time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["FEATURE_TYPES", "INSTANT", "FeatureFrame"]

INSTANT = pa.timestamp("us", tz="UTC")
FEATURE_TYPES = (pa.float64(), pa.int64(), pa.bool_(), pa.string())

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFrame:
    """Decisions with their features and, where it is known, what happened.

    Attributes:
        key: Name of each decision, unique, string or int64, shape (n_rows,).
        event_time: The instant the decision is about, timestamp in microseconds UTC, shape (n_rows,).
        decision_time: When the decision is taken; nothing in ``features`` was known later; same type and shape.
        target: What happened, booleans, null while it is not known, shape (n_rows,).
        features: One column per feature: float64, int64, bool or string, n_rows rows.
        known_at: For each feature, why it may be known at decision time, in words.

    Raises:
        ValueError: If lengths differ, a column has another type, or ``known_at`` names other features.
    """

    key: pa.Array
    event_time: pa.Array
    decision_time: pa.Array
    target: pa.Array
    features: pa.Table
    known_at: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(self.key), len(self.event_time), len(self.decision_time), len(self.target)}
        if lengths != {self.features.num_rows}:
            raise ValueError(
                f"columns of {sorted(lengths)} rows stand beside {self.features.num_rows} rows of features"
            )
        if self.key.type not in (pa.string(), pa.int64()) or self.target.type != pa.bool_():
            raise ValueError(f"a key is string or int64 and a target bool, not {self.key.type} and {self.target.type}")
        if self.event_time.type != INSTANT or self.decision_time.type != INSTANT:
            raise ValueError(f"times are {INSTANT}, not {self.event_time.type} and {self.decision_time.type}")
        for column in self.features.schema:
            if column.type not in FEATURE_TYPES:
                raise ValueError(f"feature {column.name!r} is {column.type}, not float64, int64, bool or string")
        if not set(self.known_at) <= set(self.features.column_names):
            raise ValueError("known_at speaks of features that are not there")

    def __len__(self) -> int:
        return int(self.features.num_rows)

    @property
    def names(self) -> tuple[str, ...]:
        """The features in order."""
        return tuple(self.features.column_names)

    @property
    def block(self) -> NDArray[np.int64]:
        """Day of each event, counted from 1970-01-01 UTC, shape (n_rows,): rows of one day depend on each other."""
        instants: NDArray[np.int64] = self.event_time.cast(pa.int64()).to_numpy()
        return instants // _DAY_US

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Which rows have a known target, shape (n_rows,)."""
        known: NDArray[np.bool_] = self.target.is_valid().to_numpy(zero_copy_only=False)
        return known

    @property
    def truth(self) -> NDArray[np.bool_]:
        """What happened, shape (n_rows,).

        Raises:
            ValueError: If a target is not known; take ``frame.rows(frame.labelled)`` first.
        """
        if self.target.null_count:
            raise ValueError(f"{self.target.null_count} of {len(self)} targets are not known")
        truth: NDArray[np.bool_] = self.target.to_numpy(zero_copy_only=False)
        return truth

    def rows(self, selection: NDArray[np.bool_] | NDArray[np.int64]) -> "FeatureFrame":
        """The rows of a mask of shape (n_rows,), or at these positions in this order."""
        positions = np.flatnonzero(selection) if selection.dtype == np.bool_ else selection
        if selection.dtype == np.bool_ and selection.shape != (len(self),):
            raise ValueError(f"a mask of shape {selection.shape} cannot select from {len(self)} rows")
        return FeatureFrame(
            key=self.key.take(positions),
            event_time=self.event_time.take(positions),
            decision_time=self.decision_time.take(positions),
            target=self.target.take(positions),
            features=self.features.take(positions),
            known_at=self.known_at,
        )
