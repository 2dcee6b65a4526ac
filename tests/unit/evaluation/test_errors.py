"""Rates of errors, with pandas, SciPy's Wilson interval and brute force as oracle."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from core.evaluation.alignment import align_predictions
from core.evaluation.comparison import compare_runs
from core.evaluation.errors import (
    QUANTILES,
    Confusions,
    class_recalls,
    confused_pairs,
    count_confusions,
    errors_by_bin,
    mean_probabilities,
    taken_for,
)
from core.evaluation.intervals import wilson
from core.tasks import Multiclass, Regression
from tests.synthetic import TASKS, synthetic_tables

ETHNICITY = TASKS["utkface"][2]
AGE = Regression("age", "Age", "years", 1, 80, 10)
METHODS = ("baseline", "ins")
THREE = Multiclass("kind", "Kind", ("a", "b", "c"))


@pytest.fixture(scope="module")
def tables():
    return synthetic_tables(methods=METHODS, seeds=(0, 1, 2), rows=640)


@pytest.fixture(scope="module")
def confusions(tables):
    aligned = align_predictions(tables, [ETHNICITY], "baseline")
    return count_confusions(aligned, ETHNICITY)


def of(tables, method):
    return [table for (name, _), table in tables.items() if name == method]


def confusions_of(counts, *, probabilities=None):
    counts = np.asarray(counts, float)
    return Confusions(counts, counts, probabilities, 1)


def test_mean_probabilities_are_the_means_of_the_columns(tables):
    table = tables["ins", 0]
    columns = [f"ethnicity_p_{name}" for name in ETHNICITY.classes]
    expected = table.groupby("ethnicity_true")[columns].mean().loc[[*ETHNICITY.classes]]
    ids = table["ethnicity_true"].map(ETHNICITY.classes.index).to_numpy()
    found = mean_probabilities(ids, table[columns].to_numpy(), 4)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_certain_probabilities_give_the_shares_of_the_confusion_matrix():
    truth, said = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 1, 1, 0])
    found = mean_probabilities(truth, np.eye(3)[said], 3)
    np.testing.assert_allclose(found[:2], [[1 / 3, 2 / 3, 0], [0.5, 0.5, 0]])
    assert np.isnan(found[2]).all()


def test_counts_are_means_over_the_seeds(tables, confusions):
    pooled = pd.concat(of(tables, "ins"))
    counts = pd.crosstab(pooled["ethnicity_true"], pooled["ethnicity_pred"])
    order = list(ETHNICITY.classes)
    expected = counts.reindex(index=order, columns=order, fill_value=0) / 3
    np.testing.assert_allclose(confusions["ins"].counts, expected)
    # As whole numbers, though thirds were added up.
    assert confusions["ins"].images.astype(int).tolist() == [160] * 4


def test_squares_are_of_the_share_of_seeds_that_gave_an_answer(tables, confusions):
    said = pd.concat([t["ethnicity_pred"] for t in of(tables, "ins")], axis=1)
    truth = of(tables, "ins")[0]["ethnicity_true"]
    for i, true in enumerate(ETHNICITY.classes):
        for j, answer in enumerate(ETHNICITY.classes):
            shares = (said[truth == true] == answer).mean(axis=1)
            expected = (shares**2).sum()
            assert confusions["ins"].squares[i, j] == pytest.approx(expected)


def test_probabilities_are_unknown_where_one_run_has_none(tables):
    lacking = dict(tables)
    own = tables["ins", 1]
    lacking["ins", 1] = own.drop(columns=[c for c in own if "_p_" in c])
    aligned = align_predictions(lacking, [ETHNICITY], "baseline")
    found = count_confusions(aligned, ETHNICITY)
    assert found["ins"].probabilities is None
    assert found["baseline"].probabilities is not None


@pytest.mark.parametrize(("hits", "images"), [(0, 12), (3, 12), (12, 12), (150, 900)])
def test_interval_of_one_seed_is_wilsons(hits, images):
    share = hits / images
    found = wilson(share, images, share * (1 - share), seeds=1)
    expected = stats.binomtest(hits, images).proportion_ci(method="wilson")
    np.testing.assert_allclose(found, [expected.low, expected.high], atol=1e-12)


def test_interval_of_no_images_is_unknown():
    assert np.isnan(wilson(np.nan, 0.0, np.nan, seeds=2)).all()


def test_seeds_that_agree_add_nothing_and_seeds_that_differ_do():
    p, n = np.array([0.3]), np.array([200.0])
    one = np.ptp(wilson(p, n, p * (1 - p), seeds=1))
    agreeing = np.ptp(wilson(p, n, p * (1 - p), seeds=3))
    assert agreeing == pytest.approx(one)
    # Every image right with the same share of the seeds: no more than n times seeds.
    apart = np.ptp(wilson(p, n, np.array([0.0]), seeds=3))
    assert apart == pytest.approx(np.ptp(wilson(p, 3 * n, 0.21, seeds=1)))


def test_recalls_and_their_intervals_agree_with_the_bootstrap(tables, confusions):
    found = compare_runs(tables, [ETHNICITY], "baseline")
    for method in METHODS:
        recalls = class_recalls(confusions[method], ETHNICITY.classes)
        assert recalls["recall"].is_monotonic_increasing
        for row in recalls.to_dict("records"):
            expected = found.row(method, f"ethnicity.recall[{row['class']}]")
            assert row["n"] == expected["n"]
            assert row["recall"] == pytest.approx(expected["mean"])
            assert row["low"] == pytest.approx(expected["low"], abs=0.015)
            assert row["high"] == pytest.approx(expected["high"], abs=0.015)


def test_a_class_without_images_is_left_out_everywhere():
    own = confusions_of([[4, 6, 0], [0, 0, 0], [1, 2, 7]])
    assert list(class_recalls(own, THREE.classes)["class"]) == ["a", "c"]
    assert set(taken_for(own, THREE.classes)["truth"]) == {"a", "c"}
    pairs = confused_pairs({"m": own}, THREE.classes)
    assert pairs[["first", "second"]].to_numpy().tolist() == [["a", "c"]]


def test_what_a_class_is_taken_for_comes_most_common_first():
    means = np.array([[0.5, 0.2, 0.3], [0.1, 0.8, 0.1], [0.0, 0.4, 0.6]])
    counts = [[5, 2, 3], [0, 9, 1], [0, 4, 6]]
    found = taken_for(confusions_of(counts, probabilities=means), THREE.classes)
    columns = ["truth", "predicted", "images", "of", "share", "probability"]
    assert found[columns].to_numpy().tolist() == [
        ["a", "c", 3, 10, 0.3, 0.3],
        ["a", "b", 2, 10, 0.2, 0.2],
        ["b", "c", 1, 10, 0.1, 0.1],
        ["c", "b", 4, 10, 0.4, 0.4],
    ]
    assert ((found["low"] < found["share"]) & (found["share"] < found["high"])).all()


def test_without_probabilities_they_are_nan_and_the_shares_stay():
    found = taken_for(confusions_of([[1, 1], [0, 2]]), ("a", "b"))
    assert found["probability"].isna().all()
    assert found["share"].tolist() == [0.5]


def test_pairs_are_ranked_by_the_mean_of_both_shares(confusions):
    pairs = confused_pairs(confusions, ETHNICITY.classes)
    assert len(pairs) == 2 * 6
    for method in METHODS:
        own = pairs[pairs["method"] == method]
        assert own["both"].is_monotonic_decreasing
        counts = pd.DataFrame(
            confusions[method].counts, ETHNICITY.classes, ETHNICITY.classes
        )
        for row in own.to_dict("records"):
            there = counts.loc[row["first"], row["second"]] / 160
            back = counts.loc[row["second"], row["first"]] / 160
            assert row["first_as_second"] == pytest.approx(there)
            assert row["second_as_first"] == pytest.approx(back)
            assert row["both"] == pytest.approx((there + back) / 2)


def test_interval_of_both_ways_agrees_with_drawing_images():
    counts = [[70, 30, 0], [12, 138, 0], [0, 0, 50]]
    pair = confused_pairs({"m": confusions_of(counts)}, THREE.classes).iloc[0]
    rng = np.random.default_rng(0)
    drawn = rng.binomial(100, 0.3, 20_000) / 100 + rng.binomial(150, 0.08, 20_000) / 150
    low, high = np.quantile(drawn / 2, [0.025, 0.975])
    assert (pair["first"], pair["second"]) == ("a", "b")
    assert pair["both_low"] == pytest.approx(low, abs=0.006)
    assert pair["both_high"] == pytest.approx(high, abs=0.006)


def test_errors_of_each_bin_are_those_of_its_images():
    rng = np.random.default_rng(1)
    truth = rng.integers(1, 80, 300).astype(float)
    said = truth + rng.normal(2, 8, 300)
    ids = [f"i{n}" for n in range(300)]
    found = errors_by_bin(truth, said, ids, AGE).set_index("bin")
    table = pd.DataFrame({"bin": truth // 10, "error": said - truth, "id": ids})
    for place, part in table.groupby("bin"):
        row = found.loc[AGE.bin_labels[int(place)]]
        assert row["n"] == len(part)
        expected = part["error"].quantile(QUANTILES)
        names = ["q05", "q25", "q50", "q75", "q95"]
        np.testing.assert_allclose(row[names].to_numpy(float), expected)
        assert row["median_size"] == pytest.approx(part["error"].abs().median())
        assert row["most"] == pytest.approx(part["error"].abs().quantile(0.9))
        assert row["too_high"] == pytest.approx(part["error"].max())
        assert row["too_low_id"] == part.set_index("id")["error"].idxmin()


def test_where_no_error_goes_one_way_there_is_no_largest_that_way():
    found = errors_by_bin(np.array([5.0, 6.0]), np.array([7.0, 6.0]), ["a", "b"], AGE)
    assert list(found["bin"]) == ["0-9"]
    row = found.iloc[0]
    assert (row["too_high"], row["too_high_id"]) == (2.0, "a")
    assert np.isnan(row["too_low"])
    assert row["too_low_id"] == ""
