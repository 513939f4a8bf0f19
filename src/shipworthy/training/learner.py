"""The seam for learners: rows in, a model out that predicts here and draws itself as ONNX nodes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from shipworthy.core.digests import Json
from shipworthy.data.frame import FeatureFrame
from shipworthy.training.encode import Encoding
from shipworthy.training.graph import Graph

__all__ = ["Kind", "Learner", "Model", "Rows", "encode_rows"]

Kind = Literal["baseline", "linear", "lightgbm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Encoded rows.

    Attributes:
        encoding: What made the matrix.
        matrix: Float32, shape (n_rows, encoding.width).
        truth: What happened, shape (n_rows,).
    """

    encoding: Encoding
    matrix: NDArray[np.float32]
    truth: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, positions: NDArray[np.int64]) -> "Rows":
        """The rows at ``positions``."""
        return Rows(encoding=self.encoding, matrix=self.matrix[positions], truth=self.truth[positions])


def encode_rows(encoding: Encoding, frame: FeatureFrame) -> Rows:
    """The rows of ``frame`` by a fitted encoding; every target known."""
    return Rows(encoding=encoding, matrix=encoding.matrix(frame), truth=frame.truth)


class Model(Protocol):
    """A fitted model."""

    @property
    def effort(self) -> Mapping[str, Json]:
        """What the fit came to, such as rounds and why it stopped: for the record of the run."""
        ...

    @property
    def rounds(self) -> int | None:
        """How many rounds it is worth; None if the learner knows no rounds."""
        ...

    def probability(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """The library's own probability of a yes, shape (n_rows,): what the ONNX graph has to reproduce."""
        ...

    def draw(self, graph: Graph) -> str:
        """Add the nodes that compute the log odds; returns the name of the tensor of shape (n_rows, 1)."""
        ...


class Learner(Protocol):
    """One way to make a model. Fits are deterministic: the same rows and rounds give the same model."""

    @property
    def name(self) -> str:
        """Name in the leaderboard, unique within a portfolio."""
        ...

    @property
    def kind(self) -> Kind:
        """Family."""
        ...

    @property
    def parameters(self) -> Mapping[str, Json]:
        """Everything that was set, for the record of the run."""
        ...

    def fit(self, rows: Rows, *, valid: Rows | None, rounds: int | None, go_on: Callable[[], bool]) -> Model:
        """Fit on ``rows``.

        Args:
            rows: Rows to learn from, both outcomes among them.
            valid: Rows that tell when to stop; None if ``rounds`` does.
            rounds: Number of rounds; None for the learner's own limit.
            go_on: Asked between rounds; once False, the fit ends with what it has (at least one round).
        """
        ...
