"""A table is held against its contract, with counts, samples and remedies; and it agrees with the validator."""

import math
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipworthy.core.digests import canonical_json
from shipworthy.core.findings import Status
from shipworthy.data.contract import Contract, Freshness
from shipworthy.data.properties import Property, Rule
from shipworthy.data.table_checks import check_table
from shipworthy.data.validator import compile_validator
from shipworthy.engines.duckdb import DuckDbEngine

NOW = datetime(2013, 10, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine():
    with_engine = DuckDbEngine(threads=1)
    yield with_engine
    with_engine.close()


def findings(engine, table, *properties, now=NOW, **rest):
    contract = Contract(id="c", version="1", name="flights", properties=properties, **rest)
    engine.attach_table("flights", table)
    found = check_table(engine, "flights", contract, now)
    for finding in found:
        canonical_json(finding.to_json())
    return found


def broken(found):
    return {finding.check: finding for finding in found if finding.status is not Status.PASSED}


TABLE = pa.table(
    {
        "id": [1, 2, 2, 4],
        "carrier": ["AA", None, "aa", "UA"],
        "delay": [1.0, math.nan, None, 9000.0],
        "at": pa.array([datetime(2013, 9, day, tzinfo=UTC) for day in (1, 2, 3, 4)], pa.timestamp("us", "UTC")),
    }
)


@pytest.mark.covers("D14", "D16")
def test_each_broken_promise_is_a_finding_with_count_sample_and_remedy(engine):
    found = findings(
        engine,
        TABLE,
        Property(name="id", logical_type="integer", primary_key=True, required=True),
        Property(name="carrier", logical_type="string", required=True, pattern="^[A-Z]{2}$", enum=("AA", "DL")),
        Property(name="delay", logical_type="number", required=True, minimum=2, maximum=2000),
    )
    by_check = broken(found)
    assert set(by_check) == {
        "contract.unique", "contract.required", "contract.pattern", "contract.enum", "contract.minimum",
        "contract.maximum",
    }  # fmt: skip
    required = [one for one in found if one.check == "contract.required"]
    assert [one.message for one in required] == [
        "flights.carrier: 1 of 4 rows are null, but required",
        "flights.delay: 2 of 4 rows are null, but required",
    ]
    assert required[0].evidence["sample"] == [{"id": 2, "carrier": None}]
    assert (required[1].measured, required[1].threshold, required[1].unit) == (2.0, "0", "rows")
    assert by_check["contract.unique"].evidence["sample"] == [{"id": 2, "rows": 2}]
    assert by_check["contract.enum"].evidence["breaches"] == 2
    assert all(one.blocks and one.remedy for one in by_check.values())


def test_kept_promises_pass_in_one_line_a_kind(engine):
    found = findings(
        engine,
        TABLE,
        Property(name="at", logical_type="timestamp", required=True, minimum="2013-09-01"),
        Property(name="id", logical_type="integer"),
    )
    assert {one.check: one.status for one in found} == dict.fromkeys(
        ["contract.columns", "contract.type", "contract.required", "contract.minimum"], Status.PASSED
    )
    assert "2 column(s) of their type" in found[1].message


def test_a_contract_that_names_an_absent_column_says_which_and_what_is_near(engine):
    found = broken(findings(engine, TABLE, Property(name="carier", logical_type="string", required=True)))
    assert list(found) == ["contract.columns"]
    assert "flights.carier" in found["contract.columns"].message
    assert "did you mean 'carrier'" in found["contract.columns"].remedy


@pytest.mark.parametrize(
    ("column", "kind"),
    [("carrier", "integer"), ("id", "string"), ("delay", "boolean"), ("id", "timestamp"), ("at", "date")],
)  # fmt: skip
def test_a_column_of_another_type_is_one_finding(engine, column, kind):
    found = broken(findings(engine, TABLE, Property(name=column, logical_type=kind)))
    assert list(found) == ["contract.type"]
    assert kind in found["contract.type"].message


def test_on_breach_warn_warns_and_does_not_block(engine):
    (finding,) = broken(
        findings(engine, TABLE, Property(name="carrier", logical_type="string", required=True), on_breach="warn")
    ).values()
    assert finding.status is Status.WARNED
    assert not finding.blocks


def test_personal_values_are_not_shown_in_samples(engine):
    (finding,) = broken(
        findings(engine, TABLE, Property(name="carrier", logical_type="string", max_length=1, classification="pii"))
    ).values()
    assert [row["carrier"] for row in finding.evidence["sample"]] == ["(not shown: personal)"] * 3


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (Rule(metric="rowCount", operator="mustBeGreaterThan", amounts=(3,)), True),
        (Rule(metric="rowCount", operator="mustBeBetween", amounts=(5, 9)), False),
        (Rule(metric="nullValues", operator="mustBeLessThan", amounts=(50,), column="carrier", percent=True), True),
        (Rule(metric="nullValues", operator="mustBe", amounts=(0,), column="delay"), False),
        (Rule(metric="missingValues", operator="mustBe", amounts=(2,), column="carrier", missing=("UA",)), True),
        (Rule(metric="invalidValues", operator="mustBe", amounts=(1,), column="carrier", valid=("AA", "UA")), True),
        (Rule(metric="invalidValues", operator="mustBe", amounts=(0,), column="carrier", pattern="[A-Z]"), False),
        (Rule(metric="duplicateValues", operator="mustBe", amounts=(1,), column="id"), True),
        (Rule(metric="duplicateValues", operator="mustNotBe", amounts=(0,), columns=("id", "carrier")), False),
    ],
)
def test_counting_rules_count_rows(engine, rule, kept):
    columns = [
        Property(name="id", logical_type="integer"),
        Property(name="carrier", logical_type="string"),
        Property(name="delay", logical_type="number"),
    ]
    found = broken(findings(engine, TABLE, *columns, rules=(rule,)))
    assert bool(found) is not kept
    for finding in found.values():
        assert rule.threshold in finding.message


