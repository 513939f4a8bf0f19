"""A first project and contract, drafted from data: what was seen is a guess to confirm, the rest is left to fill in."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pyarrow as pa
from sqlglot import exp

from shipworthy.core.digests import Json
from shipworthy.core.errors import InvalidData
from shipworthy.core.formats import PROJECT
from shipworthy.data.contract import Contract, Property, write_contract
from shipworthy.data.frame import FeatureFrame
from shipworthy.data.properties import LOGICAL_TYPES, LogicalType
from shipworthy.data.snapshot import hide_password
from shipworthy.data.table_rules import count_rows, fits_type, is_missing
from shipworthy.engines.engine import Engine
from shipworthy.problem.shape import PLACEHOLDER
from shipworthy.problem.yaml_text import render_yaml

__all__ = ["Draft", "draft_project", "infer_request_contract"]

_KEY_NAMES = re.compile(r"(^|_)(id|key|uuid|number|no)$", re.IGNORECASE)
_TIME_NAMES = re.compile(r"(sched|event|time|date|_at$|^at$|^ts$)", re.IGNORECASE)
_TARGET_NAMES = re.compile(
    r"(target|label|outcome|churn|default|fraud|late|disrupt|cancel|convert|^is_|^has_|^y$)", re.IGNORECASE
)
# A column of whole numbers is tried as a float last, so that an identifier stays an integer.
_PREFERENCE = ("boolean", "date", "timestamp", "time", "string", "integer", "number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The files of a new project.

    Attributes:
        project: Text of ``shipworthy.yaml``.
        contract: Text of the contract.
        contract_path: Where the contract belongs, relative to the project's folder.
        left_out: Columns that no contract can describe, each with its SQL type.
    """

    project: str
    contract: str
    contract_path: str
    left_out: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    name: str
    sql_type: str
    known: int
    distinct: int
    two_valued: bool


def infer_request_contract(frame: FeatureFrame | pa.Table, name: str) -> Contract:
    """What a prediction request has to promise, from the rows that a model learned from.

    Types are those of the features; a feature that was never null is required. No bounds are invented: an unseen
    category or a larger number is for the model to answer and for monitoring to notice.

    Args:
        frame: The training rows, or their features.
        name: Name of the contract.
    """
    features = frame.features if isinstance(frame, FeatureFrame) else frame
    return Contract(
        id=_slug(name),
        version="1.0.0",
        name=name,
        properties=tuple(
            Property(name=column, logical_type=_request_type(values.type), required=_never_null(values))
            for column, values in zip(features.column_names, features.columns, strict=True)
        ),
        on_breach="block",
    )


def _request_type(arrow: pa.DataType) -> LogicalType:
    """Integers too are asked for as numbers: the model sees floats, and an unseen half does no harm."""
    if pa.types.is_boolean(arrow):
        return "boolean"
    return "string" if pa.types.is_string(arrow) or pa.types.is_large_string(arrow) else "number"


def _never_null(values: pa.ChunkedArray) -> bool:
    return not values.is_null(nan_is_null=pa.types.is_floating(values.type)).to_numpy().any()


def draft_project(engine: Engine, location: str, *, base: Path, name: str | None = None) -> Draft:
    """Draft a project around one source.

    Args:
        engine: Where to look at the source; it is attached there.
        location: A parquet or csv file, a folder of them, or a database URL with ``#table``.
        base: The project's folder; relative locations start there.
        name: Name of the project; None for that of the source.

    Raises:
        InvalidData: If the source cannot be read, has no rows, or no column that a contract can describe.
    """
    source = _sql_name(location)
    engine.attach(source, location, base=base)
    rows, columns = _look(engine, source)
    if rows == 0:
        raise InvalidData(f"{hide_password(location)!r} has no rows", remedy="give data to infer a project from")
    properties = {column.name: _guess(column, rows) for column in columns}
    described = tuple(promise for promise in properties.values() if promise is not None)
    if not described:
        raise InvalidData(f"{hide_password(location)!r} has no plain column", remedy="flatten nested columns first")
    contract = Contract(id=source, version="1.0.0", name=source, properties=described)
    contract_path = f"contracts/{source}.odcs.yaml"
    left_out = {column.name: column.sql_type for column in columns if properties[column.name] is None}
    return Draft(
        project=_project_text(_slug(name or source), source, location, contract_path, columns, rows),
        contract=write_contract(contract, comments=_contract_comments(contract, columns, rows, left_out)),
        contract_path=contract_path,
        left_out=left_out,
    )


