"""The address of everything that has a page: readable, stable, and quoted once here."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from shipworthy.app.views.reading import Ref

__all__ = ["address", "csv_address", "link", "with_query"]

_PLACES: Mapping[str, str] = {
    "project": "/projects/{}",
    "gate": "/projects/{}/gate",
    "data": "/data?project={}",
    "run": "/runs/{}",
    "package": "/packages/{}",
    "verdict": "/verdicts/{}",
    "endpoint": "/endpoints/{}",
    "records": "/endpoints/{}/records",
    "incident": "/incidents/{}",
    "person": "/ledger?actor={}",
    "subject": "/ledger?q={}",
}


def address(kind: str, name: str) -> str:
    """Where a thing is shown.

    >>> address("project", "flight disruption")
    '/projects/flight%20disruption'
    """
    return _PLACES[kind].format(quote(name, safe=""))


def link(ref: Ref) -> str:
    """Where a referenced thing is shown; a record's id is ``endpoint/request id``."""
    if ref.kind == "record":
        endpoint, _, request = ref.id.partition("/")
        return f"{address('records', endpoint)}/{quote(request, safe='')}"
    return address(ref.kind, ref.id)


def csv_address(kind: str, name: str, picture: str, query: str = "") -> str:
    """Where the numbers behind a picture are."""
    path = f"/pictures/{kind}/{quote(name, safe='')}/{quote(picture, safe='')}.csv"
    return f"{path}?{query}" if query else path


def with_query(path: str, values: Mapping[str, object]) -> str:
    """An address with its filters; empty ones are left out.

    >>> with_query("/ledger", {"kind": "approval", "page": 2, "q": ""})
    '/ledger?kind=approval&page=2'
    """
    kept = {name: _plain(value) for name, value in values.items() if value not in {"", None}}
    return f"{path}?{urlencode(kept)}" if kept else path


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)
