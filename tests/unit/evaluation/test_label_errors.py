"""Doubted labels: against slow loops, planted errors, and cleanlab's own scores."""

import doctest
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from cleanlab.rank import get_label_quality_scores
from cleanlab.regression.rank import get_label_quality_scores as number_scores
from scipy.stats import binomtest

from core.evaluation import label_errors
from core.evaluation.alignment import align_predictions
from core.evaluation.label_errors import (
    FAR,
    SplitPredictions,
    ask_twins,
    count_dropped,
    count_known_errors,
    count_pairs,
    doubt_classes,
    doubt_numbers,
    find_label_doubts,
    share_interval,
)
from core.tasks import Multiclass, Regression

CLASSES = ("a", "b", "c", "d")
TASK = Multiclass("kind", "Kind", CLASSES)
AGE = Regression("age", "Age", "years", 1, 80, 10)
FLIPPED = 0.08


def planted(rng, rows=1500, classes=4, signal=2.5):
    """Labels of which some are flipped, and probabilities that follow the true ones."""
    true = rng.choice(classes, rows, p=[0.5, 0.3, 0.15, 0.05][:classes])
    logits = rng.normal(size=(rows, classes)) + signal * np.eye(classes)[true]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = rng.random(rows) < FLIPPED
    given = np.where(wrong, (true + rng.integers(1, classes, rows)) % classes, true)
    return given, p, wrong


def slow_joint(labels, p):
    """The confident joint image by image, each row scaled to its label's images."""
    classes = p.shape[1]
    usual = [
        p[labels == k, k].mean() if (labels == k).any() else 2 for k in range(classes)
    ]
    joint = np.zeros((classes, classes))
    for label, row in zip(labels, p, strict=True):
        reached = [k for k in range(classes) if row[k] >= usual[k] - 1e-6]
        if len(reached) == 1:
            joint[label, reached[0]] += 1
        elif reached:
            joint[label, int(row.argmax())] += 1
    for k in range(classes):
        joint[k, k] = max(joint[k, k], 1)
        joint[k] *= (labels == k).sum() / joint[k].sum()
    return joint


def slow_doubts(labels, p, joint):
    """Of each pair so many images as the joint says, the farthest apart first."""
    found = set()
    for given, true in np.argwhere(joint > 0):
        if given == true:
            continue
        own = np.flatnonzero(labels == given)
        margin = p[own, true] - p[own, given]
        found |= set(own[np.argsort(-margin)[: joint[given, true]]].tolist())
    return sorted(row for row in found if p[row].argmax() != labels[row])


def table(ids, truth, answers, p=None, name="kind", split="test"):
    columns = {
        "image_id": ids,
        "split": split,
        f"{name}_true": truth,
        f"{name}_pred": answers,
    }
    if p is not None:
        columns |= {f"{name}_p_{label}": p[:, i] for i, label in enumerate(CLASSES)}
    return pd.DataFrame(columns)


def of_classes(labels, *runs, split="test"):
    """Predictions of runs ``(method, seed, probabilities or None, answers)``."""
    names, ids = np.array(CLASSES), [f"{split}-{i}" for i in range(len(labels))]
    tables = {
        (method, seed): table(ids, names[labels], names[said], p, split=split)
        for method, seed, p, said in runs
    }
    aligned = align_predictions(tables, [TASK], runs[0][0])
    return SplitPredictions(aligned, np.array(ids, object))


def of_numbers(labels, *runs, split="test", start=0):
    ids = [f"i{start + i}" for i in range(len(labels))]
    tables = {
        (method, seed): table(ids, labels, said, name="age", split=split)
        for method, seed, said in runs
    }
    aligned = align_predictions(tables, [AGE], runs[0][0])
    return SplitPredictions(aligned, np.array(ids, object))


def run(p, method="m", seed=0):
    return method, seed, p, p.argmax(axis=1)


def test_its_examples_run():
    assert doctest.testmod(label_errors) == doctest.TestResults(0, 6)


