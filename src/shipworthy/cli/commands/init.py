"""``shipworthy init``: a project from data."""

from pathlib import Path

import click

from shipworthy.cli.output import as_json_option, emit

__all__ = ["command"]


@click.command()
@click.argument("data", metavar="DATA")
@click.option("--into", default=".", type=click.Path(file_okay=False), help="Folder of the new project.")
@as_json_option
def command(data: str, into: str, *, as_json: bool) -> None:
    """Write a project and a contract inferred from the data, every guess marked.

    DATA is a parquet or csv file, a folder of them, or a database URL with #table. Lines marked `# confirm:` are
    guesses; what cannot be guessed (the value of each outcome) is left for you and refused until it is filled in.
    """
    from shipworthy.app.init import init

    written = init(data, into=Path(into))
    lines = [*(f"wrote {path}" for path in written.files), "", *written.next_steps]
    emit(lines, written.to_json(), as_json=as_json)
