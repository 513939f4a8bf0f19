"""The opened workspace: where a project's records and bytes live, who is acting, and what time it is.

Role check and ledger event stand here once: a use case calls :meth:`Workspace.require` before it changes anything and
:meth:`Workspace.note` when it has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shipworthy.core.clock import Clock, SystemClock
from shipworthy.core.config import Config, Value, read_config
from shipworthy.core.digests import Json
from shipworthy.core.errors import NotFound
from shipworthy.core.ids import IdMaker
from shipworthy.governance.ledger import Event, Ledger
from shipworthy.governance.people import Action, Person, Role, require_role
from shipworthy.stores.database import Database
from shipworthy.stores.documents import Document, Documents, SqlDocuments
from shipworthy.stores.jobs import Jobs, SqlJobs
from shipworthy.stores.journal import SqlJournal

__all__ = ["Workspace"]

_IDS = IdMaker()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One workspace, opened by one person.

    Attributes:
        config: The effective settings.
        clock: The time; a rehearsal has its own.
        person: Who is acting, with the role that the workspace gives them.
        documents: Records of everything that happened, by kind.
        ledger: The append-only history.
        jobs: Work that survives a crash.
        database: The database behind the three.
    """

    config: Config
    clock: Clock
    person: Person
    documents: Documents
    ledger: Ledger
    jobs: Jobs
    database: Database

    @classmethod
    def open(
        cls, project: Path, *, clock: Clock | None = None, flags: dict[str, Value | None] | None = None
    ) -> "Workspace":
        """Open the workspace of the project in ``project``, and make it if it is not there yet.

        Raises:
            InvalidConfig: If a setting is unknown or out of range.
            BackendFailed: If the folder or the database cannot be opened.
        """
        config = read_config(project, flags=flags)
        clock = clock or SystemClock()
        config.folder.mkdir(parents=True, exist_ok=True)
        ignore = config.folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")  # records and bytes are no source code
        database = Database.open(config.database or f"sqlite:///{config.folder.absolute() / 'workspace.db'}")
        return cls(
            config=config,
            clock=clock,
            person=Person(name=config.person, role=Role(config.role(config.person))),
            documents=SqlDocuments(database, clock),
            ledger=Ledger(SqlJournal(database), clock),
            jobs=SqlJobs(database, clock),
            database=database,
        )

    @property
    def folder(self) -> Path:
        """The workspace's folder, ``.shipworthy``."""
        return self.config.folder

    @property
    def packages(self) -> Path:
        """The folder of judged packages."""
        return self.folder / "packages"

    def known(self, kind: str, name: str) -> Document | None:
        """The document of this kind and id; None if there is none."""
        try:
            return self.documents.get(kind, name)
        except NotFound:
            return None

    def keep(self, kind: str, name: str, body: Mapping[str, Json]) -> None:
        """Add the document, or revise it when it says something else; safe to do twice."""
        kept = self.known(kind, name)
        if kept is None:
            self.documents.add(kind, name, body)
        elif dict(kept.body) != dict(body):
            self.documents.revise(kind, name, body, revision=kept.revision)

    def new_id(self, kind: str) -> str:
        """A new id such as ``run-...``; ids of one kind sort by the time they were made."""
        return _IDS.make(kind, self.clock.now())

    def require(self, action: Action) -> None:
        """Make sure that the acting person may do ``action``.

        Raises:
            Refused: If their role does not allow it.
        """
        require_role(self.person, action)

    def note(self, kind: str, subject: str, **facts: Json) -> Event:
        """Append what was just done to the ledger."""
        return self.ledger.record(actor=self.person.name, kind=kind, subject=subject, facts=facts)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()
