import numpy as np
import pytest

from shipworthy.training.boosted import Boosted
from shipworthy.training.encode import fit_encoding
from shipworthy.training.learner import encode_rows


@pytest.fixture(scope="module")
def rows(frame):
    return encode_rows(fit_encoding(frame), frame)


def halves(rows):
    half = len(rows) // 2
    return rows.take(np.arange(half)), rows.take(np.arange(half, len(rows)))


def always():
    return True


def test_a_fit_ends_when_validation_gets_no_better_and_keeps_the_best_round(rows):
    train, valid = halves(rows)
    model = Boosted(name="b", patience=5, threads=1).fit(train, valid=valid, rounds=None, go_on=always)
    assert model.effort["stopped_by"] == "patience"
    assert model.booster.current_iteration() == model.rounds + 5


def test_a_fit_ends_when_its_time_is_over_and_is_still_a_model(rows):
    train, valid = halves(rows)
    model = Boosted(name="b", threads=1).fit(train, valid=valid, rounds=None, go_on=lambda: False)
    assert model.effort == {"rounds": 1, "stopped_by": "budget"}
    assert model.probability(valid.matrix).shape == (len(valid),)


def test_without_validation_rows_all_rounds_count(rows):
    model = Boosted(name="b", threads=1).fit(rows, valid=None, rounds=12, go_on=always)
    assert model.rounds == 12


@pytest.mark.covers("T12")
def test_the_number_of_threads_does_not_change_the_model(rows):
    one, two = (Boosted(name="b", limit=30, threads=threads) for threads in (1, 2))
    said = [learner.fit(rows, valid=None, rounds=None, go_on=always).probability(rows.matrix) for learner in (one, two)]
    assert np.array_equal(*said)


def test_everything_that_was_set_is_told(rows):
    learner = Boosted(name="b", settings={"num_leaves": 7}, seed=3)
    assert learner.parameters["num_leaves"] == 7
    assert learner.parameters["seed"] == 3
    assert learner.parameters["objective"] == "binary"