@pytest.mark.parametrize("seed", range(4))
def test_joint_and_doubts_are_those_of_a_slow_loop(seed):
    labels, p, _ = planted(np.random.default_rng(seed), rows=700, signal=1.5)
    doubted, score, joint = doubt_classes(labels, p)
    expected = slow_joint(labels, p)
    assert np.abs(joint - expected).max() < 1
    np.testing.assert_array_equal(joint.sum(axis=1), np.bincount(labels))
    assert np.flatnonzero(doubted).tolist() == slow_doubts(labels, p, joint)
    own = get_label_quality_scores(labels, p, method="self_confidence")
    np.testing.assert_allclose(score, own)


@pytest.mark.parametrize("seed", range(3))
def test_planted_errors_are_found_far_above_chance(seed):
    labels, p, wrong = planted(np.random.default_rng(seed))
    found = find_label_doubts({"test": of_classes(labels, run(p))}, TASK)
    known = count_known_errors(
        found, pd.Series(wrong, [f"test-{i}" for i in range(len(wrong))]), 50
    )
    assert known.wrong == wrong.sum()
    assert known.top == 50
    assert known.top_wrong / known.top > 6 * FLIPPED
    assert known.doubted_wrong / known.doubted > 5 * FLIPPED
    assert known.doubted_wrong / known.wrong > 0.6
    # What is proposed for them is mostly what they were: the probabilities' class.
    first = found.doubted.iloc[0]
    row = int(first["image_id"].split("-")[1])
    assert first["proposed"] == CLASSES[p[row].argmax()] != first["given"]
    assert first["p_given"] == pytest.approx(p[row, labels[row]])
    assert first["p_proposed"] == pytest.approx(p[row].max())


def test_doubted_images_come_first_then_the_score_decides():
    labels, p, _ = planted(np.random.default_rng(9))
    found = find_label_doubts({"test": of_classes(labels, run(p))}, TASK).table
    count = int(found["doubted"].sum())
    assert 0 < count < len(found)
    assert found["doubted"].head(count).all()
    assert found["score"].head(count).is_monotonic_increasing
    assert found["score"].iloc[count:].is_monotonic_increasing
    assert sorted(found["place"]) == list(range(len(found)))


def test_every_method_counts_once_however_many_seeds():
    rng = np.random.default_rng(3)
    labels, p, _ = planted(rng, rows=300)
    others = [planted(rng, rows=300)[1] for _ in range(3)]
    runs = [run(p, "m"), *(run(q, "n", s) for s, q in enumerate(others))]
    found = find_label_doubts({"test": of_classes(labels, *runs)}, TASK)
    table = found.table.sort_values("place")
    expected = (p + sum(others) / 3) / 2
    rows = np.arange(300)
    np.testing.assert_allclose(table["p_given"], expected[rows, labels])
    against = sum((q.argmax(axis=1) != labels).astype(int) for q in (p, *others))
    np.testing.assert_array_equal(table["against"], against)
    assert (table["runs"] == 4).all()
    assert len(found.by_all) == (against == 4).sum()


def test_a_method_without_probabilities_contradicts_but_has_no_part_in_the_mean():
    labels, p, _ = planted(np.random.default_rng(4), rows=300)
    silent = ("silent", 0, None, (labels + 1) % 4)
    both = find_label_doubts({"test": of_classes(labels, run(p), silent)}, TASK)
    alone = find_label_doubts({"test": of_classes(labels, run(p))}, TASK)
    assert (both.methods, both.silent) == (("m",), ("silent",))
    np.testing.assert_array_equal(both.table["score"], alone.table["score"])
    np.testing.assert_array_equal(both.table["against"], alone.table["against"] + 1)
    assert find_label_doubts({"test": of_classes(labels, silent)}, TASK) is None
    assert find_label_doubts({}, TASK) is None


