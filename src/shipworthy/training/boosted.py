"""Gradient-boosted trees by LightGBM, stopped by the validation rows or by the clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import lightgbm as lgb
import numpy as np
from lightgbm.callback import CallbackEnv, EarlyStopException
from numpy.typing import NDArray

from shipworthy.core.digests import Json
from shipworthy.training.forest import Forest
from shipworthy.training.graph import Graph
from shipworthy.training.learner import Kind, Rows

__all__ = ["Boosted", "BoostedModel"]

_ALWAYS: Mapping[str, Json] = {
    "objective": "binary",
    "metric": "binary_logloss",
    "verbosity": -1,
    "deterministic": True,
    "force_col_wise": True,  # without a choice LightGBM times both ways, and the faster one differs from day to day
    "feature_pre_filter": False,
}

_Stop = Literal["patience", "budget", "limit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Boosted:
    """A LightGBM learner.

    Attributes:
        name: Name in the leaderboard.
        settings: LightGBM's parameters beyond those that are always set.
        limit: Most rounds.
        patience: Rounds without a better validation log loss after which a fit ends; None never ends it so.
        seed: Seed of every random choice.
        threads: Threads, at least one. The model does not depend on it.
    """

    name: str
    settings: Mapping[str, Json] = field(default_factory=dict)
    limit: int = 1500
    patience: int | None = 30
    seed: int = 0
    threads: int = 1
    kind: ClassVar[Kind] = "lightgbm"

    @property
    def parameters(self) -> Mapping[str, Json]:
        """Everything that was set and can change the model."""
        return {**_ALWAYS, **self.settings, "seed": self.seed, "limit": self.limit, "patience": self.patience}

    def fit(self, rows: Rows, *, valid: Rows | None, rounds: int | None, go_on: Callable[[], bool]) -> "BoostedModel":
        """Fit on ``rows``; see :class:`~shipworthy.training.learner.Learner`."""
        parameters = {**_ALWAYS, "seed": self.seed, "num_threads": self.threads, **self.settings}
        data = lgb.Dataset(rows.matrix, rows.truth, params=parameters)
        watched = [lgb.Dataset(valid.matrix, valid.truth, reference=data)] if valid else None
        limit = rounds or self.limit
        stopper = _Stopper(patience=self.patience if valid else None, go_on=go_on)
        booster = lgb.train(parameters, data, num_boost_round=limit, valid_sets=watched, callbacks=[stopper])
        best = stopper.best_round if valid and self.patience else booster.current_iteration()
        return BoostedModel(booster=booster, rounds=max(best, 1), stop=stopper.stop, threads=self.threads)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoostedModel:
    """A fitted booster of which the first ``rounds`` trees count."""

    booster: lgb.Booster
    rounds: int
    stop: _Stop
    threads: int

    @property
    def effort(self) -> Mapping[str, Json]:
        """Rounds that count, and what ended the fit."""
        return {"rounds": self.rounds, "stopped_by": self.stop}

    def probability(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """LightGBM's own probability, shape (n_rows,)."""
        said = self.booster.predict(matrix, num_iteration=self.rounds, num_threads=self.threads)
        return np.asarray(said, dtype=np.float64)

    def draw(self, graph: Graph) -> str:
        """Add the trees; see :class:`~shipworthy.training.learner.Model`."""
        return Forest.read(self.booster, rounds=self.rounds).draw(graph, graph.matrix())


class _Stopper:
    """Ends a fit that no longer gets better, or whose time is over. LightGBM calls it after each round."""

    order: ClassVar[int] = 30  # after the evaluation
    before_iteration: ClassVar[bool] = False

    def __init__(self, *, patience: int | None, go_on: Callable[[], bool]) -> None:
        self._patience = patience
        self._go_on = go_on
        self._best_loss = np.inf
        self.best_round = 0
        self.stop: _Stop = "limit"

    def __call__(self, env: CallbackEnv) -> None:
        done = env.iteration + 1
        if env.evaluation_result_list:
            loss = float(env.evaluation_result_list[0][2])
            if loss < self._best_loss:
                self._best_loss, self.best_round = loss, done
        if self._patience is not None and done - self.best_round >= self._patience:
            self._end("patience", env)
        if not self._go_on():
            self._end("budget", env)

    def _end(self, reason: _Stop, env: CallbackEnv) -> None:
        self.stop = reason
        raise EarlyStopException(env.iteration, env.evaluation_result_list or [])
