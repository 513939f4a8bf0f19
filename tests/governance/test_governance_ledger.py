import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shipworthy.core.clock import ManualClock
from shipworthy.core.digests import canonical_json, digest_json
from shipworthy.core.errors import BackendFailed
from shipworthy.core.plan import Plan, Role, Variant
from shipworthy.governance.ledger import PLAN_PUBLISHED, Ledger
from shipworthy.stores.database import Database
from shipworthy.stores.journal import Head, MemoryJournal, SqlJournal

START = datetime(2013, 10, 1, tzinfo=UTC)


@pytest.fixture
def clock():
    return ManualClock(START)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "workspace.db"


@pytest.fixture
def ledger(path, clock):
    database = Database.at(path)
    yield Ledger(SqlJournal(database), clock)
    database.close()


def fill(ledger, clock, count=6):
    for number in range(count):
        ledger.record(actor="ann", kind="run.finished", subject=f"run-{number}", facts={"auc": 0.75 + number / 100})
        clock.advance(timedelta(hours=1))


def tamper(path, *statements):
    raw = sqlite3.connect(path)
    with raw:
        for statement, *values in statements:
            raw.execute(statement, values)
    raw.close()


@pytest.mark.covers("R8")
def test_events_come_back_in_order_each_with_the_digest_of_the_one_before(ledger, clock):
    assert (ledger.history(), ledger.verify()) == ((), None)
    fill(ledger, clock)
    events = ledger.history()
    assert [event.seq for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event.previous for event in events] == ["", *(event.digest for event in events[:-1])]
    assert events[1].to_json() == {
        "seq": 2,
        "at": "2013-10-01T01:00:00+00:00",
        "actor": "ann",
        "kind": "run.finished",
        "subject": "run-1",
        "facts": {"auc": 0.76},
        "previous": events[0].digest,
        "digest": events[1].digest,
    }
    body = events[1].to_json()
    assert body.pop("digest") == digest_json(body)
    assert ledger.verify() is None
    assert ledger.head() == Head(number=6, digest=events[-1].digest)


def test_the_history_is_told_by_kind_subject_and_time(ledger, clock):
    fill(ledger, clock)
    ledger.record(actor="ann", kind="approval.given", subject="run-2")
    assert [event.seq for event in ledger.history(kind="approval.given")] == [7]
    assert [event.seq for event in ledger.history(subject="run-2")] == [3, 7]
    since, until = START + timedelta(hours=2), START + timedelta(hours=4)
    assert [event.seq for event in ledger.history(since=since, until=until)] == [3, 4, 5]


def test_a_history_longer_than_a_page_is_told_and_verified_whole(clock):
    ledger = Ledger(MemoryJournal(), clock)
    fill(ledger, clock, 2_100)
    assert [event.seq for event in ledger.history()] == list(range(1, 2_101))
    assert ledger.verify() is None


def test_a_fact_that_json_cannot_say_is_no_event(ledger):
    with pytest.raises(ValueError, match="JSON"):
        ledger.record(actor="ann", kind="run.finished", subject="r", facts={"auc": float("nan")})
    assert ledger.history() == ()


_BODY = "SELECT body FROM journal WHERE number = 3"


def _forge(path, **changes):
    raw = sqlite3.connect(path)
    body = {**json.loads(raw.execute(_BODY).fetchone()[0]), **changes}
    raw.close()
    return canonical_json(body).decode(), digest_json(body)


