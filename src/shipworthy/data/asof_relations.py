"""Tables as the as-of rewriter sees them: which columns are late, and where the instant stands at which they are known.

A late column never travels alone. Beside it goes a hidden column with the instant at which the value becomes known:
``infinity`` for never, null where an outer join found no row (then the value is null too, and that is no secret).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from shipworthy.core.errors import InvalidContract, InvalidFeatures
from shipworthy.data.asof_grammar import check_expression

__all__ = ["DECISIONS", "HIDDEN", "DecisionPlan", "Late", "Relation", "SourceTable", "decisions_tree", "source_tree"]

DECISIONS = "decisions"
HIDDEN = "__known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """What a value that is not known always carries with it.

    Attributes:
        known: Name of the hidden column, in the same relation, with the instant at which the value becomes known.
        unmasked: Late columns of sources that went in without being held against a decision time.
        touched: All late columns of sources that went in; each text ``source.column``.
    """

    known: str
    unmasked: frozenset[str]
    touched: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Columns that a FROM clause may reach.

    Attributes:
        columns: Each column with what it carries; None for one that is known always.
        moment: The column that holds the decision time, if there is one.
        own_late: Late columns of the decision's own row, which are not there: each with when it becomes known.
    """

    columns: Mapping[str, Late | None]
    moment: str | None = None
    own_late: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable:
    """A source and when its values become known.

    Attributes:
        name: Name of the table in SQL.
        columns: Its columns in order, in lower case.
        known_at: For each late column a DuckDB SQL expression over columns of the same row, giving an instant.
    """

    name: str
    columns: tuple[str, ...]
    known_at: Mapping[str, str]

    def relation(self) -> Relation:
        """The columns of this source, late ones with their companions."""
        expressions = self.instants()
        columns: dict[str, Late | None] = dict.fromkeys(self.columns)
        for column, text in self.known_at.items():
            origin = frozenset({f"{self.name}.{column}"})
            columns[column] = Late(known=expressions[text], unmasked=origin, touched=origin)
        return Relation(columns=columns)

    def table(self) -> exp.Table:
        """The source as it stands in FROM."""
        return exp.Table(this=exp.to_identifier(self.name, quoted=True))

    def instants(self) -> dict[str, str]:
        """Hidden column of each different ``known_at`` expression."""
        return {text: f"{HIDDEN}_{number}" for number, text in enumerate(dict.fromkeys(self.known_at.values()))}

    def instant(self, text: str) -> exp.Expr:
        """The instant that ``text`` means, never null: a value without one is never known.

        Raises:
            InvalidContract: If the text is no expression over this source's columns.
        """
        try:
            tree = sqlglot.parse_one(text, dialect="duckdb")
            check_expression(tree)
        except SqlglotError as error:
            raise self._misfit(text, "is no SQL expression") from error
        except InvalidFeatures as error:
            raise self._misfit(text, f"cannot be used: {error.problem}") from error
        for column in tree.find_all(exp.Column):
            if column.table or column.name.lower() not in self.columns:
                raise self._misfit(text, f"names the column {column.sql('duckdb')}, which the source does not have")
        return exp.Coalesce(this=_instant(tree), expressions=[_instant(exp.Literal.string("infinity"))])

    def _misfit(self, text: str, problem: str) -> InvalidContract:
        return InvalidContract(
            f"source {self.name!r}: shipworthy.knownAt {text!r} {problem}",
            remedy="give a DuckDB SQL expression over this source's own columns, such as observed_at",
            source=self.name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPlan:
    """How the relation ``decisions`` is made from the primary source.

    Attributes:
        key: Column that names a decision.
        event_time: Column with the instant that the decision is about.
        moment: Column that the decision time is counted from.
        offset: What is added to it.
    """

    key: str
    event_time: str
    moment: str
    offset: timedelta

    def relation(self, primary: SourceTable) -> Relation:
        """What is known of a decision itself."""
        columns: dict[str, Late | None] = dict.fromkeys(one for one in primary.columns if one not in primary.known_at)
        columns["decision_time"] = None
        return Relation(columns=columns, moment="decision_time", own_late=primary.known_at)

    def instant(self) -> exp.Expr:
        """The decision time, over the primary source's columns."""
        seconds = exp.Literal.number(int(self.offset.total_seconds()))
        shift = exp.Anonymous(this="to_seconds", expressions=[seconds])
        return exp.Add(this=_instant(exp.column(self.moment, quoted=True)), expression=shift)


def source_tree(source: SourceTable) -> exp.Select:
    """``SELECT`` of a source's columns and of the hidden instants at which late ones become known."""
    columns: list[exp.Expr] = [exp.column(one, quoted=True) for one in source.columns]
    hidden = [exp.alias_(source.instant(text), name, quoted=True) for text, name in source.instants().items()]
    return exp.select(*columns, *hidden).from_(source.table())


def decisions_tree(primary: SourceTable, plan: DecisionPlan) -> exp.Select:
    """``SELECT`` of one row per decision, without anything that is known late."""
    columns = [one for one in plan.relation(primary).columns if one != "decision_time"]
    names: list[exp.Expr] = [exp.column(one, quoted=True) for one in columns]
    moment = exp.alias_(plan.instant(), "decision_time", quoted=True)
    return exp.select(*names, moment).from_(primary.table())


def _instant(tree: exp.Expr) -> exp.Cast:
    return exp.cast(tree, exp.DType.TIMESTAMPTZ, dialect="duckdb")
