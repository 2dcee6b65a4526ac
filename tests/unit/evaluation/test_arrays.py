"""The way in for arrays: the example of its docstring, values, and what is refused."""

import doctest

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

import core.evaluation
from core.errors import EquipoiseError
from core.evaluation import arrays, compare
from core.evaluation.comparison import compare_runs
from core.evaluation.verdicts import BASELINE, EQUIVALENT
from core.tasks import Binary

ROWS = 240


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def answers_of(truth, right, rng, classes):
    return np.where(rng.random(len(truth)) < right, truth, rng.choice(classes, ROWS))


def test_the_example_of_the_docstring_is_true():
    found = doctest.testmod(arrays)
    assert found.attempted >= 8
    assert found.failed == 0
    assert core.evaluation.compare is arrays.compare


def test_labels_have_scikit_learns_values_over_the_seeds(rng):
    classes = ["cat", "dog", "fox"]
    truth = rng.choice(classes, ROWS)
    own = [answers_of(truth, right, rng, classes) for right in (0.5, 0.6, 0.7)]
    base = [answers_of(truth, 0.2, rng, classes) for _ in range(2)]
    found = compare(
        truth,
        {"base": base, "own": own},
        ["accuracy", "macro_f1", "recall[fox]"],
        resamples=300,
    )
    expected = {
        "accuracy": sk.accuracy_score,
        "macro_f1": lambda t, p: sk.f1_score(t, p, average="macro"),
        "recall[fox]": lambda t, p: sk.recall_score(
            t, p, labels=["fox"], average="macro"
        ),
    }
    for name, measure in expected.items():
        means = {
            method: np.mean([measure(truth, one) for one in seeds])
            for method, seeds in (("base", base), ("own", own))
        }
        row = found.row("own", f"target.{name}")
        assert row["mean"] == pytest.approx(means["own"], abs=1e-12)
        assert row["delta"] == pytest.approx(means["own"] - means["base"], abs=1e-12)
        assert row["seeds"] == 3
    assert found.row("own", "target.accuracy")["verdict"] == "better"
    assert found.row("base", "target.accuracy")["verdict"] == BASELINE


def test_probabilities_are_labels_and_areas(rng):
    truth = rng.integers(0, 3, ROWS)
    logits = rng.normal(size=(ROWS, 3)) + 1.5 * (truth[:, None] == np.arange(3))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = compare(
        truth, {"m": [shares]}, ["auc", "accuracy", "top_2_accuracy"], resamples=50
    )
    areas = sk.roc_auc_score(truth, shares, multi_class="ovr", average="macro")
    values = found.table.set_index("metric")["mean"]
    assert values["target.auc"] == pytest.approx(areas, abs=1e-12)
    right = (shares.argmax(axis=1) == truth).mean()
    assert values["target.accuracy"] == pytest.approx(right)
    top = sk.top_k_accuracy_score(truth, shares, k=2)
    assert values["target.top_2_accuracy"] == pytest.approx(top)


def test_of_two_classes_the_second_is_meant(rng):
    truth = rng.choice([False, True], ROWS)
    given = rng.choice([False, True], ROWS)
    found = compare(truth, {"m": [given]}, ["recall", "f1"], resamples=50)
    values = found.table.set_index("metric")["mean"]
    assert values["target.recall"] == pytest.approx(sk.recall_score(truth, given))
    assert values["target.f1"] == pytest.approx(sk.f1_score(truth, given))
    turned = compare(
        truth, {"m": [given]}, ["recall"], classes=[True, False], resamples=50
    )
    expected = sk.recall_score(truth, given, pos_label=False)
    assert turned.row("m", "target.recall")["mean"] == pytest.approx(expected)


