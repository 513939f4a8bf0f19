"""The plan in force, as the file that workers follow: replaced in one step, so that a reader sees all of it or none."""

import os
import tempfile
from pathlib import Path

from shipworthy.core.digests import canonical_json
from shipworthy.core.errors import BackendFailed
from shipworthy.core.plan import Plan

__all__ = ["write_plan"]


def write_plan(home: Path, plan: Plan) -> Path:
    """Put ``plan`` in force for its endpoint.

    Args:
        home: The workspace's folder.
        plan: What is to serve.

    Returns:
        The file that workers follow.

    Raises:
        BackendFailed: If it cannot be written; the plan before stays in force.
    """
    path = home / "plans" / f"{plan.endpoint}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, canonical_json(plan.to_json()))
    except OSError as error:
        raise BackendFailed(
            f"the plan could not be written to {path}: {error.strerror}",
            remedy="free some disk space or make the folder writable, then try again",
            file=str(path),
        ) from error
    return path


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
