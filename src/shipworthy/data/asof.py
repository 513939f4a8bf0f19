"""Point in time by construction: a features query is rewritten so that no row can see what was known after it.

The user writes one SELECT over the project's sources and ``decisions``. Every late column (one whose contract says
when it becomes known) carries that instant along, through every expression, aggregate, window and subquery. Where
``decisions`` stands in the FROM clause, each late value is held against ``decision_time`` and is null if it was not
known yet. What this cannot prove is refused by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from shipworthy.core.errors import InvalidFeatures
from shipworthy.data.asof_grammar import check_clauses, check_expression, in_file, nearest, refusal
from shipworthy.data.asof_relations import (
    DECISIONS,
    HIDDEN,
    DecisionPlan,
    Late,
    Relation,
    SourceTable,
    decisions_tree,
    source_tree,
)
from shipworthy.data.asof_terms import PUBLIC, Terms, latest, require_public, terms_of

__all__ = ["AsOfQuery", "rewrite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOfQuery:
    """A features query that carries, beside every late value, the instant at which it was known.

    Attributes:
        tree: The rewritten SELECT; runs on the sources themselves.
        relation: Its columns.
    """

    tree: exp.Select
    relation: Relation


def rewrite(text: str, *, sources: Mapping[str, SourceTable], plan: DecisionPlan, file: str) -> AsOfQuery:
    """Make the features query safe.

    Args:
        text: One SELECT in DuckDB's dialect over ``sources`` and ``decisions``.
        sources: Every source by name; the first is the primary one, which ``decisions`` is made from.
        plan: How ``decisions`` is made.
        file: Name of the features file, for errors.

    Raises:
        InvalidFeatures: If the query would look into the future, or holds what cannot be followed; names the
            line, the column and when it becomes known.
        InvalidContract: If a source's ``knownAt`` is no expression over its columns.
    """
    with in_file(file):
        select = _qualified(_parsed(text), sources, plan)
        relation = _Rewriter(sources, plan).query(select, {})
    return AsOfQuery(tree=select, relation=relation)


def _parsed(text: str) -> exp.Select:
    try:
        statements = [one for one in sqlglot.parse(text, dialect="duckdb") if one is not None]
    except ParseError as error:
        first = error.errors[0]
        raise InvalidFeatures(
            f"line {first['line']}: {first['description']}", remedy="mend the SQL", line=first["line"]
        ) from error
    except SqlglotError as error:
        raise InvalidFeatures(f"this is no SQL: {error}", remedy="mend the SQL") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        what = statements[0].key.upper() if len(statements) == 1 else f"{len(statements)} statements"
        raise InvalidFeatures(
            f"features are one SELECT, and this is {what}",
            remedy="write one SELECT (with CTEs if need be) over the sources and decisions",
        )
    return statements[0]


def _qualified(select: exp.Select, sources: Mapping[str, SourceTable], plan: DecisionPlan) -> exp.Select:
    """Name the table of every column; expand ``*`` and USING."""
    for table in select.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            raise refusal(
                table,
                f"{table.this.sql('duckdb')} reads something that is no source of the project",
                remedy="declare it under data.sources; for a list of numbers write unnest(range(4)) AS lag(hours)",
                construct=table.this.key,
            )
    primary = next(iter(sources.values()))
    known = {name: dict.fromkeys(source.columns, "unknown") for name, source in sources.items()}
    known[DECISIONS] = dict.fromkeys(plan.relation(primary).columns, "unknown")
    schema = MappingSchema(known, dialect="duckdb")
    try:
        # Unknown columns stay as they are: the walk below refuses them with their line.
        tree = qualify(
            select,
            schema=schema,
            dialect="duckdb",
            validate_qualify_columns=False,
            allow_partial_qualification=True,
        )
    except OptimizeError as error:
        raise InvalidFeatures(str(error).partition("\n")[0], remedy="name the table of every column") from error
    assert isinstance(tree, exp.Select)
    return tree


class _Rewriter:
    """One walk over one qualified query; changes the tree where it stands."""

    def __init__(self, sources: Mapping[str, SourceTable], plan: DecisionPlan) -> None:
        self._sources = sources
        self._plan = plan
        self._primary = next(iter(sources.values()))

    def query(self, node: exp.Expr, ctes: Mapping[str, Relation]) -> Relation:
        """Rewrite a query in place and say what its columns carry."""
        if isinstance(node, exp.Values):
            return self._constants(node)
        if not isinstance(node, exp.Select):
            raise refusal(
                node,
                f"{node.key.upper()} is not understood in features",
                remedy="write one SELECT per CTE, without UNION, INTERSECT, EXCEPT, PIVOT or VALUES outside FROM",
                construct=node.key,
            )
        check_clauses(node)
        inner = self._ctes(node.args.get("with_"), ctes)
        relations = self._relations(node, inner)
        return _rewrite_scope(node, _Scope(relations))

    def _ctes(self, clause: exp.With | None, outer: Mapping[str, Relation]) -> dict[str, Relation]:
        known = dict(outer)
        if clause is None:
            return known
        check_clauses(clause)
        for cte in clause.expressions:
            check_clauses(cte)
            if cte.alias in self._sources or cte.alias == DECISIONS:
                raise refusal(
                    cte,
                    f"the CTE {cte.alias!r} hides the source of that name",
                    remedy="give the CTE another name",
                    relation=cte.alias,
                )
            known[cte.alias] = self.query(cte.this, known)
        return known

    def _relations(self, select: exp.Select, ctes: Mapping[str, Relation]) -> dict[str, Relation]:
        start = select.args.get("from_")
        joins: list[exp.Join] = select.args.get("joins") or []
        for join in joins:
            _check_join(join)
        relations: dict[str, Relation] = {}
        for node in ([start.this] if start else []) + [join.this for join in joins]:
            name = node.alias_or_name
            relations[name] = self._relation(node, ctes)
        return relations

    def _relation(self, node: exp.Expr, ctes: Mapping[str, Relation]) -> Relation:
        if isinstance(node, exp.Subquery):
            check_clauses(node)
            return self.query(node.this, ctes)
        if isinstance(node, exp.Unnest | exp.Values):
            return self._constants(node)
        if not isinstance(node, exp.Table):
            raise refusal(
                node,
                f"{node.key.upper()} in FROM is not understood",
                remedy="read from sources, decisions, CTEs, subqueries and constant lists",
                construct=node.key,
            )
        check_clauses(node)
        if node.name in ctes:
            return ctes[node.name]
        if node.name == DECISIONS:
            node.replace(_derived(decisions_tree(self._primary, self._plan), node))
            return self._plan.relation(self._primary)
        if node.name not in self._sources:
            raise refusal(
                node,
                f"there is no source {node.name!r}",
                remedy=nearest(node.name, [*self._sources, *ctes, DECISIONS]),
                relation=node.name,
            )
        source = self._sources[node.name]
        node.replace(_derived(source_tree(source), node))
        return source.relation()

    def _constants(self, node: exp.Unnest | exp.Values) -> Relation:
        check_clauses(node)
        alias = node.args.get("alias")
        columns = [one.name for one in alias.args.get("columns") or ()] if alias else []
        if not columns or node.find(exp.Column):
            raise refusal(
                node,
                "a list in FROM has to be constant, with named columns",
                remedy="write it as unnest([0, 1, 2]) AS lag(hours)",
                construct=node.key,
            )
        for one in node.expressions:
            check_expression(one)
        return Relation(columns=dict.fromkeys(columns))


def _check_join(join: exp.Join) -> None:
    check_clauses(join)
    kind = f"{join.method} {join.kind}".strip().upper()
    if kind not in {"", "INNER", "CROSS", "OUTER", "ASOF"}:
        raise refusal(
            join,
            f"{kind} JOIN is not understood in features",
            remedy="use JOIN, LEFT JOIN, ASOF LEFT JOIN or CROSS JOIN",
            construct=kind,
        )


def _derived(tree: exp.Select, table: exp.Table) -> exp.Subquery:
    alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name, quoted=True))
    return exp.Subquery(this=tree, alias=alias)


class _Scope:
    """One SELECT: what its columns carry, and the decision time that they are held against."""

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
                "two relations in one FROM bring a decision time, so it is unclear which one late values are held against",
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


def _rewrite_scope(select: exp.Select, scope: _Scope) -> Relation:
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


def _check_rows(select: exp.Select, scope: _Scope) -> None:
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
    if not group.args.get("all"):
        return list(group.expressions)
    values = [one.unalias() for one in select.expressions]
    return [one for one in values if all(call.find_ancestor(exp.Window) for call in one.find_all(exp.AggFunc))]


def _distinct(select: exp.Select) -> list[exp.Expr]:
    distinct = select.args.get("distinct")
    if distinct is None:
        return []
    check_clauses(distinct)
    return [one.unalias() for one in select.expressions]


def _check_name(projection: exp.Expr, name: str, taken: Mapping[str, object]) -> None:
    if name in taken:
        raise refusal(projection, f"two columns are named {name!r}", remedy="give each its own name with AS", column=name)
    if name.startswith(HIDDEN):
        raise refusal(
            projection,
            f"the column name {name!r} begins with {HIDDEN!r}, which is kept for the rewriter",
            remedy="give the column another name",
            column=name,
        )


def _is_moment(value: exp.Expr, scope: _Scope) -> bool:
    """Whether a column is a decision time, passed on unchanged."""
    return isinstance(value, exp.Column) and scope.relations[value.table].moment == value.name
