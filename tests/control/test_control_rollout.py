"""Rollouts: they climb on evidence, go back on doubt, and never do both."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipworthy.control.guards import Guards, Seen
from shipworthy.control.rollout import State, begin, carry_out, decide, next_plan, observe
from shipworthy.core.digests import canonical_json
from shipworthy.core.findings import Finding, Status
from shipworthy.core.plan import Plan, Role, Variant
from shipworthy.problem.project import Rollout

NOW = datetime(2013, 10, 1, tzinfo=UTC)
OLD, NEW = "a" * 64, "b" * 64
CANARY = Rollout(strategy="canary")
PLAN = Plan(
    endpoint="flights", number=3, variants=(Variant(name="champion", role=Role.CHAMPION, package=OLD, weight=1.0),)
)


def look(state, findings=()):
    return decide(state, findings, NOW + timedelta(hours=1))


def test_the_first_release_is_direct_whatever_the_project_declares():
    state = begin(CANARY, first=True, now=NOW)
    assert look(state).kind == "finish"
    assert begin(Rollout(strategy="direct"), first=False, now=NOW).steps == (1.0,)


@pytest.mark.covers("S12")
def test_a_canary_climbs_step_by_step_only_after_enough_requests():
    state, plan, shares = begin(CANARY, first=False, now=NOW), PLAN, []
    for _ in range(20):
        action = look(state)
        if action.kind in {"advance", "finish"}:
            assert state.requests >= state.enough
        plan = next_plan(plan, NEW, action)
        shares.append(plan.variants[-1].weight)
        if action.kind == "finish":
            break
        state = observe(carry_out(state, action, NOW), Seen(canary=100, champion=900))
    assert sorted(set(shares)) == [0.01, 0.1, 0.5, 1.0]
    assert shares == sorted(shares)
    assert (plan.champion.package, len(plan.variants)) == (NEW, 1)


@pytest.mark.covers("S12", "M7")
def test_a_canary_that_fails_more_is_rolled_back_and_the_champion_gets_everything():
    state = begin(CANARY, first=False, now=NOW)
    state = observe(state, Seen(canary=300, canary_errors=30, champion=29_700, champion_errors=100))
    action = look(state)
    assert (action.kind, action.share) == ("roll_back", 0.0)
    assert "errors" in action.reason
    ramped = next_plan(PLAN, NEW, replace(action, kind="advance", share=0.1))
    assert next_plan(ramped, NEW, action).variants == PLAN.variants


def test_a_canary_that_answers_more_slowly_is_rolled_back():
    state = carry_out(
        begin(CANARY, first=False, now=NOW), replace(look(State(steps=(1.0,), since=NOW)), kind="advance"), NOW
    )
    slow = Seen(canary=300, canary_slow=(250, 120, 40), champion=2_700, champion_slow=(1350, 270, 27))
    assert "latency" in look(observe(state, slow)).reason


def test_a_crossing_is_never_forgotten_though_later_traffic_looks_fine():
    state = observe(begin(CANARY, first=False, now=NOW), Seen(canary=40, canary_errors=30, champion=4_000))
    fine = Seen(canary=10_000, champion=990_000, champion_errors=50_000)
    later = observe(state, fine)
    assert later.guards.errors.e_value < 40
    assert look(later).kind == "roll_back"


def test_a_finding_that_blocks_sends_the_canary_back_and_a_warning_does_not():
    state = begin(CANARY, first=False, now=NOW)
    warned = Finding(check="parity", status=Status.WARNED, message="close to the line", remedy="look")
    assert look(state, (warned,)).kind == "wait"
    failed = replace(warned, status=Status.FAILED, message="answers differ")
    assert look(state, (warned, failed)).reason == "parity: answers differ"


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400), st.floats(0, 1), st.floats(0, 1)), max_size=25),
    st.integers(1, 300),
)
def test_whatever_happens_the_weights_sum_to_one_and_nothing_climbs_after_doubt(traffic, enough):
    state, plan, doubted = begin(CANARY, first=False, now=NOW, enough=enough), PLAN, False
    for canary, champion, canary_bad, champion_bad in traffic:
        seen = Seen(
            canary=canary,
            champion=champion,
            canary_errors=int(canary * canary_bad),
            champion_errors=int(champion * champion_bad),
        )
        state = observe(state, seen)
        doubted = doubted or any(one.e_value >= one.line for one in state.guards.all())
        action = look(state)
        assert (action.kind == "roll_back") == doubted
        plan = next_plan(plan, NEW, action)
        assert sum(one.weight for one in plan.variants) == pytest.approx(1)
        if action.kind in {"roll_back", "finish"}:
            return
        state = carry_out(state, action, NOW)


def test_waiting_leaves_the_plan_as_it_is():
    state = begin(CANARY, first=False, now=NOW)
    waiting = look(state)
    ramped = next_plan(PLAN, NEW, waiting)
    assert ramped.number == 4
    assert next_plan(ramped, NEW, waiting) is ramped


@pytest.mark.covers("S12", "M7")
def test_an_equally_good_canary_is_rolled_back_in_fewer_than_one_run_in_twenty():
    random = np.random.default_rng(2)
    back = 0
    for _ in range(400):
        state = begin(CANARY, first=False, now=NOW)
        for _ in range(40):
            canary = int(random.binomial(1_000, state.share))
            champion = 1_000 - canary
            # Exceedances of nested quantiles come from one draw of each answer's latency.
            slow = [[int(n) for n in _nested(random, count)] for count in (canary, champion)]
            seen = Seen(
                canary=canary,
                champion=champion,
                canary_errors=int(random.binomial(canary, 0.01)),
                champion_errors=int(random.binomial(champion, 0.01)),
                canary_slow=tuple(slow[0]),
                champion_slow=tuple(slow[1]),
            )
            state = observe(state, seen)
            action = look(state)
            if action.kind in {"roll_back", "finish"}:
                back += action.kind == "roll_back"
                break
            state = carry_out(state, action, NOW)
    assert back / 400 <= 0.05


def _nested(random, count):
    over_p50 = random.binomial(count, 0.5)
    over_p90 = random.binomial(over_p50, 0.2)
    return over_p50, over_p90, random.binomial(over_p90, 0.1)


def test_guards_come_back_equal_from_json():
    guards = Guards().add(Seen(canary=50, canary_errors=30, champion=50, champion_slow=(5, 2, 1)), share=0.5)
    assert guards.crossed == {"errors"}
    canonical_json(guards.to_json())
    assert Guards.from_json(guards.to_json()) == guards


@pytest.mark.parametrize("body", [{"slow": "no"}, {"slow": [1, 2, 3]}])
def test_json_that_is_no_guards_is_an_error(body):
    with pytest.raises(TypeError, match="is no"):
        Guards.from_json(body)


@pytest.mark.parametrize("steps", [(), (0.5,), (0.5, 0.1, 1.0), (0.0, 1.0)])
def test_steps_that_do_not_rise_to_one_are_an_error(steps):
    with pytest.raises(ValueError, match="do not rise"):
        State(steps=steps, since=NOW)


def test_a_step_that_is_not_there_and_counts_that_contradict_are_errors():
    with pytest.raises(ValueError, match="no step 4"):
        State(steps=(0.5, 1.0), since=NOW, step=4)
    with pytest.raises(ValueError, match="do not fit"):
        Seen(canary=1, canary_errors=2)
