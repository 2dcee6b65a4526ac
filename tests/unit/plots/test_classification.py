"""Classification: sentences and figures from scores and counts written by hand."""

import numpy as np
import pandas as pd
import pytest

from core.plots import classification as plots
from core.plots.style import method_styles

METHODS = ["baseline", "ins"]
LABELS = {"baseline": "Baseline", "ins": "INS"}
STYLES = method_styles(METHODS, "baseline")
CLASSES = ("cat", "dog")
COUNTS = pd.Series({"dog": 900, "cat": 30})
BASE = np.array([[4.0, 6.0], [1.0, 9.0]])
OTHER = np.array([[8.0, 2.0], [2.0, 8.0]])


@pytest.fixture
def scores():
    rows = [
        ("baseline", "pet.f1[cat]", 0.4, "baseline"),
        ("baseline", "pet.f1[dog]", 0.9, "baseline"),
        ("ins", "pet.f1[cat]", 0.6, "better"),
        ("ins", "pet.f1[dog]", 0.88, "inconclusive"),
        ("ins", "pet.macro_f1", 0.74, "better"),
    ]
    table = pd.DataFrame(rows, columns=["method", "metric", "mean", "verdict"])
    table = table.assign(low=table["mean"] - 0.1, high=table["mean"] + 0.05)
    return plots.scores_by_part(table, "pet", "f1", CLASSES)


def test_scores_by_part_keeps_the_order_of_the_parts(scores):
    assert list(scores["group"]) == ["cat", "cat", "dog", "dog"]
    assert "pet.macro_f1" not in set(scores["metric"])


def test_classes_stand_from_most_to_fewest_training_images(scores):
    figure = plots.plot_class_f1(scores, COUNTS, METHODS, STYLES, LABELS)
    assert list(figure.layout.xaxis.ticktext) == ["dog", "cat"]
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert list(bars[0].y) == [900, 30]
    base = next(trace for trace in figure.data if trace.name == "Baseline")
    assert list(base.y) == [0.9, 0.4]
    assert base.error_y.arrayminus[0] == pytest.approx(0.1)
    assert base.error_y.array[0] == pytest.approx(0.05)


def test_without_training_counts_there_is_no_lower_row(scores):
    figure = plots.plot_class_f1(scores, None, METHODS, STYLES, LABELS)
    assert all(trace.type == "scatter" for trace in figure.data)
    assert "yaxis2" not in figure.layout


def test_methods_of_a_class_do_not_overlap(scores):
    figure = plots.plot_class_f1(scores, COUNTS, METHODS, STYLES, LABELS)
    places = [trace.x[0] for trace in figure.data if trace.type == "scatter"]
    assert places[0] < 0 < places[1]
    assert max(map(abs, places)) < 0.5


def test_takeaway_names_the_hardest_class_and_who_moves_it(scores):
    said = plots.class_f1_takeaway(scores, COUNTS, METHODS, LABELS, "baseline")
    assert "hardest (F1 0.40), with 30 training images" in said
    assert "dog easiest (0.90)" in said
    assert said.endswith("INS is better on cat.")


def test_takeaway_claims_nothing_uncertain(scores):
    unsure = scores.assign(verdict="inconclusive")
    said = plots.class_f1_takeaway(unsure, COUNTS, METHODS, LABELS, "baseline")
    assert said.endswith("no method moves cat certainly.")


def test_class_table_holds_mean_interval_and_verdict(scores):
    table = plots.class_table(scores, CLASSES, METHODS, LABELS, digits=2)
    cell = table.set_index("Method").loc["**INS**", "cat"].replace("\xa0", " ")
    assert r"**0.60** \[0.50, 0.65]" in cell
    assert "better" in cell


def test_shares_are_of_each_true_class_and_undefined_without_images():
    shares = plots.share_of_rows(np.array([[1.0, 3.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(shares, [[0.25, 0.75], [np.nan, np.nan]])


@pytest.mark.parametrize(
    ("show", "text"),
    [
        ("shares", [["40 %", "60 %"], ["10 %", "90 %"]]),
        ("counts", [["4", "6"], ["1", "9"]]),
    ],
)
def test_confusion_writes_shares_or_counts(show, text):
    figure = plots.plot_confusion(BASE, CLASSES, "Baseline", show=show)
    assert [list(row) for row in figure.data[0].text] == text
    assert figure.layout.yaxis.autorange == "reversed"


def test_mean_counts_that_are_not_whole_keep_a_decimal():
    figure = plots.plot_confusion(BASE / 3, CLASSES, "Baseline", show="counts")
    assert figure.data[0].text[0][0] == "1.3"


def test_difference_is_in_points_and_centred_on_zero():
    figure = plots.plot_confusion(
        OTHER, CLASSES, "INS", show="difference", baseline=BASE, reach=0.4
    )
    assert [list(row) for row in figure.data[0].text] == [
        ["+40.0", "−40.0"],
        ["+10.0", "−10.0"],
    ]
    assert figure.data[0].zmin == -figure.data[0].zmax


def test_reach_is_the_largest_difference_and_never_nothing():
    matrices = {"baseline": BASE, "ins": OTHER}
    assert plots.difference_reach(matrices, "baseline") == pytest.approx(0.4)
    same = plots.difference_reach({"baseline": BASE, "ins": BASE}, "baseline")
    assert same == plots.MINIMUM_REACH


def test_confusion_takeaway_names_the_commonest_mistake():
    said = plots.confusion_takeaway(
        {"baseline": BASE, "ins": OTHER}, CLASSES, LABELS, "baseline"
    )
    assert "takes cat for dog: 60 % of 10 test images" in said
    assert "20 % (INS)" in said


def test_confusion_takeaway_of_a_perfect_baseline():
    said = plots.confusion_takeaway(
        {"baseline": np.diag([3.0, 4.0])}, CLASSES, LABELS, "baseline"
    )
    assert said == "The baseline makes no mistake on the test images."


def test_confusion_table_is_long_and_complete():
    table = plots.confusion_table({"baseline": BASE, "ins": OTHER}, CLASSES)
    assert len(table) == 8
    cell = table.query("method == 'ins' and truth == 'dog' and predicted == 'cat'")
    assert cell["images"].item() == 2
    assert cell["share"].item() == pytest.approx(0.2)
