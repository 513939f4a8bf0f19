import itertools
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving_workspace import BASELINE, COLUMNS

from shipworthy.core.errors import InvalidConfig, InvalidRequest
from shipworthy.serving.entries import encode_exchange
from shipworthy.serving.exchange import Asked, Dialect, Exchange, Failure, Origin, Run
from shipworthy.serving.fallback import Fallback
from shipworthy.serving.feedback import decode_feedback
from shipworthy.serving.limits import Limits, parse_limits
from shipworthy.serving.metrics import BOUNDS_S, Metrics, read_series, render
from shipworthy.serving.router import Router
from shipworthy.serving.tensors import Packer, Rows
from shipworthy.stores.records import Record, decode_entry

values = st.tuples(
    st.floats(-(2.0**100), 2.0**100, width=32), st.none() | st.integers(-9, 9), st.booleans(), st.none() | st.text()
)


@given(st.lists(st.lists(values, min_size=1, max_size=4), min_size=1, max_size=6))
def test_rows_in_are_rows_out_however_they_are_gathered(requests):
    packer = Packer(COLUMNS)
    batch = [Rows(len(rows), [list(column) for column in zip(*rows, strict=True)]) for rows in requests]
    together = packer.pack(batch)
    alone = [packer.pack([rows]) for rows in batch]
    for tensor, array in together.items():
        parts = np.concatenate([one[tensor] for one in alone])
        assert array.dtype == parts.dtype
        if array.dtype == object:
            assert array.tolist() == parts.tolist()
        else:
            np.testing.assert_array_equal(array, parts)
    flat = [row for rows in requests for row in rows]
    assert together["categories"].ravel().tolist() == [row[3] or "" for row in flat]
    hours = np.array([row[0] for row in flat], np.float32)
    np.testing.assert_array_equal(together["numbers"][:, 0], hours)


@given(st.text(), st.text(), st.floats(0.01, 0.99))
@pytest.mark.covers("S10")
def test_the_same_key_always_meets_the_same_variant(key, salt, weight):
    assert Router((weight, 1 - weight), salt).choose(key) == Router((weight, 1 - weight), salt).choose(key)


def test_traffic_follows_the_weights_and_only_the_border_moves():
    keys = [str(index) for index in range(20_000)]
    before, after = Router((0.99, 0.01, 0), "s"), Router((0.9, 0.1, 0), "s")
    shares = [sum(after.choose(key) == variant for key in keys) / len(keys) for variant in (0, 1, 2)]
    assert shares[1] == pytest.approx(0.1, abs=4 * math.sqrt(0.1 * 0.9 / len(keys)))
    assert shares[2] == 0
    assert all(after.choose(key) == 1 for key in keys if before.choose(key) == 1)


def test_the_fallback_says_the_baseline_and_decides_by_the_goal():
    fallback = Fallback(BASELINE, COLUMNS, threshold=0.25)
    rows = Rows(3, [[1, 2, 3], [1, 2, 3], [True] * 3, ["UA", "AA", None]])
    assert fallback.answer(rows) == [[0.125, 0.75, 0.5], [False, True, True]]


@given(
    st.builds(
        dict,
        request_id=st.text(max_size=20),
        body=st.binary(max_size=50),
        status=st.integers(200, 599),
        outcome=st.sampled_from(["ok", "fallback", "invalid", "error", "rejected", "timeout"]),
        probability=st.lists(st.floats(0, 1), max_size=3),
        message=st.text(st.characters(), max_size=20) | st.just("x" * 5_000) | st.just("\ud800"),
        known=st.booleans(),
    )
)
def test_the_quick_record_is_the_record(drawn):
    exchange = Exchange(None, Asked("/invocations", Dialect.MLFLOW, "flights"), drawn["body"], {}, 5_000_000)
    exchange.request_id = drawn["request_id"]
    exchange.status = drawn["status"]
    exchange.outcome = drawn["outcome"]
    exchange.failure = Failure(kind="E", message=drawn["message"], stack_digest="d")
    exchange.run, exchange.fallback = Run(6_000_000, 2_000_000), "contract"
    if drawn["known"]:
        exchange.origin = Origin(
            endpoint="flights",
            variant="champion",
            package="ab",
            plan=3,
            outputs=("probability", "decision"),
            lines=b"",
            opening=b"",
        )
        exchange.rows = Rows(len(drawn["probability"]), [])
        exchange.outputs = [drawn["probability"], [True] * len(drawn["probability"])]
    message = drawn["message"].encode("utf-8", "backslashreplace").decode()
    assert decode_entry(encode_exchange(exchange, 9_000_000, 1_000)) == Record(
        request_id=drawn["request_id"],
        at_ns=5_001_000,
        received_ns=5_001_000,
        endpoint="flights",
        variant="champion" if drawn["known"] else "",
        package="ab" if drawn["known"] else "",
        plan=3 if drawn["known"] else 0,
        route="/invocations",
        protocol="mlflow",
        status=drawn["status"],
        outcome=drawn["outcome"],
        rows=len(drawn["probability"]) if drawn["known"] else 0,
        input=drawn["body"],
        content_type="application/json",
        probability=drawn["probability"] if drawn["known"] else [],
        decision=[True] * len(drawn["probability"]) if drawn["known"] else [],
        error_type="E",
        error_message=message[:2_000],
        stack_digest="d",
        queue_us=1_000,
        run_us=2_000,
        total_us=4_000,
        fallback_reason="contract",
        truncated=len(message) > 2_000,
    )


