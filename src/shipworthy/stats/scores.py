"""What was said and what happened, row by row: the input of every measure of quality."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scores"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Predictions beside outcomes.

    Attributes:
        truth: What happened, booleans, shape (n_rows,).
        probability: What was said, fractions in [0, 1], float64, shape (n_rows,).
        block: Which block of dependent rows each belongs to (the day number since 1970-01-01), int64,
            shape (n_rows,). Intervals resample blocks, never rows.

    Raises:
        ValueError: If the shapes differ, or a probability is NaN or outside [0, 1].
    """

    truth: NDArray[np.bool_]
    probability: NDArray[np.float64]
    block: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not (self.truth.shape == self.probability.shape == self.block.shape) or self.truth.ndim != 1:
            raise ValueError(
                f"truth {self.truth.shape}, probability {self.probability.shape} and block {self.block.shape} differ"
            )
        if not bool(np.all((self.probability >= 0) & (self.probability <= 1))):
            raise ValueError("a probability is NaN or outside [0, 1]")

    def __len__(self) -> int:
        return len(self.truth)
