"""Answers of a predictor with temperatures, over models that a test makes up."""

import json

import numpy as np
import pytest

from core.methods.temperature import scale
from core.predictor import Predictor, Preprocessing
from core.results.answer_temperatures import AnswerTemperature
from tests.oracles import FOUR, TWO

KIND = Preprocessing(8)
PICTURES = {KIND: np.zeros((3, 8, 8, 3), np.uint8)}
MEMBERS = (("one", 0), ("several", 0), ("several", 1), ("none", 0))
USED = {
    (method, task): AnswerTemperature(2.0, 100)
    for method in ("one", "several")
    for task in ("two", "four")
}


class Ensemble:
    """The same answers to whatever pictures, one for each member and image."""

    def __init__(self):
        rng = np.random.default_rng(0)
        logits = rng.normal(0, 3, (len(MEMBERS), 16, 4))
        four = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
        self.outputs = {"four": four, "two": rng.random((len(MEMBERS), 16, 1))}

    def predict_on_batch(self, batches):
        count = len(batches[0])
        return {name: out[:, :count] for name, out in self.outputs.items()}


def predictor(temperatures, mirrored=()):
    return Predictor(
        Ensemble(),
        MEMBERS,
        (TWO, FOUR),
        preprocessings=[KIND] * len(MEMBERS),
        mirrored=mirrored,
        temperatures=temperatures,
    )


def test_the_mean_of_the_models_is_scaled_and_the_class_stays():
    plain, calibrated = (predictor(t).answer(PICTURES) for t in ({}, USED))
    for before, after in zip(plain, calibrated, strict=True):
        for method in ("one", "several"):
            for task in (TWO, FOUR):
                old, new = before[method][task.name], after[method][task.name]
                shares = np.array([[old.probabilities[c] for c in task.classes]])
                expected = dict(zip(task.classes, scale(shares, 2.0)[0], strict=True))
                assert new.probabilities == pytest.approx(expected)
                assert new.label == old.label
                assert new.probability == max(new.probabilities.values())
                assert (old.temperature, new.temperature) == (None, 2.0)
        assert after["none"] == before["none"]
        assert after["one"]["four"].sd is None
        assert after["several"]["four"].sd > 0


def test_json_says_which_are_calibrated():
    (face, *_) = predictor(USED).answer(PICTURES)
    one, none = (
        json.loads(json.dumps(face[m]["four"].as_json())) for m in ("one", "none")
    )
    assert (one["calibrated"], one["temperature"]) == (True, 2.0)
    assert none["calibrated"] is False
    assert "temperature" not in none


def test_answers_averaged_with_mirror_images_keep_the_models_probabilities():
    both = predictor(USED, mirrored=[True, False, False, False])
    assert both.used_temperatures() == USED
    used = both.used_temperatures(mirrored=True)
    # The first method is always averaged: its validation predictions are too.
    assert {method for method, _ in used} == {"one"}
    (face, *_) = both.answer(PICTURES, mirrored=True)
    assert face["one"]["two"].temperature == 2.0
    assert face["several"]["two"].temperature is None
