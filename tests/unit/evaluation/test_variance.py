"""Variances of contrasts, against textbook formulas and loops."""

import numpy as np
import pytest
import scipy.stats

from core.evaluation.multiple_comparisons import simultaneous
from core.evaluation.statistical_power import seeds_needed
from core.evaluation.variance import RunDraws, pool_training_variance, seed_share
from tests.contrasts import N, contrasts_of, draw_runs, runs


def test_own_variances_of_both_are_added_by_welch():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 2.0, 3), rng.normal(0, 1.0, 5)
    # Nothing varies over images: a plain t-test of the seeds.
    still = {"base": runs(b, np.zeros((5, 50))), "m": runs(a, np.zeros((3, 50)))}
    contrast = contrasts_of(still)["m"]
    found = simultaneous({"m": contrast})["m"]
    oracle = scipy.stats.ttest_ind(a, b, equal_var=False)
    span = oracle.confidence_interval(0.95)
    assert contrast.freedom[0] == pytest.approx(oracle.df)
    assert found.p[0] == pytest.approx(oracle.pvalue)
    assert [found.low[0], found.high[0]] == pytest.approx([span.low, span.high])
    assert (contrast.pooled, contrast.one_training) == (False, False)
    assert seed_share(contrast)[0] == 1


def test_difference_is_over_all_seeds_of_each():
    still = {
        "base": runs([1, 2, 6], np.zeros((3, 9))),
        "m": runs([4, 7], np.zeros((2, 9))),
    }
    assert contrasts_of(still)["m"].delta[0] == pytest.approx(5.5 - 3)


def test_the_images_part_of_a_runs_variance_is_taken_off():
    rng = np.random.default_rng(2)
    single = rng.normal(size=(3, 200))
    found = runs([1, 2, 4], single).training_variance()
    of_runs = np.mean([np.var(row, ddof=1) for row in single])
    of_mean = np.var(single.mean(axis=0), ddof=1)
    assert found.interaction[0] == pytest.approx((of_runs - of_mean) * 3 / 2)
    assert found.observed[0] == pytest.approx(np.var([1, 2, 4], ddof=1))
    assert found.between[0] == pytest.approx(7 / 3 - (of_runs - of_mean) * 1.5)
    with pytest.raises(ValueError, match="two seeds"):
        runs([1], single[:1]).training_variance()


def test_a_seed_variance_below_the_images_part_is_zero():
    noisy = np.random.default_rng(3).normal(size=(2, 300))
    found = runs([1, 1.001], noisy).training_variance()
    assert found.between[0] == 0
    assert found.of_run[0] == found.interaction[0] > 0


def test_one_seed_takes_the_pooled_variance():
    rng = np.random.default_rng(4)
    methods = {
        name: draw_runs(rng, seeds, seed=2.0, both=0.5)
        for name, seeds in {"base": 3, "one": 1, "three": 3, "five": 5}.items()
    }
    contrast = contrasts_of(methods)["one"]
    # Written out as sums.
    top = squares = bottom = 0.0
    for name in ("base", "three", "five"):
        values, draws = methods[name].values[0], methods[name].draws[0]
        seeds = len(values)
        v = np.mean([np.var(row, ddof=1) for row in draws])
        u = np.var(draws.mean(axis=0), ddof=1)
        i = (v - u) * seeds / (seeds - 1)
        s2 = np.var(values, ddof=1)
        top += (seeds - 1) * (s2 - i)
        squares += (seeds - 1) * s2
        bottom += seeds - 1
    difference = methods["one"].draws[0][0] - methods["base"].draws[0].mean(axis=0)
    images = np.var(difference, ddof=1)
    factor = 1 / 1 + 1 / 3
    variance = images + top / bottom * factor
    freedom = variance**2 / (
        (squares / bottom * factor) ** 2 / bottom + images**2 / (N - 1)
    )
    assert contrast.pooled
    assert not contrast.one_training
    assert contrast.error[0] ** 2 == pytest.approx(variance)
    assert contrast.freedom[0] == pytest.approx(freedom)
    # Methods of several seeds keep their own.
    assert not contrasts_of(methods)["three"].pooled


def test_a_baseline_of_one_seed_pools_for_all():
    rng = np.random.default_rng(5)
    methods = {
        "base": draw_runs(rng, 1),
        "a": draw_runs(rng, 3),
        "b": draw_runs(rng, 3),
    }
    assert all(one.pooled for one in contrasts_of(methods).values())


def test_the_same_trained_weights_count_once_in_the_pool():
    rng = np.random.default_rng(6)
    methods = {name: draw_runs(rng, 3, seed=1.0) for name in ("a", "b", "c")}
    twice = methods | {"a again": methods["a"]}
    expected = pool_training_variance(methods)
    named = {"a": "weights", "a again": "weights"}
    found = pool_training_variance(twice, named)
    assert found.observed == pytest.approx(expected.observed)
    assert found.freedom == pytest.approx(expected.freedom)
    assert pool_training_variance(twice).freedom[0] == 8
    # Of two numbers of seeds the larger counts.
    shorter = RunDraws(methods["a"].values[:, :2], methods["a"].draws[:, :2])
    found = pool_training_variance(
        {"short": shorter} | methods, named | {"short": "weights"}
    )
    assert found.freedom[0] == 6
    # A method and a training of one name are two things.
    assert pool_training_variance(methods, {"a": "b"}).freedom[0] == 6
    assert pool_training_variance({"one": draw_runs(rng, 1)}) is None


