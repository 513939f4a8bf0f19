"""People: who acts in the workspace, what each role may do, and what everybody did last."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shipworthy.app.views.reading import Workspace
from shipworthy.governance.people import ACTIONS, Role, allowed

__all__ = ["PeopleView", "PersonRow", "view_people"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """One person or part of the system that acted or may act.

    Attributes:
        role: Their role; empty for a part of the system.
        events: How many events of the ledger are theirs.
        last_at: When they last acted.
        last: What that was.
    """

    name: str
    role: str
    events: int
    last_at: datetime | None
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleView:
    """Everybody, and the table of roles.

    Attributes:
        may: For each action, whether owner, contributor and reader may do it, in this order.
        approve_own: Whether one person may approve their own package.
    """

    people: tuple[PersonRow, ...]
    roles: tuple[str, ...]
    may: Mapping[str, tuple[bool, ...]]
    approve_own: bool


def view_people(workspace: Workspace) -> PeopleView:
    """Read everybody from the settings and the ledger."""
    named = {**workspace.config.people, workspace.person.name: workspace.person.role.value}
    events: dict[str, list[tuple[datetime, str]]] = {name: [] for name in named}
    for event in workspace.ledger.history():
        events.setdefault(event.actor, []).append((event.at, event.kind))
    rows = (
        PersonRow(
            name=name,
            role=named.get(name, ""),
            events=len(acts),
            last_at=acts[-1][0] if acts else None,
            last=acts[-1][1] if acts else "",
        )
        for name, acts in events.items()
    )
    return PeopleView(
        people=tuple(sorted(rows, key=lambda one: (not one.role, one.name))),
        roles=tuple(role.value for role in Role),
        may={action: tuple(allowed(role, action) for role in Role) for action in ACTIONS},
        approve_own=workspace.config.approve_own,
    )
