"""Scores of rules, against scikit-learn's and SciPy's."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import f1_score, precision_score, recall_score

from core.evaluation.rules.held_out import METRICS, judge_rules
from core.evaluation.rules.search import search_rules


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return pd.DataFrame(rng.random((600, 3)) < 0.4, columns=["hat", "beard", "ring"])


@pytest.fixture(scope="module")
def labels(table) -> np.ndarray:
    noise = np.random.default_rng(3).random(len(table)) < 0.1
    return (table["hat"] | table["beard"]).to_numpy() ^ noise


def test_scores_are_those_of_scikit_learn(table, labels):
    search = search_rules(table, labels)
    rules = (search.best, *search.runners_up(2))
    judged = judge_rules(rules, table, labels)
    for rule, (_, row) in zip(rules, judged.iterrows(), strict=True):
        says = rule.holds(table)
        assert row["precision"] == pytest.approx(precision_score(labels, says))
        assert row["recall"] == pytest.approx(recall_score(labels, says))
        assert row["f1"] == pytest.approx(f1_score(labels, says))


def test_intervals_are_wilsons(table, labels):
    best = search_rules(table, labels).best
    (_, row) = next(judge_rules([best], table, labels).iterrows())
    says = best.holds(table)
    hits = int((says & labels).sum())
    for metric, of in (("precision", says.sum()), ("recall", labels.sum())):
        expected = binomtest(hits, int(of)).proportion_ci(0.95, method="wilson")
        assert row[f"{metric}_low"] == pytest.approx(expected.low)
        assert row[f"{metric}_high"] == pytest.approx(expected.high)
    shared = binomtest(hits, int((says | labels).sum())).proportion_ci(
        0.95, method="wilson"
    )
    assert row["f1_low"] == pytest.approx(2 * shared.low / (1 + shared.low))
    assert row["f1_low"] < row["f1"] < row["f1_high"]


def test_a_rule_that_is_always_right_is_not_known_to_the_last_digit(table):
    labels = table["hat"].to_numpy()
    best = search_rules(table, labels).best
    (_, row) = next(judge_rules([best], table, labels).iterrows())
    for metric in METRICS:
        assert row[metric] == row[f"{metric}_high"] == 1
        assert row[f"{metric}_low"] < 0.999


def test_what_has_no_images_has_no_score(table, labels):
    best = search_rules(table, labels).best
    judged = judge_rules([best], table.iloc[:0], labels[:0])
    assert judged.isna().all(axis=None)
    none = judge_rules([best], table[~best.holds(table)], labels[~best.holds(table)])
    assert np.isnan(none["precision"][0])
    assert none["recall"][0] == 0
