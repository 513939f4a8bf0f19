"""People and what their roles let them do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, get_args

from shipworthy.core.errors import Refused

__all__ = ["ACTIONS", "Action", "Person", "Role", "allowed", "require_role"]

Action = Literal[
    "read",
    "predict",
    "give_feedback",
    "edit_project",
    "check",
    "train",
    "test",
    "ship",
    "serve",
    "promote",
    "rollback",
    "close_incident",
    "approve",
    "manage_people",
    "configure",
]

ACTIONS: Final[tuple[Action, ...]] = get_args(Action)


class Role(StrEnum):
    """What a person is in a workspace."""

    OWNER = "owner"
    CONTRIBUTOR = "contributor"
    READER = "reader"


_READING: Final[frozenset[Action]] = frozenset({"read", "predict"})
_OWNING: Final[frozenset[Action]] = frozenset({"approve", "manage_people", "configure"})

# Whoever may work may also roll back: it returns to what was approved, and doubt must not wait for an owner.
_MAY: Final[Mapping[Role, frozenset[Action]]] = {
    Role.OWNER: frozenset(ACTIONS),
    Role.CONTRIBUTOR: frozenset(ACTIONS) - _OWNING,
    Role.READER: _READING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who acts in a workspace.

    Attributes:
        name: Who it is, the same name in every record.
        role: What they are in this workspace.
    """

    name: str
    role: Role


def allowed(role: Role, action: Action) -> bool:
    """Whether a role may do an action.

    >>> allowed(Role.CONTRIBUTOR, "train"), allowed(Role.CONTRIBUTOR, "approve")
    (True, False)
    """
    return action in _MAY[role]


def require_role(person: Person, action: Action) -> None:
    """Make sure that a person may do an action.

    Raises:
        Refused: If their role does not allow it.
    """
    if allowed(person.role, action):
        return
    able = [role.value for role in Role if allowed(role, action)]
    raise Refused(
        f"{person.name} is {person.role.value} here and may not {action.replace('_', ' ')}",
        remedy=f"ask somebody who is {' or '.join(able)}, or have an owner change the role",
        person=person.name,
        role=person.role.value,
        action=action,
    )
