"""What a person may do from a page or over the API; each checks the role and writes the ledger."""

from collections.abc import Mapping

from shipworthy.app.approve import decide_on
from shipworthy.app.incidents import close_incident
from shipworthy.app.workspace import Workspace
from shipworthy.core.digests import Json
from shipworthy.governance.approvals import Decision

__all__ = ["Actions"]


class Actions:
    """The actions of one workspace, as its acting person."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def approve(self, package: str, verdict: str, reason: str) -> Mapping[str, Json]:
        """Say yes to exactly this package on exactly this verdict."""
        return decide_on(self._workspace, package, verdict, Decision.YES, reason)

    def refuse(self, package: str, verdict: str, reason: str) -> Mapping[str, Json]:
        """Say no to exactly this package on exactly this verdict."""
        return decide_on(self._workspace, package, verdict, Decision.NO, reason)

    def close_incident(self, incident: str, reason: str) -> Mapping[str, Json]:
        """Close an open incident with a reason."""
        return close_incident(self._workspace, incident, reason)
