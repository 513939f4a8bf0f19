"""The journal: an append-only chain of links; who appends sees the last link and seals the next one to it."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import select, update

from shipworthy.core.digests import Json, canonical_json
from shipworthy.core.errors import BackendFailed
from shipworthy.stores.database import Database, insert_once
from shipworthy.stores.schema import journal, journal_head

__all__ = ["Head", "Journal", "Link", "MemoryJournal", "SqlJournal"]

_HEAD: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One entry as it is kept; what the body means is its writer's business.

    Attributes:
        number: Counts up from 1 without gaps.
        body: Plain JSON.
        digest: Seals this link to the one before, in the writer's own way.
    """

    number: int
    body: Mapping[str, Json]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far a journal goes, kept apart from its links, so that a cut tail shows.

    Attributes:
        number: Number of the last link; 0 for an empty journal.
        digest: Digest of the last link; empty for an empty journal.
    """

    number: int
    digest: str


class Journal(Protocol):
    """Keeps links in the order in which they were appended.

    Every implementation keeps these promises (``shipworthy.testing.JournalContract`` checks them):

    - an appended link is there after a crash, and in its place for ever;
    - appenders take turns: each ``seal`` sees the link of the one before, whoever that was;
    - a ``seal`` that raises leaves nothing;
    - the head names the last link.

    Safe to share between threads and processes.
    """

    def append(self, seal: Callable[[Link | None], Link]) -> Link:
        """Append one link.

        Args:
            seal: Given the last link (None for an empty journal), makes the next. Runs while the journal is
                locked: it must be quick and must not touch the journal.

        Raises:
            ValueError: If the link's number is not the next, or its body holds a number that is not finite.
            BackendFailed: If it could not be kept.
        """
        ...

    def read(self, after: int = 0, limit: int = 1000) -> tuple[Link, ...]:
        """At most ``limit`` links behind number ``after``, in order."""
        ...

    def head(self) -> Head:
        """What the journal says about its own end."""
        ...


class MemoryJournal:
    """A journal in a list, for tests and rehearsals."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._links: list[Link] = []

    def append(self, seal: Callable[[Link | None], Link]) -> Link:
        with self._lock:
            last = self._links[-1] if self._links else None
            link = _checked(seal(last), last)
            self._links.append(link)
        return link

    def read(self, after: int = 0, limit: int = 1000) -> tuple[Link, ...]:
        with self._lock:
            return tuple(self._links[max(after, 0) :][:limit])

    def head(self) -> Head:
        with self._lock:
            last = self._links[-1] if self._links else None
        return Head(number=last.number, digest=last.digest) if last else Head(number=0, digest="")


class SqlJournal:
    """The journal in the workspace's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, seal: Callable[[Link | None], Link]) -> Link:
        newest = select(journal).order_by(journal.c.number.desc()).limit(1)
        with self._database.write() as connection:
            # SQLite has locked the whole file by now; PostgreSQL lets one appender at a time past this row.
            connection.execute(select(journal_head.c.id).where(journal_head.c.id == _HEAD).with_for_update())
            row = connection.execute(newest).first()
            last = None if row is None else _link(row.number, row.body, row.digest)
            link = _checked(seal(last), last)
            body = canonical_json(link.body).decode()
            if not insert_once(connection, journal, {"number": link.number, "body": body, "digest": link.digest}):
                raise _taken(link.number)
            head = update(journal_head).where(journal_head.c.id == _HEAD)
            connection.execute(head.values(number=link.number, digest=link.digest))
        return link

    def read(self, after: int = 0, limit: int = 1000) -> tuple[Link, ...]:
        query = select(journal).where(journal.c.number > after).order_by(journal.c.number).limit(limit)
        with self._database.read() as connection:
            return tuple(_link(row.number, row.body, row.digest) for row in connection.execute(query))

    def head(self) -> Head:
        with self._database.read() as connection:
            row = connection.execute(select(journal_head).where(journal_head.c.id == _HEAD)).first()
        return Head(number=0, digest="") if row is None else Head(number=row.number, digest=row.digest)


def _link(number: int, body: str, digest: str) -> Link:
    try:
        read = json.loads(body)
    except ValueError:
        read = None
    # A body that somebody made unreadable is handed on as an empty one, whose digest then does not fit.
    return Link(number=number, body=read if isinstance(read, dict) else {}, digest=digest)


def _checked(link: Link, last: Link | None) -> Link:
    expected = last.number + 1 if last else 1
    if link.number != expected:
        raise ValueError(f"link {link.number} was sealed where {expected} comes next")
    return Link(number=link.number, body=json.loads(canonical_json(link.body)), digest=link.digest)


def _taken(number: int) -> BackendFailed:
    return BackendFailed(
        f"the journal has an entry {number} already",
        remedy="verify the ledger (shipworthy history --verify): somebody wrote to it past its lock",
        number=number,
    )
