"""What the Methods page draws, beside values worked out by hand."""

import math

import numpy as np
import pytest

from core.errors import MethodError
from core.methods import curves
from core.methods.entries import ENTRIES
from core.tasks import Binary, Multiclass, Regression

HAIR = Multiclass("hair", "Hair", ("short", "long", "bald"))
GLASSES = Binary("glasses", "Glasses", ("no glasses", "glasses"))
AGE = Regression("age", "Age", "years", 1, 80, 10)
COUNTS = (810, 160, 10)
P = np.array([1e-6, 0.01, 1 / 3, 0.9])
AGES = np.random.default_rng(3).integers(1, 81, 500).astype(float)


def draw(name, task=HAIR, *, true_class=2, probabilities=P, counts=None, **parameters):
    part = curves.part_of(curves.entries_of(task)[name], task, parameters)
    counts = counts or COUNTS[: len(task.classes)]
    return curves.loss_curve(
        part, task, counts, true_class=true_class, probabilities=probabilities
    )


def draw_error(name, errors, *, true_value=30.0, **parameters):
    part = curves.part_of(curves.entries_of(AGE)[name], AGE, parameters)
    return curves.error_curve(part, AGE, AGES, true_value=true_value, errors=errors)


def test_cross_entropy_is_minus_ln_p_and_pulls_with_p_minus_one():
    curve = draw("cross-entropy")
    np.testing.assert_allclose(curve.loss, -np.log(P), rtol=1e-12)
    np.testing.assert_allclose(curve.gradient, P - 1, rtol=1e-8)


