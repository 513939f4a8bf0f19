"""Approve: a person's yes or no, bound to the digest of one package and of the verdict on it."""

from collections.abc import Mapping

from shipworthy.app.opened import Opened
from shipworthy.app.workspace import Workspace
from shipworthy.core.digests import Json
from shipworthy.core.errors import NotFound
from shipworthy.core.findings import Verdict
from shipworthy.governance.approvals import Approval, Decision, decide, require_approval
from shipworthy.packaging.package import open_package
from shipworthy.stores.documents import Document

__all__ = ["approval_of", "approve", "decide_on", "find_package"]

_MOST = 1000


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
    judged = Verdict.from_json(_mapping(workspace.documents.get("verdict", verdict).body["verdict"]))
    content = open_package(workspace.packages / package).content_digest
    approval = decide(
        workspace.person,
        decision,
        package=package,
        content=content,
        verdict=judged,
        author=str(described["author"]),
        own_allowed=workspace.config.approve_own,
        reason=reason,
        at=workspace.clock.now(),
    )
    body = {"project": described["project"], **approval.to_json()}
    workspace.documents.add("approval", workspace.new_id("approval"), body)
    workspace.note(
        f"approval.{decision.value}", package, verdict=verdict, reason=reason, role=workspace.person.role.value
    )
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

    Raises:
        Refused: If nobody approved exactly this package on exactly this verdict, or somebody refused it.
    """
    given = workspace.documents.find("approval", where={"package": package}, limit=_MOST)
    return require_approval([Approval.from_json(one.body) for one in given], package=package, verdict=verdict)


def _mapping(value: Json) -> Mapping[str, Json]:
    assert isinstance(value, Mapping)
    return value
