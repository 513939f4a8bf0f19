"""``shipworthy history``: the ledger."""

from collections.abc import Mapping
from pathlib import Path

import click

from shipworthy.cli.output import as_json_option, emit, project_argument, table
from shipworthy.core.digests import Json

__all__ = ["command"]


@click.command()
@project_argument
@click.option(
    "--at", default=None, metavar="TIME", help="Say what served at this instant (ISO 8601; UTC if it has no offset)."
)
@click.option("--verify", is_flag=True, help="Recompute the hash chain and say whether anything was changed.")
@click.option("--kind", default=None, help="Only events of this kind, such as plan.published.")
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 100_000), help="Most events to show.")
@as_json_option
def command(project: str, at: str | None, kind: str | None, limit: int, *, verify: bool, as_json: bool) -> None:
    """Show the ledger, what served at a time, or verify the chain.

    With --verify the command ends with status 3 when the ledger was tampered with.
    """
    from shipworthy.app.history import history, served_then, verify_ledger
    from shipworthy.app.opened import open_project

    opened = open_project(Path(project))
    if verify:
        count = verify_ledger(opened)
        emit(f"{count} events, each bound to the one before: nothing was changed", {"events": count}, as_json=as_json)
    elif at is not None:
        body = served_then(opened, at)
        emit(_served(body), body, as_json=as_json)
    else:
        events = history(opened, kind=kind, limit=limit)
        rows = [
            (one["seq"], str(one["at"])[:19], one["actor"], one["kind"], str(one["subject"])[:48]) for one in events
        ]
        emit(table(["#", "at (UTC)", "who", "what", "of"], rows), list(events), as_json=as_json)


def _served(body: Mapping[str, Json]) -> str:
    if body["plan"] is None:
        return f"nothing served on {body['endpoint']!r} at {body['at']}"
    return (
        f"at {body['at']} plan {body['number']} served on {body['endpoint']!r} (since {body['since']}): "
        f"package {body['package']}"
    )
