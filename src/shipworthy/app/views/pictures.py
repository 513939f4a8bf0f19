"""Which pictures belong to which page, by name: pages draw them, and their numbers are had as CSV or JSON."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from shipworthy.app.pictures.findings import draw_finding
from shipworthy.app.pictures.latency import draw_latency
from shipworthy.app.pictures.leaderboard import draw_leaderboard
from shipworthy.app.pictures.picture import Picture
from shipworthy.app.pictures.scores import draw_scores
from shipworthy.app.pictures.traffic import draw_traffic
from shipworthy.app.pictures.uplift import draw_uplift
from shipworthy.app.pictures.value import draw_value
from shipworthy.app.views.endpoint import EndpointView, view_endpoint
from shipworthy.app.views.incident import view_incident
from shipworthy.app.views.project import ProjectView, view_project
from shipworthy.app.views.reading import Workspace, read_one
from shipworthy.app.views.run import RunView, view_run
from shipworthy.app.views.story import verdict_of
from shipworthy.app.views.windows import read_bodies
from shipworthy.core.errors import NotFound
from shipworthy.core.findings import Finding

__all__ = [
    "KINDS",
    "find_picture",
    "pictures_of_endpoint",
    "pictures_of_findings",
    "pictures_of_project",
    "pictures_of_run",
]

KINDS = ("project", "run", "verdict", "endpoint", "incident")


def pictures_of_project(workspace: Workspace, view: ProjectView) -> tuple[Picture, ...]:
    """What the project earned: summed, and day by day against the line."""
    bodies = read_bodies(workspace, view.endpoint) if view.endpoint else ()
    return _drawn(
        draw_uplift(bodies, unit=view.goal.unit, moments=view.moments),
        draw_value(bodies, unit=view.goal.per_1000, good_enough=view.goal.good_enough, moments=view.moments),
    )


def pictures_of_run(workspace: Workspace, view: RunView) -> tuple[Picture, ...]:
    """The leaderboard: value against latency."""
    return _drawn(draw_leaderboard(read_one(workspace, "run", view.id).body, unit=view.goal.per_1000))


def pictures_of_endpoint(
    workspace: Workspace, view: EndpointView, start: datetime | None = None, end: datetime | None = None
) -> tuple[Picture, ...]:
    """Value, its sum, traffic, latency and scores over a range of time."""
    bodies, goal = read_bodies(workspace, view.name, start, end), view.goal
    return _drawn(
        draw_value(bodies, unit=goal.per_1000, good_enough=goal.good_enough, moments=view.moments),
        draw_uplift(bodies, unit=goal.unit, moments=view.moments),
        draw_scores(bodies, threshold=goal.threshold),
        draw_traffic(bodies, moments=view.moments),
        draw_latency(bodies, budget_ms=goal.latency_ms, moments=view.moments),
    )


def pictures_of_findings(findings: tuple[Finding, ...]) -> Mapping[int, Picture]:
    """The picture of each finding that has one, by its place; its name is its check with that place."""
    drawn = ((place, draw_finding(one.to_json())) for place, one in enumerate(findings))
    return {place: replace(one, name=f"{one.name}-{place}") for place, one in drawn if one is not None}


def find_picture(
    workspace: Workspace,
    kind: str,
    name: str,
    picture: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Picture:
    """One picture by the page that it belongs to.

    Args:
        workspace: Where to look.
        kind: One of ``KINDS``.
        name: Name, id or digest of the page's thing.
        picture: The picture's own name.
        start: For an endpoint: windows that begin from here on.
        end: For an endpoint: windows that begin before.

    Raises:
        NotFound: If there is no such page, or it has no such picture.
    """
    found = next((one for one in _pictures(workspace, kind, name, start, end) if one.name == picture), None)
    if found is None:
        raise NotFound(
            f"{kind} {name!r} has no picture {picture!r}",
            remedy="take the address from the picture's own link to its numbers",
            kind=kind,
            id=name,
            picture=picture,
        )
    return found


def _pictures(
    workspace: Workspace, kind: str, name: str, start: datetime | None, end: datetime | None
) -> tuple[Picture, ...]:
    if kind == "project":
        return pictures_of_project(workspace, view_project(workspace, name))
    if kind == "run":
        return pictures_of_run(workspace, view_run(workspace, name))
    if kind == "verdict":
        return tuple(pictures_of_findings(verdict_of(read_one(workspace, kind, name)).findings).values())
    if kind == "incident":
        return tuple(pictures_of_findings(view_incident(workspace, name).findings).values())
    if kind == "endpoint":
        return pictures_of_endpoint(workspace, view_endpoint(workspace, name, start, end), start, end)
    return ()


def _drawn(*pictures: Picture | None) -> tuple[Picture, ...]:
    return tuple(one for one in pictures if one is not None)
