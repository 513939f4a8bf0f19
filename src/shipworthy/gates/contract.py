"""Whether the data that the model learned from keeps its contracts."""

from shipworthy.core.findings import Finding, Status
from shipworthy.gates.evidence import Evidence

__all__ = ["check_contract"]


def check_contract(evidence: Evidence) -> tuple[Finding, ...]:
    """Pass on what the contracts found in the training data; without a contract, say so.

    Picture: as the contract's own check made it, if any.
    """
    if evidence.contract:
        return evidence.contract
    return (
        Finding(
            check="contract",
            status=Status.SKIPPED,
            message="No source of this project has a contract, so nothing is promised about its data.",
            remedy="write one with `shipworthy init`, and name it in data.sources",
        ),
    )
