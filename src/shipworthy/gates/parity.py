"""Whether framework, ONNX graph and endpoint are one model.

Converters report success on models that answer otherwise: what does not reproduce does not ship.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shipworthy.core.digests import Json, finite_or_none
from shipworthy.core.findings import Finding, Status
from shipworthy.gates.evidence import Evidence
from shipworthy.gates.graph import run_graph
from shipworthy.problem.goal import Goal
from shipworthy.problem.value import decide

__all__ = ["check_parity"]

_TOLERANCE = 1e-4
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pair:
    """Two readings of the same rows; ``asked`` are the rows that both had to answer."""

    check: str
    names: tuple[str, str]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    asked: NDArray[np.bool_]
    remedy: str


def check_parity(evidence: Evidence) -> tuple[Finding, ...]:
    """Compare framework with ONNX graph, and ONNX graph with endpoint, on real and on hard rows: two findings.

    Each fails if a probability differs by more than 1e-4 on any row. A decision that flips within that difference is
    reported and no failure: it lies on the line. Hard rows may be refused by the server's contract, real rows not.

    Picture ``table``: ``{"columns": ["row", NAME, NAME], "rows": [...]}``, the five rows that differ most; beside it
    ``{"flipped", "compared", "refused"}``, counts of rows.

    Source:
        Shipworthy's own measurements of converters; rounded thresholds alone moved answers by up to 1.9.
    """
    columns = evidence.row_columns
    graph = run_graph(evidence.package, columns).probability
    served = evidence.served.predict(columns)
    everyone = np.ones(len(graph), dtype=np.bool_)
    answered = ~np.isnan(served) | (np.arange(len(graph)) < evidence.real_rows)
    return (
        _compare(
            _Pair(
                check="parity.onnx",
                names=("framework", "ONNX"),
                first=evidence.framework,
                second=graph,
                asked=everyone,
                remedy="mend the export (thresholds rounded down to float32, no feature too large for float32)",
            ),
            evidence.goal,
        ),
        _compare(
            _Pair(
                check="parity.http",
                names=("ONNX", "HTTP"),
                first=graph,
                second=served,
                asked=answered,
                remedy="look at how the server decodes the rows shown: types, nulls, order of columns",
            ),
            evidence.goal,
        ),
    )


def _compare(pair: _Pair, goal: Goal) -> Finding:
    difference = np.where(pair.asked, np.abs(pair.first - pair.second), 0.0)
    known = difference[~np.isnan(difference)]
    worst, unknown = (float(known.max()) if len(known) else 0.0), int(np.isnan(difference).sum())
    flipped = int(np.sum(pair.asked & (decide(goal, pair.first) != decide(goal, pair.second))))
    passed = worst <= _TOLERANCE and not unknown
    compared = int(pair.asked.sum())
    return Finding(
        check=pair.check,
        status=Status.PASSED if passed else Status.FAILED,
        message=(
            f"{pair.names[0]} and {pair.names[1]} differ by at most {worst:.2g} on {compared} rows; "
            f"{flipped} decisions flip, {unknown} rows have no answer."
        ),
        measured=worst,
        threshold=f"<= {_TOLERANCE:g}",
        unit="probability",
        remedy="" if passed else pair.remedy,
        evidence={
            "picture": "table",
            "columns": ["row", *pair.names],
            "rows": _worst_rows(pair, difference),
            "flipped": flipped,
            "compared": compared,
            "refused": len(pair.asked) - compared,
        },
    )


def _worst_rows(pair: _Pair, difference: NDArray[np.float64]) -> list[Json]:
    order = np.argsort(-np.where(np.isnan(difference), np.inf, difference), kind="stable")[:_SHOWN]
    return [[int(i), finite_or_none(pair.first[i]), finite_or_none(pair.second[i])] for i in order]
