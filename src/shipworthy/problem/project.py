"""The project: one business question with its data and its way to production, as ``shipworthy.yaml`` declares it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from shipworthy.problem.goal import Goal

__all__ = [
    "DataPlan",
    "DecisionTime",
    "Monitoring",
    "Project",
    "Retraining",
    "Rollout",
    "Serving",
    "Source",
    "Training",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A named source of rows.

    Attributes:
        name: Name of the source in SQL.
        location: A path relative to the project (parquet, csv, a partitioned folder) or a database URL with
            ``#table``, such as ``postgresql://host/db#flights``.
        contract: Path of its ODCS contract relative to the project; None if it has none.
    """

    name: str
    location: str
    contract: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTime:
    """When a decision is taken: a column of the primary source, moved by ``offset``."""

    column: str
    offset: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPlan:
    """Where rows come from and what may be known when.

    Attributes:
        sources: Every source by name; the first is the primary one: it holds key, event time and target.
        key: Column that names one decision; unique in the primary source.
        event_time: Column with the instant that the decision is about.
        decision_time: When the decision is taken; nothing known later may be used.
        label_delay: How long after ``event_time`` the target is known.
        features: Path of the features file relative to the project; None if the primary source's columns
            serve as they are.
        until: Rows from this instant on are never trained on: they are what production brings. None for no such line.
    """

    sources: Mapping[str, Source]
    key: str
    event_time: str
    decision_time: DecisionTime
    label_delay: timedelta
    features: str | None = None
    until: datetime | None = None

    @property
    def primary(self) -> Source:
        """The source that holds key, event time and target."""
        return next(iter(self.sources.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How candidates are made.

    Attributes:
        search: ``"auto"``, the built-in portfolio.
        budget_s: Wall-clock budget of the search, in seconds.
        validate: ``"time"``, forward in time.
        seed: Seed of every random choice.
    """

    search: Literal["auto"] = "auto"
    budget_s: float = 60.0
    validate: Literal["time"] = "time"
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How predictions are asked for.

    Attributes:
        mode: ``"http"``.
        endpoint: Stable name that callers use.
        fallback: ``"baseline"`` answers when the model cannot; ``"none"`` lets the request fail.
    """

    endpoint: str
    mode: Literal["http"] = "http"
    fallback: Literal["baseline", "none"] = "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The way from one plan to the next.

    Attributes:
        strategy: ``"direct"`` or ``"canary"``; the first release of an endpoint is always direct.
        steps: Shares of the traffic that a canary gets in turn, fractions that rise to 1.
        guards: ``"standard"``.
    """

    strategy: Literal["direct", "canary"] = "direct"
    steps: tuple[float, ...] = (0.01, 0.1, 0.5, 1.0)
    guards: Literal["standard"] = "standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """How often production is looked at, and who is told.

    Attributes:
        every: Length of one monitoring window.
        alert: Where incidents are shown; ``"console"``.
    """

    every: timedelta = timedelta(days=1)
    alert: tuple[Literal["console"], ...] = ("console",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """When a new candidate is due.

    Attributes:
        when: Reasons: ``"decay"``, ``"drift"`` or ``"schedule 30d"``.
        promote: ``"if_better"`` or ``"never"``.
    """

    when: tuple[str, ...] = ()
    promote: Literal["if_better", "never"] = "if_better"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One business question; a folder with ``shipworthy.yaml``."""

    name: str
    owner: str
    goal: Goal
    data: DataPlan
    serving: Serving
    training: Training = field(default_factory=Training)
    gate: Literal["standard"] = "standard"
    rollout: Rollout = field(default_factory=Rollout)
    monitoring: Monitoring = field(default_factory=Monitoring)
    retraining: Retraining = field(default_factory=Retraining)
