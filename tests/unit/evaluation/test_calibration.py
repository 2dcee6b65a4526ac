"""Metrics of probabilities, held to scikit-learn and to plain loops."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from core.errors import EquipoiseError
from core.evaluation import calibration
from core.evaluation.calibration import around_value, bin_of, bins_for
from core.evaluation.comparison import compare_runs
from core.evaluation.metrics import (
    CLASSWISE,
    CONFIDENCE,
    MANY_CLASSES,
    calibration_keys,
    further_keys,
    metric_info,
)
from core.tasks import Multiclass
from tests.oracles import AGE, FOUR, TWO, draw_table, draws_of

TASK = st.sampled_from([TWO, FOUR])
SEED = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=25, deadline=None)


def parts_of(table):
    """Rows of each group, then all."""
    groups = table.groupby(["shape", "size"], sort=True).indices
    return [*groups.values(), np.arange(len(table))]


def probabilities_of(table, task):
    given = table[[f"{task.name}_p_{label}" for label in task.classes]].to_numpy()
    truth = table[f"{task.name}_true"].map(task.classes.index).to_numpy()
    return truth, given


def ece(truth, given):
    """Within bins of like confidence, how far it is from accuracy: one by one."""
    sure, right = given.max(axis=1), given.argmax(axis=1) == truth
    codes = bin_of(sure, bins_for(len(truth)))
    return sum(
        (codes == b).mean() * abs(sure[codes == b].mean() - right[codes == b].mean())
        for b in np.unique(codes)
    )


def class_error(truth, p, label):
    """Calibration error of one class, its rest against it, and its squares."""
    codes = bin_of(p, bins_for(len(p)))
    gaps = [
        (
            (codes == b).mean(),
            p[codes == b].mean() - (truth[codes == b] == label).mean(),
        )
        for b in np.unique(codes)
    ]
    return sum(n * abs(gap) for n, gap in gaps), sum(n * gap**2 for n, gap in gaps)


def expected(truth, given, task):
    labels = range(len(task.classes))
    scored = [1] if task.kind == "binary" else labels
    errors = [class_error(truth, given[:, label], label) for label in scored]
    brier = sklearn.brier_score_loss(
        truth,
        given[:, 1] if task.kind == "binary" else given,
        labels=[*labels],
    )
    part = sum(squares for _, squares in errors)
    return {
        "log_loss": sklearn.log_loss(truth, given, labels=[*labels]),
        "brier": brier,
        "ece": ece(truth, given),
        "classwise_ece": np.mean([error for error, _ in errors]),
        "brier_calibration": part,
        "brier_refinement": brier - part,
    }


@FEW
@given(seed=SEED, rows=st.integers(2, 400), task=TASK)
def test_every_metric_of_every_group_is_that_of_the_oracle(seed, rows, task):
    table = draw_table(np.random.default_rng(seed), task, rows)
    drawing, _ = draws_of(table, task)
    for place, part in enumerate(parts_of(table)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a group of one class
            oracle = expected(*probabilities_of(table.iloc[part], task), task)
        for name, value in oracle.items():
            found = drawing.metric(f"{task.name}.{name}")
            assert found.values[place, 0] == pytest.approx(value, rel=1e-5, abs=1e-6)
            assert found.rests[place, 0] == len(part)


def test_losses_of_a_resample_are_those_of_images_that_are_repeated():
    table = draw_table(np.random.default_rng(3), FOUR, 60)
    drawing, weights = draws_of(table, FOUR, resamples=4, rng_seed=1)
    truth, given = probabilities_of(table, FOUR)
    for b in range(4):
        often = np.repeat(np.arange(60), weights[:, b].astype(int))
        value = sklearn.log_loss(truth[often], given[often], labels=range(4))
        draw = drawing.metric("four.log_loss").draws[-1, 0, b]
        assert draw == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_zero_and_one_and_half_precision_break_nothing(dtype):
    table = draw_table(np.random.default_rng(5), FOUR, 300)
    columns = [f"four_p_{label}" for label in FOUR.classes]
    sure = np.eye(4)[table[columns].to_numpy().argmax(axis=1)]
    table[columns] = sure.astype(dtype)
    drawing, _ = draws_of(table, FOUR, resamples=20)
    truth, given = probabilities_of(table, FOUR)
    wrong = (given.argmax(axis=1) != truth).mean()
    # Each answer was certain: the error is the share of wrong ones.
    assert drawing.metric("four.ece").values[-1, 0] == pytest.approx(wrong)
    assert drawing.metric("four.brier").values[-1, 0] == pytest.approx(2 * wrong)
    smallest = -np.log(calibration.SMALLEST)
    loss = drawing.metric("four.log_loss").values[-1, 0]
    assert loss == pytest.approx(wrong * smallest, rel=1e-5)
    for name in CONFIDENCE + CLASSWISE:
        found = drawing.metric(f"four.{name}")
        assert np.isfinite(found.values).all()
        assert np.isfinite(found.draws[-1]).all()


def test_perfect_probabilities_have_no_error():
    table = draw_table(np.random.default_rng(6), TWO, 100)
    truth = table["two_true"].map(TWO.classes.index).to_numpy()
    table[["two_p_no", "two_p_yes"]] = np.eye(2)[truth]
    drawing, _ = draws_of(table, TWO, resamples=10)
    for name in CONFIDENCE + CLASSWISE:
        found = drawing.metric(f"two.{name}")
        np.testing.assert_allclose(found.values, 0, atol=1e-12)
        np.testing.assert_allclose(found.draws, 0, atol=1e-6)


def test_labels_without_probabilities_have_none_of_them():
    table = draw_table(np.random.default_rng(7), FOUR, 80)
    bare = table.drop(columns=[c for c in table if "_p_" in c])
    found = compare_runs(
        {("m", 0): table, ("labels", 0): bare},
        [FOUR],
        "m",
        metrics=calibration_keys(FOUR),
        resamples=50,
    )
    means = found.table.pivot(index="metric", columns="method", values="mean")
    assert means["labels"].isna().all()
    assert means["m"].notna().all()


def test_an_interval_lies_around_its_value():
    """A resample has more noise than the data, and a distance grows by noise."""
    rng = np.random.default_rng(8)
    table = draw_table(rng, FOUR, 400)
    found = compare_runs(
        {("m", seed): table for seed in (0,)},
        [FOUR],
        "m",
        metrics=calibration_keys(FOUR),
        resamples=500,
    ).table.set_index("metric")
    for name in calibration.DISTANCES:
        row = found.loc[f"four.{name}"]
        assert row["low"] < row["mean"] < row["high"]
        middle = (row["low"] + row["high"]) / 2
        assert abs(middle - row["mean"]) < 0.25 * (row["high"] - row["low"])


def test_bins_hold_as_many_images_and_equal_values_share_one():
    values = np.random.default_rng(9).random(300)
    assert np.bincount(bin_of(values, 15)).tolist() == [20] * 15
    values[:200] = 1.0
    codes = bin_of(values, 15)
    assert len(set(codes[:200])) == 1
    assert set(codes[:200]).isdisjoint(codes[200:])
    assert bin_of(np.array([]), 3).shape == (0,)
    assert [bins_for(n) for n in (0, 19, 40, 299, 10**6)] == [1, 1, 2, 14, 15]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("rows", "bins"), [(1, 2), (31, 4), (1000, 15)])
def test_bins_end_where_numpy_has_the_quantiles(dtype, rows, bins):
    values = np.random.default_rng(rows).integers(0, 90, rows).astype(dtype) / 97
    shares = np.arange(1, bins) / bins
    edges = np.quantile(values.astype(np.float64), shares, method="higher")
    expected = np.searchsorted(edges, values, side="right")
    assert bin_of(values, bins).tolist() == expected.tolist()


def test_resamples_are_moved_by_their_bias_and_not_below_zero():
    draws = np.array([[0.1, 0.3, np.nan], [0.0, 0.1, 0.5]])
    moved = around_value(np.array([[0.1], [0.0]]), draws)
    np.testing.assert_allclose(moved, [[0.0, 0.2, np.nan], [0.0, 0.0, 0.3]], atol=1e-12)


def test_they_are_asked_for_and_many_classes_have_no_classwise_ones():
    many = Multiclass("many", "Many", tuple(map(str, range(MANY_CLASSES + 1))))
    keys = ("four.ece", "age.ece", "many.ece", "many.classwise_ece", "four.accuracy")
    assert further_keys([FOUR, AGE, many], keys) == ("four.ece", "many.ece")
    assert calibration_keys(AGE) == ()
    table = draw_table(np.random.default_rng(1), many, 60)
    drawing, _ = draws_of(table, many)
    assert np.isfinite(drawing.metric("many.ece").values[-1, 0])
    with pytest.raises(EquipoiseError, match=r"no metric 'many\.classwise_ece'"):
        drawing.metric("many.classwise_ece")
    info = metric_info("four.ece", (FOUR,))
    assert (info.label, info.direction) == ("Four ECE", "lower")


def test_losses_and_their_intervals_may_exceed_one():
    table = draw_table(np.random.default_rng(11), FOUR, 300)
    columns = [f"four_p_{label}" for label in FOUR.classes]
    wrong = (table["four_true"].map(FOUR.classes.index).to_numpy() + 1) % 4
    table[columns] = 0.04 + 0.84 * np.eye(4)[wrong]
    worse = table.assign(**{"four_p_a": 1e-3 * table["four_p_a"]})
    found = compare_runs(
        {("m", 0): table, ("worse", 0): worse},
        [FOUR],
        "m",
        metrics=["four.log_loss", "four.brier"],
        resamples=100,
    ).table.set_index(["metric", "method"])
    for key in ("four.log_loss", "four.brier"):
        row = found.loc[key, "m"]
        assert row["low"] <= row["mean"] <= row["high"]
        assert row["high"] > 1
    assert found.loc[("four.log_loss", "worse"), "delta_high"] > 1
