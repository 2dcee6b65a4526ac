"""Groups, gaps and methods against fairlearn, by hand and in simulation."""

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn
from fairlearn.metrics import MetricFrame
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from core.errors import EquipoiseError
from core.evaluation.alignment import align_predictions
from core.evaluation.compare import SMALL_GROUP, compare
from core.evaluation.fairness import (
    BEST_PAID,
    LEVELLED_DOWN,
    NO_RISE,
    WORST_GAINED,
    change_sentence,
    compare_groups,
)
from core.evaluation.gaps import gap_info
from core.evaluation.groups import MAX_GROUPS, group_images
from core.evaluation.metrics import CLASS_RATES, group_metric_keys, metric_info
from core.tasks import Binary, Multiclass, Regression
from tests.grouped import TASK as GROUPED
from tests.grouped import grouped_tables
from tests.synthetic import TASKS, synthetic_tables

UTKFACE = TASKS["utkface"]
TWO = Binary("two", "Two", ("no", "yes"))
FOUR = Multiclass("four", "Four", ("a", "b", "c", "d"))
AGE = Regression("age", "Age", "years", 1, 80, 10)
FEATURES = ("shape", "size")


@pytest.fixture(scope="module")
def tables():
    return synthetic_tables(methods=("baseline", "ins", "lmf"), seeds=(0, 1))


def draw_table(rng, task, rows, groups=(2, 3)):
    table = {"image_id": [f"i{i}" for i in range(rows)]}
    for feature, count in zip(FEATURES, groups, strict=True):
        table[feature] = np.array(list("ABCDE"))[rng.integers(0, count, rows)]
    if isinstance(task, Regression):
        table["age_true"] = rng.integers(1, 80, rows).astype(float)
        table["age_pred"] = table["age_true"] + rng.normal(1, 8, rows)
        return pd.DataFrame(table)
    k = len(task.classes)
    logits = rng.normal(0, 1, (rows, k))
    # A class that some groups do not have.
    y_true = rng.choice(k, rows, p=np.arange(k, 0, -1) / np.arange(1, k + 1).sum())
    logits[np.arange(rows), y_true] += rng.choice([0.0, 2.0])
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    shares = shares.astype(np.float32)
    table[f"{task.name}_true"] = np.array(task.classes)[y_true]
    table[f"{task.name}_pred"] = np.array(task.classes)[shares.argmax(axis=1)]
    for place, label in enumerate(task.classes):
        table[f"{task.name}_p_{label}"] = shares[:, place]
    return pd.DataFrame(table)


def all_groups(table, task, features=FEATURES, **options):
    return compare_groups(
        {("only", 0): table},
        (task, AGE) if task is not AGE else (AGE,),
        "only",
        task=task.name,
        features=features,
        resamples=20,
        include_small=True,
        **options,
    )


def undefined_where(denominator):
    """A rate as scikit-learn has it, and NaN where its denominator is 0."""

    def of(rate):
        def measure(y_true, y_pred):
            return rate(y_true, y_pred) if denominator(y_true, y_pred) else np.nan

        return measure

    return of


def class_oracles(label):
    """fairlearn's and scikit-learn's rates of a class against the rest."""

    def hot(rate):
        return lambda t, p: rate(t == label, p == label)

    options = {"pos_label": True, "zero_division": 0.0}
    any_true = undefined_where(lambda t, p: t.any())
    any_other = undefined_where(lambda t, p: (~t).any())
    any_found = undefined_where(lambda t, p: p.any())
    either = undefined_where(lambda t, p: t.any() or p.any())
    return {
        "precision": hot(
            any_found(lambda t, p: sklearn.precision_score(t, p, **options))
        ),
        "recall": hot(any_true(lambda t, p: sklearn.recall_score(t, p, **options))),
        "f1": hot(either(lambda t, p: sklearn.f1_score(t, p, **options))),
        "selection_rate": hot(
            lambda t, p: fairlearn.selection_rate(t, p, pos_label=True)
        ),
        "false_positive_rate": hot(
            any_other(lambda t, p: fairlearn.false_positive_rate(t, p, pos_label=True))
        ),
        "false_negative_rate": hot(
            any_true(lambda t, p: fairlearn.false_negative_rate(t, p, pos_label=True))
        ),
    }


