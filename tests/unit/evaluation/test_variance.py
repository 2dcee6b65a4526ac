"""Variances, simultaneous intervals and plans, against scipy, loops and simulation."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from core.evaluation.intervals import percentile_interval, single_interval, wilson
from core.evaluation.multiple_comparisons import (
    SimultaneousInterval,
    borderline,
    monte_carlo_error,
    simultaneous,
)
from core.evaluation.resampling import Resampler, one_thread
from core.evaluation.statistical_power import (
    detectable_with,
    seeds_needed,
    smallest_detectable,
)
from core.evaluation.variance import (
    RunDraws,
    TrainingVariance,
    compute_contrasts,
    draw_variance,
    pool_training_variance,
    seed_share,
)

N = 400


def runs(values, draws):
    """One metric."""
    return RunDraws(np.asarray(values, float)[None], np.asarray(draws, float)[None])


def draw_runs(rng, seeds, *, metrics=1, image=1.0, seed=0.0, both=0.0, resamples=500):
    """Runs whose bootstrap draws have the variances that made their values."""
    shape = (metrics, seeds)
    values = (
        image * rng.normal(size=(metrics, 1))
        + seed * rng.normal(size=shape)
        + both * rng.normal(size=shape)
    )
    draws = image * rng.normal(size=(metrics, 1, resamples)) + both * rng.normal(
        size=(*shape, resamples)
    )
    return RunDraws(values, draws)


def contrasts_of(methods, **kwargs):
    first = next(iter(methods.values()))
    n = np.full(len(first.values), N)
    return compute_contrasts(methods, next(iter(methods)), n, **kwargs)


def exactly(correlation, resamples=4000):
    """Draws whose sample covariance is the given matrix to the last digit."""
    rng = np.random.default_rng(0)
    size = len(correlation)
    noise = rng.normal(size=(size, resamples))
    noise -= noise.mean(axis=1, keepdims=True)
    white = np.linalg.solve(np.linalg.cholesky(np.atleast_2d(np.cov(noise))), noise)
    values, vectors = np.linalg.eigh(correlation)
    return vectors @ (np.sqrt(np.maximum(values, 0))[:, None] * white)


def against_a_still_baseline(correlation, deltas):
    """Methods of one seed whose differences have the given correlation."""
    draws = exactly(np.asarray(correlation, float))
    methods = {"base": runs([0], np.zeros((1, draws.shape[1])))}
    for k, delta in enumerate(deltas):
        methods[f"m{k}"] = runs([delta], draws[k][None])
    return contrasts_of(methods)


# Contrasts


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


# Simultaneous intervals


def test_one_method_has_the_plain_t_interval():
    rng = np.random.default_rng(11)
    methods = {"base": draw_runs(rng, 3, metrics=20, seed=1.0, both=0.5)}
    methods["m"] = draw_runs(rng, 4, metrics=20, seed=0.3, both=0.5)
    contrast = contrasts_of(methods)["m"]
    found = simultaneous({"m": contrast}, level=0.9)["m"]
    t = scipy.stats.t(contrast.freedom)
    assert found.reach == pytest.approx(t.ppf(0.95))
    assert found.p == pytest.approx(2 * t.sf(np.abs(contrast.delta) / contrast.error))
    assert found.high - found.low == pytest.approx(2 * t.ppf(0.95) * contrast.error)


def test_perfectly_correlated_methods_have_the_interval_of_one():
    ones = np.ones((5, 5))
    found = simultaneous(against_a_still_baseline(ones, [0.5, 1, 2, 3, 4]))
    single = scipy.stats.t(N - 1)
    for k, delta in enumerate([0.5, 1, 2, 3, 4]):
        # The points are off by a few parts in a thousand.
        assert found[f"m{k}"].reach[0] == pytest.approx(single.ppf(0.975), rel=0.01)
        assert found[f"m{k}"].p[0] == pytest.approx(2 * single.sf(delta), rel=0.1)


def test_independent_methods_have_sidaks_interval():
    deltas = [0.5, 1.5, 2.5, 3.5, 5, 7, 9, 11]
    found = simultaneous(against_a_still_baseline(np.eye(8), deltas))
    level = 0.95 ** (1 / 8)
    t = scipy.stats.t(N - 1)
    for k, delta in enumerate(deltas):
        one = found[f"m{k}"]
        assert one.reach[0] == pytest.approx(t.ppf((1 + level) / 2), rel=0.01)
        sidak = 1 - (1 - 2 * t.sf(delta)) ** 8
        assert one.p[0] == pytest.approx(sidak, rel=0.1)


def test_equally_correlated_methods_have_the_quantile_of_the_normal_maximum():
    correlation = np.full((4, 4), 0.5) + 0.5 * np.eye(4)
    found = simultaneous(against_a_still_baseline(correlation, [1.0, 2.3, 2.6, 5.0]))
    normal = scipy.stats.multivariate_normal(np.zeros(4), correlation)

    def inside(c):
        return normal.cdf(np.full(4, c), lower_limit=np.full(4, -c))

    t = scipy.stats.t(N - 1)
    c = scipy.stats.norm.isf(t.sf(found["m0"].reach[0]))
    assert inside(c) == pytest.approx(0.95, abs=0.001)
    for k, delta in enumerate([1.0, 2.3, 2.6]):
        score = scipy.stats.norm.isf(t.sf(delta))
        assert found[f"m{k}"].p[0] == pytest.approx(1 - inside(score), abs=0.003)


def test_other_eigenvectors_of_the_same_correlation_change_nothing(monkeypatch):
    # Machines differ in the signs, and in the basis of equal eigenvalues.
    correlation = np.full((4, 4), 0.5) + 0.5 * np.eye(4)
    contrasts = against_a_still_baseline(correlation, [1.0, 2.3, 2.6, 5.0])
    found = simultaneous(contrasts)
    eigh = np.linalg.eigh

    def turned(matrices):
        values, vectors = eigh(matrices)
        return values, vectors * np.array([1, -1, -1, 1])

    monkeypatch.setattr(np.linalg, "eigh", turned)
    again = simultaneous(contrasts)
    for name, one in found.items():
        assert again[name].reach == pytest.approx(one.reach, rel=1e-6)
        assert again[name].p == pytest.approx(one.p, rel=1e-5)


def test_interval_and_p_say_the_same():
    rng = np.random.default_rng(12)
    methods = {"base": draw_runs(rng, 3, metrics=300, seed=1.0, both=0.5)}
    for k in range(4):
        methods[f"m{k}"] = draw_runs(rng, k + 1, metrics=300, seed=2.0, both=0.5)
    for level in (0.8, 0.95):
        found = simultaneous(contrasts_of(methods), level=level)
        for one in found.values():
            excludes = (one.low > 0) | (one.high < 0)
            assert (excludes == (one.p < 1 - level)).all()
        assert 0 < np.mean([one.p < 1 - level for one in found.values()]) < 1


def test_an_interval_that_ends_at_zero_does_not_exclude_it():
    contrast = against_a_still_baseline(np.eye(1), [1.0])
    reach = simultaneous(contrast)["m0"].reach[0]
    ending = against_a_still_baseline(np.eye(1), [reach])
    found = simultaneous(ending)["m0"]
    assert (found.low[0] > 0) == (found.p[0] < 1 - 0.95)


def test_equal_predictions_differ_by_nothing_and_are_outside_the_family():
    rng = np.random.default_rng(13)
    base, other = draw_runs(rng, 1), draw_runs(rng, 1)
    alone = simultaneous(contrasts_of({"base": base, "m": other}))["m"]
    found = simultaneous(contrasts_of({"base": base, "same": base, "m": other}))
    same = found["same"]
    assert (same.low[0], same.high[0], same.p[0]) == (0, 0, 1)
    assert found["m"].reach[0] == alone.reach[0]
    assert found["m"].p[0] == alone.p[0]


def test_a_difference_that_never_varies_is_certain():
    still = np.zeros((1, 30))
    found = simultaneous(contrasts_of({"b": runs([0], still), "m": runs([2], still)}))
    assert (found["m"].low[0], found["m"].high[0], found["m"].p[0]) == (2, 2, 0)


def test_more_than_one_undefined_resample_in_twenty_leaves_no_interval():
    rng = np.random.default_rng(14)
    base, method, other = (draw_runs(rng, 1, metrics=2) for _ in range(3))
    method.draws[0, 0, :25] = np.nan  # 25 of 500 are 5 %
    method.draws[1, 0, :26] = np.nan
    contrasts = contrasts_of({"base": base, "m": method, "other": other})
    found = simultaneous(contrasts)
    assert contrasts["m"].undefined.tolist() == [False, True]
    for field in ("low", "high", "p", "reach"):
        values = getattr(found["m"], field)
        assert np.isfinite(values[0])
        assert np.isnan(values[1])
    # The rest of the family goes on: two methods, then one.
    assert found["other"].reach[0] > found["other"].reach[1] + 0.1
    assert found["other"].reach[1] == pytest.approx(scipy.stats.t(N - 1).ppf(0.975))
    assert np.isnan([found["m"].low[1], found["m"].high[1]]).all()
    assert np.isnan(smallest_detectable(contrasts["m"], found["m"].reach)[1])


@pytest.mark.parametrize("freedom", [0.32, 2.0, 12.0])
def test_over_a_long_reach_the_detectable_difference_is_found_at_once(freedom):
    rng = np.random.default_rng(31)
    methods = {name: draw_runs(rng, 2, metrics=2) for name in ("base", "m")}
    contrast = contrasts_of(methods)["m"]
    contrast = replace(contrast, freedom=np.full(2, freedom))
    reach = np.array([1000.0, 1000.001])
    at_the_edge = smallest_detectable(contrast, reach) / contrast.error
    assert at_the_edge[1] == pytest.approx(at_the_edge[0], rel=1e-3)
    (size, _) = smallest_detectable(contrast, np.array([2.26e6, 1.0])) / contrast.error
    drawn = size / np.sqrt(rng.chisquare(freedom, 200_000) / freedom)
    assert (drawn > 2.26e6).mean() == pytest.approx(0.8, abs=0.005)


def test_undefined_resamples_are_dropped_for_all_methods_together():
    rng = np.random.default_rng(15)
    whole = {f"m{k}": draw_runs(rng, 1) for k in range(4)}
    holed = dict(whole)
    for k in range(1, 4):
        draws = whole[f"m{k}"].draws.copy()
        draws[0, 0, 20 * k : 20 * k + 10] = np.nan
        holed[f"m{k}"] = RunDraws(whole[f"m{k}"].values, draws)
    keep = np.ones(500, bool)
    for k in range(1, 4):
        keep[20 * k : 20 * k + 10] = False
    kept = {n: RunDraws(r.values, r.draws[..., keep]) for n, r in whole.items()}
    found, expected = (simultaneous(contrasts_of(one)) for one in (holed, kept))
    for name in found:
        assert found[name].reach == pytest.approx(expected[name].reach, rel=0.003)


def test_bonferroni_where_the_correlation_cannot_be_had():
    rng = np.random.default_rng(16)
    methods = {"base": draw_runs(rng, 1, resamples=100)}
    for k in range(15):
        one = draw_runs(rng, 1, resamples=100)
        one.draws[0, 0, 5 * k : 5 * k + 5] = np.nan
        methods[f"m{k}"] = one
    contrasts = contrasts_of(methods)
    found = simultaneous(contrasts)
    t = scipy.stats.t(N - 1)
    for name, one in found.items():
        assert one.reach[0] == pytest.approx(t.ppf(1 - 0.025 / 15))
        score = np.abs(contrasts[name].delta[0]) / contrasts[name].error[0]
        assert one.p[0] == pytest.approx(min(1, 15 * 2 * t.sf(score)))


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


def test_no_methods_no_intervals():
    assert simultaneous({}) == {}
    rng = np.random.default_rng(18)
    assert contrasts_of({"base": draw_runs(rng, 2)}) == {}


def test_a_family_counts_degrees_of_freedom_warily():
    rng = np.random.default_rng(31)
    values = {"base": [0.0, 1, 4], "a": [1.0, 1.1, 1.2], "b": [0.0, 4, 8]}
    noise = {name: rng.normal(0, 0.1, (3, 400)) for name in values}
    methods = {name: runs(values[name], noise[name]) for name in values}
    contrasts = contrasts_of(methods)
    found = {name: one.training_variance() for name, one in methods.items()}
    # The median of chi-squared with 2 degrees of freedom is 2 ln 2.
    observed = sorted(one.observed[0] / math.log(2) for one in found.values())[1]
    interaction = sorted(one.interaction[0] for one in found.values())[1]
    base = found["base"]
    images = contrasts["a"].over_images[0]
    own = min(observed, base.observed[0])
    variance = images + (observed - interaction + own - base.interaction[0]) / 3
    spread = ((observed / 3) ** 2 + (own / 3) ** 2) / 2 + images**2 / (N - 1)
    expected = variance**2 / spread
    assert contrasts["a"].family_freedom[0] == pytest.approx(
        min(expected, contrasts["a"].freedom[0])
    )
    alone = simultaneous({"a": contrasts["a"]})["a"]
    both = simultaneous(contrasts)["a"]
    assert alone.freedom[0] == contrasts["a"].freedom[0]
    assert both.freedom[0] == contrasts["a"].family_freedom[0]


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


@pytest.mark.parametrize(
    ("seeds", "spread"),
    [
        ((1,) * 6, (0,) * 6),
        ((3,) * 6, (0,) * 6),
        ((3,) * 6, (0.5,) * 6),
        ((3,) * 6, (5,) * 6),
        ((3,) * 6, (0.1, 5, 5, 5, 5, 5)),
        ((3,) * 6, (1, 1, 1, 1, 1, 5)),
        ((5,) * 6, (5, 1, 1, 1, 1, 1)),
        ((3, 1, 1, 1, 3, 3), (2,) * 6),
        ((3, 1, 1, 1, 1, 1), (5,) * 6),
        ((1, 3, 3, 3, 3, 3), (2,) * 6),
    ],
    ids=[
        "one seed",
        "no seed effect",
        "middle",
        "large",
        "quiet baseline",
        "noisy method",
        "noisy baseline",
        "some of one seed",
        "all but the baseline of one seed",
        "baseline of one seed",
    ],
)
def test_false_verdicts_of_a_family_are_at_most_seven_in_a_hundred(seeds, spread):
    # Every metric is a repetition; no method differs from the baseline.
    rng = np.random.default_rng(19)
    methods = {
        f"m{k}": draw_runs(rng, s, metrics=2000, seed=b, both=0.5, resamples=200)
        for k, (s, b) in enumerate(zip(seeds, spread, strict=True))
    }
    contrasts = contrasts_of(methods)
    found = simultaneous(contrasts)
    assert np.any([one.p < 0.05 for one in found.values()], axis=0).mean() < 0.07
    covered = [
        simultaneous({name: one})[name].p >= 0.05 for name, one in contrasts.items()
    ]
    assert 0.92 < np.mean(covered) < 0.985


@pytest.mark.slow
def test_twelve_methods_and_sixty_metrics_are_fast():
    rng = np.random.default_rng(20)
    shape = (60, 3, 2000)
    methods = {
        f"m{k}": RunDraws(
            rng.normal(size=shape[:2]), rng.standard_normal(shape, dtype=np.float32)
        )
        for k in range(12)
    }
    n = np.full(60, 640)
    seconds = []
    with one_thread():
        for _ in range(3):
            start = time.process_time()
            simultaneous(compute_contrasts(methods, "m0", n))
            seconds.append(time.process_time() - start)
    assert min(seconds) < 0.4, "it takes 0.12 s"


# Planning


@pytest.mark.parametrize("seeds", [2, 3, 8])
def test_the_smallest_detectable_difference_is_found_in_four_of_five(seeds):
    # Only seeds vary, alike in both: Student's t with 2 (seeds - 1) degrees.
    rng = np.random.default_rng(21)
    still = np.zeros((seeds, 4))
    spread = np.linspace(-1, 1, seeds)
    spread /= spread.std(ddof=1)
    contrast = contrasts_of({"b": runs(spread, still), "m": runs(spread, still)})["m"]
    reach = scipy.stats.t(2 * (seeds - 1)).ppf([0.975])
    difference = smallest_detectable(contrast, reach)[0]
    a, b = rng.normal(size=(2, 40_000, seeds))
    found = scipy.stats.ttest_ind(a + difference, b, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_many_images_need_the_normal_formula():
    contrast = against_a_still_baseline(np.eye(1), [1.0])["m0"]
    reach = np.array([2.7])
    assert smallest_detectable(contrast, reach)[0] == pytest.approx(
        (2.7 + 0.8416) * contrast.error[0], rel=0.01
    )
    same = contrasts_of(
        {"b": runs([1], np.ones((1, 5))), "m": runs([1], np.ones((1, 5)))}
    )
    assert smallest_detectable(same["m"], reach)[0] == 0


def planned(delta, seeds, seed, image, *, resamples=4000):
    """A contrast of methods whose seed variance is exactly ``seed`` squared."""
    spread = np.linspace(-1, 1, seeds)
    spread *= seed / spread.std(ddof=1)
    noise = exactly(np.eye(2), resamples) * image
    methods = {
        name: runs(shift + spread, np.tile(noise[k], (seeds, 1)))
        for k, (name, shift) in enumerate({"base": 0.0, "m": delta}.items())
    }
    return contrasts_of(methods)["m"]


@pytest.mark.parametrize(("delta", "image"), [(1.2, 0.1), (0.8, 0.0), (2.5, 0.3)])
def test_seeds_needed_is_the_first_number_with_power(delta, image):
    contrast = planned(delta, 3, 1.0, image)
    reach = scipy.stats.t(contrast.freedom).ppf(0.975)
    needed = seeds_needed(contrast, reach)[0]
    tail = scipy.stats.t(contrast.freedom[0]).sf(reach[0])

    def power(seeds):
        # The two variances as they are, written out.
        variance = 2 * image**2 + 2 / seeds
        freedom = variance**2 / (
            2 / seeds**2 / (seeds - 1) + (2 * image**2) ** 2 / (N - 1)
        )
        return scipy.stats.nct.sf(
            scipy.stats.t.isf(tail, freedom), freedom, delta / math.sqrt(variance)
        )

    assert power(needed) >= 0.8 > power(needed - 1)


def test_the_seeds_needed_find_the_difference_in_four_of_five():
    contrast = planned(1.0, 3, 1.0, 0.0)
    reach = scipy.stats.t(contrast.freedom).ppf(0.975)
    needed = int(seeds_needed(contrast, reach)[0])
    rng = np.random.default_rng(22)
    a, b = rng.normal(size=(2, 20_000, needed))
    found = scipy.stats.ttest_ind(a + 1.0, b, axis=1).pvalue < 0.05
    assert 0.79 < found.mean() < 0.84


def test_planned_seeds_find_the_difference_in_four_of_five():
    contrast = planned(1.0, 3, 1.0, 0.0)
    reach = scipy.stats.t(contrast.freedom).ppf(0.975)
    rng = np.random.default_rng(23)
    for seeds in (2, 5, 10):
        difference = detectable_with(seeds, contrast, reach)[0]
        a, b = rng.normal(size=(2, 40_000, seeds))
        found = scipy.stats.ttest_ind(a + difference, b, axis=1).pvalue < 0.05
        assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_as_many_seeds_as_there_are_find_what_the_study_could_have_found():
    contrast = planned(0.5, 3, 1.0, 0.05)
    reach = scipy.stats.t(contrast.freedom).ppf(0.975)
    now = smallest_detectable(contrast, reach)[0]
    sizes = [detectable_with(seeds, contrast, reach)[0] for seeds in (3, 5, 10)]
    assert sizes[0] == pytest.approx(now, rel=0.01)
    assert sizes == sorted(sizes, reverse=True)
    rng = np.random.default_rng(24)
    one = contrasts_of({"b": draw_runs(rng, 1), "m": draw_runs(rng, 1)})["m"]
    assert np.isnan(detectable_with(5, one, np.array([2.0]))[0])


def test_only_more_images_settle_what_the_images_leave_open():
    contrast = planned(0.5, 3, 0.2, 1.0)
    reach = simultaneous({"m": contrast})["m"].reach
    assert np.isinf(seeds_needed(contrast, reach)[0])
    assert np.isinf(seeds_needed(planned(0.0, 3, 1.0, 0.1), reach)[0])
    assert seed_share(contrast)[0] == pytest.approx(
        0.02 * 4 / 3 / (2 + 0.08 / 3), rel=0.01
    )
    # A huge difference needs no more than two.
    sure = planned(1e6, 3, 0.001, 0.001)
    assert seeds_needed(sure, reach)[0] == 2


# One method


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


# Monte Carlo error


@pytest.mark.parametrize("noise", ["normal", "gamma"])
def test_monte_carlo_error_is_the_spread_over_repeated_resampling(noise):
    rng = np.random.default_rng(28)
    rows, resamples = 200, 300
    errors = rng.normal(size=(2, 3, rows))
    if noise == "gamma":
        errors = errors**4  # a few images weigh heavily
    ends, stated = [], []
    for _ in range(150):
        again = Resampler(rows, resamples, int(rng.integers(2**31)))
        weights = again.weights / rows
        base, method = (runs(one.mean(axis=1), one @ weights) for one in errors)
        contrast = contrasts_of({"base": base, "m": method})
        reach = np.array([2.0])
        ends.append(contrast["m"].delta[0] - 2.0 * contrast["m"].error[0])
        stated.append(monte_carlo_error(contrast["m"], reach)[0])
    assert np.mean(stated) == pytest.approx(np.std(ends), rel=0.35)


def test_monte_carlo_error_falls_with_the_root_of_the_resamples():
    rng = np.random.default_rng(29)
    few, many = (
        contrasts_of(
            {"b": draw_runs(rng, 1, resamples=r), "m": draw_runs(rng, 1, resamples=r)}
        )
        for r in (1000, 16_000)
    )
    reach = np.array([2.0])
    ratio = monte_carlo_error(few["m"], reach) / monte_carlo_error(many["m"], reach)
    assert ratio[0] == pytest.approx(4, rel=0.2)
    still = runs([0], np.zeros((1, 30)))
    same = contrasts_of({"b": still, "m": still})["m"]
    assert monte_carlo_error(same, reach)[0] == 0


def test_borderline_is_near_a_bound_that_decides():
    low = np.array([0.02, 0.2, -0.49, -0.49, -1.0, 0.0, np.nan])
    high = np.array([1.00, 1.0, 0.10, 2.00, -0.02, 0.0, np.nan])
    interval = SimultaneousInterval(low, high, low * 0, low * 0 + 2, low * 0 + 9)
    error = np.array([0.01, 0.01, 0.01, 0.01, 0.01, 0.0, np.nan])
    near = borderline(interval, error, 0.5)
    # The fourth reaches far beyond the margin on its other side: nothing hangs on it.
    assert near.tolist() == [True, False, True, False, True, False, False]
    assert not borderline(interval, error)[2]
    assert not borderline(interval, error, 0.5, errors=0.5)[2]


# Percentiles and shares


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
