"""``shipworthy incidents``: what went wrong."""

from pathlib import Path

import click

from shipworthy.cli.output import as_json_option, emit, project_argument

__all__ = ["command"]


@click.command()
@project_argument
@click.option("--all", "everything", is_flag=True, help="Closed incidents too.")
@click.option("--close", default=None, metavar="ID", help="Close this incident; give --reason.")
@click.option("--reason", default="", help="Why it may be closed, in a sentence; kept in the ledger.")
@as_json_option
def command(project: str, close: str | None, reason: str, *, everything: bool, as_json: bool) -> None:
    """Show what went wrong, since when, and what to do."""
    from shipworthy.app.incidents import close_incident, list_incidents
    from shipworthy.app.opened import open_project

    opened = open_project(Path(project))
    if close:
        body = close_incident(opened.workspace, close, reason)
        emit(f"closed {close}", body, as_json=as_json)
        return
    found = list_incidents(opened, everything=everything)
    lines: list[str] = []
    for one in found:
        lines += [
            f"{one['id']}  {one['status']}  {one['title']}",
            f"  since {one['opened_at']}; {one['consequence']}",
            f"  {click.style('try', bold=True)}: {one['suggested']}",
        ]
    emit(lines or ["no open incident"], list(found), as_json=as_json)
