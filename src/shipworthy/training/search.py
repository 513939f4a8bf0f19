"""The search: a portfolio tried on few rows, the promising on all, within a budget of time."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from shipworthy.core.clock import Clock
from shipworthy.core.digests import Json
from shipworthy.core.errors import InvalidData, Refused
from shipworthy.core.progress import Progress, silent
from shipworthy.data.frame import FeatureFrame
from shipworthy.packaging.baseline import RateTable
from shipworthy.problem.goal import Goal
from shipworthy.problem.project import Project
from shipworthy.stats.metrics import log_loss
from shipworthy.stats.scores import Scores
from shipworthy.training.candidate import Candidate, measure
from shipworthy.training.choice import propose
from shipworthy.training.encode import fit_encoding
from shipworthy.training.fitted import Fitted, feed, measure_latency_us, seal
from shipworthy.training.learner import Learner, Model, Rows, encode_rows
from shipworthy.training.portfolio import standard_portfolio
from shipworthy.training.split import Split, split_forward

__all__ = ["Search", "Trial", "search"]

_RUNG_FACTORS = (16, 4)
_LEAST_RUNG_ROWS = 10_000
_KEPT_SHARE = 0.4
_LEAST_KEPT = 2
_TRIALS_SHARE = 0.4
"""Share of the budget that trials on few rows may use; the rest is for fits on all rows."""

_REFIT_ROUNDS = 1.1
"""More rows carry more rounds (METHODS 1)."""


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
    threads: int = 0,
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
        threads: Threads of one fit; 0 for one per core.

    Raises:
        InvalidData: If the rows cannot be split, or the target is always the same on one side.
        InvalidFeatures: If there is no feature.
    """
    bench = _Bench.lay(frame, project, baseline)
    learners = tuple(portfolio or standard_portfolio(seed=project.training.seed, threads=threads))
    deadline = _Deadline(clock=clock, end=clock.now() + timedelta(seconds=project.training.budget_s))
    trials, survivors = _halve(learners, bench, deadline.share(_TRIALS_SHARE), progress)
    candidates = [bench.baseline_candidate()]
    for index, learner in enumerate(survivors):
        if index and deadline.over:
            break
        progress(f"fit {learner.name} on {len(bench.train):,} rows", done=0.4 + 0.6 * index / len(survivors))
        candidates.append(bench.candidate(learner, deadline.share(1 / (len(survivors) - index))))
    proposal, sentence = propose(candidates, project.goal)
    progress(sentence, done=1.0)
    ranked = sorted(candidates, key=lambda one: -one.metrics["value_per_1000"].estimate)
    return Search(candidates=tuple(ranked), proposal=proposal, sentence=sentence, validation=bench.split, trials=trials)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deadline:
    """A moment after which no round begins."""

    clock: Clock
    end: datetime

    @property
    def over(self) -> bool:
        return self.clock.now() >= self.end

    def share(self, fraction: float) -> "_Deadline":
        """The moment when ``fraction`` of the time that is left now is used up."""
        now = self.clock.now()
        return replace(self, end=now + max(self.end - now, timedelta(0)) * fraction)

    def go_on(self) -> bool:
        return not self.over


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """The rows of one search, encoded once by what the training rows teach."""

    frame: FeatureFrame
    goal: Goal
    split: Split
    train: Rows
    valid: Rows
    train_block: NDArray[np.int64]
    valid_block: NDArray[np.int64]
    baseline: RateTable
    baseline_valid: Scores
    baseline_train: Scores
    seed: int

    @classmethod
    def lay(
        cls, frame: FeatureFrame, project: Project, baseline: RateTable | Callable[[FeatureFrame], RateTable]
    ) -> "_Bench":
        split = split_forward(frame, label_delay=project.data.label_delay)
        train, valid = frame.rows(split.train), frame.rows(split.valid)
        _need_both_outcomes(train, "training")
        _need_both_outcomes(valid, "validation")
        encoding = fit_encoding(train)
        table = baseline if isinstance(baseline, RateTable) else baseline(train)
        return cls(
            frame=frame,
            goal=project.goal,
            split=split,
            train=encode_rows(encoding, train),
            valid=encode_rows(encoding, valid),
            train_block=train.block,
            valid_block=valid.block,
            baseline=table,
            baseline_valid=_score_table(table, valid),
            baseline_train=_score_table(table, train),
            seed=project.training.seed,
        )

    def baseline_candidate(self) -> Candidate:
        """What is done today, as a candidate."""
        row = _columns(self.frame.rows(np.array([0])))
        begun = time.perf_counter()
        for _ in range(100):
            self.baseline.probability(row)
        took = time.perf_counter() - begun
        return Candidate(
            name="baseline",
            kind="baseline",
            parameters={"keys": list(self.baseline.keys), "rates": len(self.baseline.rates)},
            valid=self.baseline_valid,
            train=self.baseline_train,
            metrics=measure(self.goal, self.baseline_valid, self.baseline_valid),
            latency_us=took / 100 * 1e6,
            size_bytes=len(json.dumps(self.baseline.to_json())),
            seconds=0.0,
            maker=_refuse_the_baseline,
        )

    def candidate(self, learner: Learner, deadline: _Deadline) -> Candidate:
        """Fit on all training rows and judge."""
        begun = time.perf_counter()
        model = learner.fit(self.train, valid=self.valid, rounds=None, go_on=deadline.go_on)
        seconds = time.perf_counter() - begun
        valid = _score(model, self.valid, self.valid_block)
        encoding = self.train.encoding
        fitted = seal(model, encoding, threshold=self.goal.threshold, name=learner.name)
        one_row = self.frame.rows(self.split.valid[:1])
        return Candidate(
            name=learner.name,
            kind=learner.kind,
            parameters={**learner.parameters, **model.effort},
            valid=valid,
            train=_score(model, self.train, self.train_block),
            metrics=measure(self.goal, valid, self.baseline_valid),
            latency_us=measure_latency_us(fitted.model_onnx, feed(encoding, one_row)),
            size_bytes=len(fitted.model_onnx),
            seconds=seconds,
            maker=partial(_refit, learner, model.rounds, self.frame, self.goal),
        )

    def thin(self, rows: int) -> Rows:
        """Training rows drawn evenly from all days; the same for every learner."""
        picked = np.random.default_rng(self.seed).permutation(len(self.train))[:rows]
        return self.train.take(np.sort(picked))


