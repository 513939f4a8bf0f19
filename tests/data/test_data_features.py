"""Building the frame: one row per decision in order, types that a model takes, outcomes as known by then."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from shipworthy.core.errors import InvalidData, InvalidFeatures, InvalidProject
from shipworthy.data.contract import Contract, Property
from shipworthy.data.features import build_features
from shipworthy.engines.duckdb import DuckDbEngine
from shipworthy.problem.goal import Bar, Goal, ValueMatrix
from shipworthy.problem.project import DataPlan, DecisionTime, Project, Serving, Source

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
INSTANT = pa.timestamp("us", tz="UTC")
ORDERS = pa.table(
    {
        "order_id": pa.array(["c", "a", "b", "d"]),
        "due_at": pa.array([NOON + timedelta(days=days) for days in (2, 0, 0, 5)], INSTANT),
        "Customer": pa.array(["x", "x", "y", "x"]),
        "items": pa.array([1, 2, 3, 4], pa.int32()),
        "price": pa.array([1.5, float("nan"), None, 4.0]),
        "gift": pa.array([True, False, None, True]),
        "delivered_at": pa.array([NOON + timedelta(days=3), NOON + timedelta(hours=5), None, None], INSTANT),
        "late": pa.array([True, False, True, False]),
    }
)
CONTRACT = Contract(
    id="orders",
    version="1.0.0",
    name="orders",
    properties=(Property(name="delivered_at", logical_type="timestamp", known_at="delivered_at"),),
)


def project(features="features.sql", *, key="order_id", target="late", moment="due_at", event_time="due_at"):
    return Project(
        name="orders",
        owner="me@example.com",
        goal=Goal(
            question="Will it be late?",
            decision="send two riders",
            why_ml="",
            target=target,
            value=ValueMatrix(true_positive=3, false_positive=-1, true_negative=0, false_negative=0),
            baseline="constant",
            good_enough=(Bar.parse("value_per_1000", ">= 1"),),
        ),
        data=DataPlan(
            sources={"orders": Source(name="orders", location="orders.parquet", contract="orders.odcs.yaml")},
            key=key,
            event_time=event_time,
            decision_time=DecisionTime(column=moment, offset=timedelta(hours=-1)),
            label_delay=timedelta(days=1),
            features=features,
        ),
        serving=Serving(endpoint="orders"),
    )


@pytest.fixture
def engine():
    made = DuckDbEngine(threads=1)
    made.attach_table("orders", ORDERS)
    yield made
    made.close()


@pytest.fixture
def build(engine, tmp_path):
    def made(sql=None, *, until=None, orders=None, **changes):
        if orders is not None:
            engine.attach_table("orders", orders)
        if sql is not None:
            (tmp_path / "features.sql").write_text(sql)
        declared = project("features.sql" if sql is not None else None, **changes)
        return build_features(declared, tmp_path, engine, {"orders": CONTRACT}, until=until)

    return made


def test_rows_come_by_event_time_and_then_by_key(build):
    frame = build("SELECT order_id, items FROM decisions")
    assert frame.key.to_pylist() == ["a", "b", "c", "d"]
    assert frame.features["items"].to_pylist() == [2, 3, 1, 4]
    assert frame.decision_time[0].as_py() == NOON - timedelta(hours=1)
    assert frame.target.to_pylist() == [False, True, True, False]


@pytest.mark.covers("D3")
def test_outcomes_that_were_not_known_at_until_are_null_and_later_events_are_left_out(build):
    frame = build("SELECT order_id, items FROM decisions", until=NOON + timedelta(days=2, hours=1))
    assert frame.key.to_pylist() == ["a", "b", "c"]
    assert frame.target.to_pylist() == [False, True, None]


def test_types_become_the_four_that_a_model_takes(build):
    frame = build(
        """SELECT order_id, items, price, gift, customer, price::DECIMAL(9, 2) AS money, items::UTINYINT AS few,
            sum(items) OVER () AS huge, NULL AS nothing, customer::ENUM('x', 'y') AS kind FROM decisions
            WHERE price IS NULL OR NOT isnan(price) OR true""".replace("price::DECIMAL(9, 2)", "2.50::DECIMAL(9, 2)")
    )
    types = {field.name: str(field.type) for field in frame.features.schema}
    assert types == {
        "items": "int64", "price": "double", "gift": "bool", "customer": "string", "money": "double", "few": "int64",
        "huge": "double", "nothing": "double", "kind": "string",
    }  # fmt: skip
    assert frame.features["price"].to_pylist() == [None, None, 1.5, 4.0]


def test_each_feature_says_why_it_may_be_known(build):
    frame = build(
        """SELECT d.order_id, d.items, count(o.delivered_at) AS delivered
        FROM decisions d LEFT JOIN orders o ON o.customer = d.customer AND o.due_at < d.due_at GROUP BY ALL"""
    )
    assert frame.features["delivered"].to_pylist() == [0, 0, 1, 2]
    assert frame.known_at == {
        "items": "known always",
        "delivered": "as known at decision time: orders.delivered_at (known at delivered_at)",
    }


@pytest.mark.covers("D11")
def test_without_a_features_file_the_columns_known_always_are_the_features(build):
    assert build().names == ("customer", "items", "price", "gift")


@pytest.mark.covers("D3", "D11")
def test_a_late_value_that_no_decision_time_was_held_against_is_refused_by_name(build):
    with pytest.raises(InvalidFeatures, match=r"feature 'gone' uses orders.delivered_at, which is known at") as caught:
        build("SELECT order_id, epoch(delivered_at) AS gone FROM orders")
    assert caught.value.facts["feature"] == "gone"
    assert "join decisions AS d" in caught.value.remedy


@pytest.mark.covers("D3", "D11")
def test_the_outcome_of_the_decisions_own_row_is_refused_even_by_a_join(build):
    with pytest.raises(InvalidFeatures, match=r"feature 'late' is null for every decision: orders.late is known at"):
        build("SELECT d.order_id, o.late FROM decisions d JOIN orders o USING (order_id)")


@pytest.mark.parametrize(
    ("sql", "match"),
    [
        ("SELECT items FROM decisions", "has no column 'order_id'"),
        ("SELECT order_id FROM decisions", "no feature beside the key"),
        ("SELECT order_id, due_at FROM decisions", "feature 'due_at' is timestamp"),
        ("SELECT order_id, [items] AS list FROM decisions", "feature 'list' is list"),
        ("SELECT order_id, items / 0.0 AS share FROM decisions", "feature 'share' is infinite for 4 decisions"),
        ("SELECT order_id, items FROM decisions WHERE items > 1", "1 of 4 decisions are missing, the first is 'c'"),
        ("SELECT d.order_id, o.items FROM decisions d JOIN orders o USING (customer)", "'.' comes out 3 times"),
        ("SELECT order_id, items + customer AS x FROM decisions", "features.sql|cannot run|Conversion"),
    ],
)
def test_an_output_that_is_no_frame_is_refused_by_name(build, sql, match):
    with pytest.raises((InvalidFeatures, InvalidData), match=match):
        build(sql)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"key": "order"}, r"data.key: 'order' is no column of source 'orders'\n.*order_id"),
        ({"target": "lat"}, r"goal.target: 'lat' is no column of source 'orders'\n.*'late'"),
        ({"event_time": "delivered_at"}, "data.event_time: 'delivered_at' is known only at"),
        ({"moment": "delivered_at"}, "data.decision_time: 'delivered_at' is known only at"),
        ({"key": "price"}, "data.key: the column is double"),
    ],
)
def test_columns_that_the_project_names_wrongly_are_refused(build, changes, match):
    with pytest.raises(InvalidProject, match=match):
        build("SELECT *, order_id, price FROM decisions".replace("*, ", "items, "), **changes)


@pytest.mark.parametrize("odd", [2.0, float("nan"), 0.5])
def test_a_target_that_is_neither_true_nor_false_is_refused_with_the_first_such_row(build, odd):
    orders = ORDERS.set_column(7, "late", pa.array([1.0, 0.0, odd, None]))
    with pytest.raises(InvalidData, match=r"target 'late': 1 values are neither true nor false .* 'b'"):
        build("SELECT order_id, items FROM decisions", orders=orders)


def test_a_target_of_ones_and_zeros_is_true_or_false_and_null_is_not_known(build):
    orders = ORDERS.set_column(7, "late", pa.array([1, 0, 1, None]))
    frame = build("SELECT order_id, items FROM decisions", orders=orders)
    assert frame.target.to_pylist() == [False, True, True, None]


def test_a_decision_without_a_time_is_refused(build):
    orders = ORDERS.set_column(1, "due_at", pa.array([NOON, None, NOON, NOON], INSTANT))
    with pytest.raises(InvalidData, match="1 decisions have no key, event time or decision time"):
        build("SELECT order_id, items FROM decisions", orders=orders)


def test_an_empty_source_and_an_until_before_everything_are_refused(build):
    with pytest.raises(InvalidData, match="has no decision before 2020"):
        build("SELECT order_id, items FROM decisions", until=datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(InvalidData, match="source 'orders' has no decision"):
        build("SELECT order_id, items FROM decisions", orders=ORDERS.slice(0, 0))


def test_a_features_file_that_is_not_there_or_no_text_is_refused(build, engine, tmp_path):
    with pytest.raises(InvalidFeatures, match=r"'features.sql' cannot be read"):
        build_features(project(), tmp_path, engine, {}, until=None)
    (tmp_path / "features.sql").write_bytes(b"SELECT \xff")
    with pytest.raises(InvalidFeatures, match=r"'features.sql' cannot be read"):
        build_features(project(), tmp_path, engine, {}, until=None)


def test_a_key_that_repeats_is_refused(build):
    orders = ORDERS.set_column(0, "order_id", pa.array(["a", "a", "b", "c"]))
    with pytest.raises(InvalidFeatures, match="decision 'a' comes out 4 times"):
        build("SELECT order_id, items FROM decisions", orders=orders)
