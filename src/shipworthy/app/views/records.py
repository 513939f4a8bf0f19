"""Records of an endpoint: every request whatever its outcome, with filters, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from shipworthy.app.views.reading import Workspace
from shipworthy.app.views.windows import newest_window
from shipworthy.core.errors import InvalidRequest
from shipworthy.stores.archive import read_feedback, read_records
from shipworthy.stores.labels import join_labels
from shipworthy.stores.records import Feedback, Record, decode_entry
from shipworthy.stores.segments import read_segment
from shipworthy.stores.tables import feedback_table, records_table

__all__ = ["OUTCOMES", "RecordFilter", "RecordRow", "RecordsView", "newest_records", "records_folder", "view_records"]

OUTCOMES = ("ok", "fallback", "invalid", "error", "rejected", "timeout")
EARLY = timedelta(days=1)  # clocks differ: an outcome may seem to have been observed before it was predicted

# Everything but the bodies: the list never reads them.
_LIGHT = (
    "request_id",
    "at",
    "received",
    "endpoint",
    "variant",
    "package",
    "plan",
    "status",
    "outcome",
    "rows",
    "probability",
    "decision",
    "error_type",
    "error_message",
    "total_us",
    "fallback_reason",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Which records to show; an empty field leaves nothing out.

    Attributes:
        outcome: One of ``OUTCOMES``.
        variant: The variant that answered.
        start: Business time from here on.
        end: Business time before here.
        text: A part of the request id or of the exception, whatever the case.
        page: Counts up from 1, the newest first.
        size: Records a page, 1..10,000.

    Raises:
        InvalidRequest: If the range ends before it begins.
    """

    outcome: str = ""
    variant: str = ""
    start: datetime | None = None
    end: datetime | None = None
    text: str = ""
    page: int = 1
    size: int = 50

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.end < self.start:
            raise InvalidRequest(
                f"the range ends at {self.end.isoformat()}, before it begins at {self.start.isoformat()}",
                remedy="exchange the two times",
                parameter="to",
            )

    @property
    def is_set(self) -> bool:
        """Whether anything is left out."""
        return any((self.outcome, self.variant, self.start, self.end, self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    """One request in a list; probability, decision and label are those of its first row.

    Attributes:
        at: Business time.
        total_us: From the last byte of the request to the first of the reply, in microseconds.
        why_fallback: Why the baseline answered; empty if it did not.
        label: What happened, 1 or 0; None while nobody said.
    """

    request_id: str
    at: datetime
    outcome: str
    status: int
    variant: str
    plan: int
    rows: int
    probability: float | None
    decision: bool | None
    label: float | None
    total_us: int
    error_type: str
    error_message: str
    why_fallback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsView:
    """A page of records.

    Attributes:
        total: How many fit the filter.
        variants: Every variant that occurs in the range, for the filter.
    """

    records: tuple[RecordRow, ...]
    total: int
    variants: tuple[str, ...]


def records_folder(workspace: Workspace, endpoint: str) -> Path:
    """Where an endpoint's records lie."""
    return workspace.folder / "records" / endpoint


def view_records(workspace: Workspace, endpoint: str, wanted: RecordFilter) -> RecordsView:
    """A page of the records that fit, newest first.

    Raises:
        InvalidData: If a file of records is damaged.
        BackendFailed: If the disk cannot be read.
    """
    outcomes = (wanted.outcome,) if wanted.outcome else None
    folder = records_folder(workspace, endpoint)
    table = read_records(folder, since=wanted.start, until=wanted.end, outcomes=outcomes, columns=_LIGHT)
    variants = tuple(sorted(name for name in pc.unique(table["variant"]).to_pylist() if name))
    table = _narrowed(table, wanted)
    last = len(table) - (wanted.page - 1) * wanted.size
    page = table.slice(max(last - wanted.size, 0), max(min(wanted.size, last), 0))
    feedback = read_feedback(folder, since=page["at"][0].as_py() - EARLY) if len(page) else feedback_table([])
    return RecordsView(records=rows_of(page, feedback), total=len(table), variants=variants)


def newest_records(workspace: Workspace, endpoint: str, how_many: int = 15) -> tuple[RecordRow, ...]:
    """The newest records, newest first, without reading all of them.

    What is not archived yet is the newest: the ends of its segments are read, whole days only where that is too few.

    Raises:
        InvalidData: If a file of records is damaged.
        BackendFailed: If the disk cannot be read.
    """
    records, feedback = _ends(records_folder(workspace, endpoint) / "segments", how_many)
    if len(records) >= how_many:
        newest = sorted(records, key=lambda one: (one.at_ns, one.received_ns))[-how_many:]
        return rows_of(records_table(newest), feedback_table(feedback))
    since = newest_window(workspace, endpoint).instant("start")
    view = view_records(workspace, endpoint, RecordFilter(start=since, size=how_many))
    if since is not None and view.total < how_many:
        return view_records(workspace, endpoint, RecordFilter(size=how_many)).records
    return view.records


def rows_of(table: pa.Table, feedback: pa.Table) -> tuple[RecordRow, ...]:
    """The table's requests, last one first, with the label of each first row as far as ``feedback`` tells it."""
    labels = _labels(table, feedback)
    return tuple(_row(one, labels) for one in reversed(table.to_pylist()))


def _ends(segments: Path, how_many: int) -> tuple[list[Record], list[Feedback]]:
    """The last records of each segment, and the feedback that came after them."""
    records: list[Record] = []
    feedback: list[Feedback] = []
    for path in segments.glob("[!.]*") if segments.is_dir() else ():
        try:
            payloads = read_segment(path).payloads
        except FileNotFoundError:
            continue  # sealed or archived since we looked
        found = 0
        for payload in reversed(payloads):
            entry = decode_entry(payload)
            if isinstance(entry, Feedback):
                feedback.append(entry)
                continue
            records.append(entry)
            found += 1
            if found == how_many:
                break
    return records, feedback


def _narrowed(table: pa.Table, wanted: RecordFilter) -> pa.Table:
    if wanted.variant:
        table = table.filter(pc.equal(table["variant"], wanted.variant))
    if wanted.text:
        hits = [
            pc.match_substring(pc.fill_null(table[name], ""), wanted.text, ignore_case=True)
            for name in ("request_id", "error_type", "error_message", "fallback_reason")
        ]
        anywhere = hits[0]
        for one in hits[1:]:
            anywhere = pc.or_(anywhere, one)
        table = table.filter(anywhere)
    return table


def _labels(table: pa.Table, feedback: pa.Table) -> Mapping[str, float]:
    about = feedback.filter(pc.is_in(feedback["request_id"], table["request_id"].combine_chunks()))
    if len(about) == 0:
        return {}
    joined = join_labels(table, about).table.select(["request_id", "row", "label"]).to_pylist()
    return {one["request_id"]: one["label"] for one in joined if one["row"] == 0 and one["label"] is not None}


def _row(one: Mapping[str, object], labels: Mapping[str, float]) -> RecordRow:
    at, request_id = one["at"], str(one["request_id"])
    assert isinstance(at, datetime)
    decision = _first(one["decision"])
    probability = _first(one["probability"])
    return RecordRow(
        request_id=request_id,
        at=at,
        outcome=str(one["outcome"]),
        status=_whole(one["status"]),
        variant=str(one["variant"] or ""),
        plan=_whole(one["plan"]),
        rows=_whole(one["rows"]),
        probability=float(probability) if isinstance(probability, int | float) else None,
        decision=bool(decision) if decision is not None else None,
        label=labels.get(request_id),
        total_us=_whole(one["total_us"]),
        error_type=str(one["error_type"] or ""),
        error_message=str(one["error_message"] or ""),
        why_fallback=str(one["fallback_reason"] or ""),
    )


def _first(values: object) -> object:
    return values[0] if isinstance(values, Sequence) and not isinstance(values, str) and values else None


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
