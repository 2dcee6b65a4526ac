"""What changed between two methods, against loops over images and pairs of seeds."""

from itertools import product

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, mean_absolute_error, recall_score

from core.evaluation.changed import (
    COUNTS,
    change_keys,
    count_by_class,
    count_changes,
    count_churn,
    count_groups,
    count_shifts,
    mcnemar,
    mcnemar_of_votes,
    share_trainings,
    shift_histogram,
    tabulate_changes,
)
from core.evaluation.comparison import compare_runs
from tests.changes import changed, tables_of
from tests.oracles import AGE, FOUR, TWO

# Of statsmodels 0.15, ``mcnemar(table, exact=True)`` with these two off the diagonal.
STATSMODELS = {
    (121, 59): 4.4344492637551645e-06,
    (6, 0): 0.03125,
    (1, 9): 0.021484375,
    (25, 25): 1.0,
    (3, 4): 1.0,
    (57, 14): 2.6659171387086086e-07,
}


def right_of(tables, task, method):
    """Whether each seed is right, by image: lists of bools."""
    runs = [table for (name, _), table in tables.items() if name == method]
    return [(t[f"{task.name}_pred"] == t[f"{task.name}_true"]).tolist() for t in runs]


def counted(tables, task, members):
    """Gained, lost and those in all seeds of some images, one image at a time."""
    a, b = right_of(tables, task, "a"), right_of(tables, task, "b")
    gained = lost = 0.0
    in_all = [0, 0]
    for image in members:
        before = sum(run[image] for run in a) / len(a)
        after = sum(run[image] for run in b) / len(b)
        if after > before:
            gained += after - before
        else:
            lost += before - after
        in_all[0] += not any(run[image] for run in a) and all(run[image] for run in b)
        in_all[1] += all(run[image] for run in a) and not any(run[image] for run in b)
    return gained, lost, *in_all


@pytest.mark.parametrize("task", [TWO, FOUR])
@pytest.mark.parametrize("seeds", [(1, 1), (2, 3), (4, 1)])
def test_counts_by_class_are_those_of_a_loop_and_the_net_is_the_recall(task, seeds):
    tables = tables_of(task, dict(zip("ab", seeds, strict=True)))
    change, answers, _ = changed(tables, task)
    comparison = compare_runs(
        tables, [task], "a", metrics=change_keys(task), resamples=200
    )
    table = count_by_class(change, answers.truth, comparison).set_index("group")
    truth = tables["a", 0][f"{task.name}_true"]
    assert set(table.index) == set(truth)
    for label, row in table.iterrows():
        members = np.flatnonzero(truth == label)
        gained, lost, up, down = counted(tables, task, members)
        assert row["images"] == len(members)
        assert (row["gained"], row["lost"]) == pytest.approx((gained, lost))
        assert (row["gained_in_all"], row["lost_in_all"]) == (up, down)
        own = {"labels": [label], "average": None, "zero_division": 0.0}
        recalls = {
            method: np.mean(
                [
                    recall_score(truth, t[f"{task.name}_pred"], **own)[0]
                    for (name, _), t in tables.items()
                    if name == method
                ]
            )
            for method in "ab"
        }
        net = len(members) * (recalls["b"] - recalls["a"])
        assert row["net"] == pytest.approx(net)
        said = comparison.row("b", f"{task.name}.recall[{label}]")
        assert row["low"] == pytest.approx(
            len(members) * said["delta_low"], nan_ok=True
        )
        assert row["verdict"] == said["verdict"]


def test_counts_by_group_and_of_all_images_go_with_the_accuracy():
    tables = tables_of(FOUR, {"a": 2, "b": 2, "c": 1})
    change, _, images = changed(tables, FOUR)
    comparison = compare_runs(
        tables, [FOUR], "a", by=["size"], metrics=["four.accuracy"], resamples=200
    )
    table = count_changes(change, comparison, images["size"].to_numpy(object))
    assert table["group"].tolist() == sorted(images["size"].unique())
    for row in table.to_dict("records"):
        members = np.flatnonzero(images["size"] == row["group"])
        gained, lost, *_ = counted(tables, FOUR, members)
        assert (row["gained"], row["lost"]) == pytest.approx((gained, lost))
        said = comparison.row("b", "four.accuracy", group=row["group"])
        assert row["net"] == pytest.approx(len(members) * said["delta"])
        assert row["high"] == pytest.approx(len(members) * said["delta_high"])
    (whole,) = count_changes(change, comparison).to_dict("records")
    accuracies = [
        np.mean(
            [
                accuracy_score(t["four_true"], t["four_pred"])
                for (name, _), t in tables.items()
                if name == method
            ]
        )
        for method in "ab"
    ]
    assert whole["delta"] == pytest.approx(accuracies[1] - accuracies[0])
    assert whole["net"] == pytest.approx(160 * (accuracies[1] - accuracies[0]))
    assert whole["images"] == 160


