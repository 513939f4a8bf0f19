"""``shipworthy approve``: a person's yes or no, bound to digests."""

from pathlib import Path

import click

from shipworthy.cli.output import as_json_option, emit, project_argument

__all__ = ["command"]


@click.command()
@project_argument
@click.option(
    "--package", default=None, help="Digest of the package, or its first characters; the newest if not given."
)
@click.option("--refuse", is_flag=True, help="Say no instead of yes.")
@click.option("--reason", default="", help="Why, in a sentence; kept in the ledger.")
@as_json_option
def command(project: str, package: str | None, reason: str, *, refuse: bool, as_json: bool) -> None:
    """Say yes (or no) to a package and the verdict on it.

    The approval is bound to both digests and to you: for another package or another verdict it says nothing. Next:
    `shipworthy ship` releases what is approved.
    """
    from shipworthy.app.approve import approve
    from shipworthy.app.opened import open_project

    body = approve(open_project(Path(project)), package=package, reason=reason, yes=not refuse)
    words = f"{body['person']} ({body['role']}) says {body['decision']} to package {str(body['package'])[:12]}"
    emit([words, f"bound to verdict {str(body['verdict'])[:12]}, at {body['at']}"], body, as_json=as_json)
