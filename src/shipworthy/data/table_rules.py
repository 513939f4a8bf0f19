"""The promises of a contract as SQL conditions: for each, an expression that is true on the rows that break it.

``row_rules`` asks the same of single values; a property test holds the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from shipworthy.data.properties import Property, Rule, Scalar, as_instant

__all__ = ["Ask", "column_asks", "count_rows", "duplicates", "fits_type", "is_missing", "rule_count", "surplus"]

_WHOLE = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
_FLOATS = ("FLOAT", "DOUBLE")
_FAMILIES: dict[str, tuple[str, ...]] = {
    "string": ("VARCHAR", "UUID", "ENUM"),
    "integer": (*_WHOLE, *_FLOATS, "DECIMAL"),
    "number": (*_WHOLE, *_FLOATS, "DECIMAL"),
    "boolean": ("BOOLEAN",),
    "date": ("DATE",),
    "timestamp": ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"),
    "time": ("TIME",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question about every row of a table.

    Attributes:
        check: Dotted name of the check, such as ``"contract.required"``.
        column: The column that it is about.
        broken: True on the rows that break the promise, never null.
        says: What those rows are, such as ``"null, but required"``.
        remedy: What to do about them.
    """

    check: str
    column: str
    broken: exp.Expr
    says: str
    remedy: str


def fits_type(sql_type: str, logical_type: str) -> bool:
    """Whether a column of a DuckDB SQL type can hold a logical type's values."""
    base = sql_type.partition("(")[0].removesuffix(" WITH TIME ZONE")
    return base in _FAMILIES[logical_type]


def column_asks(promise: Property, sql_type: str) -> list[Ask]:
    """Every question about the rows that a column's promise asks; its type fits already."""
    name = promise.name
    asks = []
    if promise.required:
        asks.append(("contract.required", is_missing(name, sql_type), "null, but required", "fill the values in"))
    value = _value(promise)
    known: exp.Condition = exp.not_(is_missing(name, sql_type))
    rules: list[tuple[str, exp.Expr, str]] = []
    if promise.logical_type == "integer" and sql_type.partition("(")[0] in (*_FLOATS, "DECIMAL"):
        broken = _not_whole(value)
        asks.append(
            ("contract.type", exp.and_(known, broken), "no whole number, as an integer has to be", "round them")
        )
        # A value that is no integer breaks its type, and is not asked anything further.
        known = exp.and_(known, exp.not_(broken))
    low, high = promise.bounds
    if low is not None:
        rules.append(("contract.minimum", value < _literal(low), f"below the minimum {promise.minimum}"))
    if high is not None:
        rules.append(("contract.maximum", value > _literal(high), f"above the maximum {promise.maximum}"))
    rules += _text_rules(promise, value)
    if promise.enum is not None:
        rules.append(("contract.enum", _none_of(promise, promise.enum), "none of the allowed values"))
    remedy = "mend the rows, or the contract if its promise is too strict"
    asks += [(check, exp.and_(known, broken), says, remedy) for check, broken, says in rules]
    return [Ask(check=check, column=name, broken=broken, says=says, remedy=how) for check, broken, says, how in asks]


def is_missing(column: str, sql_type: str) -> exp.Expr:
    """Whether a row has no value: null, or NaN in a column of floats."""
    null = exp.column(column, quoted=True).is_(exp.null())
    if sql_type not in _FLOATS:
        return null
    return exp.or_(null, _call("isnan", exp.column(column, quoted=True)))


def surplus(columns: Sequence[str]) -> exp.Expr:
    """How many rows could be left out so that no two share all of ``columns``; rows with a null do not count."""
    names = [exp.column(name, quoted=True) for name in columns]
    complete = exp.and_(*(exp.not_(name.is_(exp.null())) for name in names))
    together: exp.Expr = exp.Tuple(expressions=names) if len(names) > 1 else names[0]
    all_of = count_rows(complete)
    different = exp.Count(this=exp.Distinct(expressions=[exp.case().when(complete, together.copy())]))
    return exp.Sub(this=all_of, expression=different)


