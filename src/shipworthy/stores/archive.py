"""The archive: sealed segments become Parquet exactly once, and everything recorded reads as one table.

Below an endpoint's folder: ``segments/`` (what workers write), ``parquet/date=YYYY-MM-DD/`` (records by business
day) and ``feedback/date=YYYY-MM-DD/`` (feedback by the day of observation). A segment's Parquet files carry its
name, so writing them again after a crash replaces them; the segment is deleted last. As long as it is there, a
reader takes the segment and leaves out the Parquet files of its name.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shipworthy.core.errors import BackendFailed, InvalidData
from shipworthy.stores.records import Feedback, Record, decode_entry
from shipworthy.stores.segments import LIVE, SEALED, read_segment, seal_orphans, sync_file, sync_folder
from shipworthy.stores.tables import FEEDBACK, RECORDS, feedback_table, records_table

__all__ = ["Archived", "archive_segments", "read_feedback", "read_records"]

_SEGMENTS: Final = "segments"
_RECORDS: Final = "parquet"
_FEEDBACK: Final = "feedback"
_UNREADABLE: Final = ".unreadable"
_DAMAGED: Final = ".damaged"
_DATE: Final = "date="
_INSTANT: Final = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What one round of archiving did.

    Attributes:
        segments: Segments that became Parquet.
        records: Records in them.
        feedback: Statements of feedback in them.
        torn: Segments that ended in an unfinished write, which nobody was told of as done.
        damaged_bytes: Bytes that held no readable entry though they were written whole.
        unreadable: Names of segments that were left where they are, with the reason.
    """

    segments: int = 0
    records: int = 0
    feedback: int = 0
    torn: int = 0
    damaged_bytes: int = 0
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Which rows to read: those whose ``column`` is in [since, until)."""

    column: str
    since: datetime | None
    until: datetime | None

    def may_hold(self, day: date) -> bool:
        """Whether a file of that day could have such rows."""
        late = self.until is not None and day > self.until.astimezone(UTC).date()
        return not late and (self.since is None or day >= self.since.astimezone(UTC).date())

    def rows(self, table: pa.Table) -> pa.Table:
        """Those of the table's rows."""
        if self.since is not None:
            table = table.filter(pc.greater_equal(table[self.column], pa.scalar(self.since, _INSTANT)))
        if self.until is not None:
            table = table.filter(pc.less(table[self.column], pa.scalar(self.until, _INSTANT)))
        return table


def archive_segments(folder: Path) -> Archived:
    """Turn the finished segments of an endpoint into Parquet; those that a living worker writes stay.

    May be interrupted at any point and run again: nothing is lost and nothing is there twice. While another
    process archives the same folder this one does nothing.

    Args:
        folder: The endpoint's folder of records.

    Raises:
        BackendFailed: If the disk refuses; all that was recorded is still there.
    """
    done = Archived()
    segments = folder / _SEGMENTS
    if not segments.is_dir():
        return done
    with _disk(folder), _alone(folder) as alone:
        if not alone:
            return done
        seal_orphans(segments)
        for path in sorted(segments.glob(f"*{SEALED}")):
            done = _add(done, _archive_one(folder, path))
    return done


