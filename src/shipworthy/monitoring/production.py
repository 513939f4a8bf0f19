"""Production as numbers: every request, every predicted row, and what became of it as far as it is known."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shipworthy.problem.goal import Goal
from shipworthy.problem.value import decide
from shipworthy.stats.scores import Scores

__all__ = ["Production", "Rows", "read_production"]

_YES_OR_NO: Final = pa.array([0.0, 1.0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Rows that were answered, by the model or by its fallback.

    Attributes:
        at_ns: Business time of the request in ns since 1970 UTC, int64, shape (n_rows,).
        probability: What was said, fractions in [0, 1], shape (n_rows,).
        acted: What was decided, shape (n_rows,).
        baseline: What the baseline says of the same rows, fractions in [0, 1], shape (n_rows,).
        baseline_acted: What it would have decided, shape (n_rows,).
        labelled: Whether the outcome is known and may be held against what was said, shape (n_rows,): a model that
            said NaN or no fraction said nothing that can be scored, and a label beside 1 and 0 is no outcome.
        truth: The outcome; False where it is not known, shape (n_rows,).
    """

    at_ns: NDArray[np.int64]
    probability: NDArray[np.float64]
    acted: NDArray[np.bool_]
    baseline: NDArray[np.float64]
    baseline_acted: NDArray[np.bool_]
    labelled: NDArray[np.bool_]
    truth: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.at_ns)

    def where(self, mask: NDArray[np.bool_]) -> "Rows":
        """Only the rows of ``mask``, shape (n_rows,)."""
        return Rows(**{name: getattr(self, name)[mask] for name in self.__slots__})

    def scores(self, block: NDArray[np.int64]) -> Scores:
        """What was said beside what happened; only for rows whose outcome is known."""
        return Scores(truth=self.truth, probability=self.probability, block=block)

    def baseline_scores(self, block: NDArray[np.int64]) -> Scores:
        """The same for the baseline."""
        return Scores(truth=self.truth, probability=self.baseline, block=block)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Production:
    """What an endpoint did in some period.

    Attributes:
        at_ns: Business time of every request in ns since 1970 UTC, int64, shape (n_requests,).
        outcome: How each ended, such as ``"ok"``, shape (n_requests,).
        total_us: How long each took, in microseconds, int64, shape (n_requests,).
        rows: The rows that were answered.
    """

    at_ns: NDArray[np.int64]
    outcome: NDArray[np.str_]
    total_us: NDArray[np.int64]
    rows: Rows


def read_production(
    records: pa.Table, predictions: pa.Table, goal: Goal, *, baseline: NDArray[np.float64] | None = None
) -> Production:
    """Requests and predictions as numbers.

    Args:
        records: What ``stores.archive.read_records`` gives; one row a request.
        predictions: What ``stores.labels.join_labels`` gives for them; one row a prediction.
        goal: Decides where a record carries no decision, and for the baseline.
        baseline: The baseline's probabilities in the order of ``predictions``; NaN where it has none, and there it
            acts on nothing. None if there is no baseline: then what is done today is nothing.

    Raises:
        ValueError: If ``baseline`` has another length than there are predictions.
    """
    said = np.full(len(predictions), np.nan) if baseline is None else baseline
    if len(said) != len(predictions):
        raise ValueError(f"the baseline gives {len(said)} probabilities for {len(predictions)} predictions")
    probability = predictions["probability"].to_numpy()
    own, label = predictions["decision"].combine_chunks(), predictions["label"].combine_chunks()
    acted = pc.if_else(own.is_valid(), own, pa.array(decide(goal, probability), pa.bool_()))
    return Production(
        at_ns=_nanoseconds(records["at"]),
        outcome=np.array(records["outcome"].to_pylist(), dtype=np.str_),
        total_us=records["total_us"].to_numpy(),
        rows=Rows(
            at_ns=_nanoseconds(predictions["at"]),
            probability=probability,
            acted=_booleans(acted),
            baseline=said,
            baseline_acted=decide(goal, said),
            labelled=_booleans(pc.is_in(label, _YES_OR_NO)) & (probability >= 0) & (probability <= 1),
            truth=_booleans(pc.equal(label.fill_null(0), 1)),
        ),
    )


def _nanoseconds(instants: pa.ChunkedArray) -> NDArray[np.int64]:
    microseconds: NDArray[np.int64] = instants.cast(pa.int64()).to_numpy()
    return microseconds * 1000


def _booleans(column: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.bool_)
