"""What can be read over HTTP: the views of the pages, at the pages' own addresses under ``/api/v1``."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request

from shipworthy.api.shapes import shape_of
from shipworthy.app.pictures.picture import Picture
from shipworthy.app.views.data import SnapshotRow, view_data
from shipworthy.app.views.endpoint import EndpointRow, EndpointView, view_endpoint, view_endpoints
from shipworthy.app.views.gate import GateView, PackageRow, gate_of_package, gate_of_project, view_gate, view_packages
from shipworthy.app.views.history import HistoryFilter, HistoryView, Served, view_history, what_served
from shipworthy.app.views.incident import IncidentRow, IncidentView, view_incident, view_incidents
from shipworthy.app.views.overview import Overview, view_overview
from shipworthy.app.views.people import PeopleView, view_people
from shipworthy.app.views.pictures import find_picture
from shipworthy.app.views.project import ProjectView, view_project
from shipworthy.app.views.reading import Workspace
from shipworthy.app.views.record import RecordView, view_record
from shipworthy.app.views.records import RecordFilter, RecordsView, view_records
from shipworthy.app.views.run import RunRow, RunView, view_run, view_runs
from shipworthy.app.views.search import Hit, view_search
from shipworthy.core.errors import NotFound

__all__ = ["Here", "router"]


def _workspace(request: Request) -> Workspace:
    workspace: Workspace = request.app.state.workspace
    return workspace


Here = Annotated[Workspace, Depends(_workspace)]
Text = Annotated[str, Query(max_length=200)]
Page = Annotated[int, Query(ge=1, le=100_000)]
Size = Annotated[int, Query(ge=1, le=1_000)]
From = Annotated[datetime | None, Query(alias="from", description="ISO 8601; UTC where it has no offset.")]
To = Annotated[datetime | None, Query(alias="to", description="ISO 8601; UTC where it has no offset.")]
AnyOutcome = Literal["", "ok", "fallback", "invalid", "error", "rejected", "timeout"]
AnyStatus = Literal["", "open", "closed"]

router = APIRouter(prefix="/api/v1")


@router.get("/overview", response_model=shape_of(Overview), tags=["projects"])
def overview(workspace: Here) -> Overview:
    """Every project at a glance, those that need a look first."""
    return view_overview(workspace)


@router.get("/projects", response_model=shape_of(Overview), tags=["projects"])
def projects(workspace: Here) -> Overview:
    """The same as the overview."""
    return view_overview(workspace)


@router.get("/projects/{name}", response_model=shape_of(ProjectView), tags=["projects"])
def project(workspace: Here, name: str) -> ProjectView:
    """One project: goal, loop, leaderboard, value."""
    return view_project(workspace, name)


@router.get("/projects/{name}/gate", response_model=shape_of(GateView), tags=["gate"])
def project_gate(workspace: Here, name: str) -> GateView:
    """The newest verdict of a project, with its findings."""
    return _judged(gate_of_project(workspace, name), "project", name)


@router.get("/data", response_model=list[shape_of(SnapshotRow)], tags=["projects"])  # type: ignore[misc]
def data(workspace: Here, project: Text = "") -> tuple[SnapshotRow, ...]:
    """Snapshots of every source, newest first."""
    return view_data(workspace, project)


@router.get("/runs", response_model=list[shape_of(RunRow)], tags=["projects"])  # type: ignore[misc]
def runs(workspace: Here) -> tuple[RunRow, ...]:
    """Every training, newest first."""
    return view_runs(workspace)


@router.get("/runs/{name}", response_model=shape_of(RunView), tags=["projects"])
def run(workspace: Here, name: str) -> RunView:
    """One training with its leaderboard and all that is needed to repeat it."""
    return view_run(workspace, name)


@router.get("/packages", response_model=list[shape_of(PackageRow)], tags=["gate"])  # type: ignore[misc]
def packages(workspace: Here) -> tuple[PackageRow, ...]:
    """Every package with its verdict and decision, newest first."""
    return view_packages(workspace)


@router.get("/packages/{digest}", response_model=shape_of(GateView), tags=["gate"])
def package(workspace: Here, digest: str) -> GateView:
    """What the gate found about a package."""
    return _judged(gate_of_package(workspace, digest), "package", digest)


@router.get("/verdicts/{digest}", response_model=shape_of(GateView), tags=["gate"])
def verdict(workspace: Here, digest: str) -> GateView:
    """One verdict with its findings and decisions."""
    return view_gate(workspace, digest)


@router.get("/endpoints", response_model=list[shape_of(EndpointRow)], tags=["endpoints"])  # type: ignore[misc]
def endpoints(workspace: Here) -> tuple[EndpointRow, ...]:
    """Every endpoint."""
    return view_endpoints(workspace)


@router.get("/endpoints/{name}", response_model=shape_of(EndpointView), tags=["endpoints"])
def endpoint(workspace: Here, name: str, start: From = None, end: To = None) -> EndpointView:
    """One endpoint over a range of time."""
    return view_endpoint(workspace, name, _utc(start), _utc(end))


@router.get("/endpoints/{name}/records", response_model=shape_of(RecordsView), tags=["endpoints"])
def records(
    workspace: Here,
    name: str,
    outcome: AnyOutcome = "",
    variant: Text = "",
    start: From = None,
    end: To = None,
    text: Text = "",
    page: Page = 1,
    size: Size = 50,
) -> RecordsView:
    """Records that fit a filter, newest first."""
    view_endpoint(workspace, name)
    wanted = RecordFilter(
        outcome=outcome, variant=variant, start=_utc(start), end=_utc(end), text=text, page=page, size=size
    )
    return view_records(workspace, name, wanted)


@router.get("/endpoints/{name}/records/{request_id:path}", response_model=shape_of(RecordView), tags=["endpoints"])
def record(workspace: Here, name: str, request_id: str) -> RecordView:
    """One record opened to its full story."""
    return view_record(workspace, name, request_id, view_endpoint(workspace, name).goal.threshold)


@router.get("/incidents", response_model=list[shape_of(IncidentRow)], tags=["incidents"])  # type: ignore[misc]
def incidents(workspace: Here, status: AnyStatus = "", project: Text = "") -> tuple[IncidentRow, ...]:
    """Incidents, open ones first."""
    return view_incidents(workspace, status=status, project=project)


@router.get("/incidents/{name}", response_model=shape_of(IncidentView), tags=["incidents"])
def incident(workspace: Here, name: str) -> IncidentView:
    """One incident."""
    return view_incident(workspace, name)


@router.get("/ledger", response_model=shape_of(HistoryView), tags=["ledger"])
def ledger(
    workspace: Here,
    kind: Text = "",
    actor: Text = "",
    q: Text = "",
    start: From = None,
    end: To = None,
    page: Page = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> HistoryView:
    """The history, newest first, with the state of its chain."""
    wanted = HistoryFilter(kind=kind, actor=actor, text=q, since=_utc(start), until=_utc(end), page=page, size=size)
    return view_history(workspace, wanted)


@router.get("/ledger/served", response_model=list[shape_of(Served)], tags=["ledger"])  # type: ignore[misc]
def served(workspace: Here, at: datetime) -> tuple[Served, ...]:
    """What every endpoint served at a time."""
    return what_served(workspace, _utc(at) or at)


@router.get("/people", response_model=shape_of(PeopleView), tags=["people"])
def people(workspace: Here) -> PeopleView:
    """Who acts here, and what each role may do."""
    return view_people(workspace)


@router.get("/search", response_model=list[shape_of(Hit)], tags=["search"])  # type: ignore[misc]
def search(workspace: Here, q: Text = "") -> tuple[Hit, ...]:
    """What holds some words."""
    return view_search(workspace, q)


@router.get("/pictures/{kind}/{name}/{picture}", response_model=shape_of(Picture), tags=["pictures"])
def picture(workspace: Here, kind: str, name: str, picture: str, start: From = None, end: To = None) -> Picture:
    """One picture as a Plotly figure, with its numbers."""
    return find_picture(workspace, kind, name, picture, start=_utc(start), end=_utc(end))


def _judged(view: GateView | None, kind: str, name: str) -> GateView:
    if view is None:
        raise NotFound(f"{kind} {name!r} was not judged yet", remedy="run `shipworthy test`", kind=kind, id=name)
    return view


def _utc(instant: datetime | None) -> datetime | None:
    if instant is None:
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
