"""Features as of decision time: the project's one SELECT, made safe by ``asof`` and checked on its way out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlglot import exp

from shipworthy.core.errors import InvalidData, InvalidFeatures, InvalidProject
from shipworthy.core.progress import Progress, silent
from shipworthy.data.asof import AsOfQuery, rewrite
from shipworthy.data.asof_grammar import nearest
from shipworthy.data.asof_relations import HIDDEN, DecisionPlan, SourceTable
from shipworthy.data.contract import Contract
from shipworthy.data.features_frame import Answer, make_frame
from shipworthy.data.frame import FeatureFrame
from shipworthy.engines.engine import Engine
from shipworthy.problem.project import DataPlan, Project

__all__ = ["build_features", "source_tables"]

_NO_FEATURE = ("DATE", "TIME", "INTERVAL", "BLOB", "BIT", "UUID", "STRUCT", "MAP", "UNION", "VARIANT", "GEOMETRY")
_UNITS = ((86_400, "DAY"), (3_600, "HOUR"), (60, "MINUTE"), (1, "SECOND"))


def build_features(
    project: Project,
    folder: Path,
    engine: Engine,
    contracts: Mapping[str, Contract],
    *,
    until: datetime | None,
    progress: Progress = silent,
) -> FeatureFrame:
    """One row per decision, ordered by event time and key, with nothing in it that was known after its decision time.

    Without a features file the columns of the primary source that are known always become the features, except
    instants and nested values, which no model takes as they are.

    Args:
        project: What is asked, and where key, times, target and features stand.
        folder: Folder of the project; the features file lies in it.
        engine: Holds every source under its name.
        contracts: Contract of each source that has one; its ``known_at`` says which columns are late.
        until: Decisions about an event from this instant on are left out, and so are outcomes that were not known
            by then; None for everything.
        progress: Told what is being done.

    Returns:
        The frame; its target is null where the outcome is not known.

    Raises:
        InvalidProject: If key, event time, decision time or target is no column of the primary source.
        InvalidFeatures: If the features file would look into the future, or does not give one row per decision
            with columns of numbers, booleans and strings.
        InvalidData: If there is no decision, or a target is neither true nor false.
    """
    tables = source_tables(project, engine, contracts)
    plan = _plan(project.data, next(iter(tables.values())))
    text, file = _text(project.data, folder, engine, tables)
    progress(f"reading {file}")
    query = rewrite(text, sources=tables, plan=plan, file=file)
    _check_output(query, plan.key, tables, file)
    tree = _tree(query, plan, project, engine, tables, until)
    progress("building features as of decision time")
    answer = Answer(table=engine.query(tree, progress=progress), relation=query.relation, tables=tables, file=file)
    if answer.table.num_rows == 0:
        before = f" before {until.isoformat()}" if until else ""
        raise InvalidData(
            f"source {project.data.primary.name!r} has no decision{before}",
            remedy="check the location of the source and data.until",
            source=project.data.primary.name,
        )
    return make_frame(answer, target=project.goal.target)


def source_tables(project: Project, engine: Engine, contracts: Mapping[str, Contract]) -> dict[str, SourceTable]:
    """Every source by its name in lower case, the primary one first, with what is known late in it.

    A target without ``known_at`` is known at the event time plus the project's label delay.

    Raises:
        InvalidProject: If the primary source lacks the target.
    """
    data = project.data
    tables: dict[str, SourceTable] = {}
    for name in data.sources:
        columns = tuple(one.lower() for one in engine.columns(name))
        _check_names(name, columns)
        contract = contracts.get(name)
        late = {one.name.lower(): one.known_at for one in contract.properties if one.known_at} if contract else {}
        tables[name.lower()] = SourceTable(
            name=name, columns=columns, known_at={one: text for one, text in late.items() if one in columns}
        )
    primary = tables[data.primary.name.lower()]
    target = _column(primary, project.goal.target, "goal.target")
    if target not in primary.known_at:
        known_at = {**primary.known_at, target: _after(data.event_time, data.label_delay)}
        tables[data.primary.name.lower()] = SourceTable(name=primary.name, columns=primary.columns, known_at=known_at)
    return tables


def _check_names(source: str, columns: Sequence[str]) -> None:
    """Refuse a column of the data that would stand where the rewriter writes when a value becomes known."""
    taken = [one for one in columns if one.startswith(HIDDEN)]
    if taken:
        raise InvalidData(
            f"source {source!r} has a column {taken[0]!r}; names that begin with {HIDDEN!r} are kept for the rewriter",
            remedy="rename the column",
            source=source,
            column=taken[0],
        )


def _after(column: str, delay: timedelta) -> str:
    seconds = int(delay.total_seconds())
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f"{exp.to_identifier(column).sql('duckdb')} + INTERVAL {seconds // size} {unit}"


def _column(table: SourceTable, name: str, field: str) -> str:
    if name.lower() not in table.columns:
        raise InvalidProject(
            f"{field}: {name!r} is no column of source {table.name!r}",
            remedy=nearest(name.lower(), table.columns),
            field=field,
        )
    return name.lower()


def _plan(data: DataPlan, primary: SourceTable) -> DecisionPlan:
    columns = {
        "data.key": data.key,
        "data.event_time": data.event_time,
        "data.decision_time": data.decision_time.column,
    }
    for field, name in columns.items():
        if _column(primary, name, field) in primary.known_at:
            known_at = primary.known_at[name.lower()]
            raise InvalidProject(
                f"{field}: {name!r} is known only at {known_at}, and a decision needs it before",
                remedy="name a column that is part of the schedule, or take shipworthy.knownAt out of its contract",
                field=field,
            )
    if "decision_time" in primary.columns and data.decision_time.column.lower() != "decision_time":
        raise InvalidProject(
            f"source {primary.name!r} has a column 'decision_time' of its own, which the relation decisions needs",
            remedy="rename the column, or count data.decision_time from it",
            field="data.decision_time",
        )
    return DecisionPlan(
        key=data.key.lower(),
        event_time=data.event_time.lower(),
        moment=data.decision_time.column.lower(),
        offset=data.decision_time.offset,
    )


def _text(data: DataPlan, folder: Path, engine: Engine, tables: Mapping[str, SourceTable]) -> tuple[str, str]:
    """The features query, and the name it has in errors."""
    if data.features is None:
        primary = tables[data.primary.name.lower()]
        return _plain_columns(data, primary, engine), f"source {primary.name!r}"
    try:
        return (folder / data.features).read_text(encoding="utf-8"), data.features
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFeatures(
            f"data.features: {data.features!r} cannot be read ({error})",
            remedy="give the path of a UTF-8 text file, relative to shipworthy.yaml",
            file=data.features,
        ) from error


def _plain_columns(data: DataPlan, primary: SourceTable, engine: Engine) -> str:
    """A features query for a project that has none."""
    types = {name.lower(): kind for name, kind in engine.columns(primary.name).items()}
    passed = {data.event_time.lower(), data.decision_time.column.lower(), data.key.lower(), *primary.known_at}
    usable = [
        name for name, kind in types.items() if name not in passed and not (kind.startswith(_NO_FEATURE) or "[" in kind)
    ]
    columns: list[exp.Expr] = [exp.column(name, quoted=True) for name in (data.key.lower(), *usable)]
    return exp.select(*columns).from_("decisions").sql("duckdb")


def _check_output(query: AsOfQuery, key: str, tables: Mapping[str, SourceTable], file: str) -> None:
    """Refuse an output without its key or without features, and features that no decision time was held against."""
    columns = query.relation.columns
    if key not in columns:
        raise InvalidFeatures(
            f"{file}: the SELECT has no column {key!r}, the key that names each decision",
            remedy=f"add d.{key} to the SELECT, from decisions AS d",
            file=file,
        )
    kept = [one for one in columns if one in {*Answer.FIXED, Answer.FOUND}]
    if kept:
        raise InvalidFeatures(
            f"{file}: the feature name {kept[0]!r} is kept for the frame",
            remedy="give the column another name",
            file=file,
            feature=kept[0],
        )
    if len(columns) == 1:
        raise InvalidFeatures(f"{file}: the SELECT has no feature beside the key", remedy="add columns", file=file)
    for name, late in columns.items():
        if late is not None and (late.unmasked or name == key):
            origin = min(late.unmasked or late.touched)
            source, _, column = origin.partition(".")
            known_at = tables[source.lower()].known_at[column]
            raise InvalidFeatures(
                f"{file}: feature {name!r} uses {origin}, which is known at {known_at} and never held against "
                "a decision time",
                remedy="join decisions AS d in that SELECT: late values then show what was known at d.decision_time",
                file=file,
                feature=name,
                column=origin,
                known_at=known_at,
            )


def _tree(
    query: AsOfQuery,
    plan: DecisionPlan,
    project: Project,
    engine: Engine,
    tables: Mapping[str, SourceTable],
    until: datetime | None,
) -> exp.Select:
    """Decisions with target beside the features, which are held against each decision's own time once more."""
    primary = next(iter(tables.values()))
    features: list[exp.Expr] = []
    for name, late in query.relation.columns.items():
        if name == plan.key:
            continue
        value: exp.Expr = exp.column(name, table="f", quoted=True)
        if late is not None:
            known = exp.column(late.known, table="f", quoted=True)
            moment = exp.column("__decision", table="d", quoted=True)
            seen = exp.or_(exp.LTE(this=known, expression=moment), known.copy().is_(exp.null()))
            value = exp.Case(ifs=[exp.If(this=seen, true=value)])
        features.append(exp.alias_(value, name, quoted=True))
    found = exp.column(plan.key, table="f", quoted=True)
    same = exp.EQ(this=found, expression=exp.column("__key", table="d", quoted=True))
    fixed: list[exp.Expr] = [exp.column(one, table="d", quoted=True) for one in Answer.FIXED]
    fixed.append(exp.alias_(found.copy().is_(exp.null()).not_(), Answer.FOUND, quoted=True))
    return (
        exp.select(*fixed, *features)
        .from_(_decisions(plan, project, engine, primary, until).subquery("d"))
        .join(query.tree.subquery("f"), on=same, join_type="left")
        .order_by(exp.column("__event", table="d", quoted=True), exp.column("__key", table="d", quoted=True))
    )


