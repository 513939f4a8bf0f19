"""Intervals of counts: for rates of independent events, such as errors per request."""

import math
from statistics import NormalDist

__all__ = ["wilson_interval"]


def wilson_interval(hits: int, trials: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Bound a success rate from few trials.

    Unlike the textbook interval it stays within [0, 1] and is useful with 0 hits. It takes trials for
    independent: for rows that share a day use ``stats.bootstrap.block_mean``.

    Args:
        hits: Successes, in [0, trials].
        trials: At least 1.
        confidence: A fraction in (0, 1).

    Returns:
        Lower and upper bound, fractions in [0, 1].

    Raises:
        ValueError: If a number is out of range.

    Source:
        E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference.

    >>> low, high = wilson_interval(0, 100)
    >>> low, round(high, 3)
    (0.0, 0.037)
    """
    if not (0 <= hits <= trials and trials >= 1 and 0 < confidence < 1):
        raise ValueError(f"{hits} hits of {trials} at confidence {confidence}: out of range")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = hits / trials
    spread = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    middle, size = rate + z * z / (2 * trials), 1 + z * z / trials
    low, high = (middle - spread) / size, (middle + spread) / size
    return max(0.0, min(low, rate)), min(1.0, max(high, rate))
