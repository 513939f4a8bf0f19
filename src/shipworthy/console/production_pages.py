"""The pages about what happens: endpoints, their records, incidents, the ledger."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from shipworthy.app.views.endpoint import EndpointView, view_endpoint, view_endpoints
from shipworthy.app.views.history import HistoryFilter, view_history, what_served
from shipworthy.app.views.incident import view_incident, view_incidents
from shipworthy.app.views.pictures import pictures_of_endpoint, pictures_of_findings
from shipworthy.app.views.record import view_record
from shipworthy.app.views.records import OUTCOMES, RecordFilter, RecordRow, newest_records, view_records
from shipworthy.console import links, query
from shipworthy.console.csv_files import csv_response
from shipworthy.console.site import LIVE_SECONDS, Said, site_of

__all__ = ["endpoint", "endpoints", "incident", "incidents", "ledger", "record", "records", "records_csv"]

MOST_PAGES = 100_000
MOST_CSV_ROWS = 10_000
_CSV_COLUMNS = tuple(one.name for one in fields(RecordRow))
_RANGES = (("All", 0), ("90 days", 90), ("30 days", 30), ("7 days", 7))


def endpoints(request: Request) -> Response:
    """Every endpoint."""
    site = site_of(request)
    found = view_endpoints(site.workspace)
    return site.page(request, "endpoints.html", "Endpoints", title="Endpoints", live=LIVE_SECONDS, endpoints=found)


def endpoint(request: Request) -> Response:
    """One endpoint over a range of time."""
    site, name = site_of(request), request.path_params["name"]
    start, end = query.instant(request.query_params, "from"), query.instant(request.query_params, "to")
    view = view_endpoint(site.workspace, name, start, end)
    drawn = pictures_of_endpoint(site.workspace, view, start, end)
    return site.page(
        request,
        "endpoint.html",
        "Endpoints",
        title=name,
        live=LIVE_SECONDS,
        pictures=bool(drawn),
        view=view,
        endpoint_pictures=drawn,
        ranges=_ranges(view, start),
        range_query=str(request.query_params),
        records=newest_records(site.workspace, name),
    )


def records(request: Request) -> Response:
    """The records of an endpoint that fit a filter."""
    site, name = site_of(request), request.path_params["name"]
    wanted = _filter(request.query_params)
    view_endpoint(site.workspace, name)
    return site.page(
        request,
        "records.html",
        "Endpoints",
        title=f"Records of {name}",
        endpoint=name,
        view=view_records(site.workspace, name, wanted),
        wanted=wanted,
        outcomes=OUTCOMES,
        query=_asked(request.query_params),
    )


def records_csv(request: Request) -> Response:
    """The same as CSV, at most 10,000 of them."""
    site, name = site_of(request), request.path_params["name"]
    view_endpoint(site.workspace, name)
    found = view_records(site.workspace, name, _filter(request.query_params, size=MOST_CSV_ROWS)).records
    rows = [[getattr(one, column) for column in _CSV_COLUMNS] for one in found]
    return csv_response(f"records-{name}", _CSV_COLUMNS, rows)


def record(request: Request) -> Response:
    """One record opened to its full story."""
    site, name = site_of(request), request.path_params["name"]
    threshold = view_endpoint(site.workspace, name).goal.threshold
    view = view_record(site.workspace, name, request.path_params["request_id"], threshold)
    return site.page(request, "record.html", "Endpoints", title=view.row.request_id, endpoint=name, view=view)


def incidents(request: Request) -> Response:
    """Open incidents, then closed ones."""
    site, status = site_of(request), query.choice(request.query_params, "status", ("open", "closed"))
    rows = view_incidents(site.workspace, status=status)
    return site.page(
        request, "incidents.html", "Incidents", title="Incidents", live=LIVE_SECONDS, rows=rows, shown=status
    )


def incident(request: Request) -> Response:
    """One incident."""
    site, name = site_of(request), request.path_params["name"]
    view = view_incident(site.workspace, name)
    done = query.choice(request.query_params, "done", ("closed",))
    said = Said(ok=True, text="The incident is closed; the ledger has your reason.") if done else None
    drawn = pictures_of_findings(view.findings)
    return site.page(
        request,
        "incident.html",
        "Incidents",
        title=view.row.title,
        live=LIVE_SECONDS,
        pictures=bool(drawn),
        view=view,
        said=said,
        finding_pictures=drawn,
    )


def ledger(request: Request) -> Response:
    """The history, the state of its chain, and what served at a time."""
    site, asked = site_of(request), request.query_params
    wanted = HistoryFilter(
        kind=query.text(asked, "kind"),
        actor=query.text(asked, "actor"),
        text=query.text(asked, "q"),
        since=query.instant(asked, "from"),
        until=query.instant(asked, "to"),
        page=query.whole(asked, "page", 1, low=1, high=MOST_PAGES),
    )
    at = query.instant(asked, "at")
    return site.page(
        request,
        "ledger.html",
        "Ledger",
        title="Ledger",
        live=LIVE_SECONDS if wanted.page == 1 else 0,
        view=view_history(site.workspace, wanted),
        wanted=wanted,
        at=at,
        served=what_served(site.workspace, at) if at else (),
        query={name: value for name, value in _asked(asked).items() if name != "at"},
    )


def _filter(asked: QueryParams, size: int = 50) -> RecordFilter:
    return RecordFilter(
        outcome=query.choice(asked, "outcome", OUTCOMES),
        variant=query.text(asked, "variant"),
        start=query.instant(asked, "from"),
        end=query.instant(asked, "to"),
        text=query.text(asked, "text"),
        page=query.whole(asked, "page", 1, low=1, high=MOST_PAGES),
        size=size,
    )


def _asked(asked: QueryParams) -> Mapping[str, str]:
    return {name: value for name, value in asked.items() if value and name != "page"}


def _ranges(view: EndpointView, start: datetime | None) -> list[tuple[str, str, bool]]:
    """Links to the usual ranges, counted back from the last window."""
    if view.last is None or view.first is None:
        return []
    place, found = links.address("endpoint", view.name), []
    for name, days in _RANGES:
        begin = view.last - timedelta(days=days) if days else None
        if begin is None or begin > view.first:
            found.append((name, links.with_query(place, {"from": begin or ""}), begin == start))
    return found if len(found) > 1 else []