def test_a_rule_of_low_severity_only_warns(engine):
    rule = Rule(metric="rowCount", operator="mustBe", amounts=(5,), severity="warning", name="five")
    (finding,) = broken(findings(engine, TABLE, Property(name="id", logical_type="integer"), rules=(rule,))).values()
    assert finding.status is Status.WARNED
    assert "five" in finding.message


def test_a_key_of_two_columns_is_unique_together(engine):
    table = pa.table({"a": [1, 1, 2], "b": [1, 2, 2]})
    keys = [Property(name=name, logical_type="integer", primary_key=True, required=True) for name in "ab"]
    assert broken(findings(engine, table, *keys)) == {}
    twice = pa.concat_tables([table, table])
    assert broken(findings(engine, twice, *keys))["contract.unique"].measured == 3


@pytest.mark.covers("M14", "D15")
@pytest.mark.parametrize(("age", "status"), [(timedelta(days=28), Status.FAILED), (timedelta(hours=-1), Status.PASSED)])
def test_stale_data_is_found_against_the_given_present(engine, age, status):
    now = datetime(2013, 9, 4, tzinfo=UTC) + age
    at = Property(name="at", logical_type="timestamp")
    found = findings(engine, TABLE, at, freshness=Freshness(column="at", within=timedelta(days=2)), now=now)
    (finding,) = [one for one in found if one.check == "contract.freshness"]
    assert finding.status is status
    if status is Status.FAILED:
        assert finding.measured == 28
        assert "28 days before 2013-10-02" in finding.message


def test_a_table_without_rows_breaks_only_promises_about_rows(engine):
    key = Property(name="id", logical_type="integer", primary_key=True, required=True, unique=True, minimum=1)
    rules = (
        Rule(metric="rowCount", operator="mustBeGreaterThan", amounts=(0,)),
        Rule(metric="nullValues", operator="mustBeLessThan", amounts=(1,), column="id", percent=True),
    )
    found = broken(findings(engine, TABLE.slice(0, 0), key, rules=rules))
    assert list(found) == ["contract.row_count"]


def test_freshness_of_a_column_without_any_instant_fails(engine):
    table = pa.table({"at": pa.array([None], pa.timestamp("us"))})
    at = Property(name="at", logical_type="timestamp")
    found = broken(findings(engine, table, at, freshness=Freshness(column="at", within=timedelta(1))))
    assert "no instant" in found["contract.freshness"].message


