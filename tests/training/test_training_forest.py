import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.training.forest import Forest, floor_float32

QUIET = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, "feature_pre_filter": False}


def train(matrix, truth, rounds=20, **settings):
    return lgb.train({**QUIET, **settings}, lgb.Dataset(matrix, truth, params=QUIET), num_boost_round=rounds)


@pytest.fixture(scope="module")
def matrix():
    random = np.random.default_rng(1)
    made = random.normal(size=(2000, 4)).astype(np.float32)
    made[:, 2] = made[:, 2] * 1e9 + 1.7e9
    made[random.random((2000, 4)) < 0.1] = np.nan
    made[:, 1] = np.nan_to_num(made[:, 1])  # never missing in training: NaN is then zero to LightGBM
    return made


@pytest.fixture(scope="module")
def truth(matrix):
    seen = np.nan_to_num(matrix)
    return seen[:, 0] + seen[:, 1] + (seen[:, 2] > 1.7e9) > 0.5


@pytest.fixture(scope="module", params=["plain", "extra_trees", "deep"])
def booster(request, matrix, truth):
    settings = {"plain": {}, "extra_trees": {"extra_trees": True}, "deep": {"num_leaves": 500, "min_data_in_leaf": 1}}
    return train(matrix, truth, **settings[request.param])


@pytest.mark.covers("L2")
def test_the_arrays_say_exactly_what_lightgbm_says_on_both_sides_of_every_threshold(booster, matrix):
    forest = Forest.read(booster, rounds=20)
    hard = np.concatenate([matrix, around_thresholds(forest), extremes()])
    assert np.abs(forest.evaluate(hard) - booster.predict(hard, raw_score=True)).max() < 1e-12


@given(
    rows=st.lists(st.tuples(*[st.floats(width=32, allow_nan=True, allow_infinity=True)] * 4), min_size=1, max_size=20)
)
def test_the_arrays_say_exactly_what_lightgbm_says_on_any_float(rows):
    booster, forest = _small()
    hard = np.array(rows, dtype=np.float32)
    assert np.abs(forest.evaluate(hard) - booster.predict(hard, raw_score=True)).max() < 1e-12


def test_a_tree_without_a_split_is_its_leaf(matrix):
    truth = np.arange(len(matrix)) % 2 == 0
    booster = train(np.zeros_like(matrix), truth, rounds=1)
    forest = Forest.read(booster, rounds=1)
    assert forest.feature.tolist() == [-1]
    assert np.allclose(forest.evaluate(matrix[:3]), booster.predict(matrix[:3], raw_score=True))


def test_only_the_rounds_asked_for_are_read(booster, matrix):
    forest = Forest.read(booster, rounds=7)
    assert len(forest.root) == 7
    assert np.allclose(forest.evaluate(matrix), booster.predict(matrix, raw_score=True, num_iteration=7))


def test_a_categorical_split_is_refused(truth):
    codes = np.random.default_rng(0).integers(0, 8, (len(truth), 1)).astype(np.float32)
    signal = codes[:, 0] % 2 == 0
    booster = lgb.train(QUIET, lgb.Dataset(codes, signal, categorical_feature=[0], params=QUIET), num_boost_round=2)
    with pytest.raises(ValueError, match="categorical"):
        Forest.read(booster, rounds=2)


@given(st.floats(allow_nan=False))
def test_a_floored_threshold_asks_the_same_question_of_every_float32(number):
    floored = floor_float32(np.array([number]))[0]
    assert float(floored) <= number
    with np.errstate(over="ignore"):
        above = np.nextafter(floored, np.float32(np.inf))
    assert float(above) > number or floored == np.float32(np.inf)


def around_thresholds(forest):
    """Rows that lie on each threshold, and on the next float32 to both sides of it."""
    asked = forest.feature >= 0
    feature, threshold = forest.feature[asked], forest.threshold[asked]
    rows = []
    for value in (
        threshold,
        np.nextafter(threshold, np.float32(-np.inf)),
        np.nextafter(threshold, np.float32(np.inf)),
    ):
        made = np.zeros((len(feature), 4), dtype=np.float32)
        made[np.arange(len(feature)), feature] = value
        rows.append(made)
    return np.concatenate(rows)


def extremes():
    values = np.array([np.nan, np.inf, -np.inf, 3.4e38, -3.4e38, 0.0, -0.0, 1e-40, -1e-40], dtype=np.float32)
    return np.repeat(values[:, None], 4, axis=1)


_MADE = []


def _small():
    if not _MADE:
        random = np.random.default_rng(2)
        matrix = random.normal(size=(500, 4)).astype(np.float32)
        matrix[::7, 0] = np.nan
        booster = train(matrix, np.nan_to_num(matrix).sum(axis=1) > 0)
        _MADE.append((booster, Forest.read(booster, rounds=20)))
    return _MADE[0]
