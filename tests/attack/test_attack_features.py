"""Features that try to see the future: each is refused, or does not change when the future does."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from shipworthy.core.errors import InvalidData, InvalidFeatures
from shipworthy.data.contract import Contract, Property
from shipworthy.data.features import build_features
from shipworthy.engines.duckdb import DuckDbEngine
from shipworthy.problem.goal import Bar, Goal, ValueMatrix
from shipworthy.problem.project import DataPlan, DecisionTime, Project, Serving, Source

pytestmark = [pytest.mark.covers("D3", "D11", "S8", "T7")]

START, DAYS = datetime(2024, 5, 1, tzinfo=UTC), 40
TODAY = START + timedelta(days=20)
INSTANT = pa.timestamp("us", tz="UTC")
KNOWN_A_DAY_LATER = "due_at + INTERVAL 1 DAY"
CONTRACT = Contract(
    id="orders",
    version="1.0.0",
    name="orders",
    properties=(
        Property(name="minutes", logical_type="integer", known_at=KNOWN_A_DAY_LATER),
        Property(name="payload", logical_type="object", known_at=KNOWN_A_DAY_LATER),
    ),
)
PROJECT = Project(
    name="orders",
    owner="me@example.com",
    goal=Goal(
        question="Will it be late?",
        decision="send two riders",
        why_ml="",
        target="late",
        value=ValueMatrix(true_positive=3, false_positive=-1, true_negative=0, false_negative=0),
        baseline="constant",
        good_enough=(Bar.parse("value_per_1000", ">= 1"),),
    ),
    data=DataPlan(
        sources={"orders": Source(name="orders", location="orders.parquet", contract="orders.odcs.yaml")},
        key="order_id",
        event_time="due_at",
        decision_time=DecisionTime(column="due_at", offset=timedelta(hours=-1)),
        label_delay=timedelta(days=1),
        features="features.sql",
    ),
    serving=Serving(endpoint="orders"),
)


def orders(future):
    """Orders whose outcomes are the same as far as they are known today, and by chance after that."""
    past, chance = np.random.default_rng(1), np.random.default_rng(future)
    due = [START + timedelta(days=day) for day in range(DAYS)]
    known = [one + timedelta(days=1) <= TODAY for one in due]
    minutes = np.where(known, past.integers(1, 9, DAYS), chance.integers(1, 9, DAYS)).tolist()
    late = np.where(known, past.integers(0, 2, DAYS), chance.integers(0, 2, DAYS)).astype(bool)
    return pa.table(
        {
            "order_id": [f"o{day:03d}" for day in range(DAYS)],
            "due_at": pa.array(due, INSTANT),
            "items": pa.array([day % 5 + 1 for day in range(DAYS)], pa.int32()),
            "minutes": pa.array(minutes, pa.int64()),
            "payload": [{"bad": one} for one in minutes],
            "late": late,
        }
    )


def features_until_today(folder, sql, future, more=None):
    (folder / "features.sql").write_text(sql)
    engine = DuckDbEngine(threads=1)
    try:
        table = orders(future)
        engine.attach_table("orders", table if more is None else table.append_column(*more))
        frame = build_features(PROJECT, folder, engine, {"orders": CONTRACT}, until=None)
        decided = [one <= TODAY for one in frame.decision_time.to_pylist()]
        return frame.features.filter(pa.array(decided)).to_pydict()
    finally:
        engine.close()


SEEN = "(SELECT o.minutes FROM orders o WHERE o.order_id = d.order_id)"
# The outcome of the current row goes in, but the frame from which the instant was taken leaves the row out.
BEYOND_THE_FRAME = """
    WITH w AS (SELECT f.order_id AS k, {} OVER (ORDER BY f.due_at ROWS BETWEEN 10 PRECEDING AND 3 PRECEDING) AS n
               FROM orders f)
    SELECT d.order_id, w.n FROM decisions d JOIN w ON w.k = d.order_id"""
REFUSED = {
    "rank by a late value": BEYOND_THE_FRAME.format("rank(ORDER BY f.minutes)"),
    "percent_rank by a late value": BEYOND_THE_FRAME.format("percent_rank(ORDER BY f.minutes)"),
    "cume_dist by a late value": BEYOND_THE_FRAME.format("cume_dist(ORDER BY f.minutes)"),
    "the first of an order by a late value": BEYOND_THE_FRAME.format("first_value(f.items ORDER BY f.minutes)"),
    "lag in an order by a late value": BEYOND_THE_FRAME.format("lag(f.items ORDER BY f.minutes)"),
    "nth_value of a late place": BEYOND_THE_FRAME.format("nth_value(f.items, f.minutes)"),
    "ntile of a late number": BEYOND_THE_FRAME.format("ntile(f.minutes)"),
    "columns of a CTE renamed by place": """
        WITH s AS (SELECT f.minutes AS b, f.order_id AS i, f.items AS c FROM orders f)
        SELECT d.order_id, t.c AS x FROM decisions d JOIN s AS t (c, i, b) ON t.i = d.order_id""",
    "columns of a source renamed by place": """
        SELECT d.order_id, t.a AS x FROM decisions d JOIN orders AS t (a, b) ON t.b = d.due_at""",
    "SQL in a quoted unit": f"""
        SELECT d.order_id, extract("year FROM d.due_at) + {SEEN} + extract(year" FROM d.due_at) AS x
        FROM decisions d""",
    "SQL in a quoted type": f"""
        SELECT d.order_id, CAST(d.items AS "oid) + {SEEN} + CAST(1 AS oid") AS x FROM decisions d""",
    "SQL in a parameter of a type": f"""
        SELECT d.order_id, CAST(d.items AS DECIMAL("18,3)) + {SEEN} + CAST(1 AS DECIMAL(18",3)) AS x
        FROM decisions d""",
    "a field of a late object": """
        SELECT d.order_id, f.payload.bad AS x FROM decisions d JOIN orders f ON f.order_id = d.order_id
        CROSS JOIN (SELECT 1 AS bad) payload""",
    "an implicit lateral join": """
        SELECT d.order_id, s.m FROM decisions d, (SELECT f.minutes AS m FROM orders f WHERE f.due_at = d.due_at) s""",
    "a natural join on late values": """
        WITH g AS (SELECT f.order_id AS k, f.minutes AS m FROM orders f), h AS (SELECT 3 AS m, 1 AS c)
        SELECT d.order_id, j.c FROM decisions d LEFT JOIN (SELECT g.k, h.c FROM g NATURAL JOIN h) j
        ON j.k = d.order_id""",
    "a parenthesis of joins": """
        SELECT d.order_id, f.items FROM decisions d JOIN (orders f JOIN orders g ON f.minutes = g.minutes)
        ON f.order_id = d.order_id""",
    "a nested CTE called decisions": """
        SELECT d.order_id, d.x FROM (WITH decisions AS (SELECT order_id, minutes AS x FROM orders)
        SELECT * FROM decisions) d""",
    "rows chosen in QUALIFY": """
        SELECT d.order_id, f.items FROM decisions d JOIN orders f ON true
        QUALIFY row_number() OVER (PARTITION BY d.order_id ORDER BY f.minutes) = 1""",
    "a table function on a text": "SELECT d.order_id, s.x FROM decisions d, query('SELECT minutes AS x FROM orders') s",
    "a table by its name in a text": "SELECT d.order_id, s.minutes FROM decisions d, query_table('orders') s",
    "a lambda": "SELECT d.order_id, list_transform([1], x -> x + 1)[1] AS x FROM decisions d",
    "a whole row": "SELECT d.order_id, hash(f) AS x FROM decisions d JOIN orders f ON f.order_id = d.order_id",
    "a hidden column": "SELECT d.order_id, f.__known_0 AS x FROM decisions d JOIN orders f ON f.due_at = d.due_at",
    "a name that the frame keeps": "SELECT d.order_id, d.items AS __target FROM decisions d",
}
HARMLESS = {
    "values as known at decision time": """
        SELECT d.order_id, sum(f.minutes) AS s, mode(f.minutes) AS m FROM decisions d JOIN orders f ON true
        GROUP BY d.order_id""",
    "the most frequent in a window over later rows": """
        WITH w AS (SELECT f.order_id AS k, mode(f.minutes) OVER (ORDER BY f.due_at DESC
                   ROWS BETWEEN 3 FOLLOWING AND 10 FOLLOWING) AS n FROM orders f)
        SELECT d.order_id, w.n FROM decisions d JOIN w ON w.k = d.order_id""",
    "another decision's time": """
        WITH p AS (SELECT d.order_id AS k, e.decision_time AS decision_time FROM decisions d
                   JOIN decisions e ON e.order_id = 'o039')
        SELECT p.k AS order_id, sum(f.minutes) + 1 AS s, 1 AS one FROM p JOIN orders f ON true GROUP BY p.k""",
    "comments that would close each other": f"""
        SELECT d.order_id, d.items /* a */ AS x -- b */ + {SEEN} /*
        FROM decisions d""",
    "SQL in a window's name": """
        SELECT d.order_id, sum(d.items) OVER "w) + (SELECT 1) + (" AS x FROM decisions d
        WINDOW "w) + (SELECT 1) + (" AS (ORDER BY d.due_at)""",
}


@pytest.mark.parametrize("sql", REFUSED.values(), ids=REFUSED.keys())
def test_a_feature_that_would_see_the_future_is_refused(tmp_path, sql):
    with pytest.raises(InvalidFeatures):
        features_until_today(tmp_path, sql, future=10)


@pytest.mark.parametrize("sql", HARMLESS.values(), ids=HARMLESS.keys())
def test_a_feature_that_is_let_through_does_not_change_with_the_future(tmp_path, sql):
    one, *others = [features_until_today(tmp_path, sql, future) for future in (10, 11, 12)]
    assert all(other == one for other in others)


def test_a_column_of_the_data_cannot_say_when_a_value_was_known(tmp_path):
    early = ("__known_0", pa.array([START - timedelta(days=99)] * DAYS, INSTANT))
    sql = "SELECT d.order_id, f.minutes AS x FROM decisions d JOIN orders f ON f.order_id = d.order_id"
    with pytest.raises(InvalidData, match="'__known_0'"):
        features_until_today(tmp_path, sql, 10, more=early)
