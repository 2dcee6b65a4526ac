"""Every metric against scikit-learn and fairlearn: overall, by group, in resamples."""

import warnings

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from core.evaluation.comparison import compare_runs
from core.evaluation.metrics import AREAS, split_key, top_k
from core.tasks import Regression
from tests.oracles import (
    AGE,
    FEATURES,
    FOUR,
    TWO,
    draw_table,
    draws_of,
    expected_value,
    keys_of,
)
from tests.synthetic import TASKS, synthetic_predictions, synthetic_tables

TASK = st.sampled_from([TWO, FOUR, AGE])
SEED = st.integers(0, 2**32 - 1)
LENIENT = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
RESAMPLES = 2


def parts_of(table, features=FEATURES):
    """Rows of every group with images, by name, and then all rows."""
    groups = table.groupby(list(features), sort=True).indices
    named = {" × ".join(names): places for names, places in groups.items()}
    return {**named, "": np.arange(len(table))}


@LENIENT
@given(seed=SEED, rows=st.integers(1, 90), task=TASK)
def test_every_metric_of_every_group_is_that_of_the_libraries(seed, rows, task):
    table = draw_table(np.random.default_rng(seed), task, rows)
    drawing, _ = draws_of(table, task)
    parts = parts_of(table)
    assert drawing.grouping.measured == tuple(parts)
    for key in keys_of(task):
        found = drawing.metric(key).values[:, 0]
        expected = [expected_value(key, task, table.iloc[p]) for p in parts.values()]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12, err_msg=key)


@LENIENT
@given(seed=SEED, rows=st.integers(1, 40), task=TASK, by_strata=st.booleans())
def test_resamples_are_those_of_images_that_are_repeated(seed, rows, task, by_strata):
    rng = np.random.default_rng(seed)
    table = draw_table(rng, task, rows, groups=(2, 2))
    # Of pairs one image is drawn, which counts twice: whole numbers to repeat by.
    design = np.arange(rows) // 2 if by_strata else None
    drawing, weights = draws_of(
        table, task, resamples=RESAMPLES, rng_seed=1, design=design
    )
    parts = parts_of(table)
    known = {
        name: set(table[f"{task.name}_true"].iloc[places])
        for name, places in parts.items()
    }
    for key in keys_of(task):
        if split_key(key)[1] in AREAS:
            continue
        draws = drawing.metric(key).draws[:, 0]
        for place, (name, rows_of) in enumerate(parts.items()):
            for b in range(RESAMPLES):
                times = weights[rows_of, b]
                if not (times == times.round()).all():
                    continue
                drawn = table.iloc[np.repeat(rows_of, times.astype(int))]
                expected = expected_value(key, task, drawn, known[name])
                np.testing.assert_allclose(
                    draws[place, b], expected, rtol=1e-4, atol=1e-5, err_msg=key
                )


@LENIENT
@given(seed=SEED, rows=st.integers(1, 60), task=TASK)
def test_groups_are_fairlearns(seed, rows, task):
    table = draw_table(np.random.default_rng(seed), task, rows)
    keys = [
        key
        for key in keys_of(task)
        if split_key(key)[1] not in AREAS and top_k(split_key(key)[1]) is None
    ]

    def oracle(key):
        def measure(y_true, y_pred):
            names = {f"{task.name}_true": y_true, f"{task.name}_pred": y_pred}
            return expected_value(key, task, pd.DataFrame(names))

        return measure

    frame = MetricFrame(
        metrics={key: oracle(key) for key in keys},
        y_true=table[f"{task.name}_true"].to_numpy(),
        y_pred=table[f"{task.name}_pred"].to_numpy(),
        sensitive_features=table[list(FEATURES)],
    )
    found = compare_runs(
        {("only", 0): table}, (task,), "only", by=FEATURES, metrics=keys, resamples=5
    )
    values = found.groups.pivot(index="group", columns="metric", values="mean")
    by_group = frame.by_group
    by_group.index = [" × ".join(names) for names in by_group.index]
    assert list(found.grouping.names) == list(by_group.index)
    for key in keys:
        ours = values[key].reindex(by_group.index).to_numpy(float)
        np.testing.assert_allclose(ours, by_group[key].to_numpy(float), atol=1e-12)
        np.testing.assert_allclose(
            found.row("only", key)["mean"], frame.overall[key], atol=1e-12
        )
    bounds = found.cells[found.cells["measure"] == ""].dropna(subset=["low"])
    assert (bounds["low"] <= bounds["mean"] + 1e-6).all()
    assert (bounds["high"] >= bounds["mean"] - 1e-6).all()


