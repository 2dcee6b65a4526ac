"""Thresholds by group, against fairlearn's own predictions and its definitions."""

import json
import subprocess
import sys

import numpy as np
import pytest
from fairlearn.postprocessing import ThresholdOptimizer
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin

from core.errors import MethodError
from core.methods.threshold_optimizer import (
    GroupRule,
    Threshold,
    draws,
    fit_threshold_rule,
    groups_without_rule,
)

CONSTRAINTS = ("demographic_parity", "equalized_odds", "true_positive_rate_parity")


class Given(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose probability of the positive class is its input."""

    def __init__(self):
        self.fitted_ = True
        self.classes_ = np.array([0, 1])

    def fit(self, x, y):
        return self

    def predict_proba(self, x):
        return np.column_stack([1 - x[:, 0], x[:, 0]])


def images(seed, n=120, groups=2):
    """Scores that tell the truth better in the first group than in the others."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, n)
    truth = rng.random(n) < np.where(group == 0, 0.5, 0.25)
    noise = rng.normal(size=n) * np.where(group == 0, 0.8, 1.6)
    scores = 1 / (1 + np.exp(-(2 * truth - 1 + noise)))
    # Every group has both classes.
    for g in range(groups):
        truth[np.flatnonzero(group == g)[:2]] = [True, False]
    return np.round(scores, 3), truth, np.array(["A", "B", "C"])[group]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    groups=st.integers(2, 3),
    constraint=st.sampled_from(CONSTRAINTS),
    objective=st.sampled_from(["accuracy_score", "balanced_accuracy_score"]),
)
def test_rates_are_fairlearns(seed, groups, constraint, objective):
    scores, truth, names = images(seed, groups=groups)
    oracle = ThresholdOptimizer(
        estimator=Given(),
        constraints=constraint,
        objective=objective,
        prefit=True,
        predict_method="predict_proba",
    ).fit(scores[:, None], truth.astype(int), sensitive_features=names)
    rule = fit_threshold_rule(
        scores, truth, names, constraint=constraint, objective=objective
    )
    new_scores, _, new_names = images(seed + 1, groups=groups)
    expected = oracle._pmf_predict(new_scores[:, None], sensitive_features=new_names)
    found = rule.positive_rate(new_scores, new_names)
    np.testing.assert_allclose(found, expected[:, 1], atol=1e-12)


def rates_by_group(rates, names, kept):
    return [rates[kept & (names == name)].mean() for name in np.unique(names)]


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_the_constraint_holds_where_it_was_fitted(constraint):
    scores, truth, names = images(3, n=2000)
    rates = fit_threshold_rule(scores, truth, names, constraint=constraint)
    rates = rates.positive_rate(scores, names)
    kept = {
        "demographic_parity": [np.ones(2000, bool)],
        "equalized_odds": [truth, ~truth],
        "true_positive_rate_parity": [truth],
    }[constraint]
    plain = (scores > 0.5).astype(float)
    for mask in kept:
        # The grid of the rates has 1,000 steps, and the classes have fewer images.
        assert np.ptp(rates_by_group(rates, names, mask)) < 2e-3
    assert max(np.ptp(rates_by_group(plain, names, mask)) for mask in kept) > 0.03


def test_a_rule_by_hand():
    # A quarter of the draws above 0.2, the rest above 0.6; a tenth are positive anyhow.
    rule = GroupRule((Threshold(0.25, 0.2), Threshold(0.75, 0.6)), 0.1, 1.0)
    found = rule.positive_rate([0.1, 0.2, 0.5, 0.7])
    np.testing.assert_allclose(found, [0.1, 0.1, 0.1 + 0.9 * 0.25, 1.0])
    below = GroupRule((Threshold(1.0, 0.3, above=False),))
    np.testing.assert_array_equal(below.positive_rate([0.2, 0.3]), [1, 0])


def test_a_group_without_a_rule_keeps_the_models_answer():
    scores, truth, names = images(5)
    names[:6], truth[:6] = "D", False
    rule = fit_threshold_rule(scores, truth, names)
    assert rule.left == {"D": "all its validation images are negative"}
    assert set(rule.groups) == {"A", "B"}
    found = rule.positive_rate([0.4, 0.6, 0.4, 0.6], ["D", "D", "new", "new"])
    np.testing.assert_array_equal(found, [0, 1, 0, 1])
    text = json.dumps(rule.as_dict(), allow_nan=False)
    assert json.loads(text)["without_rule"] == rule.left


def test_fewer_than_two_groups_are_refused():
    with pytest.raises(MethodError, match="both classes; there are 1"):
        groups_without_rule([True, False, True], ["A", "A", "B"])


def test_bad_scores_and_words_are_refused():
    scores, truth, names = images(6)
    with pytest.raises(MethodError, match="1 validation score is not a finite"):
        fit_threshold_rule(np.append(scores[1:], np.nan), truth, names)
    with pytest.raises(MethodError, match="no constraint 'parity'"):
        fit_threshold_rule(scores, truth, names, constraint="parity")


def test_draws_are_even_and_of_the_image_and_seed_alone():
    ids = [f"image-{i}" for i in range(4000)]
    one = draws(ids, seed=0)
    np.testing.assert_array_equal(draws(ids[::-1], seed=0), one[::-1])
    other = draws(ids, seed=1)
    assert ((one >= 0) & (one < 1)).all()
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
    # Of 4,000 even draws a tenth is off by three standard errors, 0.014, at most.
    counts, _ = np.histogram(one, bins=10, range=(0, 1))
    np.testing.assert_allclose(counts / 4000, 0.1, atol=0.0145)


def test_importing_it_costs_no_fairlearn():
    program = (
        "import sys; import core.methods.threshold_optimizer;"
        "heavy = {'fairlearn', 'sklearn', 'pandas', 'keras'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
