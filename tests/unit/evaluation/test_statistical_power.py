"""Detectable differences and seeds needed, against scipy and simulation."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from core.evaluation.multiple_comparisons import simultaneous
from core.evaluation.statistical_power import (
    detectable_with,
    seeds_needed,
    smallest_detectable,
)
from core.evaluation.variance import seed_share
from tests.contrasts import (
    N,
    against_a_still_baseline,
    contrasts_of,
    draw_runs,
    exactly,
    runs,
)


@pytest.mark.parametrize("freedom", [0.32, 2.0, 12.0])
def test_over_a_long_reach_the_detectable_difference_is_found_at_once(freedom):
    rng = np.random.default_rng(31)
    methods = {name: draw_runs(rng, 2, metrics=2) for name in ("base", "m")}
    contrast = contrasts_of(methods)["m"]
    contrast = replace(contrast, freedom=np.full(2, freedom))
    reach = np.array([1000.0, 1000.001])
    at_the_edge = smallest_detectable(contrast, reach) / contrast.error
    assert at_the_edge[1] == pytest.approx(at_the_edge[0], rel=1e-3)
    (size, _) = smallest_detectable(contrast, np.array([2.26e6, 1.0])) / contrast.error
    drawn = size / np.sqrt(rng.chisquare(freedom, 200_000) / freedom)
    assert (drawn > 2.26e6).mean() == pytest.approx(0.8, abs=0.005)


@pytest.mark.parametrize("seeds", [2, 3, 8])
def test_the_smallest_detectable_difference_is_found_in_four_of_five(seeds):
    # Only seeds vary, alike in both: Student's t with 2 (seeds - 1) degrees.
    rng = np.random.default_rng(21)
    still = np.zeros((seeds, 4))
    spread = np.linspace(-1, 1, seeds)
    spread /= spread.std(ddof=1)
    contrast = contrasts_of({"b": runs(spread, still), "m": runs(spread, still)})["m"]
    reach = scipy.stats.t(2 * (seeds - 1)).ppf([0.975])
    difference = smallest_detectable(contrast, reach)[0]
    a, b = rng.normal(size=(2, 40_000, seeds))
    found = scipy.stats.ttest_ind(a + difference, b, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_many_images_need_the_normal_formula():
    contrast = against_a_still_baseline(np.eye(1), [1.0])["m0"]
    reach = np.array([2.7])
    assert smallest_detectable(contrast, reach)[0] == pytest.approx(
        (2.7 + 0.8416) * contrast.error[0], rel=0.01
    )
    same = contrasts_of(
        {"b": runs([1], np.ones((1, 5))), "m": runs([1], np.ones((1, 5)))}
    )
    assert smallest_detectable(same["m"], reach)[0] == 0


def planned(delta, seeds, seed, image, *, resamples=4000):
    """A contrast of methods whose seed variance is exactly ``seed`` squared."""
    spread = np.linspace(-1, 1, seeds)
    spread *= seed / spread.std(ddof=1)
    noise = exactly(np.eye(2), resamples) * image
    methods = {
        name: runs(shift + spread, np.tile(noise[k], (seeds, 1)))
        for k, (name, shift) in enumerate({"base": 0.0, "m": delta}.items())
    }
    return contrasts_of(methods)["m"]


@pytest.mark.parametrize(("delta", "image"), [(1.2, 0.1), (0.8, 0.0), (2.5, 0.3)])
def test_seeds_needed_is_the_first_number_with_power(delta, image):
    contrast = planned(delta, 3, 1.0, image)
    reach = scipy.stats.t(contrast.freedom).ppf(0.975)
    needed = seeds_needed(contrast, reach)[0]
    tail = scipy.stats.t(contrast.freedom[0]).sf(reach[0])

    def power(seeds):
        # The two variances as they are, written out.
        variance = 2 * image**2 + 2 / seeds
        freedom = variance**2 / (
            2 / seeds**2 / (seeds - 1) + (2 * image**2) ** 2 / (N - 1)
        )
        return scipy.stats.nct.sf(
            scipy.stats.t.isf(tail, freedom), freedom, delta / math.sqrt(variance)
        )

    assert power(needed) >= 0.8 > power(needed - 1)


def test_the_seeds_needed_find_the_difference_in_four_of_five():
    contrast = planned(1.0, 3, 1.0, 0.0)
    reach = scipy.stats.t(contrast.freedom).ppf(0.975)
    needed = int(seeds_needed(contrast, reach)[0])
    rng = np.random.default_rng(22)
    a, b = rng.normal(size=(2, 20_000, needed))
    found = scipy.stats.ttest_ind(a + 1.0, b, axis=1).pvalue < 0.05
    assert 0.79 < found.mean() < 0.84


def test_planned_seeds_find_the_difference_in_four_of_five():
    contrast = planned(1.0, 3, 1.0, 0.0)
    reach = scipy.stats.t(contrast.freedom).ppf(0.975)
    rng = np.random.default_rng(23)
    for seeds in (2, 5, 10):
        difference = detectable_with(seeds, contrast, reach)[0]
        a, b = rng.normal(size=(2, 40_000, seeds))
        found = scipy.stats.ttest_ind(a + difference, b, axis=1).pvalue < 0.05
        assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_as_many_seeds_as_there_are_find_what_the_study_could_have_found():
    contrast = planned(0.5, 3, 1.0, 0.05)
    reach = scipy.stats.t(contrast.freedom).ppf(0.975)
    now = smallest_detectable(contrast, reach)[0]
    sizes = [detectable_with(seeds, contrast, reach)[0] for seeds in (3, 5, 10)]
    assert sizes[0] == pytest.approx(now, rel=0.01)
    assert sizes == sorted(sizes, reverse=True)
    rng = np.random.default_rng(24)
    one = contrasts_of({"b": draw_runs(rng, 1), "m": draw_runs(rng, 1)})["m"]
    assert np.isnan(detectable_with(5, one, np.array([2.0]))[0])


def test_only_more_images_settle_what_the_images_leave_open():
    contrast = planned(0.5, 3, 0.2, 1.0)
    reach = simultaneous({"m": contrast})["m"].reach
    assert np.isinf(seeds_needed(contrast, reach)[0])
    assert np.isinf(seeds_needed(planned(0.0, 3, 1.0, 0.1), reach)[0])
    assert seed_share(contrast)[0] == pytest.approx(
        0.02 * 4 / 3 / (2 + 0.08 / 3), rel=0.01
    )
    # A huge difference needs no more than two.
    sure = planned(1e6, 3, 0.001, 0.001)
    assert seeds_needed(sure, reach)[0] == 2
