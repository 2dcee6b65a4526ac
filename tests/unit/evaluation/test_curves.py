"""ROC and precision-recall curves, their bands and reduction, against scikit-learn."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from core.evaluation.alignment import AlignedPredictions
from core.evaluation.curve_bands import (
    FEW_PLACES,
    band_places,
    curve_bands,
    place_terms,
)
from core.evaluation.curves import (
    KINDS,
    PARTS,
    SEGMENTS,
    TOLERANCE,
    CurveChoice,
    chance_precision,
    method_curves,
    method_segments,
    operating_points,
    resampled_parts,
    vertices,
    visible,
)
from core.evaluation.resampling import Resampler
from core.tasks import Binary, Multiclass

PAIR = Binary("ill", "Ill", ("no", "yes"))
KINDS_OF = Multiclass("kind", "Kind", ("a", "b", "c", "d"))
SEED = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=60, deadline=None)
PIXEL = 1 / 1_000


def draw(seed, rows, decimals=9, dtype=np.float64):
    """Which images are of the class, at least one and not all, and their scores."""
    rng = np.random.default_rng(seed)
    positive = rng.random(rows) < 0.4
    positive[:2] = True, False
    scores = 1 / (1 + np.exp(-rng.normal(size=rows) - positive))
    return positive, scores.round(decimals).astype(dtype)


def ends_at(x, y, at):
    """Lowest and highest point of a line at one place."""
    here = np.isclose(x, at, atol=1e-12)
    if here.any():
        return y[here].min(), y[here].max()
    return (np.interp(at, x, y),) * 2


def precision_at(positive, scores, recall, weights=None):
    """Precision of the highest threshold that reaches a recall, by scikit-learn."""
    precisions, recalls, _ = sk.precision_recall_curve(
        positive, scores, sample_weight=weights
    )
    return precisions[::-1][np.searchsorted(recalls[::-1], recall - 1e-9)]


def aligned_of(task, truth, by_method):
    """Aligned predictions of methods by their runs' probabilities."""
    runs = [(m, seed) for m, own in by_method.items() for seed in range(len(own))]
    given = [p for own in by_method.values() for p in own]
    answers = np.stack([p.argmax(axis=1) for p in given])
    name = task.name
    return AlignedPredictions(
        tuple(runs), len(truth), {name: truth}, {name: answers}, {name: tuple(given)}
    )


def sample(task, rows, *, seeds=2, seed=0):
    rng = np.random.default_rng(seed)
    k = len(task.classes)
    truth = rng.choice(k, rows, p=np.r_[np.ones(k - 1), 0.4] / (k - 0.6))
    found = []
    for _ in range(seeds):
        logits = rng.standard_normal((rows, k)) + 1.5 * (truth[:, None] == range(k))
        found.append(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    return truth, found


@FEW
@given(seed=SEED, rows=st.integers(2, 80), decimals=st.sampled_from([0, 1, 2, 9]))
def test_a_roc_curve_is_scikit_learns_with_ties_too(seed, rows, decimals):
    positive, scores = draw(seed, rows, decimals)
    x, y, _ = vertices(SEGMENTS["roc"](positive, scores), "roc")
    rates, found, _ = sk.roc_curve(positive, scores, drop_intermediate=False)
    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) >= -1e-12).all()
    for at in np.unique(rates):
        expected = found[rates == at].min(), found[rates == at].max()
        assert ends_at(x, y, at) == pytest.approx(expected, abs=1e-9)
    assert (x[-1], y[-1]) == (1, 1)
    # Straight in between, as the areas are equal.
    area = np.trapezoid(y, x)
    assert area == pytest.approx(sk.roc_auc_score(positive, scores), abs=1e-9)


@pytest.mark.parametrize("seeds", [1, 3])
def test_all_images_pass_at_the_last_threshold_of_a_roc_curve(seeds):
    truth, given = sample(PAIR, 60, seeds=seeds)
    for own in given:
        # Below every image of the rest.
        own[truth.argmax()] = 0.999, 0.001
    aligned = aligned_of(PAIR, truth, {"m": given})
    last = method_curves(aligned, PAIR, CurveChoice("roc")).iloc[-1]
    assert (last["x"], last["y"]) == (1, 1)
    assert last["threshold"] == pytest.approx(np.mean([p[:, 1].min() for p in given]))


