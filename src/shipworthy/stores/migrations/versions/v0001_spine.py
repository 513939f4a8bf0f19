"""The first tables: documents, journal, jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make them."""
    _make_documents()
    _make_journal()
    _make_jobs()


def _make_documents() -> None:
    op.create_table(
        "documents",
        sa.Column("number", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("id", sa.String(512), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.UniqueConstraint("kind", "id", name="documents_kind_id"),
    )
    op.create_index("documents_kind_created", "documents", ["kind", "created_at", "number"])


def _make_journal() -> None:
    op.create_table(
        "journal",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    head = op.create_table(
        "journal_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "number": 0, "digest": ""}])


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("number", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("key", sa.String(512), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("due_at", sa.String(32), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("attempts_allowed", sa.Integer, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("worker", sa.String(256), nullable=False),
        sa.Column("leased_until", sa.String(32), nullable=True),
        sa.Column("error", sa.Text, nullable=False),
        sa.UniqueConstraint("kind", "key", name="jobs_kind_key"),
    )
    op.create_index("jobs_state_due", "jobs", ["state", "due_at"])
    op.create_table(
        "job_steps",
        sa.Column("job", _SERIAL, sa.ForeignKey("jobs.number", ondelete="CASCADE"), primary_key=True),
        sa.Column("step", sa.String(256), primary_key=True),
        sa.Column("result", sa.JSON, nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
    )
