"""Where the signs on an axis of costs stand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from core.plots.cost_axis import APART, MOST_MOVED, build_cost_axis, spread_apart
from core.text import NO_BREAK

NONE = np.array([]), np.array([], np.int64)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20), st.floats(0, 1))
def test_neighbours_keep_their_distance_and_order(places, least):
    moved = spread_apart(np.sort(places), least)
    assert (np.diff(moved) >= least - 1e-9).all()


def test_signs_move_no_more_than_need_be():
    places = np.array([0.0, 0.1, 0.15, 2.0, 2.05])
    found = minimize(
        lambda x: ((x - places) ** 2).sum(),
        places,
        constraints=[{"type": "ineq", "fun": lambda x: np.diff(x) - 0.3}],
    )
    assert spread_apart(places, 0.3) == pytest.approx(found.x, abs=1e-4)


def test_what_is_apart_stays_where_it_is():
    places = np.array([0.0, 1.0, 3.0])
    assert spread_apart(places, 0.5).tolist() == places.tolist()


def test_no_sign_is_moved_far_nor_below_the_floor():
    places = np.full(20, 1.0)
    moved = spread_apart(places, 1.0, most_moved=2.0)
    assert np.abs(moved - places).max() <= 2.0
    assert np.diff(moved).min() > 0
    assert spread_apart(places, 1.0, floor=0.5)[0] == 0.5


@pytest.mark.parametrize("logarithmic", [False, True])
def test_costs_stand_where_they_are(logarithmic):
    costs = np.array([100.0, 300.0, 900.0])
    axis = build_cost_axis(costs, *NONE, equal=False, logarithmic=logarithmic)
    assert axis.drawn(axis.places) == pytest.approx(costs)
    low, high = axis.layout["range"]
    assert low <= axis.places[0] < axis.places[-1] < high


def test_a_wide_linear_axis_begins_at_zero_and_a_narrow_one_does_not():
    wide = build_cost_axis(np.array([1.0, 90.0]), *NONE, equal=False, logarithmic=False)
    assert wide.layout["range"][0] == 0
    near = build_cost_axis(
        np.array([80.0, 90.0]), *NONE, equal=False, logarithmic=False
    )
    assert near.layout["range"][0] > 70


def test_many_of_one_cost_stay_near_it_beside_a_dear_one():
    costs = np.array([1.0] * 19 + [85.0])
    axis = build_cost_axis(costs, *NONE, equal=False, logarithmic=False)
    assert np.abs(axis.places - costs).max() <= MOST_MOVED * 85 + 1e-9
    assert axis.places.min() >= 0
    assert len(np.unique(axis.places)) == 20


def test_runs_stand_about_their_method_also_where_it_is_moved():
    costs, runs = np.array([10.0, 10.01, 20.0]), np.array([9.0, 11.0, 20.0])
    owners = np.array([0, 0, 2])
    axis = build_cost_axis(costs, runs, owners, equal=False, logarithmic=False)
    assert axis.places[1] - axis.places[0] == pytest.approx(APART * 10)
    assert axis.runs - axis.places[owners] == pytest.approx([-1.0, 1.0, 0.0])
    low, high = axis.layout["range"]
    assert ((low < axis.runs) & (axis.runs < high)).all()


def test_equal_costs_stand_side_by_side_over_the_one():
    costs, owners = np.array([0.589934, 0.589930, 0.589934]), np.array([2, 2])
    axis = build_cost_axis(costs, costs[:2], owners, equal=True, logarithmic=True)
    assert axis.places.tolist() == [-1, 0, 1]
    assert axis.runs.tolist() == [1, 1]
    assert axis.layout["ticktext"] == [f"0.59 for all, within 2{NO_BREAK}%"]
    assert not axis.logarithmic


@pytest.mark.parametrize("costs", [(1.0, 30.0), (0.02, 5000.0), (120.0, 900.0)])
def test_ticks_of_a_logarithmic_axis_are_written_alike_and_enough(costs):
    axis = build_cost_axis(np.array(costs), *NONE, equal=False, logarithmic=True)
    ticks = dict(zip(axis.layout["tickvals"], axis.layout["ticktext"], strict=True))
    within = [tick for tick in ticks if costs[0] <= tick <= costs[1]]
    assert 2 <= len(within) <= 12
    for tick in within:
        assert float(ticks[tick].replace(",", "")) == pytest.approx(tick)
