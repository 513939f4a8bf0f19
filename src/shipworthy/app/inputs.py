"""The inputs of a training as one digest: the same digest means that training again would find the same."""

from shipworthy.app.opened import Opened
from shipworthy.core.digests import Json, digest_file, digest_json
from shipworthy.data.snapshot import digest_source

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
        digests[f"source {name}"] = digest_source(source.location, folder)
    return digest_json(digests)
