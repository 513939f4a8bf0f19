"""Whether the packaged server answers fast enough."""

import math

import numpy as np

from shipworthy.core.digests import Json
from shipworthy.core.findings import Finding, Status
from shipworthy.gates.evidence import Evidence
from shipworthy.stats.quantiles import quantiles

__all__ = ["check_latency"]

_FEWEST = 200
_QUANTILE = 0.99


def check_latency(evidence: Evidence) -> tuple[Finding, ...]:
    """Hold the 99th percentile of single-row HTTP requests against the goal's budget.

    It fails above the budget, and with fewer than 200 requests, which cannot tell a 99th percentile.

    Picture ``latency``: ``{"unit": "ms", "budget", "p50", "p99", "sorted": [...]}``, ``sorted`` being 101 evenly
    spaced quantiles from the fastest request to the slowest.

    Source:
        The interval is the distribution-free one of order statistics, H. A. David & H. N. Nagaraja (2003), Order
        statistics, section 7.1, with the normal approximation of the binomial.
    """
    taken = np.sort(evidence.served.latencies_ms)
    budget = evidence.goal.budgets.latency_p99_ms
    if len(taken) < _FEWEST:
        return (_too_few(len(taken), budget),)
    p50, p99 = quantiles(taken, (0.5, _QUANTILE))
    spread = 1.96 * math.sqrt(len(taken) * _QUANTILE * (1 - _QUANTILE))
    low, high = (round(len(taken) * _QUANTILE + step) - 1 for step in (-spread, spread))
    interval = (float(taken[low]), float(taken[min(high, len(taken) - 1)]))
    passed = p99 <= budget
    curve: list[Json] = list(quantiles(taken, [step / 100 for step in range(101)]))
    return (
        Finding(
            check="latency",
            status=Status.PASSED if passed else Status.FAILED,
            message=(
                f"99 of 100 requests took at most {p99:.2f} ms [{interval[0]:.2f}, {interval[1]:.2f}] "
                f"(budget {budget:g} ms), half of them at most {p50:.2f} ms, of {len(taken):,} single rows over HTTP."
            ),
            measured=p99,
            interval=interval,
            threshold=f"<= {budget:g}",
            unit="ms",
            remedy="" if passed else "choose a smaller candidate, or raise goal.budgets.latency_p99_ms",
            evidence={"picture": "latency", "unit": "ms", "budget": budget, "p50": p50, "p99": p99, "sorted": curve},
        ),
    )


def _too_few(count: int, budget: float) -> Finding:
    return Finding(
        check="latency",
        status=Status.FAILED,
        message=f"{count} requests were timed, and fewer than {_FEWEST} cannot tell a 99th percentile.",
        threshold=f"<= {budget:g}",
        unit="ms",
        remedy=f"give the gate at least {_FEWEST} rows to ask for",
    )
