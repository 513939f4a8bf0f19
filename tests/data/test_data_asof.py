"""What the as-of rewriter refuses, by name and with its line; and what it has to get right about SQL."""

from datetime import timedelta

import pytest

from shipworthy.core.errors import InvalidContract, InvalidFeatures
from shipworthy.data.asof import rewrite
from shipworthy.data.asof_relations import DecisionPlan, SourceTable

PLAN = DecisionPlan(key="id", event_time="at", moment="at", offset=timedelta(hours=-2))
FLIGHTS = SourceTable(
    name="Flights",
    columns=("id", "at", "origin", "tail", "delay", "landed", "bad"),
    known_at={"delay": "at + to_minutes(delay)", "landed": "landed", "bad": "at + INTERVAL 1 DAY"},
)
WEATHER = SourceTable(name="weather", columns=("origin", "seen_at", "temp"), known_at={"temp": "seen_at"})
PLANES = SourceTable(name="planes", columns=("tail", "seats"), known_at={})
SOURCES = {"flights": FLIGHTS, "weather": WEATHER, "planes": PLANES}


def safe(query):
    return rewrite(query, sources=SOURCES, plan=PLAN, file="features.sql")


def refused(query, match):
    with pytest.raises(InvalidFeatures, match=match) as caught:
        safe(query)
    assert caught.value.problem.startswith("features.sql")
    assert caught.value.facts["file"] == "features.sql"
    return caught.value


@pytest.mark.covers("D3", "D11")
@pytest.mark.parametrize("query", ["SELECT d.id, d.delay\nFROM decisions d", "SELECT id, delay FROM decisions"])
def test_a_late_column_of_the_decisions_own_row_is_refused_with_when_it_is_known(query):
    error = refused(query, "line 1: 'delay' of the decision's own row is not known at decision time")
    assert "at + to_minutes(delay)" in error.problem
    assert error.facts["known_at"] == "at + to_minutes(delay)"
    assert "other rows" in error.remedy


@pytest.mark.covers("D3")
@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM flights WHERE bad",
        "SELECT d.id FROM decisions d JOIN flights f ON f.tail = d.tail AND f.delay > 3",
        "SELECT origin, count(*) AS id FROM flights GROUP BY origin, bad",
        "SELECT origin AS id, bad, count(*) AS n FROM flights GROUP BY ALL",
        "SELECT origin AS id, bad, count(*) AS n FROM flights GROUP BY 1, 2",
        "SELECT origin AS id, bad AS b, count(*) AS n FROM flights GROUP BY origin, b",
        "SELECT origin AS id FROM flights GROUP BY origin HAVING max(delay) > 3",
        "SELECT id FROM flights QUALIFY row_number() OVER (PARTITION BY bad ORDER BY id) = 1",
        "SELECT id, row_number() OVER (ORDER BY delay) AS n FROM flights",
        "SELECT id, sum(1) OVER (ORDER BY at ROWS BETWEEN delay PRECEDING AND CURRENT ROW) AS n FROM flights",
        "SELECT id, lag(at, delay) OVER (ORDER BY at) AS n FROM flights",
        "SELECT DISTINCT bad AS id FROM flights",
        "SELECT id, unnest([delay]) AS n FROM flights",
        "SELECT id, nth_value(at, delay) OVER (ORDER BY at) AS n FROM flights",
        "SELECT id, first_value(at ORDER BY delay) OVER (ORDER BY at) AS n FROM flights",
        "SELECT d.id FROM decisions d ASOF JOIN flights f ON f.tail = d.tail AND d.decision_time >= f.landed",
    ],
)
def test_a_late_value_may_not_choose_rows(query):
    refused(query, "a late value may not .* known only later")


