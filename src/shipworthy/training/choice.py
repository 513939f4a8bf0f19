"""Which candidate is proposed: the smallest of those that earn as much as the best, as far as the days can tell."""

from collections.abc import Sequence

from shipworthy.problem.goal import Goal
from shipworthy.stats.bootstrap import Interval, block_mean
from shipworthy.training.candidate import Candidate, earned

__all__ = ["propose"]

_ONE_STANDARD_ERROR = 0.6827
"""Share of a normal distribution within one standard error of its mean."""


def propose(candidates: Sequence[Candidate], goal: Goal) -> tuple[Candidate, str]:
    """The smallest candidate whose shortfall to the best is within one standard error, and a sentence that says why.

    The shortfall is the mean difference in value on the same rows, its error is by day: a good and a bad day are the
    same day for both. Size in bytes stands for cost: it rises with latency and memory, and unlike a measured
    latency it is the same on every machine. The baseline competes, as the smallest of all.

    Args:
        candidates: At least one, all scored on the same rows.
        goal: What value is.

    Source:
        L. Breiman et al. (1984), Classification and regression trees, section 3.4.3 (the 1-SE rule).
    """
    best = max(candidates, key=lambda one: (one.metrics["value_per_1000"].estimate, -one.size_bytes, one.name))
    shortfall = {one.name: _shortfall(best, one, goal) for one in candidates}
    near = [one for one in candidates if one is best or shortfall[one.name].low <= 0]
    chosen = min(near, key=lambda one: (one.size_bytes, -one.metrics["value_per_1000"].estimate, one.name))
    return chosen, _sentence(chosen, best, shortfall[chosen.name], len(near), goal)


def _shortfall(best: Candidate, other: Candidate, goal: Goal) -> Interval:
    """How much less ``other`` earned per 1,000 decisions, give or take one standard error."""
    lost = 1000 * (earned(goal, best.valid) - earned(goal, other.valid))
    return block_mean(lost, best.valid.block, confidence=_ONE_STANDARD_ERROR)


def _sentence(chosen: Candidate, best: Candidate, shortfall: Interval, near: int, goal: Goal) -> str:
    value = f"{chosen.metrics['value_per_1000'].estimate:,.0f} {goal.unit_per_1000}"
    if chosen.kind == "baseline":
        return (
            f"No model is proposed: the baseline earns {value} in validation, and no model earns more by over one "
            "standard error."
        )
    if chosen is best:
        rivals = {1: "no other candidate comes", 2: "one larger comes"}.get(near, f"{near - 1} larger ones come")
        return (
            f"{chosen.name} is proposed: it earns the most in validation, {value}; {rivals} within one standard error."
        )
    return (
        f"{chosen.name} is proposed: it is the smallest of {near} candidates within one standard error of the best; "
        f"it earns {value} in validation, {shortfall.estimate:,.0f} less than {best.name} at "
        f"{chosen.size_bytes / best.size_bytes:.0%} of its size."
    )
