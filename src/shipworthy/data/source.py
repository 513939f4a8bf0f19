"""Opening the sources of a project: attached by name, each with its snapshot."""

from datetime import datetime
from pathlib import Path

from shipworthy.core.errors import InvalidData
from shipworthy.core.progress import Progress, silent
from shipworthy.data.snapshot import Snapshot, take_snapshot
from shipworthy.engines.engine import Engine
from shipworthy.problem.project import Project

__all__ = ["open_sources"]


def open_sources(
    project: Project, folder: Path, engine: Engine, *, now: datetime, progress: Progress = silent
) -> tuple[Snapshot, ...]:
    """Attach every source of a project.

    Args:
        project: Whose sources.
        folder: Its folder; relative locations start there.
        engine: Where to attach them.
        now: The present, aware UTC.
        progress: Told as each source is opened.

    Returns:
        The snapshot of each source, in the project's order.

    Raises:
        InvalidData: If a source cannot be read or has no rows.
        BackendFailed: If a database does not answer.
    """
    snapshots = []
    for done, (name, source) in enumerate(project.data.sources.items()):
        progress(f"opening {name}", done=done / len(project.data.sources))
        engine.attach(name, source.location, base=folder)
        snapshot = take_snapshot(engine, name, source.location, base=folder, now=now)
        if snapshot.rows == 0:
            raise InvalidData(
                f"source {name!r} at {snapshot.location!r} has no rows",
                remedy="fill it, or mend its location under data.sources",
                source=name,
            )
        snapshots.append(snapshot)
    return tuple(snapshots)