def plain_oracles(task):
    """Metrics of several classes at once."""
    if task is TWO:
        return {"accuracy": sklearn.accuracy_score}

    def recall(t, p):
        labels = np.unique(t)
        return sklearn.recall_score(
            t, p, labels=labels, average="macro", zero_division=0.0
        )

    def f1(t, p):
        return sklearn.f1_score(t, p, average="macro", zero_division=0.0)

    return {
        "accuracy": sklearn.accuracy_score,
        "balanced_accuracy": recall,
        "macro_f1": f1,
    }


def oracle_of(table, task):
    """By metric's key, fairlearn's values by group; empty crossings are NaN."""
    if isinstance(task, Regression):
        functions = {
            "age.mae": sklearn.mean_absolute_error,
            "age.rmse": sklearn.root_mean_squared_error,
            "age.bias": lambda t, p: np.mean(p - t),
        }
    else:
        functions = {f"{task.name}.{n}": f for n, f in plain_oracles(task).items()}
        labels = {"": "yes"} if task is TWO else {f"[{c}]": c for c in task.classes}
        for end, label in labels.items():
            for name, function in class_oracles(label).items():
                functions[f"{task.name}.{name}{end}"] = function
    frame = MetricFrame(
        metrics=functions,
        y_true=table[f"{task.name}_true"].to_numpy(),
        y_pred=table[f"{task.name}_pred"].to_numpy(),
        sensitive_features=table[list(FEATURES)],
    )
    by_group = frame.by_group
    by_group.index = [" × ".join(names) for names in by_group.index]
    return frame.overall, by_group


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 90),
    task=st.sampled_from([TWO, FOUR, AGE]),
)
def test_every_metric_of_every_group_is_fairlearns(seed, rows, task):
    table = draw_table(np.random.default_rng(seed), task, rows)
    found = all_groups(table, task)
    overall, by_group = oracle_of(table, task)
    values = found.groups.pivot(index="group", columns="metric", values="value")
    assert list(found.grouping.names) == list(by_group.index)
    for key in by_group:
        expected = by_group[key].to_numpy(float)
        ours = values[key].reindex(by_group.index).to_numpy(float)
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12)
    whole = found.overall.set_index("metric")["value"]
    for key, expected in overall.items():
        np.testing.assert_allclose(whole[key], expected, rtol=1e-9, atol=1e-12)
    bounds = found.groups.dropna(subset=["low"])
    assert (bounds["low"] <= bounds["value"] + 1e-6).all()
    assert (bounds["high"] >= bounds["value"] - 1e-6).all()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(2, 60),
    task=st.sampled_from([TWO, FOUR]),
)
def test_areas_of_every_group_are_scikit_learns(seed, rows, task):
    table = draw_table(np.random.default_rng(seed), task, rows)
    found = all_groups(table, task, ("shape",), metrics=[f"{task.name}.auc"])
    for row in found.groups.to_dict("records"):
        part = table[table["shape"] == row["group"]]
        scored = ("yes",) if task is TWO else task.classes
        areas = []
        for label in scored:
            truth = part[f"{task.name}_true"] == label
            if truth.any() and not truth.all():
                scores = part[f"{task.name}_p_{label}"]
                areas.append(sklearn.roc_auc_score(truth, scores))
        expected = np.mean(areas) if areas else np.nan
        np.testing.assert_allclose(row["value"], expected, rtol=1e-6)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(60, 200))
def test_gaps_are_fairlearns(seed, rows):
    rng = np.random.default_rng(seed)
    table = draw_table(rng, TWO, rows, groups=(3, 1))
    truth, given_ = table["two_true"] == "yes", table["two_pred"] == "yes"
    # fairlearn takes an undefined rate for 0.
    assume(table.groupby("shape")["two_true"].nunique().min() == 2)
    found = all_groups(table, TWO, ("shape",)).gaps.set_index(["metric", "measure"])
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
        np.testing.assert_allclose(found.loc[key, "value"], value, atol=1e-12)
    frame = MetricFrame(
        metrics=sklearn.accuracy_score, y_true=truth, y_pred=given_, **of
    )
    gap = found.loc[("two.accuracy", "difference")]
    assert gap["value"] == pytest.approx(frame.difference())
    assert frame.by_group[gap["lowest"]] == pytest.approx(frame.group_min())
    assert frame.by_group[gap["highest"]] == pytest.approx(frame.group_max())
    assert gap["worst"] == gap["lowest"]
    fair = found.loc[("two.accuracy", "fair_metric"), "value"]
    expected_fair = frame.by_group.mean() - 2 * frame.difference()
    assert fair == pytest.approx(expected_fair)


