"""The bootstrap over images, against scipy, survey formulas and simulation."""

import numpy as np
import pytest
import scipy.stats

from core.evaluation.intervals import percentile_interval
from core.evaluation.resampling import Resampler, stratum_members
from core.evaluation.variance import RunDraws, compute_contrasts

LEVEL = 0.95


def mean_draws(errors, weights):
    return errors @ weights / weights.sum(axis=0)


def total_draws(resampler, values, strata=None, num_strata=1):
    """Sums of some values of all images in every resample."""
    if strata is None:
        strata = np.zeros(len(values), np.int64)
    parts = resampler.sums(lambda own: values[own], strata, num_strata)
    return sum(part.sums.astype(np.float64) for part in parts)


def test_every_resample_draws_as_many_images_as_there_are():
    weights = Resampler(50, 3000).weights
    assert (weights.sum(axis=0) == 50).all()
    # A count is binomial(50, 1/50): mean 1, variance 0.98.
    assert weights.mean() == pytest.approx(1)
    assert weights.var() == pytest.approx(0.98, rel=0.03)


def test_weights_do_not_depend_on_the_size_of_a_block(monkeypatch):
    whole = Resampler(30, 40, 1).weights
    monkeypatch.setattr("core.evaluation.resampling.BLOCK", 100)
    assert (whole == Resampler(30, 40, 1).weights).all()


def test_another_block_of_the_same_images_has_other_resamples():
    first, second = (Resampler(30, 40, 1, block=block).weights for block in (0, 1))
    assert (first != second).any()


def test_many_images_have_no_weights(monkeypatch):
    monkeypatch.setattr("core.evaluation.resampling.MAX_WEIGHTED_ROWS", 29)
    assert Resampler(30, 40).weights is None
    assert Resampler(29, 40).weights is not None


def test_members_of_each_stratum_come_in_their_order():
    strata = np.array([2, 0, 2, 0, 3])
    found = [list(own) for own in stratum_members(strata, 5)]
    assert found == [[1, 3], [], [0, 2], [4], []]


def test_interval_of_a_mean_is_scipys():
    rng = np.random.default_rng(2)
    errors = rng.gamma(2.0, 4.0, 400)
    weights = Resampler(400, 20_000, 2).weights
    low, high = percentile_interval(mean_draws(errors, weights), LEVEL)
    oracle = scipy.stats.bootstrap(
        (errors,), np.mean, n_resamples=20_000, method="percentile", rng=rng
    ).confidence_interval
    width = oracle.high - oracle.low
    assert abs(low - oracle.low) < 0.04 * width
    assert abs(high - oracle.high) < 0.04 * width


def test_a_paired_difference_is_tested_as_scipy_does():
    rng = np.random.default_rng(3)
    baseline = rng.gamma(2.0, 4.0, 300)
    method = baseline * 0.95 + rng.normal(0, 1.0, 300)
    weights = Resampler(300, 20_000, 3).weights

    def runs(errors):
        draws = mean_draws(errors, weights)[None, None]
        return RunDraws(np.array([[errors.mean()]]), draws)

    contrasts = compute_contrasts(
        {"baseline": runs(baseline), "method": runs(method)},
        "baseline",
        np.array([300]),
    )
    found = contrasts["method"]
    oracle = scipy.stats.ttest_rel(method, baseline)
    assert found.delta[0] == pytest.approx((method - baseline).mean())
    assert found.delta[0] / found.error[0] == pytest.approx(oracle.statistic, rel=0.02)


def test_normal_sums_agree_with_drawn_images(monkeypatch):
    rng = np.random.default_rng(8)
    # One large stratum, one small, one empty.
    strata = np.repeat([0, 1], [5000, 40])
    features = rng.gamma(2.0, 3.0, (5040, 2))
    features[:, 1] += 0.5 * features[:, 0]

    def parts():
        found = Resampler(5040, 3000, 8).sums(lambda own: features[own], strata, 3)
        return {part.stratum: part for part in found}

    exact = parts()
    monkeypatch.setattr("core.evaluation.resampling.MAX_WEIGHTED_ROWS", 1)
    normal = parts()
    assert set(exact) == set(normal) == {0, 1}
    for stratum, own in exact.items():
        other = normal[stratum]
        np.testing.assert_allclose(own.total, features[strata == stratum].sum(axis=0))
        np.testing.assert_allclose(other.total, own.total)
        for feature in (0, 1):
            a = own.sums[feature] / own.counts
            b = other.sums[feature] / other.counts
            assert b.std() == pytest.approx(a.std(), rel=0.08)
            assert abs(b.mean() - a.mean()) < 0.1 * a.std()
        correlation = np.corrcoef(other.sums)[0, 1]
        expected = np.corrcoef(own.sums)[0, 1]
        assert correlation == pytest.approx(expected, abs=0.05)
    assert (sum(part.counts for part in normal.values()) == 5040).all()


@pytest.fixture(params=["weights", "sums"])
def many_or_few(request, monkeypatch):
    if request.param == "sums":
        monkeypatch.setattr("core.evaluation.resampling.MAX_WEIGHTED_ROWS", 1)
        # A stratum of 300 is drawn as normal sums, one of 12 image by image.
        monkeypatch.setattr("core.evaluation.resampling.SMALL_STRATUM", 100)
    return request.param


def stratified_variance(values, design):
    """Variance of the total: sum of N_h^2 s_h^2 / n_h, all of N_h being n_h."""
    total = 0.0
    for stratum in np.unique(design):
        own = values[design == stratum]
        total += len(own) ** 2 * own.var(ddof=1) / len(own)
    return total


