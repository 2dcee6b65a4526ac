"""Reliability curves against scikit-learn, and what must not break them."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from core.evaluation.alignment import align_predictions
from core.evaluation.reliability import (
    HISTOGRAM_BINS,
    confidence_gaps,
    confidence_histograms,
    reliability_curves,
)
from tests.oracles import FOUR, TWO, draw_table


def aligned_of(seeds=(0, 1), rows=400, task=FOUR, change=lambda table: table):
    rng = np.random.default_rng(4)
    first = draw_table(rng, task, rows)
    tables = {}
    for seed in seeds:
        table = draw_table(rng, task, rows)
        truth = f"{task.name}_true"
        columns = ["image_id", "shape", "size"]
        table[truth], table[columns] = first[truth], first[columns]
        tables["m", seed] = change(table)
    return align_predictions(tables, [task], "m")


def answers_of(aligned, task=FOUR):
    given = np.concatenate(aligned.probabilities[task.name])
    truth = np.tile(aligned.truth[task.name], len(given) // aligned.rows)
    return given.max(axis=1), given.argmax(axis=1) == truth


@pytest.mark.parametrize("task", [TWO, FOUR])
def test_a_curve_is_that_of_scikit_learn(task):
    aligned = aligned_of(task=task)
    curve = reliability_curves(aligned, task)
    sure, right = answers_of(aligned, task)
    accuracy, confidence = calibration_curve(
        right, sure, n_bins=15, strategy="quantile"
    )
    # Its edges lie between two values, ours on one: a value at most changes its bin.
    np.testing.assert_allclose(curve["confidence"], confidence, atol=0.005)
    np.testing.assert_allclose(curve["accuracy"], accuracy, atol=0.03)
    assert curve["images"].sum() == aligned.rows
    assert (curve["low"] <= curve["accuracy"]).all()
    assert (curve["accuracy"] <= curve["high"]).all()


def test_histograms_hold_every_answer_and_one_is_in_the_last_bin():
    def certain(table):
        columns = [f"four_p_{label}" for label in FOUR.classes]
        table[columns] = np.eye(4, dtype=np.float16)[
            table[columns].to_numpy().argmax(axis=1)
        ]
        return table

    table = confidence_histograms(aligned_of(), FOUR)
    assert table["share"].sum() == pytest.approx(1)
    assert len(table) == HISTOGRAM_BINS
    sure = confidence_histograms(aligned_of(change=certain), FOUR)
    assert sure["share"].tolist() == [0] * (HISTOGRAM_BINS - 1) + [1]
    assert len(reliability_curves(aligned_of(change=certain), FOUR)) == 1


def test_gaps_are_signed_means_over_the_seeds():
    aligned = aligned_of()
    sure, right = answers_of(aligned)
    (row,) = confidence_gaps(aligned, FOUR).itertuples()
    assert row.gap == pytest.approx(sure.mean() - right.mean())
    assert (row.confidence, row.accuracy) == pytest.approx((sure.mean(), right.mean()))


def test_labels_without_probabilities_have_no_curve():
    def bare(table):
        return table.drop(columns=[c for c in table if "_p_" in c])

    aligned = aligned_of(change=bare)
    assert reliability_curves(aligned, FOUR).empty
    assert confidence_histograms(aligned, FOUR).empty
    assert confidence_gaps(aligned, FOUR).empty
