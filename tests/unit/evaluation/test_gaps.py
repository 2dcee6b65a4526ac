"""The Fair metric and the intervals of gaps."""

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn
from fairlearn.metrics import MetricFrame
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics as sklearn

from core.errors import EquipoiseError
from core.evaluation.alignment import AlignedPredictions
from core.evaluation.comparison import compare_runs
from core.evaluation.gaps import (
    Gap,
    fair_metric,
    gap_bounds,
    gap_info,
    gaps_of,
    measure_gap,
    pairwise_reach,
)
from core.evaluation.grouping import Grouping
from core.evaluation.intervals import wilson
from core.evaluation.metrics import group_metric_keys, metric_info
from core.evaluation.multiple_comparisons import simultaneous
from core.evaluation.resampled_metrics import TaskDraws
from core.evaluation.resampling import Resampler
from core.evaluation.variance import compute_contrasts
from core.evaluation.verdicts import SMALL_GROUP, TOO_FEW, UNTESTED
from tests.grouped import TASK as GROUPED
from tests.grouped import grouped_tables
from tests.oracles import AGE, TWO, biased, draw_table
from tests.synthetic import TASKS, synthetic_tables

UTKFACE = TASKS["utkface"]


@pytest.fixture(scope="module")
def tables():
    return synthetic_tables(methods=("baseline", "ins", "lmf"), seeds=(0, 1))


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


def interval_of(gap, values, images, *, level=0.95):
    """Interval of a gap of shares of one seed, from Wilson's of the groups."""
    value, n = np.asarray(values, float), np.asarray(images, float)

    def bounds(reach):
        own = float(2 * special.ndtr(reach) - 1)
        return wilson(value, n, value * (1 - value), seeds=1, level=own)

    return gap_bounds(gap, [value], [bounds], [np.arange(len(value))], level=level)


def test_difference_of_two_shares_is_newcombes():
    """56/70 and 48/80: the worked example of Newcombe (1998), 0.0524 to 0.3339."""
    gap = Gap("two.accuracy", "difference", ("two.accuracy",))
    low, high = interval_of(gap, [56 / 70, 48 / 80], [70, 80])
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_ratio_of_two_shares_is_near_that_of_scipy():
    gap = Gap("two.accuracy", "ratio", ("two.accuracy",))
    low, high = interval_of(gap, [300 / 500, 400 / 500], [500, 500])
    oracle = stats.contingency.relative_risk(300, 500, 400, 500).confidence_interval()
    assert (low, high) == pytest.approx((oracle.low, oracle.high), abs=0.003)


def test_no_errors_at_all_are_no_certainty():
    gap = Gap("two.accuracy", "difference", ("two.accuracy",))
    low, high = interval_of(gap, [1.0, 1.0], [25, 25])
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
        ends = interval_of(gap, drawn, images)
        held += ends[0] <= true_gap + 1e-9 and ends[1] >= true_gap - 1e-9
    # 600 draws of a 95 % interval: 92.5 % is three standard errors below.
    assert held / 600 > 0.925


