"""When a new candidate is due: a retraining has a reason, and enough new labels to learn from."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from shipworthy.core.findings import Finding
from shipworthy.problem.project import Retraining
from shipworthy.problem.units import parse_duration

__all__ = ["Action", "State", "decide"]

_NEW_BLOCKS: Final = 5
"""Days of new labels below which a backtest of the new candidate says nothing (METHODS 6)."""

_SCHEDULE: Final = "schedule "


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What retraining is decided on.

    Attributes:
        trained_at: When the package that serves was trained, aware UTC.
        new_blocks: Days of matured labels that it has not seen.
        running: Whether a retraining is under way.
    """

    trained_at: datetime
    new_blocks: int
    running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Whether to retrain, and why.

    Attributes:
        kind: ``retrain`` or ``wait``.
        cause: ``decay``, ``drift`` or ``schedule``; empty to wait.
        reason: Why, in one sentence with the figures that decided.
    """

    kind: Literal["retrain", "wait"]
    cause: Literal["decay", "drift", "schedule", ""]
    reason: str


def decide(retraining: Retraining, state: State, findings: Iterable[Finding], now: datetime) -> Action:
    """Whether a new candidate is due; decay comes before drift, and drift before the schedule.

    Args:
        retraining: The reasons that the project declares.
        state: What is known of the package that serves.
        findings: What monitoring found: checks ``value.*`` tell of decay, ``drift.*`` of drift.
        now: The present instant, aware UTC.
    """
    found = tuple(findings)
    causes = (_worse(retraining, "decay", "value.", found), _worse(retraining, "drift", "drift.", found))
    due = next((one for one in (*causes, _scheduled(retraining, state, now)) if one is not None), None)
    if due is None:
        return Action(kind="wait", cause="", reason="no declared reason applies")
    if state.running:
        return Action(kind="wait", cause="", reason=f"a retraining is under way ({due.reason})")
    if state.new_blocks < _NEW_BLOCKS:
        days = f"{state.new_blocks} days of new labels, {_NEW_BLOCKS} are needed"
        return Action(kind="wait", cause="", reason=f"{days} ({due.reason})")
    return due


def _worse(
    retraining: Retraining, cause: Literal["decay", "drift"], prefix: str, findings: tuple[Finding, ...]
) -> Action | None:
    bad = next((one for one in findings if one.check.startswith(prefix) and one.blocks), None)
    if cause not in retraining.when or bad is None:
        return None
    return Action(kind="retrain", cause=cause, reason=bad.message)


def _scheduled(retraining: Retraining, state: State, now: datetime) -> Action | None:
    spans = [parse_duration(one.removeprefix(_SCHEDULE)) for one in retraining.when if one.startswith(_SCHEDULE)]
    age = now - state.trained_at
    if not spans or age < min(spans):
        return None
    reason = f"the package was trained {age // timedelta(days=1)} days ago and the schedule says {min(spans).days}"
    return Action(kind="retrain", cause="schedule", reason=reason)