def _decisions(
    plan: DecisionPlan, project: Project, engine: Engine, primary: SourceTable, until: datetime | None
) -> exp.Select:
    target = project.goal.target.lower()
    value: exp.Expr = exp.column(target, quoted=True)
    types = {name.lower(): kind for name, kind in engine.columns(primary.name).items()}
    odd: exp.Expr = exp.false()
    if types[target] != "BOOLEAN":
        number = exp.cast(value, exp.DType.DOUBLE, dialect="duckdb")
        odd = exp.and_(exp.not_(value.copy().is_(exp.null())), exp.not_(number.isin(0, 1)))
        value = exp.EQ(this=number.copy(), expression=exp.Literal.number(1))
    event = exp.cast(exp.column(plan.event_time, quoted=True), exp.DType.TIMESTAMPTZ, dialect="duckdb")
    rows = exp.select(
        exp.alias_(exp.column(plan.key, quoted=True), "__key", quoted=True),
        exp.alias_(event, "__event", quoted=True),
        exp.alias_(plan.instant(), "__decision", quoted=True),
        exp.alias_(odd, "__odd", quoted=True),
    ).from_(primary.table())
    if until is not None:
        line = exp.cast(exp.Literal.string(until.isoformat()), exp.DType.TIMESTAMPTZ, dialect="duckdb")
        known = exp.LTE(this=primary.instant(primary.known_at[target]), expression=line)
        value = exp.Case(ifs=[exp.If(this=known, true=value)])
        rows = rows.where(exp.LT(this=event.copy(), expression=line.copy()))
    return rows.select(exp.alias_(value, "__target", quoted=True))