def read_records(
    folder: Path,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    outcomes: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """All requests that an endpoint recorded, those of a moment ago included, by business time.

    Args:
        folder: The endpoint's folder of records; one that is not there yet holds nothing.
        since: Only at or after this instant.
        until: Only before this instant.
        outcomes: Only these outcomes, such as ``("ok", "fallback")``.
        columns: Only these columns; leaving ``input`` out saves most of the reading.

    Returns:
        Columns of ``tables.RECORDS``, one row a request.

    Raises:
        InvalidData: If a file is damaged at its head or of another format.
        BackendFailed: If the disk cannot be read.
    """
    names = RECORDS.names if columns is None else list(columns)
    needed = pa.schema([field for field in RECORDS if field.name in {*names, "at", "outcome"}])
    table = _read(folder, _RECORDS, needed, _Span(column="at", since=since, until=until))
    if outcomes is not None:
        table = table.filter(pc.is_in(table["outcome"], pa.array(outcomes, pa.string())))
    return table.select(names)


def read_feedback(folder: Path, *, since: datetime | None = None, until: datetime | None = None) -> pa.Table:
    """All feedback that an endpoint received, duplicates and corrections included, by time of observation.

    Args:
        folder: The endpoint's folder of records.
        since: Only what was observed at or after this instant.
        until: Only what was observed before this instant.

    Returns:
        Columns of ``tables.FEEDBACK``, one row a statement.

    Raises:
        InvalidData: If a file is damaged at its head or of another format.
        BackendFailed: If the disk cannot be read.
    """
    return _read(folder, _FEEDBACK, FEEDBACK, _Span(column="observed", since=since, until=until))


def _archive_one(folder: Path, path: Path) -> Archived:
    try:
        segment = read_segment(path)
        records, feedback = _decoded(segment.payloads)
    except InvalidData as error:
        path.rename(path.with_suffix(_UNREADABLE))
        return Archived(unreadable=(f"{path.with_suffix(_UNREADABLE)}: {error.problem}",))
    _write_days(folder / _RECORDS, path.stem, records_table(records), "at")
    _write_days(folder / _FEEDBACK, path.stem, feedback_table(feedback), "observed")
    if segment.damage:
        path.rename(path.with_suffix(_DAMAGED))  # kept for whoever wants to look into it
    else:
        path.unlink()
    return Archived(
        segments=1,
        records=len(records),
        feedback=len(feedback),
        torn=int(segment.torn_bytes > 0),
        damaged_bytes=sum(one.length for one in segment.damage),
    )


def _add(left: Archived, right: Archived) -> Archived:
    return Archived(**{name: getattr(left, name) + getattr(right, name) for name in Archived.__slots__})


def _decoded(payloads: Sequence[bytes]) -> tuple[list[Record], list[Feedback]]:
    entries = [decode_entry(payload) for payload in payloads]
    records = [entry for entry in entries if isinstance(entry, Record)]
    return records, [entry for entry in entries if isinstance(entry, Feedback)]


def _write_days(home: Path, stem: str, table: pa.Table, column: str) -> None:
    """Write one file a day; each appears whole, and all are on the disk when this returns."""
    days = pc.cast(table[column], pa.date32())
    for day in sorted(pc.unique(days).to_pylist()):
        folder = home / f"{_DATE}{day.isoformat()}"
        folder.mkdir(parents=True, exist_ok=True)
        final = folder / f"{stem}.parquet"
        draft = final.with_suffix(".draft")
        try:
            pq.write_table(table.filter(pc.equal(days, day)).sort_by(column), draft, compression="zstd")
            sync_file(draft)
            draft.replace(final)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        sync_folder(folder)


def _read(folder: Path, kind: str, schema: pa.Schema, span: _Span) -> pa.Table:
    """Read segments first, then the Parquet files of all others: whatever moves meanwhile is seen exactly once."""
    records: list[Record] = []
    feedback: list[Feedback] = []
    taken = set()
    with _disk(folder):
        for stem in _stems(folder / _SEGMENTS):
            payloads = _payloads(folder / _SEGMENTS / stem)
            if payloads is None:
                continue  # archived since we looked
            taken.add(stem)
            more_records, more_feedback = _decoded(payloads)
            records += more_records
            feedback += more_feedback
        fresh = records_table(records, schema) if kind == _RECORDS else feedback_table(feedback, schema)
        tables = [span.rows(fresh)]
        archived = [path for path in _files(folder / kind, span) if path.stem not in taken]
        tables += [span.rows(_conform(_read_parquet(path, schema.names), schema)) for path in archived]
    return _in_order(pa.concat_tables(tables), span.column)


def _stems(segments: Path) -> list[str]:
    names = [path for path in segments.glob("[!.]*") if path.suffix in {LIVE, SEALED}] if segments.is_dir() else []
    return sorted({path.stem for path in names})


def _payloads(base: Path) -> tuple[bytes, ...] | None:
    for suffix in (LIVE, SEALED):  # in the order in which a segment changes its name
        with suppress(FileNotFoundError):
            return read_segment(base.with_name(base.name + suffix)).payloads
    return None


def _files(home: Path, span: _Span) -> Iterator[Path]:
    for folder in sorted(home.glob(f"{_DATE}*")):
        if span.may_hold(date.fromisoformat(folder.name.removeprefix(_DATE))):
            yield from sorted(folder.glob("*.parquet"))


def _read_parquet(path: Path, names: Sequence[str]) -> pa.Table:
    with pq.ParquetFile(path) as file:
        return file.read(columns=[name for name in names if name in file.schema_arrow.names])


def _conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table of an older release gets the columns that came since, empty."""
    arrays = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def _in_order(table: pa.Table, column: str) -> pa.Table:
    """The table by time; one that is in order already is not copied."""
    order = pc.sort_indices(table, sort_keys=[(column, "ascending")]).to_numpy()
    return table if np.array_equal(order, np.arange(len(order))) else table.take(order)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether this process is the only one that archives the folder, until the block ends."""
    descriptor = os.open(folder / ".archiving", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """Translate what Arrow and the disk say."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise BackendFailed(
            f"the records in {folder} cannot be read or written: {error}",
            remedy="free space on this disk, or mend it; what was recorded stays in its segments",
            path=str(folder),
        ) from error