def test_strata_of_the_design_are_each_drawn_whole():
    design = np.array([0] * 10 + [3] * 10 + [5] * 2)
    weights = Resampler(22, 500, design=design).weights
    for stratum in np.unique(design):
        own = weights[design == stratum]
        np.testing.assert_allclose(own.sum(axis=0), len(own), rtol=1e-5)
        # Each of n - 1 draws counts n / (n - 1) times.
        times = own * (len(own) - 1) / len(own)
        # But for the rounding of that factor.
        np.testing.assert_allclose(times, times.round(), atol=5e-5)


def test_variance_within_strata_is_the_textbooks(many_or_few):
    rng = np.random.default_rng(0)
    sizes = [10] * 16 + [300, 12, 2]
    design = np.repeat(np.arange(len(sizes)), sizes)
    values = rng.normal(design, 1 + design % 3)
    resampler = Resampler(len(values), 12_000, 4, design=design)
    # Across other strata, as a class crosses those of the design.
    classes = rng.integers(0, 3, len(values))
    draws = total_draws(resampler, values[:, None], classes, 3)[0]
    expected = stratified_variance(values, design)
    # Four standard errors of a variance of 12,000 draws are 5 %.
    assert draws.var() == pytest.approx(expected, rel=0.05)
    assert draws.mean() == pytest.approx(values.sum(), abs=4 * expected**0.5 / 110)
    # Drawn as if there were no strata, it would be many times that.
    plain = total_draws(Resampler(len(values), 12_000, 4), values[:, None])[0]
    whole = len(values) * values.var(ddof=0)
    assert plain.var() == pytest.approx(whole, rel=0.05)
    assert whole > 5 * expected


def test_counts_of_a_class_add_up_to_the_strata(many_or_few):
    rng = np.random.default_rng(1)
    design = np.repeat(np.arange(40), 20)
    classes = rng.integers(0, 3, len(design))
    resampler = Resampler(len(design), 200, design=design)
    parts = resampler.sums(lambda own: np.ones((len(own), 1)), classes, 3)
    counts = np.zeros(200)
    for part in parts:
        np.testing.assert_allclose(part.counts, part.sums[0], rtol=1e-5)
        counts = counts + part.counts
    # The factor of a draw, 20 / 19, is rounded so that counts are exact sums.
    np.testing.assert_allclose(counts, len(design), rtol=1e-4)


def test_more_than_ten_thousand_images_by_strata():
    rng = np.random.default_rng(2)
    design = np.repeat(np.arange(6), 2000)
    values = rng.normal(5 * design, 1 + design)
    resampler = Resampler(len(values), 12_000, design=design)
    assert resampler.weights is None
    draws = total_draws(resampler, values[:, None])[0]
    assert draws.var() == pytest.approx(stratified_variance(values, design), rel=0.05)


def test_strata_of_one_image_are_drawn_together():
    design = np.array([0, 1, 2, 3, 4, 4, 4])
    values = np.array([1.0, 5.0, 2.0, 8.0, 3.0, 3.0, 3.0])
    resampler = Resampler(7, 20_000, design=design)
    weights = resampler.weights
    np.testing.assert_allclose(weights[:4].sum(axis=0), 4, rtol=1e-5)
    np.testing.assert_allclose(weights[4:].sum(axis=0), 3, rtol=1e-5)
    pooled = np.array([0, 0, 0, 0, 1, 1, 1])
    assert (values @ weights).var() == pytest.approx(
        stratified_variance(values, pooled), rel=0.05
    )


def test_a_single_stratum_of_one_image_joins_the_smallest():
    design = np.array([0, 1, 1, 1, 2, 2])
    weights = Resampler(6, 300, design=design).weights
    joined = weights[[0, 4, 5]]
    np.testing.assert_allclose(joined.sum(axis=0), 3, rtol=1e-5)
    assert joined[0].std() > 0


@pytest.mark.parametrize("rows", [1, 2])
def test_hardly_any_image_can_be_drawn_by_strata(rows):
    weights = Resampler(rows, 20, design=np.arange(rows)).weights
    np.testing.assert_allclose(weights.sum(axis=0), rows)


def test_one_stratum_is_drawn_as_images_without_a_design_are(many_or_few):
    rng = np.random.default_rng(5)
    values = rng.normal(size=(150, 1))
    one = Resampler(150, 12_000, 1, design=np.zeros(150, np.int64))
    draws, plain = (total_draws(r, values)[0] for r in (one, Resampler(150, 12_000)))
    assert draws.var() == pytest.approx(plain.var() * 150 / 149, rel=0.06)


@pytest.mark.parametrize("rows", [7, 640, 10_000])
def test_sums_of_weights_are_exact_in_any_order(rows):
    """A count is then the same on every processor, and a share of all images is 1."""
    design = np.arange(rows) % max(rows // 9, 1)
    weights = Resampler(rows, 50, design=design).weights
    order = np.random.default_rng(0).permutation(rows)
    there, back = weights.cumsum(axis=0)[-1], weights[order].cumsum(axis=0)[-1]
    np.testing.assert_array_equal(there, back)
    np.testing.assert_array_equal(there, weights.sum(axis=0, dtype=np.float64))
    # Each stratum still counts as its images do, but for the rounding of its factor.
    np.testing.assert_allclose(there, rows, rtol=2e-3)
