"""The ground: errors that survive a pickle, digests that prove equality, ids that rise, clocks that never go back."""

import copy
import json
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.core import errors
from shipworthy.core.clock import ManualClock, SystemClock, parse_instant
from shipworthy.core.digests import canonical_json, digest_bytes, digest_file, digest_json, finite_or_none
from shipworthy.core.findings import Finding, Status, Verdict
from shipworthy.core.ids import IdMaker
from shipworthy.core.plan import Plan, Role, Variant

NOON = datetime(2013, 10, 1, 12, tzinfo=UTC)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_survives_a_pickle_with_its_facts(name):
    error = getattr(errors, name)("the disk is full", remedy="make room", path="/x", free=0)
    again = copy.copy(error)  # goes through __reduce__, as a pickle between processes does
    assert (type(again), again.problem, again.remedy, again.facts) == (
        type(error),
        "the disk is full",
        "make room",
        {"path": "/x", "free": 0},
    )
    assert str(again) == "the disk is full\n  try: make room"


def test_every_error_has_a_code_of_its_own():
    codes = [getattr(errors, name).code for name in errors.__all__]
    assert len(set(codes)) == len(codes)


@given(json_values)
def test_the_canonical_text_reads_back_as_the_same_value_and_digest(value):
    text = canonical_json(value)
    assert json.loads(text) == value
    assert digest_json(json.loads(text)) == digest_json(value) == digest_bytes(text)


def test_key_order_does_not_change_a_digest_and_nan_has_none():
    assert digest_json({"a": 1, "b": 2}) == digest_json({"b": 2, "a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(math.nan)
    assert finite_or_none(math.inf) is None
    assert finite_or_none(0.5) == 0.5


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    path = tmp_path / "blob"
    path.write_bytes(b"x" * 3_000_000)
    assert digest_file(path) == digest_bytes(path.read_bytes())


def test_ids_rise_even_within_one_millisecond_and_when_the_clock_steps_back():
    maker = IdMaker()
    ids = [maker.make("run", NOON) for _ in range(100)] + [maker.make("run", NOON - timedelta(hours=1))]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_a_manual_clock_moves_only_forward():
    clock = ManualClock(NOON)
    clock.move_to(NOON - timedelta(days=1))
    assert clock.now() == NOON
    clock.move_to(NOON + timedelta(days=1))
    assert clock.now() == NOON + timedelta(days=1)
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(timedelta(seconds=-1))
    with pytest.raises(ValueError, match="no time zone"):
        ManualClock(datetime(2013, 1, 1))  # noqa: DTZ001 - the naive instant is what is refused


def test_the_system_clock_is_aware_and_instants_without_offset_are_utc():
    assert SystemClock().now().utcoffset() == timedelta(0)
    assert parse_instant("2013-10-01") == datetime(2013, 10, 1, tzinfo=UTC)
    assert parse_instant("2013-10-01T02:00+02:00") == datetime(2013, 10, 1, tzinfo=UTC)


def test_a_finding_that_blocks_needs_a_remedy_and_every_finding_a_message():
    with pytest.raises(ValueError, match="needs a remedy"):
        Finding(check="leakage", status=Status.FAILED, message="dep_delay says it all")
    with pytest.raises(ValueError, match="needs a message"):
        Finding(check="leakage", status=Status.PASSED, message="")


@pytest.mark.covers("R12")
def test_a_verdict_reads_back_equal_and_its_digest_changes_with_any_finding():
    fine = Finding(
        check="a", status=Status.PASSED, message="ok", measured=0.1, interval=(0.0, 0.2), evidence={"picture": "bars"}
    )
    bad = Finding(check="b", status=Status.FAILED, message="no", remedy="mend it")
    verdict = Verdict(gate="standard", subject="ab", findings=(fine, bad))
    again = Verdict.from_json(json.loads(json.dumps(verdict.to_json())))
    assert again == verdict
    assert again.digest == verdict.digest
    assert not verdict.passed
    assert verdict.blocking() == (bad,)
    assert Verdict(gate="standard", subject="ab", findings=(fine,)).digest != verdict.digest
    with pytest.raises(ValueError, match="at least one finding"):
        Verdict(gate="standard", subject="ab", findings=())


def test_a_plan_reads_back_equal_and_its_weights_sum_to_one():
    champion = Variant(name="champion", role=Role.CHAMPION, package="a" * 64, weight=0.9)
    rival = Variant(name="challenger", role=Role.CHALLENGER, package="b" * 64, weight=0.1)
    plan = Plan(endpoint="flights", number=3, variants=(rival, champion), salt="s")
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert plan.champion is champion
    with pytest.raises(ValueError, match="sum to"):
        Plan(endpoint="flights", number=4, variants=(rival,))
    with pytest.raises(ValueError, match="no fraction"):
        Variant(name="x", role=Role.SHADOW, package="a", weight=1.5)
