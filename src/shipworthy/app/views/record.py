"""One record opened to its full story: what came in, what went out, what happened, and what made the answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from shipworthy.app.views import words
from shipworthy.app.views.health import Health
from shipworthy.app.views.reading import Part, Workspace, read_if_there
from shipworthy.app.views.records import EARLY, RecordRow, records_folder, rows_of
from shipworthy.core.digests import Json
from shipworthy.core.errors import NotFound
from shipworthy.stores.archive import read_feedback, read_records

__all__ = ["Answer", "RecordView", "Told", "read_fields", "view_record"]

MOST_ROWS = 5
MOST_ANSWERS = 100
MOST_CHARACTERS = 20_000
LARGEST = 1 << 53  # a larger whole number from a caller may be too large for a float; it is shown as it came
_HEALTHS = {"ok": Health.WELL, "fallback": Health.LOOK, "invalid": Health.LOOK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was said and decided about one row, and what happened (1 or 0; None while nobody said)."""

    row: int
    probability: float
    decision: bool | None
    label: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One statement of what happened to a row.

    Attributes:
        stands: Whether this is the statement that counts: the one observed last.
    """

    row: int
    outcome: float
    observed_at: datetime
    received_at: datetime
    source: str
    stands: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """One request in full.

    Attributes:
        fields: Name and values of each input field, of the first rows; empty when the body is of no known dialect.
        shown_rows: How many rows ``fields`` shows.
        input: The body as text where ``fields`` is empty, at most 20,000 characters.
        answers: What was said about each row, at most 100.
        labels: Every statement about what happened, oldest first.
        package: Digest of the package that answered; empty if none did.
        run: The run that made the package; empty when it is not known here.
        threshold: The probability from which the package acts; None when it is not known here.
    """

    row: RecordRow
    health: Health
    sentence: str
    fields: tuple[tuple[str, tuple[str, ...]], ...]
    shown_rows: int
    input: str
    truncated: bool
    answers: tuple[Answer, ...]
    why_fallback: str
    labels: tuple[Told, ...]
    package: str
    run: str
    route: str
    protocol: str
    queue_us: int
    run_us: int
    received_at: datetime | None
    stack_digest: str
    threshold: float | None


def view_record(workspace: Workspace, endpoint: str, request_id: str, threshold: float | None = None) -> RecordView:
    """One record of an endpoint; the newest where a caller used one id twice.

    Raises:
        NotFound: If no request has this id.
    """
    folder = records_folder(workspace, endpoint)
    table = _find(folder, endpoint, request_id)
    record = table.to_pylist()[0]
    feedback = read_feedback(folder, since=record["at"] - EARLY)
    row = rows_of(table, feedback)[0]
    labels = _told(feedback, request_id)
    fields = read_fields(record["input"] or b"")
    return RecordView(
        row=row,
        health=_HEALTHS.get(row.outcome, Health.BROKEN),
        sentence=_sentence(row, endpoint),
        fields=tuple((name, tuple(_plain(one) for one in values[:MOST_ROWS])) for name, values in fields.items()),
        shown_rows=min(max((len(values) for values in fields.values()), default=0), MOST_ROWS),
        input="" if fields else _as_text(record["input"] or b""),
        truncated=bool(record["truncated"]),
        answers=_answers(record, labels),
        why_fallback=row.why_fallback,
        labels=labels,
        package=str(record["package"] or ""),
        run=_run(workspace, str(record["package"] or "")),
        route=str(record["route"] or ""),
        protocol=str(record["protocol"] or ""),
        queue_us=int(record["queue_us"] or 0),
        run_us=int(record["run_us"] or 0),
        received_at=record["received"],
        stack_digest=str(record["stack_digest"] or ""),
        threshold=threshold,
    )


def _run(workspace: Workspace, package: str) -> str:
    found = read_if_there(workspace, "package", package)
    return Part(found.body).text("run") if found else ""


def _find(folder: Path, endpoint: str, request_id: str) -> pa.Table:
    places = read_records(folder, columns=["request_id", "at"])
    found = places.filter(pc.equal(places["request_id"], request_id))
    if len(found) == 0:
        raise NotFound(
            f"endpoint {endpoint!r} has no record of request {request_id!r}",
            remedy="look through its records, or search for a part of the id",
            endpoint=endpoint,
            request_id=request_id,
        )
    at = found["at"][-1].as_py()
    table = read_records(folder, since=at, until=at + timedelta(microseconds=1))
    return table.filter(pc.equal(table["request_id"], request_id)).slice(0, 1)


def _sentence(row: RecordRow, endpoint: str) -> str:
    asked = f"{endpoint} was asked about {words.plural(row.rows, 'row')}"
    ends: Mapping[str, str] = {
        "ok": "and answered",
        "fallback": "and the baseline answered in the model's place",
        "invalid": "and refused, because the request broke its contract",
        "error": "and failed",
        "rejected": "and refused, because it had more work than it could do in time",
        "timeout": "and did not answer in time",
    }
    took = words.milliseconds(row.total_us / 1000)
    return f"{asked} {ends.get(row.outcome, row.outcome)}, in {took}."


def _answers(record: Mapping[str, object], labels: Sequence[Told]) -> tuple[Answer, ...]:
    said, decided = record["probability"], record["decision"]
    if not isinstance(said, list):
        return ()
    decisions = decided if isinstance(decided, list) and len(decided) == len(said) else [None] * len(said)
    known = {one.row: one.outcome for one in labels if one.stands}
    return tuple(
        Answer(row=row, probability=probability, decision=decision, label=known.get(row))
        for row, (probability, decision) in enumerate(zip(said, decisions, strict=True))
    )[:MOST_ANSWERS]


def _told(feedback: pa.Table, request_id: str) -> tuple[Told, ...]:
    about = feedback.filter(pc.equal(feedback["request_id"], request_id)).to_pylist()
    about.sort(key=lambda one: (one["observed"], one["received"]))
    last = {one["row"]: place for place, one in enumerate(about)}
    return tuple(
        Told(
            row=one["row"],
            outcome=one["outcome"],
            observed_at=one["observed"],
            received_at=one["received"],
            source=one["source"] or "",
            stands=last[one["row"]] == place,
        )
        for place, one in enumerate(about)
    )


def read_fields(body: bytes) -> dict[str, Sequence[Json]]:
    """The input as columns, from the JSON dialects that endpoints speak; empty for anything else.

    >>> read_fields(b'{"inputs": [{"name": "hour", "shape": [1], "datatype": "FP64", "data": [7]}]}')
    {'hour': [7]}
    >>> read_fields(b'{"dataframe_records": [{"hour": 7}, {"hour": 8}]}')
    {'hour': [7, 8]}
    >>> read_fields(b"no json")
    {}
    """
    try:
        read = Part(json.loads(body))
    except (ValueError, RecursionError):
        return {}
    split = read.part("dataframe_split")
    if split:
        rows = [row for row in _list(split.get("data")) if isinstance(row, list)]
        return {name: [row[i] for row in rows if i < len(row)] for i, name in enumerate(split.texts("columns"))}
    records = _list(read.get("dataframe_records")) or _list(read.get("instances"))
    if records:
        named = [row for row in records if isinstance(row, dict)]
        return {str(name): [row.get(name) for row in named] for name in (named[0] if named else {})}
    tensors = {one.text("name"): _list(one.get("data")) for one in read.parts("inputs") if one.get("name")}
    if tensors:
        return tensors
    return {name: _list(part.body) or [part.body] for name, part in read.part("inputs").items()}


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else []


def _as_text(body: bytes) -> str:
    return body[:MOST_CHARACTERS].decode("utf-8", "backslashreplace")


def _plain(value: Json) -> str:
    if value is None:
        return "–"
    if isinstance(value, float) or (type(value) is int and abs(value) < LARGEST):
        return words.exact(float(f"{value:.6g}"))
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 200 else text[:200] + "…"
