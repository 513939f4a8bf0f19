"""The contract: what a data set promises, read from and written to an ODCS file.

Light on purpose: a serving worker reads its request contract with this file, so it knows no data engine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from shipworthy.core.digests import Json
from shipworthy.core.errors import InvalidContract, NotFound
from shipworthy.data.odcs import ODCS_SHAPE, ODCS_VERSION
from shipworthy.data.properties import OPERATORS, Property, Rule
from shipworthy.problem.located import parse_yaml
from shipworthy.problem.shape import Document, read_document
from shipworthy.problem.yaml_text import render_yaml

__all__ = ["Contract", "Freshness", "OnBreach", "Property", "Rule", "read_contract", "write_contract"]

OnBreach = Literal["block", "fallback", "warn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How old the newest row may be.

    Attributes:
        column: Column with the instant of a row.
        within: Largest age of the newest instant.
    """

    column: str
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What a data set, or a prediction request, promises.

    Attributes:
        id: A name that stays.
        version: Version of the promise.
        name: Name of the data set.
        properties: Its columns, in order.
        rules: Counts over the whole table.
        on_breach: ``"block"`` stops, ``"warn"`` goes on and says so; ``"fallback"`` (requests only) lets the
            endpoint's fallback answer.
        freshness: How old the newest row may be; None for any age.
        description: What the data set is.
        custom: Custom properties that are not ours, kept as they are.

    Raises:
        InvalidContract: If a column is promised twice, or a rule or the freshness names a column that is not there.
    """

    id: str
    version: str
    name: str
    properties: tuple[Property, ...]
    rules: tuple[Rule, ...] = ()
    on_breach: OnBreach = "block"
    freshness: Freshness | None = None
    description: str = ""
    custom: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [one.name for one in self.properties]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise InvalidContract(f"property {repeated[0]!r} stands there twice", remedy="keep one of the two")
        named = [column for rule in self.rules for column in (rule.column, *rule.columns) if column is not None]
        if self.freshness is not None:
            named.append(self.freshness.column)
        absent = sorted(set(named) - set(names))
        if absent:
            raise InvalidContract(
                f"a rule or the freshness names {absent[0]!r}, which is no property of {self.name!r}",
                remedy="add the property, or mend the name",
            )

    def promise(self, name: str) -> Property | None:
        """The promise of one column; None if there is none."""
        return next((one for one in self.properties if one.name == name), None)

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that name a row together."""
        return tuple(one.name for one in self.properties if one.primary_key)


def read_contract(source: Path | bytes | str, *, file: str = "contract.odcs.yaml") -> Contract:
    """Read an ODCS file of version 3.0 to 3.2.

    Args:
        source: Path of the file, or its content.
        file: Name to give in messages for a content.

    Raises:
        NotFound: If there is no such file.
        InvalidContract: If it is no contract that can be held; names file, line and the nearest known key.
    """
    if not isinstance(source, Path):
        return _parse(source, file)
    try:
        content = source.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(
            f"there is no contract {source}",
            remedy="mend its path under data.sources, or let `shipworthy init` draft one",
        ) from error
    except OSError as error:
        raise InvalidContract(f"{source} cannot be read: {error.strerror}", remedy="make the file readable") from error
    return _parse(content, str(source))


def write_contract(contract: Contract, *, comments: Mapping[str, str] | None = None) -> str:
    """The contract as an ODCS 3.2.0 file, which :func:`read_contract` reads back as an equal contract.

    Args:
        contract: What to write.
        comments: A comment behind a dotted field, such as ``"schema[0].properties[2]"``.
    """
    custom = [{"property": f"{_OURS}onBreach", "value": contract.on_breach}]
    body: dict[str, Json] = {
        "apiVersion": ODCS_VERSION,
        "kind": "DataContract",
        "id": contract.id,
        "version": contract.version,
        "status": "active",
        **_present(description={"purpose": contract.description} if contract.description else None),
        "schema": [
            {
                "name": contract.name,
                "logicalType": "object",
                "properties": [_written_property(one, contract.rules) for one in contract.properties],
                **_present(quality=[_written_rule(rule) for rule in contract.rules if rule.column is None]),
            }
        ],
        **_present(slaProperties=_written_freshness(contract)),
        "customProperties": [*custom, *({"property": name, "value": value} for name, value in contract.custom.items())],
    }
    return render_yaml(body, comments=comments)


