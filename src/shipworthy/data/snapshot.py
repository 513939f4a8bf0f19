"""A snapshot: the state of one source at one time, named by a digest of its content."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from shipworthy.core.digests import Json, digest_bytes, digest_file, digest_json
from shipworthy.engines.databases import is_database
from shipworthy.engines.engine import Engine
from shipworthy.engines.files import find_files

__all__ = ["Snapshot", "digest_files", "digest_table", "take_snapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a source held when it was opened.

    Attributes:
        source: Name of the source.
        location: Where it came from, without any password.
        digest: SHA-256 in hex: of a file's bytes, of a folder's names and files, of a database table's rows.
        rows: Number of rows.
        columns: SQL type of each column by name, in order.
        taken_at: When it was opened, aware UTC.
    """

    source: str
    location: str
    digest: str
    rows: int
    columns: Mapping[str, str]
    taken_at: datetime

    def to_json(self) -> dict[str, Json]:
        """Plain JSON for records."""
        return {
            "source": self.source,
            "location": self.location,
            "digest": self.digest,
            "rows": self.rows,
            "columns": [[name, kind] for name, kind in self.columns.items()],
            "taken_at": self.taken_at.isoformat(),
        }


def take_snapshot(engine: Engine, name: str, location: str, *, base: Path, now: datetime) -> Snapshot:
    """The state of an attached source.

    Args:
        engine: Where the source is attached.
        name: Name of the source.
        location: Where it came from.
        base: Folder that relative paths start from.
        now: The present, aware UTC.
    """
    table = exp.to_identifier(name, quoted=True)
    counted = engine.query(exp.select(exp.alias_(exp.Count(this=exp.Star()), "rows", quoted=True)).from_(table))
    return Snapshot(
        source=name,
        location=hide_password(location),
        digest=_digest(engine, name, location, base),
        rows=int(counted.column("rows")[0].as_py()),
        columns=engine.columns(name),
        taken_at=now,
    )


def hide_password(location: str) -> str:
    """A location as it may be shown: a database URL without user and password."""
    scheme, mark, rest = location.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if mark else location


def digest_table(table: pa.Table) -> str:
    """SHA-256 of a table's names, types and values in the order of its rows.

    Equal tables have equal digests, however they are cut into chunks and whatever lies under their nulls.
    """
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        known = column.combine_chunks()
        columns[f"{name} known"] = known.is_valid()
        columns[f"{name} value"] = pc.if_else(known.is_valid(), known, _zero(known.type))
    sink = pa.BufferOutputStream()
    whole = pa.table(columns)
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole)
    return digest_bytes(sink.getvalue())


def _zero(kind: pa.DataType) -> pa.Scalar:
    """A value to stand under nulls: zero, or nothing written."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.scalar("", kind)
    if pa.types.is_binary(kind):
        return pa.scalar(b"", kind)
    return pa.scalar(value=False) if pa.types.is_boolean(kind) else pa.scalar(0, pa.int32()).cast(kind)


def _digest(engine: Engine, name: str, location: str, base: Path) -> str:
    if is_database(location):
        everything = exp.select("*").from_(exp.to_identifier(name, quoted=True))
        ordered = everything.order_by(*(exp.column(column, quoted=True) for column in engine.columns(name)))
        return digest_table(engine.query(ordered))
    return digest_files(location, base)


def digest_files(location: str, base: Path) -> str:
    """SHA-256 of a file's bytes, or of a folder's names and files.

    Raises:
        InvalidData: If there is nothing at ``location``.
    """
    root = base / location
    if root.is_file():
        return digest_file(root)
    return digest_json({file.relative_to(root).as_posix(): digest_file(file) for file in find_files(location, base)})
