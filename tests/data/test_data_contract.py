"""A contract reads, writes and refuses to contradict itself."""

import dataclasses
import re
import subprocess
import sys
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.core.errors import InvalidContract, NotFound, UserError
from shipworthy.data.contract import Contract, Freshness, read_contract, write_contract
from shipworthy.data.patterns import portable
from shipworthy.data.properties import OPERATORS, Property, Rule

FLIGHTS = """\
apiVersion: v3.1.0
kind: DataContract
id: flights
version: 1.2.0
status: active
name: Departures
team:
  - username: ada
servers: [{server: here, type: local, path: data, format: parquet}]
description: {purpose: all departures}
schema:
  - name: flights
    logicalType: object
    physicalType: file
    properties:
      - name: flight_id
        logicalType: string
        primaryKey: true
        unique: true
      - name: carrier
        logicalType: string
        required: true
        logicalTypeOptions: {pattern: '^[A-Z0-9]{2}$', minLength: 2, maxLength: 2}
        enum: [{value: AA}, {value: UA, description: United}]
        quality:
          - {metric: nullValues, mustBeLessThan: 1, unit: percent, severity: warning}
          - {type: text, description: as the airline itself writes it}
      - name: dep_delay
        logicalType: number
        logicalTypeOptions: {minimum: -120, maximum: 2000}
        customProperties: [{property: shipworthy.knownAt, value: scheduled + to_minutes(dep_delay)}]
      - name: scheduled
        logicalType: timestamp
        logicalTypeOptions: {minimum: 2013-01-01}
    quality:
      - {type: library, rule: rowCount, mustBeBetween: [1, 1000000]}
      - {metric: duplicateValues, mustBe: 0, arguments: {properties: [carrier, scheduled]}}
slaProperties:
  - {property: latency, value: 4, unit: d}
  - {property: freshness, value: 2, unit: d, element: flights.scheduled}
customProperties:
  - {property: shipworthy.onBreach, value: warn}
  - {property: costCentre, value: 7}
"""


def test_a_contract_reads_with_everything_it_promises():
    contract = read_contract(FLIGHTS)
    assert (contract.id, contract.version, contract.name) == ("flights", "1.2.0", "flights")
    assert contract.on_breach == "warn"
    assert contract.freshness == Freshness(column="scheduled", within=timedelta(days=2))
    assert contract.key == ("flight_id",)
    assert contract.description == "all departures"
    assert dict(contract.custom) == {"costCentre": 7}
    carrier = contract.promise("carrier")
    assert carrier == Property(
        name="carrier", logical_type="string", required=True, pattern="^[A-Z0-9]{2}$", min_length=2, max_length=2,
        enum=("AA", "UA"),
    )  # fmt: skip
    assert contract.promise("flight_id").required
    assert contract.promise("dep_delay").known_at == "scheduled + to_minutes(dep_delay)"
    assert contract.promise("none") is None
    assert [(rule.metric, rule.column, rule.threshold) for rule in contract.rules] == [
        ("rowCount", None, "between 1 and 1e+06"),
        ("duplicateValues", None, "= 0"),
        ("nullValues", "carrier", "< 1 %"),
    ]


@pytest.mark.parametrize("version", ["v3.0.0", "v3.0.2", "v3.1.0", "v3.2.0"])
@pytest.mark.parametrize("team", ["[{username: ada}]", "{name: ops, members: [{username: ada}]}"])
def test_versions_three_and_both_forms_of_a_team_are_read(version, team):
    text = FLIGHTS.replace("v3.1.0", version).replace("team:\n  - username: ada", f"team: {team}")
    assert read_contract(text) == read_contract(FLIGHTS)


