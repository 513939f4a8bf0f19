from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipworthy.core.errors import Refused
from shipworthy.core.findings import Finding, Status, Verdict
from shipworthy.governance.approvals import (
    Approval,
    Decision,
    decide,
    may_approve,
    require_approval,
    standing_approval,
)
from shipworthy.governance.people import Person, Role

AT = datetime(2013, 10, 1, tzinfo=UTC)
PACKAGE, OTHER, CONTENT = "a" * 64, "b" * 64, "c" * 64
FINE = Finding(check="latency", status=Status.PASSED, message="p99 is 2 ms")
BROKEN = Finding(check="leakage", status=Status.FAILED, message="dep_delay tells all", remedy="leave it out")


def verdict(*findings, subject=CONTENT):
    return Verdict(gate="standard", subject=subject, findings=findings or (FINE,))


def said(**changes):
    plain = {
        "person": Person(name="olga", role=Role.OWNER),
        "decision": Decision.YES,
        "package": PACKAGE,
        "content": CONTENT,
        "verdict": verdict(),
        "author": "carl",
        "own_allowed": False,
        "reason": "",
        "at": AT,
    }
    plain.update(changes)
    return decide(plain.pop("person"), plain.pop("decision"), **plain)


@pytest.mark.covers("R12", "TRUST-S17")
def test_an_approval_is_bound_to_person_package_and_verdict_and_comes_back_equal():
    approval = said()
    assert (approval.package, approval.verdict, approval.person) == (PACKAGE, verdict().digest, "olga")
    assert Approval.from_json(approval.to_json()) == approval
    assert Approval.from_json({**approval.to_json(), "project": "flights"}) == approval


@pytest.mark.covers("TRUST-S17")
def test_nobody_approves_their_own_work_where_the_workspace_wants_four_eyes():
    with pytest.raises(Refused, match="made this package") as refused:
        said(author="olga")
    assert "approve_own" in refused.value.remedy
    assert said(author="olga", own_allowed=True).person == "olga"
    with pytest.raises(Refused, match="made this package"):
        may_approve("olga", Role.OWNER, "olga", own_allowed=False)


@pytest.mark.covers("TRUST-S17", "R10")
@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.READER])
@pytest.mark.parametrize("decision", Decision)
def test_only_owners_decide(role, decision):
    with pytest.raises(Refused, match="may not approve"):
        said(person=Person(name="carl", role=role), decision=decision, reason="x", own_allowed=True)


@pytest.mark.covers("R12")
def test_a_failed_verdict_cannot_be_approved_but_refused():
    with pytest.raises(Refused, match="failed: leakage"):
        said(verdict=verdict(FINE, BROKEN))
    no = said(verdict=verdict(FINE, BROKEN), decision=Decision.NO, reason="it leaks")
    assert no.decision is Decision.NO


def test_a_no_needs_a_reason():
    with pytest.raises(Refused, match="needs a reason"):
        said(decision=Decision.NO, reason="  ")


@pytest.mark.covers("TRUST-S17", "TRUST-S10")
def test_a_verdict_on_another_package_approves_nothing():
    with pytest.raises(Refused, match="not about the content"):
        said(verdict=verdict(subject=OTHER))


@pytest.mark.covers("TRUST-S17")
def test_an_approval_of_one_package_does_not_count_for_another_nor_for_another_verdict():
    approvals = [said()]
    assert require_approval(approvals, package=PACKAGE, verdict=verdict().digest) == approvals[0]
    for package, judged in ((OTHER, verdict().digest), (PACKAGE, verdict(FINE, FINE).digest), (OTHER, "")):
        assert standing_approval(approvals, package=package, verdict=judged) is None
        with pytest.raises(Refused, match="nobody has approved"):
            require_approval(approvals, package=package, verdict=judged)


def test_a_refusal_says_who_refused_and_why():
    approvals = [said(decision=Decision.NO, reason="wrong threshold")]
    with pytest.raises(Refused, match="olga refused package aaaaaaaaaaaa: wrong threshold"):
        require_approval(approvals, package=PACKAGE, verdict=verdict().digest)


def test_a_persons_latest_word_counts_and_one_standing_no_stops_all():
    yes = said()
    later = AT + timedelta(hours=1)
    no = said(decision=Decision.NO, reason="wait", at=later)
    back = said(at=later + timedelta(hours=1))
    pia = said(person=Person(name="pia", role=Role.OWNER), at=later)
    judged = {"package": PACKAGE, "verdict": verdict().digest}
    assert standing_approval([yes, no], **judged) is None
    assert standing_approval([no, back, yes], **judged) == back
    assert standing_approval([yes, no, pia], **judged) is None
    assert standing_approval([yes, pia], **judged) == pia
    assert standing_approval([], **judged) is None


approvals = st.lists(
    st.builds(
        said,
        person=st.sampled_from([Person(name="olga", role=Role.OWNER), Person(name="pia", role=Role.OWNER)]),
        decision=st.sampled_from(Decision),
        reason=st.just("because"),
        at=st.integers(0, 3).map(lambda hours: AT + timedelta(hours=hours)),
        package=st.sampled_from([PACKAGE, OTHER]),
    ),
    max_size=6,
)


@settings(deadline=None)
@given(approvals, st.randoms())
def test_the_order_in_which_approvals_are_read_makes_no_difference(given_approvals, shuffler):
    judged = {"package": PACKAGE, "verdict": verdict().digest}
    shuffled = list(given_approvals)
    shuffler.shuffle(shuffled)
    first, second = standing_approval(given_approvals, **judged), standing_approval(shuffled, **judged)
    assert (first is None) == (second is None)
    assert first is None or (first.at, first.package, first.decision) == (second.at, PACKAGE, Decision.YES)
