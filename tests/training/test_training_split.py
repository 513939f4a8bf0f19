from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.core.errors import InvalidData
from shipworthy.training.split import split_days_at_random, split_forward

DAY_US = 86_400_000_000
YEAR = st.lists(st.integers(0, 300 * DAY_US), min_size=2, max_size=200)


def frame_at(built, instants):
    features = pa.table({"x": pa.array(np.zeros(len(instants)))})
    return built(features, np.zeros(len(instants), dtype=bool), np.array(instants, dtype=np.int64))


@pytest.mark.covers("T6")
@given(instants=YEAR, hours=st.integers(0, 72), least=st.integers(1, 40), share=st.floats(0.05, 0.5))
def test_no_row_is_lost_and_none_trains_whose_target_was_open_when_validation_begins(
    built, instants, hours, least, share
):
    frame = frame_at(built, instants)
    gap = timedelta(hours=hours)
    try:
        split = split_forward(frame, label_delay=gap, share=share, least_blocks=least)
    except InvalidData:
        return
    everything = np.concatenate([split.train, split.valid, split.gap])
    assert sorted(everything.tolist()) == list(range(len(instants)))
    at = np.array(instants)
    first = at[split.valid].min()
    assert (at[split.train] <= first - hours * 3600 * 10**6).all()
    assert (at[split.train] // DAY_US < first // DAY_US).all()
    assert (at[split.gap] < first).all()


@given(instants=YEAR, order=st.randoms())
def test_the_order_of_the_rows_does_not_matter(built, instants, order):
    mixed = list(instants)
    order.shuffle(mixed)
    try:
        first, second = (split_forward(frame_at(built, one), label_delay=timedelta(0)) for one in (instants, mixed))
    except InvalidData:
        return
    assert sorted(np.array(instants)[first.valid].tolist()) == sorted(np.array(mixed)[second.valid].tolist())


@pytest.mark.parametrize(("days", "expected"), [(600, 60), (273, 30), (60, 30), (40, 20), (2, 1)])
def test_validation_is_the_last_tenth_but_thirty_days_where_half_of_the_days_can_give_them(built, days, expected):
    split = split_forward(frame_at(built, np.arange(days) * DAY_US), label_delay=timedelta(0))
    assert len(split.valid) == expected
    assert len(split.train) == days - expected


def test_days_without_rows_are_no_blocks(built):
    days = np.concatenate([np.arange(100), [150], np.arange(260, 273)])
    split = split_forward(frame_at(built, days * DAY_US), label_delay=timedelta(0))
    assert len(split.valid) == 30


def test_one_day_is_refused(built):
    with pytest.raises(InvalidData, match="1 day"):
        split_forward(frame_at(built, [5, 6, 7]), label_delay=timedelta(0))


def test_a_label_delay_as_long_as_the_history_is_refused(built):
    with pytest.raises(InvalidData, match="no row is left to train on") as caught:
        split_forward(frame_at(built, np.arange(100) * DAY_US), label_delay=timedelta(days=99))
    assert caught.value.facts["field"] == "data.label_delay"


@given(instants=YEAR, share=st.floats(0.05, 0.95), seed=st.integers(0, 9))
def test_days_at_random_lose_no_row_and_share_no_day(built, instants, share, seed):
    try:
        split = split_days_at_random(frame_at(built, instants), share=share, seed=seed)
    except InvalidData:
        assert len({one // DAY_US for one in instants}) < 2
        return
    day = np.array(instants) // DAY_US
    assert sorted([*split.train, *split.valid]) == list(range(len(instants)))
    assert not set(day[split.train]) & set(day[split.valid])
    assert len(split.train) > 0 < len(split.valid)


def test_a_split_tells_its_periods(built):
    frame = frame_at(built, np.arange(100) * DAY_US)
    told = split_forward(frame, label_delay=timedelta(days=2)).to_json(frame)
    assert told == {
        "from": "1970-03-12T00:00:00+00:00",
        "to": "1970-04-10T00:00:00+00:00",
        "rows": 30,
        "blocks": 30,
        "train_from": "1970-01-01T00:00:00+00:00",
        "train_to": "1970-03-10T00:00:00+00:00",
        "train_rows": 69,
        "gap_rows": 1,
    }
