"""The control interface as one application: routes, problem details, and the OpenAPI document.

The interactive documentation of the framework is off: it would load scripts from other hosts.
"""

from dataclasses import asdict
from http import HTTPStatus
from typing import cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shipworthy.api import acting, reading
from shipworthy.app.guard import Asgi, Guard
from shipworthy.app.views.problem import Problem, problem_of
from shipworthy.app.views.reading import Actions, Workspace
from shipworthy.core.errors import InvalidRequest, ShipworthyError
from shipworthy.core.version import __version__

__all__ = ["make_api", "make_unguarded"]

_PROBLEM = {
    "description": "Problem details (RFC 9457).",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail", "code"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "remedy": {"type": "string"},
                    "code": {"type": "string"},
                    "facts": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            }
        }
    },
}


def make_api(workspace: Workspace, actions: Actions) -> Asgi:
    """The API over one workspace, behind the guard of all faces.

    Args:
        workspace: What is read.
        actions: What can be done.

    Returns:
        An ASGI application with ``/api/v1/...`` and ``/openapi.json``, for loopback: it refuses any other Host header.
    """
    return Guard(make_unguarded(workspace, actions))


def make_unguarded(workspace: Workspace, actions: Actions) -> FastAPI:
    """The application without its guard, for its OpenAPI document."""
    api = FastAPI(
        title="Shipworthy",
        version=__version__,
        summary="Is every model worth shipping, and still worth it?",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses={"default": _PROBLEM},
        exception_handlers={
            ShipworthyError: _our_error,
            RequestValidationError: _invalid,
            HTTPException: _http_error,
            HTTPStatus.INTERNAL_SERVER_ERROR: _unknown_error,
        },
    )
    api.state.workspace = workspace
    api.state.actions = actions
    api.include_router(reading.router)
    api.include_router(acting.router)
    return api


async def _our_error(_request: Request, error: Exception) -> Response:
    return _answer(problem_of(cast("ShipworthyError", error)))


async def _invalid(_request: Request, error: Exception) -> Response:
    first = cast("RequestValidationError", error).errors()[0]
    place = ".".join(str(one) for one in first["loc"][1:]) or "body"
    ours = InvalidRequest(f"{place}: {first['msg']}", remedy="send it as /openapi.json describes it", parameter=place)
    return _answer(problem_of(ours))


async def _http_error(_request: Request, error: Exception) -> Response:
    status = HTTPStatus(cast("HTTPException", error).status_code)
    return _answer(
        Problem(
            type="about:blank",
            title=status.phrase,
            status=int(status),
            detail=f"{status.phrase}: nothing answers this method at this address.",
            remedy="look into /openapi.json for what there is",
            code="http",
            facts={},
        )
    )


async def _unknown_error(_request: Request, error: Exception) -> Response:
    return _answer(
        Problem(
            type="about:blank",
            title="Something broke",
            status=500,
            detail=f"The answer could not be made ({type(error).__name__}).",
            remedy="try again; the log of the console has the details",
            code="internal",
            facts={},
        )
    )


def _answer(problem: Problem) -> Response:
    return JSONResponse(asdict(problem), status_code=problem.status, media_type="application/problem+json")
