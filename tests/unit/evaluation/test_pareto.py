"""The front, against every pair looked at one by one; and the steps along it."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.comparison import compare_runs
from core.evaluation.cost import COSTS, cost_table, run_costs
from core.evaluation.metrics import metric_info
from core.evaluation.pareto import (
    EQUAL_COST,
    compute_step,
    cost_points,
    equal_costs,
    pareto_front,
    reference_of,
    step_pairs,
)
from tests.records import record
from tests.synthetic import TASKS, synthetic_tables

METHODS = ("baseline", "denseweight", "denseweight-1", "ins")
MAE = metric_info("age.mae")
TIME = COSTS["training_seconds"]

few = st.integers(0, 4).map(float)
number = few | st.just(math.nan) | st.floats(0.001, 1000)
pairs = st.lists(st.tuples(number, number), max_size=12)


def beats(one, other):
    """Whether one is as good in both and better in one; unknown beats nothing."""
    no_worse = one[0] <= other[0] and one[1] >= other[1]
    return no_worse and (one[0] < other[0] or one[1] > other[1])


@given(pairs)
def test_front_is_what_no_other_beats(points):
    cost, gain = [p[0] for p in points], [p[1] for p in points]
    expected = [
        not any(map(math.isnan, point)) and not any(beats(q, point) for q in points)
        for point in points
    ]
    assert pareto_front(cost, gain).tolist() == expected


@given(pairs)
def test_front_does_not_depend_on_the_order(points):
    cost, gain = (np.array([p[i] for p in points], float) for i in (0, 1))
    turned = pareto_front(cost[::-1], gain[::-1])[::-1]
    assert pareto_front(cost, gain).tolist() == turned.tolist()


def test_twins_are_on_the_front_together_and_nothing_is_on_an_empty_one():
    assert pareto_front([1, 1, 2], [5, 5, 5]).tolist() == [True, True, False]
    assert pareto_front([], []).tolist() == []
    assert pareto_front([math.nan, 1], [1, math.nan]).tolist() == [False, False]


@given(st.lists(st.floats(0.001, 1000), max_size=20))
def test_costs_made_equal_were_nearly_so(costs):
    made = equal_costs(costs)
    assert (made <= costs).all()
    assert (np.array(costs) <= made * EQUAL_COST).all()
    different = np.unique(made)
    assert (different[1:] > different[:-1] * EQUAL_COST).all()


def test_a_chain_of_near_costs_does_not_become_one():
    made = equal_costs([1.0, 1.015, 1.03, 1.045, math.nan])
    assert made[:4].tolist() == [1.0, 1.0, 1.03, 1.03]
    assert math.isnan(made[4])


@pytest.fixture(scope="module")
def tables():
    return synthetic_tables(methods=METHODS, seeds=(0, 1), rows=320)


@pytest.fixture(scope="module")
def comparison(tables):
    return compare_runs(tables, TASKS["utkface"], "baseline", resamples=300)


def points_of(comparison, metric=MAE, cost=TIME, methods=METHODS, **seconds):
    rows = [record(m, duration_s=s) for m, s in seconds.items()]
    return cost_points(comparison, cost_table(run_costs(rows)), metric, cost, methods)


@pytest.fixture(scope="module")
def points(comparison):
    return points_of(
        comparison, **{"baseline": 100, "denseweight": 300, "denseweight-1": 50}
    )


def test_points_are_cheapest_first_without_what_is_unknown(points, comparison):
    assert points.index.tolist() == ["denseweight-1", "baseline", "denseweight"]
    assert points["cost"].tolist() == [50, 100, 300]
    mae = comparison.row("denseweight", "age.mae")["mean"]
    assert points.loc["denseweight", "quality"] == -mae
    # By construction denseweight-1 is worse than the baseline, denseweight better.
    assert points["on_front"].all()
    assert step_pairs(points) == (
        ("denseweight-1", "baseline"),
        ("baseline", "denseweight"),
        ("denseweight-1", "denseweight"),
    )


def test_dearer_and_worse_is_off_the_front(comparison):
    points = points_of(comparison, **{"baseline": 100, "denseweight-1": 101, "ins": 90})
    assert not points.loc["denseweight-1", "on_front"]


def test_a_hair_cheaper_does_not_save_the_worse(comparison):
    nearly = {"denseweight-1": 100.0, "denseweight": 101.0}
    points = points_of(comparison, **nearly)
    assert points.index[points["on_front"]].tolist() == ["denseweight"]
    assert step_pairs(points) == ()


def test_more_images_a_second_are_cheaper(comparison):
    rows = [
        record(m, images_per_second=s)
        for m, s in {"baseline": 500.0, "denseweight": 250.0}.items()
    ]
    costs = cost_table(run_costs(rows))
    speed = COSTS["images_per_second"]
    points = cost_points(comparison, costs, MAE, speed, METHODS)
    assert points.index.tolist() == ["baseline", "denseweight"]
    step = compute_step(("baseline", "denseweight"), points, comparison, "age.mae")
    assert step.ratio == pytest.approx(2.0)


def test_higher_is_better_where_the_metric_says_so(comparison):
    score = metric_info("ethnicity.f1[Asian]")
    points = points_of(comparison, metric=score, **{"baseline": 100, "ins": 90})
    assert (points["quality"] == points["mean"]).all()
    assert points.index[points["on_front"]].tolist() == ["ins"]


def test_a_bias_is_better_nearer_to_zero(comparison):
    bias = metric_info("age.bias")
    points = points_of(comparison, metric=bias, **{"baseline": 100, "denseweight": 90})
    assert (points["quality"] == -points["mean"].abs()).all()


def test_a_step_with_the_baseline_has_the_verdict_of_every_page(points, comparison):
    pair = ("baseline", "denseweight")
    assert reference_of(pair, "baseline") == "baseline"
    step = compute_step(pair, points, comparison, "age.mae")
    row = comparison.row("denseweight", "age.mae")
    assert (step.delta, step.low, step.high) == tuple(
        row[["delta", "delta_low", "delta_high"]]
    )
    assert (step.p, step.verdict) == (row["p"], row["verdict"])
    assert step.ratio == 3.0


def test_a_step_to_the_baseline_is_the_same_turned_round(points, comparison):
    pair = ("denseweight-1", "baseline")
    assert reference_of(pair, "baseline") == "baseline"
    step = compute_step(pair, points, comparison, "age.mae")
    row = comparison.row("denseweight-1", "age.mae")
    assert row["verdict"] == "worse"
    assert step.verdict == "better"
    assert step.delta == -row["delta"]
    assert (step.low, step.high) == (-row["delta_high"], -row["delta_low"])


def test_a_step_between_two_others_is_against_the_cheaper_one(points, tables):
    pair = ("denseweight-1", "denseweight")
    assert reference_of(pair, "baseline") == "denseweight-1"
    against = compare_runs(tables, TASKS["utkface"], "denseweight-1", resamples=300)
    step = compute_step(pair, points, against, "age.mae")
    errors = {
        method: np.mean(
            [
                (table["age_pred"] - table["age_true"]).abs().mean()
                for (name, _), table in tables.items()
                if name == method
            ]
        )
        for method in pair
    }
    assert step.delta == pytest.approx(errors["denseweight"] - errors["denseweight-1"])
    assert step.verdict == "better"
    assert step.ratio == 6.0


def test_a_comparison_keeps_every_run(comparison, tables):
    for (method, seed), table in tables.items():
        mae = (table["age_pred"] - table["age_true"]).abs().mean()
        assert comparison.runs.loc[(method, seed), "age.mae"] == pytest.approx(mae)
    means = comparison.runs.groupby("method", sort=False)["age.mae"].mean()
    rows = comparison.table[comparison.table["metric"] == "age.mae"]
    pd.testing.assert_series_equal(
        means, rows.set_index("method")["mean"], check_names=False
    )
