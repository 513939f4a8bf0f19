"""Records, labels and windows as monitoring meets them."""

from datetime import UTC, datetime

import numpy as np

from shipworthy.monitoring.production import read_production
from shipworthy.problem.goal import Bar, Goal, ValueMatrix
from shipworthy.stores.labels import join_labels
from shipworthy.stores.records import Feedback, Record
from shipworthy.stores.tables import feedback_table, records_table

START = datetime(2013, 10, 1, tzinfo=UTC)
DAY_NS = 86_400 * 10**9


def make_goal(**good_enough):
    lines = good_enough or {"value_per_1000": ">= baseline + 10000", "calibration_error": "<= 0.03"}
    return Goal(
        question="Will this flight be late?",
        decision="protect it",
        why_ml="the rule earns next to nothing",
        target="disrupted",
        value=ValueMatrix(true_positive=750, false_positive=-250, true_negative=0, false_negative=0),
        baseline="rate: carrier, hour",
        good_enough=tuple(Bar.parse(metric, text) for metric, text in lines.items()),
        each="flight",
    )


def make_records(requests):
    """Records of ``(id, day, outcome, probabilities)``; decisions are left to the goal unless given."""
    return records_table(
        [
            Record(
                request_id=one[0],
                at_ns=int(START.timestamp()) * 10**9 + int(one[1] * DAY_NS),
                received_ns=index,
                endpoint="flights",
                status=200,
                outcome=one[2],
                probability=list(one[3]),
                decision=list(one[4]) if len(one) > 4 else [],
                total_us=1000 + 10 * index,
            )
            for index, one in enumerate(requests)
        ]
    )


def make_labels(labels):
    """Feedback of ``(id, row, outcome)``."""
    return feedback_table(
        [
            Feedback(request_id=name, row=row, outcome=float(outcome), observed_ns=1, received_ns=1)
            for name, row, outcome in labels
        ]
    )


def produce(records, feedback, goal, *, baseline=None):
    """What monitoring reads, joined as the app joins it."""
    return read_production(records, join_labels(records, feedback).table, goal, baseline=baseline)


def make_month(seed=0, *, days=30, rows=100, gain=1.0):
    """A month of single-row requests with day-clustered truth; ``gain`` 0 makes the model useless."""
    random = np.random.default_rng(seed)
    requests, labels, baseline = [], [], []
    for day in range(days):
        rate = float(np.clip(random.beta(2, 8), 0.02, 0.9))
        for index in range(rows):
            happened = bool(random.random() < rate)
            sharp = 0.9 if happened else 0.05
            said = gain * sharp + (1 - gain) * 0.3
            name = f"r{day}-{index}"
            requests.append((name, day + index / rows * 0.9, "ok", [said]))
            labels.append((name, 0, happened))
            baseline.append(0.2)
    return make_records(requests), make_labels(labels), np.array(baseline)
