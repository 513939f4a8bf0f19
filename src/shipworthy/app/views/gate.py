"""The gate: what was measured, the threshold, what convinces, the remedy; and the decision bound to two digests."""

from dataclasses import dataclass
from datetime import datetime

from shipworthy.app.views import words
from shipworthy.app.views.goal import GoalView
from shipworthy.app.views.health import Health
from shipworthy.app.views.reading import Part, Workspace, newest, read_all, read_if_there, read_one
from shipworthy.app.views.story import Headline, read_story, verdict_of
from shipworthy.core.errors import Refused
from shipworthy.core.findings import Finding, Status, Verdict
from shipworthy.governance.approvals import may_approve
from shipworthy.stores.documents import Document

__all__ = [
    "Decision",
    "GateView",
    "Group",
    "PackageRow",
    "gate_of_package",
    "gate_of_project",
    "view_gate",
    "view_packages",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A person's yes or no."""

    id: str
    person: str
    role: str
    yes: bool
    reason: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Findings that ended alike.

    Attributes:
        name: ``failed``, ``warned``, ``passed`` or ``skipped``.
        findings: In the order they were made.
    """

    name: str
    health: Health
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateView:
    """One verdict and what a person may do with it.

    Attributes:
        digest: Digest of the verdict, which an approval is bound to.
        package: Digest of the package, which an approval is bound to; empty when none was written.
        groups: Failed, warned, passed, skipped; empty groups are left out.
        decisions: Every yes and no to this verdict, newest first.
        may_approve: Whether the person who looks may say yes now.
        may_refuse: Whether they may say no now, for the first time or after a yes.
        why_not: Why neither, in a sentence; empty when they may.
    """

    digest: str
    package: str
    project: str
    run: str
    author: str
    made_at: datetime | None
    headline: Headline
    verdict: Verdict
    groups: tuple[Group, ...]
    decisions: tuple[Decision, ...]
    may_approve: bool
    may_refuse: bool
    why_not: str
    goal: GoalView


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRow:
    """One package in a list.

    Attributes:
        verdict: Digest of its verdict; empty when it was not judged.
        passed: Whether the gate let it pass; None when it was not judged.
        decision: The newest yes or no; None when nobody decided.
        serves: Endpoints whose plan in force holds it.
    """

    digest: str
    project: str
    run: str
    created_at: datetime | None
    size_bytes: float | None
    verdict: str
    passed: bool | None
    decision: Decision | None
    serves: tuple[str, ...]


_GROUPS = (
    ("failed", Health.BROKEN, frozenset({Status.FAILED, Status.ERRORED})),
    ("warned", Health.LOOK, frozenset({Status.WARNED})),
    ("passed", Health.WELL, frozenset({Status.PASSED})),
    ("skipped", Health.UNKNOWN, frozenset({Status.SKIPPED})),
)


def view_gate(workspace: Workspace, digest: str) -> GateView:
    """The gate's page for one verdict.

    Raises:
        NotFound: If there is no such verdict.
    """
    document = read_one(workspace, "verdict", digest)
    body, verdict = Part(document.body), verdict_of(document)
    decisions = tuple(_decision(one) for one in read_all(workspace, "approval", verdict=digest))
    made = read_if_there(workspace, "package", body.text("package"))
    author = Part(made.body if made else None).text("author")
    why_not = _why_not(workspace, verdict, package=body.text("package"), author=author)
    said = next((one.yes for one in decisions if one.person == workspace.person.name), None)
    return GateView(
        digest=document.id,
        package=body.text("package"),
        project=body.text("project"),
        run=body.text("run"),
        author=author,
        made_at=body.instant("made_at") or document.created_at,
        headline=_headline(verdict, decisions, made_at=body.instant("made_at")),
        verdict=verdict,
        groups=groups_of(verdict),
        decisions=decisions,
        may_approve=not why_not and said is not True,
        may_refuse=not why_not and said is not False,
        why_not=why_not,
        goal=read_story(workspace, body.text("project")).goal,
    )


def gate_of_project(workspace: Workspace, project: str) -> GateView | None:
    """The gate's page for a project's newest verdict; None when it was never judged.

    Raises:
        NotFound: If there is no such project.
    """
    read_one(workspace, "project", project)
    found = newest(workspace, "verdict", project=project)
    return view_gate(workspace, found.id) if found else None


def gate_of_package(workspace: Workspace, package: str) -> GateView | None:
    """The gate's page for one package; None when it was not judged.

    Raises:
        NotFound: If there is no such package.
    """
    body = Part(read_one(workspace, "package", package).body)
    digest = body.text("verdict")
    return view_gate(workspace, digest) if digest else None


def view_packages(workspace: Workspace) -> tuple[PackageRow, ...]:
    """Every package, newest first."""
    serving = _serving(workspace)
    return tuple(_package(workspace, one, serving) for one in read_all(workspace, "package", 200))


def groups_of(verdict: Verdict) -> tuple[Group, ...]:
    """The findings by how they ended, the worst first."""
    found = (
        Group(name=name, health=health, findings=tuple(one for one in verdict.findings if one.status in statuses))
        for name, health, statuses in _GROUPS
    )
    return tuple(one for one in found if one.findings)


def _package(workspace: Workspace, document: Document, serving: dict[str, tuple[str, ...]]) -> PackageRow:
    body = Part(document.body)
    digest = body.text("verdict")
    judged = read_if_there(workspace, "verdict", digest)
    decided = newest(workspace, "approval", package=document.id)
    return PackageRow(
        digest=document.id,
        project=body.text("project"),
        run=body.text("run"),
        created_at=body.instant("created_at"),
        size_bytes=body.number("size_bytes"),
        verdict=digest,
        passed=verdict_of(judged).passed if judged else None,
        decision=_decision(decided) if decided else None,
        serves=serving.get(document.id, ()),
    )


def _serving(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    newest_of: dict[str, Part] = {}
    for one in read_all(workspace, "plan"):
        plan = Part(one.body).part("plan")
        kept = newest_of.get(plan.text("endpoint"))
        if kept is None or kept.whole("number") < plan.whole("number"):
            newest_of[plan.text("endpoint")] = plan
    serving: dict[str, tuple[str, ...]] = {}
    for endpoint, plan in newest_of.items():
        for variant in plan.parts("variants"):
            serving[variant.text("package")] = (*serving.get(variant.text("package"), ()), endpoint)
    return serving


def _decision(document: Document) -> Decision:
    body = Part(document.body)
    return Decision(
        id=document.id,
        person=body.text("person"),
        role=body.text("role"),
        yes=body.text("decision") == "yes",
        reason=body.text("reason"),
        at=body.instant("at") or document.created_at,
    )


def _why_not(workspace: Workspace, verdict: Verdict, *, package: str, author: str) -> str:
    if not verdict.passed:
        return "The gate refuses it, so there is nothing to approve: mend what failed and run `shipworthy ship` again."
    if not package:
        return "No package was written for this verdict: run `shipworthy ship`."
    person = workspace.person
    try:
        may_approve(person.name, person.role, author, own_allowed=workspace.config.approve_own)
    except Refused as refused:
        return f"{refused.problem}: {refused.remedy}."
    return ""


def _headline(verdict: Verdict, decisions: tuple[Decision, ...], *, made_at: datetime | None) -> Headline:
    passed = sum(one.status is Status.PASSED for one in verdict.findings)
    figure, note = f"{passed} of {len(verdict.findings)}", "checks passed"
    if not verdict.passed:
        names = ", ".join(one.check for one in verdict.blocking()[:3])
        sentence = f"Not fit to ship: {words.plural(len(verdict.blocking()), 'check')} failed ({names})."
        return Headline(health=Health.BROKEN, sentence=sentence, figure=figure, note=note, as_of=made_at)
    warned = sum(one.status is Status.WARNED for one in verdict.findings)
    health, state = Health.WELL, "nothing stands against it"
    if warned:
        state = f"{words.plural(warned, 'warning')} to weigh"
    if not decisions:
        health, sentence = Health.LOOK, f"Fit to ship, {state}: it waits for a person's yes or no."
    elif decisions[0].yes:
        sentence = f"Fit to ship and approved by {decisions[0].person}."
    else:
        health, sentence = Health.BROKEN, f"Fit to ship, but refused by {decisions[0].person}: {decisions[0].reason}"
    return Headline(health=health, sentence=sentence, figure=figure, note=note, as_of=made_at)
