"""Simultaneous intervals and p-values, against scipy and simulation."""

import math
import time

import numpy as np
import pytest
import scipy.stats

from core.evaluation.multiple_comparisons import (
    SimultaneousInterval,
    borderline,
    monte_carlo_error,
    simultaneous,
)
from core.evaluation.resampling import Resampler, one_thread
from core.evaluation.statistical_power import smallest_detectable
from core.evaluation.variance import RunDraws, compute_contrasts
from tests.contrasts import N, against_a_still_baseline, contrasts_of, draw_runs, runs


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