@pytest.mark.parametrize("truth", [(0.9, 0.8, 0.7), (0.8, 0.8, 0.8)])
def test_equal_methods_are_rarely_called_different(truth):
    """Both methods are right as often in every group; only the images differ."""
    rows, draws = 640, 300
    # The resamples of one test set serve all: drawing them is most of the work.
    resampler = Resampler(rows, 300)
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
        drawn = [TaskDraws(aligned, TWO, grouping, resampler).metric(gap.metric)]
        counted = [np.arange(3)]
        runs = {
            name: measure_gap(gap, drawn, counted, [column]).runs
            for column, name in enumerate("ab")
        }
        n = np.array([int(drawn[0].rests.min())])
        found = simultaneous(compute_contrasts(runs, "b", n))
        rejected += found["a"].p[0] < 0.05
    # 5 % and three standard errors of 300 draws.
    assert rejected / draws < 0.088


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(60, 200))
def test_gaps_are_fairlearns(seed, rows):
    rng = np.random.default_rng(seed)
    table = draw_table(rng, TWO, rows, groups=(3, 1))
    truth, given_ = table["two_true"] == "yes", table["two_pred"] == "yes"
    # fairlearn takes an undefined rate for 0.
    assume(table.groupby("shape")["two_true"].nunique().min() == 2)
    compared = compare_runs(
        {("only", 0): table},
        (TWO,),
        "only",
        by=["shape"],
        include_small=True,
        resamples=20,
    )
    found = compared.gaps.set_index(["metric", "measure"])
    of = {"sensitive_features": table["shape"]}
    expected = {
        ("two.selection_rate", "difference"): fairlearn.demographic_parity_difference(
            truth, given_, **of
        ),
        ("two.selection_rate", "ratio"): fairlearn.demographic_parity_ratio(
            truth, given_, **of
        ),
        ("two.equalized_odds", "difference"): fairlearn.equalized_odds_difference(
            truth, given_, **of
        ),
        ("two.equalized_odds", "ratio"): fairlearn.equalized_odds_ratio(
            truth, given_, **of
        ),
        ("two.recall", "difference"): fairlearn.equal_opportunity_difference(
            truth, given_, **of
        ),
        ("two.recall", "ratio"): fairlearn.equal_opportunity_ratio(truth, given_, **of),
    }
    for key, value in expected.items():
        np.testing.assert_allclose(found.loc[key, "mean"], value, atol=1e-12)
    frame = MetricFrame(
        metrics=sklearn.accuracy_score, y_true=truth, y_pred=given_, **of
    )
    gap = found.loc[("two.accuracy", "difference")]
    assert gap["mean"] == pytest.approx(frame.difference())
    assert frame.by_group[gap["lowest"]] == pytest.approx(frame.group_min())
    assert frame.by_group[gap["highest"]] == pytest.approx(frame.group_max())
    assert gap["worst"] == gap["lowest"]
    fair = found.loc[("two.accuracy", "fair_metric"), "mean"]
    expected_fair = frame.by_group.mean() - 2 * frame.difference()
    assert fair == pytest.approx(expected_fair)


def test_small_groups_are_flagged_and_left_out_of_gaps(tables):
    first = tables["baseline", 0]
    few = first.index[first["ethnicity"] == "Asian"][SMALL_GROUP - 1 :]
    part = {run: table.drop(index=few) for run, table in tables.items()}
    options = {"by": ["ethnicity"], "metrics": ["age.mae"], "resamples": 50}
    found = compare_runs(part, UTKFACE, "baseline", **options)
    assert found.groups.set_index("group").loc["Asian", "small"].all()
    assert (found.gaps["groups"] == 3).all()
    assert not found.gaps["lowest"].eq("Asian").any()
    row = found.row("ins", "age.mae", group="Asian")
    assert (row["n"], row["verdict"], row["note"]) == (19, UNTESTED, TOO_FEW)
    everyone = compare_runs(part, UTKFACE, "baseline", include_small=True, **options)
    assert (everyone.gaps["groups"] == 4).all()


def test_verdicts_mind_which_way_is_better():
    both = {
        ("baseline", 0): biased((0.95, 0.80)),
        ("other", 0): biased((0.95, 0.93)),
    }
    found = compare_runs(both, (TWO,), "baseline", by=["gender"], resamples=300)
    changes = of_other(found)["verdict"]
    assert changes[("two.accuracy", "difference", "")] == "better"
    assert changes[("two.accuracy", "ratio", "")] == "better"
    assert changes[("two.false_positive_rate", "", "women")] == "better"
    assert changes[("two.accuracy", "", "women")] == "better"
    always = biased((1.0, 1.0))
    always["two_pred"] = "yes"
    both |= {("other", 0): always}
    found = compare_runs(both, (TWO,), "baseline", by=["gender"], resamples=300)
    rates = of_other(found)["verdict"]
    assert rates[("two.selection_rate", "", "men")] == "differs"
    assert rates[("two.recall", "", "women")] == "better"


def test_ratios_of_few_images_are_not_called_certain():
    """None wrong of 400 against 8 of 400: the ratio is 0 in every resample."""
    both = {
        ("baseline", 0): biased((0.98, 0.98)),
        ("other", 0): biased((1.0, 0.98)),
    }
    found = compare_runs(both, (TWO,), "baseline", by=["gender"], resamples=300)
    changes = of_other(found)
    row = changes.loc[("two.false_positive_rate", "ratio", "")]
    assert row["mean"] == 0
    assert row["n"] == 0
    assert row["verdict"] == UNTESTED
    # Equal groups are two groups still, and their gap is not certain.
    gaps = found.gaps.set_index(["method", "metric", "measure"])
    row = gaps.loc[("baseline", "two.accuracy", "difference")]
    assert row["mean"] == 0
    assert {row["lowest"], row["highest"]} == {"men", "women"}
    row = changes.loc[("two.accuracy", "difference", "")]
    assert row["delta"] == pytest.approx(0.02)
    assert row["delta_low"] < 0.02 < row["delta_high"]