@pytest.mark.covers("TRUST-S10")
@pytest.mark.parametrize(
    ("statements", "first"),
    [
        pytest.param([("UPDATE journal SET body = replace(body, '0.77', '0.97') WHERE number = 3",)], 3, id="body"),
        pytest.param([("UPDATE journal SET body = replace(body, 'ann', 'bob')",)], 1, id="actor"),
        pytest.param([("UPDATE journal SET body = 'garbled' WHERE number = 3",)], 3, id="no json"),
        pytest.param([("UPDATE journal SET body = '[]' WHERE number = 3",)], 3, id="no object"),
        pytest.param([("UPDATE journal SET body = '{\"seq\":1e999}' WHERE number = 3",)], 3, id="infinite"),
        pytest.param([("UPDATE journal SET digest = upper(digest) WHERE number = 3",)], 3, id="digest"),
        pytest.param([("DELETE FROM journal WHERE number = 1",)], 1, id="first removed"),
        pytest.param([("DELETE FROM journal WHERE number = 3",)], 3, id="middle removed"),
        pytest.param([("DELETE FROM journal WHERE number = 6",)], 6, id="tail cut"),
        pytest.param([("DELETE FROM journal WHERE number > 2",)], 3, id="long tail cut"),
        pytest.param([("DELETE FROM journal",)], 1, id="all removed"),
        pytest.param(
            [("DELETE FROM journal WHERE number = 3",), ("UPDATE journal SET number = number - 1 WHERE number > 3",)],
            3,
            id="removed and closed up",
        ),
        pytest.param(
            [
                ("UPDATE journal SET number = 100 WHERE number = 3",),
                ("UPDATE journal SET number = 3 WHERE number = 4",),
                ("UPDATE journal SET number = 4 WHERE number = 100",),
            ],
            3,
            id="reordered",
        ),
        pytest.param([("INSERT INTO journal SELECT 7, body, digest FROM journal WHERE number = 6",)], 7, id="appended"),
        pytest.param(
            [("INSERT INTO journal SELECT 0, body, digest FROM journal WHERE number = 6",)], 1, id="slipped in"
        ),
        pytest.param([("UPDATE journal_head SET number = 5",)], 5, id="head number"),
        pytest.param([("UPDATE journal_head SET digest = 'x'",)], 6, id="head digest"),
        pytest.param([("DELETE FROM journal_head",)], 1, id="head removed"),
    ],
)
def test_any_tampering_with_the_file_is_found(ledger, clock, path, statements, first):
    fill(ledger, clock)
    tamper(path, *statements)
    assert ledger.verify() == first


@pytest.mark.covers("TRUST-S10")
def test_a_forged_event_with_a_fitting_digest_breaks_the_chain_behind_it(ledger, clock, path):
    fill(ledger, clock)
    body, digest = _forge(path, actor="bob")
    tamper(path, ("UPDATE journal SET body = ?, digest = ? WHERE number = 3", body, digest))
    assert ledger.verify() == 4


@pytest.mark.covers("TRUST-S10")
def test_a_chain_that_was_rewritten_to_its_end_is_found_by_a_head_noted_elsewhere(ledger, clock, path):
    fill(ledger, clock)
    noted = ledger.head()
    ledger.record(actor="ann", kind="run.finished", subject="later")
    assert ledger.verify(noted) is None
    tamper(
        path,
        ("DELETE FROM journal",),
        ("UPDATE journal_head SET number = 0, digest = ''",),
    )
    fill(ledger, ManualClock(START + timedelta(days=1)), 3)
    assert ledger.verify() is None
    assert ledger.verify(noted) == 4
    fill(ledger, ManualClock(START + timedelta(days=1)), 3)
    ledger.record(actor="eve", kind="run.finished", subject="more")
    assert ledger.verify(noted) == 6


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 4), st.sampled_from(["seq", "at", "actor", "kind", "subject", "facts", "previous"]), st.text())
def test_changing_any_field_of_any_event_to_anything_else_is_found(index, field, value):
    clock = ManualClock(START)
    journal = MemoryJournal()
    ledger = Ledger(journal, clock)
    fill(ledger, clock, 5)
    body = journal._links[index].body
    assume(body[field] != value)
    body[field] = value
    assert ledger.verify() == index + 1


def test_an_event_that_was_made_unreadable_is_named_not_guessed(ledger, clock, path):
    fill(ledger, clock)
    tamper(path, ("UPDATE journal SET body = '{}' WHERE number = 3",))
    with pytest.raises(BackendFailed, match="event 3 of the ledger"):
        ledger.history()


def test_verifying_while_others_write_raises_no_false_alarm(ledger):
    def write(number):
        return ledger.record(actor="ann", kind="k", subject=str(number)).seq

    with ThreadPoolExecutor(4) as pool:
        written = [pool.submit(write, number) for number in range(40)]
        verdicts = [pool.submit(ledger.verify) for _ in range(10)]
        assert [one.result() for one in verdicts] == [None] * 10
        assert sorted(one.result() for one in written) == list(range(1, 41))


@pytest.mark.covers("M9")
def test_the_ledger_knows_what_served_at_any_time(ledger, clock):
    def publish(number, endpoint="flights"):
        variant = Variant(name="champion", role=Role.CHAMPION, package=str(number) * 64, weight=1.0)
        plan = Plan(endpoint=endpoint, number=number, variants=(variant,))
        ledger.record(actor="ann", kind=PLAN_PUBLISHED, subject=endpoint, facts={"plan": plan.to_json()})
        clock.advance(timedelta(hours=1))
        return plan

    first, second, _ = publish(1), publish(2), publish(7, endpoint="other")
    assert ledger.served_at("flights", START - timedelta(seconds=1)) is None
    assert ledger.served_at("flights", START) == first
    assert ledger.served_at("flights", START + timedelta(minutes=59)) == first
    assert ledger.served_at("flights", START + timedelta(days=9)) == second
    assert ledger.served_at("none", START) is None
