"""Answers to single images: votes, agreement, orders, from tables written by hand."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from core.evaluation import answers as module
from core.evaluation.alignment import align_predictions
from core.evaluation.answers import (
    agreeing,
    agreement_kinds,
    collect_answers,
    describe_images,
    orders_of,
    rank_images,
    tabulate_images,
    top_k_curves,
)
from core.tasks import Multiclass, Regression
from tests.synthetic import TASKS, synthetic_tables

KIND = Multiclass("kind", "Kind", ("a", "b", "c"))
AGE = Regression("age", "Age", "years", 1, 80, 10)
IDS = ("i0", "i1", "i2", "i3")


def classes_table(truth, said, probabilities=None):
    table = pd.DataFrame(
        {"image_id": IDS[: len(truth)], "kind_true": [*truth], "kind_pred": [*said]}
    )
    if probabilities is not None:
        for place, name in enumerate(KIND.classes):
            table[f"kind_p_{name}"] = np.array(probabilities, np.float32)[:, place]
    return table


def numbers_table(truth, said):
    return pd.DataFrame({"image_id": IDS, "age_true": truth, "age_pred": said})


def collect(tables, task, baseline="m"):
    aligned = align_predictions(tables, [task], baseline)
    first = tables[min(run for run in tables if run[0] == baseline)]
    return collect_answers(aligned, task, first["image_id"].to_numpy())


def test_one_seed_answers_as_its_run_does():
    given = [[0.6, 0.3, 0.1], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [1.0, 0.0, 0.0]]
    # The last answer is not the most probable class: the run's own word counts.
    found = collect({("m", 0): classes_table("abcc", "acbb", given)}, KIND)
    assert found.answer.tolist() == [[0, 2, 1, 1]]
    assert found.right.tolist() == [[True, False, False, False]]
    np.testing.assert_allclose(found.confidence, [[0.6, 0.5, 0.8, 0.0]], rtol=1e-6)
    np.testing.assert_allclose(found.of_truth, [[0.6, 0.3, 0.1, 0.0]], rtol=1e-6)
    np.testing.assert_allclose(found.margin, [[0.3, 0.2, 0.7, 1.0]], rtol=1e-6)
    row = np.array([0.6, 0.3, 0.1])
    expected = -(row * np.log(row)).sum() / np.log(3)
    assert found.entropy[0, 0] == pytest.approx(expected, rel=1e-6)
    assert found.entropy[0, 3] == 0


def test_even_probabilities_have_the_largest_entropy():
    found = collect({("m", 0): classes_table("ab", "ab", [[1 / 3] * 3] * 2)}, KIND)
    np.testing.assert_allclose(found.entropy, 1, rtol=1e-6)
    np.testing.assert_allclose(found.margin, 0, atol=1e-7)


def test_of_several_seeds_the_answer_is_what_most_say():
    tables = {
        ("m", 0): classes_table("aaaa", "abca"),
        ("m", 1): classes_table("aaaa", "bbca"),
        ("m", 2): classes_table("aaaa", "acba"),
    }
    found = collect(tables, KIND)
    assert [KIND.classes[i] for i in found.answer[0]] == ["a", "b", "c", "a"]
    assert found.seeds == (3,)
    assert not found.has_probabilities("m")


def test_between_equals_the_more_probable_class_is_the_answer():
    first = [[0.6, 0.4, 0.0], [0.5, 0.1, 0.4]]
    second = [[0.1, 0.9, 0.0], [0.1, 0.4, 0.5]]
    tables = {
        ("m", 0): classes_table("aa", "aa", first),
        ("m", 1): classes_table("aa", "bc", second),
    }
    found = collect(tables, KIND)
    assert [KIND.classes[i] for i in found.answer[0]] == ["b", "c"]
    np.testing.assert_allclose(found.confidence, [[0.65, 0.45]], rtol=1e-6)
    # Without probabilities the earlier class is.
    bare = {run: table.iloc[:, :3] for run, table in tables.items()}
    assert [KIND.classes[i] for i in collect(bare, KIND).answer[0]] == ["a", "a"]


def test_a_number_is_the_mean_over_the_seeds_and_right_within_five():
    tables = {
        ("m", 0): numbers_table([20.0] * 4, [20.0, 24.0, 26.0, 10.0]),
        ("m", 1): numbers_table([20.0] * 4, [20.0, 26.0, 28.0, 10.0]),
    }
    found = collect(tables, AGE)
    assert found.answer.tolist() == [[20.0, 25.0, 27.0, 10.0]]
    assert found.right.tolist() == [[True, True, False, False]]
    assert found.errors("m").tolist() == [0.0, 5.0, 7.0, -10.0]
    assert found.categories == AGE.bin_labels
    assert found.true_category.tolist() == [2] * 4
    assert found.answered_category("m").tolist() == [2, 2, 2, 1]


def every_pattern():
    """Three methods on eight images: each right on its own half."""
    patterns = np.array(list(product([True, False], repeat=3)))
    ids = [f"i{n}" for n in range(8)]
    tables = {
        (name, 0): pd.DataFrame(
            {
                "image_id": ids,
                "kind_true": "a",
                "kind_pred": np.where(patterns[:, place], "a", "b"),
            }
        )
        for place, name in enumerate("mno")
    }
    return collect(tables, KIND), patterns


def test_agreement_is_that_of_every_pattern():
    found, patterns = every_pattern()
    kinds = agreement_kinds(found.methods)
    assert kinds[:3] == ["any", "all-wrong", "all-right"]
    assert len(kinds) == 3 + 2 * 3
    expected = {
        "any": [True] * 8,
        "all-right": [row.all() for row in patterns],
        "all-wrong": [not row.any() for row in patterns],
    }
    for place, name in enumerate("mno"):
        alone = np.eye(3, dtype=bool)[place]
        expected[f"only-right:{name}"] = [(row == alone).all() for row in patterns]
        expected[f"only-wrong:{name}"] = [(row == ~alone).all() for row in patterns]
    for kind in kinds:
        assert agreeing(found, kind).tolist() == expected[kind], kind


def test_one_method_cannot_be_the_only_one():
    assert agreement_kinds(("m",)) == ["any", "all-wrong", "all-right"]


def ranked(found, order, chosen=None, method="m"):
    chosen = np.ones(len(found.image_ids), bool) if chosen is None else chosen
    return rank_images(found, method, orders_of(found, method)[order], chosen).tolist()


def test_orders_of_classes():
    given = [[0.7, 0.2, 0.1], [0.05, 0.9, 0.05], [0.3, 0.36, 0.34], [0.1, 0.6, 0.3]]
    found = collect({("m", 0): classes_table("aaab", "abbb", given)}, KIND)
    expected = ["confident", "truth", "margin", "entropy", "listed"]
    assert list(orders_of(found, "m")) == expected
    # Wrong answers alone, by what they were given.
    assert ranked(found, "confident") == [1, 2]
    assert ranked(found, "truth") == [1, 2, 3, 0]
    assert ranked(found, "margin") == [2, 3, 0, 1]
    assert ranked(found, "entropy") == [2, 3, 0, 1]
    assert ranked(found, "listed") == [0, 1, 2, 3]
    assert ranked(found, "truth", np.array([True, False, False, True])) == [3, 0]


def test_labels_alone_keep_the_order_of_the_table():
    found = collect({("m", 0): classes_table("aaaa", "cbab")}, KIND)
    assert list(orders_of(found, "m")) == ["confident", "listed"]
    assert ranked(found, "confident") == [0, 1, 3]
    assert ranked(found, "listed") == [0, 1, 2, 3]


def test_orders_of_numbers():
    tables = {
        ("m", 0): numbers_table([20.0] * 4, [30.0, 15.0, 20.0, 21.0]),
        ("n", 0): numbers_table([20.0] * 4, [31.0, 40.0, 20.0, 25.0]),
    }
    found = collect(tables, AGE)
    assert ranked(found, "largest") == [0, 1, 3, 2]
    assert ranked(found, "high") == [0, 3]
    assert ranked(found, "low") == [1]
    assert ranked(found, "apart") == [1, 3, 0, 2]
    alone = collect({("m", 0): tables["m", 0]}, AGE)
    assert "apart" not in orders_of(alone, "m")


def test_every_order_says_what_comes_first():
    every = {**module.CLASS_ORDERS, **module.NUMBER_ORDERS, **module.AMONG_METHODS}
    assert all(order.label and order.explanation for order in every.values())


def test_a_download_holds_every_answer_of_every_method():
    tables = synthetic_tables(methods=("baseline", "ins"), seeds=(0,), rows=64)
    task = TASKS["utkface"][1]
    images = describe_images(tables, TASKS["utkface"], ("ethnicity",), "baseline")
    found = collect(tables, task, "baseline")
    rows = np.array([5, 2])
    table = tabulate_images(found, images, rows)
    assert list(table) == [
        "image_id",
        "truth",
        "ethnicity",
        "baseline_answer",
        "baseline_probability",
        "baseline_probability_of_truth",
        "ins_answer",
        "ins_probability",
        "ins_probability_of_truth",
    ]
    given = tables["ins", 0].iloc[rows].reset_index(drop=True)
    assert table["ins_answer"].tolist() == given["gender_pred"].tolist()
    assert table["truth"].tolist() == given["gender_true"].tolist()
    own = [row[f"gender_p_{row['gender_pred']}"] for _, row in given.iterrows()]
    np.testing.assert_allclose(table["ins_probability"], own)


def test_a_download_of_numbers_holds_their_errors():
    tables = synthetic_tables(methods=("baseline",), seeds=(0, 1), rows=64)
    images = describe_images(tables, TASKS["utkface"], (), "baseline")
    table = tabulate_images(collect(tables, AGE, "baseline"), images, np.arange(64))
    mean = sum(t["age_pred"] for t in tables.values()) / 2
    np.testing.assert_allclose(table["baseline_answer"], mean)
    np.testing.assert_allclose(table["baseline_error"], mean - table["truth"])


def test_images_are_described_by_features_and_bins_that_are_there():
    tables = synthetic_tables(methods=("baseline",), seeds=(0,), rows=64)
    features = ("gender", "age_bin", "height")
    found = describe_images(tables, TASKS["utkface"], features, "baseline")
    assert list(found) == ["image_id", "gender", "age_bin"]
    truth = tables["baseline", 0]["age_true"]
    expected = [f"{10 * (age // 10):g}-{10 * (age // 10) + 9:g}" for age in truth]
    assert found["age_bin"].tolist() == expected


def test_a_table_of_a_method_has_truth_and_mean_answer_by_image():
    tables = {
        ("m", 0): numbers_table([20.0] * 4, [20.0, 24.0, 26.0, 10.0]),
        ("m", 1): numbers_table([20.0] * 4, [20.0, 26.0, 28.0, 10.0]),
    }
    table = collect(tables, AGE).table("m")
    assert table.index.tolist() == [*IDS]
    assert table["truth"].tolist() == [20.0] * 4
    assert table["prediction"].tolist() == [20.0, 25.0, 27.0, 10.0]


def test_top_k_curves_are_means_over_the_seeds_of_who_has_probabilities():
    first = [[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]]
    second = [[0.1, 0.3, 0.6], [0.3, 0.6, 0.1]]
    tables = {
        ("m", 0): classes_table("ab", "ac", first),
        ("m", 1): classes_table("ab", "cb", second),
        ("labels", 0): classes_table("ab", "ab"),
    }
    curves = top_k_curves(align_predictions(tables, [KIND], "m"), KIND)
    assert curves["method"].tolist() == ["m"] * 3
    assert curves["k"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(curves["accuracy"], [0.5, 0.75, 1.0])
    bare = {("m", 0): classes_table("ab", "ab")}
    assert top_k_curves(align_predictions(bare, [KIND], "m"), KIND).empty
