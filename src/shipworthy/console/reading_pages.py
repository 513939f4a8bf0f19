"""The pages about what was made: overview, projects, data, runs, packages, people, search."""

from starlette.requests import Request
from starlette.responses import Response

from shipworthy.app.views.data import view_data
from shipworthy.app.views.gate import view_packages
from shipworthy.app.views.overview import view_overview
from shipworthy.app.views.people import view_people
from shipworthy.app.views.pictures import pictures_of_project, pictures_of_run
from shipworthy.app.views.project import view_project
from shipworthy.app.views.run import view_run, view_runs
from shipworthy.app.views.search import view_search
from shipworthy.console import query
from shipworthy.console.site import LIVE_SECONDS, site_of

__all__ = ["data", "overview", "packages", "people", "project", "projects", "run", "runs", "search"]


def overview(request: Request) -> Response:
    """A row per project, and whether every model earns what it should."""
    site = site_of(request)
    view = view_overview(site.workspace)
    return site.page(request, "overview.html", "Overview", title="Overview", live=LIVE_SECONDS, view=view)


def projects(request: Request) -> Response:
    """Every project in a table."""
    site = site_of(request)
    view = view_overview(site.workspace)
    return site.page(request, "projects.html", "Projects", title="Projects", live=LIVE_SECONDS, view=view)


def project(request: Request) -> Response:
    """One project: goal, loop, value, leaderboard."""
    site, name = site_of(request), request.path_params["name"]
    view = view_project(site.workspace, name)
    value = pictures_of_project(site.workspace, view)
    board = pictures_of_run(site.workspace, view.run) if view.run else ()
    return site.page(
        request,
        "project.html",
        "Projects",
        title=name,
        live=LIVE_SECONDS,
        pictures=bool(value or board),
        view=view,
        value_pictures=value,
        run_pictures=board,
    )


def data(request: Request) -> Response:
    """Snapshots of every source."""
    site, name = site_of(request), query.text(request.query_params, "project")
    snapshots = view_data(site.workspace, name)
    return site.page(request, "data.html", "Data", title="Data", snapshots=snapshots, project=name)


def runs(request: Request) -> Response:
    """Every training."""
    site = site_of(request)
    return site.page(request, "runs.html", "Runs", title="Runs", runs=view_runs(site.workspace))


def run(request: Request) -> Response:
    """One training with its leaderboard."""
    site, name = site_of(request), request.path_params["name"]
    view = view_run(site.workspace, name)
    board = pictures_of_run(site.workspace, view)
    return site.page(request, "run.html", "Runs", title=name, pictures=bool(board), view=view, run_pictures=board)


def packages(request: Request) -> Response:
    """Every package with its verdict and decision."""
    site = site_of(request)
    found = view_packages(site.workspace)
    return site.page(request, "packages.html", "Packages", title="Packages", live=LIVE_SECONDS, packages=found)


def people(request: Request) -> Response:
    """Who acts here, and what each role may do."""
    site = site_of(request)
    return site.page(request, "people.html", "People", title="People", view=view_people(site.workspace))


def search(request: Request) -> Response:
    """What holds the words that are looked for."""
    site, wanted = site_of(request), query.text(request.query_params, "q")
    hits = view_search(site.workspace, wanted)
    return site.page(request, "search.html", "", title="Search", searched=wanted, hits=hits)
