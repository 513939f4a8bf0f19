"""Search over everything that has a page: names, digests, questions, events, request ids."""

from dataclasses import dataclass
from datetime import datetime

from shipworthy.app.views import words
from shipworthy.app.views.reading import Part, Ref, Workspace, read_all
from shipworthy.stores.documents import Document

__all__ = ["Hit", "view_search"]

MOST_HITS = 20
_KINDS = ("project", "incident", "run", "package", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One thing that was found.

    Attributes:
        text: What it is, in a sentence.
        at: When it was made.
    """

    ref: Ref
    text: str
    at: datetime | None


def view_search(workspace: Workspace, wanted: str) -> tuple[Hit, ...]:
    """What holds ``wanted``, whatever the case; at most 20 of each kind, newest first. Nothing for nothing."""
    sought = wanted.strip().lower()
    if not sought:
        return ()
    hits = []
    for kind in _KINDS:
        found = (_hit(one) for one in read_all(workspace, kind) if _holds(one, sought))
        hits += [hit for hit, _ in zip(found, range(MOST_HITS), strict=False)]
    return (*_endpoints(workspace, sought), *hits, *_events(workspace, sought))


def _endpoints(workspace: Workspace, sought: str) -> tuple[Hit, ...]:
    names = {Part(one.body).text("endpoint") for kind in ("project", "plan") for one in read_all(workspace, kind)}
    return tuple(
        Hit(ref=Ref(kind="endpoint", id=name, label=name), text="endpoint", at=None)
        for name in sorted(names)
        if name and sought in name.lower()
    )


def _events(workspace: Workspace, sought: str) -> tuple[Hit, ...]:
    found = [
        Hit(
            ref=Ref(kind="subject", id=one.subject, label=f"event {one.seq}"),
            text=f"{one.kind} by {one.actor}: {words.short(one.subject) if len(one.subject) == 64 else one.subject}",
            at=one.at,
        )
        for one in workspace.ledger.history()
        if sought in f"{one.kind} {one.subject} {one.actor}".lower()
    ]
    return tuple(reversed(found[-MOST_HITS:]))


def _holds(document: Document, sought: str) -> bool:
    body = Part(document.body)
    parts = (document.id, body.text("title"), body.text("sentence"), body.text("project"), body.text("owner"))
    return sought in " ".join((*parts, body.part("goal").text("question"))).lower()


def _hit(document: Document) -> Hit:
    body = Part(document.body)
    texts = {
        "project": body.part("goal").text("question"),
        "incident": body.text("title"),
        "run": body.text("sentence"),
        "package": f"package of {body.text('project')}",
        "verdict": f"verdict on {body.text('project')}",
    }
    label = words.short(document.id) if document.kind in {"package", "verdict"} else document.id
    return Hit(
        ref=Ref(kind=document.kind, id=document.id, label=label), text=texts[document.kind], at=document.created_at
    )
