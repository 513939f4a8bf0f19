"""One cause, one incident; opened on evidence, closed by recovery, silent on noise."""

from datetime import timedelta

import numpy as np
import pytest
from monitoring_cases import START, make_goal

from shipworthy.core.digests import canonical_json
from shipworthy.core.findings import Finding
from shipworthy.monitoring.incidents import decide

ROWS = 900


def make_windows(uplift, *, mature=True):
    """One body a day with this uplift per row over a baseline that earns 1 a row."""
    return [
        {
            "start": (START + timedelta(days=day)).isoformat(),
            "mature": mature,
            "labelled": ROWS,
            "value_total": float(ROWS * (1 + gain)),
            "baseline_value_total": float(ROWS),
        }
        for day, gain in enumerate(uplift)
    ]


def live(uplift, goal=None):
    """Look after every day; the actions with the day of each, and the incidents that remain open."""
    bodies, open_incidents, actions = make_windows(uplift), {}, []
    for day in range(1, len(bodies) + 1):
        action = decide(
            windows=bodies[:day],
            open_incidents=open_incidents,
            goal=goal or make_goal(),
            project="flights",
            endpoint="flights",
            now=START + timedelta(days=day),
        )
        if action is None:
            continue
        actions.append((day, action))
        open_incidents = {} if action.kind == "close" else {"incident-1": action.body}
    return actions, open_incidents


def noisy(mean, days, seed):
    """Daily uplift with the spread and skew of the flights example, in spells of three days."""
    random = np.random.default_rng(seed)
    spells = np.repeat(random.gamma(0.8, 1, days // 3 + 1), 3)[:days]
    return mean + 38 * (0.5 * (spells - 0.8) / 0.9 + 0.85 * (random.gamma(0.8, 1, days) - 0.8) / 0.9)


@pytest.mark.covers("M3", "M5", "M7", "P4")
def test_a_lasting_fall_is_one_incident_that_tells_its_consequence_and_closes_on_recovery():
    random = np.random.default_rng(1)
    uplift = np.concatenate([np.full(20, 30.0), np.full(25, -5.0), np.full(25, 40.0)]) + random.normal(0, 8, 70)
    actions, still_open = live(uplift)
    assert [action.kind for _, action in actions if action.kind != "keep"] == ["open", "close"]
    assert not still_open
    (day, opened), (_, closed) = [one for one in actions if one[1].kind != "keep"]
    assert 22 <= day <= 40
    body = opened.body
    assert (body["status"], body["cause"], body["unit"]) == ("open", "value", "USD")
    assert body["consequence"] < 0
    assert "USD" in body["timeline"][0]["text"]
    finding = Finding.from_json(body["findings"][0])
    assert finding.measured < 0
    assert finding.remedy
    assert closed.body["status"] == "closed"
    assert closed.body["opened_at"] == body["opened_at"]
    assert len(closed.body["timeline"]) == 2
    assert closed.body["timeline"][1]["text"].startswith("Closed by recovery")
    canonical_json(closed.body)


def test_the_consequence_is_the_sum_against_the_line_since_the_incident_began():
    actions, still_open = live([-10.0] * 9)
    (first_day, opened) = actions[0]
    assert (first_day, opened.kind) == (7, "open")
    assert opened.body["consequence"] == pytest.approx(7 * ROWS * -20)
    assert still_open["incident-1"]["consequence"] == pytest.approx(9 * ROWS * -20)


def test_an_action_that_was_carried_out_is_not_asked_for_again():
    bodies = make_windows([-10.0] * 9)
    facts = {"windows": bodies, "goal": make_goal(), "project": "p", "endpoint": "e", "now": START}
    opened = decide(open_incidents={}, **facts)
    assert decide(open_incidents={"incident-1": opened.body}, **facts) is None


def test_incidents_of_other_endpoints_and_causes_are_left_alone():
    facts = {"windows": make_windows([-10.0] * 9), "goal": make_goal(), "project": "p", "now": START}
    foreign = decide(open_incidents={}, endpoint="other", **facts).body
    other_cause = {**foreign, "endpoint": "e", "cause": "latency"}
    action = decide(open_incidents={"incident-1": foreign, "incident-2": other_cause}, endpoint="e", **facts)
    assert (action.kind, action.incident) == ("open", None)


def test_nothing_is_decided_on_a_few_days_or_on_labels_that_are_not_mature():
    facts = {"open_incidents": {}, "goal": make_goal(), "project": "p", "endpoint": "e", "now": START}
    assert decide(windows=make_windows([-50.0] * 6), **facts) is None
    assert decide(windows=make_windows([-50.0] * 30, mature=False), **facts) is None


def test_a_goal_without_a_line_on_value_opens_nothing():
    assert live([-50.0] * 20, make_goal(calibration_error="<= 0.03")) == ([], {})


def test_a_line_that_does_not_speak_of_the_baseline_is_held_against_value_itself():
    assert live([-0.5] * 20, make_goal(value_per_1000=">= 0")) == ([], {})  # the value is 0.5 a row
    actions, _ = live([-3.0] * 20, make_goal(value_per_1000=">= 0"))
    assert actions[0][1].kind == "open"


@pytest.mark.covers("M7")
def test_noise_of_days_opens_hardly_anything_and_a_real_fall_is_found_within_weeks():
    """The rule's promise, on simulated days as wild as those of the flights example."""
    false = sum(action.kind == "open" for seed in range(8) for _, action in live(noisy(30, 120, seed))[0])
    assert false <= 2
    delays = []
    for seed in range(12):
        actions, _ = live(np.concatenate([noisy(30, 14, seed), noisy(-5, 45, 100 + seed)]))
        after = [day - 14 for day, action in actions if action.kind == "open" and day > 14]
        delays.append(after[0] if after else 99)
    assert np.median(delays) <= 25
    assert sum(one < 99 for one in delays) >= 11
