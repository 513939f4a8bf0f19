"""The goal in the owner's words, as every page repeats it."""

from dataclasses import dataclass

from shipworthy.app.views.reading import Part

__all__ = ["GoalView", "Outcome", "view_goal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One cell of the value matrix: what was done, whether it was needed, and what that is worth in the unit."""

    acted: bool
    needed: bool
    worth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalView:
    """One business question in numbers.

    Attributes:
        unit: Unit of value, such as ``USD``.
        each: What one decision is about, in the singular.
        per_1000: The unit of value as it is shown, such as ``USD per 1,000 flights``.
        threshold: The probability from which acting pays; None when no value matrix is kept.
        latency_ms: Budget of the p99 latency, in ms.
        memory_mb: Budget of a worker's memory, in MB.
    """

    question: str
    decision: str
    why_ml: str
    target: str
    baseline: str
    good_enough: tuple[str, ...]
    unit: str
    each: str
    per_1000: str
    outcomes: tuple[Outcome, ...]
    threshold: float | None
    latency_ms: float | None
    memory_mb: float | None


_CELLS = (
    ("true_positive", True, True),
    ("false_positive", True, False),
    ("false_negative", False, True),
    ("true_negative", False, False),
)


def view_goal(goal: Part) -> GoalView:
    """Read the goal that a project's document keeps."""
    unit, each = goal.text("unit", "USD"), goal.text("each", "decision")
    value, budgets = goal.part("value"), goal.part("budgets")
    worth = {name: value.number(name) for name, _, _ in _CELLS}
    known = {name: amount for name, amount in worth.items() if amount is not None}
    return GoalView(
        question=goal.text("question"),
        decision=goal.text("decision"),
        why_ml=goal.text("why_ml"),
        target=goal.text("target"),
        baseline=goal.text("baseline"),
        good_enough=goal.texts("good_enough"),
        unit=unit,
        each=each,
        per_1000=f"{unit} per 1,000 {each}s",
        outcomes=tuple(
            Outcome(acted=acted, needed=needed, worth=known[name]) for name, acted, needed in _CELLS if name in known
        ),
        threshold=_break_even(known),
        latency_ms=budgets.number("latency_p99_ms") or budgets.number("latency_ms"),
        memory_mb=budgets.number("memory_mb"),
    )


def _break_even(worth: dict[str, float]) -> float | None:
    if len(worth) < len(_CELLS):
        return None
    cost = worth["true_negative"] - worth["false_positive"]
    gain = worth["true_positive"] - worth["false_negative"]
    return cost / (cost + gain) if cost + gain else None