def test_empty_crossings_and_classes_that_a_group_lacks_break_nothing():
    table = pd.DataFrame(
        {
            "image_id": list("stuvwxyz"),
            "shape": list("AAAABBBB"),
            "size": list("AABBAAAA"),  # no image is B × B
            "two_true": ["no", "no", "yes", "no", "yes", "yes", "yes", "yes"],
            "two_pred": ["no", "yes", "no", "no", "no", "no", "no", "no"],
        }
    )
    found = all_groups(table, TWO)
    rows = found.groups.set_index(["metric", "group"])
    assert rows.loc[("two.accuracy", "B × B"), "n"] == 0
    undefined = [
        ("two.recall", "A × A"),  # no image of the class
        ("two.false_positive_rate", "B × A"),  # no image of the other
        ("two.precision", "B × A"),  # never predicted
        ("two.auc", "A × B"),  # no probabilities
        *(("two." + rate, "B × B") for rate in ("accuracy", *CLASS_RATES)),
    ]
    for place in undefined:
        assert rows.loc[place, ["value", "low", "high"]].isna().all(), place
    # Predicted and never there: F1 is 0 and not undefined, as scikit-learn has it.
    assert rows.loc[("two.f1", "A × A"), "value"] == 0
    assert rows["small"].all()
    assert any("undefined" in note for note in found.notes())


def test_groups_come_in_the_order_of_the_classes(tables):
    def names(*features):
        table = tables["baseline", 0]
        return group_images(table, UTKFACE, features).names

    assert names("ethnicity") == UTKFACE[2].classes
    assert names("age_bin") == UTKFACE[0].bin_labels
    assert names("gender", "ethnicity")[:2] == ("male × White", "male × Black")
    levels = group_images(tables["baseline", 0], UTKFACE, ("gender", "age_bin")).levels
    assert levels.loc["female × 70-79"].tolist() == ["female", "70-79"]


def test_images_without_a_group_are_a_group_of_their_own(tables):
    table = tables["baseline", 0].copy()
    table.loc[:4, "gender"] = None
    grouping = group_images(table, UTKFACE, ["gender"])
    assert grouping.names == ("male", "female", "unknown")
    assert grouping.counts[2] == 5


def test_small_groups_are_flagged_and_left_out_of_gaps(tables):
    first = tables["baseline", 0]
    few = first.index[first["ethnicity"] == "Asian"][SMALL_GROUP - 1 :]
    part = {run: table.drop(index=few) for run, table in tables.items()}
    options = {"task": "age", "features": ["ethnicity"], "metrics": ["age.mae"]}
    found = compare_groups(part, UTKFACE, "baseline", resamples=50, **options)
    assert found.groups.set_index("group").loc["Asian", "small"].all()
    assert (found.gaps["groups"] == 3).all()
    assert not found.gaps["lowest"].eq("Asian").any()
    text = " ".join(found.notes())
    assert "Asian (19)" in text
    assert "leaves out the groups" in text
    changes = found.differences
    assert (changes.loc[changes["group"] == "Asian", "verdict"] == "inconclusive").all()
    everyone = compare_groups(
        part, UTKFACE, "baseline", resamples=50, include_small=True, **options
    )
    assert (everyone.gaps["groups"] == 4).all()
    assert "decide a gap by chance" in " ".join(everyone.notes())


