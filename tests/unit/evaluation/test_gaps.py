"""The Fair metric and the intervals of gaps."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from core.errors import EquipoiseError
from core.evaluation.alignment import AlignedPredictions
from core.evaluation.gaps import (
    Gap,
    fair_metric,
    gap_interval,
    gaps_of,
    measure_gap,
    pairwise_reach,
)
from core.evaluation.groups import Grouping, GroupIntervals, GroupMetrics
from core.evaluation.intervals import paired_differences, resample_weights
from core.evaluation.metrics import group_metric_keys
from core.tasks import Binary, Regression

TWO = Binary("two", "Two", ("no", "yes"))
AGE = Regression("age", "Age", "years", 1, 80, 10)


@pytest.mark.parametrize(
    ("women", "men", "expected"),
    [
        # The soft-bio project's own accuracies and what its own line made of them.
        (0.9193578958511353, 0.9682070016860962, 0.846084237099),
        (0.9073910713195801, 0.920302152633667, 0.888024449348),
        (0.8, 0.8, 0.8),
        (1.0, 0.0, -1.5),
    ],
)
def test_fair_metric_is_that_of_the_soft_bio_project(women, men, expected):
    assert fair_metric([women, men]) == pytest.approx(expected, abs=1e-12)


def test_fair_metric_rewards_levelling_down():
    assert fair_metric([0.6, 0.6]) > fair_metric([0.9, 0.7])
    assert fair_metric([0.2, 0.5, 0.8], penalty=0.5) == pytest.approx(0.5 - 0.5 * 0.6)


@pytest.mark.parametrize(
    ("accuracies", "penalty", "message"),
    [
        ([], 2.0, "accuracies of the groups"),
        ([0.5, 1.5], 2.0, "accuracies of the groups"),
        ([0.5, float("nan")], 2.0, "accuracies of the groups"),
        ([0.5, 0.6], -1.0, "penalty is -1"),
    ],
)
def test_fair_metric_of_bad_arguments(accuracies, penalty, message):
    with pytest.raises(EquipoiseError, match=message):
        fair_metric(accuracies, penalty=penalty)


def test_gaps_that_follow_from_the_metrics():
    found = {(gap.metric, gap.measure) for gap in gaps_of(group_metric_keys(TWO))}
    assert ("two.equalized_odds", "difference") in found
    assert ("two.accuracy", "fair_metric") in found
    assert ("two.recall", "fair_metric") not in found
    found = {(gap.metric, gap.measure) for gap in gaps_of(group_metric_keys(AGE))}
    assert ("age.bias", "difference") in found
    assert ("age.bias", "ratio") not in found
    assert not gaps_of(["two.false_positive_rate"])[-1].metric.endswith("odds")


@pytest.mark.parametrize("groups", [2, 3, 8, 40])
def test_reach_is_the_studentized_range(groups):
    expected = stats.studentized_range.ppf(0.95, groups, 1e6) / np.sqrt(2)
    assert pairwise_reach(groups, 0.95) == pytest.approx(expected, rel=1e-4)


def shares(values, images, level=0.95):
    value = np.append(np.asarray(values, float), np.nan)
    n = np.append(np.asarray(images, float), np.nan)
    return GroupIntervals(
        value=value,
        down=np.full(len(value), np.nan),
        up=np.full(len(value), np.nan),
        rests=n,
        variance=value * (1 - value),
        seeds=1,
        level=level,
        is_share=True,
    )


def test_difference_of_two_shares_is_newcombes():
    """56/70 and 48/80: the worked example of Newcombe (1998), 0.0524 to 0.3339."""
    gap = Gap("two.accuracy", "difference", ("two.accuracy",))
    low, high = gap_interval(
        gap, [shares([56 / 70, 48 / 80], [70, 80])], [np.arange(2)]
    )
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_ratio_of_two_shares_is_near_that_of_scipy():
    gap = Gap("two.accuracy", "ratio", ("two.accuracy",))
    low, high = gap_interval(
        gap, [shares([300 / 500, 400 / 500], [500, 500])], [np.arange(2)]
    )
    oracle = stats.contingency.relative_risk(300, 500, 400, 500).confidence_interval()
    assert (low, high) == pytest.approx((oracle.low, oracle.high), abs=0.003)


def test_no_errors_at_all_are_no_certainty():
    gap = Gap("two.accuracy", "difference", ("two.accuracy",))
    low, high = gap_interval(gap, [shares([1.0, 1.0], [25, 25])], [np.arange(2)])
    assert low == 0
    assert 0.1 < high < 0.2


@pytest.mark.parametrize("measure", ["difference", "ratio", "fair_metric"])
@pytest.mark.parametrize("truth", [(0.8, 0.9), (0.7, 0.7, 0.7), (0.6, 0.8, 0.9, 0.9)])
def test_intervals_of_gaps_cover(measure, truth):
    truth, rng = np.array(truth), np.random.default_rng(0)
    low, high = truth.min(), truth.max()
    true_gap = {
        "difference": high - low,
        "ratio": low / high,
        "fair_metric": truth.mean() - 2 * (high - low),
    }[measure]
    gap = Gap("two.accuracy", measure, ("two.accuracy",))
    images = np.full(len(truth), 120)
    held = 0
    for _ in range(600):
        drawn = rng.binomial(images, truth) / images
        ends = gap_interval(gap, [shares(drawn, images)], [np.arange(len(truth))])
        held += ends[0] <= true_gap + 1e-9 and ends[1] >= true_gap - 1e-9
    # 600 draws of a 95 % interval: 92.5 % is three standard errors below.
    assert held / 600 > 0.925


@pytest.mark.parametrize("truth", [(0.9, 0.8, 0.7), (0.8, 0.8, 0.8)])
def test_equal_methods_are_rarely_called_different(monkeypatch, truth):
    """Both methods are right as often in every group; only the images differ."""
    rows, resamples, draws = 640, 300, 300
    weights = resample_weights(rows, resamples, np.random.default_rng(0))
    monkeypatch.setattr(
        "core.evaluation.groups.resample_weights", lambda *arguments: weights
    )
    rng, names = np.random.default_rng(1), list("ABC")
    levels = pd.DataFrame({"group": names}, index=pd.Index(names, name="group"))
    gap = Gap("two.accuracy", "difference", ("two.accuracy",))
    rejected = 0
    for _ in range(draws):
        group = rng.choice(3, rows, p=(0.6, 0.3, 0.1))
        y_true = rng.integers(0, 2, rows)
        hard = rng.random(rows)
        # Half of the images are as hard for one method as for the other.
        luck = [np.where(rng.random(rows) < 0.5, hard, rng.random(rows)) for _ in "ab"]
        y_pred = [
            np.where(u < np.array(truth)[group], y_true, 1 - y_true) for u in luck
        ]
        aligned = AlignedPredictions(
            runs=(("a", 0), ("b", 0)),
            rows=rows,
            truth={"two": y_true},
            predictions={"two": np.array(y_pred)},
            probabilities={"two": (None, None)},
        )
        grouping = Grouping("group", levels, group)
        drawn = [GroupMetrics(aligned, TWO, grouping, resamples, 0).metric(gap.metric)]
        counted = [np.arange(3)]
        own, other = (measure_gap(gap, drawn, counted, [c]).runs for c in (0, 1))
        n = np.array([int(drawn[0].rests.min())])
        rejected += paired_differences(own, other, n, level=0.95).p[0] < 0.05
    # 5 % and three standard errors of 300 draws.
    assert rejected / draws < 0.088
