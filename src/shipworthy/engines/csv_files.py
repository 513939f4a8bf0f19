"""Strict csv: every row has as many fields as the header, and a column's type is one that all its values have.

DuckDB's sniffer is lenient where we must not be: it skips rows to make a file fit, and it looks at a sample.
So the header is read here, every field is loaded as text under DuckDB's strict parser, and types are chosen by
asking all values, not a sample.
"""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from shipworthy.core.errors import InvalidData
from shipworthy.engines.names import literal, quoted

__all__ = ["load_csv"]

_STRICT = (
    "auto_detect = false, header = true, quote = '\"', escape = '\"', nullstr = '', hive_partitioning = false, "
    "strict_mode = true, null_padding = false, ignore_errors = false"
)
_DELIMITERS = (",", ";", "\t", "|")
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_COUNT = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
# Tried in this order; the first that every value passes is the column's type. A leading zero ("07102") marks a code.
_TYPES = (
    ("BIGINT", r"regexp_full_match({c}, '[+-]?(0|[1-9][0-9]*)') AND TRY_CAST({c} AS BIGINT) IS NOT NULL"),
    ("DOUBLE", r"NOT regexp_matches({c}, '^[+-]?0[0-9]') AND TRY_CAST({c} AS DOUBLE) IS NOT NULL"),
    ("BOOLEAN", r"lower({c}) IN ('true', 'false')"),
    ("DATE", r"regexp_full_match({c}, '\d{{4}}-\d\d-\d\d') AND TRY_CAST({c} AS DATE) IS NOT NULL"),
    (
        "TIMESTAMP",
        r"regexp_full_match({c}, '\d{{4}}-\d\d-\d\d[ T][0-9:.]+') AND TRY_CAST({c} AS TIMESTAMP) IS NOT NULL",
    ),
    (
        "TIMESTAMPTZ",
        r"regexp_matches({c}, '^\d{{4}}-\d\d-\d\d[ T]') AND TRY_CAST({c} AS TIMESTAMPTZ) IS NOT NULL",
    ),
)


def load_csv(loader: duckdb.DuckDBPyConnection, files: Sequence[Path], *, folder: Path) -> None:
    """Make the view ``loaded`` on ``loader`` from csv files with one header.

    Args:
        loader: A connection that may read files.
        files: One file or more.
        folder: The source's location; ``key=value`` folders below it become columns.

    Raises:
        InvalidData: If a header is missing, repeats a name or differs between files, or a row is broken; names
            file and line.
    """
    names, delimiter = _header(files[0])
    keys = [part.partition("=")[0] for part in _partitions(files[0], folder)]
    everything = [*names, *keys]
    columns = ", ".join(f"{quoted(name)} VARCHAR" for name in everything)
    loader.execute(f"CREATE TABLE texts ({columns})")
    for file in files:
        if _header(file) != (names, delimiter):
            raise InvalidData(
                f"{file}: the header differs from that of {files[0]}",
                remedy="give every file of one source the same columns in the same order",
                file=str(file),
            )
        _load(loader, file, names, delimiter, _partitions(file, folder))
    chosen = _choose_types(loader, everything)
    typed = ", ".join(f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in chosen.items())
    loader.execute(f"CREATE VIEW loaded AS SELECT {typed} FROM texts")  # noqa: S608  (names are quoted)


def _header(file: Path) -> tuple[list[str], str]:
    try:
        with file.open("rb") as content:
            first = content.readline().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _broken(file, 1, f"no UTF-8 text ({error.reason})") from error
    delimiter = max(_DELIMITERS, key=first.count)
    names = next(csv.reader([first], delimiter=delimiter), [])
    if not names or not all(name.strip() for name in names):
        raise _broken(file, 1, "a column without a name")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise _broken(file, 1, f"column {repeated[0]!r} stands there twice")
    return names, delimiter


def _partitions(file: Path, folder: Path) -> tuple[str, ...]:
    """The ``key=value`` folders between the source's folder and the file."""
    return tuple(part for part in file.relative_to(folder).parts[:-1] if "=" in part) if folder.is_dir() else ()


def _load(
    loader: duckdb.DuckDBPyConnection, file: Path, names: Sequence[str], delimiter: str, partitions: Sequence[str]
) -> None:
    struct = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    fixed = "".join(f", {literal(part.partition('=')[2])}" for part in partitions)
    told = f"{literal(str(file))}, columns = {{{struct}}}, delim = {literal(delimiter)}, {_STRICT}"
    reading = f"INSERT INTO texts SELECT *{fixed} FROM read_csv({told})"  # noqa: S608  (names and paths are literals)
    try:
        loader.execute(reading)
    except (duckdb.ProgrammingError, duckdb.DataError) as error:
        message = str(error)
        line = _LINE.search(message)
        count = _COUNT.search(message)
        what = f"{count[2]} fields where the header has {count[1]}" if count else _complaint(message)
        raise _broken(file, int(line[1]) if line else 1, what) from error


def _complaint(message: str) -> str:
    """What DuckDB complains about: the line under ``Original Line``, or the first."""
    lines = message.splitlines()
    after = next((index for index, line in enumerate(lines) if line.startswith("Original Line")), -1)
    return next((line for line in lines[after + 1 :] if line.strip()), lines[0]).strip().rstrip(".")


def _choose_types(loader: duckdb.DuckDBPyConnection, names: Sequence[str]) -> dict[str, str]:
    tests = [
        f"coalesce(bool_and({test.format(c=quoted(name))}) FILTER ({quoted(name)} IS NOT NULL), false)"
        for name in names
        for _, test in _TYPES
    ]
    answers = loader.sql(f"SELECT {', '.join(tests)} FROM texts").fetchall()[0]  # noqa: S608  (names are quoted)
    chosen = {}
    for index, name in enumerate(names):
        passed = answers[index * len(_TYPES) : (index + 1) * len(_TYPES)]
        chosen[name] = next((kind for (kind, _), good in zip(_TYPES, passed, strict=True) if good), "VARCHAR")
    return chosen


def _broken(file: Path, line: int, what: str) -> InvalidData:
    return InvalidData(
        f"{file}, line {line}: {what}",
        remedy="mend or remove that row; csv is UTF-8 with one header row and as many fields in every row",
        file=str(file),
        line=line,
    )