def test_overall_is_that_of_the_comparison(tables):
    whole = compare(tables, UTKFACE, "baseline", resamples=300).table
    whole = whole.set_index(["method", "metric"])
    for task in ("age", "ethnicity"):
        found = compare_groups(
            tables, UTKFACE, "baseline", task=task, features=["gender"], resamples=300
        )
        for row in found.overall.to_dict("records"):
            key = row["method"], row["metric"]
            if key in whole.index:
                expected = whole.loc[key, ["mean", "low", "high"]].astype(float)
                ours = [row["value"], row["low"], row["high"]]
                assert ours == pytest.approx(expected.tolist(), abs=1e-5)
        changes = found.differences
        changes = changes[(changes["group"] == "") & (changes["measure"] == "")]
        for row in changes.to_dict("records"):
            key = row["method"], row["metric"]
            if key in whole.index and whole.loc[key, "n"] == row["n"]:
                assert row["delta"] == pytest.approx(whole.loc[key, "delta"])
                assert row["delta_low"] == pytest.approx(
                    whole.loc[key, "delta_low"], abs=1e-5
                )
                assert row["verdict"] == whole.loc[key, "verdict"]


def test_a_group_alone_is_compared_as_a_filter_would(tables):
    """Conditional on its size a group's resamples are those of its own images."""
    group = {run: t[t["ethnicity"] == "Black"] for run, t in tables.items()}
    expected = compare(group, UTKFACE[:1], "baseline", resamples=4000).table
    expected = expected.set_index(["method", "metric"])
    found = compare_groups(
        tables, UTKFACE, "baseline", task="age", features=["ethnicity"], resamples=4000
    )
    changes = found.differences.set_index(["method", "group", "metric"])
    for metric in ("age.mae", "age.bias", "age.rmse"):
        ours = changes.loc[("lmf", "Black", metric)]
        theirs = expected.loc[("lmf", metric)]
        assert ours["delta"] == pytest.approx(theirs["delta"])
        width = theirs["delta_high"] - theirs["delta_low"]
        assert ours["delta_low"] == pytest.approx(theirs["delta_low"], abs=0.06 * width)


def test_a_copy_of_the_baseline_is_inconclusive_everywhere(tables):
    copy = {("copy", seed): tables["baseline", seed] for seed in (0, 1)}
    both = {run: table for run, table in tables.items() if run[0] == "baseline"} | copy
    for task in ("age", "gender"):
        found = compare_groups(
            both, UTKFACE, "baseline", task=task, features=["ethnicity"], resamples=100
        ).differences
        assert (found["verdict"] == "inconclusive").all()
        assert (found["delta"] == 0).all()
        assert (found["p"] == 1).all()


def test_runs_of_the_same_trainings_are_compared_seed_by_seed(tables):
    own = {run: table for run, table in tables.items() if run[0] == "baseline"}
    both = {**own, **{("copy", seed): table for (_, seed), table in own.items()}}
    found = compare_groups(
        both,
        UTKFACE,
        "baseline",
        task="gender",
        features=["ethnicity"],
        metrics=["gender.accuracy"],
        trainings={run: str(run[1]) for run in both},
    )
    within = found.differences[found.differences["measure"] == ""]
    assert (within[["delta", "delta_low", "delta_high"]] == 0).all(axis=None)


def test_large_tables_agree_with_image_by_image(monkeypatch):
    rng = np.random.default_rng(0)
    for task in (TWO, FOUR, AGE):
        first = draw_table(rng, task, 4000, groups=(2, 2))
        second = draw_table(np.random.default_rng(1), task, 4000, groups=(2, 2))
        for column in first:
            if column in FEATURES or column.endswith("_true"):
                second[column] = first[column]
        both = {("baseline", 0): first, ("other", 0): second}
        keys = group_metric_keys(task)[:8]
        found = []
        for limit in (10_000, 10):
            monkeypatch.setattr("core.evaluation.groups.MAX_WEIGHTED_ROWS", limit)
            found.append(
                compare_groups(
                    both,
                    (task,),
                    "baseline",
                    task=task.name,
                    features=FEATURES,
                    metrics=keys,
                    resamples=1000,
                )
            )
        exact, normal = (one.differences for one in found)
        np.testing.assert_allclose(normal["delta"], exact["delta"])
        width = (exact["delta_high"] - exact["delta_low"]).to_numpy()
        ratio = (normal["delta_high"] - normal["delta_low"]).to_numpy() / width
        assert np.nanmax(np.abs(ratio - 1)) < 0.15
        exact, normal = (one.groups for one in found)
        close = (exact["low"] - normal["low"]).abs() / (exact["high"] - exact["low"])
        assert close.max() < 0.2


