"""What can be done over HTTP: decide about a package, and close an incident."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, StringConstraints

from shipworthy.api.reading import Here
from shipworthy.api.shapes import shape_of
from shipworthy.app.views.gate import GateView, view_gate
from shipworthy.app.views.incident import IncidentView, view_incident
from shipworthy.app.views.reading import Actions

__all__ = ["router"]

Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)]


class Decide(BaseModel):
    """A yes or no, bound to the digest of exactly one package."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["yes", "no"]
    package: Digest
    reason: Reason = ""


class Close(BaseModel):
    """Why an incident is over."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


def _actions(request: Request) -> Actions:
    actions: Actions = request.app.state.actions
    return actions


Acting = Annotated[Actions, Depends(_actions)]

router = APIRouter(prefix="/api/v1")


@router.post("/verdicts/{digest}/decision", response_model=shape_of(GateView), tags=["gate"])
def decide(workspace: Here, actions: Acting, digest: str, given: Decide) -> GateView:
    """Bind the acting person's yes or no to this verdict and this package."""
    act = actions.approve if given.decision == "yes" else actions.refuse
    act(given.package, digest, given.reason)
    return view_gate(workspace, digest)


@router.post("/incidents/{name}/close", response_model=shape_of(IncidentView), tags=["incidents"])
def close(workspace: Here, actions: Acting, name: str, given: Close) -> IncidentView:
    """Close an open incident with a reason."""
    actions.close_incident(name, given.reason)
    return view_incident(workspace, name)
