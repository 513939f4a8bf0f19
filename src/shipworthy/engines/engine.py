"""The seam to where data-frame work runs: sources by name, questions as SQL trees, answers as Arrow."""

from pathlib import Path
from typing import Protocol

import pyarrow as pa
from sqlglot import exp

from shipworthy.core.progress import Progress, silent

__all__ = ["Engine"]


class Engine(Protocol):
    """Answers SQL questions about attached sources, and about nothing else.

    Every implementation keeps these promises:

    - a query sees the attached tables only: no file, no network address, no other database, no setting;
    - a query is one read-only statement in DuckDB's dialect, given as a tree; the session time zone is UTC;
    - names are quoted wherever they come from, so that no name can be taken for SQL;
    - an attached table keeps the order of its rows, and does not change when the source does;
    - every error is one of ours; none of the library below escapes.

    Not safe to share between threads.
    """

    def attach(self, name: str, location: str, *, base: Path) -> None:
        """Make the rows at ``location`` the table ``name``, replacing an earlier one of that name.

        Args:
            name: Name of the table in SQL.
            location: A parquet or csv file, a folder of them (``key=value`` subfolders become columns), or a
                database URL with ``#table``, such as ``sqlite:///shop.db#orders``.
            base: Folder that relative paths start from.

        Raises:
            InvalidData: If there is nothing at ``location``, or it cannot be read; names the file and, for a
                broken csv row, its line.
        """
        ...

    def attach_table(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table the table ``name``, replacing an earlier one of that name."""
        ...

    def columns(self, name: str) -> dict[str, str]:
        """Column names of an attached table in order, each with its DuckDB SQL type, such as ``"BIGINT"``.

        Raises:
            InvalidData: If no table of that name is attached.
        """
        ...

    def query(self, tree: exp.Expr, *, progress: Progress = silent) -> pa.Table:
        """The rows that ``tree`` asks for.

        Raises:
            InvalidFeatures: If the tree is no single SELECT, or does not fit the attached tables.
            InvalidData: If a value cannot be computed, such as a text cast to a number.
            BackendFailed: If memory or disk give out.
        """
        ...

    def close(self) -> None:
        """Let go of all tables and memory; closing twice is no error."""
        ...