def biased(right, rows=400):
    """A table where each of two groups has its accuracy."""
    shape = np.repeat(["men", "women"], rows)
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 2, 2 * rows)
    wrong = np.concatenate([np.arange(rows) >= round(rows * share) for share in right])
    predicted = np.where(wrong, 1 - truth, truth)
    names = np.array(TWO.classes)
    return pd.DataFrame(
        {
            "image_id": [f"i{i}" for i in range(2 * rows)],
            "gender": shape,
            "two_true": names[truth],
            "two_pred": names[predicted],
        }
    )


@pytest.mark.parametrize(
    ("right", "reason", "certain"),
    [
        ((0.80, 0.795), LEVELLED_DOWN, True),
        ((0.95, 0.93), WORST_GAINED, True),
        ((0.90, 0.88), BEST_PAID, True),
        ((0.95, 0.803), WORST_GAINED, False),
        ((0.95, 0.70), NO_RISE, True),
    ],
)
def test_why_the_fair_metric_changed(right, reason, certain):
    both = {
        ("baseline", 0): biased((0.95, 0.80)),
        ("other", 0): biased(right),
    }
    found = compare_groups(
        both, (TWO,), "baseline", task="two", features=["gender"], resamples=300
    )
    row = found.levelling().iloc[0]
    assert (row["best_group"], row["worst_group"]) == ("men", "women")
    assert row["reason"] == reason
    assert row["certain"] == certain
    expected = np.mean(right) - 2 * abs(right[0] - right[1])
    assert row["fair"] == pytest.approx(expected, abs=0.005)
    assert any("levelling down" in note for note in found.notes())


def test_verdicts_mind_which_way_is_better():
    both = {
        ("baseline", 0): biased((0.95, 0.80)),
        ("other", 0): biased((0.95, 0.93)),
    }
    found = compare_groups(
        both, (TWO,), "baseline", task="two", features=["gender"], resamples=300
    )
    changes = found.differences.set_index(["metric", "measure", "group"])["verdict"]
    assert changes[("two.accuracy", "difference", "")] == "better"
    assert changes[("two.accuracy", "ratio", "")] == "better"
    assert changes[("two.false_positive_rate", "", "women")] == "better"
    assert changes[("two.accuracy", "", "women")] == "better"
    always = biased((1.0, 1.0))
    always["two_pred"] = "yes"
    found = compare_groups(
        {**both, ("other", 0): always},
        (TWO,),
        "baseline",
        task="two",
        features=["gender"],
        resamples=300,
    )
    rates = found.differences.set_index(["metric", "measure", "group"])["verdict"]
    assert rates[("two.selection_rate", "", "men")] == "differs"
    assert rates[("two.recall", "", "women")] == "better"


def test_ratios_of_few_images_are_not_called_certain():
    """None wrong of 400 against 8 of 400: the ratio is 0 in every resample."""
    both = {
        ("baseline", 0): biased((0.98, 0.98)),
        ("other", 0): biased((1.0, 0.98)),
    }
    found = compare_groups(
        both, (TWO,), "baseline", task="two", features=["gender"], resamples=300
    )
    changes = found.differences.set_index(["metric", "measure", "group"])
    row = changes.loc[("two.false_positive_rate", "ratio", "")]
    assert row["mean"] == 0
    assert row["n"] == 0
    assert row["verdict"] == "inconclusive"
    # Equal groups are two groups still, and their gap is not certain.
    gaps = found.gaps.set_index(["method", "metric", "measure"])
    row = gaps.loc[("baseline", "two.accuracy", "difference")]
    assert row["value"] == 0
    assert {row["lowest"], row["highest"]} == {"men", "women"}
    row = changes.loc[("two.accuracy", "difference", "")]
    assert row["delta"] == pytest.approx(0.02)
    assert row["delta_low"] < 0.02 < row["delta_high"]


def test_the_baseline_alone_has_no_differences(tables):
    alone = {("baseline", 0): tables["baseline", 0]}
    found = compare_groups(
        alone, UTKFACE, "baseline", task="gender", features=["ethnicity"], resamples=20
    )
    assert found.differences.empty
    assert found.levelling().empty
    assert len(found.gaps) == 19
    assert "One seed only" in " ".join(found.notes())


