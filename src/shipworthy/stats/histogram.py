"""Counts on fixed edges, and how far two of them lie apart."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_in", "equal_frequency_edges", "even_edges", "jensen_shannon", "psi"]

_SMALLEST_SHARE = 1e-4


def even_edges(bins: int, *, low: float = 0.0, high: float = 1.0) -> NDArray[np.float64]:
    """Bounds of ``bins`` bins of equal width between ``low`` and ``high``, shape (bins + 1,)."""
    return np.linspace(low, high, bins + 1)


def equal_frequency_edges(values: NDArray[np.float64], bins: int = 20) -> NDArray[np.float64]:
    """Bounds of up to ``bins`` bins that hold about equal shares of ``values``; NaN are left out.

    Bins of equal width are blind after one outlier; these are not. Values that repeat make fewer bins, never
    empty ones between equal bounds.

    Returns:
        Rising bounds, shape (k + 1,) with 1 <= k <= bins.

    Raises:
        ValueError: If no value is known.
    """
    known = values[~np.isnan(values)]
    if len(known) == 0:
        raise ValueError("no value is known, so there are no edges")
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1), method="inverted_cdf"))
    return edges if len(edges) > 1 else np.array([edges[0], edges[0]])


def count_in(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many ``values`` fall in each bin, shape (n_edges - 1,); NaN are left out.

    A value on a bound belongs to the bin above it, the largest bound to the last bin. Values beyond the outer
    bounds belong to the outer bins, so that new data are never lost.
    """
    known = values[~np.isnan(values)]
    place = np.clip(np.searchsorted(edges, known, side="right") - 1, 0, len(edges) - 2)
    return np.bincount(place, minlength=len(edges) - 1).astype(np.int64)


def psi(reference: NDArray[np.int64], now: NDArray[np.int64]) -> float:
    """Population stability index of two counts on the same edges, >= 0, 0 if the shares are equal.

    Empty bins count as a share of 1e-4. Customary lines: 0.1 a change, 0.2 a large one; for fewer than 1,000
    rows chance alone exceeds them.

    Raises:
        ValueError: If the shapes differ or one of both has no row.

    Source:
        S. Kullback (1959), Information theory and statistics: the symmetric divergence J; the lines are
        customary in credit scoring (N. Siddiqi, 2006, Credit risk scorecards).
    """
    before, after = (np.maximum(share, _SMALLEST_SHARE) for share in _shares(reference, now))
    return float(np.sum((after - before) * np.log(after / before)))


def jensen_shannon(reference: NDArray[np.int64], now: NDArray[np.int64]) -> float:
    """Jensen-Shannon distance of two counts on the same edges, in [0, 1]; 1 if they share no bin.

    Raises:
        ValueError: If the shapes differ or one of both has no row.

    Source:
        D. M. Endres & J. E. Schindelin (2003), A new metric for probability distributions, with base 2.
    """
    before, after = _shares(reference, now)
    middle = (before + after) / 2
    divergence = (_divergence(before, middle) + _divergence(after, middle)) / 2
    return float(np.sqrt(min(max(divergence, 0.0), 1.0)))


def _shares(reference: NDArray[np.int64], now: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if reference.shape != now.shape or reference.sum() == 0 or now.sum() == 0:
        raise ValueError(f"counts {reference.shape} and {now.shape} have to share edges, with at least one row each")
    return reference / reference.sum(), now / now.sum()


def _divergence(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    held = one > 0
    return float(np.sum(one[held] * np.log2(one[held] / other[held])))
