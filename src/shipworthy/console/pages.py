"""The console as one application: its routes, its files, its error pages.

Server-rendered and read-only but for two forms. It works offline, without a build step and, but for the pictures,
without JavaScript; the pictures then show their numbers.
"""

from http import HTTPStatus
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shipworthy.app.guard import Asgi, Guard
from shipworthy.app.views.problem import Problem, problem_of
from shipworthy.app.views.reading import Actions, Workspace
from shipworthy.console import gate_pages, production_pages, reading_pages
from shipworthy.console.assets import asset
from shipworthy.console.csv_files import picture_csv
from shipworthy.console.site import Site, site_of
from shipworthy.core.errors import ShipworthyError

__all__ = ["make_console"]


def make_console(workspace: Workspace, actions: Actions) -> Asgi:
    """The console over one workspace.

    Args:
        workspace: What the pages show; reading it changes nothing.
        actions: What the two forms do.

    Returns:
        An ASGI application for loopback: it refuses any other Host header.
    """
    console = Starlette(
        routes=_ROUTES,
        middleware=[Middleware(GZipMiddleware, minimum_size=2_000)],
        exception_handlers={
            ShipworthyError: _our_error,
            HTTPException: _http_error,
            HTTPStatus.INTERNAL_SERVER_ERROR: _unknown_error,
        },
    )
    console.state.site = Site(workspace=workspace, actions=actions)
    return Guard(console)  # outermost, so that error pages are sealed too


def static(request: Request) -> Response:
    """One of the few files that pages load."""
    found = asset(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    current = request.query_params.get("v") == found.version
    keep = "public, max-age=31536000, immutable" if current else "no-cache"
    return Response(found.content, media_type=found.media_type, headers={"cache-control": keep})


def health(_request: Request) -> Response:
    """Whether the console answers; the one page without a look at the workspace."""
    return Response("ok\n", media_type="text/plain")


def _our_error(request: Request, error: Exception) -> Response:
    problem = problem_of(cast("ShipworthyError", error))
    return _error_page(request, problem)


def _http_error(request: Request, error: Exception) -> Response:
    status = HTTPStatus(cast("HTTPException", error).status_code)
    wrong_way = status is HTTPStatus.METHOD_NOT_ALLOWED
    problem = Problem(
        type="about:blank",
        title=status.phrase,
        status=int(status),
        detail="This address cannot be asked in this way." if wrong_way else "There is no page at this address.",
        remedy="Start at the overview, or search with the key /.",
        code="http",
        facts={},
    )
    return _error_page(request, problem)


def _unknown_error(request: Request, error: Exception) -> Response:
    problem = Problem(
        type="about:blank",
        title="Something broke",
        status=500,
        detail=f"This page could not be made ({type(error).__name__}).",
        remedy="Try again; the console's log has the details.",
        code="internal",
        facts={},
    )
    return _error_page(request, problem)


def _error_page(request: Request, problem: Problem) -> Response:
    site = site_of(request)
    return site.page(
        request, "error.html", "", title=problem.title, status=problem.status, open_incidents=0, problem=problem
    )


_ROUTES = [
    Route("/", reading_pages.overview),
    Route("/projects", reading_pages.projects),
    Route("/projects/{name}", reading_pages.project),
    Route("/projects/{name}/gate", gate_pages.project_gate),
    Route("/data", reading_pages.data),
    Route("/runs", reading_pages.runs),
    Route("/runs/{name}", reading_pages.run),
    Route("/packages", reading_pages.packages),
    Route("/packages/{digest}", gate_pages.package),
    Route("/verdicts/{digest}", gate_pages.verdict),
    Route("/verdicts/{digest}/decision", gate_pages.decide, methods=["POST"]),
    Route("/endpoints", production_pages.endpoints),
    Route("/endpoints/{name}", production_pages.endpoint),
    Route("/endpoints/{name}/records", production_pages.records),
    Route("/endpoints/{name}/records.csv", production_pages.records_csv),
    Route("/endpoints/{name}/records/{request_id:path}", production_pages.record),
    Route("/incidents", production_pages.incidents),
    Route("/incidents/{name}", production_pages.incident),
    Route("/incidents/{name}/close", gate_pages.close, methods=["POST"]),
    Route("/ledger", production_pages.ledger),
    Route("/people", reading_pages.people),
    Route("/search", reading_pages.search),
    Route("/pictures/{kind}/{name}/{picture}.csv", picture_csv),
    Route("/static/{name}", static),
    Route("/health", health),
]
