"""Data sets as training saw them: each source's newest snapshot, with its digest and columns."""

from dataclasses import dataclass
from datetime import datetime

from shipworthy.app.views.reading import Part, Workspace, read_all

__all__ = ["Column", "SnapshotRow", "view_data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column by name and type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRow:
    """The state of one source at one time.

    Attributes:
        runs: Runs that were trained on exactly these bytes.
    """

    digest: str
    project: str
    source: str
    location: str
    rows: int
    columns: tuple[Column, ...]
    taken_at: datetime | None
    runs: tuple[str, ...]


def view_data(workspace: Workspace, project: str = "") -> tuple[SnapshotRow, ...]:
    """Every snapshot, newest first; of one project when it is named."""
    used: dict[str, tuple[str, ...]] = {}
    for run in read_all(workspace, "run", 200):
        for data in Part(run.body).parts("data"):
            used[data.text("digest")] = (*used.get(data.text("digest"), ()), run.id)
    where = {"project": project} if project else {}
    rows = []
    for one in read_all(workspace, "snapshot", 200, **where):
        body = Part(one.body)
        rows.append(
            SnapshotRow(
                digest=one.id,
                project=body.text("project"),
                source=body.text("source"),
                location=body.text("location"),
                rows=body.whole("rows"),
                columns=_columns(body),
                taken_at=body.instant("taken_at"),
                runs=used.get(one.id, ()),
            )
        )
    return tuple(rows)


def _columns(body: Part) -> tuple[Column, ...]:
    pairs = body.get("columns")
    if not isinstance(pairs, list | tuple):
        return ()
    return tuple(Column(name=str(one[0]), type=str(one[1])) for one in pairs if isinstance(one, list | tuple))
