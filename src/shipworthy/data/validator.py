"""A contract at request time: compiled once, asked at every prediction.

One row costs about as much as looking at it: the types of all values are compared at once with combinations that were
good before, numbers that must be there are summed once (NaN survives a sum), and only columns with bounds, patterns or
enumerations are looked at one by one.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shipworthy.core.errors import InvalidContract
from shipworthy.data.contract import Contract
from shipworthy.data.properties import Property
from shipworthy.data.row_rules import RowRule, is_null, needs_each_value, plain_value, quick_rule, row_rules

__all__ = ["Breach", "Validator", "compile_validator"]

_MOST_BREACHES = 100
_MOST_REMEMBERED = 64
_NUMERIC_KINDS = "fiu"

Columns = Mapping[str, Sequence[object]]
_first = operator.itemgetter(0)


@dataclass(frozen=True, slots=True)
class Breach:
    """One value that breaks its contract.

    Attributes:
        field: Name of the column.
        row: Row of the request, from 0.
        rule: ``"required"``, ``"type"``, ``"minimum"``, ``"maximum"``, ``"minLength"``, ``"maxLength"``,
            ``"pattern"`` or ``"enum"``.
        message: A sentence that names the field, such as ``"carrier: null, but required"``.
    """

    field: str
    row: int
    rule: str
    message: str


def compile_validator(contract: Contract, fields: Sequence[str]) -> "Validator":
    """Compile a request contract for the fields that an endpoint takes.

    Args:
        contract: What a request promises; fields that it says nothing about are not looked at.
        fields: Names of the columns that callers send.

    Raises:
        InvalidContract: If the contract requires a field that callers cannot send.
    """
    unsent = [one.name for one in contract.properties if one.required and one.name not in fields]
    if unsent:
        raise InvalidContract(
            f"contract {contract.id!r} requires {unsent[0]!r}, which is no field of the request",
            remedy="take the property out, or make it optional",
            field=unsent[0],
        )
    return Validator([one for one in contract.properties if one.name in fields])


class Validator:
    """Holds decoded requests against a contract. Safe to share between threads."""

    def __init__(self, promises: Sequence[Property]) -> None:
        self._promises = tuple(promises)
        self._names = tuple(one.name for one in promises)
        self._rules = tuple(row_rules(one) for one in promises)
        self._pick = _picker(self._names)
        self._each = tuple(
            (index, quick_rule(one) or _all_kept(self._rules[index]))
            for index, one in enumerate(promises)
            if needs_each_value(one)
        )
        # Types of a good row, by position, with how to get at the numbers that must not be NaN.
        self._good: dict[tuple[type, ...], _Pick] = {}

    def check(self, columns: Columns) -> list[Breach]:
        """Every breach in a request, column by column; at most 100, none if all is well.

        Args:
            columns: Lists or numpy arrays of one length by field; a null is None or NaN.
        """
        try:
            picked = self._pick(columns)
        except KeyError:
            return self._check_columns(columns)
        if picked and len(picked[0]) == 1 and self._is_good(tuple(map(_first, picked))):
            return []
        return self._check_columns(columns)

    def _is_good(self, row: tuple[object, ...]) -> bool:
        numbers = self._good.get(tuple(map(type, row)))
        if numbers is None:
            return False
        total = sum(numbers(row))
        if total - total != 0:
            return False
        return not self._each or all([kept(row[index]) for index, kept in self._each])  # noqa: C419  (twice as fast)

    def _check_columns(self, columns: Columns) -> list[Breach]:
        found: list[Breach] = []
        for promise, rules in zip(self._promises, self._rules, strict=True):
            column = columns.get(promise.name)
            if column is None:
                if promise.required:
                    found.append(Breach(promise.name, 0, "required", f"{promise.name}: missing, but required"))
            elif not _is_clean(column, promise, rules):
                found += _breaches(column, promise, rules, most=_MOST_BREACHES - len(found))
        if not found:
            self._remember(columns)
        return found[:_MOST_BREACHES]

    def _remember(self, columns: Columns) -> None:
        """Keep the types of a good single row, so that the next one like it costs little."""
        if len(self._good) >= _MOST_REMEMBERED or not all(name in columns for name in self._names):
            return
        row = [columns[name][0] for name in self._names if len(columns[name]) == 1]
        if len(row) != len(self._names) or any(isinstance(value, np.ndarray) for value in row):
            return
        if any(value is not None and is_null(value) for value in row):
            return  # a NaN is good as a null wherever it stands, and says nothing of other numbers there
        needed = [
            index
            for index, (one, value) in enumerate(zip(self._promises, row, strict=True))
            if one.required and isinstance(value, float | np.floating)
        ]
        self._good[tuple(map(type, row))] = _picker(needed)


def _picker(keys: Sequence[str] | Sequence[int]) -> "_Pick":
    """``operator.itemgetter`` that gives a tuple for no key and for one key too."""
    if len(keys) > 1:
        many: _Pick = operator.itemgetter(*keys)
        return many
    return lambda source: tuple(source[key] for key in keys)


# What is picked, columns by name or numbers by place, has no one type.
_Pick = Callable[[Any], tuple[Any, ...]]


def _all_kept(rules: Sequence[RowRule]) -> Callable[[object], bool]:
    """Whether one value, which may be null, keeps every rule."""
    questions = tuple(ok for _, ok, _ in rules)

    def kept(value: object) -> bool:
        plain = plain_value(value)
        return is_null(plain) or all(ok(plain) for ok in questions)

    return kept


def _is_clean(column: Sequence[object], promise: Property, rules: Sequence[RowRule]) -> bool:
    """A quick answer for a whole column: True is sure, False means that rows have to be looked at."""
    numbers = _as_numbers(column)
    if numbers is not None:
        return _numbers_are_clean(numbers, promise)
    kinds = set(map(type, column))
    if promise.required and (type(None) in kinds or _has_nan(column, kinds)):
        return False
    kept = _all_kept(rules)
    if not needs_each_value(promise):
        # One value of each type stands for all; null was dealt with above.
        return all(kept(next(value for value in column if type(value) is kind)) for kind in kinds)
    try:
        return all(map(kept, set(column)))
    except TypeError:
        return False


def _has_nan(column: Sequence[object], kinds: set[type]) -> bool:
    return any(issubclass(kind, float | np.floating) for kind in kinds) and any(map(is_null, column))


def _as_numbers(column: object) -> NDArray[Any] | None:
    return column if isinstance(column, np.ndarray) and column.dtype.kind in _NUMERIC_KINDS else None


def _numbers_are_clean(column: NDArray[Any], promise: Property) -> bool:
    if promise.logical_type not in {"number", "integer"} or promise.enum is not None or column.size == 0:
        return False
    low, high = promise.bounds
    smallest, largest = column.min(), column.max()
    if smallest != smallest:  # noqa: PLR0124  (NaN)
        return not promise.required and (low, high) == (None, None) and promise.logical_type == "number"
    if promise.logical_type == "integer" and column.dtype.kind == "f":
        whole = bool(np.isfinite(column).all()) and bool((column == np.floor(column)).all())
    else:
        whole = True
    return whole and not (low is not None and smallest < low) and not (high is not None and largest > high)


def _breaches(column: Sequence[object], promise: Property, rules: Sequence[RowRule], *, most: int) -> list[Breach]:
    found = []
    for row, given in enumerate(column):
        values = given.ravel() if isinstance(given, np.ndarray) else (given,)
        for value in values:
            if (broken := _broken(plain_value(value), promise, rules)) is not None:
                where = promise.name if len(column) == 1 else f"{promise.name}, row {row}"
                found.append(Breach(promise.name, row, broken[0], f"{where}: {broken[1]}"))
                break
        if len(found) >= most:
            break
    return found


def _broken(value: object, promise: Property, rules: Sequence[RowRule]) -> tuple[str, str] | None:
    """The first rule that a value breaks, and what there is to say."""
    if is_null(value):
        return ("required", "null, but required") if promise.required else None
    shown = "the value" if promise.personal else _shown(value)
    return next(((name, f"{shown} is {says}") for name, ok, says in rules if not ok(value)), None)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
