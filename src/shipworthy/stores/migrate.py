"""Bringing an older workspace to this version, with Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from shipworthy.core.errors import InvalidConfig

__all__ = ["migrate"]


def migrate(connection: Connection, *, found: str | None, database: str) -> None:
    """Run all migrations that ``database`` lacks, within the transaction of ``connection``.

    Args:
        connection: An open transaction that nobody else migrates beside.
        found: The revision that the database has; None for an empty one.
        database: What to call it in errors.

    Raises:
        InvalidConfig: If the database has a revision that this version does not know.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise InvalidConfig(
            f"the workspace {database} has schema {found}; this version knows up to {max(known)}",
            remedy="a newer Shipworthy wrote it: install that version or a newer one (pip install -U shipworthy)",
            database=database,
            schema=found,
        )
    command.upgrade(config, "head")
