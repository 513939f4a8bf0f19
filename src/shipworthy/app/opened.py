"""A project with its folder and its workspace: what every use case is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shipworthy.app.workspace import Workspace
from shipworthy.core.clock import Clock
from shipworthy.core.config import Value
from shipworthy.core.digests import Json
from shipworthy.core.errors import NotFound
from shipworthy.problem.project import Project
from shipworthy.problem.reader import read_project
from shipworthy.stores.documents import Document

__all__ = ["STAGES", "Opened", "open_project"]

STAGES: Final = ("goal", "feasibility", "training", "gate", "approval", "serving")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One project, ready for work.

    Attributes:
        project: What ``shipworthy.yaml`` declares.
        folder: The project's folder.
        workspace: Where its records live.
    """

    project: Project
    folder: Path
    workspace: Workspace

    def runs(self, run: str) -> Path:
        """The folder of a run's files."""
        return self.workspace.folder / "runs" / run

    def newest(self, kind: str) -> Document | None:
        """The newest document of ``kind`` that belongs to this project; None if there is none."""
        found = self.workspace.documents.find(kind, where={"project": self.project.name}, limit=1)
        return found[0] if found else None

    def enter_stage(self, stage: str) -> None:
        """Show everybody that the project has come as far as ``stage``, and since when; it never falls back."""
        name, workspace = self.project.name, self.workspace
        kept = workspace.known("project", name)
        since = workspace.clock.now().isoformat()
        if kept is not None and STAGES.index(str(kept.body["stage"])) >= STAGES.index(stage):
            stage, since = str(kept.body["stage"]), str(kept.body["stage_since"])
        workspace.keep("project", name, {**_describe(self), "stage": stage, "stage_since": since})
        if kept is None:
            workspace.note("project.opened", name, owner=self.project.owner)


def open_project(
    folder: Path, *, clock: Clock | None = None, flags: Mapping[str, Value | None] | None = None
) -> Opened:
    """Open the project in ``folder`` and its workspace.

    Raises:
        NotFound: If the folder has no project file.
        InvalidProject: If the file is not valid.
    """
    if not (folder / "shipworthy.yaml").is_file():
        raise NotFound(
            f"{folder} has no shipworthy.yaml",
            remedy="go to a project's folder, name one, or make one with `shipworthy init DATA`",
            folder=str(folder),
        )
    project = read_project(folder)
    return Opened(
        project=project, folder=folder, workspace=Workspace.open(folder, clock=clock, flags=dict(flags or {}))
    )


def _describe(opened: Opened) -> dict[str, Json]:
    project, goal = opened.project, opened.project.goal
    return {
        "owner": project.owner,
        "folder": str(opened.folder),
        "endpoint": project.serving.endpoint,
        "goal": {
            "question": goal.question,
            "decision": goal.decision,
            "why_ml": goal.why_ml,
            "target": goal.target,
            "unit": goal.unit,
            "each": goal.each,
            "baseline": goal.baseline,
            "value": {name: getattr(goal.value, name) for name in goal.value.__slots__},
            "good_enough": [f"{bar.metric} {bar}" for bar in goal.good_enough],
            "budgets": {name: getattr(goal.budgets, name) for name in goal.budgets.__slots__},
        },
    }
