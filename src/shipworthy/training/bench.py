"""The bench: the rows of one search, encoded once, on which every candidate is made and judged alike."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from shipworthy.core.errors import InvalidData, Refused
from shipworthy.data.frame import FeatureFrame
from shipworthy.packaging.baseline import RateTable
from shipworthy.problem.goal import Goal
from shipworthy.problem.project import Project
from shipworthy.stats.scores import Scores
from shipworthy.training.candidate import Candidate, measure
from shipworthy.training.deadline import Deadline
from shipworthy.training.encode import fit_encoding
from shipworthy.training.fitted import Fitted, feed, measure_latency_us, seal
from shipworthy.training.learner import Learner, Model, Rows, encode_rows
from shipworthy.training.split import Split, split_forward

__all__ = ["Bench", "lay_bench"]

_REFIT_ROUNDS = 1.1
"""More rows carry more rounds."""

_TIMED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The rows of one search, encoded once by what the training rows teach.

    Attributes:
        frame: All rows, for the refit.
        goal: What value is.
        split: Which rows train and which judge.
        train: Training rows, encoded.
        valid: Validation rows, encoded.
        train_block: Day of each training row, shape (n_train,).
        valid_block: Day of each validation row, shape (n_valid,).
        baseline: What is done today.
        baseline_valid: Its scores on the validation rows.
        baseline_train: Its scores on the training rows.
        seed: Seed of the draw of thinned rows.
    """

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

    def baseline_candidate(self) -> Candidate:
        """What is done today, as a candidate."""
        row = _key_columns(self.baseline, self.frame.rows(self.split.valid[:1]))
        begun = time.perf_counter()
        for _ in range(_TIMED):
            self.baseline.probability(row)
        took = time.perf_counter() - begun
        return Candidate(
            name="baseline",
            kind="baseline",
            parameters={"keys": list(self.baseline.keys), "rates": len(self.baseline.rates)},
            valid=self.baseline_valid,
            train=self.baseline_train,
            metrics=measure(self.goal, self.baseline_valid, self.baseline_valid),
            latency_us=took / _TIMED * 1e6,
            size_bytes=len(json.dumps(self.baseline.to_json())),
            seconds=0.0,
            maker=_refuse_the_baseline,
        )

    def candidate(self, learner: Learner, deadline: Deadline) -> Candidate:
        """Fit on all training rows and judge."""
        begun = time.perf_counter()
        model = learner.fit(self.train, valid=self.valid, rounds=None, go_on=deadline.go_on)
        seconds = time.perf_counter() - begun
        valid = self.score(model)
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

    def score(self, model: Model) -> Scores:
        """What a model says about the validation rows."""
        return _score(model, self.valid, self.valid_block)


def lay_bench(
    frame: FeatureFrame, project: Project, baseline: RateTable | Callable[[FeatureFrame], RateTable]
) -> Bench:
    """Split the rows forward in time and encode both sides by what the earlier one teaches.

    Raises:
        InvalidData: If the rows cannot be split, or the target is always the same on one side.
        InvalidFeatures: If there is no feature.
    """
    split = split_forward(frame, label_delay=project.data.label_delay)
    train, valid = frame.rows(split.train), frame.rows(split.valid)
    _need_both_outcomes(train, "training")
    _need_both_outcomes(valid, "validation")
    encoding = fit_encoding(train)
    table = baseline if isinstance(baseline, RateTable) else baseline(train)
    return Bench(
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
    return Scores(truth=frame.truth, probability=table.probability(_key_columns(table, frame)), block=frame.block)


def _key_columns(table: RateTable, frame: FeatureFrame) -> dict[str, list[object]]:
    """The columns that the table asks for; a table without keys still has to be told how many rows there are."""
    return {name: frame.features[name].to_pylist() for name in table.keys or frame.names[:1] if name in frame.names}


def _need_both_outcomes(frame: FeatureFrame, part: str) -> None:
    hits = int(frame.truth.sum())
    if hits in {0, len(frame)}:
        raise InvalidData(
            f"the target is {'true' if hits else 'false'} on all {len(frame)} {part} rows: nothing can be told apart",
            remedy="bring a longer period, or check how the target is computed",
            part=part,
        )