def test_numbers_have_a_unit_and_bins(rng):
    truth = rng.integers(0, 80, ROWS)
    given = truth + rng.normal(1, 5, ROWS)
    found = compare(
        truth,
        {"base": [given], "better": [truth + (given - truth) / 2]},
        ["mae", "bias", "mae_balanced", "mae[10-19]"],
        unit="years",
        bin_width=10,
        margins={"bias": 5.0},
        resamples=300,
    )
    row = found.row("base", "target.mae")
    assert row["mean"] == pytest.approx(np.abs(given - truth).mean())
    assert found.row("better", "target.mae")["verdict"] == "better"
    assert found.row("better", "target.bias")["verdict"] == EQUIVALENT
    part = (truth // 10) == 1
    row = found.row("base", "target.mae[10-19]")
    assert row["n"] == part.sum()
    assert row["mean"] == pytest.approx(np.abs(given - truth)[part].mean())
    means = pd.Series(np.abs(given - truth)).groupby(truth // 10).mean()
    row = found.row("base", "target.mae_balanced")
    assert row["mean"] == pytest.approx(means.mean())


def test_it_is_the_engine_of_the_pages(rng):
    truth = rng.choice(["no", "yes"], ROWS)
    given = {
        "a": [answers_of(truth, 0.6, rng, ["no", "yes"]) for _ in range(2)],
        "b": [answers_of(truth, 0.8, rng, ["no", "yes"]) for _ in range(2)],
    }
    shape, size = rng.choice(list("xy"), ROWS), rng.choice([1, 2], ROWS)
    options = {"resamples": 100, "rng_seed": 3, "level": 0.9, "include_small": True}
    found = compare(
        truth,
        given,
        ["accuracy", "recall"],
        by={"shape": shape, "size": size},
        baseline="b",
        **options,
    )
    tables = {
        (method, seed): pd.DataFrame(
            {
                "image_id": np.arange(ROWS),
                "shape": shape,
                "size": size,
                "target_true": truth,
                "target_pred": one,
            }
        )
        for method, seeds in given.items()
        for seed, one in enumerate(seeds)
    }
    expected = compare_runs(
        tables,
        (Binary("target", "Target", ("no", "yes")),),
        "b",
        by=["shape", "size"],
        metrics=["target.accuracy", "target.recall"],
        **options,
    )
    pd.testing.assert_frame_equal(found.cells, expected.cells)
    assert found.grouping.feature == "shape × size"


def test_groups_may_be_one_array_or_a_table(rng):
    truth = rng.choice(["no", "yes"], ROWS)
    shape = rng.choice(list("xy"), ROWS)
    answers = {"m": [rng.choice(["no", "yes"], ROWS)]}
    for by, name in (
        (shape, "group"),
        (list(shape), "group"),
        (pd.Series(shape, name="shape"), "shape"),
        (pd.DataFrame({"shape": shape}), "shape"),
    ):
        found = compare(truth, answers, ["accuracy"], by=by, resamples=20)
        assert found.grouping.feature == name
        assert found.grouping.names == ("x", "y")
        row = found.row("m", "target.accuracy", group="x")
        assert row["images"] == (shape == "x").sum()


def test_a_design_and_families_are_passed_on(rng):
    truth = rng.choice(["no", "yes"], ROWS)
    given = {name: [rng.choice(["no", "yes"], ROWS)] for name in "abc"}
    found = compare(
        truth,
        given,
        ["accuracy"],
        design=np.arange(ROWS) // 10,
        families={"c": "visitors"},
        resamples=50,
    )
    assert found.by_strata == ROWS // 10
    assert found.families == {"a": "study", "b": "study", "c": "visitors"}


YES = np.array(["no", "yes"] * 30)
NUMBERS = np.arange(60.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((YES, {}, ["accuracy"]), "There are no predictions"),
        ((YES, {"m": [YES]}, []), "No metric was named"),
        ((YES, {"m": [YES]}, ["acuracy"]), "no metric 'acuracy'. Expected: one of"),
        ((YES, {"m": [YES]}, ["accuracy", "mae"]), "mae are of numbers, and accuracy"),
        ((YES, {"m": YES}, ["accuracy"]), "'m' are not a list of arrays"),
        ((YES, {"m": []}, ["accuracy"]), "'m' are not a list of arrays"),
        ((YES, {"m": ["no", "yes"]}, ["accuracy"]), "'m' are not a list of arrays"),
        (
            (YES, {"m": [YES, YES[1:]]}, ["accuracy"]),
            r"'m', seed 1, have the shape \(59,\). Expected: 60 rows",
        ),
        ((YES[:, None], {"m": [YES]}, ["accuracy"]), r"y_true has the shape \(60, 1\)"),
        ((YES[:0], {"m": [YES[:0]]}, ["accuracy"]), r"y_true has the shape \(0,\)"),
        (
            (YES, {"m": [np.full((60, 3), 1 / 3)]}, ["accuracy"]),
            "have 3 columns for 2 classes",
        ),
        (
            (YES, {"m": [np.zeros((60, 2))]}, ["auc"]),
            "are not probabilities.*apply softmax",
        ),
        ((YES, {"m": [np.full(60, "no")]}, ["mae"]), "y_true holds no finite number"),
        (
            (NUMBERS, {"m": [np.where(NUMBERS == 3, np.nan, 1)]}, ["mae"]),
            "'m', seed 0, holds no finite number in 1 of 60 rows",
        ),
        ((NUMBERS, {"m": [NUMBERS]}, ["mae_balanced"]), "no width of the bins"),
        ((np.full(60, "no"), {"m": [np.full(60, "no")]}, ["accuracy"]), "classes are"),
        (
            (YES, {"m": [np.where(NUMBERS == 3, None, YES)]}, ["accuracy"]),
            "'m', seed 0, holds no label in 1 of 60 rows",
        ),
    ],
)
def test_what_cannot_be_compared_is_said(arguments, message):
    with pytest.raises(EquipoiseError, match=message):
        compare(*arguments, resamples=10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baseline": "other"}, "baseline 'other' has no predictions"),
        ({"classes": ["no", "maybe"]}, "holds 'yes' in 30 rows"),
        ({"classes": ["no", "no"]}, "classes are no, no"),
        ({"unit": "years"}, "Classes have no unit and no bins"),
        ({"by": YES[1:]}, r"The feature 'group' has the shape \(59,\)"),
        ({"by": {"image_id": YES}}, "sensitive feature is called 'image_id'"),
        ({"by": {"target_true": YES}}, "sensitive feature is called 'target_true'"),
        ({"design": YES[1:]}, r"design has the shape \(59,\)"),
        ({"margins": {"macro_f1": 0.1}}, "`margins` names macro_f1"),
        ({"families": {"other": "x"}}, "`families` names other"),
    ],
)
def test_options_that_make_no_sense_are_said(options, message):
    with pytest.raises(EquipoiseError, match=message):
        compare(YES, {"m": [YES]}, ["accuracy"], resamples=10, **options)


def test_the_bins_need_a_width_above_0():
    with pytest.raises(EquipoiseError, match="width of the bins is -1"):
        compare(NUMBERS, {"m": [NUMBERS]}, ["mae"], bin_width=-1)
