"""What every page stands on: the workspace, the actions, the templates, and the token that forms carry."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from shipworthy.app.views.reading import Actions, Workspace, read_all
from shipworthy.console.rendering import make_environment
from shipworthy.core.clock import SystemClock
from shipworthy.core.version import __version__

__all__ = ["Said", "Site", "site_of"]

COOKIE: Final = "shipworthy_form"
PLACES: Final = (
    ("Overview", "/"),
    ("Projects", "/projects"),
    ("Data", "/data"),
    ("Runs", "/runs"),
    ("Packages", "/packages"),
    ("Endpoints", "/endpoints"),
    ("Incidents", "/incidents"),
    ("Ledger", "/ledger"),
    ("People", "/people"),
)
LIVE_SECONDS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What became of a form that was just sent."""

    ok: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One console over one workspace.

    Attributes:
        key: Secret of this process that form tokens are made with; a restart makes old forms invalid.
    """

    workspace: Workspace
    actions: Actions
    templates: Environment = field(default_factory=make_environment)
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def page(
        self, request: Request, template: str, active: str, *, title: str, status: int = 200, **values: object
    ) -> Response:
        """Render a page and make sure that the browser has the cookie its forms need."""
        nonce = request.cookies.get(COOKIE, "")
        fresh = not _is_nonce(nonce)
        if fresh:
            nonce = secrets.token_urlsafe(24)
        if "open_incidents" not in values:  # an error page asks the database for nothing
            values["open_incidents"] = len(read_all(self.workspace, "incident", 100, status="open"))
        html = self.templates.get_template(template).render(
            title=title,
            active=active,
            places=PLACES,
            now=self.workspace.clock.now(),
            simulated=not isinstance(self.workspace.clock, SystemClock),
            person=self.workspace.person,
            workspace_name=self.workspace.folder.absolute().parent.name,
            workspace_folder=str(self.workspace.folder.absolute()),
            version=__version__,
            api_address=_api_address(request),
            token=self.token(nonce),
            **{**_DEFAULTS, **values},
        )
        response = HTMLResponse(html, status_code=status)
        if fresh:
            response.set_cookie(COOKIE, nonce, httponly=True, samesite="strict", path="/")
        return response

    def token(self, nonce: str) -> str:
        """The form token that belongs to a browser's cookie."""
        return hmac.new(self.key, nonce.encode(), hashlib.sha256).hexdigest()

    def is_from_us(self, request: Request, token: str) -> bool:
        """Whether a form was rendered by this process for the browser that sends it."""
        nonce = request.cookies.get(COOKIE, "")
        return _is_nonce(nonce) and hmac.compare_digest(self.token(nonce).encode(), token.encode())


def _api_address(request: Request) -> str:
    path = "/overview" if request.url.path == "/" else request.url.path
    return f"/api/v1{path}?{request.url.query}" if request.url.query else f"/api/v1{path}"


def site_of(request: Request) -> Site:
    """The site that a request is for."""
    site = request.app.state.site
    assert isinstance(site, Site)
    return site


def _is_nonce(text: str) -> bool:
    return 20 <= len(text) <= 64 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()


_DEFAULTS = {"searched": "", "live": 0, "pictures": False, "said": None}
