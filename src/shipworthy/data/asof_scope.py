"""One SELECT of a features query: what its columns carry, and the decision time that they are held against."""

from collections.abc import Mapping

from sqlglot import exp

from shipworthy.core.errors import InvalidFeatures
from shipworthy.data.asof_grammar import check_clauses, check_expression, nearest, refusal
from shipworthy.data.asof_relations import HIDDEN, Late, Relation
from shipworthy.data.asof_terms import PUBLIC, Terms, is_windowed, latest, require_public, terms_of

__all__ = ["Scope", "rewrite_scope"]


class Scope:
    """The relations of one FROM clause.

    Args:
        relations: Each by its alias.
    """

    def __init__(self, relations: Mapping[str, Relation]) -> None:
        self.relations = relations
        moments = {name: one.moment for name, one in relations.items() if one.moment}
        own = [name for name, one in relations.items() if one.moment and one.own_late]
        chosen = own or list(moments)
        self.ambiguous = len(chosen) > 1
        self.moment = exp.column(moments[chosen[0]], table=chosen[0], quoted=True) if chosen else None

    def late(self, column: exp.Column) -> Late | None:
        """What a column carries.

        Raises:
            InvalidFeatures: If there is no such column, or it is a late one of the decision's own row.
        """
        relation = self.relations.get(column.table)
        if relation is not None and column.name in relation.columns:
            return relation.columns[column.name]
        for one in [relation] if relation else self.relations.values():
            if column.name in one.own_late:
                known_at = one.own_late[column.name]
                raise refusal(
                    column,
                    f"{column.name!r} of the decision's own row is not known at decision time (known at {known_at})",
                    remedy=f"leave it out, or use {column.name!r} of other rows by joining the source itself",
                    column=column.name,
                    known_at=known_at,
                )
        raise self._unknown(column, relation)

    def _unknown(self, column: exp.Column, relation: Relation | None) -> InvalidFeatures:
        holders = [name for name, one in self.relations.items() if column.name in one.columns]
        if not column.table and len(holders) > 1:
            return refusal(
                column,
                f"the column {column.name!r} is in {' and in '.join(holders)}",
                remedy=f"say which one is meant, such as {holders[0]}.{column.name}",
                column=column.name,
            )
        if relation is None and column.table:
            return refusal(
                column,
                f"there is no relation {column.table!r} in this FROM",
                remedy=nearest(column.table, self.relations),
                column=column.name,
            )
        reached = [relation] if relation else self.relations.values()
        names = {name for one in reached for name in one.columns}
        return refusal(
            column,
            f"there is no column {column.sql('duckdb')}",
            remedy=nearest(column.name, names),
            column=column.name,
        )

    def terms(self, column: exp.Column) -> Terms:
        """What a column waits for, once it is held against the decision time."""
        late = self.late(column)
        if late is None:
            return PUBLIC
        if self.ambiguous:
            raise refusal(
                column,
                "two relations in one FROM bring a decision time: which one are late values held against?",
                remedy="join one relation with decision_time at a time, or leave decision_time out of the other",
            )
        if self.moment is not None:
            return Terms(known=(self.moment.copy(),), touched=late.touched)
        known = exp.column(late.known, table=column.table, quoted=True)
        return Terms(known=(known,), unmasked=late.unmasked, touched=late.touched)

    def mask(self, root: exp.Expr) -> exp.Expr:
        """Hold every late value against the decision time: null unless it was known.

        An instant that is null belongs to a row that an outer join did not find. A null decision time hides all.
        """
        if self.moment is None:
            return root
        for column in list(root.find_all(exp.Column)):
            late = self.late(column)
            if late is not None:
                known = exp.column(late.known, table=column.table, quoted=True)
                seen = exp.or_(exp.LTE(this=known, expression=self.moment.copy()), known.copy().is_(exp.null()))
                column.replace(exp.Case(ifs=[exp.If(this=seen, true=column.copy())]))
        return root


def rewrite_scope(select: exp.Select, scope: Scope) -> Relation:
    """Mask late values in place, add the hidden instants of what is still late, and say what each column carries.

    Raises:
        InvalidFeatures: If a late value would choose rows, or a column cannot be followed.
    """
    _check_rows(select, scope)
    columns: dict[str, Late | None] = {}
    hidden: dict[str, exp.Expr] = {}
    moment = None
    for projection in select.expressions:
        name = projection.alias_or_name
        _check_name(projection, name, columns)
        check_expression(projection)
        value = projection.unalias()
        terms = terms_of(value, scope.terms)
        columns[name] = _carried(terms, hidden)
        if _is_moment(value, scope):
            moment = name
    select.set("expressions", [scope.mask(one) for one in select.expressions])
    for name, instant in hidden.items():
        select.append("expressions", exp.alias_(instant, name, quoted=True))
    return Relation(columns=columns, moment=moment)


def _carried(terms: Terms, hidden: dict[str, exp.Expr]) -> Late | None:
    """Give a late value its hidden column; values that wait for the same instant share one."""
    if not terms.known:
        return None
    instant = latest(terms)
    name = next((one for one, kept in hidden.items() if kept == instant), f"{HIDDEN}_{len(hidden)}")
    hidden[name] = instant
    return Late(known=name, unmasked=terms.unmasked, touched=terms.touched)


def _check_rows(select: exp.Select, scope: Scope) -> None:
    """Refuse late values wherever they would choose rows.

    Were a row to come or go with a late value, its very presence in a count would tell of it.
    """
    select.set("order", None)  # rows of a subquery have no order; the frame is sorted at the end
    for clause in [*_conditions(select), *_groups(select), *_distinct(select)]:
        check_expression(clause)
        require_public(clause, scope.terms, "a late value may not choose rows")


def _conditions(select: exp.Select) -> list[exp.Expr]:
    clauses = [select.args.get(one) for one in ("where", "having", "qualify")]
    found = [one.this for one in clauses if one is not None]
    found += [join.args["on"] for join in select.args.get("joins") or () if join.args.get("on") is not None]
    return found + list(select.args.get("windows") or ())


def _groups(select: exp.Select) -> list[exp.Expr]:
    group = select.args.get("group")
    if group is None:
        return []
    check_clauses(group)
    for one in group.expressions:
        if isinstance(one, exp.Literal):  # it may stand for a column, and which one is not ours to guess
            raise refusal(one, f"GROUP BY {one.sql('duckdb')} names no column", remedy="name the columns to group by")
    if not group.args.get("all"):
        return list(group.expressions)
    values = [one.unalias() for one in select.expressions]
    return [one for one in values if all(is_windowed(call) for call in one.find_all(exp.AggFunc))]


def _distinct(select: exp.Select) -> list[exp.Expr]:
    distinct = select.args.get("distinct")
    if distinct is None:
        return []
    check_clauses(distinct)
    return [one.unalias() for one in select.expressions]


def _check_name(projection: exp.Expr, name: str, taken: Mapping[str, object]) -> None:
    if name in taken:
        raise refusal(
            projection, f"two columns are named {name!r}", remedy="give each its own name with AS", column=name
        )
    if name.startswith(HIDDEN):
        raise refusal(
            projection,
            f"the column name {name!r} begins with {HIDDEN!r}, which is kept for the rewriter",
            remedy="give the column another name",
            column=name,
        )


def _is_moment(value: exp.Expr, scope: Scope) -> bool:
    """Whether a column is a decision time, passed on unchanged."""
    return isinstance(value, exp.Column) and scope.relations[value.table].moment == value.name
