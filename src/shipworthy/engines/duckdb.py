"""The embedded engine: DuckDB in this process, locked from birth.

Files and databases are read by a second, short-lived connection (``files``, ``databases``) and handed over as Arrow.
So the connection that runs users' SQL never needs to reach a file, and never could.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlglot import exp

from shipworthy.core.errors import BackendFailed, InvalidData, InvalidFeatures, ShipworthyError
from shipworthy.core.progress import Progress, silent
from shipworthy.engines.databases import is_database, open_database
from shipworthy.engines.files import open_files
from shipworthy.engines.names import quoted, select_all

__all__ = ["DuckDbEngine"]

_HANDOVER = "shipworthy handover"


class DuckDbEngine:
    """An :class:`~shipworthy.engines.engine.Engine` on tables in memory, spilling to a temporary folder.

    Args:
        threads: Threads per query, a count of 1 or more; None for one per core.
        memory_mb: Memory for tables and queries before they spill, in MB; None for DuckDB's own limit (80 %).

    Raises:
        BackendFailed: If the engine cannot start.
    """

    def __init__(self, *, threads: int | None = None, memory_mb: int | None = None) -> None:
        self._spill = tempfile.TemporaryDirectory(prefix="shipworthy-")
        config: dict[str, str | bool | int | float | list[str]] = {"temp_directory": self._spill.name}
        if threads is not None:
            config["threads"] = str(threads)
        if memory_mb is not None:
            config["memory_limit"] = f"{memory_mb}MB"
        try:
            with _translated("the engine cannot start", InvalidData):
                self._connection = duckdb.connect(":memory:", config=config)
                self._connection.execute("SET TimeZone = 'UTC'")
                self._connection.execute("SET enable_external_access = false")
                self._connection.execute("SET lock_configuration = true")
        except ShipworthyError:
            self._spill.cleanup()
            raise

    def attach(self, name: str, location: str, *, base: Path) -> None:
        subject = f"source {name!r}"
        with _translated(f"{subject} at {_shown(location)} cannot be read", InvalidData):
            opened = open_database(location, base) if is_database(location) else open_files(location, base)
            with opened as parts:
                for index, part in enumerate(parts):
                    self._keep(name, part, first=index == 0)

    def attach_table(self, name: str, table: pa.Table) -> None:
        with _translated(f"table {name!r} cannot be attached", InvalidData):
            self._keep(name, table, first=True)

    def columns(self, name: str) -> dict[str, str]:
        with _translated(f"there is no table {name!r}", InvalidData):
            described = self._connection.sql(select_all(name))
            return {column: str(kind) for column, kind in zip(described.columns, described.types, strict=True)}

    def query(self, tree: exp.Expr, *, progress: Progress = silent) -> pa.Table:
        if not isinstance(tree, exp.Query):
            raise InvalidFeatures(
                f"the SQL is a {tree.key.upper()}, not a SELECT",
                remedy="write one SELECT over the project's sources",
                sql=tree.sql("duckdb"),
            )
        text = tree.sql("duckdb", comments=False)
        progress("asking the data")
        with _translated("the SQL cannot run", InvalidFeatures, sql=text):
            return self._connection.sql(text).to_arrow_table()

    def close(self) -> None:
        self._connection.close()
        self._spill.cleanup()

    def _keep(self, name: str, rows: pa.Table | pa.RecordBatchReader, *, first: bool) -> None:
        verb = f"CREATE OR REPLACE TABLE {quoted(name)} AS" if first else f"INSERT INTO {quoted(name)}"
        self._connection.register(_HANDOVER, rows)
        try:
            self._connection.execute(f"{verb} {select_all(_HANDOVER)}")
        finally:
            self._connection.unregister(_HANDOVER)


def _shown(location: str) -> str:
    """A location without the password that a URL may hold."""
    if not is_database(location) or "@" not in location:
        return repr(location)
    scheme, _, rest = location.partition("://")
    return repr(f"{scheme}://***@{rest.rpartition('@')[2]}")


_Kind = Callable[..., ShipworthyError]


@contextmanager
def _translated(subject: str, misfit: _Kind, **facts: object) -> Iterator[None]:
    """Turn every error of DuckDB and Arrow into one of ours.

    Args:
        subject: What was tried, the start of the sentence.
        misfit: The error for SQL that does not fit its tables.
        facts: What else the error should carry.
    """
    try:
        yield
    except duckdb.PermissionException as error:
        raise InvalidFeatures(
            f"{subject}: SQL may read the project's sources only ({_first_line(error)})",
            remedy="declare what is needed under data.sources and name it in the SQL",
            **facts,
        ) from error
    except (duckdb.DataError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidData(
            f"{subject}: {_first_line(error)}",
            remedy="mend the value, or use TRY_CAST where it may be missing",
            **facts,
        ) from error
    except (duckdb.ProgrammingError, duckdb.NotSupportedError) as error:
        raise misfit(
            f"{subject}: {_first_line(error)}", remedy="use tables and columns that the sources have", **facts
        ) from error
    except (duckdb.Error, pa.ArrowException, MemoryError, OSError) as error:
        raise BackendFailed(
            f"{subject}: {_first_line(error)}",
            remedy="free memory or disk, or give the engine more, and try again",
            **facts,
        ) from error


def _first_line(error: BaseException) -> str:
    """The sentence of a DuckDB error without its class, its picture of the SQL and its suggestions."""
    first = str(error).partition("\n")[0]
    kind, colon, rest = first.partition(" Error: ")
    return rest if colon and " " not in kind.replace("Invalid Input", "").strip() else first
