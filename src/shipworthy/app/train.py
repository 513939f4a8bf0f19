"""Train: candidates against the baseline, the proposal refitted on all rows, and everything written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from shipworthy.app.opened import Opened
from shipworthy.app.prepare import Prepared, check
from shipworthy.app.run_folder import RunFolder
from shipworthy.core.digests import Json, digest_bytes
from shipworthy.core.errors import Refused
from shipworthy.core.progress import Progress, silent
from shipworthy.core.version import __version__
from shipworthy.data.contract import Contract, write_contract
from shipworthy.data.frame import FeatureFrame
from shipworthy.data.infer import infer_request_contract
from shipworthy.data.profile import profile_table
from shipworthy.gates.hard_rows import hard_rows
from shipworthy.packaging.baseline import RateTable
from shipworthy.packaging.golden import golden_table
from shipworthy.packaging.write import Contents, write_package
from shipworthy.problem.project import Project
from shipworthy.training.baseline import fit_baseline
from shipworthy.training.environment import lock_environment
from shipworthy.training.fitted import Fitted
from shipworthy.training.learner import Learner
from shipworthy.training.run import Run, read_code
from shipworthy.training.search import Search, search

__all__ = ["Trained", "train"]

_GOLDEN_ROWS: Final = 90
_PARITY_ROWS: Final = 3000
_LOCKS: Final = ("requirements.lock", "locks/run.txt", "requirements.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A finished training.

    Attributes:
        run: Id of the run.
        body: Body of its document.
        draft: Digest of the package that waits for the gate, in the run's folder.
    """

    run: str
    body: Mapping[str, Json]
    draft: str


def train(
    opened: Opened,
    *,
    prepared: Prepared | None = None,
    portfolio: Sequence[Learner] | None = None,
    progress: Progress = silent,
) -> Trained:
    """Make candidates, propose one, refit it on all rows, and write the package that the gate will judge.

    Args:
        opened: The project.
        prepared: Data that was checked already; checked here if None.
        portfolio: Learners to try; the standard portfolio if None.
        progress: Told before each step.

    Raises:
        Refused: If the data may not be trained on, or no model beats the baseline.
        InvalidData: If the rows cannot be split, or the target never changes.
    """
    workspace, project = opened.workspace, opened.project
    prepared = prepared or check(opened, progress=progress)
    _refuse_bad(prepared)
    opened.enter_stage("training")
    started = workspace.clock.now()
    run = workspace.new_id("run")
    frame = prepared.frame.rows(prepared.frame.labelled)
    found = search(
        frame,
        project,
        baseline=lambda rows: fit_baseline(project.goal.baseline, rows, opened.folder),
        clock=workspace.clock,
        progress=progress,
        portfolio=portfolio,
    )
    if found.proposal.kind == "baseline":
        raise Refused(found.sentence, remedy="keep the baseline, or give the model features that know more", run=run)
    progress(f"refitting {found.proposal.name} on all {len(frame):,} rows", done=None)
    folder = RunFolder(path=opened.runs(run))
    lock = lock_environment(_find_lock(opened.folder))
    fitted = found.proposal.refit()
    _keep(folder, frame, found, fitted, prepared)
    baseline = fit_baseline(project.goal.baseline, frame, opened.folder)
    draft = write_package(_contents(opened, run, started, frame, fitted, baseline, lock), folder.drafts)
    body = _record(opened, started, prepared, frame, found, lock)
    workspace.documents.add("run", run, body)
    workspace.note("run.finished", run, project=project.name, proposal=found.proposal.name, draft=draft)
    return Trained(run=run, body=body, draft=draft)


def _refuse_bad(prepared: Prepared) -> None:
    blocking = prepared.verdict.blocking()
    if blocking:
        raise Refused(
            f"the data cannot carry a model: {blocking[0].message}",
            remedy=blocking[0].remedy,
            findings=[one.to_json() for one in blocking],
        )