def _sql_name(location: str) -> str:
    path = location.rpartition("#")[2] if "://" in location else Path(location).stem
    name = re.sub(r"\W", "_", path.rpartition(".")[2] or path, flags=re.ASCII).strip("_") or "data"
    return name if name[0].isalpha() else f"data_{name}"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "project"


def _look(engine: Engine, source: str) -> tuple[int, list[_Column]]:
    """Number of rows, and what is in each column, in one statement."""
    types = engine.columns(source)
    asked: list[exp.Expr] = [exp.Count(this=exp.Star())]
    for name, sql_type in types.items():
        column = exp.column(name, quoted=True)
        present = exp.not_(is_missing(name, sql_type))
        value = exp.cast(column, "VARCHAR")
        binary = exp.In(this=value.copy(), expressions=[exp.Literal.string(one) for one in ("0", "1", "true", "false")])
        asked += [
            count_rows(present),
            exp.Count(this=exp.Distinct(expressions=[exp.case().when(present.copy(), value)])),
            count_rows(exp.and_(present.copy(), exp.not_(binary))),
        ]
    named = [exp.alias_(one, f"a{index}", quoted=True) for index, one in enumerate(asked)]
    answer = engine.query(exp.select(*named).from_(exp.to_identifier(source, quoted=True))).to_pylist()[0]
    numbers = [int(value) for value in answer.values()]
    columns = [
        _Column(name=name, sql_type=sql_type, known=known, distinct=distinct, two_valued=distinct == 2 and other == 0)
        for (name, sql_type), known, distinct, other in zip(
            types.items(), numbers[1::3], numbers[2::3], numbers[3::3], strict=True
        )
    ]
    return numbers[0], columns


def _guess(column: _Column, rows: int) -> Property | None:
    kind = next((one for one in _PREFERENCE if fits_type(column.sql_type, one)), None)
    if kind == "integer" and _holds_fractions(column.sql_type):
        kind = "number"
    if kind is None:
        return None
    assert kind in LOGICAL_TYPES
    return Property(
        name=column.name,
        logical_type=cast("LogicalType", kind),
        required=column.known == rows,
        unique=_is_key(column, rows),
        guessed=True,
    )


def _holds_fractions(sql_type: str) -> bool:
    """Whether a column holds fractions."""
    return sql_type.partition("(")[0] in {"FLOAT", "DOUBLE", "DECIMAL"}


def _is_key(column: _Column, rows: int) -> bool:
    """Whether a column could name a row: never null, never repeated, and no measurement."""
    plain = not _holds_fractions(column.sql_type) and (
        fits_type(column.sql_type, "integer") or column.sql_type == "VARCHAR"
    )
    return plain and column.known == column.distinct == rows


def _contract_comments(
    contract: Contract, columns: Sequence[_Column], rows: int, left_out: Mapping[str, str]
) -> dict[str, str]:
    seen = {column.name: column for column in columns}
    skipped = ", ".join(f"{name} ({kind})" for name, kind in left_out.items())
    comments = {
        "id": "confirm: from the name of the source",
        "version": "confirm: a first version",
        "status": "confirm",
        "schema[0].name": "confirm: from the name of the source",
        "schema[0].properties": "confirm: a column that is known only later than the decision needs a custom property"
        " shipworthy.knownAt" + (f"; left out: {skipped}" if skipped else ""),
        "customProperties[0].value": "confirm: block stops, warn goes on and says so",
    }
    for index, promise in enumerate(contract.properties):
        column, where = seen[promise.name], f"schema[0].properties[{index}]"
        comments |= {
            f"{where}.logicalType": f"confirm: the data has {column.sql_type}",
            f"{where}.required": f"confirm: {column.known:,} of {rows:,} rows have a value",
            f"{where}.unique": f"confirm: {column.distinct:,} different values in {rows:,} rows",
        }
    return comments