def duplicates(source: exp.Expr, columns: Sequence[str]) -> exp.Select:
    """The shared values of ``columns``, each with its number of rows, the most frequent first."""
    names = [exp.column(name, quoted=True) for name in columns]
    count = exp.alias_(exp.Count(this=exp.Star()), "rows", quoted=True)
    shared = exp.select(*names, count).from_(source).where(*(exp.not_(name.is_(exp.null())) for name in names))
    return shared.group_by(*names).having(exp.Count(this=exp.Star()) > 1).order_by(exp.Count(this=exp.Star()).desc())


def count_rows(condition: exp.Expr) -> exp.Expr:
    """On how many rows a condition is true; 0 where there are no rows (DuckDB's ``count_if`` is null there)."""
    return exp.Count(this=exp.case().when(condition.copy(), exp.Literal.number(1)))


def rule_count(rule: Rule, sql_type: str, promise: Property | None) -> exp.Expr:
    """What a counting rule counts, as an aggregate."""
    if rule.metric == "rowCount":
        return exp.Count(this=exp.Star())
    if rule.metric == "duplicateValues":
        return surplus(rule.columns or (rule.column or "",))
    assert rule.column is not None
    assert promise is not None
    missing = is_missing(rule.column, sql_type)
    if rule.metric == "nullValues":
        return count_rows(missing)
    text = exp.cast(exp.column(rule.column, quoted=True), "VARCHAR")
    if rule.metric == "missingValues":
        return count_rows(exp.or_(missing, text.isin(*rule.missing)) if rule.missing else missing)
    broken = [_none_of(promise, rule.valid)] if rule.valid else []
    broken += [_not_of_form(text, rule.pattern)] if rule.pattern is not None else []
    return count_rows(exp.and_(exp.not_(missing), exp.or_(*broken)))


def _value(promise: Property) -> exp.Expr:
    """A column as it compares: dates and timestamps as instants, those without a zone as UTC."""
    column = exp.column(promise.name, quoted=True)
    return exp.cast(column, "TIMESTAMPTZ") if promise.logical_type in {"date", "timestamp"} else column


def _literal(value: Scalar | datetime) -> exp.Expr:
    if isinstance(value, datetime):
        return exp.cast(exp.Literal.string(value.isoformat()), "TIMESTAMPTZ")
    if isinstance(value, float):
        return exp.cast(exp.Literal.string(repr(value)), "DOUBLE")
    return exp.convert(value)


def _none_of(promise: Property, allowed: Sequence[Scalar]) -> exp.Expr:
    instants = promise.logical_type in {"date", "timestamp"}
    values = [_literal(as_instant(value) if instants else value) for value in allowed]
    return exp.not_(exp.In(this=_value(promise), expressions=values))


def _text_rules(promise: Property, value: exp.Expr) -> list[tuple[str, exp.Expr, str]]:
    rules: list[tuple[str, exp.Expr, str]] = []
    length = _call("length", value)
    if (fewest := promise.min_length) is not None:
        rules.append(("contract.length", length.copy() < fewest, f"shorter than {fewest} characters"))
    if (most := promise.max_length) is not None:
        rules.append(("contract.length", length.copy() > most, f"longer than {most} characters"))
    if promise.pattern is not None:
        rules.append(("contract.pattern", _not_of_form(value, promise.pattern), f"not of the form {promise.pattern}"))
    return rules


def _not_of_form(value: exp.Expr, pattern: str) -> exp.Expr:
    return exp.not_(_call("regexp_matches", value, exp.Literal.string(pattern)))


def _not_whole(value: exp.Expr) -> exp.Expr:
    return exp.or_(_call("floor", value).neq(value), _call("isinf", exp.cast(value, "DOUBLE")))


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[one.copy() for one in arguments])
