"""The ledger: searchable history, the state of its chain, and what served at any time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shipworthy.app.views import words
from shipworthy.app.views.health import Health
from shipworthy.app.views.reading import Part, Workspace, read_if_there
from shipworthy.app.views.story import Headline
from shipworthy.core.digests import Json
from shipworthy.core.errors import BackendFailed
from shipworthy.governance.ledger import PLAN_PUBLISHED, Event

__all__ = ["EventRow", "HistoryFilter", "HistoryView", "Served", "ServedVariant", "view_history", "what_served"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilter:
    """What to show of the history; an empty field leaves nothing out.

    Attributes:
        kind: Kind of event, in full.
        actor: Who did it, in full.
        text: A part of the kind, the subject or the facts, whatever the case.
        since: From this instant on.
        until: Up to this instant.
        page: Counts up from 1, the newest events first.
        size: Events a page, 1..500.
    """

    kind: str = ""
    actor: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    page: int = 1
    size: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One event with its place in the chain."""

    seq: int
    at: datetime
    actor: str
    kind: str
    subject: str
    facts: Mapping[str, Json]
    previous: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedVariant:
    """One package that answered, with its share of the traffic, a fraction."""

    name: str
    role: str
    package: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What one endpoint served at a time: the plan in force, and who decided it.

    Attributes:
        since: From when on this plan was in force.
        until: Until when; None when nothing followed.
        approval: Id of the approval behind it; empty when it was not approved.
        event: Number of the ledger's event that proves it.
    """

    endpoint: str
    plan: int
    since: datetime | None
    until: datetime | None
    variants: tuple[ServedVariant, ...]
    why: str
    by: str
    approval: str
    event: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryView:
    """A page of the history.

    Attributes:
        events: Newest first.
        total: How many match the filter.
        length: How many events the chain has.
        kinds: Every kind that occurs, for the filter.
        actors: Everyone who acted, for the filter.
        tampered: Number of the first event that does not fit the chain; None when it is whole.
    """

    headline: Headline
    events: tuple[EventRow, ...]
    total: int
    length: int
    kinds: tuple[str, ...]
    actors: tuple[str, ...]
    tampered: int | None


def view_history(workspace: Workspace, wanted: HistoryFilter) -> HistoryView:
    """Read a page of the history and verify the chain."""
    tampered = workspace.ledger.verify()
    events = _readable(workspace, tampered)
    found = sorted((one for one in events if _matches(one, wanted)), key=lambda one: -one.seq)
    first = (wanted.page - 1) * wanted.size
    return HistoryView(
        headline=_headline(len(events), tampered),
        events=tuple(event_row(one) for one in found[first : first + wanted.size]),
        total=len(found),
        length=len(events),
        kinds=tuple(sorted({one.kind for one in events})),
        actors=tuple(sorted({one.actor for one in events})),
        tampered=tampered,
    )


def _readable(workspace: Workspace, tampered: int | None) -> tuple[Event, ...]:
    try:
        return workspace.ledger.history()
    except BackendFailed:
        if tampered is None:
            raise
        return ()  # an event that was changed beyond reading: the headline says where tampering begins


def event_row(event: Event) -> EventRow:
    """One event as it is shown."""
    return EventRow(
        seq=event.seq,
        at=event.at,
        actor=event.actor,
        kind=event.kind,
        subject=event.subject,
        facts=event.facts,
        previous=event.previous,
        digest=event.digest,
    )


def what_served(workspace: Workspace, at: datetime) -> tuple[Served, ...]:
    """The plan in force at ``at`` of every endpoint that served then, as the ledger tells it."""
    published: dict[str, list[Event]] = {}
    for event in workspace.ledger.history(kind=PLAN_PUBLISHED):
        published.setdefault(event.subject, []).append(event)
    served = (_in_force(workspace, endpoint, events, at) for endpoint, events in sorted(published.items()))
    return tuple(one for one in served if one is not None)


def _in_force(workspace: Workspace, endpoint: str, events: list[Event], at: datetime) -> Served | None:
    past = [one for one in events if one.at <= at]
    if not past:
        return None
    event = max(past, key=lambda one: (one.at, one.seq))
    plan = Part(event.facts.get("plan"))
    made = read_if_there(workspace, "plan", f"{endpoint}/{plan.whole('number')}")
    reasons = Part(made.body if made else None)
    return Served(
        endpoint=endpoint,
        plan=plan.whole("number"),
        since=event.at,
        until=min((one.at for one in events if one.at > at), default=None),
        variants=tuple(
            ServedVariant(
                name=one.text("name"),
                role=one.text("role"),
                package=one.text("package"),
                weight=one.number("weight") or 0.0,
            )
            for one in plan.parts("variants")
        ),
        why=reasons.text("why"),
        by=reasons.text("by") or event.actor,
        approval=reasons.text("approval"),
        event=event.seq,
    )


def _matches(event: Event, wanted: HistoryFilter) -> bool:
    if (wanted.kind and event.kind != wanted.kind) or (wanted.actor and event.actor != wanted.actor):
        return False
    if (wanted.since and event.at < wanted.since) or (wanted.until and event.at > wanted.until):
        return False
    return not wanted.text or wanted.text.lower() in f"{event.kind} {event.subject} {event.actor} {event.facts}".lower()


def _headline(length: int, tampered: int | None) -> Headline:
    if tampered is not None:
        return Headline(
            health=Health.BROKEN,
            sentence=f"Event {tampered} does not fit the chain: someone changed the history from there on.",
            figure=words.plural(length, "event"),
            note="compare with a backup; nothing after that event can be trusted",
        )
    if not length:
        return Headline(health=Health.UNKNOWN, sentence="Nothing has happened yet.")
    return Headline(
        health=Health.WELL,
        sentence="The chain is whole: every event carries the digest of the one before.",
        figure=words.plural(length, "event"),
        note="verified just now, from the first to the last",
    )
