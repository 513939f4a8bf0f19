"""Records: predictions as they happened, with their labels."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shipworthy.app.opened import Opened
from shipworthy.core.clock import parse_instant
from shipworthy.core.digests import Json
from shipworthy.core.errors import BackendFailed, UserError
from shipworthy.stores.archive import read_feedback, read_records
from shipworthy.stores.labels import join_labels

__all__ = ["export_records", "list_records"]

_OUTCOMES = ("ok", "fallback", "invalid", "error", "rejected", "timeout")


def list_records(
    opened: Opened,
    *,
    outcome: str | None = None,
    request_id: str | None = None,
    since: str | None = None,
    limit: int = 20,
) -> list[dict[str, Json]]:
    """The newest records, newest first, each with what is known of its outcome.

    Args:
        opened: The project.
        outcome: Only records that ended so.
        request_id: Only the record of this request.
        since: Only from this ISO 8601 instant on.
        limit: Most records to give.

    Raises:
        UserError: If ``outcome`` or ``since`` is none.
    """
    table = _find(opened, outcome, request_id, since)
    newest = table.slice(max(0, len(table) - limit))
    feedback = read_feedback(_folder(opened))
    labels = {(one["request_id"], one["row"]): one["label"] for one in join_labels(newest, feedback).table.to_pylist()}
    return [_record(one, labels) for one in reversed(newest.to_pylist())]


def export_records(
    opened: Opened, file: Path, *, outcome: str | None = None, request_id: str | None = None, since: str | None = None
) -> int:
    """Write all records that match to a Parquet file.

    Returns:
        How many were written.

    Raises:
        UserError: If ``outcome`` or ``since`` is none.
        BackendFailed: If the file cannot be written.
    """
    table = _find(opened, outcome, request_id, since)
    try:
        pq.write_table(table, file, compression="zstd")
    except OSError as error:
        file.unlink(missing_ok=True)
        raise BackendFailed(
            f"records could not be written to {file}: {error}", remedy="free some disk space, or name another file"
        ) from error
    return len(table)


def _find(opened: Opened, outcome: str | None, request_id: str | None, since: str | None) -> pa.Table:
    opened.workspace.require("read")
    if outcome is not None and outcome not in _OUTCOMES:
        raise UserError(f"no record ends as {outcome!r}", remedy=f"use one of {', '.join(_OUTCOMES)}", outcome=outcome)
    table = read_records(_folder(opened), since=_instant(since), outcomes=[outcome] if outcome else None)
    return table.filter(pc.equal(table["request_id"], request_id)) if request_id else table


def _folder(opened: Opened) -> Path:
    return opened.workspace.folder / "records" / opened.project.serving.endpoint


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise UserError(f"{text!r} is no instant", remedy="write ISO 8601, e.g. 2013-10-01T14:05Z") from error


def _record(row: Mapping[str, object], labels: Mapping[tuple[str, int], float | None]) -> dict[str, Json]:
    said, request = row["probability"], str(row["request_id"])
    assert isinstance(said, list)
    known: list[Json] = [labels.get((request, place)) for place in range(len(said))]
    plain: dict[str, Json] = {name: _plain(value) for name, value in row.items()}
    return {**plain, "labels": known}


def _plain(value: object) -> Json:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    assert value is None or isinstance(value, str | int | float | bool)
    return value
