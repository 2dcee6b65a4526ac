"""Temperatures, held to scikit-learn and to what no scaling may change."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss

from core.errors import MethodError
from core.methods.temperature import (
    COLDEST,
    HOTTEST,
    fit_temperature,
    fit_temperatures,
    scale,
)

SEED = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=25, deadline=None)


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose probabilities are its features."""

    def fit(self, x, y):
        self.classes_ = np.arange(x.shape[1])
        return self

    def predict_proba(self, x):
        return x

    def predict(self, x):
        return x.argmax(axis=1)


def draw(rng, rows=400, classes=4, sharp=2.0):
    """Truth, and probabilities that are ``sharp`` times too sure."""
    logits = rng.normal(size=(rows, classes)) * 1.5
    shares = np.exp(logits)
    shares /= shares.sum(axis=1, keepdims=True)
    y_true = (rng.random((rows, 1)) > shares.cumsum(axis=1)).sum(axis=1)
    wrong = np.exp(sharp * logits)
    return wrong / wrong.sum(axis=1, keepdims=True), np.minimum(y_true, classes - 1)


def by_scikit_learn(p, y_true):
    fitted = CalibratedClassifierCV(
        FrozenEstimator(Given().fit(p, y_true)), method="temperature"
    ).fit(p, y_true)
    return fitted.predict_proba


@FEW
@given(seed=SEED, classes=st.integers(2, 6), sharp=st.floats(0.3, 4))
def test_scaled_probabilities_are_those_of_scikit_learn(seed, classes, sharp):
    rng = np.random.default_rng(seed)
    p, y_true = draw(rng, classes=classes, sharp=sharp)
    # What scikit-learn needs, and we do not.
    if len(np.unique(y_true)) < classes or p.min() < 1e-6:
        return
    new, _ = draw(rng, rows=50, classes=classes, sharp=sharp)
    theirs = by_scikit_learn(p, y_true)(new)
    ours = scale(new, fit_temperature(p, y_true))
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


@FEW
@given(seed=SEED, classes=st.integers(2, 6), temperature=st.floats(COLDEST, HOTTEST))
def test_the_most_probable_class_stays(seed, classes, temperature):
    p, _ = draw(np.random.default_rng(seed), classes=classes)
    scaled = scale(p, temperature)
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    assert (scaled.argmax(axis=1) == p.argmax(axis=1)).all()
    # No other class of an image passes another either.
    in_order = np.take_along_axis(scaled, p.argsort(axis=1), axis=1)
    assert (np.diff(in_order, axis=1) >= 0).all()


def test_it_finds_how_much_too_sure_a_model_is():
    for sharp in (0.5, 1.0, 3.0):
        p, y_true = draw(np.random.default_rng(1), rows=20_000, sharp=sharp)
        assert fit_temperature(p, y_true) == pytest.approx(sharp, rel=0.05)


def test_no_temperature_of_a_grid_has_a_smaller_loss():
    p, y_true = draw(np.random.default_rng(2), rows=200)
    best = fit_temperature(p, y_true)
    losses = {t: log_loss(y_true, scale(p, t)) for t in np.geomspace(0.3, 6, 200)}
    assert log_loss(y_true, scale(p, best)) <= min(losses.values()) + 1e-9
    assert best == pytest.approx(min(losses, key=losses.get), rel=0.02)


def test_one_changes_nothing_and_two_scalings_multiply():
    p, _ = draw(np.random.default_rng(3), sharp=0.5)
    np.testing.assert_allclose(scale(p, 1.0), p, atol=1e-6)
    np.testing.assert_allclose(scale(scale(p, 2.0), 0.5), p, atol=1e-6)
    np.testing.assert_allclose(scale(p, [2.0] * len(p)), scale(p, 2.0))


def test_two_classes_may_be_given_by_the_positive_one():
    p, y_true = draw(np.random.default_rng(4), classes=2)
    assert fit_temperature(p[:, 1], y_true == 1) == pytest.approx(
        fit_temperature(p, y_true)
    )
    np.testing.assert_allclose(scale(p[:, 1], 2.0), scale(p, 2.0), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_zero_and_one_and_half_precision_break_nothing(dtype):
    p, y_true = draw(np.random.default_rng(5), sharp=3.0)
    sure = np.eye(4)[p.argmax(axis=1)].astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        temperature = fit_temperature(sure, y_true)
        scaled = scale(sure, temperature)
    # All that is known is how often it is right: that is what the answers get.
    right = (sure.argmax(axis=1) == y_true).mean()
    np.testing.assert_allclose(scaled.max(axis=1), right, atol=1e-3)
    assert (scaled.argmax(axis=1) == sure.argmax(axis=1)).all()
    single = p.astype(dtype)
    assert fit_temperature(single, y_true) == pytest.approx(
        fit_temperature(p, y_true), rel=1e-2
    )


def test_a_class_may_be_absent():
    p, y_true = draw(np.random.default_rng(6), rows=600)
    there = y_true != 2
    temperature = fit_temperature(p[there], y_true[there])
    losses = [
        log_loss(y_true[there], scale(p[there], t), labels=range(4))
        for t in (0.95 * temperature, temperature, 1.05 * temperature)
    ]
    assert losses[1] == min(losses)


def test_perfect_and_useless_models_end_at_the_bounds():
    p, _ = draw(np.random.default_rng(7))
    best, worst = p.argmax(axis=1), p.argmin(axis=1)
    assert fit_temperature(p, best) == pytest.approx(COLDEST, rel=1e-3)
    assert fit_temperature(p, worst) == pytest.approx(HOTTEST, rel=1e-3)


def test_groups_of_few_images_have_the_overall_temperature():
    rng = np.random.default_rng(8)
    parts = [draw(rng, rows, sharp=s) for rows, s in ((2000, 1), (2000, 3), (30, 3))]
    p, y_true = (np.concatenate(values) for values in zip(*parts, strict=True))
    groups = np.repeat(["a", "b", "c"], [2000, 2000, 30])
    fitted = fit_temperatures(p, y_true, groups)
    assert fitted.groups == {
        "a": fit_temperature(*parts[0]),
        "b": fit_temperature(*parts[1]),
    }
    assert fitted.groups["a"] < fitted.overall < fitted.groups["b"]
    assert fitted.left == {"c": "only 30 validation images"}
    assert fitted.of(["c", "b"]).tolist() == [fitted.overall, fitted.groups["b"]]
    one = fit_temperatures(p, y_true)
    assert (one.groups, one.left, one.images) == ({}, {}, 4030)
    alone = fit_temperatures(p, y_true, np.full(4030, "all"))
    assert alone.groups == {"all": one.overall}


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(MethodError, match="no validation image"):
        fit_temperature(np.empty((0, 3)), [])
    with pytest.raises(MethodError, match="not a finite number"):
        fit_temperature([[0.5, np.nan]], [0])
    with pytest.raises(MethodError, match="fewest of temperature scaling is 0"):
        fit_temperatures([[0.5, 0.5]], [0], fewest=0)
