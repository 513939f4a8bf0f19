"""Documents: what the workspace knows about projects, runs, packages and the rest, as JSON under a kind and an id."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, Row, select, update

from shipworthy.core.clock import Clock
from shipworthy.core.digests import Json, canonical_json
from shipworthy.core.errors import NotFound, Refused
from shipworthy.stores.database import Database, insert_once
from shipworthy.stores.schema import documents

__all__ = ["Document", "Documents", "MemoryDocuments", "SqlDocuments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document as it stood when it was read.

    Attributes:
        kind: What it is, such as ``"run"``.
        id: Its name within the kind.
        body: Plain JSON.
        revision: Counts up from 1 with each change.
        created_at: When it was added.
    """

    kind: str
    id: str
    body: Mapping[str, Json]
    revision: int
    created_at: datetime


class Documents(Protocol):
    """Keeps JSON bodies by kind and id.

    Every implementation keeps these promises (``shipworthy.testing.DocumentsContract`` checks them):

    - a document that was added or revised is there for every reader, and after a crash;
    - adding an equal body again is no error and changes nothing;
    - of several writers who revise the same revision one wins, and the others are refused;
    - what a caller does to a body it gave or got changes nothing that is kept;
    - bodies come back equal, digit by digit.

    Safe to share between threads.
    """

    def add(self, kind: str, id: str, body: Mapping[str, Json]) -> Document:  # noqa: A002
        """Keep a new document.

        Raises:
            Refused: If another body is kept under this kind and id.
            ValueError: If ``body`` holds a number that is not finite.
        """
        ...

    def revise(self, kind: str, id: str, body: Mapping[str, Json], *, revision: int) -> int:  # noqa: A002
        """Replace the body of a document that still has ``revision``.

        Returns:
            The new revision.

        Raises:
            NotFound: If there is no such document.
            Refused: If it has been revised since.
        """
        ...

    def get(self, kind: str, id: str) -> Document:  # noqa: A002
        """One document.

        Raises:
            NotFound: If there is no such document.
        """
        ...

    def find(self, kind: str, *, where: Mapping[str, str] | None = None, limit: int = 100) -> tuple[Document, ...]:
        """The newest documents of a kind, newest first.

        Args:
            kind: The kind.
            where: Only those whose body has all these texts under these top-level keys.
            limit: At most so many.
        """
        ...


class MemoryDocuments:
    """Documents in a dict, for tests and rehearsals."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], Document] = {}

    def add(self, kind: str, id: str, body: Mapping[str, Json]) -> Document:  # noqa: A002
        new = Document(kind=kind, id=id, body=_copy(body), revision=1, created_at=self._clock.now())
        with self._lock:
            kept = self._kept.setdefault((kind, id), new)
        _expect_equal(kept, body)
        return replace(kept, body=_copy(kept.body))

    def revise(self, kind: str, id: str, body: Mapping[str, Json], *, revision: int) -> int:  # noqa: A002
        with self._lock:
            kept = self._kept.get((kind, id))
            if kept is None:
                raise _absent(kind, id)
            if kept.revision != revision:
                raise _stale(kind, id, revision, kept.revision)
            self._kept[kind, id] = replace(kept, body=_copy(body), revision=revision + 1)
        return revision + 1

    def get(self, kind: str, id: str) -> Document:  # noqa: A002
        kept = self._kept.get((kind, id))
        if kept is None:
            raise _absent(kind, id)
        return replace(kept, body=_copy(kept.body))

    def find(self, kind: str, *, where: Mapping[str, str] | None = None, limit: int = 100) -> tuple[Document, ...]:
        wanted = (where or {}).items()
        with self._lock:
            newest = sorted(self._kept.values(), key=lambda one: one.created_at)[::-1]
        found = [one for one in newest if one.kind == kind and all(one.body.get(k) == text for k, text in wanted)]
        return tuple(replace(one, body=_copy(one.body)) for one in found[:limit])


class SqlDocuments:
    """Documents in the workspace's database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add(self, kind: str, id: str, body: Mapping[str, Json]) -> Document:  # noqa: A002
        canonical_json(body)  # refuses NaN here, before the database wraps the error
        new = {"kind": kind, "id": id, "body": body, "revision": 1, "created_at": self._clock.now()}
        with self._database.write() as connection:
            insert_once(connection, documents, new)
            kept = _get(connection, kind, id)
        _expect_equal(kept, body)
        return kept

    def revise(self, kind: str, id: str, body: Mapping[str, Json], *, revision: int) -> int:  # noqa: A002
        canonical_json(body)
        here = (documents.c.kind == kind) & (documents.c.id == id) & (documents.c.revision == revision)
        with self._database.write() as connection:
            changed = connection.execute(update(documents).where(here).values(body=body, revision=revision + 1))
            if changed.rowcount == 0:
                raise _stale(kind, id, revision, _get(connection, kind, id).revision)
        return revision + 1

    def get(self, kind: str, id: str) -> Document:  # noqa: A002
        with self._database.read() as connection:
            return _get(connection, kind, id)

    def find(self, kind: str, *, where: Mapping[str, str] | None = None, limit: int = 100) -> tuple[Document, ...]:
        query = select(documents).where(documents.c.kind == kind)
        for key, text in (where or {}).items():
            query = query.where(documents.c.body[key].as_string() == text)
        query = query.order_by(documents.c.created_at.desc(), documents.c.number.desc()).limit(limit)
        with self._database.read() as connection:
            return tuple(_document(row) for row in connection.execute(query))


def _get(connection: Connection, kind: str, id: str) -> Document:  # noqa: A002
    query = select(documents).where((documents.c.kind == kind) & (documents.c.id == id))
    row = connection.execute(query).first()
    if row is None:
        raise _absent(kind, id)
    return _document(row)


def _document(row: Row[tuple[object, ...]]) -> Document:
    return Document(kind=row.kind, id=row.id, body=row.body, revision=row.revision, created_at=row.created_at)


def _copy(body: Mapping[str, Json]) -> dict[str, Json]:
    copied: dict[str, Json] = json.loads(canonical_json(body))
    return copied


def _expect_equal(kept: Document, body: Mapping[str, Json]) -> None:
    if canonical_json(kept.body) != canonical_json(body):
        raise Refused(
            f"{kept.kind} {kept.id!r} is kept already with another body",
            remedy="revise it, or give the new one an id of its own",
            kind=kept.kind,
            id=kept.id,
        )


def _absent(kind: str, id: str) -> NotFound:  # noqa: A002
    return NotFound(f"there is no {kind} {id!r}", remedy=f"list the {kind}s to see which there are", kind=kind, id=id)


def _stale(kind: str, id: str, given: int, kept: int) -> Refused:  # noqa: A002
    return Refused(
        f"{kind} {id!r} has been changed meanwhile: you changed revision {given}, it is at {kept}",
        remedy="read it again and repeat the change",
        kind=kind,
        id=id,
        revision=kept,
    )