# ---- Reading. The values of a document have the shape that was checked, which the type checker cannot see.

_Values = Mapping[str, Any]
_OURS = "shipworthy."
_ROOT_CUSTOM = ("shipworthy.onBreach",)
_PROPERTY_CUSTOM = ("shipworthy.knownAt", "shipworthy.guessed")
_UNIT_SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
}


def _parse(content: bytes | str, file: str) -> Contract:
    root = parse_yaml(content, file=file, kind=InvalidContract)
    document = read_document(ODCS_SHAPE, root, file=file, kind=lambda _: InvalidContract)
    values: _Values = document.values
    if len(values["schema"]) > 1:
        raise document.error("schema[1]", "schema has more than one data set", remedy="write one contract for each")
    return document.made("schema", lambda: _contract(document, values))


def _contract(document: Document, values: _Values) -> Contract:
    dataset = values["schema"][0]
    properties, rules = [], _rules(document, "schema[0].quality", dataset.get("quality", ()), None)
    for index, body in enumerate(dataset["properties"]):
        where = f"schema[0].properties[{index}]"
        properties.append(document.made(where, partial(_property, document, where, body)))
        rules += _rules(document, f"{where}.quality", body.get("quality", ()), body["name"])
    custom = _custom(document, "customProperties", values.get("customProperties", ()), _ROOT_CUSTOM)
    return Contract(
        id=values["id"],
        version=values["version"],
        name=dataset["name"],
        properties=tuple(properties),
        rules=tuple(rules),
        on_breach=_on_breach(document, custom.get("shipworthy.onBreach", "block")),
        freshness=_freshness(document, values.get("slaProperties", ())),
        description=_description(values.get("description")),
        custom={name: value for name, value in custom.items() if not name.startswith(_OURS)},
    )


def _description(given: object) -> str:
    return str(given.get("purpose", "")) if isinstance(given, dict) else str(given or "")


def _on_breach(document: Document, given: object) -> OnBreach:
    for choice in get_args(OnBreach):
        if given == choice:
            return choice  # type: ignore[no-any-return]
    raise document.error(
        "customProperties",
        f"shipworthy.onBreach is {given!r}, not block, fallback or warn",
        remedy="block stops, warn goes on, fallback lets the endpoint's fallback answer",
    )


def _custom(document: Document, where: str, given: Sequence[_Values], known: tuple[str, ...]) -> dict[str, Json]:
    for index, one in enumerate(given):
        name = one["property"]
        if name.startswith(_OURS) and name not in known:
            raise document.error(
                f"{where}[{index}]",
                f"{name} is no custom property of ours here",
                remedy=f"known here: {', '.join(known)}",
            )
    return {one["property"]: one["value"] for one in given}


def _property(document: Document, where: str, body: _Values) -> Property:
    options = body.get("logicalTypeOptions", {})
    custom = _custom(document, f"{where}.customProperties", body.get("customProperties", ()), _PROPERTY_CUSTOM)
    known_at = custom.get("shipworthy.knownAt")
    return Property(
        name=body["name"],
        logical_type=body["logicalType"],
        required=body.get("required", False) or body.get("primaryKey", False),
        unique=body.get("unique", False),
        primary_key=body.get("primaryKey", False),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        min_length=options.get("minLength"),
        max_length=options.get("maxLength"),
        pattern=options.get("pattern"),
        enum=tuple(one["value"] for one in body["enum"]) if "enum" in body else None,
        description=str(body.get("description", "")),
        classification=body.get("classification", ""),
        known_at=None if known_at is None else str(known_at),
        guessed=custom.get("shipworthy.guessed") is True,
    )


