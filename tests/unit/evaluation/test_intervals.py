"""Intervals of one method, against scipy, loops and simulation."""

import numpy as np
import pytest
import scipy.stats

from core.evaluation.intervals import percentile_interval, single_interval, wilson
from core.evaluation.variance import RunDraws, TrainingVariance, draw_variance
from tests.contrasts import N, draw_runs, exactly, runs


def test_single_interval_of_images_is_the_percentile_interval_by_t():
    rng = np.random.default_rng(23)
    draws = rng.gamma(2.0, 1.0, (1, 3, 4000))
    one = RunDraws(draws.mean(axis=2), draws)
    found = single_interval(one, np.array([30]), anew=False)
    mean = draws.mean()
    low, high = np.quantile(draws.mean(axis=1), [0.025, 0.975])
    wider = scipy.stats.t(29).ppf(0.975) / scipy.stats.norm.ppf(0.975)
    wider *= np.sqrt(30 / 29)
    assert found.low[0] == pytest.approx(mean - (mean - low) * wider)
    assert found.high[0] == pytest.approx(mean + (high - mean) * wider)
    assert found.high[0] - mean > 1.1 * (mean - found.low[0]), "skewed, as the draws"
    assert not found.anew


def test_single_interval_of_a_training_anew_holds_the_seeds():
    rng = np.random.default_rng(24)
    values = rng.normal(size=(1, 4))
    still = RunDraws(values, np.zeros((1, 4, 20)) + values[..., None])
    found = single_interval(still, np.array([N]))
    oracle = scipy.stats.ttest_1samp(values[0], 0).confidence_interval()
    assert [found.low[0], found.high[0]] == pytest.approx([oracle.low, oracle.high])
    assert found.anew
    trained = single_interval(still, np.array([N]), anew=False)
    assert trained.low[0] == trained.high[0] == pytest.approx(values.mean())


def test_single_interval_of_one_seed_takes_the_pooled_variance():
    pooled = TrainingVariance(np.array([4.0]), np.array([1.0]), np.array([6.0]))
    one = runs([0.0], exactly(np.eye(1)))
    found = single_interval(one, np.array([N]), pooled=pooled)
    freedom = 4.0**2 / (4.0**2 / 6 + 1 / (N - 1))
    t = scipy.stats.t(freedom).ppf(0.975)
    # Variance 1 of the images and 3 of the training; percentiles of normal draws.
    assert found.high[0] == pytest.approx(2 * t, rel=0.05)
    assert found.anew
    assert not single_interval(one, np.array([N])).anew


def test_a_share_stays_within_zero_and_one():
    pooled = TrainingVariance(np.full(2, 4.0), np.zeros(2), np.full(2, 6.0))
    draws = np.random.default_rng(25).normal(0.9, 0.1, (2, 1, 500))
    one = RunDraws(np.full((2, 1), 0.9), draws)
    shares = np.array([True, False])
    found = single_interval(one, np.array([N, N]), pooled=pooled, shares=shares)
    assert 0 <= found.low[0] < 0.9 < found.high[0] <= 1
    assert found.high[1] > 1


def test_an_undefined_metric_has_no_single_interval():
    draws = np.random.default_rng(26).normal(size=(2, 1, 100))
    draws[0, 0, :6] = np.nan
    one = RunDraws(np.array([[0.0], [np.nan]]), draws)
    found = single_interval(one, np.array([N, N]))
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_single_intervals_hold_the_method_trained_anew(seeds):
    rng = np.random.default_rng(27)
    one = draw_runs(rng, seeds, metrics=3000, image=0.6, seed=0.8, both=0.5)
    centred = RunDraws(one.values, one.draws + one.values[..., None])
    found = single_interval(centred, np.full(3000, N))
    assert 0.92 < ((found.low <= 0) & (found.high >= 0)).mean() < 0.98


def test_percentiles_leave_out_undefined_draws():
    draws = np.random.default_rng(30).normal(size=(2, 1000))
    draws[1, ::3] = np.nan
    low, high = percentile_interval(draws, 0.9)
    for row in range(2):
        expected = np.nanquantile(draws[row], [0.05, 0.95])
        assert [low[row], high[row]] == pytest.approx(expected)
    assert draw_variance(draws) == pytest.approx(np.nanvar(draws, axis=1, ddof=1))
    empty = np.full((1, 10), np.nan)
    low, high = percentile_interval(empty, 0.95)
    assert np.isnan([low[0], high[0], draw_variance(empty)[0]]).all()


@pytest.mark.parametrize(
    ("found", "images"), [(0, 40), (0, 160), (3, 40), (40, 160), (40, 40)]
)
def test_wilson_of_one_seed_is_scipys(found, images):
    share = found / images
    low, high = wilson(share, images, share * (1 - share), seeds=1)
    oracle = scipy.stats.binomtest(found, images).proportion_ci(method="wilson")
    assert [float(low), float(high)] == pytest.approx([oracle.low, oracle.high])


def test_wilson_of_several_seeds_counts_what_they_add():
    # Seeds that agree add nothing; independent ones count as many images.
    same = wilson(0.3, 50, 0.21, seeds=3)
    apart = wilson(0.3, 50, 0.21 / 3, seeds=3)
    assert np.array(same) == pytest.approx(np.array(wilson(0.3, 50, 0.21, seeds=1)))
    assert np.array(apart) == pytest.approx(np.array(wilson(0.3, 150, 0.21, seeds=1)))
    assert np.isnan(wilson(np.nan, 0, np.nan, seeds=1)).all()
