"""The gate's pages and the forms that change something: a decision, and the end of an incident."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from shipworthy.app.views import words
from shipworthy.app.views.gate import GateView, gate_of_package, gate_of_project, view_gate
from shipworthy.app.views.pictures import pictures_of_findings
from shipworthy.console import links, query
from shipworthy.console.site import Said, Site, site_of
from shipworthy.core.errors import InvalidRequest, Refused

__all__ = ["close", "decide", "package", "project_gate", "verdict"]

MOST_FIELDS = 10
MOST_REASON = 2_000
_SAID = {"yes": "Approved: the ledger binds your yes to this package.", "no": "Refused: the ledger has your reason."}


def project_gate(request: Request) -> Response:
    """The newest verdict of a project."""
    site, name = site_of(request), request.path_params["name"]
    view = gate_of_project(site.workspace, name)
    trail = [("Projects", "/projects"), (name, links.address("project", name))]
    return _gate(request, view, heading=f"Gate of {name}", trail=trail)


def package(request: Request) -> Response:
    """A package with its verdict."""
    site, digest = site_of(request), request.path_params["digest"]
    view = gate_of_package(site.workspace, digest)
    return _gate(request, view, heading=f"Package {words.short(digest)}", trail=[("Packages", "/packages")])


def verdict(request: Request) -> Response:
    """One verdict."""
    site = site_of(request)
    return _gate(request, view_gate(site.workspace, request.path_params["digest"]), heading="", trail=[])


def _gate(request: Request, view: GateView | None, *, heading: str, trail: list[tuple[str, str]]) -> Response:
    site = site_of(request)
    if view is None:
        return site.page(request, "gate_empty.html", "Packages", title=heading, heading=heading, trail=trail)
    done = query.choice(request.query_params, "done", _SAID)
    drawn = pictures_of_findings(view.verdict.findings)
    return site.page(
        request,
        "gate.html",
        "Packages",
        title=f"Gate of {view.project}",
        pictures=bool(drawn),
        view=view,
        finding_pictures=drawn,
        said=Said(ok=done == "yes", text=_SAID[done]) if done else None,
    )


async def decide(request: Request) -> Response:
    """Bind a person's yes or no to the digests that stood on the page."""
    site, digest = site_of(request), request.path_params["digest"]
    form = await _form(request, site)
    if form.get("decision") not in _SAID:
        raise InvalidRequest("the form has no decision", remedy="press one of its two buttons", field="decision")
    act = site.actions.approve if form["decision"] == "yes" else site.actions.refuse
    await run_in_threadpool(act, form.get("package", ""), digest, form.get("reason", "").strip())
    return RedirectResponse(f"{links.address('verdict', digest)}?done={form['decision']}", status_code=303)


async def close(request: Request) -> Response:
    """Close an incident with a reason."""
    site, name = site_of(request), request.path_params["name"]
    form = await _form(request, site)
    act: Callable[[str, str], object] = site.actions.close_incident
    await run_in_threadpool(act, name, form.get("reason", "").strip())
    return RedirectResponse(f"{links.address('incident', name)}?done=closed", status_code=303)


async def _form(request: Request, site: Site) -> Mapping[str, str]:
    """The fields of one of our own forms.

    Raises:
        Refused: If the form is not ours, or too old.
        InvalidRequest: If it is no form, or a field is too long.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise InvalidRequest(f"a form cannot have the content type {kind!r}", remedy="send the page's own form")
    try:
        text = (await request.body()).decode("utf-8")
        form = dict(parse_qsl(text, max_num_fields=MOST_FIELDS, errors="strict", keep_blank_values=True))
    except ValueError as error:
        raise InvalidRequest("the form cannot be read", remedy="send the page's own form") from error
    if not site.is_from_us(request, form.get("token", "")):
        raise Refused("this form is not from this console, or too old", remedy="load the page again and repeat")
    if len(form.get("reason", "")) > MOST_REASON:
        raise InvalidRequest(f"the reason is longer than {MOST_REASON} characters", remedy="shorten it", field="reason")
    return form