@LENIENT
@given(seed=SEED, rows=st.integers(2, 80))
def test_averages_over_classes_are_scikit_learns_defaults(seed, rows):
    table = draw_table(np.random.default_rng(seed), FOUR, rows)
    truth, predicted = table["four_true"], table["four_pred"]
    found = compare_runs({("m", 0): table}, (FOUR,), "m", resamples=5)
    f1 = sk.f1_score(truth, predicted, average="macro", zero_division=0.0)
    assert found.row("m", "four.macro_f1")["mean"] == pytest.approx(f1, abs=1e-12)
    with warnings.catch_warnings():
        # It says that a class was predicted and has no image.
        warnings.simplefilter("ignore")
        balanced = sk.balanced_accuracy_score(truth, predicted)
    row = found.row("m", "four.balanced_accuracy")
    assert row["mean"] == pytest.approx(balanced, abs=1e-12)


def test_a_class_that_was_predicted_and_has_no_image_counts_everywhere_alike():
    """All images, and all images as one group, once gave 0.889 against 0.593."""
    table = pd.DataFrame(
        {
            "image_id": list("uvwxyz"),
            "everyone": "one",
            "four_true": ["a", "a", "a", "b", "b", "b"],
            "four_pred": ["a", "a", "c", "b", "b", "b"],
        }
    )
    of_truth = (0.8 + 1.0) / 2
    expected = sk.f1_score(
        table["four_true"], table["four_pred"], average="macro", zero_division=0.0
    )
    assert expected == pytest.approx((0.8 + 1.0 + 0.0) / 3)
    assert abs(expected - of_truth) > 0.25
    key = "four.macro_f1"
    whole = compare_runs({("m", 0): table}, (FOUR,), "m", metrics=[key])
    grouped = compare_runs(
        {("m", 0): table}, (FOUR,), "m", by=["everyone"], metrics=[key]
    )
    assert whole.row("m", key)["mean"] == pytest.approx(expected, abs=1e-12)
    for group in ("", "one"):
        row = grouped.row("m", key, group=group)
        assert row["mean"] == whole.row("m", key)["mean"]
    # The class itself: predicted and never there is 0, and not undefined.
    assert whole.row("m", key)["n"] == 6
    f1 = compare_runs({("m", 0): table}, (FOUR,), "m").row("m", "four.f1[c]")
    assert (f1["mean"], f1["n"]) == (0.0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_areas_are_exact_in_doubles(seed):
    rng = np.random.default_rng(seed)
    table = draw_table(rng, TWO, 3000)
    table["two_true"] = rng.choice(TWO.classes, 3000)
    # Scores that single precision cannot tell apart.
    table["two_p_yes"] = 0.5 + 1e-9 * rng.standard_normal(3000)
    table["two_p_no"] = 1 - table["two_p_yes"]
    found = compare_runs({("m", 0): table}, (TWO,), "m", metrics=["two.auc"])
    expected = sk.roc_auc_score(table["two_true"] == "yes", table["two_p_yes"])
    assert found.row("m", "two.auc")["mean"] == pytest.approx(expected, abs=1e-12)


def test_large_numbers_keep_their_digits():
    """A difference of 1 at 20,000,000 is lost in single precision."""
    task = Regression("sales", "Sales", "pieces", 0, 3e7, 1e7)
    table = pd.DataFrame(
        {
            "image_id": list("abc"),
            "sales_true": [20_000_000.0, 20_000_001.0, 5.0],
            "sales_pred": [20_000_001.0, 20_000_000.0, 6.0],
        }
    )
    found = compare_runs({("m", 0): table}, (task,), "m", resamples=50)
    row = found.row("m", "sales.mae")
    assert (row["mean"], row["low"], row["high"]) == (1.0, 1.0, 1.0)


def test_an_error_without_a_unit_is_no_share():
    task = Regression("score", "Score", "", 0, 100, 10)
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 100, 200)
    table = pd.DataFrame({"image_id": np.arange(200), "score_true": truth})
    tables = {
        ("m", seed): table.assign(score_pred=truth + rng.normal(5, 5, 200))
        for seed in (0, 1)
    }
    row = compare_runs(tables, (task,), "m").row("m", "score.mae")
    assert row["low"] < row["mean"] < row["high"]
    assert row["high"] > 1


