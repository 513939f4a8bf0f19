"""Point in time by construction: a features query is rewritten so that no row can see what was known after it.

The user writes one SELECT over the project's sources and ``decisions``. Every late column (one whose contract says
when it becomes known) carries that instant along, through every expression, aggregate, window and subquery. Where
``decisions`` stands in the FROM clause, each late value is held against ``decision_time`` and is null if it was not
known yet. What this cannot prove is refused by name.
"""

from collections import Counter
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
    DecisionPlan,
    Relation,
    SourceTable,
    decisions_tree,
    source_tree,
)
from shipworthy.data.asof_scope import Scope, rewrite_scope

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
        _check_written(select)
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
    known: dict[str, object] = {name: dict.fromkeys(source.columns, "unknown") for name, source in sources.items()}
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


def _check_written(select: exp.Select) -> None:
    """Refuse a tree that reads as another one once it is written: what was followed has to be what runs."""
    try:
        same = _reads(sqlglot.parse_one(select.sql("duckdb", comments=False), dialect="duckdb")) == _reads(select)
    except SqlglotError:
        same = False
    if not same:
        raise InvalidFeatures(
            "a name or a text in this SQL would be read as SQL itself",
            remedy="take quotes and brackets out of its names, units and types",
        )


def _reads(tree: exp.Expr) -> Counter[tuple[str, str, str]]:
    """Every query, table and column of a tree, with how often it stands there."""
    kept = [one for one in tree.walk() if isinstance(one, exp.Query | exp.Table | exp.Column)]
    # DuckDB tells no cases apart, and sqlglot writes functions in capitals.
    return Counter((one.key, one.text("table").lower(), one.name.lower()) for one in kept)


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
        return rewrite_scope(node, Scope(relations))

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
        _check_alias(node)
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


def _check_alias(table: exp.Table) -> None:
    """Refuse new names for the columns of a table: they go by place, and what is late goes by name."""
    if table.alias_column_names:
        raise refusal(
            table,
            f"the alias {table.alias!r} renames columns",
            remedy="rename them with AS in a SELECT",
            construct="column alias",
        )


def _derived(tree: exp.Select, table: exp.Table) -> exp.Subquery:
    alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name, quoted=True))
    return exp.Subquery(this=tree, alias=alias)
