"""Whether the packaged server fits into its memory."""

from shipworthy.core.findings import Finding, Status
from shipworthy.gates.evidence import Evidence

__all__ = ["check_memory"]


def check_memory(evidence: Evidence) -> tuple[Finding, ...]:
    """Hold one worker's resident memory, with the package loaded and asked, against the goal's budget.

    Picture ``bars``: ``{"unit": "MB", "threshold", "bars": [{"name", "value", "low", "high"}]}`` with one bar.
    """
    used, budget = evidence.served.memory_mb, evidence.goal.budgets.memory_mb
    passed = used <= budget
    return (
        Finding(
            check="memory",
            status=Status.PASSED if passed else Status.FAILED,
            message=f"One worker that has answered with the package holds {used:.0f} MB (budget {budget:g} MB).",
            measured=used,
            threshold=f"<= {budget:g}",
            unit="MB",
            remedy="" if passed else "choose a smaller candidate, or raise goal.budgets.memory_mb",
            evidence={
                "picture": "bars",
                "unit": "MB",
                "threshold": budget,
                "bars": [{"name": "worker", "value": used, "low": None, "high": None}],
            },
        ),
    )