@pytest.fixture(scope="module")
def table():
    return synthetic_predictions("utkface", "ins", 3, rows=400)


@pytest.fixture(scope="module")
def means(table):
    found = compare_runs({("ins", 3): table}, TASKS["utkface"], "ins", resamples=20)
    return found.table.set_index("metric")["mean"]


def test_values_of_numbers(table, means):
    y_true, y_pred = table["age_true"], table["age_pred"]
    decade = table["age_true"].astype(int) // 10
    by_decade = (y_pred - y_true).abs().groupby(decade).mean()
    assert means["age.mae"] == pytest.approx(sk.mean_absolute_error(y_true, y_pred))
    assert means["age.rmse"] == pytest.approx(
        sk.root_mean_squared_error(y_true, y_pred)
    )
    assert means["age.bias"] == pytest.approx(y_pred.mean() - y_true.mean())
    assert means["age.within_5"] == ((y_pred - y_true).abs() <= 5).mean()
    assert means["age.mae[30-39]"] == pytest.approx(by_decade[3])
    assert means["age.mae_balanced"] == pytest.approx(by_decade.mean())


@pytest.mark.parametrize("name", ["gender", "ethnicity"])
def test_values_of_classes(table, means, name):
    task = next(t for t in TASKS["utkface"] if t.name == name)
    y_true, y_pred = table[f"{name}_true"], table[f"{name}_pred"]
    f1 = sk.f1_score(y_true, y_pred, labels=task.classes, average=None)
    accuracy = sk.accuracy_score(y_true, y_pred)
    balanced = sk.balanced_accuracy_score(y_true, y_pred)
    assert means[f"{name}.accuracy"] == pytest.approx(accuracy)
    assert means[f"{name}.balanced_accuracy"] == pytest.approx(balanced)
    for label, value in zip(task.classes, f1, strict=True):
        assert means[f"{name}.f1[{label}]"] == pytest.approx(value)
    if name == "gender":
        assert means["gender.f1"] == pytest.approx(f1[1])
    else:
        assert means["ethnicity.macro_f1"] == pytest.approx(f1.mean())
        asian = sk.recall_score(y_true, y_pred, labels=["Asian"], average="macro")
        assert means["ethnicity.recall[Asian]"] == pytest.approx(asian)


def test_error_rate_is_what_accuracy_leaves():
    tables = synthetic_tables(
        "cifar10-lt-200", methods=("baseline", "csce"), seeds=(0,)
    )
    found = compare_runs(tables, TASKS["cifar10-lt-200"], "baseline")
    error, accuracy = (
        found.row("csce", f"label.{name}") for name in ("error_rate", "accuracy")
    )
    wrong = tables["csce", 0].query("label_true != label_pred")
    assert error["mean"] == pytest.approx(len(wrong) / 640)
    assert error["delta"] == pytest.approx(-accuracy["delta"])
    assert error["verdict"] == accuracy["verdict"]
