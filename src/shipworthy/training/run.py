"""The record of one training: everything that is needed to repeat it and to trust it."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shipworthy.core.digests import Json
from shipworthy.data.frame import FeatureFrame
from shipworthy.training.search import Search

__all__ = ["Code", "Run", "read_code"]

_GIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The state of the code that a run was made with.

    Attributes:
        commit: Full hash of the commit; None where there is no repository, no commit or no git.
        dirty: Whether the project's folder held changes that are in no commit; None where ``commit`` is.
    """

    commit: str | None
    dirty: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training.

    Attributes:
        project: Name of the project.
        started_at: When it began, aware UTC.
        finished_at: When it ended, aware UTC.
        code: State of the code.
        data: For each source its name, digest of its bytes and number of rows.
        frame: The rows that were searched.
        parameters: The project's training section and whatever else was set.
        seed: Seed of every random choice.
        environment: Digest of the environment lock.
        budget_s: Wall-clock budget of the search, in s.
        search: What was found.
        package: Digest of the package that was made of it; None before there is one.
    """

    project: str
    started_at: datetime
    finished_at: datetime
    code: Code
    data: Sequence[Mapping[str, Json]]
    frame: FeatureFrame
    parameters: Mapping[str, Json]
    seed: int
    environment: str
    budget_s: float
    search: Search
    package: str | None = None

    def to_json(self) -> dict[str, Json]:
        """The body of the ``run`` document."""
        features = self.frame.features.schema
        known_at = self.frame.known_at
        return {
            "project": self.project,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.finished_at.isoformat(),
            "code": {"commit": self.code.commit, "dirty": self.code.dirty},
            "data": [dict(one) for one in self.data],
            "features": [
                {"name": one.name, "type": str(one.type), "known_at": known_at.get(one.name)} for one in features
            ],
            "parameters": dict(self.parameters),
            "seed": self.seed,
            "environment": self.environment,
            "budget_s": self.budget_s,
            "validation": self.search.validation.to_json(self.frame),
            "trials": [one.to_json() for one in self.search.trials],
            "candidates": [one.to_json(proposed=one is self.search.proposal) for one in self.search.candidates],
            "proposal": self.search.proposal.name,
            "sentence": self.search.sentence,
            "package": self.package,
        }


def read_code(folder: Path) -> Code:
    """The commit that ``folder`` stands at, and whether it strays from it; nothing is written, not even git's index."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if not commit:
        return Code(commit=None, dirty=None)
    changes = _git(folder, "status", "--porcelain", "--", ".")
    return Code(commit=commit.strip(), dirty=None if changes is None else bool(changes.strip()))


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None if it cannot say: a project without git is no error."""
    program = shutil.which("git")
    if program is None:
        return None
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            [program, *arguments], cwd=folder, env=environment, capture_output=True, timeout=_GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None
