"""What the as-of rewriter understands. Everything else is refused by name: what cannot be proved may not pass."""

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlglot import exp

from shipworthy.core.errors import InvalidFeatures

__all__ = ["check_clauses", "check_expression", "in_file", "nearest", "refusal"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Pure functions: the same arguments always give the same answer, and nothing but the arguments is read. Named by
# sqlglot's classes; clocks, random numbers, settings, files and anything that sees a whole row or table stay out.
_FUNCTIONS = _words(
    """
    Abs Acos And AnyValue ApproxDistinct ApproxQuantile ArgMax ArgMin Array ArrayAgg ArrayContains ArrayMax ArrayMin
    ArraySize ArraySum Asin Atan Atan2 Avg BitwiseAndAgg BitwiseOrAgg Case Cast Cbrt Ceil Coalesce Concat ConcatWs
    Contains Corr Cos Count CountIf CovarPop CovarSamp CumeDist DateAdd DateBin DateDiff DateFromParts DateTrunc Day
    DayOfMonth DayOfWeek DayOfWeekIso DayOfYear Degrees DenseRank EndsWith Exp Explode Extract FirstValue Floor
    GenerateSeries Greatest Hour If Initcap IsInf IsNan Kurtosis Lag LastDay LastValue Lead Least Left Length
    Levenshtein Ln Log LogicalAnd LogicalOr Lower MD5 Max Median Min Minute Mode Month NthValue Ntile Nullif Or Pad
    PercentRank PercentileCont PercentileDisc Pi Pow Quantile Quarter Radians Rank RegexpExtract RegexpFullMatch
    RegexpLike RegexpReplace Repeat Replace Reverse Right Round RowNumber Second Sign Sin Skewness Split SplitPart Sqrt
    StartsWith Stddev StddevPop StddevSamp StrPosition StrToTime Substring Sum Tan TimeToStr TimeToUnix TimestampTrunc
    ToDays
    Trim Trunc TryCast UnixToTime Unnest Upper Variance VariancePop Week WeekOfYear Xor Year
    """
)
# Functions that sqlglot keeps by name only.
_NAMED = _words(
    "date_part date_sub fmod hash isodow make_timestamp to_hours to_microseconds to_milliseconds to_minutes "
    "to_months to_seconds to_weeks to_years"
)
_PARTS = (
    exp.Alias, exp.AtTimeZone, exp.Between, exp.Binary, exp.Boolean, exp.Bracket, exp.Column, exp.DataType,
    exp.DataTypeParam, exp.Distinct, exp.Escape, exp.Filter, exp.Identifier, exp.IgnoreNulls, exp.In, exp.Interval,
    exp.IntervalSpan, exp.Literal, exp.Null, exp.Order, exp.Ordered, exp.Paren, exp.RespectNulls, exp.Star, exp.Tuple,
    exp.Unary, exp.Var, exp.Where, exp.Window, exp.WindowSpec, exp.WithinGroup,
)  # fmt: skip
# These are Binary or Unary to sqlglot, but reach into rows or objects.
_NOT_PARTS = (exp.Dot, exp.JSONExtract, exp.JSONExtractScalar, exp.Kwarg, exp.PropertyEQ)

# Units, time zones and parameters of types, which sqlglot writes as they are.
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_CLAUSES: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: _words("with_ expressions from_ joins where group having qualify windows distinct order"),
    exp.Join: _words("this on side kind method"),
    exp.Group: _words("expressions all"),
    exp.Table: _words("this alias"),
    exp.Subquery: _words("this alias"),
    exp.Unnest: _words("expressions alias"),
    exp.Values: _words("expressions alias"),
    exp.Distinct: _words("expressions"),
    exp.With: _words("expressions"),
    exp.CTE: _words("this alias materialized"),
}


def refusal(node: exp.Expr, problem: str, *, remedy: str, **facts: object) -> InvalidFeatures:
    """The error for ``node``, with the line where it stands."""
    line = _line(node)
    where = f"line {line}: " if line else ""
    return InvalidFeatures(f"{where}{problem}", remedy=remedy, line=line, **facts)


@contextmanager
def in_file(file: str) -> Iterator[None]:
    """Put the name of the features file before every refusal raised inside."""
    try:
        yield
    except InvalidFeatures as error:
        comma = ", " if error.problem.startswith("line ") else ": "
        facts = error.facts | {"file": file}
        raise InvalidFeatures(f"{file}{comma}{error.problem}", remedy=error.remedy, **facts) from error


def nearest(name: str, known: Iterable[str]) -> str:
    """A remedy that names what is there, the nearest first."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"did you mean {close[0]!r}?" if close else f"there is: {listed}"


def check_clauses(node: exp.Expr) -> None:
    """Refuse clauses of a query, join or table that the rewriter does not know.

    Raises:
        InvalidFeatures: Naming the clause.
    """
    allowed = _CLAUSES[type(node)]
    for clause, content in node.args.items():
        if content and clause not in allowed:
            raise refusal(
                node,
                f"{clause.strip('_').upper().replace('_', ' ')} is not understood in features",
                remedy="write it with joins, FILTER, CASE and window functions",
                construct=clause,
            )


def check_expression(root: exp.Expr) -> None:
    """Refuse an expression that holds anything but columns, constants, operators and pure functions.

    Raises:
        InvalidFeatures: Naming the function or construct.
    """
    for node in root.walk():
        if isinstance(node, exp.Query | exp.Exists):
            raise refusal(
                node,
                "a subquery inside an expression cannot be followed",
                remedy="make it a CTE and join it",
                construct="subquery",
            )
        if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
            raise refusal(node, "* cannot be followed here", remedy="name the columns", construct="*")
        if not _understood(node):
            name = _name(node)
            raise refusal(
                node,
                f"{name}() is not understood in features"
                if isinstance(node, exp.Func)
                else f"{name} is not understood",
                remedy="features may use pure functions of columns only: no clocks, random numbers, files or settings",
                construct=name,
            )


def _understood(node: exp.Expr) -> bool:
    if not _is_plain(node):
        return False
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in _NAMED
    if isinstance(node, exp.Func):
        return type(node).__name__ in _FUNCTIONS
    return isinstance(node, _PARTS) and not isinstance(node, _NOT_PARTS)


def _is_plain(node: exp.Expr) -> bool:
    """Whether nothing in ``node`` itself would be written as raw SQL: a unit or a type may have been quoted."""
    if isinstance(node, exp.Var):
        return _WORD.fullmatch(node.name) is not None
    if isinstance(node, exp.DataType):
        return node.this is not exp.DType.USERDEFINED and not node.args.get("kind")
    if isinstance(node, exp.Column):
        return not node.args.get("db")
    return True


def _name(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    return node.sql_name().lower() if isinstance(node, exp.Func) else node.key


def _line(node: exp.Expr) -> int | None:
    for part in node.walk():
        line = part.meta.get("line")
        if line is not None:
            return int(line)
    return None
