"""Counts, distances, quantiles and rates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.stats.histogram import count_in, equal_frequency_edges, even_edges, jensen_shannon, psi
from shipworthy.stats.intervals import wilson_interval
from shipworthy.stats.quantiles import quantiles

numbers = st.lists(st.one_of(st.floats(-1e9, 1e9), st.just(float("nan"))), min_size=1, max_size=60)
counts = st.lists(st.integers(0, 1000), min_size=2, max_size=12).filter(any).map(np.array)


@given(numbers, st.integers(1, 20))
def test_every_known_value_is_counted_once_also_beyond_the_edges(values, bins):
    column = np.array(values)
    if np.isnan(column).all():
        with pytest.raises(ValueError, match="no value is known"):
            equal_frequency_edges(column, bins)
        return
    edges = equal_frequency_edges(column, bins)
    assert count_in(column * 3, edges).sum() == np.sum(~np.isnan(column))
    assert 1 <= len(edges) - 1 <= bins


def test_equal_frequency_bins_hold_equal_shares_and_see_past_an_outlier():
    values = np.append(np.random.default_rng(0).normal(size=9_999), 1e12)
    counted = count_in(values, equal_frequency_edges(values, 20))
    assert counted.min() > 400
    assert counted.max() < 600


def test_a_value_on_an_edge_belongs_to_the_bin_above_and_the_last_edge_to_the_last_bin():
    assert count_in(np.array([0.0, 0.5, 1.0]), even_edges(2)).tolist() == [1, 2]


@given(counts)
def test_equal_counts_have_no_distance_and_all_distances_keep_their_bounds(one):
    assert psi(one, one) == pytest.approx(0)
    assert jensen_shannon(one, one) == pytest.approx(0, abs=1e-7)
    other = one[::-1].copy()
    assert psi(one, other) >= 0
    assert 0 <= jensen_shannon(one, other) <= 1
    assert jensen_shannon(one, other) == pytest.approx(jensen_shannon(other, one))


def test_counts_that_share_no_bin_are_as_far_apart_as_can_be():
    assert jensen_shannon(np.array([5, 0]), np.array([0, 7])) == pytest.approx(1)


def test_counts_on_other_edges_or_without_rows_are_an_error():
    with pytest.raises(ValueError, match="share edges"):
        psi(np.array([1, 2]), np.array([1, 2, 3]))
    with pytest.raises(ValueError, match="at least one row"):
        jensen_shannon(np.array([1, 2]), np.array([0, 0]))


@given(st.lists(st.integers(-1000, 1000), min_size=1), st.floats(0, 1))
def test_a_quantile_is_a_measured_value_that_the_right_share_does_not_exceed(values, level):
    (found,) = quantiles(np.array(values), (level,))
    assert found in values
    assert np.mean(np.array(values) <= found) >= level - 1e-12


def test_no_values_have_no_quantiles():
    assert all(np.isnan(value) for value in quantiles(np.zeros(0), (0.5, 0.99)))


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_the_interval_holds_the_rate_and_stays_a_fraction(count, confidence):
    hits, trials = count
    low, high = wilson_interval(hits, trials, confidence=confidence)
    assert 0 <= low <= hits / trials <= high <= 1


def test_impossible_counts_are_an_error():
    with pytest.raises(ValueError, match="out of range"):
        wilson_interval(3, 2)
