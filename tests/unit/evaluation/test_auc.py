"""AUC, top-k accuracy and shot groups, with scikit-learn and brute force as oracle."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from core.errors import EquipoiseError
from core.evaluation.alignment import align_predictions
from core.evaluation.auc import top_k_accuracies, true_class_ranks
from core.evaluation.comparison import compare_runs
from core.evaluation.grouping import group_images
from core.evaluation.resampled_metrics import TaskDraws
from core.evaluation.resampling import Resampler
from core.evaluation.verdicts import UNTESTED
from core.tasks import Binary, Multiclass
from tests.synthetic import (
    TASKS,
    long_tail,
    synthetic_tables,
)

PAIR = Binary("ill", "Ill", ("no", "yes"))
KINDS = Multiclass("kind", "Kind", tuple("abcdefg"))
CIFAR = TASKS["cifar10-lt-200"]
COUNTS = {
    "label": dict(zip(CIFAR[0].classes, long_tail("cifar10-lt-200"), strict=True))
}


def table_of(task, truth, probabilities, *, decimals=None):
    """A predictions table; rounding the probabilities makes ties."""
    if decimals is not None:
        probabilities = probabilities.round(decimals)
    classes = np.array(task.classes)
    columns = {
        f"{task.name}_p_{label}": probabilities[:, i].astype(np.float32)
        for i, label in enumerate(classes)
    }
    return pd.DataFrame(
        {
            "image_id": [f"i{n}" for n in range(len(truth))],
            f"{task.name}_true": classes[truth],
            f"{task.name}_pred": classes[probabilities.argmax(axis=1)],
            **columns,
        }
    )


def sample(task, rows, *, seed=0, shares=None):
    rng = np.random.default_rng(seed)
    k = len(task.classes)
    truth = rng.choice(k, rows, p=shares)
    truth[:k] = np.arange(k)
    logits = rng.standard_normal((rows, k)) + 1.2 * (truth[:, None] == np.arange(k))
    return truth, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def draws_of(task, tables, *, resamples=400, rng_seed=0, tops=()):
    aligned = align_predictions(tables, [task], "m")
    grouping = group_images(tables["m", 0], [task], ())
    resampler = Resampler(aligned.rows, resamples, rng_seed)
    return TaskDraws(aligned, task, grouping, resampler, None, tops)


def oracle(task, truth, probabilities, weights=None):
    scores = probabilities.astype(np.float32)
    if task.kind == "binary":
        return sk.roc_auc_score(truth, scores[:, 1], sample_weight=weights)
    return np.mean(
        [
            sk.roc_auc_score(truth == label, scores[:, label], sample_weight=weights)
            for label in range(len(task.classes))
        ]
    )


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("task", [PAIR, KINDS], ids=["binary", "multiclass"])
def test_area_is_that_of_scikit_learn_with_and_without_ties(task, decimals):
    truth, probabilities = sample(task, 500)
    table = table_of(task, truth, probabilities, decimals=decimals)
    found = compare_runs({("m", 0): table}, [task], "m", resamples=20)
    given = probabilities if decimals is None else probabilities.round(decimals)
    expected = oracle(task, truth, given)
    assert found.row("m", f"{task.name}.auc")["mean"] == pytest.approx(expected)


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("task", [PAIR, KINDS], ids=["binary", "multiclass"])
def test_resampled_areas_agree_with_brute_force(task, decimals):
    truth, probabilities = sample(task, 700)
    if decimals is not None:
        probabilities = probabilities.round(decimals)
    tables = {("m", 0): table_of(task, truth, probabilities)}
    drawn = draws_of(task, tables, resamples=200, rng_seed=5)
    own = drawn.metric(f"{task.name}.auc").draws[0, 0]
    # The very resamples that the metrics were drawn with.
    weights = drawn.resampler.weights
    expected = np.array([oracle(task, truth, probabilities, w) for w in weights.T])
    spread = expected.std()
    assert abs(own.mean() - expected.mean()) < 0.05 * spread
    assert own.std() == pytest.approx(spread, rel=0.03)
    # What is left out is of second order: small beside the spread in every draw.
    assert np.abs(own - expected).max() < 0.3 * spread
    assert np.corrcoef(own, expected)[0, 1] > 0.995


def test_methods_share_their_resamples():
    truth, probabilities = sample(PAIR, 600)
    rng = np.random.default_rng(3)
    worse = probabilities + 0.05 * rng.standard_normal(probabilities.shape)
    tables = {
        ("m", 0): table_of(PAIR, truth, probabilities),
        ("n", 0): table_of(PAIR, truth, worse),
        ("same", 0): table_of(PAIR, truth, probabilities),
    }
    found = compare_runs(tables, [PAIR], "m")
    row = found.row("n", "ill.auc")
    assert row["delta_high"] - row["delta_low"] < 0.5 * (row["high"] - row["low"])
    same = found.row("same", "ill.auc")
    assert (same["delta"], same["p"]) == (0, 1)
    assert abs(same["delta_low"]) < 1e-6


def test_many_rows_agree_with_image_by_image(monkeypatch):
    truth, probabilities = sample(KINDS, 3000)
    tables = {("m", 0): table_of(KINDS, truth, probabilities)}
    keys = ("kind.auc", "kind.top_2_accuracy")
    found = []
    for limit in (10_000, 1):
        monkeypatch.setattr("core.evaluation.resampling.MAX_WEIGHTED_ROWS", limit)
        monkeypatch.setattr("core.evaluation.resampling.SMALL_STRATUM", 100)
        drawing = draws_of(KINDS, tables, resamples=2000, tops=(2,))
        found.append([drawing.metric(key) for key in keys])
    for exact, other in zip(*found, strict=True):
        assert (exact.values == other.values).all()
        spread = exact.draws.std()
        assert other.draws.std() == pytest.approx(spread, rel=0.1)
        shift = other.draws.mean() - exact.draws.mean()
        assert abs(shift) < 0.15 * spread


def test_area_changes_no_other_draw_where_there_are_many_rows(monkeypatch):
    monkeypatch.setattr("core.evaluation.resampling.MAX_WEIGHTED_ROWS", 1)
    tables = synthetic_tables(methods=("baseline",), seeds=(0,), rows=64)
    labels = {
        run: t.drop(columns=[c for c in t if "_p_" in c]) for run, t in tables.items()
    }
    with_, without = (
        compare_runs(t, TASKS["utkface"], "baseline", resamples=100).table.set_index(
            "metric"
        )
        for t in (tables, labels)
    )
    rest = [key for key in with_.index if not key.endswith(".auc")]
    pd.testing.assert_frame_equal(with_.loc[rest], without.loc[rest])


def test_a_class_of_no_image_or_of_every_image_is_left_out_of_the_mean():
    truth, probabilities = sample(KINDS, 300)
    kept = truth != 4
    truth, probabilities = truth[kept], probabilities[kept]
    table = table_of(KINDS, truth, probabilities)
    row = compare_runs({("m", 0): table}, [KINDS], "m", resamples=20).row(
        "m", "kind.auc"
    )
    scores = probabilities.astype(np.float32)
    expected = np.mean(
        [sk.roc_auc_score(truth == c, scores[:, c]) for c in range(7) if c != 4]
    )
    assert row["mean"] == pytest.approx(expected)
    single = table[table["kind_true"] == "a"]
    row = compare_runs({("m", 0): single}, [KINDS], "m", resamples=20).row(
        "m", "kind.auc"
    )
    assert math.isnan(row["mean"])
    assert math.isnan(row["low"])


@pytest.mark.parametrize("k", [1, 2, 5, 7])
def test_top_k_is_that_of_scikit_learn(k):
    truth, probabilities = sample(KINDS, 400)
    tables = {("m", 0): table_of(KINDS, truth, probabilities)}
    key = f"kind.top_{k}_accuracy"
    row = compare_runs(tables, [KINDS], "m", resamples=200, metrics=(key,)).row(
        "m", key
    )
    scores = probabilities.astype(np.float32)
    hits = np.argsort(-scores, axis=1)[:, :k] == truth[:, None]
    assert row["mean"] == pytest.approx(hits.any(axis=1).mean())
    if k < 7:
        expected = sk.top_k_accuracy_score(truth, scores, k=k, labels=np.arange(7))
        assert row["mean"] == pytest.approx(expected)
        assert row["low"] < row["mean"] < row["high"]


def test_top_1_is_the_accuracy_and_top_5_is_given_only_beyond_five_classes():
    tables = synthetic_tables("cifar10-lt-200", methods=("baseline",), seeds=(0,))
    keys = ("label.top_1_accuracy", "label.accuracy")
    found = compare_runs(tables, CIFAR, "baseline", resamples=20, metrics=keys)
    top, accuracy = (found.row("baseline", key) for key in keys)
    assert (top["mean"], top["n"]) == (accuracy["mean"], accuracy["n"])
    found = compare_runs(tables, CIFAR, "baseline", resamples=20)
    assert "label.top_5_accuracy" in set(found.table["metric"])
    faces = synthetic_tables(methods=("baseline",), seeds=(0,), rows=64)
    table = compare_runs(faces, TASKS["utkface"], "baseline", resamples=20).table
    assert not table["metric"].str.contains("top_").any()


def test_of_equal_probabilities_the_earlier_class_stands_first():
    probabilities = np.array([[0.25, 0.25, 0.25, 0.25], [0.4, 0.2, 0.4, 0.0]])
    for label in range(4):
        truth = np.array([label, 2])
        assert true_class_ranks(truth, probabilities.astype(np.float32))[0] == label
    ranks = true_class_ranks(np.array([3, 2]), probabilities.astype(np.float32))
    assert ranks.tolist() == [3, 1]


@pytest.mark.parametrize("key", ["kind.top_8_accuracy", "other.top_2_accuracy"])
def test_a_further_metric_that_cannot_be_is_named(key):
    tables = {("m", 0): table_of(KINDS, *sample(KINDS, 50))}
    with pytest.raises(EquipoiseError, match=f"no metric '{key}'"):
        compare_runs(tables, [KINDS], "m", resamples=20, metrics=(key,))


@pytest.mark.parametrize(
    "strip",
    [
        lambda t: t.drop(columns="kind_p_c"),
        lambda t: t.assign(kind_p_c=t["kind_p_c"].where(t.index != 7)),
        lambda t: t.assign(kind_p_c=np.inf),
    ],
    ids=["no column", "a hole", "not finite"],
)
def test_without_probabilities_only_their_metrics_are_undefined(strip):
    table = table_of(KINDS, *sample(KINDS, 200))
    found = compare_runs(
        {("m", 0): table, ("labels", 0): strip(table)}, [KINDS], "m", resamples=50
    )
    for name in ("auc", "top_5_accuracy"):
        row = found.row("labels", f"kind.{name}")
        assert row[["mean", "low", "high", "delta", "p"]].isna().all()
        assert row["verdict"] == UNTESTED
        assert not math.isnan(found.row("m", f"kind.{name}")["mean"])
    assert found.row("labels", "kind.accuracy")["delta"] == 0


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_few_rows_have_an_area_between_0_and_1(data):
    rows = data.draw(st.integers(1, 9))
    truth = np.array(
        data.draw(st.lists(st.integers(0, 6), min_size=rows, max_size=rows))
    )
    values = st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=7, max_size=7)
    probabilities = np.array([data.draw(values) for _ in range(rows)])
    tables = {("m", 0): table_of(KINDS, truth, probabilities)}
    drawn = draws_of(KINDS, tables, resamples=30).metric("kind.auc")
    assert math.isnan(drawn.values[0, 0]) == (len(set(truth)) < 2)
    draws = drawn.draws[0, 0]
    assert (np.isnan(draws) | ((draws >= 0) & (draws <= 1))).all()


def test_shot_groups_are_the_mean_recall_of_their_classes():
    tables = synthetic_tables("cifar10-lt-200", methods=("baseline",), seeds=(0,))
    found = compare_runs(tables, CIFAR, "baseline", training_counts=COUNTS)
    table = tables["baseline", 0]
    right = (table["label_pred"] == table["label_true"]).groupby(table["label_true"])
    recall = right.mean()
    groups = {
        "many-shot": [c for c, n in COUNTS["label"].items() if n > 100],
        "medium-shot": [c for c, n in COUNTS["label"].items() if 20 <= n <= 100],
        "few-shot": [c for c, n in COUNTS["label"].items() if n < 20],
    }
    assert all(groups.values())
    for name, classes in groups.items():
        row = found.row("baseline", f"label.accuracy[{name}]")
        assert row["mean"] == pytest.approx(recall[classes].mean())
        assert row["low"] < row["mean"] < row["high"]
        assert row["n"] == table["label_true"].isin(classes).sum()


def test_a_shot_group_of_one_class_is_the_recall_of_that_class():
    tables = synthetic_tables("cifar10-lt-200", methods=("baseline",), seeds=(0,))
    counts = {"label": dict.fromkeys(CIFAR[0].classes, 500) | {"deer": 3}}
    found = compare_runs(
        tables, CIFAR, "baseline", resamples=200, training_counts=counts
    )
    columns = ["mean", "n"]
    few = found.row("baseline", "label.accuracy[few-shot]")[columns]
    recall = found.row("baseline", "label.recall[deer]")[columns]
    assert few.tolist() == recall.tolist()
    assert few["mean"] != found.row("baseline", "label.accuracy")["mean"]


def test_a_group_that_a_resample_missed_has_no_top_k_accuracy():
    table = table_of(KINDS, *sample(KINDS, 50)).assign(shape="A")
    table.loc[0, "shape"] = "B"
    aligned = align_predictions({("m", 0): table}, [KINDS], "m")
    grouping = group_images(table, [KINDS], ["shape"])
    drawing = TaskDraws(aligned, KINDS, grouping, Resampler(50, 100), None, (2,))
    drawn = drawing.metric("kind.top_2_accuracy").draws[:, 0]
    missed = drawing.resampler.weights[0] == 0
    assert 20 < missed.sum() < 60
    assert (np.isnan(drawn[1]) == missed).all()
    assert not np.isnan(drawn[[0, 2]]).any()


def test_shot_groups_are_absent_without_counts_or_with_one_group_only():
    tables = synthetic_tables("cifar10-lt-200", methods=("baseline",), seeds=(0,))
    enough = {"label": dict.fromkeys(CIFAR[0].classes, 500)}
    for counts in (None, {}, enough):
        table = compare_runs(
            tables, CIFAR, "baseline", resamples=20, training_counts=counts
        ).table
        assert not table["metric"].str.contains("-shot").any()


def test_a_group_whose_test_images_are_filtered_out_is_undefined():
    tables = synthetic_tables("cifar10-lt-200", methods=("baseline",), seeds=(0,))
    rare = [c for c, n in COUNTS["label"].items() if n < 20]
    part = {run: t[~t["label_true"].isin(rare)] for run, t in tables.items()}
    found = compare_runs(part, CIFAR, "baseline", resamples=20, training_counts=COUNTS)
    row = found.row("baseline", "label.accuracy[few-shot]")
    assert math.isnan(row["mean"])
    assert row["n"] == 0


def test_many_classes_and_many_rows_are_drawn_image_by_image(monkeypatch):
    tables = synthetic_tables(
        "cifar100-lt-200", methods=("baseline",), seeds=(0,), rows=600
    )
    tasks = TASKS["cifar100-lt-200"]
    exact = compare_runs(tables, tasks, "baseline").row("baseline", "label.macro_f1")
    monkeypatch.setattr("core.evaluation.resampling.MAX_WEIGHTED_ROWS", 1)
    monkeypatch.setattr("core.evaluation.resampling.BLOCK", 600 * 300)
    blocks = compare_runs(tables, tasks, "baseline").row("baseline", "label.macro_f1")
    assert blocks["mean"] == exact["mean"]
    width = exact["high"] - exact["low"]
    assert blocks["high"] - blocks["low"] == pytest.approx(width, rel=0.1)


def test_top_k_accuracies_of_every_k_are_those_of_scikit_learn():
    truth, probabilities = sample(KINDS, 300)
    found = top_k_accuracies(truth, probabilities.astype(np.float32))
    assert len(found) == 7
    for k in range(1, 7):
        expected = sk.top_k_accuracy_score(
            truth, probabilities.astype(np.float32), k=k, labels=np.arange(7)
        )
        assert found[k - 1] == pytest.approx(expected)
    assert found[-1] == 1
