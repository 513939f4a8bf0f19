"""The database of a workspace: SQLite in the folder, or PostgreSQL by URL; only the URL differs."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert, inspect, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from shipworthy.core.digests import Json, canonical_json
from shipworthy.core.errors import BackendFailed, InvalidConfig
from shipworthy.stores.schema import NEWEST

__all__ = ["Database", "insert_once"]

_BUSY_MS: Final = 10_000
_MIGRATION_LOCK: Final = 0x5348_4950  # "SHIP": any number that nobody else in that database locks
_WRITES: Final = "shipworthy_writes"


class Database:
    """Opens a workspace's database and brings its tables to this version; safe to share between threads.

    What was written is on the disk when ``write`` ends (SQLite: WAL with ``synchronous=FULL``). No exception
    of SQLAlchemy or a driver leaves this class.

    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._name = engine.url.render_as_string(hide_password=True)
        self._writer = engine.execution_options(**{_WRITES: True})

    @classmethod
    def open(cls, url: str) -> "Database":
        """Open the database at ``url``, make it if it is not there, upgrade it if it is older.

        Args:
            url: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql+psycopg://user@host/name``.

        Raises:
            InvalidConfig: If ``url`` cannot be used, or a newer version of Shipworthy wrote the database.
            BackendFailed: If the database cannot be reached or opened.
        """
        with ExitStack() as stack:
            database = cls(_make_engine(url))
            stack.callback(database.close)
            database._upgrade()
            stack.pop_all()
        return database

    @classmethod
    def at(cls, path: Path) -> "Database":
        """The SQLite database in the file ``path``."""
        return cls.open(f"sqlite:///{path.absolute()}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that sees one state of the database.

        Raises:
            BackendFailed: If the database fails.
        """
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that is kept whole when the block ends, or not at all when it raises.

        Raises:
            BackendFailed: If the database fails, or stays locked for 10 s. A commit that fails may still have
                been kept: a caller that asks again must be idempotent.
        """
        with self._translated(), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:  # the settings of a new connection run past SQLAlchemy
            raise _failed(error, self._name) from error

    def _upgrade(self) -> None:
        """Bring the tables to this version, one process at a time."""
        with self.read() as connection:
            found = _stored_revision(connection)
        if found == NEWEST:
            return
        # Alembic costs more to import than an up-to-date workspace takes to open.
        from shipworthy.stores.migrate import migrate  # noqa: PLC0415

        with self.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            migrate(connection, found=_stored_revision(connection), database=self._name)


def insert_once(connection: Connection, table: Table, values: Mapping[str, object]) -> bool:
    """Insert a row unless one with the same unique key is there; returns whether it was inserted."""
    try:
        with connection.begin_nested():
            connection.execute(insert(table).values(**values))
    except IntegrityError:
        return False
    return True


def _make_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        sqlite = parsed.get_backend_name() == "sqlite"
        if sqlite and not parsed.database:
            raise ArgumentError("a workspace cannot live in memory only")
        if not sqlite and parsed.get_backend_name() != "postgresql":
            raise ArgumentError(f"{parsed.get_backend_name()!r} is no supported database")
        engine = create_engine(parsed, json_serializer=_to_json, pool_pre_ping=not sqlite)
    except (SQLAlchemyError, ImportError) as error:
        raise InvalidConfig(
            f"the database URL cannot be used: {error}",
            remedy="give sqlite:////path/workspace.db, or postgresql+psycopg://user@host/name "
            "(which needs: pip install 'shipworthy[postgres]')",
            setting="database",
        ) from error
    if sqlite:
        _prepare_sqlite(engine, Path(str(parsed.database)))
    return engine


def _prepare_sqlite(engine: Engine, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _failed(error, str(path)) from error

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:  # noqa: ARG001
        connection.isolation_level = None  # else sqlite3 begins transactions of its own
        cursor = connection.cursor()
        for setting in (f"busy_timeout={_BUSY_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that starts by reading and then writes could find its snapshot stale: writers lock at once.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _stored_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _to_json(value: Json) -> str:
    return canonical_json(value).decode()


def _failed(error: Exception, name: str) -> BackendFailed:
    cause = getattr(error, "orig", None) or error
    return BackendFailed(
        f"the database {name} failed: {cause}",
        remedy="check that it is reachable, writable, not locked by another program and on a disk with free space",
        database=name,
    )
