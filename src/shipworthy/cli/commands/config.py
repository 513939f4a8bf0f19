"""``shipworthy config``: the settings of the workspace, each with its source."""

from pathlib import Path

import click

from shipworthy.cli.output import as_json_option, emit, project_argument, table
from shipworthy.core.config import SETTINGS, read_config
from shipworthy.core.digests import Json

__all__ = ["command"]


@click.command()
@project_argument
@as_json_option
def command(project: str, *, as_json: bool) -> None:
    """Show the settings of the workspace and where each comes from.

    Settings are read from .shipworthy/workspace.toml, then the environment, then flags; the last one wins.
    """
    config = read_config(Path(project))
    rows = [(one.name, getattr(config, one.name), config.sources[one.name], one.env, one.help) for one in SETTINGS]
    people: dict[str, Json] = dict(config.people)
    settings: dict[str, Json] = {name: {"value": value, "source": source} for name, value, source, _, _ in rows}
    body: Json = {"settings": settings, "people": people}
    lines = table(
        ["setting", "value", "from", "environment", "what it does"],
        [(name, str(value), source, env, text) for name, value, source, env, text in rows],
    )
    emit(lines, body, as_json=as_json)
