"""What decisions are worth: the value matrix applied to rows, and the rule that makes a decision of a probability."""

import numpy as np
from numpy.typing import NDArray

from shipworthy.problem.goal import Goal, ValueMatrix

__all__ = ["decide", "value_per_1000", "value_per_row"]


def decide(goal: Goal, probability: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which rows to act on, shape (n_rows,).

    The comparison is done in float32, as the packaged graph does it, so that training, gates, serving and
    monitoring never disagree about a row that lies on the line. A NaN is never acted on.

    Args:
        goal: Its break-even probability is the line.
        probability: Fractions in [0, 1], shape (n_rows,).
    """
    return probability.astype(np.float32) >= np.float32(goal.threshold)


def value_per_row(matrix: ValueMatrix, truth: NDArray[np.bool_], acted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What each decision earned, in the goal's unit, float64, shape (n_rows,).

    Args:
        matrix: What each outcome is worth.
        truth: Whether acting was needed, shape (n_rows,).
        acted: Whether we acted, shape (n_rows,).

    Raises:
        ValueError: If the shapes differ.

    >>> matrix = ValueMatrix(true_positive=750, false_positive=-250, true_negative=0, false_negative=0)
    >>> value_per_row(matrix, np.array([True, False, True]), np.array([True, True, False])).tolist()
    [750.0, -250.0, 0.0]
    """
    if truth.shape != acted.shape:
        raise ValueError(f"truth {truth.shape} and acted {acted.shape} differ")
    needed = np.where(acted, matrix.true_positive, matrix.false_negative)
    not_needed = np.where(acted, matrix.false_positive, matrix.true_negative)
    return np.where(truth, needed, not_needed).astype(np.float64)


def value_per_1000(matrix: ValueMatrix, truth: NDArray[np.bool_], acted: NDArray[np.bool_]) -> float:
    """What 1,000 such decisions earn, in the goal's unit; NaN if there is no row."""
    if len(truth) == 0:
        return float("nan")
    return 1000 * float(value_per_row(matrix, truth, acted).mean())
