"""``shipworthy ship``: the whole way, as far as it is not gone yet."""

import sys
from pathlib import Path

import click

from shipworthy.cli.leaderboard import leaderboard_lines
from shipworthy.cli.output import as_json_option, emit, finding_lines, progress, project_argument
from shipworthy.core.findings import Status
from shipworthy.core.plan import Plan

__all__ = ["command"]


@click.command()
@project_argument
@click.option("--yes", is_flag=True, help="Approve the package yourself when the gate lets it pass.")
@click.option("--reason", default="", help="Why you approve, in a sentence; kept in the ledger.")
@click.option("--direct", is_flag=True, help="Replace what serves in one step, whatever rollout the project declares.")
@as_json_option
def command(project: str, reason: str, *, yes: bool, direct: bool, as_json: bool) -> None:
    """Check, train and test as needed, then approve and release.

    What was done already on the same data, features and project file is not done again. Without --yes a person is
    asked; where nobody can be asked, the package waits for `shipworthy approve`.
    """
    from shipworthy.app.opened import open_project
    from shipworthy.app.ship import ship

    ask = _ask if sys.stdin.isatty() and not as_json else None
    with progress(quiet=as_json) as tell:
        shipped = ship(open_project(Path(project)), yes=yes, reason=reason, ask=ask, direct=direct, progress=tell)
    findings = shipped.judged.verdict.findings
    told = [one for one in findings if one.status is not Status.PASSED]
    lines = [
        *leaderboard_lines(shipped.run_body),
        "",
        *finding_lines(told),
        f"{len(findings) - len(told)} of {len(findings)} checks passed",
        "",
        f"package {shipped.judged.package}",
        f"plan {shipped.plan.number} of endpoint {shipped.plan.endpoint!r}: {_shares(shipped.plan)}",
        f"next: shipworthy up {project}",
    ]
    emit(lines, shipped.to_json(), as_json=as_json)


def _ask(question: str) -> bool:
    return click.confirm(question, err=True)


def _shares(plan: Plan) -> str:
    return ", ".join(f"{one.name} {one.package[:12]} has {one.weight:.0%}" for one in plan.variants)
