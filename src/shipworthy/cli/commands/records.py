"""``shipworthy records``: predictions as they happened."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import click

from shipworthy.cli.output import as_json_option, emit, project_argument, table
from shipworthy.core.digests import Json

__all__ = ["command"]


@click.command()
@project_argument
@click.option(
    "--outcome", default=None, help="Only records that ended so: ok, fallback, invalid, error, rejected, timeout."
)
@click.option("--id", "request_id", default=None, help="Only the record of this request id, with its input and label.")
@click.option("--since", default=None, metavar="TIME", help="Only from this instant on (ISO 8601).")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 100_000), help="Most records to show.")
@click.option(
    "--export", default=None, type=click.Path(dir_okay=False), help="Write all that match to this Parquet file."
)
@as_json_option
def command(
    project: str,
    outcome: str | None,
    request_id: str | None,
    since: str | None,
    limit: int,
    export: str | None,
    *,
    as_json: bool,
) -> None:
    """Show predictions as they happened, or export them.

    The newest come first. Sealed records also lie as Parquet under .shipworthy/records, for DuckDB and others.
    """
    from shipworthy.app.opened import open_project
    from shipworthy.app.records import export_records, list_records

    opened = open_project(Path(project))
    if export:
        count = export_records(opened, Path(export), outcome=outcome, request_id=request_id, since=since)
        emit(f"{count:,} records written to {export}", {"records": count, "file": export}, as_json=as_json)
        return
    rows = list_records(opened, outcome=outcome, request_id=request_id, since=since, limit=limit)
    head = ["at (UTC)", "request", "outcome", "status", "variant", "probability", "label", "ms", "error"]
    lines = table(head, [_line(row) for row in rows]) if rows else ["no record matches"]
    if request_id and rows:
        lines += ["", f"input: {rows[0]['input']}", f"error: {rows[0]['error_message'] or 'none'}"]
    emit(lines, list(rows), as_json=as_json)


def _line(row: Mapping[str, Json]) -> tuple[str, ...]:
    said, known = cast("list[float]", row["probability"]), cast("list[float | None]", row["labels"])
    return (
        str(row["at"])[:19],
        str(row["request_id"]),
        str(row["outcome"]),
        str(row["status"]),
        str(row["variant"]),
        " ".join(f"{one:.3f}" for one in said[:3]),
        " ".join("?" if one is None else f"{one:g}" for one in known[:3]),
        f"{cast('int', row['total_us']) / 1000:.2f}",
        str(row["error_message"])[:60],
    )