def test_with_one_seed_of_each_images_are_counted():
    tables = tables_of(FOUR, {"a": 1, "b": 1})
    change, *_ = changed(tables, FOUR)
    (a,), (b,) = right_of(tables, FOUR, "a"), right_of(tables, FOUR, "b")
    table = count_groups(change, np.full(160, "", object), [""])
    gained = sum(not x and y for x, y in zip(a, b, strict=True))
    lost = sum(x and not y for x, y in zip(a, b, strict=True))
    assert table[[*COUNTS]].to_numpy().tolist() == [
        [160, gained, lost, gained - lost, gained, lost]
    ]
    assert change.ranked(gained=True).tolist() == [
        i for i in range(160) if b[i] and not a[i]
    ]


def test_a_class_without_images_is_not_counted():
    tables = {
        run: table[table["four_true"] != "b"].reset_index(drop=True)
        for run, table in tables_of(FOUR, {"a": 2, "b": 2}, rng_seed=5).items()
    }
    assert "b" not in set(tables["a", 0]["four_true"])
    change, answers, _ = changed(tables, FOUR)
    comparison = compare_runs(
        tables, [FOUR], "a", metrics=change_keys(FOUR), resamples=100
    )
    table = count_by_class(change, answers.truth, comparison)
    assert "b" not in set(table["group"])
    assert table["images"].sum() == len(answers.truth)
    # Where every class is asked for, it has none.
    names = np.array(FOUR.classes, dtype=object)[answers.truth]
    every = count_groups(change, names, FOUR.classes).set_index("group")
    assert every.loc["b", [*COUNTS]].tolist() == [0] * 6


def test_churn_is_a_mean_over_pairs_of_seeds():
    tables = tables_of(FOUR, {"a": 3, "b": 2})
    change, *_ = changed(tables, FOUR)
    a, b = right_of(tables, FOUR, "a"), right_of(tables, FOUR, "b")

    def mean_gained(pairs):
        counts = [
            sum(not x and y for x, y in zip(one, two, strict=True))
            for one, two in pairs
        ]
        return np.mean(counts)

    churn = count_churn(change)
    assert churn.gained == pytest.approx(mean_gained(product(a, b)))
    assert churn.lost == pytest.approx(mean_gained(product(b, a)))
    others = [(a[i], a[j]) for i, j in product(range(3), repeat=2) if i != j]
    assert churn.retrained == pytest.approx(mean_gained(others))


def test_with_one_seed_it_is_not_known_what_training_again_changes():
    change, *_ = changed(tables_of(FOUR, {"a": 1, "b": 2}), FOUR)
    assert np.isnan(count_churn(change).retrained)


def test_methods_share_trainings_where_one_answers_from_the_other_s_runs():
    change, *_ = changed(tables_of(FOUR, {"a": 2, "b": 2}), FOUR)
    own = {("a", 0): "x", ("a", 1): "y", ("b", 0): "z", ("b", 1): "w"}
    assert not share_trainings(own, change)
    assert share_trainings(own | {("b", 1): "y"}, change)
    assert not share_trainings({}, change)


@pytest.mark.parametrize(("pair", "expected"), STATSMODELS.items())
def test_mcnemar_is_that_of_statsmodels(pair, expected):
    assert mcnemar(*pair).p == pytest.approx(expected, rel=1e-12)


def test_mcnemar_is_the_binomial_test_of_scipy():
    rng = np.random.default_rng(8)
    for gained, lost in rng.integers(0, 300, (50, 2)).tolist():
        expected = stats.binomtest(gained, gained + lost).pvalue
        assert mcnemar(gained, lost).p == pytest.approx(expected, rel=1e-9)
    assert mcnemar(0, 0).p == 1


def test_votes_are_compared_one_answer_a_method_and_image():
    tables = tables_of(FOUR, {"a": 3, "b": 3})
    change, answers, _ = changed(tables, FOUR)
    votes = {m: answers.table(m) for m in "ab"}
    right = {m: (t["truth"] == t["prediction"]).tolist() for m, t in votes.items()}
    pairs = list(zip(right["a"], right["b"], strict=True))
    test = mcnemar_of_votes(answers, change)
    assert test.gained == pairs.count((False, True))
    assert test.lost == pairs.count((True, False))
    expected = stats.binomtest(test.gained, test.gained + test.lost).pvalue
    assert test.p == pytest.approx(expected)


