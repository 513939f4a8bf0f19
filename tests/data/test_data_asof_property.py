"""The promise of ``asof``: whatever the data, no feature of a decision depends on what was known only later.

Each query of a corpus runs on random tables three times: on all there is, on what was known at one decision's time
(every later value null), and on tables whose later values are other ones. That decision's row has to be the same.
Where nothing is aggregated out of reach of ``decisions``, it has to equal the query as written, on what was known.
"""

import math
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from shipworthy.data.asof import rewrite
from shipworthy.data.asof_relations import DecisionPlan, SourceTable, decisions_tree
from shipworthy.engines.duckdb import DuckDbEngine

MIDNIGHT = datetime(2013, 3, 10, tzinfo=UTC)
PLAN = DecisionPlan(key="id", event_time="at", moment="at", offset=timedelta(minutes=-40))
TRIPS = SourceTable(
    name="trips",
    columns=("id", "at", "grp", "delay", "done", "done_at", "bad"),
    known_at={
        "delay": "at + to_minutes(delay)",
        "done": "done_at",
        "done_at": "done_at",
        "bad": "at + INTERVAL 2 HOUR",
    },
)
READINGS = SourceTable(name="readings", columns=("grp", "seen_at", "temp"), known_at={"temp": "seen_at"})
SOURCES = {"trips": TRIPS, "readings": READINGS}

INSTANT = pa.timestamp("us", tz="UTC")
TRIP_TYPES = [pa.int64(), INSTANT, pa.string(), pa.int64(), pa.int64(), INSTANT, pa.bool_()]
TRIP_SCHEMA = pa.schema(list(zip(TRIPS.columns, TRIP_TYPES, strict=True)))
READING_SCHEMA = pa.schema([("grp", pa.string()), ("seen_at", INSTANT), ("temp", pa.int64())])

