"""Approvals: a person's yes or no, bound to the digest of one package and the digest of the verdict on it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shipworthy.core.clock import parse_instant
from shipworthy.core.digests import Json
from shipworthy.core.errors import Refused
from shipworthy.core.findings import Verdict
from shipworthy.governance.people import Person, Role, require_role

__all__ = ["Approval", "Decision", "decide", "may_approve", "require_approval", "standing_approval"]


class Decision(StrEnum):
    """What a person said."""

    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's yes or no.

    Attributes:
        package: Digest of the package that it is about; it counts for no other.
        verdict: Digest of the verdict that the person saw.
        person: Who said it.
        role: What they were then.
        author: Who made the package.
        decision: Yes or no.
        reason: Why, in their words; required for a no.
        at: When.
    """

    package: str
    verdict: str
    person: str
    role: Role
    author: str
    decision: Decision
    reason: str
    at: datetime

    def to_json(self) -> dict[str, Json]:
        """Plain JSON, from which :meth:`from_json` makes an equal approval."""
        return {
            "package": self.package,
            "verdict": self.verdict,
            "person": self.person,
            "role": self.role.value,
            "author": self.author,
            "decision": self.decision.value,
            "reason": self.reason,
            "at": self.at.isoformat(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Json]) -> "Approval":
        """Read what :meth:`to_json` wrote; other keys are left alone."""
        return cls(
            package=str(body["package"]),
            verdict=str(body["verdict"]),
            person=str(body["person"]),
            role=Role(str(body["role"])),
            author=str(body["author"]),
            decision=Decision(str(body["decision"])),
            reason=str(body["reason"]),
            at=parse_instant(str(body["at"])),
        )


def may_approve(person: str, role: Role, author: str, *, own_allowed: bool) -> None:
    """Make sure that a person may decide about what ``author`` made.

    Args:
        person: Who wants to decide.
        role: What they are in the workspace.
        author: Who made the package.
        own_allowed: Whether the workspace lets people decide about their own packages.

    Raises:
        Refused: If the role does not allow it, or it is their own and the workspace wants four eyes.
    """
    require_role(Person(name=person, role=role), "approve")
    if person == author and not own_allowed:
        raise Refused(
            f"{person} made this package and may not decide about it",
            remedy="ask another owner, or set approve_own = true in workspace.toml if one person is enough here",
            person=person,
            author=author,
        )


def decide(
    person: Person,
    decision: Decision,
    *,
    package: str,
    content: str,
    verdict: Verdict,
    author: str,
    own_allowed: bool,
    reason: str,
    at: datetime,
) -> Approval:
    """A person's decision about one package on the evidence of one verdict.

    Args:
        person: Who decides.
        decision: Yes or no.
        package: Digest of the package.
        content: The package's content digest: what the verdict has to be about.
        verdict: The verdict that they saw.
        author: Who made the package.
        own_allowed: Whether the workspace lets people decide about their own packages.
        reason: Why; required for a no.
        at: When.

    Raises:
        Refused: If they may not decide, the verdict is about something else, or a yes is given to a verdict
            that failed, or a no without a reason.
    """
    may_approve(person.name, person.role, author, own_allowed=own_allowed)
    if verdict.subject != content:
        raise Refused(
            f"the verdict is about {verdict.subject[:12]}, not about the content {content[:12]} of this package",
            remedy="judge this package (shipworthy test) and decide on its own verdict",
            package=package,
            subject=verdict.subject,
        )
    if decision is Decision.YES and not verdict.passed:
        raise _failed(verdict, package)
    if decision is Decision.NO and not reason.strip():
        raise Refused("a no needs a reason", remedy="say what has to change, for its author", package=package)
    return Approval(
        package=package,
        verdict=verdict.digest,
        person=person.name,
        role=person.role,
        author=author,
        decision=decision,
        reason=reason,
        at=at,
    )


def standing_approval(approvals: Iterable[Approval], *, package: str, verdict: str) -> Approval | None:
    """The approval by which a package may serve now, if any.

    Each person's latest word on exactly this package and verdict counts, and one standing no outweighs every yes.
    Of two words given at the same instant the no counts.

    Args:
        approvals: All that were given, in any order.
        package: Digest of the package.
        verdict: Digest of its verdict.
    """
    bound = [one for one in approvals if (one.package, one.verdict) == (package, verdict)]
    bound.sort(key=lambda one: (one.at, one.decision is Decision.NO))
    latest = {one.person: one for one in bound}.values()
    if any(one.decision is Decision.NO for one in latest):
        return None
    return max(latest, key=lambda one: one.at, default=None)


def require_approval(approvals: Iterable[Approval], *, package: str, verdict: str) -> Approval:
    """The approval by which a package may serve now.

    Raises:
        Refused: If nobody approved exactly this package on exactly this verdict, or somebody refused it.
    """
    given = tuple(approvals)
    approval = standing_approval(given, package=package, verdict=verdict)
    if approval is not None:
        return approval
    refusals = [one for one in given if one.package == package and one.decision is Decision.NO]
    if refusals:
        problem = f"{refusals[-1].person} refused package {package[:12]}: {refusals[-1].reason}"
    else:
        problem = f"nobody has approved package {package[:12]} on its verdict {verdict[:12]}"
    raise Refused(
        problem,
        remedy=f"have an owner look at the findings and run `shipworthy approve --package {package[:12]}`",
        package=package,
        verdict=verdict,
    )


def _failed(verdict: Verdict, package: str) -> Refused:
    blocking = [finding.check for finding in verdict.blocking()]
    return Refused(
        f"the verdict on package {package[:12]} failed: {', '.join(blocking)}",
        remedy="mend what the findings name, train again, and approve the new package",
        package=package,
        checks=blocking,
    )
