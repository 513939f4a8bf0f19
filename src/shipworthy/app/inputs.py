"""The inputs of a training as one digest: the same digest means that training again would find the same."""

from contextlib import closing

from shipworthy.app.opened import Opened
from shipworthy.core.digests import Json, digest_file, digest_json
from shipworthy.data.snapshot import digest_files, take_snapshot
from shipworthy.engines.databases import is_database
from shipworthy.engines.duckdb import DuckDbEngine

__all__ = ["digest_inputs"]


def digest_inputs(opened: Opened) -> str:
    """SHA-256 over the project file, contracts, features, the project's Python files, and every source's bytes."""
    project, folder = opened.project, opened.folder
    files = {folder / "shipworthy.yaml", *folder.glob("*.py")}
    files |= {folder / source.contract for source in project.data.sources.values() if source.contract}
    if project.data.features:
        files.add(folder / project.data.features)
    digests: dict[str, Json] = {str(path.relative_to(folder)): digest_file(path) for path in files if path.is_file()}
    for name, source in project.data.sources.items():
        digests[f"source {name}"] = _digest_source(name, source.location, opened)
    return digest_json(digests)


def _digest_source(name: str, location: str, opened: Opened) -> str:
    if not is_database(location):
        return digest_files(location, opened.folder)
    with closing(DuckDbEngine(memory_mb=opened.workspace.config.engine_memory_mb)) as engine:
        engine.attach(name, location, base=opened.folder)
        now = opened.workspace.clock.now()
        return take_snapshot(engine, name, location, base=opened.folder, now=now).digest
