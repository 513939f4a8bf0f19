"""An incident: what, since when, its consequence in the goal's unit, what changed just before, what to do."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shipworthy.app.views import words
from shipworthy.app.views.health import Health
from shipworthy.app.views.reading import Part, Workspace, read_all, read_one
from shipworthy.app.views.story import Headline
from shipworthy.core.findings import Finding
from shipworthy.governance.people import allowed
from shipworthy.stores.documents import Document

__all__ = ["IncidentRow", "IncidentView", "TimelineEntry", "row_of", "view_incident", "view_incidents"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened."""

    at: datetime | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRow:
    """One incident in a list.

    Attributes:
        consequence: What it costs, in ``unit``; None when it cannot be told in numbers.
        open: Whether it still needs a person or a recovery.
    """

    id: str
    project: str
    endpoint: str
    cause: str
    title: str
    opened_at: datetime | None
    closed_at: datetime | None
    open: bool
    consequence: float | None
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """One incident in full.

    Attributes:
        suggested: What to do about it.
        timeline: What happened, oldest first.
        before: What the ledger says changed in the week before it opened, oldest first.
        findings: The findings that raised it.
        may_close: Whether the person who looks may close it now.
        revision: Counts up with each change.
    """

    row: IncidentRow
    headline: Headline
    suggested: str
    timeline: tuple[TimelineEntry, ...]
    before: tuple[TimelineEntry, ...]
    findings: tuple[Finding, ...]
    may_close: bool
    revision: int


JUST_BEFORE = timedelta(days=7)
_CHANGES = frozenset({"plan", "approval", "package", "contract", "snapshot", "promote", "rollback", "serve", "retrain"})


def view_incidents(workspace: Workspace, *, status: str = "", project: str = "") -> tuple[IncidentRow, ...]:
    """Incidents, open ones first, then the newest.

    Args:
        workspace: Where to look.
        status: ``open``, ``closed`` or empty for both.
        project: Those of one project; empty for all.
    """
    where = {name: text for name, text in (("status", status), ("project", project)) if text}
    rows = [row_of(one) for one in read_all(workspace, "incident", 1_000, **where)]
    newest_first = sorted(rows, key=lambda one: one.opened_at.timestamp() if one.opened_at else 0.0, reverse=True)
    return tuple(sorted(newest_first, key=lambda one: not one.open))


def view_incident(workspace: Workspace, name: str) -> IncidentView:
    """One incident.

    Raises:
        NotFound: If there is no such incident.
    """
    document = read_one(workspace, "incident", name)
    body, row = Part(document.body), row_of(document)
    return IncidentView(
        row=row,
        headline=_headline(row, workspace.clock.now()),
        suggested=body.text("suggested"),
        timeline=tuple(TimelineEntry(at=one.instant("at"), text=one.text("text")) for one in body.parts("timeline")),
        before=_before(workspace, row.opened_at),
        findings=tuple(Finding.from_json(one.body) for one in body.parts("findings") if isinstance(one.body, dict)),
        may_close=row.open and allowed(workspace.person.role, "close_incident"),
        revision=document.revision,
    )


def row_of(document: Document) -> IncidentRow:
    """Read one incident's document."""
    body = Part(document.body)
    return IncidentRow(
        id=document.id,
        project=body.text("project"),
        endpoint=body.text("endpoint"),
        cause=body.text("cause"),
        title=body.text("title"),
        opened_at=body.instant("opened_at"),
        closed_at=body.instant("closed_at"),
        open=body.text("status") == "open",
        consequence=body.number("consequence"),
        unit=body.text("unit"),
    )


def _headline(row: IncidentRow, now: datetime) -> Headline:
    figure = words.amount(row.consequence, row.unit) if row.consequence is not None else ""
    if row.open:
        return Headline(
            health=Health.BROKEN,
            sentence=row.title,
            figure=figure,
            note=f"open, since {words.age(row.opened_at, now)}" if row.opened_at else "open",
            as_of=row.opened_at,
        )
    lasted = words.duration(row.closed_at - row.opened_at) if row.closed_at and row.opened_at else ""
    note = f"closed after {lasted}" if lasted else "closed"
    return Headline(health=Health.WELL, sentence=row.title, figure=figure, note=note, as_of=row.closed_at)


def _before(workspace: Workspace, opened: datetime | None) -> tuple[TimelineEntry, ...]:
    if opened is None:
        return ()
    events = [
        one
        for one in workspace.ledger.history(until=opened)
        if one.at >= opened - JUST_BEFORE and _CHANGES & set(one.kind.replace("_", ".").split("."))
    ]
    entries = [TimelineEntry(at=one.at, text=f"{one.kind} {words.short(one.subject)} by {one.actor}") for one in events]
    return tuple(sorted(entries, key=lambda one: one.at or opened)[-10:])