def test_a_single_group_has_no_gap(tables):
    part = {run: t[t["gender"] == "male"] for run, t in tables.items()}
    found = compare_runs(
        part, UTKFACE, "baseline", by=["gender"], metrics=["age.mae"], resamples=20
    )
    gaps = found.gaps
    assert gaps[["mean", "low", "high", "delta_low"]].isna().all(axis=None)
    assert (gaps["groups"] == 1).all()
    assert (gaps.loc[gaps["method"] == "ins", "verdict"] == UNTESTED).all()


@pytest.mark.parametrize("study", list(TASKS))
def test_every_key_within_groups_is_known_and_explained(study):
    for task in TASKS[study]:
        for key in group_metric_keys(task):
            info = metric_info(key, TASKS[study])
            assert info.label.startswith(task.label)
            assert "{" not in info.label + info.explanation
            for measure in ("difference", "ratio"):
                gap = gap_info(key, measure, TASKS[study])
                assert gap.label.startswith(task.label)
                assert gap.explanation.endswith("parity.")


def test_a_method_that_answers_nobody_takes_no_gap_from_the_others():
    accuracies = {name: {"A": 0.9, "B": 0.7} for name in ("baseline", "good", "mute")}
    tables = grouped_tables(accuracies)
    tables["mute", 0]["hired_pred"] = "no"
    without = {run: table for run, table in tables.items() if run[0] != "mute"}
    options = {"by": ["group"], "metrics": ["hired.precision"], "resamples": 100}
    found = compare_runs(tables, (GROUPED,), "baseline", **options)
    plain = compare_runs(without, (GROUPED,), "baseline", **options)
    for method in ("baseline", "good"):
        own, alone = (
            c.row(method, "hired.precision", "difference") for c in (found, plain)
        )
        assert own["mean"] == pytest.approx(alone["mean"])
        assert own["groups"] == 2
    assert np.isnan(found.row("mute", "hired.precision", "difference")["mean"])
    small = found.groups.set_index("method")["small"]
    assert small["mute"].all()
    assert not small["good"].any()


def of_other(found):
    """Rows of the one method beside the baseline."""
    own = found.cells[found.cells["method"] == "other"]
    return own.set_index(["metric", "measure", "group"])


def test_gaps_beside_each_other_subtract(tables):
    """Where the same groups count in both, as they do where all are large."""
    found = compare_runs(
        tables, UTKFACE, "baseline", by=["gender", "ethnicity"], resamples=50
    )
    gaps = found.gaps.set_index(["metric", "measure", "method"])
    others = gaps[gaps.index.get_level_values("method") != "baseline"].dropna(
        subset=["delta"]
    )
    checked = 0
    for (metric, measure, method), row in others.iterrows():
        base = gaps.loc[(metric, measure, "baseline")]
        if row["groups"] == base["groups"] == 8:
            assert row["delta"] == pytest.approx(row["mean"] - base["mean"], abs=1e-12)
            checked += 1
        assert method in ("ins", "lmf")
    assert checked > 20


def test_a_gap_is_compared_over_the_groups_that_count_in_both():
    accuracies = {name: {"A": 0.9, "B": 0.7, "C": 0.6} for name in ("baseline", "few")}
    tables = grouped_tables(accuracies)
    few = tables["few", 0]
    few.loc[few["group"] == "C", "hired_pred"] = "no"
    options = {"by": ["group"], "metrics": ["hired.precision"], "resamples": 100}
    found = compare_runs(tables, (GROUPED,), "baseline", **options)
    base, row = (
        found.row(m, "hired.precision", "difference") for m in ("baseline", "few")
    )
    assert (base["groups"], row["groups"]) == (3, 2)
    assert (base["lowest"], base["highest"]) == ("C", "A")
    assert (row["lowest"], row["highest"]) == ("B", "A")
    # A and B are answered alike.
    assert row["delta"] == pytest.approx(0)


def test_gaps_of_few_resamples_say_so():
    """A gap whose group a resample often misses is not judged."""
    first = biased((0.9, 0.8), rows=200)
    rare = np.arange(len(first)) < 2
    first["gender"] = np.where(rare, "others", first["gender"])
    tables = {("baseline", 0): first, ("other", 0): first.assign(two_pred="yes")}
    found = compare_runs(
        tables, (TWO,), "baseline", by=["gender"], include_small=True, resamples=400
    )
    row = found.row("other", "two.accuracy", "difference")
    assert (row["groups"], row["verdict"]) == (3, UNTESTED)
    assert row["note"]
