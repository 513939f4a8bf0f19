"""Small frames with a known signal, made from a seed."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from shipworthy.data.frame import INSTANT, FeatureFrame
from shipworthy.problem.goal import Bar, Goal, ValueMatrix
from shipworthy.problem.project import DataPlan, DecisionTime, Project, Serving, Source, Training

DAY_US = 86_400_000_000
FIRST_DAY = 15_706


def make_frame(rows: int = 3000, days: int = 100, seed: int = 0, *, signal: float = 1.5) -> FeatureFrame:
    """Rows over ``days`` days: two numbers with gaps, an integer, a boolean, two strings with nulls."""
    random = np.random.default_rng(seed)
    day = np.sort(random.integers(0, days, rows))
    day[:2] = [0, days - 1]
    wind, delay = random.normal(size=(2, rows))
    hour = random.integers(5, 23, rows)
    wet = random.random(rows) < 0.3
    carrier = random.integers(0, 6, rows)
    log_odds = signal * (wind + delay * wet + 0.3 * (carrier - 2)) - 1
    happened = random.random(rows) < 1 / (1 + np.exp(-log_odds))
    gone = random.random(rows) < 0.1
    names = np.array(["UA", "AA", "DL", "B6", "EV", "HA"], dtype=object)[carrier]
    places = np.array(["JFK", "LGA", None], dtype=object)[random.integers(0, 3, rows)]
    features = {
        "carrier": pa.array(names.tolist(), pa.string()),
        "wind": pa.array(np.where(gone, None, wind).tolist(), pa.float64()),
        "hour": pa.array(hour),
        "delay": pa.array(delay),
        "wet": pa.array(wet),
        "place": pa.array(places.tolist(), pa.string()),
    }
    instants = (FIRST_DAY + day) * DAY_US + random.integers(0, DAY_US, rows)
    return as_frame(pa.table(features), happened, instants)


def as_frame(features: pa.Table, happened: np.ndarray, instants: np.ndarray) -> FeatureFrame:
    """A frame of these features; the decision is taken at the event."""
    times = pa.array(instants).cast(pa.timestamp("us")).cast(INSTANT)
    return FeatureFrame(
        key=pa.array(np.arange(len(happened))),
        event_time=times,
        decision_time=times,
        target=pa.array(happened),
        features=features,
        known_at=dict.fromkeys(features.column_names, "static"),
    )


def make_project(baseline: str = "rate: carrier", **training: object) -> Project:
    """A project whose break-even probability is a quarter."""
    goal = Goal(
        question="Will it be late?",
        decision="call a crew",
        why_ml="the rule earns little",
        target="late",
        value=ValueMatrix(true_positive=750, false_positive=-250, true_negative=0, false_negative=0),
        baseline=baseline,
        good_enough=(Bar.parse("value_per_1000", ">= baseline + 1000"),),
        each="flight",
    )
    data = DataPlan(
        sources={"flights": Source(name="flights", location="data/flights.parquet")},
        key="flight_id",
        event_time="at",
        decision_time=DecisionTime(column="at"),
        label_delay=timedelta(days=1),
    )
    return Project(
        name="flights", owner="ops@example.com", goal=goal, data=data, serving=Serving(endpoint="flights"),
        training=Training(**training),
    )  # fmt: skip


@pytest.fixture(scope="session")
def frame() -> FeatureFrame:
    return make_frame()


@pytest.fixture(scope="session")
def frame_of() -> Callable[..., FeatureFrame]:
    return make_frame


@pytest.fixture(scope="session")
def built() -> Callable[..., FeatureFrame]:
    return as_frame


@pytest.fixture(scope="session")
def project_of() -> Callable[..., Project]:
    return make_project
