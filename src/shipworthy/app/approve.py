"""Approve: a person's yes or no, bound to the digest of one package and of the verdict on it."""

from collections import Counter
from collections.abc import Mapping

from shipworthy.app.opened import Opened
from shipworthy.app.workspace import Workspace
from shipworthy.core.digests import Json
from shipworthy.core.errors import NotFound, Refused
from shipworthy.core.findings import Verdict
from shipworthy.governance.approvals import Approval, Decision, decide, require_approval
from shipworthy.packaging.package import Package, open_package
from shipworthy.stores.documents import Document

__all__ = ["approval_of", "approve", "decide_on", "find_package"]

_MOST = 1000
_KIND = {one: f"approval.{one.value}" for one in Decision}
_KINDS = frozenset(_KIND.values())


def approve(opened: Opened, *, package: str | None = None, reason: str = "", yes: bool = True) -> Mapping[str, Json]:
    """Say yes or no to a package of this project.

    Args:
        opened: The project.
        package: Digest, or its first characters; the newest if None.
        reason: Why, in a sentence; a no needs one.
        yes: The decision.

    Returns:
        Body of the ``approval`` document.

    Raises:
        NotFound: If there is no such package, or the first characters fit several.
        Refused: If the person may not decide, or a yes is given to a package that the gate refused.
    """
    found = find_package(opened, package)
    decision = Decision.YES if yes else Decision.NO
    return decide_on(opened.workspace, found.id, str(found.body["verdict"]), decision, reason)


def decide_on(workspace: Workspace, package: str, verdict: str, decision: Decision, reason: str) -> Mapping[str, Json]:
    """Bind the acting person's decision to exactly this package and this verdict.

    Raises:
        NotFound: If one of them is not there.
        InvalidPackage: If the package was altered since it was judged.
        Refused: If the person may not decide, or the verdict is about something else.
    """
    described = workspace.documents.get("package", package).body
    workspace.documents.get("verdict", verdict)
    kept = open_package(workspace.packages / package)
    approval = decide(
        workspace.person,
        decision,
        package=package,
        content=kept.content_digest,
        verdict=_verdict_inside(kept, verdict),
        author=str(kept.origin["author"]),  # what the digest covers, and not what the database says
        own_allowed=workspace.config.approve_own,
        reason=reason,
        at=workspace.clock.now(),
    )
    body = {"project": described["project"], **approval.to_json()}
    workspace.documents.add("approval", workspace.new_id("approval"), body)
    workspace.note(_KIND[decision], package, verdict=verdict, reason=reason, role=workspace.person.role.value)
    return body


def find_package(opened: Opened, package: str | None) -> Document:
    """The judged package of this project whose digest begins with ``package``; the newest if None.

    Raises:
        NotFound: If there is none, or the first characters fit several.
    """
    where = {"project": opened.project.name}
    known = opened.workspace.documents.find("package", where=where, limit=_MOST)
    fitting = [one for one in known if one.id.startswith(package or "")]
    if not fitting or (package and len(fitting) > 1):
        raise NotFound(
            f"{len(fitting) or 'no'} judged packages begin with {package!r}"
            if package
            else "no package was judged yet",
            remedy="give more of the digest; `shipworthy test` prints it" if fitting else "run `shipworthy test`",
            package=package,
        )
    return fitting[0]


def approval_of(workspace: Workspace, package: str, verdict: str) -> Approval:
    """The approval by which ``package`` may serve.

    It counts only where package, documents and ledger agree: the package is whole and holds this verdict, which
    passed, and the ledger tells of the same words on it as the documents.

    Raises:
        InvalidPackage: If the package was altered since it was judged.
        Refused: If nobody approved exactly this package on exactly this verdict, or somebody refused it.
    """
    inside = _verdict_inside(open_package(workspace.packages / package), verdict)
    if not inside.passed:
        raise Refused(
            f"the verdict inside package {package[:12]} failed", remedy="train again and judge that", package=package
        )
    found = workspace.documents.find("approval", where={"package": package}, limit=_MOST)
    given = [Approval.from_json(one.body) for one in found]
    told = Counter(
        (event.actor, event.kind, event.facts.get("verdict"))
        for event in workspace.ledger.history(subject=package)
        if event.kind in _KINDS
    )
    if lost := told - Counter(map(_told_as, given)):
        raise Refused(
            f"{next(iter(lost))[0]} decided on package {package[:12]} by the ledger, and that decision was taken out",
            remedy="restore the database from a backup",
            package=package,
        )
    # Without its event in the ledger an approval is a row that somebody put into the database.
    return require_approval([one for one in given if _told_as(one) in told], package=package, verdict=verdict)


def _told_as(approval: Approval) -> tuple[str, str, Json]:
    """What the ledger says of an approval."""
    return approval.person, _KIND[approval.decision], approval.verdict


def _verdict_inside(package: Package, verdict: str) -> Verdict:
    """The verdict that stands in the package itself.

    Raises:
        Refused: If it is not the one of that digest.
    """
    if package.verdict is None or package.verdict.digest != verdict:
        raise Refused(
            f"package {package.digest[:12]} does not hold the verdict {verdict[:12]}",
            remedy="judge it again with `shipworthy test` and decide on its own verdict",
            package=package.digest,
            verdict=verdict,
        )
    return package.verdict
