"""The frame: types that a model can take, rows by mask and by position, days as blocks."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from shipworthy.data.frame import INSTANT, FeatureFrame

START = datetime(2013, 1, 1, 23, 30, tzinfo=UTC)


def frame(rows: int = 4, **changes) -> FeatureFrame:
    times = pa.array([START + timedelta(minutes=20 * row) for row in range(rows)], INSTANT)
    parts = {
        "key": pa.array([f"k{row}" for row in range(rows)]),
        "event_time": times,
        "decision_time": times,
        "target": pa.array([None, *[row % 2 == 0 for row in range(1, rows)]], pa.bool_()),
        "features": pa.table({"size": pa.array(range(rows), pa.int64()), "name": ["x"] * rows}),
        "known_at": {"size": "known always"},
    }
    return FeatureFrame(**(parts | changes))


def test_blocks_are_days_in_utc_counted_from_1970():
    first = (START.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
    assert frame().block.tolist() == [first, first, first + 1, first + 1]


def test_rows_are_taken_by_mask_and_by_position_in_the_order_asked_for():
    whole = frame()
    assert whole.rows(np.array([True, False, False, True])).key.to_pylist() == ["k0", "k3"]
    assert whole.rows(np.array([2, 0])).features["size"].to_pylist() == [2, 0]
    assert len(whole.rows(np.array([], dtype=np.int64))) == 0


def test_a_mask_of_another_length_is_refused():
    with pytest.raises(ValueError, match="mask of shape"):
        frame().rows(np.array([True]))


def test_the_truth_is_there_only_once_every_target_is_known():
    whole = frame()
    assert whole.labelled.tolist() == [False, True, True, True]
    with pytest.raises(ValueError, match="1 of 4 targets are not known"):
        _ = whole.truth
    assert whole.rows(whole.labelled).truth.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": pa.table({"size": [1]})}, "rows"),
        ({"features": pa.table({"size": pa.array(range(4), pa.int32())}), "known_at": {}}, "'size' is int32"),
        ({"key": pa.array([1.0] * 4)}, "a key is string or int64"),
        ({"target": pa.array([1] * 4)}, "a target bool"),
        ({"event_time": pa.array([START.replace(tzinfo=None)] * 4)}, "times are"),
        ({"known_at": {"weight": "never"}}, "not there"),
    ],
)
def test_a_frame_of_another_shape_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        frame(**changes)


def test_names_are_the_features_in_order():
    assert frame().names == ("size", "name")
