"""The pointing game on avatars: do the shipped models' maps lie on what is asked for?

The aim is 80 % for both parts. On the glasses it is reached over all methods (INS and
LMF alone have 76 %). On the hair the shipped models reach what stands here, and their
occlusion maps no more: they answer from other places too. ``python -m bench.pointing``
prints the whole table.
"""

import numpy as np
import pytest

from bench.pointing import KINDS, SHOWN, STUDY, first_runs, play, shipped_portraits

IMAGES = 150
# Share of the right answers of all methods: on the part, and within the margin.
LEAST = {"glasses": (0.80, 0.95), "hair": (0.40, 0.65)}


@pytest.fixture(scope="module")
def scores():
    portraits = shipped_portraits(IMAGES)
    return list(play(first_runs(STUDY), portraits, kinds=KINDS))


def pooled(scores, part, kind):
    """Shares of hits and of near ones, over all methods."""
    chosen = [s for s in scores if s.part == part and s.kind == kind]
    answers = sum(s.answers for s in chosen)
    return sum(s.hits for s in chosen) / answers, sum(s.near for s in chosen) / answers


@pytest.mark.parametrize("part", LEAST)
def test_highest_point_lies_on_what_is_asked_for(scores, part):
    hits, near = pooled(scores, part, SHOWN)
    least_hits, least_near = LEAST[part]
    assert hits >= least_hits
    assert near >= least_near
    for score in scores:
        if score.part == part and score.kind == SHOWN:
            # At least three times as often as a random point, for every method.
            assert score.hits / score.answers > 3 * score.area


def test_no_other_kind_of_map_points_better(scores):
    for part in LEAST:
        shares = {kind: pooled(scores, part, kind)[0] for kind in KINDS}
        assert max(shares, key=shares.get) == SHOWN
        assert shares[SHOWN] > shares["Grad-CAM, last layer"] + 0.2


def test_every_method_is_in_the_game(scores):
    methods = {run.method for run in first_runs(STUDY)}
    assert {s.method for s in scores if s.part == "hair"} == methods
    assert all(np.isfinite([s.area, s.near_area]).all() for s in scores)
