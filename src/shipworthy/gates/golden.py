"""Whether the package still answers as it did on the day that it was written."""

from dataclasses import dataclass

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
_LEAST_ANSWERED = 1 / 3
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Asked:
    """Golden rows beside what was answered to them; a row that was refused counts for neither side."""

    check: str
    who: str
    expected: NDArray[np.float64]
    answered: NDArray[np.float64]
    flipped: NDArray[np.bool_]
    refused: NDArray[np.bool_]


def check_golden(evidence: Evidence) -> tuple[Finding, ...]:
    """Ask the golden rows again, of the ONNX graph and of the endpoint: two findings.

    Each fails if a probability differs from its golden one by more than 1e-5, or a decision differs. Hard cases among
    them may be refused by the server's contract, but it has to answer a third of all.

    Picture ``table``: ``{"columns": ["row", "expected", "answered"], "rows": [...]}``, the five rows that differ most;
    beside it ``"refused"``, a count of rows.
    """
    package = evidence.package
    golden = read_golden(package.golden, package.signature)
    expected = golden.outputs["probability"].astype(np.float64)
    decision = golden.outputs["decision"].astype(np.bool_)
    graph = run_graph(package, golden.inputs)
    answered = evidence.served.predict(golden.inputs)
    refused = np.isnan(answered)
    return (
        _compare(
            _Asked(
                check="golden.onnx",
                who="The ONNX graph",
                expected=expected,
                answered=graph.probability,
                flipped=decision != graph.decision,
                refused=np.zeros(len(expected), dtype=np.bool_),
            )
        ),
        _compare(
            _Asked(
                check="golden.http",
                who="The endpoint",
                expected=expected,
                answered=answered,
                flipped=~refused & (decision != decide(package.goal, answered)),
                refused=refused,
            )
        ),
    )


def _compare(asked: _Asked) -> Finding:
    difference = np.where(asked.refused, 0.0, np.abs(asked.expected - asked.answered))
    wrong = ~(difference <= _TOLERANCE) | asked.flipped  # NaN is wrong too
    known = difference[~np.isnan(difference)]
    worst, refused, rows = float(known.max(initial=0.0)), int(asked.refused.sum()), len(difference)
    passed = not wrong.any() and rows - refused >= _LEAST_ANSWERED * rows
    return Finding(
        check=asked.check,
        status=Status.PASSED if passed else Status.FAILED,
        message=(
            f"{asked.who} gives the golden answer to {rows - refused - int(wrong.sum())} of {rows} rows and refuses "
            f"{refused}; the largest difference is {worst:.2g}, {int(asked.flipped.sum())} decisions differ."
        ),
        measured=worst,
        threshold=f"<= {_TOLERANCE:g}",
        unit="probability",
        remedy="" if passed else "write the package again with the libraries of its lock file; do not ship this one",
        evidence={
            "picture": "table",
            "columns": ["row", "expected", "answered"],
            "rows": _worst_rows(asked, difference),
            "refused": refused,
        },
    )


def _worst_rows(asked: _Asked, difference: NDArray[np.float64]) -> list[Json]:
    order = np.argsort(-np.where(np.isnan(difference), np.inf, difference), kind="stable")[:_SHOWN]
    return [[int(i), finite_or_none(asked.expected[i]), finite_or_none(asked.answered[i])] for i in order]
