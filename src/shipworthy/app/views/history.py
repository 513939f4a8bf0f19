"""The ledger: searchable history, the state of its chain, and what served at any time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shipworthy.app.views import words
from shipworthy.app.views.health import Health
from shipworthy.app.views.reading import Part, Workspace, read_all
from shipworthy.app.views.story import Headline
from shipworthy.core.digests import Json
from shipworthy.governance.ledger import Event

__all__ = ["EventRow", "HistoryFilter", "HistoryView", "Served", "view_history", "what_served"]


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
class Served:
    """What one endpoint served at a time: the plan in force, and who decided it.

    Attributes:
        variants: Name, role, package digest and weight of each.
        approval: Id of the approval behind it; empty when it was not approved.
    """

    endpoint: str
    plan: int
    since: datetime | None
    until: datetime | None
    variants: tuple[tuple[str, str, str, float], ...]
    why: str
    by: str
    approval: str


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
    events = workspace.ledger.history()
    tampered = workspace.ledger.verify()
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
    """The plan in force at ``at`` of every endpoint that served then."""
    plans: dict[str, list[Part]] = {}
    for one in read_all(workspace, "plan"):
        body = Part(one.body)
        plans.setdefault(body.text("endpoint"), []).append(body)
    served = (_in_force(endpoint, bodies, at) for endpoint, bodies in sorted(plans.items()))
    return tuple(one for one in served if one is not None)


def _in_force(endpoint: str, bodies: list[Part], at: datetime) -> Served | None:
    made = sorted(bodies, key=lambda one: one.part("plan").whole("number"))
    past = [one for one in made if (moment := one.instant("made_at")) is not None and moment <= at]
    if not past:
        return None
    body, plan = past[-1], past[-1].part("plan")
    following = made[made.index(body) + 1 :]
    return Served(
        endpoint=endpoint,
        plan=plan.whole("number"),
        since=body.instant("made_at"),
        until=following[0].instant("made_at") if following else None,
        variants=tuple(
            (one.text("name"), one.text("role"), one.text("package"), one.number("weight") or 0.0)
            for one in plan.parts("variants")
        ),
        why=body.text("why"),
        by=body.text("by"),
        approval=body.text("approval"),
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
