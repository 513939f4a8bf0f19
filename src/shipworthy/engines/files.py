"""Files as sources: parquet or csv, one file or a folder of partitions, read whole and strictly."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from shipworthy.core.errors import InvalidData
from shipworthy.engines.csv_files import load_csv
from shipworthy.engines.names import literal

__all__ = ["find_files", "open_files"]

_BATCH_ROWS = 100_000
_SUFFIXES = (".parquet", ".csv")


@contextmanager
def open_files(location: str, base: Path) -> Iterator[Iterator[pa.RecordBatchReader]]:
    """The rows of a file or folder, as one Arrow stream.

    Raises:
        InvalidData: If nothing is there, the kind is unknown, or a file is empty or broken.
        duckdb.Error: Of any kind, for the caller to translate.
    """
    files = find_files(location, base)
    with duckdb.connect(":memory:") as loader:
        loader.execute("SET TimeZone = 'UTC'")
        if files[0].suffix.lower() == ".csv":
            load_csv(loader, files, folder=_root(location, base))
        else:
            _load_parquet(loader, files)
        yield iter([loader.sql("SELECT * FROM loaded").to_arrow_reader(_BATCH_ROWS)])


def find_files(location: str, base: Path) -> tuple[Path, ...]:
    """The data files at ``location``, sorted by path: the file itself, or those of one kind below the folder.

    Raises:
        InvalidData: If nothing is there, the kind is unknown or mixed, or a file holds no bytes.
    """
    root = _root(location, base)
    if not root.exists():
        raise InvalidData(
            f"there is no file or folder {root}",
            remedy="mend the location under data.sources; relative paths start from the project's folder",
            file=str(root),
        )
    files = tuple(sorted(_visible(root))) if root.is_dir() else (root,)
    kinds = {file.suffix.lower() for file in files}
    if len(kinds) != 1 or kinds.isdisjoint(_SUFFIXES):
        raise InvalidData(
            f"{root} holds {', '.join(sorted(kinds)) or 'no'} files; a source is all parquet or all csv",
            remedy="give a .parquet or .csv file, or a folder that holds only one of the two",
            file=str(root),
        )
    for file in files:
        if file.stat().st_size == 0:
            raise InvalidData(f"{file} is empty", remedy="write the data again: not even column names are there")
    return files


def _root(location: str, base: Path) -> Path:
    return base / location


def _visible(folder: Path) -> Iterator[Path]:
    """Data files below a folder; names that start with ``.`` or ``_`` are other programs' notes."""
    for path in folder.rglob("*"):
        inner = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith((".", "_")) for part in inner):
            yield path


def _load_parquet(loader: duckdb.DuckDBPyConnection, files: tuple[Path, ...]) -> None:
    listed = ", ".join(literal(str(file)) for file in files)
    source = f"read_parquet([{listed}], hive_partitioning = {str(len(files) > 1).lower()}, union_by_name = true)"
    loader.execute(f"CREATE VIEW loaded AS SELECT * FROM {source}")  # noqa: S608  (paths are literals)
