import numpy as np
import pytest

from shipworthy.stats.scores import Scores
from shipworthy.training.candidate import Candidate, measure
from shipworthy.training.choice import propose

TRUTH = np.tile([True, False, False, False], 250)
BLOCK = np.repeat(np.arange(50), 20)


def candidate(name, right, *, size, kind="lightgbm", project_of=None, seed=0):
    """One that is right on a share of the rows and wrong on the others."""
    mistaken = np.random.default_rng(seed).random(len(TRUTH)) >= right
    said = np.where(TRUTH ^ mistaken, 0.9, 0.1)
    scores = Scores(truth=TRUTH, probability=said, block=BLOCK)
    return Candidate(
        name=name,
        kind=kind,
        parameters={},
        valid=scores,
        train=scores,
        metrics=measure(project_of().goal, scores, scores),
        latency_us=1.0,
        size_bytes=size,
        seconds=0.0,
        maker=lambda: None,
    )


@pytest.fixture
def made(project_of):
    def make(name, right, **facts):
        return candidate(name, right, project_of=project_of, **facts)

    return make


@pytest.mark.covers("P14", "T4")
def test_the_smallest_within_one_standard_error_of_the_best_is_proposed(made, project_of):
    best, near, far = made("best", 0.9, size=900), made("near", 0.899, size=500), made("far", 0.5, size=10)
    chosen, sentence = propose([best, near, far], project_of().goal)
    assert chosen is near
    assert sentence.startswith("near is proposed: it is the smallest of 2 candidates")
    assert "best at 56% of its size" in sentence


def test_the_best_is_proposed_where_nothing_smaller_comes_near(made, project_of):
    best, far = made("best", 0.9, size=900), made("far", 0.5, size=10)
    chosen, sentence = propose([far, best], project_of().goal)
    assert chosen is best
    assert "no other candidate comes within one standard error" in sentence


def test_larger_rivals_change_nothing(made, project_of):
    best, larger = made("best", 0.9, size=900), made("larger", 0.9, size=1000)
    chosen, sentence = propose([larger, best], project_of().goal)
    assert chosen is best
    assert "one larger comes within one standard error" in sentence


def test_the_order_of_the_candidates_does_not_matter(made, project_of):
    all_three = [made("a", 0.9, size=900), made("b", 0.9, size=900), made("c", 0.89, size=800, seed=3)]
    assert propose(all_three, project_of().goal) == propose(all_three[::-1], project_of().goal)


@pytest.mark.covers("P1")
def test_the_baseline_is_proposed_where_no_model_earns_more(made, project_of):
    baseline, model = made("baseline", 0.8, size=0, kind="baseline"), made("model", 0.8, size=900)
    chosen, sentence = propose([model, baseline], project_of().goal)
    assert chosen is baseline
    assert sentence.startswith("No model is proposed")
