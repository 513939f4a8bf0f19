import pytest

from shipworthy.core.errors import Refused
from shipworthy.governance.people import ACTIONS, Person, Role, allowed, require_role


@pytest.mark.covers("R10", "R3")
def test_the_table_of_roles_is_this_one():
    owner_only = {"approve", "manage_people", "configure"}
    assert {action for action in ACTIONS if allowed(Role.OWNER, action)} == set(ACTIONS)
    assert {action for action in ACTIONS if allowed(Role.CONTRIBUTOR, action)} == set(ACTIONS) - owner_only
    assert {action for action in ACTIONS if allowed(Role.READER, action)} == {"read", "predict"}


@pytest.mark.covers("TRUST-S13")
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("role", Role)
def test_whoever_may_not_is_refused_and_told_who_may(role, action):
    person = Person(name="ann", role=role)
    if allowed(role, action):
        require_role(person, action)
        return
    with pytest.raises(Refused, match=f"ann is {role.value}") as refused:
        require_role(person, action)
    assert "owner" in refused.value.remedy
    assert refused.value.facts == {"person": "ann", "role": role.value, "action": action}
