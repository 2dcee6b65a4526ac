"""The bootstrap, against scipy, plain loops and simulation."""

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import f1_score

from core.evaluation.classification import (
    classification_metrics,
    counted_cells,
    resampled_cells,
)
from core.evaluation.intervals import (
    RunDraws,
    cell_draws,
    draw_variance,
    holm,
    normal_sums,
    paired_differences,
    percentile_interval,
    resample_weights,
    weighted_sums,
)
from core.tasks import Multiclass

CLASSES = ("a", "b", "c")
TASK = Multiclass("kind", "Kind", CLASSES)
LEVEL = 0.95


def runs(values, draws):
    values, draws = np.asarray(values, float), np.asarray(draws)
    return RunDraws(values[None], draws[None])


def mean_draws(errors, weights):
    return errors @ weights / weights.sum(axis=0)


def labels(rng, rows, columns, *, shares=(0.7, 0.25, 0.05), right=0.7):
    y_true = rng.choice(3, rows, p=shares)
    noise = rng.choice(3, (columns, rows))
    y_pred = np.where(rng.random((columns, rows)) < right, y_true, noise)
    return y_true, y_pred


def test_every_resample_draws_as_many_images_as_there_are():
    weights = resample_weights(50, 3000, np.random.default_rng(0))
    assert (weights.sum(axis=0) == 50).all()
    # A count is binomial(50, 1/50): mean 1, variance 0.98.
    assert weights.mean() == pytest.approx(1)
    assert weights.var() == pytest.approx(0.98, rel=0.03)


def test_weights_do_not_depend_on_the_size_of_a_block(monkeypatch):
    whole = resample_weights(30, 40, np.random.default_rng(1))
    monkeypatch.setattr("core.evaluation.intervals.BLOCK", 100)
    blocks = resample_weights(30, 40, np.random.default_rng(1))
    assert (whole == blocks).all()


def test_interval_of_a_mean_is_scipys():
    rng = np.random.default_rng(2)
    errors = rng.gamma(2.0, 4.0, 400)
    weights = resample_weights(400, 20_000, rng)
    low, high = percentile_interval(mean_draws(errors, weights), LEVEL)
    oracle = scipy.stats.bootstrap(
        (errors,), np.mean, n_resamples=20_000, method="percentile", rng=rng
    ).confidence_interval
    width = oracle.high - oracle.low
    assert abs(low - oracle.low) < 0.04 * width
    assert abs(high - oracle.high) < 0.04 * width


def test_interval_of_a_paired_difference_is_scipys():
    rng = np.random.default_rng(3)
    baseline = rng.gamma(2.0, 4.0, 300)
    method = baseline * 0.95 + rng.normal(0, 1.0, 300)
    weights = resample_weights(300, 20_000, rng)
    found = paired_differences(
        runs([method.mean()], [mean_draws(method, weights)]),
        runs([baseline.mean()], [mean_draws(baseline, weights)]),
        np.array([300]),
        level=LEVEL,
    )
    oracle = scipy.stats.bootstrap(
        (method, baseline),
        lambda x, y, axis: np.mean(x, axis) - np.mean(y, axis),
        paired=True,
        n_resamples=20_000,
        method="percentile",
        rng=rng,
    ).confidence_interval
    width = oracle.high - oracle.low
    assert abs(found.low[0] - oracle.low) < 0.05 * width
    assert abs(found.high[0] - oracle.high) < 0.05 * width
    p = scipy.stats.ttest_rel(method, baseline).pvalue
    assert found.p[0] == pytest.approx(p, rel=0.15)


def test_macro_f1_is_that_of_a_loop_over_the_same_resamples():
    rng = np.random.default_rng(4)
    y_true, y_pred = labels(rng, 60, 2)
    y_true[y_true == 2] = 1
    y_true[:2] = 2  # two images: one resample in eight misses them both
    weights = resample_weights(60, 200, rng)
    cells = resampled_cells(
        y_true,
        y_pred,
        3,
        weights=weights,
        baseline=0,
        one_seed=True,
        resamples=200,
        rng=rng,
    )
    ours = classification_metrics(cells, TASK)["macro_f1"]
    missed = 0
    for b in range(200):
        drawn = np.repeat(np.arange(60), weights[:, b].astype(int))
        present = np.unique(y_true[drawn])
        missed += len(present) < 3
        for column in range(2):
            expected = f1_score(
                y_true[drawn], y_pred[column][drawn], labels=present, average="macro"
            )
            assert ours[column, b] == pytest.approx(expected, rel=1e-5)
    assert missed > 0, "the case of a missed class was not tried"


def test_counts_of_the_data_are_one_resample_of_ones():
    y_true, y_pred = labels(np.random.default_rng(5), 80, 3)
    counted = counted_cells(y_true, y_pred, 3)
    weighted = resampled_cells(
        y_true,
        y_pred,
        3,
        weights=np.ones((80, 1)),
        baseline=0,
        one_seed=True,
        resamples=1,
        rng=np.random.default_rng(0),
    )
    for name in ("support", "hits", "predicted"):
        assert (getattr(counted, name) == getattr(weighted, name)).all()