# Queries where every late value meets a decision time in the FROM where it is read: what comes out is exactly the
# query as written, on the data as they were known.
SEEN = {
    "own group's trips, late by as much as can be seen": """
        SELECT d.id,
            avg(coalesce(t.delay, date_diff('minute', t.at, d.decision_time))) AS delay,
            count(*) FILTER (WHERE t.delay IS NULL) AS overdue
        FROM decisions d LEFT JOIN trips t ON t.grp = d.grp AND t.at < d.decision_time
        GROUP BY d.id, d.decision_time""",
    "its own row, hidden": "SELECT d.id, t.delay, t.done FROM decisions d JOIN trips t USING (id)",
    "star with exclusion": "SELECT d.id, t.* EXCLUDE (id, at, grp) FROM decisions d JOIN trips t ON t.id = d.id",
    "last reading": """
        SELECT d.id, r.temp, r.temp * 2 AS twice
        FROM decisions d ASOF LEFT JOIN readings r ON r.grp = d.grp AND d.decision_time >= r.seen_at""",
    "readings of the future": """
        SELECT d.id, max(r.temp) AS hottest, max(r.temp) FILTER (WHERE r.temp < 3) AS mild, arg_max(r.temp, r.seen_at)
        FROM decisions d LEFT JOIN readings r USING (grp) GROUP BY ALL""",
    "moments shared by decisions": """
        WITH moments AS (SELECT DISTINCT grp, decision_time FROM decisions),
        now AS (
            SELECT m.grp, m.decision_time, sum(t.done) AS done, max(t.done_at) AS last
            FROM moments m JOIN trips t ON t.grp = m.grp GROUP BY m.grp, m.decision_time)
        SELECT d.id, now.done, date_diff('minute', now.last, d.decision_time) AS ago
        FROM decisions d LEFT JOIN now USING (grp, decision_time)""",
    "an outer join the other way round": """
        SELECT d.id, t.done, coalesce(t.delay, -1) AS delay
        FROM trips t RIGHT JOIN decisions d ON t.grp = d.grp AND t.id = d.id + 1""",
    "lists of constants": """
        WITH days (n) AS (VALUES (1), (2))
        SELECT d.id, sum(t.delay * days.n * lag.hours) AS s
        FROM decisions d CROSS JOIN days CROSS JOIN unnest([0, 1, 2]) AS lag (hours)
        LEFT JOIN trips t ON t.id < d.id AND t.at < d.decision_time - to_hours(lag.hours) GROUP BY d.id""",
}
# Queries where values are gathered first: they are null unless all that went in was known.
GATHERED = {
    "totals": """
        WITH h AS (SELECT grp, avg(delay) AS m, sum(bad::INTEGER) AS n, count(*) AS c FROM trips GROUP BY grp)
        SELECT d.id, h.m, h.n, h.c FROM decisions d LEFT JOIN h USING (grp)""",
    "history in a window": """
        WITH h AS (
            SELECT id, sum(bad::INTEGER) OVER w AS n, count(*) OVER w AS c FROM trips
            WINDOW w AS (PARTITION BY grp ORDER BY at
                         RANGE BETWEEN INTERVAL 9 HOUR PRECEDING AND INTERVAL 3 HOUR PRECEDING))
        SELECT d.id, h.n, h.c FROM decisions d JOIN h ON h.id = d.id""",
    "window over groups": """
        WITH h AS (
            SELECT grp, date_trunc('hour', at) AS hour,
                sum(sum(done)) OVER (PARTITION BY grp ORDER BY date_trunc('hour', at)
                                     RANGE BETWEEN INTERVAL 6 HOUR PRECEDING AND INTERVAL 2 HOUR PRECEDING) AS n
            FROM trips GROUP BY grp, date_trunc('hour', at))
        SELECT d.id, h.n FROM decisions d LEFT JOIN h ON h.grp = d.grp AND h.hour = date_trunc('hour', d.at)""",
    "neighbours": """
        WITH h AS (
            SELECT id, lag(delay, 1, 7) OVER o AS before, lead(done) OVER o AS after,
                first_value(delay) OVER o AS first, last_value(temp2) OVER o AS last
            FROM (SELECT *, done * 2 AS temp2 FROM trips) WINDOW o AS (ORDER BY at, id))
        SELECT d.id, h.id AS other, h.before, h.after, h.first, h.last FROM decisions d JOIN h ON h.id <> d.id""",
    "a filter that is late itself": """
        WITH h AS (SELECT grp, count(*) FILTER (WHERE done > 2) AS n, arg_min(delay, done) AS m
                   FROM trips GROUP BY grp)
        SELECT d.id, h.n, h.m FROM decisions d LEFT JOIN h USING (grp)""",
    "masked values gathered over other decisions": """
        WITH own AS (
            SELECT d.id, d.grp, d.at, max(t.delay) AS m
            FROM decisions d JOIN trips t ON t.grp = d.grp AND t.at < d.decision_time GROUP BY ALL),
        far AS (SELECT grp, avg(m) AS m FROM own GROUP BY grp)
        SELECT d.id, own.m, far.m AS of_all FROM decisions d
        LEFT JOIN own ON own.id = d.id LEFT JOIN far ON far.grp = d.grp""",
    "a window over decisions": """
        WITH now AS (
            SELECT d.id, d.grp, d.at, sum(t.done) AS n FROM decisions d LEFT JOIN trips t ON t.grp = d.grp GROUP BY ALL)
        SELECT d.id, max(now.n) OVER (PARTITION BY d.grp) AS widest
        FROM decisions d JOIN now ON now.id = d.id""",
    "a full join": """
        WITH a AS (SELECT grp, max(temp) AS t FROM readings GROUP BY grp),
        b AS (SELECT grp, max(done) AS n FROM trips GROUP BY grp),
        c AS (SELECT coalesce(a.grp, b.grp) AS grp, a.t + b.n AS s, coalesce(a.t, 0) AS t
              FROM a FULL JOIN b ON a.grp = b.grp)
        SELECT d.id, c.s, c.t FROM decisions d LEFT JOIN c ON c.grp = d.grp""",
}
# Of these, the ones that meet no decision time before the last SELECT.
ONLY_GATHERED = {name: query for name, query in GATHERED.items() if "decisions d LEFT JOIN trips" not in query}
ONLY_GATHERED.pop("masked values gathered over other decisions")

minutes = st.integers(0, 600)
delays = st.none() | st.integers(-20, 200)


@st.composite
def tables(draw):
    trips = draw(
        st.lists(
            st.tuples(minutes, st.sampled_from("ab"), delays, st.integers(0, 5), st.none() | minutes, st.booleans()),
            min_size=1,
            max_size=6,
        )
    )
    readings = draw(st.dictionaries(st.tuples(st.sampled_from("ab"), minutes), st.integers(0, 5), max_size=5))
    rows = [
        {
            "id": number,
            "at": MIDNIGHT + timedelta(minutes=at),
            "grp": grp,
            "delay": delay,
            "done": done,
            "done_at": None if ends is None else MIDNIGHT + timedelta(minutes=at + ends),
            "bad": bad,
        }
        for number, (at, grp, delay, done, ends, bad) in enumerate(trips)
    ]
    seen = [
        {"grp": grp, "seen_at": MIDNIGHT + timedelta(minutes=at), "temp": temp} for (grp, at), temp in readings.items()
    ]
    return rows, seen, draw(st.sampled_from(rows))


