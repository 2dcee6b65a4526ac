"""Thresholds: rates by hand, choices by brute force, and nothing fitted on test."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from core.errors import EquipoiseError
from core.evaluation import whatif
from core.evaluation.comparison import compare_runs
from core.evaluation.whatif import CONSTRAINTS, STEPS, choose, count_scores
from core.tasks import Binary, Multiclass
from tests.synthetic import TASKS, synthetic_tables

TWO = Binary("two", "Two", ("no", "yes"))
UTKFACE = TASKS["utkface"]


def draw_table(rng, rows, *, split="validation", groups="ABC", shift=0.0):
    """Scores that differ by group, some of them exactly on the grid."""
    group = rng.integers(0, len(groups), rows)
    truth = rng.random(rows) < 0.3 + 0.15 * group
    logits = rng.normal(truth * 2.0 - 1 + shift * group, 1.2)
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    scores[::7] = np.round(scores[::7], 3)
    return pd.DataFrame(
        {
            "image_id": [f"i{i}" for i in range(rows)],
            "split": split,
            "shape": np.array(list(groups))[group],
            "two_true": np.where(truth, "yes", "no"),
            "two_pred": np.where(scores > 0.5, "yes", "no"),
            "two_p_no": 1 - scores,
            "two_p_yes": scores,
        }
    )


def counts_of(*tables, features=("shape",)):
    runs = {("only", seed): table for seed, table in enumerate(tables)}
    return count_scores(runs, (TWO,), "only", task="two", features=features)


def decided(table, thresholds):
    """Predictions under a threshold for each group, from the images themselves."""
    limits = table["shape"].map(thresholds).to_numpy(float)
    return table["two_p_yes"].to_numpy(np.float64) >= limits


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_the_images_at_every_threshold(seed):
    table = draw_table(np.random.default_rng(seed), 500)
    counts = counts_of(table)
    scores = table["two_p_yes"].to_numpy(np.float64)
    reach = scores[:, None] >= np.arange(STEPS + 1) / STEPS
    truth = (table["two_true"] == "yes").to_numpy()
    for group, name in enumerate(counts.grouping.names):
        own = (table["shape"] == name).to_numpy()
        for side in (0, 1):
            expected = reach[own & (truth == side)].sum(axis=0)
            assert (counts.at_least["only"][group, side] == expected).all()


def test_scores_on_the_grid_reach_their_threshold():
    scores = np.arange(STEPS + 1) / STEPS
    for dtype in (np.float32, np.float64):
        own = scores.astype(dtype)
        found = whatif._reaching(own, np.ones(STEPS + 1, np.int64), 1)[0, 1]
        wide = own.astype(np.float64)
        assert found.tolist() == [(wide >= t).sum() for t in scores]


def test_rates_and_gaps_are_those_of_the_comparison():
    """The same decisions as predictions of labels give the same metrics."""
    table = draw_table(np.random.default_rng(0), 900)
    thresholds = {"A": 0.35, "B": 0.5, "C": 0.612}
    outcome = counts_of(table).at("only", thresholds)
    table["two_pred"] = np.where(decided(table, thresholds), "yes", "no")
    found = compare_runs(
        {("only", 0): table},
        (TWO,),
        "only",
        by=["shape"],
        resamples=10,
    )
    values = found.groups.pivot(index="group", columns="metric", values="mean")
    for name, rates in outcome.rates.items():
        assert rates == pytest.approx(values[f"two.{name}"].to_numpy())
    overall = found.table.set_index("metric")["mean"]
    for name, value in outcome.overall.items():
        assert value == pytest.approx(overall[f"two.{name}"])
    gaps = found.gaps.set_index(["metric", "measure"])["mean"]
    for name in outcome.rates:
        for measure in ("difference", "ratio"):
            expected = gaps[(f"two.{name}", measure)]
            assert outcome.gaps[f"{name}_{measure}"] == pytest.approx(expected)
    odds = gaps[("two.equalized_odds", "difference")]
    assert outcome.gaps["equalized_odds_difference"] == pytest.approx(odds)
    fair = gaps[("two.accuracy", "fair_metric")]
    assert outcome.gaps["fair_metric"] == pytest.approx(fair)
    assert outcome.groups["threshold"].tolist() == list(thresholds.values())


def test_curve_is_every_common_threshold():
    counts = counts_of(draw_table(np.random.default_rng(1), 400))
    curve = counts.curve("only").set_index("threshold")
    for threshold in (0.0, 0.25, 0.5, 1.0):
        outcome = counts.at("only", threshold)
        for name, value in (outcome.overall | outcome.gaps).items():
            np.testing.assert_allclose(curve.loc[threshold, name], value)


def test_seeds_are_averaged():
    rng = np.random.default_rng(2)
    first = draw_table(rng, 300)
    second = first.assign(two_p_yes=rng.random(300).astype(np.float32))
    both = counts_of(first, second).at("only", 0.4)
    each = [counts_of(table).at("only", 0.4) for table in (first, second)]
    for name in ("accuracy", "recall", "selection_rate", "false_positive_rate"):
        expected = np.mean([outcome.rates[name] for outcome in each], axis=0)
        assert both.rates[name] == pytest.approx(expected)


def test_one_class_is_decided_against_the_rest():
    tables = synthetic_tables(methods=("baseline",), seeds=(0,))
    counts = count_scores(
        tables,
        UTKFACE,
        "baseline",
        task="ethnicity",
        features=["gender"],
        positive="Asian",
    )
    table = tables["baseline", 0]
    reach = table["ethnicity_p_Asian"].to_numpy(np.float64) >= 0.3
    is_asian = table["ethnicity_true"] == "Asian"
    outcome = counts.at("baseline", 0.3)
    assert outcome.overall["accuracy"] == pytest.approx((reach == is_asian).mean())
    assert outcome.overall["recall"] == pytest.approx(reach[is_asian].mean())


def test_small_groups_do_not_decide_gaps():
    rng = np.random.default_rng(3)
    table = draw_table(rng, 400, groups="AB")
    table.loc[:5, "shape"] = "C"
    counts = counts_of(table)
    with_small = counts.at("only", 0.5, include_small=True)
    without = counts.at("only", 0.5)
    rates = without.rates["selection_rate"]
    assert without.gaps["demographic_parity_difference"] == pytest.approx(
        np.ptp(rates[:2])
    )
    assert with_small.gaps["demographic_parity_difference"] == pytest.approx(
        np.ptp(rates)
    )
    for constraint in CONSTRAINTS:
        choice = choose(counts, "only", constraint, most=0.3)
        assert choice.unconstrained == ("C",)
        assert choice.thresholds["C"] == choice.fallback


@pytest.mark.parametrize("constraint", list(CONSTRAINTS))
@pytest.mark.parametrize("common", [False, True])
@pytest.mark.parametrize(("seed", "most"), [(0, 0.02), (1, 0.1), (2, 0.3)])
def test_choices_are_the_best_of_all(monkeypatch, constraint, common, seed, most):
    monkeypatch.setattr(whatif, "STEPS", 20)
    counts = counts_of(
        draw_table(np.random.default_rng(seed), 300, groups="ABC", shift=0.4)
    )
    grid = counts.thresholds
    places = product(range(len(grid)), repeat=3)
    if common:
        places = ((place,) * 3 for place in range(len(grid)))
    best = -1.0
    reached, support = counts.reached("only"), counts.support
    every = np.array(list(places))
    rows = np.arange(3)
    negative, positive = reached[rows, 0, every], reached[rows, 1, every]
    accuracy = (positive + support[:, 0] - negative).sum(axis=1) / support.sum()
    rates = {
        "selection_rate": (negative + positive) / support.sum(axis=1),
        "recall": positive / support[:, 1],
        "false_positive_rate": negative / support[:, 0],
    }
    allowed = np.ones(len(every), bool)
    for name in CONSTRAINTS[constraint]:
        allowed &= np.ptp(rates[name], axis=1) <= most + 1e-9
    best = accuracy[allowed].max()
    choice = choose(counts, "only", constraint, most=most, common=common)
    assert choice.accuracy == pytest.approx(best)
    if constraint != "none":
        assert choice.gap <= most + 1e-9
        outcome = choice.on(counts)
        assert outcome.gaps[f"{constraint}_difference"] == pytest.approx(choice.gap)


def test_a_choice_of_validation_is_shown_on_test():
    rng = np.random.default_rng(4)
    validation = counts_of(draw_table(rng, 600, groups="AB"))
    table = draw_table(rng, 600, split="test", groups="ABC")
    test = counts_of(table)
    choice = choose(validation, "only", "equal_opportunity", most=0.05)
    outcome = choice.on(test)
    limits = {**choice.thresholds, "C": choice.fallback}
    right = decided(table, limits) == (table["two_true"] == "yes")
    assert outcome.overall["accuracy"] == pytest.approx(right.mean())
    with pytest.raises(EquipoiseError, match="must not be chosen on the test split"):
        choose(test, "only", "equal_opportunity")


def test_many_levels_still_keep_the_constraint(monkeypatch):
    counts = counts_of(draw_table(np.random.default_rng(5), 3000, shift=0.4))
    exact = choose(counts, "only", "equalized_odds", most=0.05)
    monkeypatch.setattr(whatif, "MAX_LEVELS", 60)
    monkeypatch.setattr(whatif, "BLOCK", 2000)
    coarse = choose(counts, "only", "equalized_odds", most=0.05)
    assert max(exact.gap, coarse.gap) <= 0.05 + 1e-9
    assert exact.accuracy >= coarse.accuracy > exact.accuracy - 0.02


def test_what_cannot_be_is_said():
    table = draw_table(np.random.default_rng(6), 200)
    counts = counts_of(table)
    labels = table.drop(columns=["two_p_yes", "two_p_no"])
    both = count_scores(
        {("only", 0): table, ("labels", 0): labels},
        (TWO,),
        "only",
        task="two",
        features=["shape"],
    )
    assert both.without == ("labels",)
    three = Multiclass("two", "Two", ("no", "yes", "maybe"))
    for work, message in (
        (lambda: counts.at("only", 1.5), "threshold is 1.5"),
        (lambda: counts.at("only", {"A": 0.5}), "no threshold for B, C"),
        (lambda: both.at("labels", 0.5), "'labels' has no probabilities"),
        (lambda: choose(counts, "only", "equality"), "no constraint 'equality'"),
        (lambda: choose(counts, "only", "none", most=2.0), "difference allowed is 2"),
        (lambda: counts_of(labels), "No method has probabilities"),
        (
            lambda: count_scores(
                {("only", 0): table}, (three,), "only", task="two", features=["shape"]
            ),
            "no class '' to decide on",
        ),
        (
            lambda: count_scores(
                {("only", 0): table}, UTKFACE, "only", task="age", features=["shape"]
            ),
            "no task 'age' with classes",
        ),
    ):
        with pytest.raises(EquipoiseError, match=message):
            work()
