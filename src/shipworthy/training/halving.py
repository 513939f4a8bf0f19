"""Successive halving: many learners on few rows, the promising ones on more."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from shipworthy.core.digests import Json
from shipworthy.core.progress import Progress
from shipworthy.stats.metrics import log_loss
from shipworthy.training.bench import Bench
from shipworthy.training.deadline import Deadline
from shipworthy.training.learner import Learner, Rows

__all__ = ["TRIALS_SHARE", "Trial", "halve"]

TRIALS_SHARE = 0.4
"""Share of the budget that trials may use; the rest is for fits on all rows."""

_PART = 4
"""Trials see one row in four. One in sixteen put the smallest trees first (flights, one split), which fitted on
all rows come behind larger ones (flights, mean log loss of three periods): one trial each, a hint and no proof."""

_LEAST_ROWS = 10_000
"""Trials on fewer rows tell nothing, and fits on all rows are quick then."""

_KEPT_SHARE = 0.4
_LEAST_KEPT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A fit on a part of the rows, by which a learner stayed or went.

    Attributes:
        name: The learner.
        rows: Rows it was fitted on.
        log_loss: On all validation rows, in nats.
        seconds: Wall time, in s.
    """

    name: str
    rows: int
    log_loss: float
    seconds: float

    def to_json(self) -> dict[str, Json]:
        """Plain JSON, for the record of the run."""
        return {"name": self.name, "rows": self.rows, "log_loss": self.log_loss, "seconds": self.seconds}


def halve(
    learners: tuple[Learner, ...], bench: Bench, deadline: Deadline, progress: Progress
) -> tuple[tuple[Trial, ...], tuple[Learner, ...]]:
    """Try learners on a part of the rows and keep the promising ones of each family; best first within a family.

    A family of few goes through untried, so that the best of a second family is always seen. What the deadline
    leaves untried is dropped. Log loss ranks here, not value: it tells near equals apart with far fewer rows.

    Returns:
        The trials, and the learners that are left.

    Source:
        K. Jamieson & A. Talwalkar (2016), Non-stochastic best arm identification and hyperparameter optimization.
    """
    size = len(bench.train) // _PART
    if size < _LEAST_ROWS:
        return (), learners
    rows = bench.thin(size)
    trials: list[Trial] = []
    kept: list[Learner] = []
    for family in _families(learners):
        if len(family) <= _LEAST_KEPT:
            kept += family
            continue
        tried = _try_all(family, bench, rows, deadline, progress)
        trials += [trial for _, trial in tried]
        kept += _promising(tried)
    return tuple(trials), tuple(kept)


def _families(learners: Sequence[Learner]) -> list[list[Learner]]:
    kinds = dict.fromkeys(one.kind for one in learners)
    return [[one for one in learners if one.kind == kind] for kind in kinds]


def _try_all(
    family: Sequence[Learner], bench: Bench, rows: Rows, deadline: Deadline, progress: Progress
) -> list[tuple[Learner, Trial]]:
    tried: list[tuple[Learner, Trial]] = []
    for index, learner in enumerate(family):
        if tried and deadline.over:
            break
        progress(f"try {learner.name} on {len(rows):,} rows", done=TRIALS_SHARE * index / len(family))
        begun = time.perf_counter()
        model = learner.fit(rows, valid=bench.valid, rounds=None, go_on=deadline.go_on)
        loss = log_loss(bench.score(model))
        took = time.perf_counter() - begun
        tried.append((learner, Trial(name=learner.name, rows=len(rows), log_loss=loss, seconds=took)))
    return tried


def _promising(tried: Sequence[tuple[Learner, Trial]]) -> list[Learner]:
    ranked = sorted(tried, key=lambda pair: pair[1].log_loss)
    return [learner for learner, _ in ranked[: max(math.ceil(_KEPT_SHARE * len(ranked)), _LEAST_KEPT)]]
