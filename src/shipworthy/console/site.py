"""What every page stands on: the workspace, the actions, the templates, and the token that forms carry."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from jinja2 import Environment
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from shipworthy import __version__
from shipworthy.app.views import words
from shipworthy.app.views.health import Health, of_findings
from shipworthy.app.views.reading import Actions, Workspace, read_all
from shipworthy.console.rendering import make_environment
from shipworthy.core.clock import SystemClock
from shipworthy.core.findings import Finding

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
        open_incidents = len(read_all(self.workspace, "incident", 100, status="open"))
        html = self.templates.get_template(template).render(
            title=title,
            active=active,
            places=PLACES,
            now=self.workspace.clock.now(),
            simulated=not isinstance(self.workspace.clock, SystemClock),
            person=self.workspace.person,
            workspace_name=self.workspace.folder.absolute().parent.name,
            workspace_folder=str(self.workspace.folder.absolute()),
            open_incidents=open_incidents,
            version=__version__,
            api_address=f"/api/v1{request.url.path}" if request.url.path != "/" else "/api/v1/overview",
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


def site_of(request: Request) -> Site:
    """The site that a request is for."""
    site = request.app.state.site
    assert isinstance(site, Site)
    return site


def _is_nonce(text: str) -> bool:
    return 20 <= len(text) <= 64 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()


def _measured(finding: Finding) -> str:
    if finding.measured is None:
        return ""
    if finding.unit.partition(" ")[0] in words.CURRENCIES:
        return words.amount(finding.measured, finding.unit)
    return f"{words.number(finding.measured)} {finding.unit}".rstrip()


def _interval(finding: Finding) -> str:
    return words.between(*finding.interval, finding.unit) if finding.interval else ""


def _shown_evidence(finding: Finding) -> list[tuple[str, str]]:
    """The evidence that people can read: what is short and no picture's raw numbers."""
    shown = []
    for name, value in finding.evidence.items():
        if name == "picture" or (isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 12):
            continue
        text = words.number(value, 4) if isinstance(value, float) else str(value)
        shown.append((name, text if len(text) <= 400 else text[:400] + "…"))
    return shown


def _particulars(facts: dict[str, object]) -> Markup:
    """The facts of an event in a line; digests short, with the whole on hover."""
    parts = []
    for name, value in facts.items():
        text = str(value) if not isinstance(value, dict | list | tuple) else _brief(value)
        whole = text
        if len(text) == 64 and text.isalnum():
            text = words.short(text)
        elif len(text) > 80:
            text = text[:80] + "…"
        parts.append(
            Markup('<span class="fact" title="{whole}"><span class="muted">{name}</span> {text}</span>').format(
                whole=whole[:2000], name=name.replace("_", " "), text=text
            )
        )
    return Markup(" · ").join(parts)


def _brief(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_brief(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_brief(one) for one in value)
    return words.short(value) if isinstance(value, str) and len(value) == 64 else str(value)


def _local(instant: datetime | None) -> str:
    """For an input of type datetime-local, in UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") if instant else ""


def _cell(value: object) -> str:
    if value is None:
        return words.NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return words.number(value, 5) if isinstance(value, float) else words.count(value)
    return str(value)


_DEFAULTS = {
    "healths": Health,
    "searched": "",
    "live": 0,
    "pictures": False,
    "said": None,
    "measured": _measured,
    "interval": _interval,
    "shown_evidence": _shown_evidence,
    "particulars": _particulars,
    "local": _local,
    "cell": _cell,
    "health_of": lambda finding: of_findings((finding,)),
}
