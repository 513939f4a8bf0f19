"""``shipworthy schema``: the project file's JSON Schema."""

import json

import click

from shipworthy.problem.schema import project_schema

__all__ = ["command"]


@click.command()
def command() -> None:
    """Print the JSON Schema of shipworthy.yaml for editors.

    Save it beside the project and name it in the first line of shipworthy.yaml:
    `# yaml-language-server: $schema=shipworthy.schema.json`.
    """
    click.echo(json.dumps(project_schema(), indent=2))