@FEW
@given(seed=SEED, rows=st.integers(2, 80), decimals=st.sampled_from([0, 1, 2, 9]))
def test_a_precision_recall_curve_is_scikit_learns_step_by_step(seed, rows, decimals):
    positive, scores = draw(seed, rows, decimals)
    curve = SEGMENTS["pr"](positive, scores)
    recalls = np.arange(1, positive.sum() + 1) / positive.sum()
    expected = [precision_at(positive, scores, recall) for recall in recalls]
    np.testing.assert_allclose(curve.start, expected, atol=1e-12)
    np.testing.assert_allclose(curve.end, expected, atol=1e-12)
    x, y, threshold = vertices(curve, "pr")
    average = sk.average_precision_score(positive, scores)
    assert np.trapezoid(y, x) == pytest.approx(average, abs=1e-12)
    # The threshold at the end of a step gives its precision, and its recall at least.
    for right, height, least in zip(x[1::2], y[1::2], threshold[1::2], strict=True):
        said = scores >= least
        assert positive[said].mean() == pytest.approx(height)
        assert (positive & said).sum() / positive.sum() >= right - 1e-12


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_certain_probabilities_and_half_precision_are_curves_like_others(kind, dtype):
    positive = np.array([1, 0, 1, 0, 1, 0, 0], bool)
    scores = np.array([1, 1, 0, 0, 1, 0, 0.5], dtype)
    x, y, _ = vertices(SEGMENTS[kind](positive, scores), kind)
    area = {"roc": sk.roc_auc_score, "pr": sk.average_precision_score}[kind]
    assert np.trapezoid(y, x) == pytest.approx(area(positive, scores.astype(float)))
    for place in ("own", "others"):
        terms = place_terms(positive, scores, kind, np.array([0.25, 0.5, 1.0]))
        assert np.isfinite(terms[place == "others"]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_other_parts_keep_the_curve_where_they_meet(kind):
    curve = SEGMENTS[kind](*draw(3, 150, 2))
    x, y, _ = vertices(curve, kind)
    found = resampled_parts(curve, 1_000)
    for place in range(0, 1_000, 7):
        if kind == "roc":
            # From the right the highest point, from the left the lowest.
            lowest, highest = ends_at(x, y, place / 1_000)
            assert found.start[place] == pytest.approx(highest)
            if place:
                assert found.end[place - 1] == pytest.approx(lowest)
        else:
            size = len(curve.start)
            before = -(-place * size // 1_000) - 1
            if place:
                assert found.end[place - 1] == curve.end[before]


@pytest.mark.parametrize("kind", KINDS)
def test_a_method_has_the_vertical_mean_over_its_seeds(kind):
    truth, given = sample(PAIR, 300, seeds=3)
    found = method_curves(
        aligned_of(PAIR, truth, {"m": given}), PAIR, CurveChoice(kind)
    )
    singles = [
        method_curves(aligned_of(PAIR, truth, {"m": [own]}), PAIR, CurveChoice(kind))
        for own in given
    ]
    side = (truth == 0) if kind == "roc" else (truth == 1)
    for at in (np.arange(side.sum()) + 0.5) / side.sum():
        mean = np.mean([np.interp(at, one["x"], one["y"]) for one in singles])
        # Each of them is less than half a pixel off.
        assert abs(np.interp(at, found["x"], found["y"]) - mean) < 2 * TOLERANCE


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_of_the_classes_is_that_of_their_curves(kind):
    truth, (given,) = sample(KINDS_OF, 800, seeds=1)
    aligned = aligned_of(KINDS_OF, truth, {"m": [given]})
    found = method_curves(aligned, KINDS_OF, CurveChoice(kind))
    assert found["threshold"].isna().all()
    area = {"roc": sk.roc_auc_score, "pr": sk.average_precision_score}[kind]
    areas = [area(truth == c, given[:, c]) for c in range(4)]
    assert np.trapezoid(found["y"], found["x"]) == pytest.approx(
        np.mean(areas), abs=2 / PARTS
    )
    for recall in (0.2, 0.5, 0.9) if kind == "pr" else ():
        each = [precision_at(truth == c, given[:, c], recall) for c in range(4)]
        assert np.interp(recall, found["x"], found["y"]) == pytest.approx(
            np.mean(each), abs=0.02
        )


def corners(kind, seed, size):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.random(size).round(rng.integers(1, 6)))
    if kind == "rising":
        return x, np.sort(rng.random(size) ** 3)
    if kind == "walk":
        return x, 0.5 + rng.standard_normal(size).cumsum() / size
    return x, rng.random(size).round(1)


@FEW
@given(
    seed=SEED,
    size=st.integers(2, 5_000),
    kind=st.sampled_from(["rising", "walk", "jumps"]),
)
def test_no_corner_that_is_left_out_is_half_a_pixel_from_the_line(seed, size, kind):
    x, y = corners(kind, seed, size)
    kept = visible(x, y)
    assert kept[0] == 0
    assert kept[-1] == size - 1
    assert (np.diff(kept) > 0).all()
    assert farthest(x, y, kept) < 0.5 * PIXEL


def farthest(x, y, kept):
    """How far any corner is above or below the line through some of them."""
    found = 0.0
    for left, right in pairwise(kept):
        inside = slice(left, right + 1)
        if x[left] == x[right]:
            low, high = sorted((y[left], y[right]))
            far = np.maximum(low - y[inside], y[inside] - high)
        else:
            line = np.interp(x[inside], [x[left], x[right]], [y[left], y[right]])
            far = np.abs(y[inside] - line)
        found = max(found, far.max())
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_million_rows_are_few_corners(kind):
    positive, scores = draw(1, 1_000_000)
    x, y, _ = vertices(SEGMENTS[kind](positive, scores), kind)
    kept = visible(x, y)
    assert len(kept) < 2_000
    assert farthest(x, y, kept) < 0.5 * PIXEL


@pytest.mark.parametrize("kind", KINDS)
def test_the_answers_of_a_threshold_lie_on_its_curve(kind):
    truth, given = sample(PAIR, 400, seeds=1)
    aligned = aligned_of(PAIR, truth, {"m": given})
    (point,) = operating_points(aligned, PAIR, CurveChoice(kind)).itertuples()
    answer = given[0].argmax(axis=1)
    recall = sk.recall_score(truth, answer)
    if kind == "roc":
        rate = answer[truth == 0].mean()
        assert (point.x, point.y) == pytest.approx((rate, recall))
    else:
        precision = sk.precision_score(truth, answer)
        assert (point.x, point.y) == pytest.approx((recall, precision))
    assert point.threshold == given[0][answer == 1, 1].min()
    curve = method_segments(aligned, PAIR, CurveChoice(kind), "m")
    low, high = ends_at(*vertices(curve, kind)[:2], point.x)
    # Wrong answers below the last right one take a little of the precision.
    assert low - 0.02 * (kind == "pr") <= point.y <= high


def test_points_are_means_over_classes_and_seeds_by_scikit_learn():
    truth, given = sample(KINDS_OF, 500, seeds=2)
    aligned = aligned_of(KINDS_OF, truth, {"m": given})
    (point,) = operating_points(aligned, KINDS_OF, CurveChoice("pr")).itertuples()
    answers = [p.argmax(axis=1) for p in given]
    recall = np.mean([sk.recall_score(truth, a, average="macro") for a in answers])
    precision = np.mean(
        [sk.precision_score(truth, a, average="macro") for a in answers]
    )
    assert (point.x, point.y) == pytest.approx((recall, precision))
    assert np.isnan(point.threshold)


def test_answers_that_follow_no_single_threshold_have_none():
    truth, given = sample(PAIR, 100, seeds=1)
    aligned = aligned_of(PAIR, truth, {"m": given})
    aligned.predictions["ill"][0, :50] = (given[0][:50, 1] > 0.8).astype(int)
    (point,) = operating_points(aligned, PAIR, CurveChoice("roc")).itertuples()
    assert np.isnan(point.threshold)


def test_who_never_answers_with_a_class_has_no_precision_and_a_rate_of_0():
    truth, given = sample(PAIR, 100, seeds=1)
    aligned = aligned_of(PAIR, truth, {"m": given})
    aligned.predictions["ill"][:] = 0
    assert operating_points(aligned, PAIR, CurveChoice("pr")).empty
    (point,) = operating_points(aligned, PAIR, CurveChoice("roc")).itertuples()
    assert (point.x, point.y) == (0, 0)


def test_in_a_mean_over_classes_one_that_is_never_answered_has_precision_0():
    truth, given = sample(KINDS_OF, 300, seeds=1)
    given[0][:, 3] = 0
    aligned = aligned_of(KINDS_OF, truth, {"m": given})
    (point,) = operating_points(aligned, KINDS_OF, CurveChoice("pr")).itertuples()
    answer = given[0].argmax(axis=1)
    expected = sk.precision_score(truth, answer, average="macro", zero_division=0.0)
    assert point.y == pytest.approx(expected)
    assert operating_points(aligned, KINDS_OF, CurveChoice("pr", "d")).empty


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_without_images_and_labels_alone_have_no_curve(kind):
    truth, given = sample(KINDS_OF, 200, seeds=1)
    truth[truth == 2] = 1
    aligned = aligned_of(KINDS_OF, truth, {"m": given})
    absent, mean = CurveChoice(kind, "c"), CurveChoice(kind)
    resampler = Resampler(200, 50)
    assert method_curves(aligned, KINDS_OF, absent).empty
    assert operating_points(aligned, KINDS_OF, absent).empty
    assert curve_bands(aligned, KINDS_OF, absent, ["m"], resampler).empty
    assert np.isnan(chance_precision(aligned, KINDS_OF, absent))
    assert len(method_curves(aligned, KINDS_OF, mean))
    shares = [(truth == c).mean() for c in (0, 1, 3)]
    assert chance_precision(aligned, KINDS_OF, mean) == pytest.approx(np.mean(shares))
    bare = aligned_of(KINDS_OF, truth, {"m": given, "labels": given})
    bare.probabilities["kind"] = (given[0], None)
    assert set(method_curves(bare, KINDS_OF, mean)["method"]) == {"m"}
    bands = curve_bands(bare, KINDS_OF, mean, ["m", "labels"], resampler)
    assert set(bands["method"]) == {"m"}
    assert len(operating_points(bare, KINDS_OF, mean)) == 2


@FEW
@given(
    seed=SEED,
    rows=st.integers(2, 80),
    decimals=st.sampled_from([0, 1, 9]),
    kind=st.sampled_from(KINDS),
)
def test_terms_of_a_place_have_the_curves_height_and_sum_to_0(
    seed, rows, decimals, kind
):
    positive, scores = draw(seed, rows, decimals)
    curve = SEGMENTS[kind](positive, scores)
    size = len(curve.start)
    x = np.arange(1, size + 1) / size
    own, others = place_terms(positive, scores, kind, x)
    expected = curve.end if kind == "pr" else np.append(curve.start[1:], 1.0)
    np.testing.assert_allclose(own[:, positive].mean(axis=1), expected, atol=1e-5)
    np.testing.assert_allclose(others.sum(axis=1), 0, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_bands_are_those_of_curves_that_are_drawn_again(kind):
    positive, scores = draw(5, 1_500)
    truth, given = positive.astype(int), np.column_stack([1 - scores, scores])
    aligned = aligned_of(PAIR, truth, {"m": [given]})
    resampler = Resampler(1_500, 400)
    bands = curve_bands(aligned, PAIR, CurveChoice(kind), ["m"], resampler)
    places = bands[bands["x"].between(0.1, 0.95)]
    for at in places[::6].itertuples():
        drawn = []
        for weights in resampler.weights.T[:250]:
            if kind == "roc":
                x, y, _ = sk.roc_curve(positive, scores, sample_weight=weights)
                drawn.append(np.interp(at.x, x, y))
            else:
                drawn.append(precision_at(positive, scores, at.x, weights))
        low, high = np.quantile(drawn, (0.025, 0.975))
        assert at.high - at.low == pytest.approx(high - low, rel=0.25)
        assert (at.low + at.high) / 2 == pytest.approx((low + high) / 2, abs=0.015)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("label", ["", "d"])
def test_bands_hold_the_curve_and_are_wider_by_the_trainings(kind, label):
    truth, given = sample(KINDS_OF, 500, seeds=3)
    rng = np.random.default_rng(2)
    away = [
        p * np.exp(shift * rng.standard_normal(p.shape))
        for p, shift in zip(given, (0.0, 1.0, 2.5), strict=True)
    ]
    by_method = {"m": given[:1], "n": away, "one": [given[0]]}
    aligned = aligned_of(KINDS_OF, truth, by_method)
    choice = CurveChoice(kind, label)
    resampler = Resampler(500, 300)
    bands = curve_bands(aligned, KINDS_OF, choice, ["m", "n"], resampler)
    assert (bands["low"] <= bands["y"] + 1e-6).all()
    assert (bands["y"] <= bands["high"] + 1e-6).all()
    assert bands[["low", "high"]].to_numpy().min() >= 0
    assert bands[["low", "high"]].to_numpy().max() <= 1
    curves = method_curves(aligned, KINDS_OF, choice)
    for method, own in bands.groupby("method"):
        line = curves[curves["method"] == method]
        for at in own.itertuples():
            low, high = ends_at(*line[["x", "y"]].to_numpy().T, at.x)
            slack = 0.05 if not label else 2 * PIXEL
            assert low - slack <= at.y <= high + slack
    # One seed alone speaks of one trained model; beside others it is as they vary.
    alone = curve_bands(
        aligned, KINDS_OF, choice, ["one"], resampler, trained=["one", "m"]
    )
    own = bands[bands["method"] == "m"]
    assert (own["high"] - own["low"]).mean() > (alone["high"] - alone["low"]).mean()
    assert bands["anew"].all()
    assert not alone["anew"].any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_band_does_not_depend_on_which_others_are_asked_for(kind):
    truth, given = sample(PAIR, 400, seeds=5)
    by_method = {"one": given[:1], "few": given[:2], "many": given[2:]}
    aligned = aligned_of(PAIR, truth, by_method)
    resampler, choice = Resampler(400, 200), CurveChoice(kind)
    found = [
        curve_bands(aligned, PAIR, choice, methods, resampler)
        for methods in (["one"], ["one", "few"], ["one", "few", "many"])
    ]
    for bands in found[1:]:
        own = bands[bands["method"] == "one"]
        pd.testing.assert_frame_equal(own, found[0])


@pytest.mark.parametrize("kind", KINDS)
def test_methods_of_one_training_tell_once_how_much_trainings_vary(kind):
    truth, given = sample(PAIR, 400, seeds=6)
    rng = np.random.default_rng(3)
    apart = [p ** rng.uniform(0.2, 4, (1, 2)) for p in given[4:]]
    by_method = {"one": given[:1], "many": given[1:4], "apart": apart}
    resampler, choice = Resampler(400, 200), CurveChoice(kind)
    aligned = aligned_of(PAIR, truth, by_method)
    expected = curve_bands(aligned, PAIR, choice, ["one"], resampler)
    # Two that only move the threshold of the same models, one of them for fewer seeds.
    copies = {"moved": given[1:4], "again": given[1:3]}
    aligned = aligned_of(PAIR, truth, {**by_method, **copies})
    keys = {
        (method, seed): f"many-{seed}"
        for method in ("many", *copies)
        for seed in aligned.seeds_of(method)
    }
    bands = curve_bands(aligned, PAIR, choice, ["one"], resampler, trainings=keys)
    pd.testing.assert_frame_equal(bands, expected)
    twice = curve_bands(aligned, PAIR, choice, ["one"], resampler)
    assert not np.allclose(twice["low"], expected["low"], atol=1e-4)


def test_where_no_resample_moves_a_curve_the_band_is_wilsons():
    positive = np.repeat([True, False], [30, 70])
    scores = np.linspace(1, 0, 100)
    given = np.column_stack([1 - scores, scores])
    aligned = aligned_of(PAIR, positive.astype(int), {"m": [given]})
    bands = curve_bands(
        aligned, PAIR, CurveChoice("roc"), ["m"], Resampler(100, 100)
    ).set_index("x")
    # Wilson's interval of 30 of 30.
    expected = 1 / (1 + 1.959964**2 / 30)
    assert bands["low"].iloc[5] == pytest.approx(expected)
    assert (bands["high"] == 1).all()
    assert bands["low"].iloc[-1] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_many_rows_agree_with_image_by_image(kind, monkeypatch):
    truth, given = sample(PAIR, 3_000, seeds=1)
    aligned = aligned_of(PAIR, truth, {"m": given})
    found = []
    for limit in (10_000, 1):
        monkeypatch.setattr("core.evaluation.resampling.MAX_WEIGHTED_ROWS", limit)
        monkeypatch.setattr("core.evaluation.resampling.SMALL_STRATUM", 100)
        resampler = Resampler(3_000, 1_500)
        bands = curve_bands(aligned, PAIR, CurveChoice(kind), ["m"], resampler)
        found.append((bands["high"] - bands["low"]).iloc[3:-1])
    np.testing.assert_allclose(found[0], found[1], rtol=0.2, atol=0.004)


def test_many_images_have_fewer_places():
    assert len(band_places("roc", 640, 1_600)) == 41
    assert len(band_places("roc", 1_000_000, 500_000)) == FEW_PLACES + 1
    # No place between two images.
    np.testing.assert_allclose(band_places("pr", 640, 3), np.arange(1, 4) / 3)
