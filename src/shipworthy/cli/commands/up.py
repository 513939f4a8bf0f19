"""``shipworthy up``: endpoint, controller and console on this machine."""

from pathlib import Path

import click

from shipworthy.cli.output import progress, project_argument

__all__ = ["command"]


@click.command()
@project_argument
@click.option(
    "--port", default=None, type=click.IntRange(0, 65535), help="TCP port of the endpoint; PORT or 8080 if not given."
)
@click.option(
    "--console-port",
    default=None,
    type=click.IntRange(0, 65535),
    help="TCP port of controller and console; 8800 if not given.",
)
@click.option("--workers", default=None, type=click.IntRange(1, 64), help="Worker processes behind the endpoint.")
@click.option(
    "--replay", is_flag=True, help="Send the project's rows from `until` on as live traffic, labels arriving late."
)
@click.option("--days", default=None, type=click.IntRange(1), help="Replay only so many days.")
@click.option("--once", is_flag=True, help="Stop when the replay is done instead of going on until interrupted.")
def command(
    project: str,
    port: int | None,
    console_port: int | None,
    workers: int | None,
    days: int | None,
    *,
    replay: bool,
    once: bool,
) -> None:
    """Run endpoint, controller and console on this machine.

    Everything listens on 127.0.0.1 only. Interrupt to drain and stop.
    """
    from shipworthy.app.opened import open_project
    from shipworthy.app.up import Up

    flags = {"endpoint_port": port, "console_port": console_port, "workers": workers}
    opened = open_project(Path(project), flags=flags)
    with Up.start(opened, replaying=replay, faces=_faces) as running:
        click.echo(f"endpoint  {running.endpoint_url}\nconsole   {running.console_url}", err=True)
        if replay:
            with progress(quiet=False) as tell:
                result = running.replay(days=days, progress=tell)
            click.echo("\n".join(result.lines()))
        if not once:
            click.echo("interrupt to stop", err=True)
            running.wait()
