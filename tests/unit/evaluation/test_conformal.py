"""Conformal intervals: what they promise, they hold."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.conformal import FEWEST, conformal_offsets
from core.tasks import Regression

AGE = Regression("age", "Age", unit="years", minimum=0, maximum=79, bin_width=10)


def draw(rng, n, *, old=0.2, spread=(4.0, 12.0)):
    """Ages in two groups, the older less common and harder to tell."""
    is_old = rng.random(n) < old
    truth = np.where(is_old, rng.uniform(50, 79, n), rng.uniform(5, 40, n))
    noise = rng.standard_normal(n) * np.where(is_old, spread[1], spread[0])
    # Towards the middle, as models of imbalanced data predict.
    predicted = np.clip(truth - 0.3 * (truth - 30) + noise, 0, 79)
    return pd.DataFrame(
        {
            "image_id": [f"{i}" for i in range(n)],
            "age_true": truth,
            "age_pred": predicted,
            "old": np.where(is_old, "old", "young"),
        }
    )


def share_held(offsets, table):
    own = offsets.set_index("bin")
    place = np.array(AGE.bin_labels)[AGE.bin_of(table["age_pred"].to_numpy())]
    error = (table["age_true"] - table["age_pred"]).to_numpy()
    low, high = (own.loc[place, end].to_numpy() for end in ("low", "high"))
    return ((error >= low) & (error <= high)).mean()


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_nine_in_ten_truths_lie_within(coverage):
    rng = np.random.default_rng(0)
    held = []
    for _ in range(40):
        validation, test = {("m", 0): draw(rng, 800)}, {("m", 0): draw(rng, 400)}
        offsets = conformal_offsets(validation, test, AGE, coverage=coverage)
        held.append(share_held(offsets, draw(rng, 4000)))
    assert coverage <= np.mean(held) <= coverage + 0.02


def test_what_is_held_on_test_is_counted():
    rng = np.random.default_rng(1)
    validation, test = {("m", 0): draw(rng, 900)}, {("m", 0): draw(rng, 500)}
    offsets = conformal_offsets(validation, test, AGE)
    row = offsets.iloc[0]
    assert row["held"] == pytest.approx(share_held(offsets, test["m", 0]))
    assert row["held_low"] < row["held"] < row["held_high"]
    assert row["held_high"] - row["held_low"] == pytest.approx(
        4 * 0.3 / 500**0.5, rel=0.2
    )
    assert list(offsets["bin"]) == list(AGE.bin_labels)
    assert (offsets["low"] < offsets["high"]).all()


def test_a_test_set_drawn_by_strata_is_held_by_weights_alone():
    rng = np.random.default_rng(2)
    plain, weighted = [], []
    for _ in range(25):
        validation = {("m", 0): draw(rng, 1500, old=0.1)}
        test = {("m", 0): draw(rng, 1000, old=0.6)}
        strata = {"m": (validation["m", 0]["old"], test["m", 0]["old"])}
        plain.append(conformal_offsets(validation, test, AGE)["held"][0])
        found = conformal_offsets(validation, test, AGE, strata=strata)
        weighted.append(found["held"][0])
    assert np.mean(plain) < 0.87
    assert 0.88 < np.mean(weighted) < 0.93


def test_a_bin_of_few_images_takes_its_neighbours_too():
    rng = np.random.default_rng(3)
    table = draw(rng, 700)
    offsets = conformal_offsets({("m", 0): table}, {("m", 0): table}, AGE)
    counts = np.bincount(AGE.bin_of(table["age_pred"].to_numpy()), minlength=8)
    for b, n in enumerate(offsets["n"]):
        assert n >= FEWEST
        assert n == counts[b] or counts[b] < FEWEST


def test_several_seeds_are_pooled_and_images_counted_once():
    rng = np.random.default_rng(4)
    table = draw(rng, 800)
    one = conformal_offsets({("m", 0): table}, {("m", 0): table}, AGE)
    runs = {("m", 0): table, ("m", 1): table}
    two = conformal_offsets(runs, runs, AGE)
    assert two["n"].tolist() == one["n"].tolist()
    assert two["held"][0] == pytest.approx(one["held"][0], abs=0.02)


def test_a_run_without_validation_images_has_no_interval():
    rng = np.random.default_rng(5)
    assert conformal_offsets({}, {("m", 0): draw(rng, 50)}, AGE).empty