def test_splits_are_judged_together():
    labels, p, _ = planted(np.random.default_rng(5), rows=900)
    halves = {
        "validation": of_classes(labels[:500], run(p[:500]), split="validation"),
        "test": of_classes(labels[500:], run(p[500:])),
    }
    found = find_label_doubts(halves, TASK)
    np.testing.assert_array_equal(found.joint, doubt_classes(labels, p)[2])
    assert found.table["split"].value_counts().to_dict() == {
        "validation": 500,
        "test": 400,
    }
    first = found.first(3, "test")
    assert list(first["split"]) == ["test"] * 3
    expected = found.doubted[found.doubted["split"] == "test"]["image_id"].head(3)
    assert list(first["image_id"]) == list(expected)


def test_a_class_that_is_absent_breaks_nothing():
    labels, p, _ = planted(np.random.default_rng(6), rows=400)
    labels = np.where(labels == 3, 0, labels)
    doubted, _, joint = doubt_classes(labels, p)
    assert joint[3].sum() == joint[:, 3].sum() == 0
    assert doubted.any()
    single = np.append(labels, 3)
    more = np.vstack([p, [0.1, 0.1, 0.1, 0.7]])
    assert not doubt_classes(single, more)[0][-1]


@pytest.mark.parametrize("label", [0, 2])
def test_labels_of_one_class_have_nothing_to_be_compared_with(label):
    _, p, _ = planted(np.random.default_rng(7), rows=50)
    doubted, score, joint = doubt_classes(np.full(50, label), p)
    assert not doubted.any()
    np.testing.assert_array_equal(score, p[:, label])
    assert joint[label, label] == joint.sum() == 50


def test_probabilities_of_exactly_0_and_1():
    rng = np.random.default_rng(8)
    true = rng.integers(0, 4, 400)
    labels = true.copy()
    labels[:10] = (labels[:10] + 1) % 4
    doubted, score, _ = doubt_classes(labels, np.eye(4)[true])
    assert np.flatnonzero(doubted).tolist() == list(range(10))
    assert set(score[:10]) == {0.0}
    perfect, _, joint = doubt_classes(true, np.eye(4)[true])
    assert not perfect.any()
    assert (joint == np.diag(np.bincount(true))).all()


def test_half_precision_doubts_the_same_images():
    labels, p, _ = planted(np.random.default_rng(10))
    whole, half = (doubt_classes(labels, q)[0] for q in (p, p.astype(np.float16)))
    assert (whole != half).sum() <= 2
    # Rounded, a probability may exceed 1.
    above = np.where(p > 0.999, 1.0005, p)
    assert doubt_classes(labels, above)[1].max() <= 1


def test_visitors_at_once_do_not_mix_their_images():
    cases = [planted(np.random.default_rng(seed), rows=400)[:2] for seed in range(8)]
    alone = [doubt_classes(*case)[0] for case in cases]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda case: doubt_classes(*case)[0], cases * 5))
    for own, other in zip(alone * 5, together, strict=True):
        np.testing.assert_array_equal(own, other)


def numbers(rng, rows=1200):
    """Ages with errors that grow with age, and answers that know nothing of errors."""
    true = rng.uniform(2, 78, rows)
    answers = true + rng.normal(size=rows) * (1 + true / 10)
    labels = np.round(true + rng.normal(size=rows) * (1 + true / 10))
    return np.clip(labels, 1, 80), answers


def test_a_number_far_from_like_answers_is_doubted():
    labels, answers = numbers(np.random.default_rng(0))
    child, old = int(np.argmin(answers)), int(np.argmax(answers))
    labels[[child, old]] = answers[child] + 14, answers[old] + 14
    found = doubt_numbers(labels, answers)
    # Fourteen years are many for a child, and few for the old.
    assert found["doubted"][child]
    assert not found["doubted"][old]
    assert found["doubted"].mean() < 0.02
    own = number_scores(found["residual"], np.zeros(len(labels)), method="residual")
    np.testing.assert_allclose(found["score"], own)