@pytest.mark.parametrize("true_class", [0, 1])
def test_binary_cross_entropy_is_the_same_for_both_classes(true_class):
    curve = draw("binary-cross-entropy", GLASSES, true_class=true_class)
    np.testing.assert_allclose(curve.loss, -np.log(P), rtol=1e-9)
    np.testing.assert_allclose(curve.gradient, P - 1, rtol=1e-8)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_focal_by_hand(gamma):
    curve = draw("focal", gamma=gamma)
    loss = (1 - P) ** gamma * -np.log(P)
    np.testing.assert_allclose(curve.loss, loss, rtol=1e-9)
    # dL/dz = dL/dp p (1 - p), with the rest of the mass spread over the others.
    slope = gamma * (1 - P) ** gamma * P * np.log(P) - (1 - P) ** (gamma + 1)
    np.testing.assert_allclose(curve.gradient, slope, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("delta", [1e3, 1e4, 1e5])
def test_hmloss_peaks_near_1_2_over_delta(delta):
    line = curves.probability_line(2000)
    curve = draw("hmloss", probabilities=line, delta=delta, form="paper")
    peak = line[curve.loss.argmax()]
    assert peak == pytest.approx(1.2 / delta, rel=0.1)
    pulled_down = curve.gradient[line < 0.5 * peak]
    assert (pulled_down[-20:] > 0).all(), "below the peak, p is pushed down"
    assert curve.gradient[np.searchsorted(line, 0.3)] < 0


def test_hmloss_form_by_hand():
    p, delta = 0.3, 1e4

    def sinc(x):
        return math.sin(math.pi * x) / (math.pi * x)

    by_hand = -(sinc(p) - math.exp(-delta * p) * sinc(delta * p)) * math.log(p)
    paper = draw("hmloss", probabilities=[p], delta=delta, form="paper")
    official = draw("hmloss", probabilities=[p], delta=delta, form="official")
    assert paper.loss[0] == pytest.approx(by_hand, rel=1e-9)
    assert official.loss[0] == pytest.approx(10 * by_hand, rel=1e-9)


@pytest.mark.parametrize("head", ["logits", "cosine"])
def test_ldam_by_hand(head):
    scale, largest = 30.0, 0.5
    margin = largest * (10 / 160) ** 0.25
    p = 0.9
    curve = draw(
        "ldam",
        true_class=1,
        probabilities=[p],
        scale=scale,
        max_margin=largest,
        head=head,
    )
    # The model's own logits are scaled already where it ends in cosines.
    lead = math.log(p / (1 - p)) + math.log(2)
    inside = scale * ((lead / scale if head == "cosine" else lead) - margin)
    assert curve.loss[0] == pytest.approx(math.log1p(2 * math.exp(-inside)), rel=1e-9)
    share = 2 / (2 + math.exp(inside))
    slope = -share * (1 if head == "cosine" else scale)
    assert curve.gradient[0] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_cosines_cannot_reach_every_probability():
    line = np.array([1e-6, 0.5, 1 - 1e-6])
    curve = draw("ldam", probabilities=line, scale=1.0, head="cosine")
    # Two cosines differ by at most 2: p is at most e^2 / (e^2 + 2) = 0.787.
    assert np.isnan(curve.loss).tolist() == [True, False, True]


def test_class_weights_are_drawn_on_cross_entropy():
    n = sum(COUNTS)
    curve = draw("ins", true_class=2)
    np.testing.assert_allclose(curve.loss, -np.log(P) * n / (3 * 10), rtol=1e-9)


def test_balanced_softmax_charges_the_rare_class_more():
    rare = draw("balanced-softmax", true_class=2, probabilities=[0.5])
    # exp z of the others is 1, of the true class 2: weigh each by its images.
    share = 2 * 10 / (2 * 10 + 810 + 160)
    assert rare.loss[0] == pytest.approx(-math.log(share), rel=1e-9)
    assert rare.gradient[0] == pytest.approx(share - 1, rel=1e-7)


@pytest.mark.parametrize("gamma", [0.95, 0.5, 0.0])
def test_softmax_equalization_is_its_mean_over_the_masks(gamma):
    # Of 5420 images 0.4 % are of the last class, the only one that is left alone.
    counts = (5000, 400, 20)
    equalized = "softmax-equalization"
    curve = draw(equalized, true_class=0, probabilities=P, counts=counts, gamma=gamma)
    # The others' logits are 0: e^z of the true one makes p of itself and these two.
    e = 2 * P / (1 - P)
    loss = gamma * np.log(e + 1) + (1 - gamma) * np.log(e + 2) - np.log(e)
    np.testing.assert_allclose(curve.loss, loss, rtol=1e-9)
    slope = gamma * e / (e + 1) + (1 - gamma) * e / (e + 2) - 1
    np.testing.assert_allclose(curve.gradient, slope, atol=1e-7)
    rare = draw(equalized, true_class=2, probabilities=P, counts=counts, gamma=gamma)
    np.testing.assert_allclose(rare.loss, -np.log(P), rtol=1e-9)


def test_random_masks_make_no_noise():
    classes = Multiclass("label", "Class", tuple("abcdefghij"))
    counts = tuple(5000 >> i for i in range(10))
    line = curves.probability_line()
    curve = draw("softmax-equalization", classes, counts=counts, probabilities=line)
    assert (np.abs(curve.gradient) <= 1 + 1e-6).all()
    assert (np.diff(curve.loss) < 0).all()
    assert (np.diff(curve.gradient) > -1e-7).all()
    again = draw("softmax-equalization", classes, counts=counts, probabilities=line)
    np.testing.assert_array_equal(again.gradient, curve.gradient)
    part = curves.part_of(ENTRIES["softmax-equalization"], classes)
    _, pulls = curves.loss_by_class(part, classes, counts, probability=0.5)
    assert (np.abs(pulls) <= 1 + 1e-6).all()


@pytest.mark.parametrize("task", [HAIR, GLASSES], ids=["multiclass", "binary"])
def test_every_loss_and_weight_has_a_finite_curve(task):
    line = curves.probability_line(60)
    for name, entry in curves.entries_of(task).items():
        if entry.part not in ("loss", "weights"):
            continue
        curve = draw(name, task, true_class=1, probabilities=line)
        drawn = np.isfinite(curve.loss)
        assert drawn.any(), name
        assert np.isfinite(curve.gradient[drawn]).all(), name
        again = draw(name, task, true_class=1, probabilities=line)
        np.testing.assert_array_equal(curve.loss, again.loss, err_msg=name)


def test_by_class_is_one_point_of_each_class_curve():
    part = curves.part_of(ENTRIES["balanced-softmax"], HAIR)
    loss, gradient = curves.loss_by_class(part, HAIR, COUNTS, probability=0.4)
    for true_class in range(3):
        curve = draw("balanced-softmax", true_class=true_class, probabilities=[0.4])
        assert loss[true_class] == pytest.approx(curve.loss[0])
        assert gradient[true_class] == pytest.approx(curve.gradient[0], rel=1e-6)


def test_an_empty_class_is_named():
    with pytest.raises(MethodError, match="bald"):
        draw("focal", counts=(5, 3, 0))


def test_parameters_are_checked():
    with pytest.raises(MethodError, match="gamma"):
        curves.part_of(ENTRIES["focal"], HAIR, {"gamma": -1.0})


def test_values_of_classes_by_hand():
    def values(name, **parameters):
        part = curves.part_of(ENTRIES[name], HAIR, parameters)
        return curves.class_values(part, HAIR, COUNTS)

    n = sum(COUNTS)
    np.testing.assert_allclose(values("ins")["weight"], [n / (3 * c) for c in COUNTS])
    margins = [0.4 * (10 / c) ** 0.25 for c in COUNTS]
    np.testing.assert_allclose(values("ldam", max_margin=0.4)["margin"], margins)
    logs = np.log(COUNTS) - np.mean(np.log(COUNTS))
    np.testing.assert_allclose(values("logit-adjusted", tau=2.0)["shift"], 2 * logs)
    post_hoc = values("post-hoc-logit-adjustment", tau=1.5)["shift"]
    np.testing.assert_allclose(post_hoc, -1.5 * logs)
    for name in ("focal", "lmf", "hmloss", "ldam"):
        assert "shift" not in values(name)
    assert values("focal") == {}
    assert values("undersample") == {}


def test_samplers_are_run_and_counted():
    def drawn(name, **parameters):
        part = curves.part_of(ENTRIES[name], HAIR, parameters)
        return curves.drawn_images(part, COUNTS, seed=0).tolist()

    assert drawn("undersample", keep=0.5) == [405, 160, 10]
    assert drawn("oversample") == [810, 810, 810]
    assert max(drawn("class-balanced-sampling")) < 330
    assert drawn("mixup") == list(COUNTS)
    assert drawn("deepsmote", up_to=0.5) == [810, 405, 405]
    shown = drawn("cmo", probability=1.0)
    assert sum(shown) == sum(COUNTS)
    assert shown[2] > 5 * COUNTS[2]


def test_regression_losses_by_hand():
    errors = np.array([-10.0, 0.5, 20.0])
    absolute = draw_error("absolute-error", errors)
    np.testing.assert_allclose(absolute.loss, [10, 0.5, 20])
    np.testing.assert_allclose(absolute.gradient, [-1, 1, 1], rtol=1e-6)
    squared = draw_error("squared-error", errors)
    np.testing.assert_allclose(squared.loss, [100, 0.25, 400])
    np.testing.assert_allclose(squared.gradient, [-20, 1, 40], rtol=1e-6)
    logs = draw_error("log-absolute-error", errors)
    np.testing.assert_allclose(logs.loss, np.abs(np.log((30 + errors) / 30)), rtol=1e-9)
    np.testing.assert_allclose(logs.gradient, [-1 / 20, 1 / 30.5, 1 / 50], rtol=1e-5)


def test_predictions_stay_in_the_range():
    curve = draw_error("absolute-error", [-40.0, 0.0, 55.0], true_value=30.0)
    assert np.isnan(curve.loss).tolist() == [True, False, True]


def test_balanced_mse_sees_the_batch():
    errors = np.linspace(-20, 20, 41)
    sigma, truth = 5.0, 60.0
    curve = draw_error("balanced-mse", errors, true_value=truth, noise_sigma=sigma)
    others = np.random.default_rng(0).choice(AGES, curves.BATCH - 1)
    targets = np.concatenate([[truth], others])
    distance = (truth + errors[:, None] - targets) ** 2 / (2 * sigma**2)
    nats = np.log(np.exp(-distance).sum(axis=1)) + distance[:, 0]
    np.testing.assert_allclose(curve.loss, nats * 2 * sigma**2, rtol=1e-5)
    inner = slice(1, -1)
    steps = (curve.loss[2:] - curve.loss[:-2]) / 2
    np.testing.assert_allclose(curve.gradient[inner], steps, rtol=1e-9)


@pytest.mark.parametrize(
    "name", [n for n, e in curves.entries_of(AGE).items() if e.part == "loss"]
)
def test_every_regression_loss_grows_with_the_error(name):
    curve = draw_error(name, np.linspace(0, 40, 21))
    assert np.isfinite(curve.loss).all()
    assert (np.diff(curve.loss) > 0).all()


@pytest.mark.parametrize(
    "name", [n for n, e in curves.entries_of(AGE).items() if e.part == "weights"]
)
def test_weights_of_targets_have_mean_one(name):
    weights = curves.target_weights(curves.part_of(ENTRIES[name], AGE), AGES)
    assert weights.shape == AGES.shape
    assert weights.mean() == pytest.approx(1)


def test_usual_losses_are_those_that_training_takes():
    assert curves.usual_loss(HAIR).name == "cross-entropy"
    assert curves.usual_loss(GLASSES).name == "binary-cross-entropy"
    assert curves.usual_loss(AGE).name == "absolute-error"
    assert curves.usual_loss(AGE, logarithmic=True).name == "log-absolute-error"
    assert not set(curves.USUAL) & set(ENTRIES)
