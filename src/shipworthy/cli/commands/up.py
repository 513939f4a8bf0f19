"""``shipworthy up``: endpoint, controller and console on this machine."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipworthy.cli.output import progress, project_argument

if TYPE_CHECKING:
    from shipworthy.app.actions import Actions
    from shipworthy.app.guard import Asgi
    from shipworthy.app.workspace import Workspace

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

    for ending in (signal.SIGTERM, signal.SIGINT):  # also where the shell that started us ignores interrupts
        signal.signal(ending, signal.default_int_handler)
    flags = {"endpoint_port": port, "console_port": console_port, "workers": workers}
    opened = open_project(Path(project), flags=flags)
    with Up.start(opened, replaying=replay, site=_site) as running:
        click.echo(f"endpoint  {running.endpoint_url}\nconsole   {running.console_url}", err=True)
        if replay:
            with progress(quiet=False) as tell:
                result = running.replay(days=days, progress=tell)
            click.echo("\n".join(result.lines()))
        if not once:
            click.echo("interrupt to stop", err=True)
            running.wait()


def _site(workspace: "Workspace", actions: "Actions") -> "Asgi":
    """The pages and the API together; this is the one place that knows both faces."""
    from shipworthy.api.routes import make_api
    from shipworthy.app.guard import join_faces
    from shipworthy.console.pages import make_console

    return join_faces(make_console(workspace, actions), make_api(workspace, actions))