def known_at(row):
    """When each late value of a row becomes known, worked out by hand; None for never."""
    if "temp" in row:
        return {"temp": row["seen_at"]}
    left = None if row["delay"] is None else row["at"] + timedelta(minutes=row["delay"])
    done = row["done_at"]
    return {"delay": left, "done": done, "done_at": done, "bad": row["at"] + timedelta(hours=2)}


def truncated(rows, now):
    hidden = [{name for name, when in known_at(row).items() if when is None or when > now} for row in rows]
    return [{n: None if n in gone else v for n, v in row.items()} for row, gone in zip(rows, hidden, strict=True)]


def changed(rows, now):
    """Other values for all that was not known, none of which would have been known either."""
    others = {"done": 9, "done_at": now + timedelta(minutes=17), "bad": True, "temp": 77}
    result = []
    for row in rows:
        if "at" in row:
            others["delay"] = max(0, int((now - row["at"]).total_seconds()) // 60) + 5
        unknown = [name for name, when in known_at(row).items() if when is None or when > now]
        result.append(row | {name: others[name] for name in unknown})
    return result


class World:
    def __init__(self, engine, query):
        self.engine = engine
        self.query = query
        self.safe = rewrite(query, sources=SOURCES, plan=PLAN, file="features.sql")

    def load(self, trips, readings):
        self.engine.attach_table("trips", pa.Table.from_pylist(trips, TRIP_SCHEMA))
        self.engine.attach_table("readings", pa.Table.from_pylist(readings, READING_SCHEMA))

    def features(self, key, moment):
        """The rows of one decision as a model would get them: held against its own time once more."""
        columns = self.safe.relation.columns
        rows = [row for row in self.engine.query(self.safe.tree).to_pylist() if row["id"] == key]
        for row in rows:
            for name, late in columns.items():
                if late is not None and row[late.known] is not None and not is_by(row[late.known], moment):
                    row[name] = None
        return sorted(([row[name] for name in columns] for row in rows), key=repr)

    def as_written(self, key):
        """The rows of one decision by the query as it stands, run on the tables as they are."""
        self.engine.attach_table("decisions", self.engine.query(decisions_tree(TRIPS, PLAN)))
        table = self.engine.query(sqlglot.parse_one(self.query, dialect="duckdb"))
        return sorted((list(row.values()) for row in table.to_pylist() if row["id"] == key), key=repr)


def is_by(instant, moment):
    return instant.year < 9999 and instant <= moment


@pytest.fixture(scope="module")
def engine():
    made = DuckDbEngine(threads=1)
    yield made
    made.close()


def same(one, other):
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return one == other


def alike(one, other):
    return len(one) == len(other) and all(
        same(*pair) for rows in zip(one, other, strict=True) for pair in zip(*rows, strict=True)
    )


@pytest.mark.covers("D3", "D11")
@pytest.mark.parametrize("query", [*SEEN.values(), *GATHERED.values()], ids=[*SEEN, *GATHERED])
@settings(max_examples=20)
@given(data=tables())
def test_no_feature_depends_on_what_was_known_only_later(engine, query, data):
    trips, readings, decision = data
    key, now = decision["id"], decision["at"] + PLAN.offset
    world = World(engine, query)
    world.load(trips, readings)
    with_all = world.features(key, now)
    world.load(truncated(trips, now), truncated(readings, now))
    assert alike(with_all, world.features(key, now))
    world.load(changed(trips, now), changed(readings, now))
    assert alike(with_all, world.features(key, now))


@pytest.mark.covers("D3", "D11")
@pytest.mark.parametrize("query", SEEN.values(), ids=SEEN.keys())
@settings(max_examples=20)
@given(data=tables())
def test_what_meets_a_decision_time_is_what_the_query_says_of_the_data_known_then(engine, query, data):
    trips, readings, decision = data
    key, now = decision["id"], decision["at"] + PLAN.offset
    world = World(engine, query)
    world.load(trips, readings)
    with_all = world.features(key, now)
    world.load(truncated(trips, now), truncated(readings, now))
    assert alike(with_all, world.as_written(key))


@pytest.mark.parametrize("query", ONLY_GATHERED.values(), ids=ONLY_GATHERED.keys())
@settings(max_examples=20)
@given(data=tables())
def test_what_is_gathered_first_is_what_the_query_says_or_null(engine, query, data):
    trips, readings, decision = data
    key, now = decision["id"], decision["at"] + PLAN.offset
    world = World(engine, query)
    world.load(trips, readings)
    safe, plain = world.features(key, now), world.as_written(key)
    assert len(safe) == len(plain)
    for row in safe:  # nulls come first in order, so rows are not compared by their place
        assert any(all(one is None or same(one, b) for one, b in zip(row, other, strict=True)) for other in plain)
