"""What a view reads: a workspace by its narrowest shape, and the bodies of its documents with types."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from shipworthy.core.clock import Clock, parse_instant
from shipworthy.core.config import Config
from shipworthy.core.digests import Json
from shipworthy.core.errors import NotFound
from shipworthy.governance.ledger import Ledger
from shipworthy.governance.people import Person
from shipworthy.stores.documents import Document, Documents

__all__ = ["Actions", "Estimate", "Part", "Ref", "Workspace", "newest", "read_all", "read_if_there", "read_one"]

MOST_DOCUMENTS = 1_000


class Workspace(Protocol):
    """What a view needs of the opened workspace; reading it changes nothing."""

    @property
    def documents(self) -> Documents:
        """The records of everything that happened, by kind."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The append-only history."""
        ...

    @property
    def clock(self) -> Clock:
        """The time that ages are counted from; a rehearsal has its own."""
        ...

    @property
    def folder(self) -> Path:
        """The workspace's folder, ``.shipworthy``."""
        ...

    @property
    def config(self) -> Config:
        """The effective settings: who the people are, and whether one may approve their own work."""
        ...

    @property
    def person(self) -> Person:
        """Who looks."""
        ...


class Actions(Protocol):
    """What a person may do from a page or over the API.

    Every action checks the person's role, writes a ledger event, and raises ``Refused`` or ``UserError`` when it
    cannot be done. Calling it twice with the same words is harmless or refused, never done twice.
    """

    def approve(self, package: str, verdict: str, reason: str) -> object:
        """Bind the person's yes to this package digest and this verdict digest."""
        ...

    def refuse(self, package: str, verdict: str, reason: str) -> object:
        """Bind the person's no to this package digest and this verdict digest."""
        ...

    def close_incident(self, incident: str, reason: str) -> object:
        """Close an open incident with a reason."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A thing that has a page of its own.

    Attributes:
        kind: ``project``, ``run``, ``package``, ``verdict``, ``endpoint``, ``incident``, ``record`` or ``ledger``.
        id: Its name, digest or number; ``endpoint/request id`` for a record.
        label: How it is called in a sentence.
    """

    kind: str
    id: str
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A measured number with its 95 % interval where it has one, all in the same unit."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Part:
    """A part of a document's body, read with types; what is missing reads as nothing.

    >>> body = Part({"goal": {"unit": "USD", "bars": [{"text": ">= 1"}]}, "at": "2013-10-01T00:00:00Z"})
    >>> body.part("goal").text("unit"), body.part("goal").parts("bars")[0].text("text"), body.instant("at").year
    ('USD', '>= 1', 2013)
    >>> body.number("missing"), body.part("missing").text("unit", "none")
    (None, 'none')
    """

    __slots__ = ("body",)

    def __init__(self, body: Json) -> None:
        self.body = body

    def __bool__(self) -> bool:
        return bool(self.body)

    def get(self, name: str) -> Json:
        """The value under ``name`` as it is; None when it is missing."""
        return self.body.get(name) if isinstance(self.body, Mapping) else None

    def part(self, name: str) -> "Part":
        """The object under ``name``."""
        return Part(self.get(name))

    def parts(self, name: str) -> tuple["Part", ...]:
        """The objects in the list under ``name``."""
        return tuple(Part(one) for one in self._list(name))

    def items(self) -> Iterable[tuple[str, "Part"]]:
        """The names and values of this object."""
        return [(name, Part(value)) for name, value in self.body.items()] if isinstance(self.body, Mapping) else []

    def text(self, name: str, default: str = "") -> str:
        """The text under ``name``."""
        value = self.get(name)
        return default if value is None else str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """The list of texts under ``name``."""
        return tuple(str(one) for one in self._list(name))

    def number(self, name: str) -> float | None:
        """The number under ``name``."""
        return _number(self.get(name))

    def numbers(self, name: str) -> tuple[float, ...]:
        """The list of numbers under ``name``."""
        return tuple(value for one in self._list(name) if (value := _number(one)) is not None)

    def whole(self, name: str) -> int:
        """The count under ``name``; 0 when it is missing."""
        return int(self.number(name) or 0)

    def flag(self, name: str) -> bool:
        """Whether ``name`` is true."""
        return self.get(name) is True

    def instant(self, name: str) -> datetime | None:
        """The instant under ``name``, aware, UTC."""
        value = self.get(name)
        return parse_instant(value) if isinstance(value, str) and value else None

    def estimate(self, name: str) -> Estimate:
        """The number under ``name``, bare or with its interval."""
        value = self.get(name)
        if isinstance(value, Mapping):
            part = Part(value)
            return Estimate(value=part.number("estimate"), low=part.number("low"), high=part.number("high"))
        return Estimate(value=_number(value))

    def _list(self, name: str) -> Sequence[Json]:
        value = self.get(name)
        return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def read_all(workspace: Workspace, kind: str, limit: int = MOST_DOCUMENTS, **where: str) -> tuple[Document, ...]:
    """The documents of one kind, newest first."""
    return workspace.documents.find(kind, where=where, limit=limit)


def newest(workspace: Workspace, kind: str, **where: str) -> Document | None:
    """The newest document of one kind; None when there is none."""
    found = read_all(workspace, kind, 1, **where)
    return found[0] if found else None


def read_one(workspace: Workspace, kind: str, name: str) -> Document:
    """The document of this kind and id.

    Raises:
        NotFound: If there is none.
    """
    return workspace.documents.get(kind, name)


def read_if_there(workspace: Workspace, kind: str, name: str) -> Document | None:
    """The document of this kind and id; None when there is none, or no id."""
    try:
        return workspace.documents.get(kind, name) if name else None
    except NotFound:
        return None
