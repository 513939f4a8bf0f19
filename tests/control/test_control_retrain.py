"""Retraining: only for a declared reason, never twice at once, never on too few labels."""

from datetime import UTC, datetime, timedelta

import pytest

from shipworthy.control.retrain import State, decide
from shipworthy.core.findings import Finding, Status
from shipworthy.problem.project import Retraining

TRAINED = datetime(2013, 10, 1, tzinfo=UTC)
ALL = Retraining(when=("decay", "drift", "schedule 30d"))
LOW = Finding(check="value.realised", status=Status.FAILED, message="value is under the line", remedy="retrain")
DRIFT = Finding(check="drift.scores", status=Status.FAILED, message="scores moved", remedy="look")


def look(retraining=ALL, findings=(), *, days=10, new_blocks=9, running=False):
    state = State(trained_at=TRAINED, new_blocks=new_blocks, running=running)
    return decide(retraining, state, findings, TRAINED + timedelta(days=days))


@pytest.mark.covers("T16", "M8")
def test_a_fall_of_value_is_a_reason_and_goes_before_the_others():
    action = look(findings=(DRIFT, LOW), days=40)
    assert (action.kind, action.cause, action.reason) == ("retrain", "decay", "value is under the line")


def test_drift_is_a_reason_only_where_it_is_declared():
    assert look(findings=(DRIFT,)).cause == "drift"
    assert look(Retraining(when=("decay",)), findings=(DRIFT,)).kind == "wait"


def test_the_schedule_counts_from_the_last_training():
    assert look(days=29).kind == "wait"
    due = look(days=30)
    assert (due.kind, due.cause) == ("retrain", "schedule")
    assert "30 days ago" in due.reason


def test_a_project_without_reasons_never_retrains():
    assert look(Retraining(), findings=(LOW, DRIFT), days=400).reason == "no declared reason applies"


@pytest.mark.covers("T17")
def test_too_few_new_labels_and_a_running_retraining_both_wait_and_say_so():
    few = look(findings=(LOW,), new_blocks=4)
    assert (few.kind, few.reason) == ("wait", "4 days of new labels, 5 are needed (value is under the line)")
    assert look(findings=(LOW,), running=True).reason.startswith("a retraining is under way")


def test_a_finding_that_only_warns_is_no_reason():
    warned = Finding(check="value.realised", status=Status.WARNED, message="close", remedy="look")
    assert look(findings=(warned,)).kind == "wait"
