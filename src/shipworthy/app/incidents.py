"""Incidents: what went wrong, and a person's word that it is over."""

from collections.abc import Mapping
from typing import cast

from shipworthy.app.opened import Opened
from shipworthy.app.workspace import Workspace
from shipworthy.core.digests import Json
from shipworthy.core.errors import UserError

__all__ = ["close_incident", "list_incidents"]

_MOST = 1000


def list_incidents(opened: Opened, *, everything: bool = False) -> list[dict[str, Json]]:
    """Open incidents of the project, newest first; with ``everything``, closed ones too."""
    found = opened.workspace.documents.find("incident", where={"project": opened.project.name}, limit=_MOST)
    return [{"id": one.id, **one.body} for one in found if everything or one.body["status"] == "open"]


def close_incident(workspace: Workspace, incident: str, reason: str) -> Mapping[str, Json]:
    """Close an open incident; closing a closed one changes nothing.

    Raises:
        NotFound: If there is no such incident.
        Refused: If the person's role does not allow it.
        UserError: If no reason is given.
    """
    workspace.require("close_incident")
    if not reason.strip():
        raise UserError("closing an incident needs a reason", remedy="say why it is over, in a sentence", id=incident)
    kept = workspace.documents.get("incident", incident)
    if kept.body["status"] == "closed":
        return kept.body
    now = workspace.clock.now().isoformat()
    timeline = [*cast("list[Json]", kept.body["timeline"]), {"at": now, "text": f"{workspace.person.name}: {reason}"}]
    body = {**kept.body, "status": "closed", "closed_at": now, "timeline": timeline}
    workspace.documents.revise("incident", incident, body, revision=kept.revision)
    workspace.note("incident.closed", incident, reason=reason)
    return body
