"""Quantiles that were really measured: no value is made up between two others."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["quantiles"]


def quantiles(values: NDArray[np.floating] | NDArray[np.integer], levels: Sequence[float]) -> tuple[float, ...]:
    """The smallest measured value that at least the share ``level`` of all values do not exceed.

    Args:
        values: Shape (n,), in any unit.
        levels: Fractions in [0, 1].

    Returns:
        One value a level, in the unit of ``values``; NaN for each if there is none.

    Source:
        R. J. Hyndman & Y. Fan (1996), Sample quantiles in statistical packages, definition 1.

    >>> quantiles(np.array([4, 1, 3, 2]), (0.5, 0.99))
    (2.0, 4.0)
    """
    if len(values) == 0:
        return tuple(float("nan") for _ in levels)
    return tuple(float(value) for value in np.quantile(values, levels, method="inverted_cdf"))