def test_residuals_are_those_of_a_slow_loop():
    labels, answers = numbers(np.random.default_rng(1), rows=150)
    found = doubt_numbers(labels, answers)
    order = np.sort(answers)
    # 150 images make three bins of fifty; an edge belongs to the bin above.
    edges = [order[50], order[100]]
    for place in range(150):
        bin_id = sum(answers[place] >= edge for edge in edges)
        own = [
            labels[i] - answers[i]
            for i in range(150)
            if sum(answers[i] >= edge for edge in edges) == bin_id
        ]
        centre = np.median(own)
        scale = 1.4826 * np.median(np.abs(np.array(own) - centre))
        expected = (labels[place] - answers[place] - centre) / scale
        assert found["residual"][place] == pytest.approx(expected)


def test_numbers_without_any_spread_are_not_doubted():
    same = doubt_numbers(np.full(60, 30.0), np.full(60, 30.0))
    assert not same["doubted"].any()
    assert (same["score"] == 1).all()


def test_a_run_contradicts_a_number_where_it_is_as_far_one_way():
    labels, answers = numbers(np.random.default_rng(2), rows=400)
    answers = np.clip(answers, 1, 80)
    labels[0], answers[0] = 10, 70
    near = answers.copy()
    near[0] = 11
    runs = [("m", 0, answers), ("m", 1, answers), ("n", 0, near)]
    found = find_label_doubts({"test": of_numbers(labels, *runs)}, AGE)
    row = found.table.set_index("image_id").loc["i0"]
    assert row["doubted"]
    assert (row["against"], row["runs"]) == (2, 3)
    assert row["spread"] == pytest.approx(np.std([70, 70, 11], ddof=1))
    # The mean over methods, each the mean over its seeds.
    assert row["proposed"] == pytest.approx((70 + 11) / 2, abs=3)
    assert abs(row["residual"]) > FAR
    alone = find_label_doubts({"test": of_numbers(labels, runs[0])}, AGE)
    assert alone.table["spread"].isna().all()


def test_runs_without_validation_images_are_counted_where_they_have_some():
    labels, answers = numbers(np.random.default_rng(3), rows=800)
    labels[[0, 700]], answers[[0, 700]] = 10, 70
    near = answers.copy()
    near[700] = 11
    validation = of_numbers(labels[:400], ("m", 0, answers[:400]), split="validation")
    runs = [("m", 0, answers[400:]), ("n", 0, answers[400:]), ("n", 1, near[400:])]
    test = of_numbers(labels[400:], *runs, start=400)
    found = find_label_doubts({"validation": validation, "test": test}, AGE)
    rows = found.table.set_index("image_id")
    assert rows.loc["i0", ["split", "against", "runs"]].tolist() == ["validation", 1, 1]
    assert rows.loc["i700", ["split", "against", "runs"]].tolist() == ["test", 2, 3]


def test_runs_of_classes_without_validation_images_are_counted_too():
    labels, p, _ = planted(np.random.default_rng(14), rows=600)
    other = planted(np.random.default_rng(15), rows=600)[1]
    splits = {
        "validation": of_classes(labels[:300], run(p[:300]), split="validation"),
        "test": of_classes(labels[300:], run(p[300:]), run(other[300:], "n")),
    }
    found = find_label_doubts(splits, TASK).table.sort_values(["split", "place"])
    wrong = [q.argmax(axis=1) != labels for q in (p, other)]
    expected = [*(wrong[0] + wrong[1].astype(int))[300:], *wrong[0][:300]]
    assert found["against"].tolist() == expected
    assert found["runs"].tolist() == [2] * 300 + [1] * 300


def test_pairs_and_classes_are_counted():
    labels, p, _ = planted(np.random.default_rng(11))
    found = find_label_doubts({"test": of_classes(labels, run(p))}, TASK)
    pairs = count_pairs(found.doubted)
    crossed = pd.crosstab(found.doubted["given"], found.doubted["proposed"])
    assert pairs["images"].sum() == len(found.doubted)
    assert pairs["images"].is_monotonic_decreasing
    for row in pairs.to_dict("records"):
        assert row["images"] == crossed.loc[row["given"], row["proposed"]]
        assert row["by_all"] == row["images"]
    dropped = found.first(20, "test")
    counts = count_dropped(found, dropped, "test").set_index("category")
    assert list(counts.index) == list(CLASSES)
    assert counts["dropped"].sum() == 20
    assert counts["images"].to_dict() == {
        name: int((labels == i).sum()) for i, name in enumerate(CLASSES)
    }
    for name in CLASSES:
        share = (dropped["given"] == name).sum() / counts.loc[name, "images"]
        assert counts.loc[name, "share"] == pytest.approx(share)


