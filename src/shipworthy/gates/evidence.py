"""Everything that a gate reads: gathered once, frozen, so that each check is a pure function of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shipworthy.core.findings import Finding
from shipworthy.gates.hard_rows import KINDS
from shipworthy.packaging.package import Package
from shipworthy.problem.goal import Goal
from shipworthy.stats.scores import Scores

__all__ = ["Evidence", "Served"]


class Served(Protocol):
    """The packaged server, running; gates never start one themselves."""

    def predict(self, columns: Mapping[str, Sequence[object]]) -> NDArray[np.float64]:
        """Probabilities that the model behind the endpoint answers over HTTP, shape (n_rows,).

        Each row is asked for alone. NaN stands where the server refused the row by its contract, or let the
        baseline answer; any other failure raises.

        Args:
            columns: A column per input of the signature, equal lengths; None is null.
        """
        ...

    @property
    def latencies_ms(self) -> NDArray[np.float64]:
        """Latencies of single-row HTTP requests as a caller sees them, in ms, shape (n_requests,)."""
        ...

    @property
    def memory_mb(self) -> float:
        """Resident memory of one worker that has answered with the package, in MB (10**6 bytes)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What is known about a package before anybody decides on it.

    Attributes:
        package: The package that is judged, not sealed yet; its content digest is the verdict's subject.
        contract: What the contracts found in the training data.
        train: The candidate's scores on the rows that it learned from.
        valid: The candidate's scores on the rows held out, all later.
        baseline: The baseline's scores on the rows of ``valid``, in the same order.
        train_features: Features of the rows of ``train``, in the same order; float64, int64, bool or string.
        valid_features: Features of the rows of ``valid``, in the same order.
        rows: Rows for parity, made by :func:`shipworthy.gates.hard_rows.hard_rows`: the first third is real.
        framework: Probabilities that the training framework itself gives for ``rows``, shape (n_rows,).
        served: The package behind its server.
        auc_without: Trains a quick model without one feature and gives its AUC on ``valid``; None if that is too
            dear. It is asked for the most suspicious features only.

    Raises:
        ValueError: If rows that belong together differ in number.
    """

    package: Package
    contract: tuple[Finding, ...]
    train: Scores
    valid: Scores
    baseline: Scores
    train_features: pa.Table
    valid_features: pa.Table
    rows: pa.Table
    framework: NDArray[np.float64]
    served: Served
    auc_without: Callable[[str], float] | None = None

    def __post_init__(self) -> None:
        pairs = {
            "train_features": (self.train_features.num_rows, len(self.train)),
            "valid_features": (self.valid_features.num_rows, len(self.valid)),
            "baseline": (len(self.baseline), len(self.valid)),
            "framework": (len(self.framework), self.rows.num_rows),
        }
        for name, (found, needed) in pairs.items():
            if found != needed:
                raise ValueError(f"evidence: {name} has {found} rows, not {needed}")

    @property
    def goal(self) -> Goal:
        """The goal that everything is held against."""
        return self.package.goal

    @property
    def real_rows(self) -> int:
        """How many of ``rows`` are real, from the first on; the server has to answer those."""
        return int(self.rows.num_rows) // KINDS

    @property
    def row_columns(self) -> dict[str, list[object]]:
        """The parity rows as plain columns, None for null."""
        return {name: self.rows.column(name).to_pylist() for name in self.rows.column_names}
