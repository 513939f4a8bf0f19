"""How commands speak: words for people, JSON for machines, progress on standard error."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import click

from shipworthy.core.digests import Json
from shipworthy.core.findings import Finding, Status
from shipworthy.core.progress import Progress, silent

__all__ = ["as_json_option", "emit", "finding_lines", "mark", "progress", "project_argument", "table"]

_Command = TypeVar("_Command", bound=Callable[..., object])
_COLOURS: Final = {"passed": "green", "warned": "yellow", "failed": "red", "errored": "red", "skipped": "bright_black"}
_SIGNS: Final = {"passed": "✓", "warned": "!", "failed": "✗", "errored": "✗", "skipped": "–"}
_EVERY_S: Final = 0.2


def as_json_option(command: _Command) -> _Command:
    """Add ``--json``: one JSON document on standard output instead of words."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of words.")(command)


def project_argument(command: _Command) -> _Command:
    """Add the optional argument ``PROJECT``, a folder with ``shipworthy.yaml``."""
    return click.argument("project", default=".", type=click.Path(file_okay=False), metavar="[PROJECT]")(command)


def emit(text: str | Sequence[str], body: Json, *, as_json: bool) -> None:
    """Print ``body`` as JSON, or ``text`` as words."""
    if as_json:
        click.echo(json.dumps(body, default=str, ensure_ascii=False))
    else:
        click.echo(text if isinstance(text, str) else "\n".join(text))


def mark(status: str) -> str:
    """A status as colour and shape and word."""
    return click.style(f"{_SIGNS.get(status, '•')} {status:<7}", fg=_COLOURS.get(status))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of a table: columns as wide as their widest cell, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(head), *cells]) for i in range(len(head))]
    right = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(head))]

    def line(values: Sequence[str]) -> str:
        padded = (v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right, strict=True))
        return "  ".join(padded).rstrip()

    return [click.style(line(head), bold=True), *(line(row) for row in cells)]


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    """A line per finding, and its remedy below where there is something to do."""
    lines = []
    for one in findings:
        lines.append(f"{mark(one.status)}  {one.check:<28} {one.message}")
        if one.status in {Status.WARNED, Status.FAILED, Status.ERRORED}:
            lines.append(f"{'':11}{click.style('try', bold=True)}: {one.remedy}")
    return lines


@contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """A listener that shows work on standard error: one moving line on a terminal, plain lines elsewhere."""
    if quiet:
        yield silent
        return
    shown = _Line(moving=sys.stderr.isatty())
    yield shown
    shown.end()


class _Line:
    """Shows the newest message; on a terminal it overwrites the last."""

    def __init__(self, *, moving: bool) -> None:
        self._moving = moving
        self._last = ""
        self._next = 0.0
        self._started = time.monotonic()

    def __call__(self, message: str, *, done: float | None = None) -> None:
        now = time.monotonic()
        new_work = message.split(":", maxsplit=1)[0] != self._last.split(":")[0]
        if now < self._next and not new_work:
            return
        self._next, self._last = now + (_EVERY_S if self._moving else 5.0), message
        share = "" if done is None else f" {done:4.0%}"
        text = f"{now - self._started:6.1f} s {share}  {message}"
        if self._moving:
            click.echo(f"\r\x1b[2K{text}", err=True, nl=False)
        else:
            click.echo(text, err=True)

    def end(self) -> None:
        if self._moving and self._last:
            click.echo("\r\x1b[2K", err=True, nl=False)
