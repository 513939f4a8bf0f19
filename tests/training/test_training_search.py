from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from shipworthy.core.clock import ManualClock
from shipworthy.core.errors import InvalidData, Refused
from shipworthy.packaging.baseline import RateTable
from shipworthy.stats.metrics import auc
from shipworthy.training.baseline import fit_baseline
from shipworthy.training.boosted import Boosted
from shipworthy.training.linear import Linear
from shipworthy.training.search import search

NOW = datetime(2013, 10, 1, tzinfo=UTC)
SMALL = (Linear(), Boosted(name="boosted", limit=60, threads=1, settings={"num_leaves": 7}))
METRICS = {"auc", "log_loss", "calibration_error", "value_per_1000", "uplift_per_1000"}
RULE = partial(fit_baseline, "rate: carrier", folder=Path())


class RunningClock(ManualClock):
    """A clock that a look at it moves on by a second."""

    def now(self):
        self.advance(timedelta(seconds=1))
        return super().now()


@pytest.fixture(scope="module")
def found(frame, project_of):
    return search(frame, project_of(), baseline=RULE, clock=ManualClock(NOW), portfolio=SMALL)


@pytest.mark.covers("T3", "T4", "P6")
def test_every_candidate_is_judged_beside_the_baseline_with_intervals(found):
    assert {one.name for one in found.candidates} == {"baseline", "linear", "boosted"}
    for one in found.candidates:
        assert set(one.metrics) == METRICS
        assert all(interval.low <= interval.estimate <= interval.high for interval in one.metrics.values())
        assert one.metrics["auc"].blocks == 30
        assert one.latency_us > 0 < one.size_bytes
        assert len(one.valid) == len(found.validation.valid)
        assert len(one.train) == len(found.validation.train)


def test_candidates_are_ranked_by_value_and_the_baseline_has_no_uplift(found):
    values = [one.metrics["value_per_1000"].estimate for one in found.candidates]
    assert values == sorted(values, reverse=True)
    baseline = next(one for one in found.candidates if one.kind == "baseline")
    assert baseline.metrics["uplift_per_1000"].estimate == 0
    best = found.candidates[0]
    difference = best.metrics["value_per_1000"].estimate - baseline.metrics["value_per_1000"].estimate
    assert best.metrics["uplift_per_1000"].estimate == pytest.approx(difference)


def test_the_proposal_learned_something_and_the_sentence_names_it(found):
    assert found.proposal.kind != "baseline"
    assert found.proposal.metrics["auc"].low > 0.7
    assert found.sentence.startswith(f"{found.proposal.name} is proposed")
    assert "USD per 1,000 flights" in found.sentence


def test_the_refit_uses_all_rows_and_more_rounds(frame, project_of):
    portfolio = (Boosted(name="boosted", limit=60, threads=1),)
    found = search(frame, project_of(), baseline=RULE, clock=ManualClock(NOW), portfolio=portfolio)
    candidate = next(one for one in found.candidates if one.name == "boosted")
    fitted = candidate.refit()
    assert fitted.model.rounds > candidate.parameters["rounds"]
    assert fitted.predict(frame).shape == (len(frame),)
    assert [one.name for one in fitted.signature.inputs] == list(frame.names)


@pytest.mark.covers("T12")
def test_a_search_is_repeatable_while_the_budget_is_not_the_limit(found, frame, project_of):
    again = search(frame, project_of(), baseline=RULE, clock=ManualClock(NOW), portfolio=SMALL)
    assert again.sentence == found.sentence
    for one, other in zip(found.candidates, again.candidates, strict=True):
        assert np.array_equal(one.valid.probability, other.valid.probability)
        assert one.metrics == other.metrics
    assert again.proposal.refit().model_onnx == found.proposal.refit().model_onnx


def test_the_baseline_is_fitted_on_the_rows_that_train_alone(frame, project_of):
    given = []

    def fit(rows):
        given.append(len(rows))
        return RateTable(keys=(), rates={}, default=0.3)

    found = search(frame, project_of(), baseline=fit, clock=ManualClock(NOW), portfolio=SMALL[:1])
    assert given == [len(found.validation.train)]


def test_a_spent_budget_still_gives_one_model(frame, project_of):
    portfolio = [Boosted(name=f"b{index}", limit=200, threads=1) for index in range(4)]
    project = project_of(budget_s=5.0)
    found = search(frame, project, baseline=RULE, clock=RunningClock(NOW), portfolio=portfolio)
    assert {"baseline", "b0"} <= {one.name for one in found.candidates}
    assert len(found.candidates) < 5
    stopped = [one.parameters["stopped_by"] for one in found.candidates if one.kind == "lightgbm"]
    assert set(stopped) == {"budget"}


def test_many_rows_are_tried_in_parts_first(frame_of, project_of):
    large = frame_of(rows=60_000, days=100)
    portfolio = [Boosted(name=f"leaves-{n}", limit=20, threads=1, settings={"num_leaves": n}) for n in (2, 4, 8, 16, 3)]
    heard = []

    def progress(message, *, done=None):
        heard.append((message, done))

    found = search(
        large, project_of(), baseline=RULE, clock=ManualClock(NOW), portfolio=[Linear(), *portfolio], progress=progress
    )
    assert len(found.trials) == 5
    assert {one.rows for one in found.trials} == {len(found.validation.train) // 4}
    assert len(found.candidates) == 1 + 1 + 3
    assert heard[0][0].startswith("try leaves-2 on 1")
    shares = [done for _, done in heard]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.covers("T7")
def test_a_portfolio_may_be_injected_and_an_overfit_model_shows_its_gap(frame, project_of):
    huge = Boosted(
        name="huge",
        settings={"num_leaves": 1000, "min_child_samples": 1, "min_child_weight": 0},
        limit=100,
        patience=None,
        threads=1,
    )
    found = search(frame, project_of(), baseline=RULE, clock=ManualClock(NOW), portfolio=[huge])
    candidate = next(one for one in found.candidates if one.name == "huge")
    assert auc(candidate.train) > 0.999
    assert auc(candidate.valid) < 0.95


def test_where_no_model_beats_the_baseline_it_is_proposed_and_cannot_be_refitted(frame_of, project_of):
    noise = frame_of(signal=0.0, seed=4)
    found = search(noise, project_of(), baseline=RULE, clock=ManualClock(NOW), portfolio=SMALL)
    assert found.proposal.kind == "baseline"
    assert found.sentence.startswith("No model is proposed")
    with pytest.raises(Refused, match="no model earns more"):
        found.proposal.refit()


def test_a_target_that_is_always_the_same_is_refused(frame, built, project_of):
    never = built(frame.features, np.zeros(len(frame), dtype=bool), np.arange(len(frame)) * 3_000_000_000)
    with pytest.raises(InvalidData, match="false on all"):
        search(never, project_of(), baseline=RULE, clock=ManualClock(NOW), portfolio=SMALL)