def _rules(document: Document, where: str, given: Sequence[_Values], column: str | None) -> list[Rule]:
    counted = [(index, body) for index, body in enumerate(given) if body.get("type", "library") != "text"]
    return [
        document.made(f"{where}[{index}]", partial(_rule, document, f"{where}[{index}]", body, column))
        for index, body in counted
    ]


def _rule(document: Document, where: str, body: _Values, column: str | None) -> Rule:
    operators = [name for name in OPERATORS if name in body]
    metric = body.get("metric", body.get("rule"))
    if len(operators) != 1 or metric is None:
        raise document.error(where, "a library rule needs one metric and one 'mustBe...'", remedy="add or remove one")
    amounts = body[operators[0]]
    arguments = body.get("arguments", {})
    return Rule(
        metric=metric,
        operator=operators[0],
        amounts=tuple(amounts) if isinstance(amounts, list) else (amounts,),
        column=column,
        percent=body.get("unit") == "percent",
        columns=tuple(arguments.get("properties", ())),
        valid=tuple(arguments.get("validValues", ())),
        pattern=arguments.get("pattern"),
        missing=tuple(str(text) for text in arguments.get("missingValues", ())),
        name=str(body.get("name", "")),
        severity=body.get("severity", "error"),
    )


def _freshness(document: Document, given: Sequence[_Values]) -> Freshness | None:
    for index, one in enumerate(given):
        if one["property"] != "freshness":
            continue
        seconds = _UNIT_SECONDS.get(str(one.get("unit", "d")))
        amount, element = one.get("value"), str(one.get("element", ""))
        if seconds is None or isinstance(amount, bool) or not isinstance(amount, int | float) or not element:
            raise document.error(
                f"slaProperties[{index}]",
                "freshness needs a number, a unit (d, h, min or s) and an element (the column)",
                remedy="write {property: freshness, value: 2, unit: d, element: table.column}",
            )
        return Freshness(column=element.rpartition(".")[2], within=timedelta(seconds=amount * seconds))
    return None


# ---- Writing.


def _present(**given: Json) -> dict[str, Json]:
    """Only what says something: no null, no false, no empty text or list; a zero does."""
    return {name: value for name, value in given.items() if value or (value == 0 and not isinstance(value, bool))}


def _written_property(one: Property, rules: Sequence[Rule]) -> Json:
    options = {"minimum": one.minimum, "maximum": one.maximum, "minLength": one.min_length, "maxLength": one.max_length}
    custom = {"shipworthy.knownAt": one.known_at, "shipworthy.guessed": one.guessed or None}
    return {
        "name": one.name,
        "logicalType": one.logical_type,
        **_present(
            logicalTypeOptions={
                **{name: given for name, given in options.items() if given is not None},
                **_present(pattern=one.pattern),
            },
            required=one.required,
            unique=one.unique,
            primaryKey=one.primary_key,
            enum=[{"value": value} for value in one.enum or ()],
            description=one.description,
            classification=one.classification,
            quality=[_written_rule(rule) for rule in rules if rule.column == one.name],
            customProperties=[
                {"property": name, "value": value} for name, value in custom.items() if value is not None
            ],
        ),
    }


def _written_rule(rule: Rule) -> Json:
    amounts: Json = rule.amounts[0] if len(rule.amounts) == 1 else list(rule.amounts)
    arguments = _present(
        properties=list(rule.columns),
        validValues=list(rule.valid),
        pattern=rule.pattern,
        missingValues=list(rule.missing),
    )
    return {
        **_present(name=rule.name),
        "type": "library",
        "metric": rule.metric,
        **_present(arguments=arguments),
        rule.operator: amounts,
        **_present(unit="percent" if rule.percent else None, severity=rule.severity),
    }


def _written_freshness(contract: Contract) -> Json:
    if contract.freshness is None:
        return None
    seconds = contract.freshness.within.total_seconds()
    unit = next((name for name in ("d", "h", "min") if seconds % _UNIT_SECONDS[name] == 0), "s")
    element = f"{contract.name}.{contract.freshness.column}"
    return [{"property": "freshness", "value": seconds / _UNIT_SECONDS[unit], "unit": unit, "element": element}]
