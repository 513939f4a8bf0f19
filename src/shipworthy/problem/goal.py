"""The goal: what each outcome of a decision is worth, what it must beat, and what is good enough."""

import math
import re
from dataclasses import dataclass, field
from typing import Literal

from shipworthy.core.errors import InvalidGoal

__all__ = ["Bar", "Budgets", "Goal", "ValueMatrix"]

_BAR = re.compile(r"^\s*(>=|<=)\s*(?:(baseline)\s*(?:([+-])\s*)?)?([0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)?\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueMatrix:
    """What each outcome of one yes-or-no decision is worth, in the goal's unit per decision.

    Attributes:
        true_positive: Acted, and it was needed.
        false_positive: Acted, and it was not needed.
        true_negative: Did not act, and it was not needed.
        false_negative: Did not act, and it was needed.

    Raises:
        InvalidGoal: If a value is not finite, or acting never pays or always pays, so that no
            prediction could change the decision.

    >>> ValueMatrix(true_positive=750, false_positive=-250, true_negative=0, false_negative=0).break_even
    0.25
    """

    true_positive: float
    false_positive: float
    true_negative: float
    false_negative: float

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not math.isfinite(getattr(self, name)):
                raise InvalidGoal(
                    f"goal.value.{name} is {getattr(self, name)}, not a finite number",
                    remedy="give what this outcome earns (or costs, negative) for one decision",
                    field=f"goal.value.{name}",
                )
        if not (self.true_positive > self.false_negative and self.true_negative > self.false_positive):
            raise InvalidGoal(
                "goal.value: acting has to pay where it is needed and cost where it is not, "
                f"but needed: act {self.true_positive} against not {self.false_negative}; "
                f"not needed: act {self.false_positive} against not {self.true_negative}",
                remedy="make true_positive > false_negative and true_negative > false_positive",
                field="goal.value",
            )

    @property
    def break_even(self) -> float:
        """The probability from which acting pays, a fraction in (0, 1).

        Source:
            C. Elkan (2001), The foundations of cost-sensitive learning, IJCAI, equation 2.
        """
        cost_of_acting = self.true_negative - self.false_positive
        gain_of_acting = self.true_positive - self.false_negative
        return cost_of_acting / (cost_of_acting + gain_of_acting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One line that "good enough" draws, such as ``value_per_1000 >= baseline + 10000``.

    Attributes:
        metric: ``value_per_1000`` (goal's unit), ``calibration_error``, ``auc`` or ``log_loss``.
        sense: ``">="`` or ``"<="``.
        amount: The number, in the metric's own unit.
        over_baseline: Whether ``amount`` is added to the baseline's own figure.
    """

    metric: str
    sense: Literal[">=", "<="]
    amount: float
    over_baseline: bool = False

    @classmethod
    def parse(cls, metric: str, text: str) -> "Bar":
        """Read ``">= baseline + 10000"`` or ``"<= 0.03"``.

        Raises:
            InvalidGoal: If the text has another form.
        """
        match = _BAR.match(text)
        if match is None or not (match[2] or match[4]) or (match[2] and bool(match[3]) != bool(match[4])):
            raise InvalidGoal(
                f"goal.good_enough.{metric}: {text!r} is no line to clear",
                remedy="write '>= NUMBER', '<= NUMBER' or '>= baseline + NUMBER'",
                field=f"goal.good_enough.{metric}",
            )
        sense, baseline, sign, number = match.groups()
        amount = float((number or "0").replace("_", ""))
        signed = -amount if sign == "-" else amount
        return cls(metric=metric, sense=">=" if sense == ">=" else "<=", amount=signed, over_baseline=bool(baseline))

    def threshold(self, *, baseline: float) -> float:
        """The number to clear, given the baseline's own figure of the same metric."""
        return self.amount + baseline if self.over_baseline else self.amount

    def cleared_by(self, measured: float, *, baseline: float) -> bool:
        """Whether ``measured`` is on the good side of the line; NaN never is."""
        line = self.threshold(baseline=baseline)
        return measured >= line if self.sense == ">=" else measured <= line

    def __str__(self) -> str:
        if not self.over_baseline:
            return f"{self.sense} {self.amount:g}"
        return f"{self.sense} baseline {'-' if self.amount < 0 else '+'} {abs(self.amount):g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """What one prediction may cost.

    Attributes:
        latency_p99_ms: Largest 99th percentile of latency of one single-row HTTP request, in ms.
        memory_mb: Largest resident memory of a worker that has the package loaded, in MB.
    """

    latency_p99_ms: float = 50.0
    memory_mb: float = 500.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            amount = getattr(self, name)
            if not (math.isfinite(amount) and amount > 0):
                raise InvalidGoal(
                    f"goal.budgets.{name} is {amount}, not a positive number",
                    remedy="give the largest cost you would accept",
                    field=f"goal.budgets.{name}",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One business question in numbers.

    Attributes:
        question: What is asked, in the owner's words.
        decision: What is done with a yes.
        why_ml: Why a model is believed to be the right way.
        target: The column that says what happened (true or false, 1 or 0).
        value: What each outcome is worth.
        baseline: What is done today: ``"module:function"``, ``"rate: a, b"`` or ``"constant"``.
        good_enough: The lines to clear, at least one.
        budgets: What a prediction may cost.
        unit: Unit of ``value``, such as ``"USD"``.
        each: What one decision is about, in the singular, such as ``"flight"``.
    """

    question: str
    decision: str
    why_ml: str
    target: str
    value: ValueMatrix
    baseline: str
    good_enough: tuple[Bar, ...]
    budgets: Budgets = field(default_factory=Budgets)
    unit: str = "USD"
    each: str = "decision"

    def __post_init__(self) -> None:
        for name in ("question", "decision", "target", "baseline"):
            if not getattr(self, name).strip():
                raise InvalidGoal(
                    f"goal.{name} is empty",
                    remedy="a project without a goal does not deploy: write it in one sentence",
                    field=f"goal.{name}",
                )
        if not self.good_enough:
            raise InvalidGoal(
                "goal.good_enough draws no line",
                remedy="give at least value_per_1000, e.g. '>= baseline + 1000'",
                field="goal.good_enough",
            )

    @property
    def threshold(self) -> float:
        """The probability from which a decision is a yes, a fraction in (0, 1)."""
        return self.value.break_even

    @property
    def unit_per_1000(self) -> str:
        """The unit of value as it is shown, such as ``"USD per 1,000 flights"``."""
        return f"{self.unit} per 1,000 {self.each}s"