@pytest.mark.parametrize("one_seed", [True, False], ids=["cells", "normal"])
def test_confusion_metrics_beyond_the_weights_agree_with_them(one_seed):
    rng = np.random.default_rng(6)
    rows = 6000
    y_true, y_pred = labels(rng, rows, 3)
    draws = {}
    for name, weights in (
        ("exact", resample_weights(rows, 2000, rng)),
        ("other", None),
    ):
        cells = resampled_cells(
            y_true,
            y_pred,
            3,
            weights=weights,
            baseline=1,
            one_seed=one_seed,
            resamples=2000,
            rng=rng,
        )
        draws[name] = classification_metrics(cells, TASK)
    for metric in ("accuracy", "macro_f1", "f1[c]", "recall[b]"):
        exact, other = draws["exact"][metric], draws["other"][metric]
        for column in range(3):
            pair_exact = exact[column] - exact[1]
            pair_other = other[column] - other[1]
            assert other[column].std() == pytest.approx(exact[column].std(), rel=0.1)
            assert pair_other.std() == pytest.approx(pair_exact.std(), rel=0.1)
            spread = exact[column].std()
            assert abs(other[column].mean() - exact[column].mean()) < 0.15 * spread


def test_cells_share_the_baselines_resamples():
    rng = np.random.default_rng(7)
    y_true, y_pred = labels(rng, 500, 1)
    same = np.concatenate([y_pred, y_pred])
    cells = cell_draws(y_true, same, 3, 0, 300, rng)
    assert (cells.hits[0] == cells.hits[1]).all()
    assert (cells.predicted[0] == cells.predicted[1]).all()
    assert (cells.support.sum(axis=0) == 500).all()


def test_normal_sums_agree_with_drawn_images():
    rng = np.random.default_rng(8)
    # One large stratum, one small, one empty.
    strata = np.repeat([0, 1], [5000, 40])
    features = rng.gamma(2.0, 3.0, (5040, 2))
    features[:, 1] += 0.5 * features[:, 0]
    exact = weighted_sums(features, strata, 3, resample_weights(5040, 3000, rng))
    normal = normal_sums(features, strata, 3, 3000, rng)
    for s in (0, 1):
        for f in (0, 1):
            a = exact.sums[s, f] / exact.counts[s]
            b = normal.sums[s, f] / normal.counts[s]
            assert b.std() == pytest.approx(a.std(), rel=0.08)
            assert abs(b.mean() - a.mean()) < 0.1 * a.std()
        correlation = np.corrcoef(normal.sums[s])[0, 1]
        expected = np.corrcoef(exact.sums[s])[0, 1]
        assert correlation == pytest.approx(expected, abs=0.05)
    assert (normal.sums[2] == 0).all()
    assert (normal.counts.sum(axis=0) == 5040).all()


def test_percentiles_leave_out_undefined_draws():
    draws = np.random.default_rng(9).normal(size=(2, 1000))
    draws[1, ::3] = np.nan
    low, high = percentile_interval(draws, 0.9)
    for row in range(2):
        expected = np.nanquantile(draws[row], [0.05, 0.95])
        assert [low[row], high[row]] == pytest.approx(expected)
    assert draw_variance(draws) == pytest.approx(np.nanvar(draws, axis=1, ddof=1))


def test_nothing_defined_gives_nothing():
    draws = np.full((1, 10), np.nan)
    low, high = percentile_interval(draws, 0.95)
    assert np.isnan([low[0], high[0], draw_variance(draws)[0]]).all()


def test_holm_by_hand():
    p = np.array([[0.01, 0.5], [0.04, np.nan], [0.03, 0.02]])
    # Column 1: 3 x 0.01, 2 x 0.03, then never below that. Column 2 has two tests.
    expected = np.array([[0.03, 0.5], [0.06, np.nan], [0.06, 0.04]])
    assert holm(p) == pytest.approx(expected, nan_ok=True)
    assert holm(np.array([[0.2]]))[0, 0] == 0.2
    assert holm(np.array([[0.6], [0.7]])).max() == 1
    assert holm(np.empty((0, 4))).shape == (0, 4)


def test_identical_predictions_differ_by_nothing_with_p_one():
    draws = np.random.default_rng(10).normal(size=(2, 500))
    one = runs([0.3, 0.4], draws)
    found = paired_differences(one, runs([0.35], [draws.mean(axis=0)]), np.array([9]),
                               level=LEVEL)  # fmt: skip
    assert found.delta[0] == pytest.approx(0)
    single = runs([0.35], [draws[0]])
    found = paired_differences(single, single, np.array([9]), level=LEVEL)
    assert (found.delta[0], found.low[0], found.high[0], found.p[0]) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("seeds", "image", "seed", "both"),
    [(1, 1, 0, 1), (3, 0.3, 0.2, 1), (3, 0, 0, 1)],
    ids=["one seed", "seeds vary", "only noise"],
)
def test_interval_of_the_difference_covers_the_truth(seeds, image, seed, both):
    # True difference 0. "Seeds vary": images alone would cover 53 in 100.
    rng = np.random.default_rng(11)
    rows, trials = 150, 400
    weights = resample_weights(rows, 300, rng) / rows
    covered = 0
    for _ in range(trials):
        method, baseline = (
            image * rng.normal(size=(1, rows))
            + seed * rng.normal(size=(seeds, 1))
            + both * rng.normal(size=(seeds, rows))
            for _ in range(2)
        )
        found = paired_differences(
            runs(method.mean(axis=1), method @ weights),
            runs(baseline.mean(axis=1), baseline @ weights),
            np.array([rows]),
            level=LEVEL,
        )
        covered += bool(found.low[0] <= 0 <= found.high[0])
    # Three standard errors of a share of 0.95 in 400 trials are 0.033.
    assert covered / trials > 0.917
    assert covered / trials < 0.995
