"""Production as numbers: every request, every predicted row, and what became of it as far as it is known."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shipworthy.problem.goal import Goal
from shipworthy.problem.value import decide
from shipworthy.stats.scores import Scores

__all__ = ["Production", "Rows", "predicted_rows", "read_production"]

_KEYS = ["request_id", "row"]


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
            said NaN or no fraction said nothing that can be scored.
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


def predicted_rows(records: pa.Table) -> pa.Table:
    """One row for each probability that was said: ``request_id``, ``row``, ``at_ns``, ``probability``, ``decision``.

    Requests without a prediction (invalid, failed, rejected) give none. The order is that of ``records``: the
    baseline's probabilities are given to :func:`read_production` in this order.

    Args:
        records: Columns of ``stores.records.Record``; ``decision`` may be empty where the goal decides nothing.
    """
    said = records["probability"].combine_chunks()
    counts = pc.fill_null(pc.list_value_length(said), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    decided = pc.fill_null(pc.list_value_length(records["decision"]), 0).to_numpy().astype(np.int64)
    if not bool(np.all((decided == counts) | (decided == 0))):
        raise ValueError("a record has another number of decisions than of probabilities")
    parent = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    decision = pa.array([None] * len(parent), pa.bool_())
    if len(parent) and decided.any():
        place = np.cumsum(decided) - decided
        picked = np.where(np.repeat(decided > 0, counts), place[parent] + np.arange(len(parent)) - first[parent], -1)
        known = pa.array(picked, mask=picked < 0)
        decision = pc.list_flatten(records["decision"].combine_chunks()).take(known)
    return pa.table(
        {
            "request_id": records["request_id"].combine_chunks().take(pa.array(parent)),
            "row": pa.array(np.arange(len(parent)) - first[parent], pa.int64()),
            "at_ns": records["at_ns"].combine_chunks().cast(pa.int64()).take(pa.array(parent)),
            "probability": pc.list_flatten(said).cast(pa.float64()),
            "decision": decision,
        }
    )


def read_production(
    records: pa.Table, labels: pa.Table, goal: Goal, *, baseline: NDArray[np.float64] | None = None
) -> Production:
    """Join requests with the outcomes that arrived for them.

    Every request and every predicted row is in the result once, in the order of ``records``.

    Args:
        records: Columns of ``stores.records.Record``; one row a request.
        labels: ``request_id``, ``row`` and ``outcome`` (true or false), one row a prediction: corrections are
            settled already. Labels of unknown requests are ignored.
        goal: Decides where a record carries no decision, and for the baseline.
        baseline: The baseline's probabilities in the order of :func:`predicted_rows`; NaN where it has none, and
            there it acts on nothing. None if there is no baseline: then what is done today is nothing.

    Raises:
        ValueError: If a prediction has two labels, or ``baseline`` another length than there are predictions.
    """
    flat = predicted_rows(records)
    said = np.full(len(flat), np.nan) if baseline is None else baseline
    if len(said) != len(flat):
        raise ValueError(f"the baseline gives {len(said)} probabilities for {len(flat)} predictions")
    outcome = _outcome(flat, labels)
    probability = flat["probability"].to_numpy()
    own = flat["decision"].combine_chunks()
    acted = pc.if_else(own.is_valid(), own, pa.array(decide(goal, probability), pa.bool_()))
    return Production(
        at_ns=records["at_ns"].cast(pa.int64()).to_numpy(),
        outcome=np.array(records["outcome"].to_pylist(), dtype=np.str_),
        total_us=records["total_us"].cast(pa.int64()).to_numpy(),
        rows=Rows(
            at_ns=flat["at_ns"].to_numpy(),
            probability=probability,
            acted=_booleans(acted),
            baseline=said,
            baseline_acted=decide(goal, said),
            labelled=_booleans(outcome.is_valid()) & (probability >= 0) & (probability <= 1),
            truth=_booleans(pc.fill_null(outcome, fill_value=False)),
        ),
    )


def _outcome(flat: pa.Table, labels: pa.Table) -> pa.ChunkedArray:
    """The label of each predicted row, null where there is none, in the order of ``flat``."""
    asked = flat.select(_KEYS).append_column("place", pa.array(np.arange(len(flat))))
    told = pa.table(
        {
            "request_id": labels["request_id"].cast(asked.schema.field("request_id").type),
            "row": labels["row"].cast(pa.int64()),
            "outcome": labels["outcome"].cast(pa.bool_()),
        }
    )
    if len(told.group_by(_KEYS).aggregate([])) < len(told):
        raise ValueError("a prediction has two labels: settle corrections before they are joined")
    joined = asked.join(told, keys=_KEYS, join_type="left outer")
    return joined.sort_by("place")["outcome"]


def _booleans(column: pa.Array | pa.ChunkedArray) -> NDArray[np.bool_]:
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.asarray(flat.to_numpy(zero_copy_only=False), dtype=np.bool_)
