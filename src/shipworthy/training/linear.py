"""Logistic regression on cleaned numbers and one-hot categories, drawn as ONNX nodes by hand."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from shipworthy.core.digests import Json
from shipworthy.training.encode import NUMBERS, Encoding, Levels
from shipworthy.training.graph import Graph
from shipworthy.training.learner import Kind, Rows

__all__ = ["Linear", "LinearModel"]

_PIECE = 20_000
"""Rows whose one-hot matrix is in memory at one time when predicting."""

_LARGEST = 1e30
"""Numbers are cut here, so that centring and scaling never leave float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """A logistic-regression learner.

    Attributes:
        name: Name in the leaderboard.
        inverse_penalty: Scikit-learn's ``C``: the smaller, the smaller the coefficients.
        most_rows: Rows it is fitted on; more are thinned evenly, as a linear model learns little from them.
        most_levels: Categories of a column that get a coefficient, the most frequent; the others get none.
        steps: Most steps of the solver.
    """

    name: str = "linear"
    inverse_penalty: float = 0.1
    most_rows: int = 100_000
    most_levels: int = 100
    steps: int = 200
    kind: ClassVar[Kind] = "linear"

    @property
    def parameters(self) -> Mapping[str, Json]:
        """Everything that was set."""
        return {
            "inverse_penalty": self.inverse_penalty,
            "most_rows": self.most_rows,
            "most_levels": self.most_levels,
            "steps": self.steps,
        }

    def fit(self, rows: Rows, *, valid: Rows | None, rounds: int | None, go_on: Callable[[], bool]) -> "LinearModel":  # noqa: ARG002
        """Fit on ``rows``; it takes seconds and is not interrupted. See ``training.learner.Learner``."""
        thin = rows.take(np.linspace(0, len(rows) - 1, min(len(rows), self.most_rows)).astype(np.int64))
        design = _fit_design(thin, self.most_levels)
        # lbfgs: on two busy cores newton-cholesky took 3.8 s where it took 1.2 s (100,000 rows, 210 columns, one run)
        regression = LogisticRegression(C=self.inverse_penalty, solver="lbfgs", max_iter=self.steps)
        with warnings.catch_warnings():  # a fit that is not at its end is still a candidate, judged like any other
            warnings.simplefilter("ignore", ConvergenceWarning)
            regression.fit(design.columns(thin.matrix), thin.truth)
        return LinearModel(design=design, regression=regression)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Design:
    """How the encoded matrix becomes the regression's columns: numbers, gaps, then one-hot codes.

    Attributes:
        encoding: What made the matrix.
        fill: What stands for a missing number: the median, float32, shape (n_numbers,).
        low: Smallest number let through, likewise.
        high: Largest number let through, likewise.
        mean: Mean of the numbers, likewise.
        spread: Standard deviation, 1 where it is 0, likewise.
        gaps: Places of the numbers that were missing at times; each gets a column that says so.
        hot: For each string column the codes that have a column of their own.
    """

    encoding: Encoding
    fill: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    gaps: NDArray[np.int64]
    hot: tuple[NDArray[np.float32], ...]

    def columns(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """The regression's columns, float32, shape (n_rows, n_columns)."""
        numbers = matrix[:, : len(self.fill)]
        missing = np.isnan(numbers)
        clean = np.clip(np.where(missing, self.fill, numbers), self.low, self.high)
        hot = [matrix[:, len(self.fill) + place, None] == codes for place, codes in enumerate(self.hot)]
        parts = [(clean - self.mean) / self.spread, missing[:, self.gaps], *hot]
        return np.concatenate([part.astype(np.float32) for part in parts], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearModel:
    """A fitted logistic regression."""

    design: _Design
    regression: LogisticRegression
    rounds: ClassVar[int | None] = None

    @property
    def effort(self) -> Mapping[str, Json]:
        """Steps taken and columns used."""
        return {"steps": int(self.regression.n_iter_[0]), "columns": int(self.regression.coef_.shape[1])}

    def probability(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scikit-learn's own probability, shape (n_rows,)."""
        said = np.empty(len(matrix))
        for start in range(0, len(matrix), _PIECE):
            piece = self.design.columns(matrix[start : start + _PIECE]).astype(np.float64)
            said[start : start + _PIECE] = self.regression.predict_proba(piece)[:, 1]
        return said

    def draw(self, graph: Graph) -> str:
        """Add the nodes: a one-hot column times its coefficient is a look-up of that coefficient."""
        design, coefficients = self.design, self.regression.coef_[0].astype(np.float32)
        ends = np.cumsum([len(design.fill), len(design.gaps), *(len(codes) for codes in design.hot)])
        of_numbers, of_gaps, *of_codes = np.split(coefficients, ends[:-1])
        terms = [graph.constant(self.regression.intercept_.astype(np.float32).reshape(1, 1))]
        if len(design.fill):
            terms.append(_draw_numbers(graph, design, of_numbers, of_gaps))
        for place, weights in enumerate(of_codes):
            table, default = _weights_by_category(design.encoding.levels[place], design.hot[place], weights)
            terms.append(graph.lookup(place, table, default=default))
        return graph.add("Sum", terms) if len(terms) > 1 else terms[0]


def _draw_numbers(graph: Graph, design: _Design, of_numbers: NDArray[np.float32], of_gaps: NDArray[np.float32]) -> str:
    missing = graph.add("IsNaN", [NUMBERS])
    filled = graph.add("Where", [missing, graph.constant(design.fill), NUMBERS])
    floored = graph.add("Max", [filled, graph.constant(design.low)])
    clipped = graph.add("Min", [floored, graph.constant(design.high)])
    centred = graph.add("Sub", [clipped, graph.constant(design.mean)])
    scaled = graph.add("Div", [centred, graph.constant(design.spread)])
    total = graph.add("MatMul", [scaled, graph.constant(of_numbers.reshape(-1, 1))])
    if not len(design.gaps):
        return total
    of_missing = np.zeros((len(design.fill), 1), dtype=np.float32)
    of_missing[design.gaps, 0] = of_gaps
    said = graph.add("Cast", [missing], to=1)  # 1 is float32 in ONNX's list of types
    return graph.add("Add", [total, graph.add("MatMul", [said, graph.constant(of_missing)])])


def _weights_by_category(
    levels: Levels, hot: NDArray[np.float32], weights: NDArray[np.float32]
) -> tuple[dict[str, float], float]:
    by_code = {float(code): float(weight) for code, weight in zip(hot, weights, strict=True)}
    table = {category: by_code.get(code, 0.0) for category, code in levels.codes.items()}
    return table, by_code.get(levels.unseen, 0.0)


def _fit_design(rows: Rows, most_levels: int) -> _Design:
    numbers = rows.matrix[:, : len(rows.encoding.numbers)]
    facts = np.array([_describe(column) for column in numbers.T], dtype=np.float32).reshape(-1, 3)
    fill, low, high = facts.T.copy()
    clean = np.clip(np.where(np.isnan(numbers), fill, numbers), low, high).astype(np.float64)
    mean, spread = clean.mean(axis=0), clean.std(axis=0)
    return _Design(
        encoding=rows.encoding,
        fill=fill,
        low=low,
        high=high,
        mean=mean.astype(np.float32),
        spread=np.where(spread > 1e-6 * np.abs(mean), spread, 1).astype(np.float32),
        gaps=np.flatnonzero(np.isnan(numbers).any(axis=0)),
        hot=tuple(_frequent(codes, most_levels) for codes in rows.matrix[:, numbers.shape[1] :].T),
    )


def _describe(column: NDArray[np.float32]) -> tuple[float, float, float]:
    """Median, and bounds that keep all but the outermost thousandth on each side; of finite numbers only."""
    known = column[np.isfinite(column)]
    if len(known) == 0:
        return 0.0, 0.0, 0.0
    quantiles = np.quantile(known, [0.5, 0.001, 0.999], method="nearest")
    middle, low, high = np.clip(quantiles, -_LARGEST, _LARGEST).tolist()
    return middle, low, high


def _frequent(codes: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    values, count = np.unique(codes, return_counts=True)
    kept: NDArray[np.float32] = np.sort(values[np.argsort(-count, kind="stable")[:most]])
    return kept