BAD = [
    # What is replaced, by what; then the line, and words of the message.
    ("v3.1.0", "v2.2.2", 1, "ODCS version"),
    ("id: flights\n", "", 1, "id is missing"),
    ("kind: DataContract", "kind: Data", 2, "DataContract"),
    ("version: 1.2.0", "version: 1.2", 4, "not a text"),
    ("        required: true", "        requird: true", 22, "did you mean 'required'"),
    ("logicalType: number", "logicalType: numbr", 29, "did you mean 'number'"),
    ("logicalType: number", "logicalType: object", 29, "not string or"),
    ("minimum: -120", "minimum: 9000", 28, "minimum 9000 is above maximum 2000"),
    ("minimum: -120", "minimum: low", 28, "is no number"),
    ("minimum: -120", "minimum: [1]", 28, "is no number"),
    ("minimum: 2013-01-01", "minimum: 2013-02-31", 32, "is no timestamp"),
    ("minimum: -120", "pattern: x", 28, "pattern means nothing for a number"),
    ("minimum: -120, maximum: 2000}", "maximum: 2}\n        enum: [{value: 3}]", 28, "breaks its own maximum"),
    ("minimum: -120, maximum: 2000}", "minimum: 2}\n        enum: [{value: 1}]", 28, "breaks its own minimum"),
    ("minLength: 2", "minLength: 3", 20, "minLength 3 is above maxLength 2"),
    ("minLength: 2", "format: email", 23, "is no known key"),
    ("{value: AA}", "{value: aa}", 20, "breaks its own pattern"),
    ("{value: AA}", "{value: AAA}", 20, "breaks its own maxLength"),
    ("{value: AA}", "{value: 7}", 20, "breaks its own type string"),
    ("{value: AA}", "{value: UA}", 20, "repeats a value"),
    ("'^[A-Z0-9]{2}$'", "'^[A-Z'", 20, "no regular expression"),
    ("'^[A-Z0-9]{2}$'", "'(?<=x)y'", 20, "not the same in every engine"),
    ("- name: dep_delay", "- name: carrier", 11, "stands there twice"),
    ("nullValues, mustBeLessThan: 1", "nullValue, mustBeLessThan: 1", 26, "did you mean 'nullValues'"),
    ("nullValues, mustBeLessThan: 1", "nullValues, mustBeLessThan: 1, mustBe: 2", 26, "needs one metric and one"),
    ("nullValues, mustBeLessThan: 1", "invalidValues, mustBe: 0", 26, "says not what is valid"),
    ("nullValues, mustBeLessThan: 1, unit: percent", "rowCount, mustBe: 0", 26, "of a table, not of a column"),
    ("[1, 1000000]", "[10, 1]", 36, "do not rise"),
    ("type: library", "type: sql", 36, "library or text"),
    ("properties: [carrier, scheduled]", "properties: [carier]", 11, "'carier', which is no property"),
    ("element: flights.scheduled", "element: flights.schedule", 11, "'schedule', which is no property"),
    ("value: 2, unit: d", "value: 2, unit: fortnights", 40, "needs a number, a unit"),
    ("value: warn", "value: explode", 41, "not block, fallback or warn"),
    ("shipworthy.onBreach", "shipworthy.onBreech", 42, "no custom property of ours"),
    ("shipworthy.knownAt", "shipworthy.known", 31, "no custom property of ours"),
    (
        "schema:\n",
        "schema:\n  - {name: more, properties: [{name: a, logicalType: string}]}\n",
        13,
        "more than one data set",
    ),
]


@pytest.mark.covers("D14")
@pytest.mark.parametrize(("old", "new", "line", "words"), BAD)
def test_a_faulty_contract_names_file_line_and_a_way_out(old, new, line, words):
    assert old in FLIGHTS
    with pytest.raises(InvalidContract, match=re.escape(words)) as caught:
        read_contract(FLIGHTS.replace(old, new, 1), file="there/flights.odcs.yaml")
    assert caught.value.facts["file"] == "there/flights.odcs.yaml"
    assert caught.value.facts["line"] == line
    assert caught.value.remedy


def test_files_are_read_and_missing_ones_named(tmp_path):
    (tmp_path / "flights.odcs.yaml").write_text(FLIGHTS)
    assert read_contract(tmp_path / "flights.odcs.yaml") == read_contract(FLIGHTS.encode())
    with pytest.raises(NotFound, match=r"none\.odcs\.yaml"):
        read_contract(tmp_path / "none.odcs.yaml")
    with pytest.raises(InvalidContract, match="cannot be read"):
        read_contract(tmp_path)


@given(st.text(max_size=30), st.integers(0, FLIGHTS.count("\n") - 1))
def test_no_line_ends_in_anything_but_a_contract_or_our_error(text, where):
    lines = FLIGHTS.splitlines()
    lines[where] = text
    try:
        read_contract("\n".join(lines))
    except UserError:
        return


