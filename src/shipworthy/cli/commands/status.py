"""``shipworthy status``: the morning's look."""

from pathlib import Path

import click

from shipworthy.cli.output import as_json_option, emit, project_argument

__all__ = ["command"]


@click.command()
@project_argument
@as_json_option
def command(project: str, *, as_json: bool) -> None:
    """Show what serves, what it earns and who is waited for."""
    from shipworthy.app.opened import open_project
    from shipworthy.app.status import status

    body = status(open_project(Path(project)))
    lines = [f"{click.style(name.replace('_', ' '), bold=True):<28} {value}" for name, value in body.items() if value]
    emit(lines, body, as_json=as_json)
