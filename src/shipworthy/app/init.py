"""Init: a project and a contract drafted from data, every guess marked."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shipworthy.core.digests import Json
from shipworthy.core.errors import BackendFailed, ShipworthyError, UserError
from shipworthy.data.infer import draft_project
from shipworthy.engines.databases import is_database
from shipworthy.engines.duckdb import DuckDbEngine

__all__ = ["Written", "init"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was drafted.

    Attributes:
        files: The new files.
        left_out: Columns that no contract can describe, as ``name (type)``.
    """

    files: tuple[Path, ...]
    left_out: tuple[str, ...]

    @property
    def next_steps(self) -> tuple[str, ...]:
        """What a person does now."""
        lines = [
            "Look through both files: every line marked `# confirm:` is a guess.",
            "Fill in the goal; what nobody can guess is refused until you do. Then: shipworthy check",
        ]
        if self.left_out:
            lines.append(f"Left out, because a contract describes plain columns only: {', '.join(self.left_out)}")
        return tuple(lines)

    def to_json(self) -> dict[str, Json]:
        """Plain JSON for machines."""
        return {"files": [str(path) for path in self.files], "left_out": list(self.left_out)}


def init(data: str, *, into: Path) -> Written:
    """Draft ``shipworthy.yaml`` and a contract from a data set; files that are there are left alone.

    Args:
        data: A parquet or csv file, a folder of them, or a database URL with ``#table``.
        into: Folder of the new project; made if it is missing.

    Raises:
        UserError: If a file is there already.
        InvalidData: If the data cannot be read.
        BackendFailed: If the files cannot be written; nothing is left behind.
    """
    with _folder(into):
        return _draft(data, into)


@contextmanager
def _folder(into: Path) -> Iterator[None]:
    """Make the folder, and take it away again when the draft fails and it was not there before."""
    was_there = into.exists()
    into.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except ShipworthyError:
        if not was_there and not any(into.iterdir()):
            into.rmdir()
        raise


def _draft(data: str, into: Path) -> Written:
    stays = is_database(data) or Path(data).is_absolute()
    with closing(DuckDbEngine()) as engine:
        draft = draft_project(engine, data if stays else os.path.relpath(data, into), base=into)
    texts = {into / "shipworthy.yaml": draft.project, into / draft.contract_path: draft.contract}
    there = [path for path in texts if path.exists()]
    if there:
        raise UserError(
            f"{there[0]} is there already",
            remedy="remove it if you want a new draft, or draft into another folder with --into",
            file=str(there[0]),
        )
    _write(texts)
    left_out = tuple(f"{name} ({kind})" for name, kind in draft.left_out.items())
    return Written(files=tuple(texts), left_out=left_out)


def _write(texts: dict[Path, str]) -> None:
    written: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(path)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise BackendFailed(
            f"the project could not be written to {written[-1] if written else error.filename}: {error.strerror}",
            remedy="free some disk space or make the folder writable, then try again",
        ) from error
