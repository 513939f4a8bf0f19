"""The tables of a workspace as they are now; ``migrations`` says how each release got there."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from shipworthy.core.formats import WORKSPACE

__all__ = ["NEWEST", "Instant", "documents", "job_steps", "jobs", "journal", "journal_head", "metadata"]

NEWEST: Final = f"{WORKSPACE:04d}"
"""The migration that this version of the code needs; they are numbered like ``formats.WORKSPACE``."""

_INSTANT_CHARS: Final = 32


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant as ISO 8601 text of one width: it sorts, and people can read it with any tool."""

    impl = String(_INSTANT_CHARS)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromisoformat(value)


_Serial = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in INTEGER columns

metadata = MetaData()

documents = Table(
    "documents",
    metadata,
    Column("number", _Serial, primary_key=True, autoincrement=True),
    Column("kind", String(64), nullable=False),
    Column("id", String(512), nullable=False),
    Column("body", JSON, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("kind", "id", name="documents_kind_id"),
    Index("documents_kind_created", "kind", "created_at", "number"),
)

journal = Table(
    "journal",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("digest", String(64), nullable=False),
)

journal_head = Table(
    "journal_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("number", _Serial, primary_key=True, autoincrement=True),
    Column("kind", String(64), nullable=False),
    Column("key", String(512), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("attempts_allowed", Integer, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("worker", String(256), nullable=False),
    Column("leased_until", Instant, nullable=True),
    Column("error", Text, nullable=False),
    UniqueConstraint("kind", "key", name="jobs_kind_key"),
    Index("jobs_state_due", "state", "due_at"),
)

job_steps = Table(
    "job_steps",
    metadata,
    Column("job", _Serial, ForeignKey("jobs.number", ondelete="CASCADE"), primary_key=True),
    Column("step", String(256), primary_key=True),
    Column("result", JSON, nullable=False),
    Column("recorded_at", Instant, nullable=False),
)
