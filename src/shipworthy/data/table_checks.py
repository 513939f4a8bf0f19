"""A contract held against a table: a few SQL aggregates, each promise a finding."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Final

from sqlglot import exp

from shipworthy.core.digests import Json
from shipworthy.core.findings import Finding, Status
from shipworthy.data.contract import Contract
from shipworthy.data.properties import Property, Rule, as_instant
from shipworthy.data.table_rules import Ask, column_asks, count_rows, duplicates, fits_type, rule_count, surplus
from shipworthy.engines.engine import Engine
from shipworthy.problem.nearest import nearest_name

__all__ = ["check_table"]

_SAMPLE_ROWS = 5
_HIDDEN = "(not shown: personal)"
_ROWS: Final = "rows"


def check_table(engine: Engine, source: str, contract: Contract, now: datetime) -> tuple[Finding, ...]:
    """Hold an attached source to its contract.

    Args:
        engine: Where the source is attached.
        source: Its name.
        contract: What it promises; ``on_breach: warn`` makes every breach a warning.
        now: The present, aware UTC, for freshness.

    Returns:
        A finding for each broken promise with the number of rows, a sample of them and a remedy; and one that passed
        for each kind of promise that is kept everywhere.
    """
    return _Table(engine, source, contract).findings(now)


class _Table:
    """One attached source beside its contract."""

    def __init__(self, engine: Engine, source: str, contract: Contract) -> None:
        self._engine = engine
        self._source = source
        self._contract = contract
        self._types = engine.columns(source)
        self._table = exp.to_identifier(source, quoted=True)
        self._rows = int(self._ask([exp.Count(this=exp.Star())])[0])  # type: ignore[call-overload]

    def findings(self, now: datetime) -> tuple[Finding, ...]:
        fitting, misfits = self._split()
        broken = [
            *misfits,
            *self._row_findings(fitting),
            *self._unique_findings(fitting),
            *self._rule_findings(fitting),
        ]
        broken += self._freshness(fitting, now)
        return (*broken, *self._kept({finding.check for finding in broken}))

    def _split(self) -> tuple[list[Property], list[Finding]]:
        """The promises whose column is there with its type, and findings about the others."""
        fitting, misfits = [], []
        for promise in self._contract.properties:
            sql_type = self._types.get(promise.name)
            if sql_type is None:
                misfits.append(self._absent(promise))
            elif not fits_type(sql_type, promise.logical_type):
                misfits.append(self._mistyped(promise, sql_type))
            else:
                fitting.append(promise)
        return fitting, misfits

    def _absent(self, promise: Property) -> Finding:
        near = nearest_name(promise.name, self._types)
        return self._broken(
            "contract.columns",
            f"{self._source}.{promise.name}: the contract names this column, but the data has none of that name",
            remedy=f"add the column, or take it out of the contract{near}",
            evidence={"column": promise.name, "columns": list(self._types)},
        )

    def _mistyped(self, promise: Property, sql_type: str) -> Finding:
        return self._broken(
            "contract.type",
            f"{self._source}.{promise.name}: the column is {sql_type}, not {promise.logical_type} as promised",
            remedy="write the column with its type, or mend logicalType in the contract",
            evidence={"column": promise.name, "sql_type": sql_type, "logical_type": promise.logical_type},
        )

    def _row_findings(self, fitting: Sequence[Property]) -> Iterable[Finding]:
        asks = [ask for promise in fitting for ask in column_asks(promise, self._types[promise.name])]
        counts = self._ask([count_rows(ask.broken) for ask in asks])
        for ask, count in zip(asks, counts, strict=True):
            if count:
                yield self._broken_rows(ask, int(count))  # type: ignore[call-overload]

    def _broken_rows(self, ask: Ask, count: int) -> Finding:
        shown = list(dict.fromkeys([*(name for name in self._contract.key if name in self._types), ask.column]))
        columns = [exp.column(name, quoted=True) for name in shown]
        sample = self._engine.query(exp.select(*columns).from_(self._table).where(ask.broken).limit(_SAMPLE_ROWS))
        return self._broken(
            ask.check,
            f"{self._source}.{ask.column}: {count:,} of {self._rows:,} rows are {ask.says}",
            remedy=ask.remedy,
            measured=count,
            threshold="0",
            evidence={
                "column": ask.column,
                "breaches": count,
                "rows": self._rows,
                "sample": [self._shown(row) for row in sample.to_pylist()],
            },
        )

    def _unique_findings(self, fitting: Sequence[Property]) -> Iterable[Finding]:
        key = self._contract.key
        sets: list[tuple[str, ...]] = [(one.name,) for one in fitting if one.unique or key == (one.name,)]
        if len(key) > 1 and all(name in self._types for name in key):
            sets.append(key)
        counts = self._ask([surplus(columns) for columns in sets])
        for columns, count in zip(sets, counts, strict=True):
            if count:
                yield self._repeated(columns, int(count))  # type: ignore[call-overload]

    def _repeated(self, columns: Sequence[str], count: int) -> Finding:
        sample = self._engine.query(duplicates(self._table, columns).limit(_SAMPLE_ROWS))
        names = ", ".join(columns)
        return self._broken(
            "contract.unique",
            f"{self._source}.{names}: {count:,} of {self._rows:,} rows repeat a value, but it is promised to be unique",
            remedy="remove the repeated rows, or take 'unique' or 'primaryKey' out of the contract",
            measured=count,
            threshold="0",
            evidence={
                "column": names,
                "breaches": count,
                "rows": self._rows,
                "sample": [self._shown(row) for row in sample.to_pylist()],
            },
        )

    def _rule_findings(self, fitting: Sequence[Property]) -> Iterable[Finding]:
        names = {one.name for one in fitting}
        rules = [rule for rule in self._contract.rules if {rule.column, *rule.columns} - {None} <= names]
        counts = self._ask(
            [
                rule_count(rule, self._types.get(rule.column or "", ""), self._contract.promise(rule.column or ""))
                for rule in rules
            ]
        )
        for rule, count in zip(rules, counts, strict=True):
            if not rule.holds(int(count), self._rows):  # type: ignore[call-overload]
                yield self._broken_rule(rule, int(count))  # type: ignore[call-overload]

    def _broken_rule(self, rule: Rule, count: int) -> Finding:
        where = ".".join([self._source, *([rule.column] if rule.column else rule.columns)])
        share = f" ({100 * count / max(self._rows, 1):.3g} %)" if rule.percent else ""
        called = f" (rule {rule.name!r})" if rule.name else ""
        measured = f"{rule.metric} is {count:,}{share} of {self._rows:,} rows"
        return self._broken(
            "contract.row_count" if rule.metric == "rowCount" else "contract.quality",
            f"{where}: {measured}, and has to be {rule.threshold}{called}",
            remedy="mend the data, or the rule if it is too strict",
            measured=count,
            threshold=rule.threshold,
            evidence={"column": rule.column, "metric": rule.metric, "breaches": count, "rows": self._rows},
            warn=rule.severity != "error",
        )

    def _freshness(self, fitting: Sequence[Property], now: datetime) -> Iterable[Finding]:
        fresh = self._contract.freshness
        if fresh is None or fresh.column not in {one.name for one in fitting}:
            return
        instant = exp.cast(exp.column(fresh.column, quoted=True), "TIMESTAMPTZ")
        newest = self._ask([exp.Max(this=instant)])[0]
        age_days = None if newest is None else (now - as_instant(newest)).total_seconds() / 86_400
        limit_days = fresh.within.total_seconds() / 86_400
        if age_days is not None and age_days <= limit_days:
            return
        seen = "holds no instant" if age_days is None else f"ends {age_days:.3g} days before {now:%Y-%m-%d %H:%M} UTC"
        yield self._broken(
            "contract.freshness",
            f"{self._source}.{fresh.column}: the data {seen}; at most {limit_days:.3g} days are promised",
            remedy="load newer data; a model on stale data answers yesterday's question",
            measured=age_days,
            threshold=f"<= {limit_days:.3g}",
            unit="days",
            evidence={"column": fresh.column, "newest": None if newest is None else as_instant(newest).isoformat()},
        )

    def _kept(self, broken: set[str]) -> Iterable[Finding]:
        for check, promised in self._promised().items():
            if promised and check not in broken:
                yield Finding(
                    check=check,
                    status=Status.PASSED,
                    message=f"{self._source}: {promised} in {self._rows:,} rows",
                    evidence={"source": self._source, "rows": self._rows},
                )

    def _promised(self) -> dict[str, str]:
        """What is promised, for each check, in words; empty for checks about which nothing is promised."""
        promises, rules = self._contract.properties, self._contract.rules
        counts = {
            "contract.columns": ("column(s) there", len(promises)),
            "contract.type": ("column(s) of their type", len(promises)),
            "contract.required": ("column(s) without a null", sum(one.required for one in promises)),
            "contract.unique": (
                "column(s) without a repetition",
                sum(one.unique or one.primary_key for one in promises),
            ),
            "contract.minimum": ("column(s) not below their minimum", sum(one.minimum is not None for one in promises)),
            "contract.maximum": ("column(s) not above their maximum", sum(one.maximum is not None for one in promises)),
            "contract.length": (
                "column(s) of their length",
                sum((one.min_length, one.max_length) != (None, None) for one in promises),
            ),
            "contract.pattern": ("column(s) of their form", sum(one.pattern is not None for one in promises)),
            "contract.enum": ("column(s) with allowed values only", sum(one.enum is not None for one in promises)),
            "contract.row_count": ("rule(s) about the number of rows kept", sum(r.metric == "rowCount" for r in rules)),
            "contract.quality": ("quality rule(s) kept", sum(r.metric != "rowCount" for r in rules)),
            "contract.freshness": ("column(s) fresh", int(self._contract.freshness is not None)),
        }
        return {check: f"{count} {words}" if count else "" for check, (words, count) in counts.items()}

    def _broken(
        self,
        check: str,
        message: str,
        *,
        remedy: str,
        evidence: Mapping[str, Json],
        measured: float | None = None,
        threshold: str = "",
        unit: str = _ROWS,
        warn: bool = False,
    ) -> Finding:
        return Finding(
            check=check,
            status=Status.WARNED if warn or self._contract.on_breach == "warn" else Status.FAILED,
            message=message,
            measured=None if measured is None else float(measured),
            threshold=threshold,
            unit=unit if measured is not None else "",
            remedy=remedy,
            evidence={"source": self._source, **evidence},
        )

    def _shown(self, row: Mapping[str, object]) -> Json:
        return {name: self._shown_value(name, value) for name, value in row.items()}

    def _shown_value(self, name: str, value: object) -> Json:
        promise = self._contract.promise(name)
        if promise is not None and promise.personal and value is not None:
            return _HIDDEN
        if isinstance(value, date | datetime | time):
            return value.isoformat()
        return value if isinstance(value, str | bool | int) or value is None or value == value else None  # type: ignore[return-value]  # noqa: PLR0124

    def _ask(self, aggregates: Sequence[exp.Expr]) -> list[object]:
        """The values of several aggregates over the table, in one statement."""
        if not aggregates:
            return []
        named = [exp.alias_(one, f"a{index}", quoted=True) for index, one in enumerate(aggregates)]
        return list(self._engine.query(exp.select(*named).from_(self._table)).to_pylist()[0].values())
