"""The standard gate: what every package has to show before a person is asked to approve it."""

from collections.abc import Callable
from typing import Final

from shipworthy.core.findings import Finding, Status, Verdict
from shipworthy.core.progress import Progress, silent
from shipworthy.gates.calibration import check_calibration
from shipworthy.gates.contract import check_contract
from shipworthy.gates.evidence import Evidence
from shipworthy.gates.golden import check_golden
from shipworthy.gates.latency import check_latency
from shipworthy.gates.leakage import check_leakage
from shipworthy.gates.memory import check_memory
from shipworthy.gates.overfit import check_overfit
from shipworthy.gates.parity import check_parity
from shipworthy.gates.underfit import check_underfit
from shipworthy.gates.value import check_value

__all__ = ["STANDARD", "Check", "judge"]

Check = Callable[[Evidence], tuple[Finding, ...]]

STANDARD: Final[dict[str, Check]] = {
    "contract": check_contract,
    "leakage": check_leakage,
    "overfit": check_overfit,
    "underfit": check_underfit,
    "calibration": check_calibration,
    "good_enough": check_value,
    "golden": check_golden,
    "parity": check_parity,
    "latency": check_latency,
    "memory": check_memory,
}
"""The checks by name, in the order of the verdict: data first, then the model, then the package, then its server."""


def judge(evidence: Evidence, progress: Progress = silent) -> Verdict:
    """Run every check of the standard gate; one that breaks is a finding too, and blocks.

    Args:
        evidence: What the checks read.
        progress: Told which check runs.

    Returns:
        The verdict on the package's content.
    """
    findings: list[Finding] = []
    for place, (name, check) in enumerate(STANDARD.items()):
        progress(f"checking {name.replace('_', ' ')}", done=place / len(STANDARD))
        findings.extend(_guarded(name, check, evidence))
    progress("judged", done=1.0)
    return Verdict(gate="standard", subject=evidence.package.content_digest, findings=tuple(findings))


def _guarded(name: str, check: Check, evidence: Evidence) -> tuple[Finding, ...]:
    try:
        return check(evidence)
    except Exception as error:  # noqa: BLE001 - the plug-in boundary: whatever a check raises belongs into the verdict
        return (
            Finding(
                check=name,
                status=Status.ERRORED,
                message=f"The check itself broke: {type(error).__name__}: {error}",
                remedy="nothing was shown, so nothing may ship: mend the cause and run the gate again",
                evidence={"error": type(error).__name__},
            ),
        )
