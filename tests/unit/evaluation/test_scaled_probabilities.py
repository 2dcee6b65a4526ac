"""Runs before and after temperature scaling: fitted, scaled, compared."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from core.evaluation.alignment import align_predictions
from core.evaluation.scaled_probabilities import (
    AFTER,
    NO_PROBABILITIES,
    NO_VALIDATION,
    OVER,
    UNDER,
    compare_scaled,
    scale_runs,
)
from core.methods.temperature import COLDEST, fit_temperature
from core.tasks import Multiclass
from tests.oracles import FOUR

COLUMNS = [f"four_p_{label}" for label in FOUR.classes]


def draw(rng, rows, sharp, group="A"):
    """Predictions that are ``sharp`` times too sure, of images of one group."""
    logits = 1.5 * rng.normal(size=(rows, 4))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y_true = (rng.random((rows, 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(max=3)
    p = np.exp(sharp * logits)
    p /= p.sum(axis=1, keepdims=True)
    names = np.array(FOUR.classes)
    table = pd.DataFrame(p, columns=COLUMNS)
    table["image_id"] = [f"{group}{i}" for i in range(rows)]
    table["shape"] = group
    return table.assign(four_true=names[y_true], four_pred=names[p.argmax(axis=1)])


def runs_of(sharp, *, rows=600, seeds=(0, 1), truth_seed=0):
    """Runs that see the same images; seeds only differ in how sure they are."""
    return {
        (method, seed): draw(np.random.default_rng(truth_seed), rows, s + 0.05 * seed)
        for method, s in sharp.items()
        for seed in seeds
    }


SHARP = {"sure": 2.0, "right": 0.97, "shy": 0.3}
TEST, VALIDATION = runs_of(SHARP), runs_of(SHARP, rows=900, truth_seed=1)


@pytest.fixture(scope="module")
def scaled():
    return scale_runs(TEST, VALIDATION, FOUR, "sure")


def test_each_run_has_the_temperature_of_its_own_validation_images(scaled):
    rows = scaled.temperatures.set_index("method")
    for method in SHARP:
        own = []
        for seed in (0, 1):
            table = VALIDATION[method, seed]
            truth = table["four_true"].map(FOUR.classes.index)
            own.append(fit_temperature(table[COLUMNS], truth))
        row = rows.loc[method]
        assert row["temperature"] == pytest.approx(np.sqrt(own[0] * own[1]))
        assert (row["lowest"], row["highest"]) == (min(own), max(own))
        assert row["low"] < row["temperature"] < row["high"]
        assert (row["images"], row["seeds"]) == (900, 2)
    assert rows["confidence"].to_dict() == {"sure": OVER, "right": "", "shy": UNDER}


def test_only_probabilities_change_and_no_answer(scaled):
    assert scaled.methods == tuple(SHARP)
    before, after = (one.probabilities["four"] for one in (scaled.before, scaled.after))
    for old, new in zip(before, after, strict=True):
        assert (old.argmax(axis=1) == new.argmax(axis=1)).all()
        assert new.dtype == old.dtype
    np.testing.assert_array_equal(
        scaled.before.predictions["four"], scaled.after.predictions["four"]
    )


def test_test_images_do_not_change_a_temperature(scaled):
    wrong = {key: table.assign(four_true="a") for key, table in TEST.items()}
    again = scale_runs(wrong, VALIDATION, FOUR, "sure")
    pd.testing.assert_frame_equal(again.temperatures, scaled.temperatures)


def test_the_difference_is_after_less_before_seed_by_seed(scaled):
    trainings = {key: f"{key}" for key in TEST}
    found = compare_scaled(TEST, FOUR, scaled, trainings=trainings, resamples=300)
    truth = TEST["sure", 0]["four_true"].map(FOUR.classes.index)
    for place, method in enumerate(SHARP):
        losses = [
            [log_loss(truth, one.probabilities["four"][2 * place + s]) for s in (0, 1)]
            for one in (scaled.before, scaled.after)
        ]
        row = found.row(method + AFTER, "four.log_loss")
        assert found.row(method, "four.log_loss")["mean"] == pytest.approx(
            np.mean(losses[0]), rel=1e-5
        )
        assert row["delta"] == pytest.approx(np.mean(losses[1]) - np.mean(losses[0]))
        assert found.references[method + AFTER] == method
    verdicts = {m: found.row(m + AFTER, "four.ece")["verdict"] for m in SHARP}
    assert verdicts == {"sure": "better", "right": "inconclusive", "shy": "better"}


def test_the_interval_of_a_temperature_holds_it_as_often_as_it_says():
    """Drawn anew, 19 in 20 intervals of one run hold the true temperature."""
    rng = np.random.default_rng(2)
    held = []
    for _ in range(60):
        validation = {("m", 0): draw(rng, 400, 2.0)}
        found = scale_runs(validation, validation, FOUR, "m", resamples=200)
        row = found.temperatures.iloc[0]
        held.append(row["low"] <= 2.0 <= row["high"])
    assert 0.87 <= np.mean(held) <= 1


def test_groups_have_their_own_temperature_if_they_have_enough_images():
    rng = np.random.default_rng(3)

    def both(rows, few):
        parts = ((rows, 3.0, "A"), (rows, 1.0, "B"), (few, 1.0, "C"))
        return pd.concat([draw(rng, *part) for part in parts], ignore_index=True)

    test, validation = {("m", 0): both(300, 50)}, {("m", 0): both(800, 30)}
    found = scale_runs(test, validation, FOUR, "m", by="shape")
    rows = found.temperatures.set_index("group")
    assert list(rows.index) == ["", "A", "B", "C"]
    assert rows["images"].tolist() == [1630, 800, 800, 30]
    assert rows["own"].tolist() == [True, True, True, False]
    assert rows.loc["A", "temperature"] == pytest.approx(3, rel=0.15)
    assert rows.loc["B", "temperature"] == pytest.approx(1, rel=0.15)
    assert rows.loc["C", "temperature"] == rows.loc["", "temperature"]
    assert np.isnan(rows.loc["C", "low"])
    (before,), (after,) = (
        one.probabilities["four"] for one in (found.before, found.after)
    )
    shape = test["m", 0]["shape"]
    for group, row in rows.iloc[1:].iterrows():
        own = (shape == group).to_numpy()
        # Smaller ones count as the smallest of a logarithm.
        own = own & (before.min(axis=1) > 1e-6)
        odds = [np.log(p[own, 0] / p[own, 1]) for p in (before, after)]
        np.testing.assert_allclose(odds[0] / row["temperature"], odds[1], rtol=1e-3)


def test_what_cannot_be_scaled_is_left_out_with_its_reason():
    labels = TEST["sure", 0].drop(columns=COLUMNS)
    test = {**TEST, ("labels", 0): labels, ("imported", 0): TEST["sure", 0]}
    validation = {
        **VALIDATION,
        ("labels", 0): VALIDATION["sure", 0].drop(columns=COLUMNS),
        ("imported", 0): VALIDATION["sure", 0].iloc[:0],
    }
    found = scale_runs(test, validation, FOUR, "sure")
    assert found.left == {"labels": NO_PROBABILITIES, "imported": NO_VALIDATION}
    assert found.methods == tuple(SHARP)
    nothing = scale_runs(TEST, {}, FOUR, "sure")
    assert set(nothing.left.values()) == {NO_VALIDATION}
    assert nothing.methods == ()
    assert nothing.temperatures.empty


def test_a_group_that_validation_does_not_name_is_said():
    validation = {key: table.drop(columns="shape") for key, table in VALIDATION.items()}
    found = scale_runs(TEST, validation, FOUR, "sure", by="shape")
    assert "no sensitive feature 'shape'" in found.left["sure"]


def test_a_perfect_model_has_no_interval():
    table = draw(np.random.default_rng(4), 300, 1.0)
    table["four_true"] = table["four_pred"]
    runs = {("m", 0): table}
    row = scale_runs(runs, runs, FOUR, "m").temperatures.iloc[0]
    assert row["temperature"] == pytest.approx(COLDEST, rel=1e-3)
    assert np.isnan(row["low"])
    assert row["confidence"] == ""


def test_single_precision_stays_and_a_class_may_be_absent():
    five = Multiclass("four", "Four", (*FOUR.classes, "e"))
    table = draw(np.random.default_rng(5), 300, 2.0).assign(four_p_e=0.0)
    names = [*COLUMNS, "four_p_e"]
    table[names] = table[names].astype(np.float32)
    runs = {("m", 0): table}
    found = scale_runs(runs, runs, five, "m")
    (after,) = found.after.probabilities["four"]
    assert after.dtype == np.float32
    assert np.isfinite(after).all()
    aligned = align_predictions(runs, [five], "m")
    assert (after.argmax(axis=1) == aligned.predictions["four"]).all()


def test_groups_follow_the_rows_of_the_baseline():
    """Whichever method's rows come first, an image has its own group's temperature."""
    rng = np.random.default_rng(6)

    def both(rows):
        parts = [draw(rng, rows, 3.0, "A"), draw(rng, rows, 0.5, "B")]
        return pd.concat(parts, ignore_index=True)

    table, validation = both(200), both(500)
    shuffled = table.sample(frac=1, random_state=0).reset_index(drop=True)
    test = {("a", 0): table, ("b", 0): shuffled}
    known = {("a", 0): validation, ("b", 0): validation}
    found = {
        baseline: scale_runs(test, known, FOUR, baseline, by="shape", resamples=20)
        for baseline in ("a", "b")
    }
    plain = pd.DataFrame(found["a"].after.probabilities["four"][1], table["image_id"])
    for place in (0, 1):
        again = pd.DataFrame(
            found["b"].after.probabilities["four"][place], shuffled["image_id"]
        )
        pd.testing.assert_frame_equal(again.loc[plain.index], plain)
