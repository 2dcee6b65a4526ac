"""Temperatures of answers to photos: of one model, of several, and of none."""

from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import RunError
from core.methods.temperature import fit_temperature, scale
from core.results.answer_temperatures import (
    AnswerTemperature,
    describe_calibration,
    fit_answer_temperatures,
)
from tests.oracles import AGE, FOUR, TWO
from tests.unit.evaluation.test_scaled_probabilities import COLUMNS, draw


def run_of(table, method="m", seed=0):
    def predictions(split):
        assert split == "validation"
        if table is None:
            raise RunError("damaged", expected="a table", remedy="train it again")
        return table

    return SimpleNamespace(method=method, seed=seed, predictions=predictions)


def truth_of(table):
    return table["four_true"].map(FOUR.classes.index).to_numpy()


def test_one_model_has_the_temperature_of_its_validation_predictions():
    table = draw(np.random.default_rng(0), 500, 2.0)
    found = fit_answer_temperatures([run_of(table)], [AGE, FOUR])
    expected = fit_temperature(table[COLUMNS], truth_of(table))
    assert found == {("m", "four"): AnswerTemperature(pytest.approx(expected), 500)}


def test_several_models_have_that_of_their_mean():
    tables = [draw(np.random.default_rng(1), 500, sharp) for sharp in (1.0, 3.0)]
    runs = [run_of(table, seed=seed) for seed, table in enumerate(tables)]
    found = fit_answer_temperatures(runs, [FOUR])["m", "four"]
    mean = np.mean([table[COLUMNS].to_numpy() for table in tables], axis=0)
    assert found.value == pytest.approx(fit_temperature(mean, truth_of(tables[0])))


def test_a_run_that_was_scaled_has_the_temperature_of_its_model():
    table = draw(np.random.default_rng(2), 500, 2.0)
    plain = fit_answer_temperatures([run_of(table)], [FOUR])["m", "four"].value
    by = np.where(np.arange(500) < 250, 1.5, 2.5)
    scaled = table.assign(four_temperature=by)
    scaled[COLUMNS] = scale(table[COLUMNS].to_numpy(), by)
    found = fit_answer_temperatures([run_of(scaled)], [FOUR])["m", "four"].value
    assert found == pytest.approx(plain, rel=1e-2)


def test_without_validation_predictions_nothing_is_calibrated():
    table = draw(np.random.default_rng(3), 40, 2.0)
    runs = [
        run_of(table.iloc[:0], "empty"),
        run_of(table.drop(columns=COLUMNS), "labels"),
        run_of(None, "damaged"),
        run_of(table, "half", 0),
        run_of(None, "half", 1),
    ]
    assert fit_answer_temperatures(runs, [FOUR]) == {}


def test_what_is_said_of_it():
    used = {("a", "four"): AnswerTemperature(2.0, 3452)}
    said = describe_calibration(used, [AGE, FOUR], {"a": "A"})
    assert said == (
        "Probabilities are calibrated by temperature scaling on 3,452 validation "
        "images."
    )
    both = describe_calibration(used, [FOUR], {"a": "A", "b": "B"})
    assert both.endswith("images; those of B are the model's own.")
    used["b", "four"] = AnswerTemperature(1.0, 10)
    both = describe_calibration(used, [FOUR], {"a": "A", "b": "B"})
    assert "on 10 to 3,452 validation images." in both
    assert "no predictions of validation images" in describe_calibration(
        {}, [FOUR], {"a": "A"}
    )
    assert "without the mirror image" in describe_calibration(
        {}, [FOUR], {"a": "A"}, mirrored=True
    )
    assert describe_calibration(used, [AGE], {"a": "A"}) == ""


def test_a_task_without_a_temperature_is_named():
    used = {
        ("a", "two"): AnswerTemperature(2.0, 50),
        ("a", "four"): AnswerTemperature(2.0, 900),
        ("b", "two"): AnswerTemperature(2.0, 70),
    }
    said = describe_calibration(used, [TWO, FOUR], {"a": "A", "b": "B", "c": "C"})
    assert said == (
        "Probabilities are calibrated by temperature scaling on 50 to 900 validation "
        f"images; those of B for {FOUR.label.lower()} and C are the model's own."
    )
