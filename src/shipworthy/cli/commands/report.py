"""``shipworthy report``: the project on one page."""

from pathlib import Path

import click

from shipworthy.cli.output import as_json_option, emit, project_argument

__all__ = ["command"]


@click.command()
@project_argument
@click.option("--out", default="report.html", show_default=True, type=click.Path(dir_okay=False), help="File to write.")
@as_json_option
def command(project: str, out: str, *, as_json: bool) -> None:
    """Write pictures and findings as one HTML file that opens anywhere.

    It needs no server and no connection: leaderboard, gate and production with the numbers behind each picture.
    """
    from shipworthy.app.opened import open_project
    from shipworthy.app.report import write_report

    file = write_report(open_project(Path(project)), Path(out))
    emit(f"wrote {file}", {"file": str(file)}, as_json=as_json)