# ---- What is written reads back.

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).filter(
    str.strip
)
texts = texts.filter(lambda text: not text.startswith("FILL IN"))
numbers = st.floats(-1e9, 1e9)
ages = st.timedeltas(timedelta(seconds=1), timedelta(days=9))


@st.composite
def properties(draw):
    kind = draw(st.sampled_from(["string", "integer", "number", "boolean", "date", "timestamp", "time"]))
    common = {
        "name": draw(texts),
        "logical_type": kind,
        "required": draw(st.booleans()),
        "unique": draw(st.booleans()),
        "description": draw(st.one_of(st.just(""), texts)),
        "classification": draw(st.sampled_from(["", "personal"])),
        "known_at": draw(st.one_of(st.none(), texts)),
        "guessed": draw(st.booleans()),
    }
    if kind == "string":
        low, high = sorted(draw(st.tuples(st.integers(0, 9), st.integers(0, 9))))
        common |= {"min_length": low, "max_length": high}
    if kind == "number":
        low, high = sorted(draw(st.tuples(numbers, numbers)))
        common |= {"minimum": low, "maximum": high}
    if kind == "timestamp":
        common |= {"minimum": "2013-01-01", "maximum": draw(st.datetimes().filter(lambda t: t.year > 2013)).isoformat()}
    if kind == "integer":
        common |= {"enum": tuple(draw(st.lists(st.integers(), min_size=1, max_size=3, unique=True)))}
    return Property(**common)


@st.composite
def contracts(draw):
    columns = draw(st.lists(properties(), min_size=1, max_size=5, unique_by=lambda one: one.name))
    named = st.sampled_from([one.name for one in columns])
    rules = [Rule(metric="rowCount", operator="mustBeBetween", amounts=(0, 9))] if draw(st.booleans()) else []
    for operator in draw(st.lists(st.sampled_from(sorted(OPERATORS)), max_size=2)):
        amounts = (1.0, 2.5) if operator.endswith("Between") else (draw(numbers),)
        rules.append(Rule(metric="nullValues", operator=operator, amounts=amounts, column=draw(named), percent=True))
    order = {None: -1} | {one.name: place for place, one in enumerate(columns)}
    return Contract(
        id=draw(texts),
        version="1.0.0",
        name="flights",
        properties=tuple(columns),
        rules=tuple(sorted(rules, key=lambda rule: order[rule.column])),
        on_breach=draw(st.sampled_from(["block", "fallback", "warn"])),
        freshness=draw(st.none() | st.builds(Freshness, column=named, within=ages)),
        description=draw(st.one_of(st.just(""), texts)),
        custom=draw(st.dictionaries(texts.filter(lambda t: "shipworthy" not in t), texts | numbers, max_size=2)),
    )  # fmt: skip


@given(contracts())
def test_what_is_written_reads_back_the_same(contract):
    if "." in getattr(contract.freshness, "column", ""):
        contract = dataclasses.replace(contract, freshness=None)
    assert read_contract(write_contract(contract)) == contract


def test_the_written_file_is_of_the_newest_standard_and_keeps_comments():
    text = write_contract(read_contract(FLIGHTS), comments={"schema[0].properties[0].name": "confirm"})
    assert text.startswith("apiVersion: v3.2.0\n")
    assert "flight_id  # confirm\n" in text


# ---- Patterns.


@pytest.mark.parametrize(
    "pattern", [r"^a$", r"\s\S", r"[\s,]+", r"a|b\$", r"(?:x)\d{1,3}", r"[^]x]", "a.b", r"\\Z", r"\bx"]
)
def test_plain_patterns_are_portable(pattern):
    portable(pattern)


@pytest.mark.parametrize(
    "pattern",
    [r"(a)\1", "(?=x)", "(?i)x", "(?P<a>x)", r"\Zx", "a++", "[[:alpha:]]", r"[\S]", "(", "[", r"\u0041", "*", r"\p{L}"],
)  # fmt: skip
def test_patterns_that_engines_read_differently_are_refused(pattern):
    with pytest.raises(ValueError, match=r"same in every engine|no regular expression"):
        portable(pattern)


def test_a_worker_reads_contracts_without_any_data_engine():
    code = (
        "import sys, shipworthy.data.contract, shipworthy.data.validator;"
        "print({'duckdb', 'sqlglot', 'pyarrow', 'sqlalchemy', 'pandas'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
