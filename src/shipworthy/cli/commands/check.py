"""``shipworthy check``: contracts and feasibility."""

from pathlib import Path

import click

from shipworthy.cli.output import as_json_option, emit, finding_lines, progress, project_argument
from shipworthy.core.errors import Refused

__all__ = ["command"]


@click.command()
@project_argument
@as_json_option
def command(project: str, *, as_json: bool) -> None:
    """Hold the data to its contracts, and ask whether it is worth modelling.

    Ends with status 3 when the data breaks a contract or cannot carry a model.
    """
    from shipworthy.app.opened import open_project
    from shipworthy.app.prepare import check

    with progress(quiet=as_json) as tell:
        prepared = check(open_project(Path(project)), progress=tell)
    rows = f"{len(prepared.frame):,} decisions, {len(prepared.frame.names)} features as of decision time"
    emit([rows, "", *finding_lines(prepared.findings)], prepared.to_json(), as_json=as_json)
    if not prepared.verdict.passed:
        worst = prepared.verdict.blocking()[0]
        raise Refused(f"the data cannot carry a model yet: {worst.message}", remedy=worst.remedy)
