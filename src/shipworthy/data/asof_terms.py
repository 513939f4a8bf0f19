"""When the value of an expression becomes known: the latest instant over every late value that goes into it.

The claim that is kept, for every value ``v`` and its instant ``k``: take two histories that agree on all that was
known at some time ``t``. If ``k <= t`` in one of them, then ``k`` and ``v`` are equal in both. Rows are public: which
rows a query has never depends on a late value, therefore late values are refused wherever they would choose rows.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlglot import exp

from shipworthy.data.asof_grammar import refusal

__all__ = ["PUBLIC", "Terms", "is_windowed", "latest", "require_public", "terms_of"]

# These read the current row too, which the frame need not hold.
_BEYOND_FRAME = (exp.CumeDist, exp.DenseRank, exp.Ntile, exp.PercentRank, exp.Rank)
_WRAPPERS = (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The instants that an expression waits for.

    Attributes:
        known: Expressions of type instant, each different; the value is known at the latest of them.
        unmasked: Late columns of sources that went in without being held against a decision time.
        touched: All late columns of sources that went in.
    """

    known: tuple[exp.Expr, ...] = ()
    unmasked: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()

    def over(self, change: Callable[[exp.Expr], exp.Expr]) -> "Terms":
        """The same with each instant changed."""
        changed = tuple(change(one.copy()) for one in self.known)
        return Terms(known=changed, unmasked=self.unmasked, touched=self.touched)


PUBLIC = Terms()

Resolve = Callable[[exp.Column], Terms]


def terms_of(node: exp.Expr, resolve: Resolve) -> Terms:
    """What ``node`` waits for.

    Args:
        node: An expression whose every column is qualified.
        resolve: Gives what one column waits for.

    Raises:
        InvalidFeatures: If a late value chooses or orders rows, or a window function is not understood.
    """
    if isinstance(node, exp.Column):
        return resolve(node)
    if isinstance(node, exp.Window):
        return _of_window(node, resolve)
    core = _core(node)
    if isinstance(core, exp.AggFunc):
        # A FILTER hides rows from the aggregate but not from its instant: that a row was left out is news as well.
        return _union(terms_of(one, resolve) for one in _arguments(node)).over(_max)
    if isinstance(node, exp.Explode | exp.Unnest):
        for one in node.iter_expressions():
            require_public(one, resolve, "a late value may not decide how many rows there are")
    return _union(terms_of(one, resolve) for one in node.iter_expressions())


def require_public(node: exp.Expr | None, resolve: Resolve, problem: str) -> None:
    """Refuse a late value where it would choose or order rows.

    Raises:
        InvalidFeatures: Naming the columns.
    """
    terms = PUBLIC if node is None else terms_of(node, resolve)
    if terms.known:
        assert node is not None
        names = ", ".join(sorted(terms.touched))
        raise refusal(
            node,
            f"{problem}: {names} is known only later",
            remedy="move the condition into the value: aggregate(...) FILTER (WHERE ...) or CASE WHEN ... THEN ... END",
            columns=sorted(terms.touched),
        )


def latest(terms: Terms) -> exp.Expr:
    """The latest of the instants, of which there is at least one."""
    first, *others = [one.copy() for one in terms.known]
    return exp.Greatest(this=first, expressions=others, ignore_nulls=True) if others else first


def is_windowed(call: exp.AggFunc) -> bool:
    """Whether a call is what a window computes, and so makes no group of the rows."""
    node: exp.Expr = call
    while isinstance(node.parent, _WRAPPERS) and node.arg_key == "this":
        node = node.parent
    return isinstance(node.parent, exp.Window) and node.arg_key == "this"


def _of_window(window: exp.Window, resolve: Resolve) -> Terms:
    for part in [*(window.args.get("partition_by") or ()), window.args.get("order"), window.args.get("spec")]:
        require_public(part, resolve, "a late value may not choose or order the rows of a window")
    for order in window.this.find_all(exp.Order):  # ties would fall by rows outside of the frame
        require_public(order, resolve, "a late value may not order the arguments of a window function")
    inner = _union(terms_of(one, resolve) for one in _arguments(window.this))
    if not inner.known:
        return inner
    core = _core(window.this)
    if isinstance(core, exp.Lag | exp.Lead):
        return _of_shift(window, core, resolve)
    if isinstance(core, exp.NthValue):
        require_public(core.args.get("offset"), resolve, "a late value may not choose the row of nth_value")
    if not isinstance(core, exp.AggFunc) or isinstance(core, _BEYOND_FRAME):
        raise refusal(
            window,
            f"the window function {core.key} over late values is not understood",
            remedy="use an aggregate, lag, lead, first_value or last_value",
            construct=core.key,
        )
    # The very same window sees the very same rows: DuckDB sorts once for both.
    return inner.over(lambda known: _same_window(window, _max(known)))


def _of_shift(window: exp.Window, shift: exp.Lag | exp.Lead, resolve: Resolve) -> Terms:
    """``lag`` and ``lead`` look at one row, wherever the frame ends."""
    require_public(shift.args.get("offset"), resolve, "a late value may not choose the row that lag or lead looks at")
    if shift is not window.this:
        raise refusal(
            window,
            f"{shift.key} IGNORE NULLS over late values would tell which of them are known",
            remedy=f"use {shift.key} without IGNORE NULLS, or an aggregate over the window",
            construct=shift.key,
        )
    offset = shift.args.get("offset")

    def moved(known: exp.Expr) -> exp.Expr:
        return _same_window(window, type(shift)(this=known, offset=offset.copy() if offset else None))

    default = shift.args.get("default")
    rest = terms_of(default, resolve) if default else PUBLIC
    return _union([terms_of(shift.this, resolve).over(moved), rest])


def _same_window(window: exp.Window, call: exp.Expr) -> exp.Window:
    twin = window.copy()
    twin.set("this", call)
    return twin


def _max(known: exp.Expr) -> exp.Expr:
    return exp.Max(this=known)


def _union(many: Iterable[Terms]) -> Terms:
    known: dict[str, exp.Expr] = {}
    unmasked: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    for one in many:
        known |= {instant.sql("duckdb"): instant for instant in one.known}
        unmasked |= one.unmasked
        touched |= one.touched
    return Terms(known=tuple(known.values()), unmasked=unmasked, touched=touched)


def _core(node: exp.Expr) -> exp.Expr:
    """The function inside its FILTER, WITHIN GROUP and null treatment."""
    while isinstance(node, _WRAPPERS):
        node = node.this
    return node


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    """Everything that a function call reads: its arguments, its order, its filter."""
    if isinstance(node, _WRAPPERS):
        return _arguments(node.this) + [one for one in node.iter_expressions() if one is not node.this]
    return list(node.iter_expressions())
