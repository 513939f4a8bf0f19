"""Test: hold the package of a run to the gate, by asking the packaged server itself."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast

import numpy as np

from shipworthy.app.opened import Opened
from shipworthy.app.plan_file import write_plan
from shipworthy.app.probe import Probe
from shipworthy.app.run_folder import RunFolder
from shipworthy.core.digests import Json
from shipworthy.core.errors import NotFound
from shipworthy.core.findings import Finding, Verdict
from shipworthy.core.plan import Plan, Role, Variant
from shipworthy.core.progress import Progress, silent
from shipworthy.data.frame import FeatureFrame
from shipworthy.gates.evidence import Evidence
from shipworthy.gates.standard import judge
from shipworthy.packaging.card import model_card
from shipworthy.packaging.package import Package, open_package
from shipworthy.packaging.store import list_packages
from shipworthy.packaging.write import with_verdict
from shipworthy.serving.launch import launch
from shipworthy.stats.metrics import auc
from shipworthy.training.baseline import fit_rates
from shipworthy.training.boosted import Boosted
from shipworthy.training.search import search
from shipworthy.training.split import split_forward

__all__ = ["Judged", "judge_run"]

_QUICK: Final = {"num_leaves": 15, "learning_rate": 0.2, "min_child_samples": 100}
_QUICK_BUDGET_S: Final = 15.0
_QUICK_ROWS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A package with the gate's verdict inside.

    Attributes:
        package: Digest of the judged package.
        run: Id of the run that made it.
        verdict: What the gate said.
    """

    package: str
    run: str
    verdict: Verdict

    def to_json(self) -> dict[str, Json]:
        """Plain JSON for machines."""
        return {
            "package": self.package,
            "run": self.run,
            "verdict": self.verdict.to_json(),
            "verdict_digest": self.verdict.digest,
        }


def judge_run(opened: Opened, *, run: str | None = None, progress: Progress = silent) -> Judged:
    """Judge the package that a run proposed, and keep it with the verdict inside.

    Args:
        opened: The project.
        run: Id of the run; the newest if None.
        progress: Told before each check.

    Raises:
        NotFound: If there is no such run, or its files are gone.
        InvalidPackage: If the draft was altered since it was written.
        BackendFailed: If the packaged server does not start.
    """
    workspace = opened.workspace
    workspace.require("test")
    opened.enter_stage("gate")
    run = run or _newest_run(opened)
    body = workspace.documents.get("run", run).body
    folder = RunFolder(path=opened.runs(run))
    draft = open_package(folder.drafts / _only_draft(folder))
    progress("starting the packaged server", done=0.0)
    with _served(draft, folder) as probe:
        verdict = judge(_evidence(opened, folder, draft, probe), progress)
    card = model_card(draft, verdict=verdict, run=body)
    package = with_verdict(draft, workspace.packages, verdict=verdict, card=card)
    judged = Judged(package=package, run=run, verdict=verdict)
    _record(opened, judged, workspace.packages / package)
    return judged


def _record(opened: Opened, judged: Judged, home: Path) -> None:
    workspace, project, now = opened.workspace, opened.project.name, opened.workspace.clock.now().isoformat()
    package = open_package(home)
    workspace.keep(
        "verdict",
        judged.verdict.digest,
        {
            "project": project,
            "package": judged.package,
            "run": judged.run,
            "made_at": now,
            "verdict": judged.verdict.to_json(),
        },
    )
    workspace.keep(
        "package",
        judged.package,
        {
            "project": project,
            "run": judged.run,
            "content_digest": package.content_digest,
            "verdict": judged.verdict.digest,
            "author": package.origin["author"],
            "created_at": now,
            "size_bytes": package.size_bytes,
        },
    )
    run = workspace.documents.get("run", judged.run)
    workspace.keep("run", judged.run, {**run.body, "package": judged.package})
    passed = judged.verdict.passed
    blocking: list[Json] = [one.check for one in judged.verdict.blocking()]
    workspace.note("gate.judged", judged.package, verdict=judged.verdict.digest, passed=passed, blocking=blocking)
    if passed:
        opened.enter_stage("approval")


@contextmanager
def _served(draft: Package, folder: RunFolder) -> Iterator[Probe]:
    """The draft behind the real server, in a folder of its own: nothing of it enters production's records."""
    with TemporaryDirectory(prefix="shipworthy-gate-") as home:
        variant = Variant(name="candidate", role=Role.CHAMPION, package=draft.digest, weight=1.0)
        plan = Plan(endpoint="gate", number=1, variants=(variant,), fallback=False, approved=False)
        packages = Path(home) / "packages"
        packages.mkdir()
        (packages / draft.digest).symlink_to((folder.drafts / draft.digest).absolute(), target_is_directory=True)
        write_plan(Path(home), plan)
        with launch(Path(home), port=0, log=folder.path / "server.log") as running:
            yield Probe(running, endpoint="gate", signature=draft.signature)


def _evidence(opened: Opened, folder: RunFolder, draft: Package, probe: Probe) -> Evidence:
    frame = folder.frame()
    split = split_forward(frame, label_delay=opened.project.data.label_delay)
    parity = folder.rows("parity")
    findings = cast("Sequence[Mapping[str, Json]]", folder.json("findings"))
    return Evidence(
        package=draft,
        contract=tuple(Finding.from_json(one) for one in findings),
        train=folder.scores("train"),
        valid=folder.scores("valid"),
        baseline=folder.scores("baseline"),
        train_features=frame.rows(split.train).features,
        valid_features=frame.rows(split.valid).features,
        rows=parity.drop_columns(["__framework"]),
        framework=parity.column("__framework").to_numpy(),
        served=probe,
        auc_without=lambda feature: _auc_without(opened, frame, feature),
    )


def _auc_without(opened: Opened, frame: FeatureFrame, feature: str) -> float:
    """AUC on the validation rows of a quick model that never saw ``feature``."""
    if len(frame.names) == 1:
        return 0.5
    kept = frame.features.drop_columns([feature])
    blind = replace(
        frame,
        features=kept,
        known_at={name: frame.known_at[name] for name in kept.column_names if name in frame.known_at},
    )
    project = replace(opened.project, training=replace(opened.project.training, budget_s=_QUICK_BUDGET_S))
    quick = Boosted(name="quick", settings=_QUICK, threads=max(1, (os.cpu_count() or 1) - 1))
    some = np.arange(0, len(blind), max(1, len(blind) // _QUICK_ROWS))
    found = search(
        blind.rows(some),
        project,
        baseline=lambda rows: fit_rates(rows, by=()),
        clock=opened.workspace.clock,
        portfolio=(quick,),
    )
    model = next(one for one in found.candidates if one.kind != "baseline")
    return float(auc(model.valid))


def _newest_run(opened: Opened) -> str:
    newest = opened.newest("run")
    if newest is None:
        raise NotFound(
            f"project {opened.project.name!r} has no run yet",
            remedy="make one with `shipworthy train`",
            project=opened.project.name,
        )
    return newest.id


def _only_draft(folder: RunFolder) -> str:
    drafts = list_packages(folder.drafts)
    if not drafts:
        raise NotFound(
            f"run {folder.path.name} has no package to judge",
            remedy="train again with `shipworthy train`",
            run=folder.path.name,
        )
    return drafts[0]
