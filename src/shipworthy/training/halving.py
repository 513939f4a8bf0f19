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

__all__ = ["Trial", "halve"]

_RUNG_FACTORS = (4,)
"""A sixteenth of the rows was tried too: it ranks small trees first that lose on all rows (flights, three periods)."""

_LEAST_RUNG_ROWS = 10_000
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
    """Successive halving by rows within each family; what the deadline leaves untried is dropped.

    A family of few goes through untried, so that the best of a second family is always seen. Log loss ranks here,
    not value: it tells near equals apart with far fewer rows.

    Source:
        K. Jamieson & A. Talwalkar (2016), Non-stochastic best arm identification and hyperparameter optimization.
    """
    trials: list[Trial] = []
    rungs = [len(bench.train) // factor for factor in _RUNG_FACTORS]
    for rung, rows in enumerate(rows for rows in rungs if rows >= _LEAST_RUNG_ROWS):
        kept: list[Learner] = []
        for family in _families(learners):
            if len(family) <= _LEAST_KEPT or deadline.over:
                kept += family[:_LEAST_KEPT]
                continue
            progress(f"try {len(family)} of {family[0].kind} on {rows:,} rows", done=0.2 * rung)
            tried = _try_all(family, bench, bench.thin(rows), deadline)
            trials += [trial for _, trial in tried]
            kept += _promising(tried)
        learners = tuple(kept)
    return tuple(trials), learners


def _families(learners: Sequence[Learner]) -> list[list[Learner]]:
    kinds = dict.fromkeys(one.kind for one in learners)
    return [[one for one in learners if one.kind == kind] for kind in kinds]


def _try_all(family: Sequence[Learner], bench: Bench, rows: Rows, deadline: Deadline) -> list[tuple[Learner, Trial]]:
    tried: list[tuple[Learner, Trial]] = []
    for learner in family:
        if tried and deadline.over:
            break
        begun = time.perf_counter()
        model = learner.fit(rows, valid=bench.valid, rounds=None, go_on=deadline.go_on)
        loss = log_loss(bench.score(model))
        took = time.perf_counter() - begun
        tried.append((learner, Trial(name=learner.name, rows=len(rows), log_loss=loss, seconds=took)))
    return tried


def _promising(tried: Sequence[tuple[Learner, Trial]]) -> list[Learner]:
    ranked = sorted(tried, key=lambda pair: pair[1].log_loss)
    return [learner for learner, _ in ranked[: max(math.ceil(_KEPT_SHARE * len(ranked)), _LEAST_KEPT)]]
