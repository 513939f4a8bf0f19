"""The promises of one column, as questions about one value.

``table_checks`` asks tables the same in SQL; a property test holds the two together.
"""

import math
import sys
from collections.abc import Callable
from datetime import datetime

import numpy as np

from shipworthy.data.patterns import portable
from shipworthy.data.properties import Property, as_instant, is_of_type

__all__ = ["RowRule", "is_null", "needs_each_value", "plain_value", "quick_rule", "row_rules"]

Ok = Callable[[object], bool]
RowRule = tuple[str, Ok, str]
"""Name of the rule, whether a value (not null, of the right type) keeps it, and what it says."""


def plain_value(value: object) -> object:
    """A value as Python has it, out of numpy's scalars."""
    return value.item() if isinstance(value, np.generic) else value


def is_null(value: object) -> bool:
    """Whether a value is none: ``None`` or NaN. The empty text is a value."""
    return value is None or value != value  # noqa: PLR0124  (only NaN differs from itself)


def row_rules(promise: Property) -> tuple[RowRule, ...]:
    """Every rule that a value of this column has to keep, in the order in which a breach is named."""
    kind = promise.logical_type
    rules: list[RowRule] = [("type", lambda value: is_of_type(value, kind), f"no {kind}")]
    low, high = promise.bounds
    read = _comparable(kind)
    if low is not None:
        rules.append(("minimum", lambda value: read(value) >= low, f"below the minimum {promise.minimum}"))  # type: ignore[operator]
    if high is not None:
        rules.append(("maximum", lambda value: read(value) <= high, f"above the maximum {promise.maximum}"))  # type: ignore[operator]
    rules += _length_rules(promise)
    if promise.pattern is not None:
        search = portable(promise.pattern).search
        rules.append(("pattern", lambda value: search(str(value)) is not None, f"not of the form {promise.pattern}"))
    if promise.enum is not None:
        allowed = frozenset(map(read, promise.enum))
        rules.append(("enum", lambda value: read(value) in allowed, f"none of the {len(allowed)} allowed values"))
    return tuple(rules)


def needs_each_value(promise: Property) -> bool:
    """Whether the type of a value alone does not settle its rules."""
    return len(row_rules(promise)) > 1 or promise.logical_type in {"integer", "date", "timestamp", "time"}


def quick_rule(promise: Property) -> Ok | None:
    """One fast question for a value, null or not, whose type is right already; None if the rules are not that simple.

    It answers what :func:`row_rules` answer.
    """
    kinds = {name for name, _, _ in row_rules(promise)} - {"type"}
    if promise.logical_type in {"number", "integer"} and kinds <= {"minimum", "maximum"}:
        return _quick_number(promise)
    if kinds == {"pattern"}:
        search = portable(promise.pattern or "").search
        return lambda value: value is None or search(value) is not None  # type: ignore[call-overload]
    if kinds == {"enum"} and promise.logical_type == "string":
        allowed = frozenset(promise.enum or ())
        return lambda value: value is None or value in allowed
    return None


def _quick_number(promise: Property) -> Ok:
    low, high = promise.bounds
    if promise.logical_type == "number":
        lowest, highest = (-math.inf if low is None else low), (math.inf if high is None else high)
        return lambda value: value is None or value != value or lowest <= value <= highest  # type: ignore[operator]  # noqa: PLR0124
    # An infinity is no whole number.
    least, most = (-sys.float_info.max if low is None else low), (sys.float_info.max if high is None else high)
    return lambda value: value is None or value != value or (least <= value <= most and value % 1 == 0)  # type: ignore[operator]  # noqa: PLR0124


def _comparable(kind: str) -> Callable[[object], float | datetime | object]:
    return as_instant if kind in {"date", "timestamp"} else lambda value: value


def _length_rules(promise: Property) -> list[RowRule]:
    rules: list[RowRule] = []
    if (fewest := promise.min_length) is not None:
        rules.append(("minLength", lambda value: len(str(value)) >= fewest, f"shorter than {fewest} characters"))
    if (most := promise.max_length) is not None:
        rules.append(("maxLength", lambda value: len(str(value)) <= most, f"longer than {most} characters"))
    return rules
