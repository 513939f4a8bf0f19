"""SQL databases as sources: one table behind a URL, read through SQLAlchemy in Arrow batches."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from shipworthy.core.errors import BackendFailed, InvalidData

__all__ = ["is_database", "open_database", "split_location"]

_BATCH_ROWS = 50_000


def is_database(location: str) -> bool:
    """Whether a location is a database URL rather than a path."""
    return "://" in location


def split_location(location: str, base: Path) -> tuple[sa.URL, str | None, str]:
    """URL, schema and table of ``URL#table`` or ``URL#schema.table``; a relative SQLite path starts from ``base``.

    Raises:
        InvalidData: If the location has another form.
    """
    text, _, fragment = location.rpartition("#")
    if not text or not fragment:
        raise InvalidData(
            "a database source names no table",
            remedy="add #table to the URL, such as sqlite:///shop.db#orders",
        )
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError as error:
        raise InvalidData("a database source has no URL that can be read", remedy=_URL_REMEDY) from error
    if url.get_backend_name() == "sqlite" and url.database:
        file = base / url.database
        if not file.is_file():
            raise InvalidData(f"there is no database {file}", remedy=_URL_REMEDY, file=str(file))
        url = url.set(database=str(file))
    schema, _, table = fragment.rpartition(".")
    return url, schema or None, table


_URL_REMEDY = "give a URL such as sqlite:///shop.db#orders or postgresql+psycopg://user@host/base#orders"


@contextmanager
def open_database(location: str, base: Path) -> Iterator[Iterator[pa.Table]]:
    """The rows of a database's table, in batches of 50,000; a first batch comes even when there are no rows.

    Raises:
        InvalidData: If the URL, its driver or the table is missing, or a value has not its column's type.
        BackendFailed: If the database cannot be reached.
    """
    url, schema, name = split_location(location, base)
    shown = url.render_as_string(hide_password=True)
    try:
        database = sa.create_engine(url)
        try:
            table = sa.Table(name, sa.MetaData(), schema=schema, autoload_with=database)
            with database.connect().execution_options(stream_results=True, yield_per=_BATCH_ROWS) as connection:
                yield _batches(connection.execute(sa.select(table)), table)
        finally:
            database.dispose()
    except (sa.exc.NoSuchTableError, sa.exc.NoSuchModuleError) as error:
        raise InvalidData(f"{shown} has no table {name!r}", remedy="mend the name after # in the location") from error
    except ModuleNotFoundError as error:
        raise InvalidData(
            f"the driver for {url.drivername} is not installed",
            remedy="install it; for PostgreSQL: pip install 'shipworthy[postgres]'",
        ) from error
    except sa.exc.DBAPIError as error:
        raise BackendFailed(
            f"{shown} does not answer: {error.orig}", remedy="check that it runs, and the URL's user and host"
        ) from error
    except (sa.exc.SQLAlchemyError, ValueError) as error:
        raise InvalidData(f"{shown}, table {name!r}: {error}", remedy="mend the value, or the column's type") from error


def _batches(result: sa.CursorResult[Any], table: sa.Table) -> Iterator[pa.Table]:
    kinds = [_arrow_type(column) for column in table.columns]
    schema = pa.schema([(column.name, kind) for column, kind in zip(table.columns, kinds, strict=True)])
    yield schema.empty_table()
    for rows in result.partitions(_BATCH_ROWS):
        columns = zip(*rows, strict=True)
        arrays = [
            _array(values, kind, column.name)
            for column, kind, values in zip(table.columns, kinds, columns, strict=True)
        ]
        yield pa.Table.from_arrays(arrays, schema=schema)


def _arrow_type(column: sa.Column[Any]) -> pa.DataType:
    kind = column.type
    if isinstance(kind, sa.DateTime):
        return pa.timestamp("us", tz="UTC") if kind.timezone else pa.timestamp("us")
    families: tuple[tuple[type[sa.types.TypeEngine[Any]], pa.DataType], ...] = (
        (sa.Boolean, pa.bool_()),
        (sa.Integer, pa.int64()),
        (sa.Numeric, pa.float64()),
        (sa.Date, pa.date32()),
        (sa.LargeBinary, pa.binary()),
    )
    return next((arrow for family, arrow in families if isinstance(kind, family)), pa.string())


def _array(values: Sequence[object], kind: pa.DataType, name: str) -> pa.Array:
    try:
        return pa.array([_plain(value, kind) for value in values], type=kind)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise InvalidData(
            f"column {name!r} holds a value that is no {kind}: {error}",
            remedy="mend the value, or declare the column with the type it has",
            field=name,
        ) from error


def _plain(value: object, kind: pa.DataType) -> object:
    """A driver's value as Arrow takes it: decimals as floats, aware instants in UTC, odd types as their text."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value
    if kind == pa.string() and value is not None and not isinstance(value, str | date):
        return str(value)
    return value
