"""The command ``shipworthy``: each loads only when asked for; our errors become a line and an exit status."""

import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from shipworthy.core.errors import BackendFailed, Refused, ShipworthyError
from shipworthy.core.version import __version__

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS: Final = {
    "init": "Write a project and a contract inferred from data, every guess marked.",
    "check": "Hold the data to its contracts, and ask whether it is worth modelling.",
    "train": "Make candidates and rank them against the baseline.",
    "test": "Hold the proposed package to the gate.",
    "ship": "Check, train and test as needed, then approve and release.",
    "approve": "Say yes (or no) to a package and the verdict on it.",
    "up": "Run endpoint, controller and console on this machine.",
    "serve": "Serve a package on loopback at once, marked as unapproved.",
    "predict": "Ask the running endpoint about rows of a file.",
    "status": "Show what serves, what it earns and who is waited for.",
    "history": "Show the ledger, what served at a time, or verify the chain.",
    "records": "Show predictions as they happened, or export them.",
    "incidents": "Show what went wrong, since when, and what to do.",
    "report": "Write pictures and findings as one HTML file that opens anywhere.",
    "schema": "Print the JSON Schema of shipworthy.yaml for editors.",
    "config": "Show the settings of the workspace and where each comes from.",
}


class LazyGroup(click.Group):
    """Finds a command in the file of its name, and imports that file only when the command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's shape
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's shape
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"shipworthy.cli.commands.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table above, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shipworthy")
def cli() -> None:
    """Find out whether a model is worth shipping, ship it, and keep it worth shipping.

    Exit status: 0 done, 2 your input has to change, 3 refused by a gate or a role, 4 a backend failed.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; the console script's entry point."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        cli.main(args=given, prog_name="shipworthy", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except ShipworthyError as error:
        _tell(error, as_json="--json" in given)
        sys.exit(exit_status(error))
    except BrokenPipeError:
        # The reader (head, less) has gone; keep the interpreter from complaining about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def exit_status(error: ShipworthyError) -> int:
    """2 for your input, 3 for a refusal, 4 for a backend."""
    if isinstance(error, Refused):
        return 3
    return 4 if isinstance(error, BackendFailed) else 2


def _tell(error: ShipworthyError, *, as_json: bool) -> None:
    if as_json:
        body = {"code": error.code, "problem": error.problem, "remedy": error.remedy, "facts": error.facts}
        click.echo(json.dumps({"error": body}, default=str))
    head = click.style(f"error[{error.code}]", fg="red", bold=True)
    click.echo(f"{head}: {error.problem}\n  {click.style('try', bold=True)}: {error.remedy}", err=True)


if __name__ == "__main__":
    main()
