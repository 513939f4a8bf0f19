"""``shipworthy test``: the gate."""

from pathlib import Path

import click

from shipworthy.cli.output import as_json_option, emit, finding_lines, progress, project_argument
from shipworthy.core.errors import Refused
from shipworthy.core.findings import Status

__all__ = ["command"]


@click.command()
@project_argument
@click.option("--run", default=None, help="Run to judge; the newest if not given.")
@as_json_option
def command(project: str, run: str | None, *, as_json: bool) -> None:
    """Hold the proposed package to the gate.

    The gate starts the packaged server on a free loopback port and asks it, so that what is judged is what would
    serve. Ends with status 3 when a check fails. Next: `shipworthy approve`.
    """
    from shipworthy.app.gate import judge_run
    from shipworthy.app.opened import open_project

    with progress(quiet=as_json) as tell:
        judged = judge_run(open_project(Path(project)), run=run, progress=tell)
    passed = sum(one.status is Status.PASSED for one in judged.verdict.findings)
    lines = [
        *finding_lines(judged.verdict.findings),
        "",
        f"package {judged.package}",
        f"verdict {judged.verdict.digest}",
        f"{passed} of {len(judged.verdict.findings)} checks passed; next: shipworthy approve {project}",
    ]
    emit(lines, judged.to_json(), as_json=as_json)
    if not judged.verdict.passed:
        worst = judged.verdict.blocking()[0]
        raise Refused(f"the gate refuses package {judged.package[:12]}: {worst.message}", remedy=worst.remedy)