def _halve(
    learners: tuple[Learner, ...], bench: _Bench, deadline: _Deadline, progress: Progress
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
        families = [tuple(family) for _, family in groupby(learners, key=lambda one: one.kind)]
        kept: list[Learner] = []
        for family in families:
            if len(family) <= _LEAST_KEPT or deadline.over:
                kept += family[:_LEAST_KEPT]
                continue
            progress(f"try {len(family)} of {family[0].kind} on {rows:,} rows", done=0.2 * rung)
            tried = _try_all(family, bench, bench.thin(rows), deadline)
            trials += [trial for _, trial in tried]
            kept += _promising(tried)
        learners = tuple(kept)
    return tuple(trials), learners


def _try_all(family: Sequence[Learner], bench: _Bench, rows: Rows, deadline: _Deadline) -> list[tuple[Learner, Trial]]:
    tried: list[tuple[Learner, Trial]] = []
    for learner in family:
        if tried and deadline.over:
            break
        begun = time.perf_counter()
        model = learner.fit(rows, valid=bench.valid, rounds=None, go_on=deadline.go_on)
        loss = log_loss(_score(model, bench.valid, bench.valid_block))
        took = time.perf_counter() - begun
        tried.append((learner, Trial(name=learner.name, rows=len(rows), log_loss=loss, seconds=took)))
    return tried


def _promising(tried: Sequence[tuple[Learner, Trial]]) -> list[Learner]:
    ranked = sorted(tried, key=lambda pair: pair[1].log_loss)
    return [learner for learner, _ in ranked[: max(math.ceil(_KEPT_SHARE * len(ranked)), _LEAST_KEPT)]]


def _refit(learner: Learner, rounds: int | None, frame: FeatureFrame, goal: Goal) -> Fitted:
    encoding = fit_encoding(frame)
    more = None if rounds is None else math.ceil(rounds * _REFIT_ROUNDS)
    model = learner.fit(encode_rows(encoding, frame), valid=None, rounds=more, go_on=_always)
    return seal(model, encoding, threshold=goal.threshold, name=learner.name)


def _always() -> bool:
    return True


def _refuse_the_baseline() -> Fitted:
    raise Refused(
        "the baseline is proposed: no model earns more than what is done today by over one standard error",
        remedy="keep what is done today, or bring features that say more; the leaderboard shows how far the models are",
    )


def _score(model: Model, rows: Rows, block: NDArray[np.int64]) -> Scores:
    return Scores(truth=rows.truth, probability=model.probability(rows.matrix), block=block)


def _score_table(table: RateTable, frame: FeatureFrame) -> Scores:
    return Scores(truth=frame.truth, probability=table.probability(_columns(frame)), block=frame.block)


def _columns(frame: FeatureFrame) -> dict[str, list[object]]:
    return {name: frame.features[name].to_pylist() for name in frame.names}


def _need_both_outcomes(frame: FeatureFrame, part: str) -> None:
    hits = int(frame.truth.sum())
    if hits in {0, len(frame)}:
        raise InvalidData(
            f"the target is {'true' if hits else 'false'} on all {len(frame)} {part} rows: there is nothing to tell apart",
            remedy="bring a longer period, or check how the target is computed",
            part=part,
        )
