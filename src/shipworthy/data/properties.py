"""What a contract promises of one column, and rules that count rows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Final, Literal, get_args

from shipworthy.core.clock import parse_instant
from shipworthy.core.errors import InvalidContract
from shipworthy.data.patterns import portable

__all__ = [
    "LOGICAL_TYPES",
    "METRICS",
    "OPERATORS",
    "LogicalType",
    "Metric",
    "Property",
    "Rule",
    "Scalar",
    "as_instant",
    "is_of_type",
]

LogicalType = Literal["string", "integer", "number", "boolean", "date", "timestamp", "time"]
Metric = Literal["rowCount", "nullValues", "missingValues", "invalidValues", "duplicateValues"]
LOGICAL_TYPES: Final[tuple[str, ...]] = get_args(LogicalType)
METRICS: Final[tuple[str, ...]] = get_args(Metric)

_PERSONAL = frozenset({"personal", "pii", "sensitive", "confidential", "restricted"})
_NUMBERS = ("integer", "number")
_TIMES = ("date", "timestamp")

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """The promise of one column.

    Attributes:
        name: Name of the column.
        logical_type: What its values are.
        required: Whether every row has a value; a NaN is none.
        unique: Whether no two rows share a value.
        primary_key: Whether it names the row, alone or with others; such a column is required.
        minimum: Smallest value: a number, or an ISO text for dates and timestamps; None for no bound.
        maximum: Largest value, likewise.
        min_length: Fewest characters of a string.
        max_length: Most characters of a string.
        pattern: Regular expression that is found in every string (anchor it to mean the whole).
        enum: The only values there may be; None for any. Nulls are for ``required`` to forbid.
        description: What the column means.
        classification: How the value is protected, such as ``"personal"``.
        known_at: DuckDB SQL over the source's own columns: the instant at which the value becomes known. None if
            it was always known (a schedule).
        guessed: Whether this promise was inferred from data, and nobody has confirmed it.

    Raises:
        InvalidContract: If the promise contradicts itself.
    """

    name: str
    logical_type: LogicalType
    required: bool = False
    unique: bool = False
    primary_key: bool = False
    minimum: float | str | None = None
    maximum: float | str | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    enum: tuple[Scalar, ...] | None = None
    description: str = ""
    classification: str = ""
    known_at: str | None = None
    guessed: bool = False

    def __post_init__(self) -> None:
        self._check_options_fit_the_type()
        self._check_bounds()
        self._check_pattern()
        self._check_enum()

    @property
    def personal(self) -> bool:
        """Whether values of this column must not be shown or kept in clear."""
        return self.classification.lower() in _PERSONAL

    @property
    def bounds(self) -> tuple[float | datetime | None, float | datetime | None]:
        """``minimum`` and ``maximum`` as they compare: numbers, or instants in UTC."""
        return self._bound("minimum"), self._bound("maximum")

    def _bound(self, name: Literal["minimum", "maximum"]) -> float | datetime | None:
        given = self.minimum if name == "minimum" else self.maximum
        if given is None:
            return None
        try:
            if self.logical_type in _TIMES and isinstance(given, str):
                return parse_instant(given)
            if self.logical_type in _NUMBERS and _is_number(given) and math.isfinite(given):  # type: ignore[arg-type]
                return float(given)
        except ValueError:
            pass
        raise self._contradiction(f"{name} {given!r} is no {self.logical_type}", "give a value of the column's type")

    def _check_options_fit_the_type(self) -> None:
        texts_only = {"pattern": self.pattern, "minLength": self.min_length, "maxLength": self.max_length}
        misplaced = [name for name, given in texts_only.items() if given is not None and self.logical_type != "string"]
        if self.logical_type not in (*_NUMBERS, *_TIMES):
            ranges = {"minimum": self.minimum, "maximum": self.maximum}
            misplaced += [name for name, given in ranges.items() if given is not None]
        if misplaced:
            raise self._contradiction(f"{misplaced[0]} means nothing for a {self.logical_type}", "take it away")

    def _check_bounds(self) -> None:
        low, high = self.bounds
        if low is not None and high is not None and _above(low, high):
            raise self._contradiction(f"minimum {self.minimum} is above maximum {self.maximum}", "swap or mend them")
        shortest, longest = self.min_length or 0, math.inf if self.max_length is None else self.max_length
        if shortest > longest:
            raise self._contradiction(f"minLength {shortest} is above maxLength {longest}", "swap or mend them")

    def _check_pattern(self) -> None:
        try:
            if self.pattern is not None:
                portable(self.pattern)
        except ValueError as error:
            raise self._contradiction(
                f"pattern {self.pattern!r} cannot be used: {error}", "write it plainer"
            ) from error

    def _check_enum(self) -> None:
        if self.enum is None:
            return
        if not self.enum or len(set(map(repr, self.enum))) < len(self.enum):
            raise self._contradiction("enum is empty or repeats a value", "list each allowed value once")
        for value in self.enum:
            if (broken := self._broken_by(value)) is not None:
                raise self._contradiction(
                    f"enum allows {value!r}, which breaks its own {broken}", "mend one of the two"
                )

    def _broken_by(self, value: Scalar) -> str | None:
        """The part of the promise that a value breaks, if any."""
        if not is_of_type(value, self.logical_type):
            return f"type {self.logical_type}"
        if isinstance(value, str) and self.logical_type == "string":
            return self._broken_by_text(value)
        low, high = self.bounds
        comparable = parse_instant(value) if isinstance(value, str) and self.logical_type in _TIMES else value
        if low is not None and _above(low, comparable):
            return "minimum"
        return "maximum" if high is not None and _above(comparable, high) else None

    def _broken_by_text(self, value: str) -> str | None:
        if len(value) < (self.min_length or 0):
            return "minLength"
        if self.max_length is not None and len(value) > self.max_length:
            return "maxLength"
        return "pattern" if self.pattern is not None and portable(self.pattern).search(value) is None else None

    def _contradiction(self, what: str, remedy: str) -> InvalidContract:
        return InvalidContract(f"property {self.name!r}: {what}", remedy=remedy, property=self.name)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _above(one: object, other: object) -> bool:
    """Whether ``one > other``; both are numbers or both instants, as their types were checked."""
    return one > other  # type: ignore[operator, no-any-return]


def is_of_type(value: object, logical_type: str) -> bool:
    """Whether a single value is of a logical type; dates and times may be ISO texts, a whole float is an integer."""
    if logical_type == "boolean":
        return isinstance(value, bool)
    if logical_type in _NUMBERS:
        return _is_number(value) and (logical_type == "number" or float(value).is_integer())  # type: ignore[arg-type]
    if logical_type == "string":
        return isinstance(value, str)
    return _is_moment(value, logical_type)


def _is_moment(value: object, logical_type: str) -> bool:
    if not isinstance(value, str):
        kinds = {"date": date, "timestamp": datetime, "time": time}
        return isinstance(value, kinds[logical_type])
    readers = {"date": date.fromisoformat, "timestamp": parse_instant, "time": time.fromisoformat}
    try:
        readers[logical_type](value)
    except ValueError:
        return False
    return True


def as_instant(value: object) -> datetime:
    """A date, datetime or ISO text as an aware instant in UTC."""
    if isinstance(value, str):
        return parse_instant(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    assert isinstance(value, date)
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


OPERATORS: Final[Mapping[str, str]] = {
    "mustBe": "=",
    "mustNotBe": "!=",
    "mustBeGreaterThan": ">",
    "mustBeGreaterOrEqualTo": ">=",
    "mustBeLessThan": "<",
    "mustBeLessOrEqualTo": "<=",
    "mustBeBetween": "between",
    "mustNotBeBetween": "not between",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A count over the rows of a table, and what it has to be.

    Attributes:
        metric: What is counted.
        operator: How it is held against ``amounts``, such as ``"mustBeLessThan"``.
        amounts: One number, or two that rise for the ``Between`` operators.
        column: The column that it is about; None for the table.
        percent: Whether the count is given in per cent of the rows, as ODCS writes it (0..100).
        columns: For ``duplicateValues`` of a table, the columns that are unique together.
        valid: For ``invalidValues``, the values that are valid; empty for any.
        pattern: For ``invalidValues``, the expression that valid values hold.
        missing: For ``missingValues``, texts that stand for a missing value.
        name: What the rule is called.
        severity: ``"error"``; ``"warning"`` and ``"info"`` never block.

    Raises:
        InvalidContract: If the rule contradicts itself.
    """

    metric: Metric
    operator: str
    amounts: tuple[float, ...]
    column: str | None = None
    percent: bool = False
    columns: tuple[str, ...] = ()
    valid: tuple[Scalar, ...] = ()
    pattern: str | None = None
    missing: tuple[str, ...] = field(default=())
    name: str = ""
    severity: str = "error"

    def __post_init__(self) -> None:
        if self.metric == "rowCount" and (self.column is not None or self.percent):
            raise self._contradiction("counts rows of a table, not of a column, and never in per cent")
        if self.metric != "rowCount" and self.column is None and not self.columns:
            raise self._contradiction("names no column; write it under the property, or give arguments.properties")
        if self.metric == "invalidValues" and not self.valid and self.pattern is None:
            raise self._contradiction("says not what is valid; give arguments.validValues or arguments.pattern")
        if not all(isinstance(value, Scalar) for value in self.valid):
            raise self._contradiction("lists a valid value that is no text, number, true or false")
        if len(self.amounts) == 2 and self.amounts[0] > self.amounts[1]:
            raise self._contradiction(f"the bounds {self.amounts} do not rise")
        try:
            if self.pattern is not None:
                portable(self.pattern)
        except ValueError as error:
            raise self._contradiction(f"pattern {self.pattern!r} cannot be used: {error}") from error

    @property
    def threshold(self) -> str:
        """What the count is held against, as text, such as ``"<= 5 %"``."""
        bounds = " and ".join(f"{amount:g}" for amount in self.amounts)
        return f"{OPERATORS[self.operator]} {bounds}{' %' if self.percent else ''}"

    def holds(self, count: int, rows: int) -> bool:
        """Whether a count out of so many rows keeps the rule; no rows are 0 %."""
        measured = 100 * count / max(rows, 1) if self.percent else count
        low, high = self.amounts[0], self.amounts[-1]
        answers = {
            "mustBe": measured == low,
            "mustNotBe": measured != low,
            "mustBeGreaterThan": measured > low,
            "mustBeGreaterOrEqualTo": measured >= low,
            "mustBeLessThan": measured < low,
            "mustBeLessOrEqualTo": measured <= low,
            "mustBeBetween": low <= measured <= high,
            "mustNotBeBetween": not low <= measured <= high,
        }
        return answers[self.operator]

    def _contradiction(self, what: str) -> InvalidContract:
        called = f"{self.name!r} " if self.name else ""
        return InvalidContract(f"rule {called}({self.metric}) {what}", remedy="mend the rule")