def _keep(folder: RunFolder, frame: FeatureFrame, found: Search, fitted: Fitted, prepared: Prepared) -> None:
    """Keep what the gate will read: rows, scores on both sides of the split, and the framework's own answers."""
    baseline = next(one for one in found.candidates if one.kind == "baseline")
    folder.keep_frame(frame)
    folder.keep_scores("train", found.proposal.train)
    folder.keep_scores("valid", found.proposal.valid)
    folder.keep_scores("baseline", baseline.valid)
    rows = _hard(frame, _PARITY_ROWS)
    folder.keep_rows("parity", rows.append_column("__framework", pa.array(fitted.predict(_bare(rows, frame)))))
    folder.keep_json("findings", [one.to_json() for one in prepared.findings])


def _contents(
    opened: Opened,
    run: str,
    started: datetime,
    frame: FeatureFrame,
    fitted: Fitted,
    baseline: RateTable,
    lock: str,
) -> Contents:
    project = opened.project
    features = opened.folder / project.data.features if project.data.features else None
    golden = _hard(frame, _GOLDEN_ROWS)
    return Contents(
        model=fitted.model_onnx,
        signature=fitted.signature,
        contract=write_contract(_request_contract(project, frame)),
        reference=profile_table(frame.features).to_arrow(),
        features={
            "sql": features.read_text(encoding="utf-8") if features else "",
            "decision_time": f"{project.data.decision_time.column} + {project.data.decision_time.offset}",
            "known_at": dict(frame.known_at),
        },
        golden=golden_table(golden, fitted.answer(_bare(golden, frame))),
        environment_lock=lock,
        goal=project.goal,
        baseline=baseline,
        origin={
            "run": run,
            "project": project.name,
            "author": opened.workspace.person.name,
            "created_at": started.isoformat(),
            "shipworthy": __version__,
        },
    )


def _request_contract(project: Project, frame: FeatureFrame) -> Contract:
    """What a request has to promise; a breach is for the fallback to answer where the project has one."""
    inferred = infer_request_contract(frame, f"{project.name} request")
    return replace(inferred, on_breach="fallback" if project.serving.fallback == "baseline" else "block")


def _hard(frame: FeatureFrame, rows: int) -> pa.Table:
    """Rows on which two readings of the model might part; nulls only where the request's contract will let them in."""
    nullable = frozenset(name for name in frame.names if frame.features[name].null_count)
    return hard_rows(frame.features, nullable=nullable, rows=rows)


def _bare(rows: pa.Table, frame: FeatureFrame) -> FeatureFrame:
    """Feature rows as a frame; keys and times are placeholders, since no model reads them."""
    places = frame.rows(np.zeros(len(rows), dtype=np.int64))
    return FeatureFrame(
        key=places.key,
        event_time=places.event_time,
        decision_time=places.decision_time,
        target=places.target,
        features=rows,
    )


def _record(
    opened: Opened, started: datetime, prepared: Prepared, frame: FeatureFrame, found: Search, lock: str
) -> Mapping[str, Json]:
    training = opened.project.training
    run = Run(
        project=opened.project.name,
        started_at=started,
        finished_at=opened.workspace.clock.now(),
        code=read_code(opened.folder),
        data=[{"source": one.source, "digest": one.digest, "rows": one.rows} for one in prepared.snapshots],
        frame=frame,
        parameters={"search": training.search, "validate": training.validate},
        seed=training.seed,
        environment=digest_bytes(lock.encode()),
        budget_s=training.budget_s,
        search=found,
    )
    return {**run.to_json(), "author": opened.workspace.person.name, "inputs": prepared.inputs}


def _find_lock(folder: Path) -> Path | None:
    """The lock file of the environment: in the project's folder or above it, up to the root of its repository."""
    for place in (folder.absolute(), *folder.absolute().parents):
        for name in _LOCKS:
            if (place / name).is_file():
                return place / name
        if (place / ".git").exists():
            return None
    return None