def _project_text(
    name: str, source: str, location: str, contract_path: str, columns: Sequence[_Column], rows: int
) -> str:
    keys = [column.name for column in columns if _is_key(column, rows)]
    times = [column.name for column in columns if fits_type(column.sql_type, "timestamp") and column.known == rows]
    targets = [
        column.name for column in columns if column.two_valued or (column.sql_type == "BOOLEAN" and column.distinct)
    ]
    key, event_time = _pick(keys, _KEY_NAMES), _pick(times, _TIME_NAMES)
    target = _pick([one for one in targets if one not in keys], _TARGET_NAMES)
    body: dict[str, Json] = {
        "apiVersion": PROJECT,
        "project": name,
        "owner": _ask("who answers for this project, a name or address"),
        "goal": {
            "question": _ask("which yes-or-no question is answered, and how long before the event"),
            "decision": _ask("what is done with a yes"),
            "why_ml": _ask("why a model is believed to be the right way"),
            "target": target or _ask("the column that says what happened, true or false, 1 or 0"),
            "value": {
                "true_positive": _ask("what one decision earns: acted, and it was needed"),
                "false_positive": _ask("what one decision earns (negative if it costs): acted, and it was not needed"),
                "true_negative": _ask("what one decision earns: did not act, and it was not needed"),
                "false_negative": _ask("what one decision earns: did not act, and it was needed"),
            },
            "unit": "USD",
            "each": "decision",
            "baseline": "constant",
            "good_enough": {"value_per_1000": _ask("the least that may ship, such as '>= baseline + 1000'")},
        },
        "data": {
            "sources": {source: {"location": location, "contract": contract_path}},
            "key": key or _ask("the column that names one decision; unique, never null"),
            "event_time": event_time or _ask("the column with the instant that the decision is about"),
            "decision_time": event_time or _ask("when the decision is taken, such as 'departure - 2h'"),
            "label_delay": _ask("how long after the event the target is known, such as 1d"),
        },
        "serving": {"endpoint": name},
    }
    return render_yaml(body, comments=_project_comments(source, keys, times, targets))


def _ask(question: str) -> str:
    return f"{PLACEHOLDER}: {question}"


def _pick(names: Sequence[str], likely: re.Pattern[str]) -> str | None:
    """The likeliest of several columns: the first with a telling name, else the first."""
    return next((name for name in names if likely.search(name)), names[0] if names else None)


def _project_comments(source: str, keys: Sequence[str], times: Sequence[str], targets: Sequence[str]) -> dict[str, str]:
    comments = {
        "project": "confirm: from the name of the data",
        "goal.unit": "confirm: unit of the values above",
        "goal.each": "confirm: what one decision is about, such as flight",
        "goal.baseline": "confirm: what is done today: constant, 'rate: column, column' or module:function",
        f"data.sources.{source}": "confirm: the name in SQL",
        "serving.endpoint": "confirm: the name that callers use",
    }
    guesses = {
        "goal.target": ("it has two values", targets),
        "data.key": ("it is unique and never null", keys),
        "data.event_time": ("it is an instant and never null", times),
        "data.decision_time": ("as if the decision were taken at the event; move it, such as '- 2h'", times),
    }
    for field, (why, found) in guesses.items():
        others = f"; so are {', '.join(found[:8])}" if len(found) > 1 else ""
        if found:
            comments[field] = f"confirm: {why}{others}"
    return comments
