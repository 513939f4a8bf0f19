"""Ship: the whole way as far as it is not gone yet: check, train, test, approve, release."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shipworthy.app.approve import approval_of, approve, find_package
from shipworthy.app.gate import Judged, judge_run
from shipworthy.app.inputs import digest_inputs
from shipworthy.app.opened import Opened
from shipworthy.app.release import release
from shipworthy.app.train import train
from shipworthy.core.digests import Json
from shipworthy.core.errors import Refused
from shipworthy.core.findings import Verdict
from shipworthy.core.plan import Plan
from shipworthy.core.progress import Progress, silent
from shipworthy.stores.documents import Document

__all__ = ["Shipped", "ship"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """What serves now, and why it may.

    Attributes:
        judged: The package and the gate's verdict on it.
        run_body: Body of the run that made it.
        plan: The plan in force.
    """

    judged: Judged
    run_body: Mapping[str, Json]
    plan: Plan

    def to_json(self) -> dict[str, Json]:
        """Plain JSON for machines."""
        return {**self.judged.to_json(), "plan": self.plan.to_json(), "sentence": self.run_body["sentence"]}


def ship(
    opened: Opened,
    *,
    yes: bool = False,
    reason: str = "",
    ask: Callable[[str], bool] | None = None,
    direct: bool = False,
    progress: Progress = silent,
) -> Shipped:
    """Go the whole way to a released package; what was done on the same inputs already is not done again.

    Args:
        opened: The project.
        yes: Approve as the acting person when the gate lets the package pass.
        reason: Why, for the approval.
        ask: Asks the person when ``yes`` is not given; None where nobody can be asked.
        direct: Replace what serves in one step, whatever rollout the project declares.
        progress: Told before each step.

    Raises:
        Refused: If data, gate or role say no, or the package waits for somebody's approval.
    """
    judged = _judged_already(opened) or judge_run(opened, run=train(opened, progress=progress).run, progress=progress)
    if not judged.verdict.passed:
        worst = judged.verdict.blocking()[0]
        raise Refused(
            f"the gate refuses package {judged.package[:12]}: {worst.check}: {worst.message}",
            remedy=worst.remedy,
            package=judged.package,
            findings=[one.to_json() for one in judged.verdict.blocking()],
        )
    package = find_package(opened, judged.package)
    if not _is_approved(opened, package) and (yes or (ask is not None and ask(_question(opened, judged)))):
        approve(opened, package=package.id, reason=reason)
    plan = release(opened, package, why=reason or "shipped", direct=direct)
    run_body = opened.workspace.documents.get("run", judged.run).body
    return Shipped(judged=judged, run_body=run_body, plan=plan)


def _judged_already(opened: Opened) -> Judged | None:
    """The newest run's package, when it was judged and its inputs are the same as now."""
    run = opened.newest("run")
    if run is None or not run.body.get("package") or run.body.get("inputs") != digest_inputs(opened):
        return None
    package = opened.workspace.known("package", str(run.body["package"]))
    if package is None or not (opened.workspace.packages / package.id).is_dir():
        return None
    kept = opened.workspace.documents.get("verdict", str(package.body["verdict"])).body["verdict"]
    assert isinstance(kept, Mapping)
    return Judged(package=package.id, run=run.id, verdict=Verdict.from_json(kept))


def _is_approved(opened: Opened, package: Document) -> bool:
    try:
        approval_of(opened.workspace, package.id, str(package.body["verdict"]))
    except Refused:
        return False
    return True


def _question(opened: Opened, judged: Judged) -> str:
    passed = sum(not one.remedy for one in judged.verdict.findings)
    endpoint = opened.project.serving.endpoint
    return (
        f"{passed} of {len(judged.verdict.findings)} checks passed without a remark. "
        f"Approve package {judged.package[:12]} for endpoint {endpoint!r}?"
    )
