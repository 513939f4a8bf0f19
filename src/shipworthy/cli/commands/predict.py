"""``shipworthy predict``: ask the running endpoint."""

from pathlib import Path

import click

from shipworthy.cli.output import as_json_option, emit, progress, project_argument, table
from shipworthy.core.errors import InvalidRequest

__all__ = ["command"]


@click.command()
@project_argument
@click.option(
    "--rows",
    required=True,
    type=click.Path(exists=True, dir_okay=False),
    help="Parquet or csv file of requests.",
)
@click.option("--url", default=None, help="Address of the endpoint; that of `shipworthy up` if not given.")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1), help="Most rows to ask about.")
@as_json_option
def command(project: str, rows: str, url: str | None, limit: int, *, as_json: bool) -> None:
    """Ask the running endpoint about rows of a file.

    The file's columns are the features by name; further columns are left out. Every row becomes a record.
    """
    from shipworthy.app.opened import open_project
    from shipworthy.app.predict import predict

    with progress(quiet=as_json) as tell:
        answers = predict(open_project(Path(project)), Path(rows), url=url, limit=limit, progress=tell)
    head = ["row", "request", "status", "probability", "decision", "fallback", "error"]
    lines = table(head, [["" if value is None else value for value in one.values()] for one in answers])
    emit(lines, list(answers), as_json=as_json)
    if answers and all(one["status"] != 200 for one in answers):
        raise InvalidRequest(f"no row was answered: {answers[0]['error']}", remedy="mend the rows as the answers say")
