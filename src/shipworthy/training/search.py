"""The search: a portfolio tried on few rows, the promising on all, within a budget of time."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from shipworthy.core.clock import Clock
from shipworthy.core.progress import Progress, silent
from shipworthy.data.frame import FeatureFrame
from shipworthy.packaging.baseline import RateTable
from shipworthy.problem.project import Project
from shipworthy.training.bench import lay_bench
from shipworthy.training.candidate import Candidate
from shipworthy.training.choice import propose
from shipworthy.training.deadline import Deadline
from shipworthy.training.halving import TRIALS_SHARE, Trial, halve
from shipworthy.training.learner import Learner
from shipworthy.training.portfolio import standard_portfolio
from shipworthy.training.split import Split

__all__ = ["Search", "search"]

_SHARE_OF_ONE = 0.7
"""Share of what is left that one fit on all rows may use: the most promising come first, and are worth finishing."""

_LEAST_SHARE = 0.5
"""A fit on all rows is begun only while this share of what the last one took is left: a stump tells nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a search found.

    Attributes:
        candidates: The baseline and every learner that was fitted on all training rows, best value first.
        proposal: One of them.
        sentence: Why.
        validation: Which rows trained and which judged.
        trials: The fits on fewer rows that came before.
    """

    candidates: tuple[Candidate, ...]
    proposal: Candidate
    sentence: str
    validation: Split
    trials: tuple[Trial, ...]


def search(
    frame: FeatureFrame,
    project: Project,
    *,
    baseline: RateTable | Callable[[FeatureFrame], RateTable],
    clock: Clock,
    progress: Progress = silent,
    portfolio: Sequence[Learner] | None = None,
    threads: int | None = None,
) -> Search:
    """Make candidates, judge them forward in time, propose one.

    Deterministic for a seed while the budget is not what ends a fit. The budget covers the search; the refit
    that follows takes about as long as the proposal's own fit.

    Args:
        frame: Training rows; every target known.
        project: Goal, label delay, budget and seed.
        baseline: What is done today. A function is given the rows that train, so that the baseline too is judged
            on rows it never saw; a table is taken as it is.
        clock: What the budget is measured by.
        progress: Told before each fit.
        portfolio: Learners to try; the standard portfolio if None.
        threads: Threads of one fit, for the standard portfolio; None for all cores but one. Threads wait for each
            other after every leaf: on two busy cores two of them were measured 1.4 to 15 times slower than one.

    Raises:
        InvalidData: If the rows cannot be split, or the target is always the same on one side.
        InvalidFeatures: If there is no feature.
    """
    bench = lay_bench(frame, project, baseline)
    threads = threads or max((os.cpu_count() or 1) - 1, 1)
    learners = tuple(portfolio or standard_portfolio(seed=project.training.seed, threads=threads))
    deadline = Deadline(clock=clock, end=clock.now() + timedelta(seconds=project.training.budget_s))
    trials, survivors = halve(learners, bench, deadline.share(TRIALS_SHARE), progress)
    candidates = [bench.baseline_candidate()]
    for index, learner in enumerate(survivors):
        if index and deadline.left_s <= _LEAST_SHARE * candidates[-1].seconds:
            break
        progress(
            f"fit {learner.name} on {len(bench.train):,} rows",
            done=TRIALS_SHARE + (1 - TRIALS_SHARE) * index / len(survivors),
        )
        left = len(survivors) - index
        candidates.append(bench.candidate(learner, deadline.share(max(1 / left, _SHARE_OF_ONE))))
    proposal, sentence = propose(candidates, project.goal)
    progress(sentence, done=1.0)
    ranked = sorted(candidates, key=lambda one: -one.metrics["value_per_1000"].estimate)
    return Search(candidates=tuple(ranked), proposal=proposal, sentence=sentence, validation=bench.split, trials=trials)
