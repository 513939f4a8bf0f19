"""``shipworthy serve``: try a package at once."""

import time
from pathlib import Path

import click

__all__ = ["command"]


@click.command()
@click.argument("package", type=click.Path(exists=True, file_okay=False))
@click.option("--name", default=None, help="Name of the endpoint; the package's project if not given.")
@click.option(
    "--port", default=None, type=click.IntRange(0, 65535), help="TCP port on 127.0.0.1; PORT or 8080 if not given."
)
def command(package: str, name: str | None, port: int | None) -> None:
    """Serve a package on loopback at once, marked as unapproved.

    PACKAGE is a package's folder. Records go to .shipworthy/tries in the current folder and carry the variant's name
    `unapproved`. To serve what a person approved, use `shipworthy ship` and `shipworthy up`.
    """
    from shipworthy.app.serve import serve

    with serve(Path(package), name=name, port=port) as running:
        click.echo(f"serving (unapproved) at {running.url}; interrupt to stop", err=True)
        while True:
            running.check()
            time.sleep(0.5)
