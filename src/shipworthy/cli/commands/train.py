"""``shipworthy train``: candidates against the baseline."""

from pathlib import Path

import click

from shipworthy.cli.leaderboard import leaderboard_lines
from shipworthy.cli.output import as_json_option, emit, progress, project_argument

__all__ = ["command"]


@click.command()
@project_argument
@as_json_option
def command(project: str, *, as_json: bool) -> None:
    """Make candidates and rank them against the baseline.

    Checks the data first, searches within the project's time budget, validates forward in time, and refits the
    proposed candidate on all rows. Next: `shipworthy test`.
    """
    from shipworthy.app.opened import open_project
    from shipworthy.app.train import train

    with progress(quiet=as_json) as tell:
        trained = train(open_project(Path(project)), progress=tell)
    emit(
        [*leaderboard_lines(trained.body), f"next: shipworthy test {project}"],
        {"run": trained.run, **trained.body},
        as_json=as_json,
    )