def test_a_single_group_has_no_gap(tables):
    part = {run: t[t["gender"] == "male"] for run, t in tables.items()}
    found = compare_groups(
        part, UTKFACE, "baseline", task="age", features=["gender"], resamples=20
    )
    assert found.gaps[["value", "low", "high"]].isna().all(axis=None)
    assert "needs two groups" in " ".join(found.notes())
    row = found.differences[found.differences["measure"] != ""].iloc[0]
    assert "not defined" in change_sentence(row, tasks=UTKFACE)


def test_sentences_name_method_group_and_gap(tables):
    found = compare_groups(
        tables, UTKFACE, "baseline", task="gender", features=["ethnicity"], resamples=50
    ).differences
    rows = found.set_index(["metric", "measure", "group"], drop=False)
    row = rows.loc[("gender.recall", "", "Asian")].iloc[0]
    text = change_sentence(row, label="INS", tasks=UTKFACE)
    assert text.startswith("INS's gender recall in the group Asian is ")
    row = rows.loc[("gender.recall", "difference", "")].iloc[0]
    text = change_sentence(row, label="INS", tasks=UTKFACE)
    assert text.startswith("INS's gender equal opportunity difference is ")


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": ["shoe"]}, "no sensitive feature 'shoe'"),
        ({"features": []}, "sensitive features are"),
        ({"features": ["gender", "gender"]}, "each once"),
        ({"task": "glasses"}, "no task 'glasses'"),
        ({"metrics": ["age.f1"]}, r"no metric 'age\.f1'"),
        ({"metrics": ["gender.accuracy"]}, r"no metric 'gender\.accuracy'"),
        ({"metrics": ["age.bias[0-9]"]}, "no metric"),
        ({"features": ["image_id"]}, f"at most {MAX_GROUPS}"),
    ],
)
def test_what_is_not_there_is_said(tables, options, message):
    given_ = {"task": "age", "features": ["gender"]} | options
    with pytest.raises(EquipoiseError, match=message):
        compare_groups(tables, UTKFACE, "baseline", resamples=5, **given_)


def test_categories_give_what_their_labels_give(tables):
    question = {"task": "gender", "features": ["ethnicity", "age_bin"]}
    columns = ("ethnicity", "gender", "gender_true", "gender_pred")
    coded = {
        run: table.astype(dict.fromkeys(columns, "category"))
        for run, table in tables.items()
    }
    for table in coded.values():
        # A category without a row is no group, and no unknown label either.
        table["ethnicity"] = table["ethnicity"].cat.add_categories(["Nobody"])
    plain = compare_groups(tables, UTKFACE, "baseline", **question)
    found = compare_groups(coded, UTKFACE, "baseline", **question)
    pd.testing.assert_frame_equal(found.groups, plain.groups)
    pd.testing.assert_frame_equal(found.differences, plain.differences)


def test_what_was_aligned_before_serves_again(tables):
    question = {"task": "gender", "features": ["ethnicity"]}
    aligned = align_predictions(tables, [UTKFACE[1]], "baseline")
    plain = compare_groups(tables, UTKFACE, "baseline", **question)
    found = compare_groups(tables, UTKFACE, "baseline", aligned=aligned, **question)
    pd.testing.assert_frame_equal(found.gaps, plain.gaps)


def test_a_method_that_answers_nobody_takes_no_gap_from_the_others():
    accuracies = {name: {"A": 0.9, "B": 0.7} for name in ("baseline", "good", "mute")}
    tables = grouped_tables(accuracies)
    tables["mute", 0]["hired_pred"] = "no"
    without = {run: table for run, table in tables.items() if run[0] != "mute"}
    question = {"task": "hired", "features": ["group"]}
    question["metrics"] = ["hired.precision"]
    found = compare_groups(tables, (GROUPED,), "baseline", **question)
    plain = compare_groups(without, (GROUPED,), "baseline", **question)
    for method in ("baseline", "good"):
        own, alone = (
            c.gap(method, "hired.precision", "difference") for c in (found, plain)
        )
        assert own["value"] == pytest.approx(alone["value"])
        assert own["groups"] == 2
    assert np.isnan(found.gap("mute", "hired.precision", "difference")["value"])
    small = found.groups.set_index("method")["small"]
    assert small["mute"].all()
    assert not small["good"].any()