def test_a_copy_changes_nothing():
    tables = tables_of(FOUR, {"a": 2})
    tables |= {("b", seed): table for (_, seed), table in tables.items()}
    change, answers, _ = changed(tables, FOUR)
    assert change.is_none
    assert not len(change.ranked(gained=True))
    assert mcnemar_of_votes(answers, change) == (0, 0, 1.0)
    # Other numbers of the same seeds are still the same answers.
    twice = tables | {("b", seed + 2): tables["a", seed] for seed in (0, 1)}
    assert changed(twice, FOUR)[0].is_none
    assert not changed(tables_of(FOUR, {"a": 2, "b": 2}), FOUR)[0].is_none


def test_other_wrong_answers_gain_and_lose_nothing():
    tables = tables_of(FOUR, {"a": 1})
    wrong = tables["a", 0]["four_pred"] != tables["a", 0]["four_true"]
    other = tables["a", 0].copy()
    for row in np.flatnonzero(wrong):
        taken = {other["four_true"][row], other["four_pred"][row]}
        left = [name for name in FOUR.classes if name not in taken]
        other.loc[row, "four_pred"] = left[0]
    assert wrong.any()
    assert changed(tables | {("b", 0): other}, FOUR)[0].is_none
    numbers = tables_of(AGE, {"a": 1})
    table = numbers["a", 0].assign(age_true=30.0)
    pair = {("a", 0): table.assign(age_pred=33.0), ("b", 0): table.assign(age_pred=27)}
    assert changed(pair, AGE)[0].is_none


def test_errors_of_numbers_are_means_over_the_seeds_and_give_the_mae():
    tables = tables_of(AGE, {"a": 2, "b": 3})
    change, *_ = changed(tables, AGE)
    maes = [
        np.mean(
            [
                mean_absolute_error(t["age_true"], t["age_pred"])
                for (name, _), t in tables.items()
                if name == method
            ]
        )
        for method in "ab"
    ]
    assert change.moved.mean() == pytest.approx(maes[1] - maes[0])
    row = compare_runs(tables, [AGE], "a", metrics=change_keys(AGE), resamples=100).row(
        "b", "age.mae"
    )
    assert change.moved.mean() == pytest.approx(row["delta"])
    shift = count_shifts(change)
    first = change.moved[shift.images - 1]
    runs = [t.iloc[-1] for t in tables.values()]
    errors = [abs(run["age_pred"] - run["age_true"]) for run in runs]
    assert first == pytest.approx(np.mean(errors[2:]) - np.mean(errors[:2]))
    assert shift.closer + shift.farther == shift.images == 160
    assert shift.closer == sum(value < 0 for value in change.moved)


def test_a_histogram_holds_every_image_that_moved():
    tables = tables_of(AGE, {"a": 1, "b": 1})
    still = tables["a", 0]["age_pred"].head(10)
    tables["b", 0].loc[still.index, "age_pred"] = still
    change, *_ = changed(tables, AGE)
    table = shift_histogram(change)
    assert table["images"].sum() == 150
    below = table[table["end"] <= 0]
    assert below["images"].sum() == count_shifts(change).closer
    assert len(below) == len(table) / 2
    assert table["end"].iloc[-1] == pytest.approx(
        np.quantile(np.abs(change.moved[10:]), 0.99)
    )
    copy = tables | {("b", 0): tables["a", 0]}
    assert shift_histogram(changed(copy, AGE)[0]).empty


def test_images_are_tabulated_the_most_gained_first():
    tables = tables_of(FOUR, {"a": 2, "b": 2})
    change, answers, images = changed(tables, FOUR)
    table = tabulate_changes(change, images, answers.truth)
    assert list(table.columns) == [
        *("image_id", "truth", "shape", "size", "a_right", "b_right", "change")
    ]
    assert table["change"].is_monotonic_decreasing
    a, b = right_of(tables, FOUR, "a"), right_of(tables, FOUR, "b")
    by_id = table.set_index("image_id")
    for place in range(0, 160, 20):
        row = by_id.loc[f"i{place}"]
        assert row["truth"] == tables["a", 0]["four_true"].iloc[place]
        assert row["a_right"] == np.mean([run[place] for run in a])
        assert row["b_right"] == np.mean([run[place] for run in b])
    numbers, answers, images = changed(tables_of(AGE, {"a": 1, "b": 1}), AGE)
    table = tabulate_changes(numbers, images, answers.truth, np.array([4, 2]))
    assert table["image_id"].tolist() == ["i4", "i2"]
    assert {"a_error", "b_error"} <= set(table.columns)
    assert table["change"].tolist() == (table["b_error"] - table["a_error"]).tolist()
