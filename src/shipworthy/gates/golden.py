"""Whether the package still answers as it did on the day that it was written."""

import numpy as np
from numpy.typing import NDArray

from shipworthy.core.digests import Json, finite_or_none
from shipworthy.core.findings import Finding, Status
from shipworthy.gates.evidence import Evidence
from shipworthy.gates.graph import run_graph
from shipworthy.packaging.golden import read_golden
from shipworthy.problem.value import decide

__all__ = ["check_golden"]

_TOLERANCE = 1e-5
_SHOWN = 5


def check_golden(evidence: Evidence) -> tuple[Finding, ...]:
    """Ask the golden rows again, of the ONNX graph and of the endpoint: two findings.

    Each fails if a probability differs from its golden one by more than 1e-5, or a decision differs. Rows that the
    server refuses by its contract count as differing: golden rows are ones that it has to answer.

    Picture ``table``: ``{"columns": ["row", "expected", "answered"], "rows": [...]}``, the five rows that differ most.
    """
    package = evidence.package
    golden = read_golden(package.golden, package.signature)
    expected = golden.outputs["probability"].astype(np.float64)
    decision = golden.outputs["decision"].astype(np.bool_)
    graph = run_graph(package, golden.inputs)
    answered = evidence.served.predict(golden.inputs)
    return (
        _compare("golden.onnx", "the ONNX graph", expected, graph.probability, decision != graph.decision),
        _compare("golden.http", "the endpoint", expected, answered, decision != decide(package.goal, answered)),
    )


def _compare(
    check: str,
    who: str,
    expected: NDArray[np.float64],
    answered: NDArray[np.float64],
    flipped: NDArray[np.bool_],
) -> Finding:
    difference = np.abs(expected - answered)
    wrong = ~(difference <= _TOLERANCE) | flipped  # NaN is wrong too
    known = difference[~np.isnan(difference)]
    worst = float(known.max()) if len(known) else float("nan")
    order = np.argsort(-np.where(np.isnan(difference), np.inf, difference), kind="stable")[:_SHOWN]
    rows: list[Json] = [[int(i), finite_or_none(expected[i]), finite_or_none(answered[i])] for i in order]
    passed = not wrong.any()
    return Finding(
        check=check,
        status=Status.PASSED if passed else Status.FAILED,
        message=(
            f"{who[0].upper()}{who[1:]} gives the golden answer to {int((~wrong).sum())} of {len(wrong)} rows; "
            f"the largest difference is {worst:.2g}, {int(flipped.sum())} decisions differ."
        ),
        measured=finite_or_none(worst),
        threshold=f"<= {_TOLERANCE:g}",
        unit="probability",
        remedy="" if passed else "write the package again with the libraries of its lock file; do not ship this one",
        evidence={"picture": "table", "columns": ["row", "expected", "answered"], "rows": rows},
    )
