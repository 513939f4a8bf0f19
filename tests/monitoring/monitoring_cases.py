"""Records, labels and windows as monitoring meets them."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from shipworthy.problem.goal import Bar, Goal, ValueMatrix

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
    rows = [
        {
            "request_id": one[0],
            "at_ns": int(START.timestamp()) * 10**9 + int(one[1] * DAY_NS),
            "outcome": one[2],
            "probability": list(one[3]),
            "decision": list(one[4]) if len(one) > 4 else [],
            "total_us": 1000 + 10 * index,
        }
        for index, one in enumerate(requests)
    ]
    schema = pa.schema(
        {
            "request_id": pa.string(),
            "at_ns": pa.int64(),
            "outcome": pa.string(),
            "probability": pa.list_(pa.float64()),
            "decision": pa.list_(pa.bool_()),
            "total_us": pa.int64(),
        }
    )
    return pa.Table.from_pylist(rows, schema=schema)


def make_labels(labels):
    """Labels of ``(id, row, outcome)``."""
    schema = pa.schema({"request_id": pa.string(), "row": pa.int64(), "outcome": pa.bool_()})
    names = schema.names
    return pa.Table.from_pylist([dict(zip(names, one, strict=True)) for one in labels], schema=schema)


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