def test_bins_of_a_number_are_counted_and_an_empty_one_has_no_share():
    labels, answers = numbers(np.random.default_rng(12), rows=300)
    labels = np.clip(labels, 1, 69)
    found = find_label_doubts({"test": of_numbers(labels, ("m", 0, answers))}, AGE)
    counts = count_dropped(found, found.table.head(0), "test")
    assert list(counts["category"]) == list(AGE.bin_labels)
    assert counts["images"].sum() == 300
    assert np.isnan(counts["share"].iloc[-1])


def test_copies_are_asked():
    labels = np.array([0, 0, 1, 1] * 50)
    p = np.eye(4)[labels] * 0.9 + 0.025
    labels[0] = 1
    found = find_label_doubts({"test": of_classes(labels, run(p))}, TASK)
    assert list(found.doubted["image_id"]) == ["test-0"]
    known = {f"test-{i}": CLASSES[k] for i, k in enumerate(labels)}
    known |= {"left-1": "a", "left-2": "a", "left-3": "b", "left-4": "c"}
    pairs = [("left-1", "test-0"), ("test-0", "left-2"), ("left-3", "test-0")]
    pairs += [("test-4", "left-4"), ("test-5", "left-1"), ("test-6", "gone")]
    twins = ask_twins(found, pairs, known).set_index("image_id")
    assert set(twins.index) == {"test-0", "test-4", "test-5"}
    assert twins.loc["test-0", "twins"] == ["a", "a", "b"]
    assert twins.loc["test-0", "say"] == "proposed"
    assert not twins.loc["test-0", "agree"]
    assert (twins.loc["test-4", "say"], twins.loc["test-4", "agree"]) == (
        "other",
        False,
    )
    assert (twins.loc["test-5", "say"], twins.loc["test-5", "agree"]) == ("given", True)


@pytest.mark.parametrize(
    ("copies", "says"),
    [
        ("bccccc", "other"),
        ("bbbccc", "other"),
        ("bbbbcc", "given"),
        ("aaabbc", "other"),
        ("aaaabb", "proposed"),
    ],
)
def test_copies_say_what_more_than_half_of_them_have(copies, says):
    labels = np.array([0, 0, 1, 1] * 50)
    p = np.eye(4)[labels] * 0.9 + 0.025
    labels[0] = 1
    found = find_label_doubts({"test": of_classes(labels, run(p))}, TASK)
    known = {f"left-{i}": label for i, label in enumerate(copies)}
    twins = ask_twins(found, [("test-0", left) for left in known], known)
    assert twins["say"].tolist() == [says]


@pytest.mark.parametrize(
    ("twin", "says", "agree"),
    [(12, "given", True), (66, "proposed", False), (40, "other", False)],
)
def test_copies_of_a_number_are_the_same_within_five_years(twin, says, agree):
    labels, answers = numbers(np.random.default_rng(13), rows=300)
    labels[0], answers[0] = 10, 68
    found = find_label_doubts({"test": of_numbers(labels, ("m", 0, answers))}, AGE)
    twins = ask_twins(found, [("i0", "left")], {"left": twin})
    assert (twins["say"].item(), twins["agree"].item()) == (says, agree)


@pytest.mark.parametrize(("hits", "of"), [(0, 9), (5, 9), (9, 9), (49, 50)])
def test_interval_of_a_share_is_wilsons(hits, of):
    interval = binomtest(hits, of).proportion_ci(method="wilson")
    share, low, high = share_interval(hits, of)
    assert (share, low, high) == pytest.approx((hits / of, interval.low, interval.high))
    assert np.isnan(share_interval(0, 0)).all()