@pytest.mark.covers("D3")
@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("SELECT id FROM read_csv('/etc/passwd')", "READ_CSV.* is no source"),
        ("SELECT id FROM read_parquet('x.parquet')", "no source"),
        ("SELECT id FROM 'x.csv'", "there is no source 'x.csv'"),
        ("SELECT id FROM glob('*')", "no source"),
        ("SELECT table_name AS id FROM information_schema.tables", "DB is not understood"),
        ("SELECT id, getenv('HOME') AS h FROM decisions", r"getenv\(\) is not understood"),
        ("SELECT id, now() - at AS age FROM decisions", r"now\(\) is not understood"),
        ("SELECT id, current_date AS today FROM decisions", r"current_date\(\) is not understood"),
        ("SELECT id, random() AS r FROM decisions", r"is not understood"),
        ("SELECT id, (SELECT max(landed) FROM flights) AS m FROM decisions", "subquery inside an expression"),
        ("SELECT id FROM decisions WHERE EXISTS (SELECT 1 FROM flights)", "subquery inside an expression"),
        ("SELECT id FROM decisions WHERE id IN (SELECT id FROM flights)", "subquery inside an expression"),
        ("SELECT id FROM decisions UNION ALL SELECT id FROM flights", "this is UNION"),
        ("WITH a AS (SELECT id FROM decisions UNION SELECT id FROM flights) SELECT id FROM a", "UNION is not"),
        ("WITH RECURSIVE a AS (SELECT 1 AS id) SELECT id FROM a", "RECURSIVE is not understood"),
        ("SELECT d.id FROM decisions d, LATERAL (SELECT d.id) x", "LATERAL"),
        ("SELECT id FROM decisions LIMIT 3", "LIMIT is not understood"),
        ("SELECT id FROM decisions USING SAMPLE 3", "SAMPLE is not understood"),
        ("SELECT DISTINCT ON (origin) id, origin FROM decisions", "ON is not understood"),
        ("SELECT origin AS id, count(*) AS n FROM decisions GROUP BY ROLLUP (origin)", "is not understood"),
        ("SELECT id FROM decisions GROUP BY id, 'x'", "GROUP BY 'x' names no column"),
        ("SELECT d.id FROM decisions d SEMI JOIN weather w USING (origin)", "SEMI JOIN is not understood"),
        ("SELECT d.id FROM decisions d POSITIONAL JOIN weather w", "POSITIONAL JOIN is not understood"),
        ("SELECT COLUMNS('a.*') FROM flights", "not understood"),
        ("SELECT id, count(f) AS n FROM flights f GROUP BY id", "not understood"),
        ("SELECT id, lag(delay IGNORE NULLS) OVER (ORDER BY at) AS n FROM flights", "IGNORE NULLS"),
        ("SELECT d.id FROM decisions d CROSS JOIN unnest([d.at]) AS x (y)", "list in FROM has to be constant"),
        ("SELECT d.id FROM decisions d CROSS JOIN range(4) AS lag (hours)", "unnest|no source"),
        ("SELECT f.a AS id FROM flights AS f (a, b)", "the alias 'f' renames columns"),
        ('SELECT id, at::"x) FROM flights --" AS y FROM decisions', "datatype is not understood"),
        ('SELECT id, INTERVAL 1 "day) FROM flights --" AS y FROM decisions', "line 1|no SQL|is not understood"),
        ("SELECT id, $1 AS x FROM decisions", "placeholder is not understood"),
        ("DROP TABLE flights", "this is DROP"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("SELECT id FROM decisions WHERE (", "line 1"),
        ("SELECT 'open FROM decisions", "this is no SQL"),
        ("PRAGMA database_list", "this is"),
        ("WITH weather AS (SELECT 1 AS id) SELECT id FROM weather", "hides the source"),
        ("SELECT id, 1 AS __known_0 FROM decisions", "kept for the rewriter"),
        ("SELECT id, origin, tail AS origin FROM decisions", "two columns are named 'origin'"),
    ],
)
def test_what_cannot_be_proved_is_refused_by_name(query, match):
    refused(query, match)


@pytest.mark.parametrize(
    ("query", "match", "remedy"),
    [
        ("SELECT id FROM\nfligths", "line 2: there is no source 'fligths'", "did you mean 'flights'"),
        ("SELECT id,\n  orign\nFROM decisions", 'line 2: there is no column "orign"', "did you mean 'origin'"),
        ("SELECT d.id, e.at FROM decisions d", "there is no relation 'e'", "there is: d"),
        (
            "SELECT d.id, origin FROM decisions d JOIN weather w ON w.origin = d.origin",
            "'origin' is in d and in w",
            "such as d.origin",
        ),
    ],
)
def test_a_wrong_name_is_refused_with_its_line_and_the_nearest_right_one(query, match, remedy):
    assert remedy in refused(query, match).remedy


def test_two_decision_times_in_one_from_are_refused_only_where_a_late_value_needs_one():
    pair = "FROM decisions d JOIN decisions e USING (origin)"
    assert safe(f"SELECT d.id, e.tail {pair}").relation.columns == {"id": None, "tail": None}
    refused(f"SELECT d.id, f.delay {pair} JOIN flights f ON f.id = d.id", "which one are late values held against")


def test_a_decision_time_that_was_moved_is_none():
    query = """
        WITH later AS (SELECT id, decision_time + INTERVAL 3 DAY AS decision_time FROM decisions)
        SELECT later.id, f.delay FROM later JOIN flights f USING (id)"""
    assert safe(query).relation.columns["delay"].unmasked == {"Flights.delay"}


def test_a_decision_time_passed_on_by_a_subquery_still_holds():
    query = """
        SELECT m.id, f.delay FROM (SELECT DISTINCT id, decision_time FROM decisions) m JOIN flights f USING (id)"""
    late = safe(query).relation.columns["delay"]
    assert late.unmasked == frozenset()
    assert late.touched == {"Flights.delay"}


def test_names_are_told_apart_without_regard_to_case_as_duckdb_does():
    assert set(safe('SELECT "ID", D.Origin AS "Where" FROM DECISIONS D').relation.columns) == {"id", "where"}


def test_star_gives_every_column_but_never_a_late_one_of_the_decision_itself():
    assert set(safe("SELECT * FROM decisions").relation.columns) == {"id", "at", "origin", "tail", "decision_time"}
    assert set(safe("SELECT f.* FROM flights f").relation.columns) == set(FLIGHTS.columns)


@pytest.mark.parametrize(
    ("known_at", "match"),
    [
        ("at +", "no SQL expression"),
        ("at + lag", "names the column lag"),
        ("now()", "cannot be used: .*now"),
        ("w.seen_at", "names"),
    ],
)
def test_a_known_at_that_is_no_expression_over_its_own_source_is_refused(known_at, match):
    source = SourceTable(name="flights", columns=("id", "at", "delay"), known_at={"delay": known_at})
    with pytest.raises(InvalidContract, match=match):
        rewrite("SELECT id, delay FROM flights", sources={"flights": source}, plan=PLAN, file="features.sql")