def test_names_that_look_like_sql_are_names(engine):
    name = 'x"; DROP TABLE flights; --'
    found = broken(
        findings(engine, pa.table({name: ["a", None]}), Property(name=name, logical_type="string", required=True))
    )
    assert found["contract.required"].measured == 1


# ---- The validator and SQL agree on every row.

words = st.text(st.characters(codec="utf-8"), max_size=4) | st.sampled_from(
    ["AA", "UA", "AA\n", "a.b", "é", "", " \v "]
)
columns = {
    "string": (pa.string(), words),
    "number": (pa.float64(), st.floats(-5, 5) | st.sampled_from([math.nan, math.inf, -math.inf, 2.0])),
    "integer": (pa.float64(), st.sampled_from([1.0, 1.5, -3.0, math.nan, math.inf, 4.0])),
    "boolean": (pa.bool_(), st.booleans()),
    "date": (pa.date32(), st.dates(date(2013, 1, 1), date(2013, 1, 9))),
    "timestamp": (pa.timestamp("us"), st.datetimes(datetime(2012, 12, 31), datetime(2013, 1, 9))),  # noqa: DTZ001
    "time": (pa.time64("us"), st.times()),
}
options = {
    "string": st.sampled_from(
        [{"pattern": "^[A-Z]{2}$"}, {"pattern": "A|é"}, {"pattern": "."}, {"pattern": r"\s"}, {"pattern": r"\w\W?$"},
         {"pattern": r"^[^a-z]*$"}, {"min_length": 1}, {"max_length": 2}, {"enum": ("AA", "", "é")}]
    ),
    "number": st.sampled_from([{"minimum": 2}, {"maximum": -1.5}, {"enum": (2.0, 3)}, {"minimum": 0, "maximum": 0}]),
    "integer": st.sampled_from([{}, {"minimum": 2}, {"enum": (1, 4)}, {"maximum": 1}]),
    "boolean": st.sampled_from([{}, {"enum": (True,)}]),
    "date": st.sampled_from([{"minimum": "2013-01-02"}, {"maximum": "2013-01-03T12:00"}, {"enum": ("2013-01-05",)}]),
    "timestamp": st.sampled_from([{"minimum": "2013-01-02T00:00+02:00"}, {"maximum": "2013-01-03T12:00Z"}]),
    "time": st.just({}),
}  # fmt: skip
CHECKS = {"minLength": "contract.length", "maxLength": "contract.length"}


@st.composite
def corpora(draw):
    kind = draw(st.sampled_from(sorted(columns)))
    arrow, values = columns[kind]
    promise = Property(name="x", logical_type=kind, required=draw(st.booleans()), **draw(options[kind]))
    return promise, pa.array(draw(st.lists(st.none() | values, min_size=1, max_size=12)), arrow, from_pandas=False)


@settings(max_examples=400, deadline=None)
@given(corpora())
def test_validator_and_sql_agree_on_row_rules(engine, corpus):
    promise, array = corpus
    contract = Contract(id="c", version="1", name="t", properties=(promise,))
    engine.attach_table("t", pa.table({"x": array}))
    in_sql = {one.check: one.measured for one in check_table(engine, "t", contract, NOW) if one.status is Status.FAILED}
    # A row may break several rules: SQL counts each, the validator names the first. So ask one promise at a time.
    in_python = {}
    for alone in alone_promises(promise):
        values = [value if not isinstance(value, time) else value.isoformat() for value in array.to_pylist()]
        checker = compile_validator(Contract(id="c", version="1", name="t", properties=(alone,)), ["x"])
        for breach in checker.check({"x": values}):
            check = CHECKS.get(breach.rule, f"contract.{breach.rule}")
            in_python.setdefault(check, set()).add(breach.row)
    assert {check: len(rows) for check, rows in in_python.items()} == in_sql


def alone_promises(promise):
    base = {"name": promise.name, "logical_type": promise.logical_type}
    yield Property(**base, required=promise.required)
    for option in ("minimum", "maximum", "min_length", "max_length", "pattern", "enum"):
        value = getattr(promise, option)
        if value is not None:
            yield Property(**base, **{option: value})