def test_methods_on_the_baselines_weights_count_once_with_it():
    rng = np.random.default_rng(7)
    base, other = draw_runs(rng, 3, seed=1.0), draw_runs(rng, 2, seed=1.0)
    methods = {"base": base, "same": base, "other": other, "one": draw_runs(rng, 1)}
    found = contrasts_of(methods, paired=["same"])["one"].method_run
    assert found.freedom[0] == 3
    assert contrasts_of(methods)["one"].method_run.freedom[0] == 5


def test_nobody_with_two_seeds_speaks_of_this_training():
    rng = np.random.default_rng(8)
    contrast = contrasts_of({"base": draw_runs(rng, 1), "m": draw_runs(rng, 1)})["m"]
    assert contrast.one_training
    assert not contrast.pooled
    assert contrast.over_seeds[0] == 0
    assert contrast.freedom[0] == pytest.approx(N - 1)
    assert np.isnan(seed_share(contrast)[0])
    assert np.isnan(seeds_needed(contrast, np.array([2.0]))[0])


def test_paired_methods_differ_seed_by_seed():
    rng = np.random.default_rng(9)
    base = rng.normal(0, 3.0, 4)
    shift = rng.normal(0.5, 0.1, 4)
    still = np.zeros((4, 20))
    methods = {"base": runs(base, still), "m": runs(base + shift, still)}
    found = simultaneous(contrasts_of(methods, paired=["m"]))["m"]
    oracle = scipy.stats.ttest_rel(base + shift, base)
    assert found.p[0] == pytest.approx(oracle.pvalue)
    assert simultaneous(contrasts_of(methods))["m"].p[0] > found.p[0]


def test_a_paired_method_of_one_seed_speaks_of_this_training():
    rng = np.random.default_rng(10)
    methods = {
        "base": draw_runs(rng, 1),
        "same": draw_runs(rng, 1),
        "m": draw_runs(rng, 3),
    }
    found = contrasts_of(methods, paired=["same"])
    assert found["same"].one_training
    assert found["m"].pooled
    # With another number of seeds there are no pairs.
    methods["base"] = draw_runs(rng, 3)
    assert contrasts_of(methods, paired=["same"])["same"].pooled


def test_a_missing_metric_does_not_spoil_the_pool():
    rng = np.random.default_rng(17)
    methods = {
        "base": draw_runs(rng, 2, metrics=2),
        "m": draw_runs(rng, 2, metrics=2),
        "one": draw_runs(rng, 1, metrics=2),
    }
    without = pool_training_variance({"base": methods["base"]})
    methods["m"].values[1], methods["m"].draws[1] = np.nan, np.nan
    pool = pool_training_variance(methods)
    assert pool.freedom.tolist() == [2, 1]
    assert pool.observed[1] == pytest.approx(without.observed[1])
    contrasts = contrasts_of(methods)
    assert contrasts["m"].undefined.tolist() == [False, True]
    assert not contrasts["one"].undefined.any()


def test_few_degrees_of_a_pooled_variance_are_counted_at_its_upper_limit():
    rng = np.random.default_rng(32)
    methods = {"base": draw_runs(rng, 3, seed=1.0, both=0.3), "m": draw_runs(rng, 1)}
    contrast = contrasts_of(methods)["m"]
    pool = contrast.method_run
    upper = pool.observed[0] * 2 / scipy.stats.chi2(2).ppf(0.3)
    images, factor = contrast.over_images[0], 1 + 1 / 3
    variance = images + max(upper - pool.interaction[0], 0) * factor
    spread = (upper * factor) ** 2 / 2 + images**2 / (N - 1)
    expected = min(variance**2 / spread, contrast.freedom[0])
    assert contrast.family_freedom[0] == pytest.approx(expected)


def test_rounding_makes_no_difference_of_a_copy():
    """The same answers in another column may have other last digits."""
    rng = np.random.default_rng(7)
    base = draw_runs(rng, 3, seed=1.0, both=0.5)
    noise = 1 + rng.choice([-1, 0, 1], base.draws.shape) * np.float32(2**-22)
    copy = RunDraws(base.values, (base.draws * noise).astype(np.float32))
    base = RunDraws(base.values, base.draws.astype(np.float32))
    other = draw_runs(rng, 3, seed=1.0, both=0.5)
    alone = contrasts_of({"base": base, "m": other})
    beside = contrasts_of({"base": base, "m": other, "copy": copy}, paired=["copy"])
    assert beside["copy"].error[0] == 0
    # A copy is not one more comparison.
    assert simultaneous(beside)["m"].low[0] == simultaneous(alone)["m"].low[0]


def test_a_small_difference_is_not_taken_for_rounding():
    rng = np.random.default_rng(8)
    base = draw_runs(rng, 3, seed=1.0, both=0.5)
    moved = RunDraws(base.values + 1e-6, base.draws + 1e-6)
    assert moved.without_rounding(base) is moved
    seldom = RunDraws(base.values, base.draws * (1 + 1e-4 * (base.draws > 0)))
    assert seldom.without_rounding(base) is seldom
    fewer = RunDraws(base.values[:, :2], base.draws[:, :2])
    assert fewer.without_rounding(base) is fewer