def test_outputs_of_other_names_are_kept_as_json():
    exchange = Exchange(None, Asked("/", Dialect.OIP, "e"), b"", {}, 0)
    exchange.origin = Origin(endpoint="e", variant="v", package="p", plan=1, outputs=("mean",), lines=b"", opening=b"")
    exchange.outputs = [[1.5, 2.5]]
    assert decode_entry(encode_exchange(exchange, 0, 0)).outputs == b'{"mean":[1.5,2.5]}'


def test_feedback_is_taken_one_by_one_or_in_batches():
    one = b'{"request_id":"a","outcome":true,"row":2,"observed_at":"2013-10-01T12:00:00Z","feedback_id":"f"}'
    (statement,) = decode_feedback(one, received_ns=1_400_000_000 * 10**9, now_ns=9)
    assert (statement.request_id, statement.row, statement.outcome, statement.feedback_id) == ("a", 2, True, "f")
    assert (statement.observed_ns, statement.received_ns) == (1_380_628_800 * 10**9, 1_400_000_000 * 10**9)
    (other,) = decode_feedback(b'{"feedback":[{"request_id":"a","outcome":0}]}', received_ns=7, now_ns=9)
    assert (other.outcome, other.observed_ns) == (0, 9)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"request_id":"a"}',
        b'{"request_id":"","outcome":true}',
        b'{"request_id":"a","outcome":"yes"}',
        b'{"request_id":"a","outcome":NaN}',
        b'{"request_id":"a","outcome":7}',
        b'{"request_id":"a","outcome":0.5}',
        b'{"request_id":"a","outcome":true,"row":-1}',
        b'{"request_id":"a","outcome":true,"observed_at":"yesterday"}',
        b'{"request_id":"a","outcome":true,"more":1}',
        b'{"feedback":[]}',
        b'{"feedback":[{"request_id":"a","outcome":true},{"request_id":"a"}]}',
    ],
)
def test_wrong_feedback_is_refused_whole(body):
    with pytest.raises(InvalidRequest):
        decode_feedback(body, received_ns=0, now_ns=0)


def test_limits_are_read_from_texts_and_unknown_ones_refused():
    assert parse_limits(("rows=5", "request_s=0.5")) == Limits(rows=5, request_s=0.5)
    for wrong in ("row=5", "rows=x", "rows=0", "request_s=nan", "record_share=2"):
        with pytest.raises(InvalidConfig):
            parse_limits((wrong,))


def test_metrics_of_all_workers_are_summed_and_survive_their_worker(tmp_path):
    for worker in (0, 1):
        metrics = Metrics(tmp_path / f"{worker}.metrics")
        metrics.counter("shipworthy_feedback_total").add(2)
        metrics.largest("shipworthy_plan_number", endpoint="a").set(worker)
        metrics.histogram("shipworthy_queue_delay_seconds").observe([0.0001, 0.3, 20.0])
        metrics.flush()
    again = Metrics(tmp_path / "1.metrics")
    again.counter("shipworthy_feedback_total").add()
    text = render(read_series(tmp_path))
    assert "shipworthy_feedback_total 5\n" in text
    assert 'shipworthy_plan_number{endpoint="a"} 1\n' in text
    assert 'shipworthy_queue_delay_seconds_bucket{le="0.0005"} 2\n' in text
    assert 'shipworthy_queue_delay_seconds_bucket{le="0.5"} 4\n' in text
    assert "shipworthy_queue_delay_seconds_count 6\n" in text


@given(st.lists(st.lists(st.floats(0, 30), max_size=700), max_size=4))
def test_every_duration_is_counted_once_between_its_bounds(groups):
    with tempfile.TemporaryDirectory() as folder:
        metrics = Metrics(Path(folder) / "0.metrics")
        histogram = metrics.histogram("seconds")
        for group in groups:
            histogram.observe(group)
        metrics.flush()
        (doubles,) = read_series(Path(folder)).values()
    seconds = [one for group in groups for one in group]
    edges = (-1.0, *BOUNDS_S, math.inf)
    expected = [sum(low < one <= high for one in seconds) for low, high in itertools.pairwise(edges)]
    assert doubles[: len(expected)] == expected
    assert doubles[-1] == pytest.approx(sum(seconds))


def test_a_label_cannot_break_out_of_its_line(tmp_path):
    metrics = Metrics(tmp_path / "0.metrics")
    metrics.counter("c", endpoint='a"}\n# x\\').add()
    assert render(read_series(tmp_path)).splitlines()[-1] == 'c{endpoint="a\\"}\\n# x\\\\"} 1'


def test_more_series_than_the_table_holds_are_no_failure(tmp_path):
    metrics = Metrics(tmp_path / "0.metrics")
    for index in range(1_100):
        metrics.counter("c", endpoint=str(index)).add()
    assert len(read_series(tmp_path)) == 1_023
