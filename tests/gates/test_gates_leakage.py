"""Features that know the future are refused by name; honest ones are not."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from shipworthy.core.findings import Status
from shipworthy.gates.leakage import check_leakage
from shipworthy.gates.single_feature import code_features, single_auc
from shipworthy.stats.metrics import auc


def with_feature(evidence, name, make, *, seed=5):
    """The same evidence with one more column: ``make(truth, random)`` gives its values, None for null."""
    random = np.random.default_rng(seed)
    tables = [
        table.append_column(name, pa.array(make(scores.truth, random)))
        for table, scores in (
            (evidence.train_features, evidence.train),
            (evidence.valid_features, evidence.valid),
        )
    ]
    return replace(evidence, train_features=tables[0], valid_features=tables[1])


def dep_delay(truth, random):
    """Departure delay in minutes: late flights mostly left late."""
    return np.where(truth, random.gamma(4, 15, len(truth)), random.gamma(1.5, 6, len(truth))) - 5.0


def dep_time(truth, random):
    """Departure time: it tells nothing, but cancelled flights, a part of the late ones, have none."""
    cancelled = truth & (random.random(len(truth)) < 0.15)
    times = random.integers(500, 2200, len(truth)).astype(float)
    return [None if gone else float(time) for gone, time in zip(cancelled, times, strict=True)]


@pytest.mark.covers("V4", "V6")
def test_departure_delay_is_refused_by_name(evidence):
    single, _ = check_leakage(with_feature(evidence, "dep_delay", dep_delay))
    assert single.status is Status.FAILED
    assert single.measured > 0.9
    assert "dep_delay" in single.message
    assert "dep_delay" in single.remedy
    assert single.evidence["features"][0]["name"] == "dep_delay"


@pytest.mark.covers("V4", "V6")
def test_departure_time_looks_innocent_alone_and_its_nulls_give_it_away_by_name(evidence):
    single, slices = check_leakage(with_feature(evidence, "dep_time", dep_time))
    assert single.status is Status.PASSED
    assert slices.status is Status.FAILED
    assert "dep_time = null (always true" in slices.message
    assert slices.remedy.startswith("dep_time:")
    assert slices.evidence["rows"][0][:3] == ["dep_time", "null", 1]


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("status", lambda truth, random: np.where(truth & (random.random(len(truth)) < 0.3), "diverted", "planned")),
        ("on_time", lambda truth, random: ~truth & (random.random(len(truth)) < 0.3)),
        ("code", lambda truth, random: np.where(truth & (random.random(len(truth)) < 0.3), 9, 1)),
    ],
)
def test_a_value_of_any_type_with_a_certain_outcome_is_refused_by_name(evidence, name, make):
    _, slices = check_leakage(with_feature(evidence, name, make))
    assert slices.status is Status.FAILED
    assert slices.message.count(name) == 1


def test_honest_features_pass_and_the_best_is_named(evidence):
    single, slices = check_leakage(evidence)
    assert (single.status, slices.status) == (Status.PASSED, Status.PASSED)
    assert "wind" in single.message
    assert single.evidence["model"] == pytest.approx(auc(evidence.valid))
    assert single.evidence["features"][0]["name"] == "wind"


def mild(truth, random):
    return truth * 2.0 + random.normal(0, 1.5, len(truth))


def test_a_strong_feature_that_beats_the_model_without_it_is_refused_and_otherwise_looked_at(evidence):
    strong = with_feature(evidence, "mild", mild)
    asked = []

    def without(gives):
        def auc_without(name):
            asked.append(name)
            return gives

        return auc_without

    alone, _ = check_leakage(strong)
    beaten, _ = check_leakage(replace(strong, auc_without=without(0.7)))
    rivalled, _ = check_leakage(replace(strong, auc_without=without(0.99)))
    assert 0.8 < alone.measured < 0.9
    assert alone.status is Status.WARNED
    assert beaten.status is Status.FAILED
    assert "a model without it 0.700" in beaten.message
    assert rivalled.status is Status.WARNED
    assert asked[0] == "mild"
    assert len(asked) <= 6


def test_a_few_rows_or_a_few_days_with_a_certain_outcome_prove_nothing(evidence):
    few = np.zeros(len(evidence.train), dtype=bool)
    few[np.flatnonzero(evidence.train.truth)[:150]] = True
    storm = evidence.train.block < 4
    train = replace(evidence.train, truth=evidence.train.truth | storm)
    assert storm.sum() >= 200
    for name, mark in (("few", few), ("storm", storm)):
        values = pa.array(np.where(mark, "odd", "usual"))
        later = pa.array(["usual"] * len(evidence.valid))
        marked = replace(
            evidence,
            train=train,
            train_features=evidence.train_features.append_column(name, values),
            valid_features=evidence.valid_features.append_column(name, later),
        )
        assert check_leakage(marked)[1].status is Status.PASSED


def test_what_was_certain_in_training_and_not_later_is_chance(evidence):
    marked = replace(
        evidence,
        train_features=evidence.train_features.append_column("x", pa.array(np.where(evidence.train.truth, "a", "b"))),
        valid_features=evidence.valid_features.append_column("x", pa.array(["a", "b"] * (len(evidence.valid) // 2))),
    )
    assert check_leakage(marked)[1].status is Status.PASSED


def test_a_column_of_nothing_or_of_one_value_or_of_new_values_tells_nothing(evidence):
    odd = evidence
    for name, train, valid in (("empty", None, None), ("same", "x", "x"), ("new", "x", "y"), ("filled", None, "y")):
        odd = replace(
            odd,
            train_features=odd.train_features.append_column(name, pa.array([train] * len(odd.train), pa.string())),
            valid_features=odd.valid_features.append_column(name, pa.array([valid] * len(odd.valid), pa.string())),
        )
    empty = pa.nulls(len(odd.train), pa.float64()), pa.nulls(len(odd.valid), pa.float64())
    odd = replace(
        odd,
        train_features=odd.train_features.append_column("numbers", empty[0]),
        valid_features=odd.valid_features.append_column("numbers", empty[1]),
    )
    coded = {one.name: single_auc(one, odd.train, odd.valid) for one in code_features(odd)}
    assert all(coded[name] == 0.5 for name in ("empty", "same", "new", "filled", "numbers"))
    assert check_leakage(odd)[1].status is Status.PASSED


def test_an_identifier_with_a_value_a_row_does_not_shine(evidence):
    named = with_feature(evidence, "id", lambda truth, random: [f"f{i}" for i in random.permutation(len(truth))])
    coded = {one.name: single_auc(one, named.train, named.valid) for one in code_features(named)}
    assert abs(coded["id"] - 0.5) < 0.05
