"""Figures and sentences of the Errors page, from confusions written by hand."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.errors import (
    Confusions,
    class_recalls,
    confused_pairs,
    errors_by_bin,
    taken_for,
)
from core.plots import errors as plots
from core.plots.look import Look, method_styles
from core.tasks import Regression
from core.text import NO_BREAK, code, strong, to_plain

CLASSES = ("cat", "dog", "bird")
METHODS = ("m", "n")
LABELS = {"m": "Mine", "n": "New"}
LOOK = Look(METHODS, method_styles(METHODS, "m"), LABELS, "m")
AGE = Regression("age", "Age", "years", 1, 80, 10)
COUNTS = [[150, 40, 10], [20, 180, 0], [2, 4, 194]]
EVEN = np.full((3, 3), 1 / 3)


def confusions(counts=COUNTS, means=EVEN):
    counts = np.asarray(counts, float)
    return Confusions(counts, counts, means, 1)


def of_classes(counts=COUNTS, means=EVEN, classes=CLASSES):
    own = confusions(counts, means)
    return class_recalls(own, classes), taken_for(own, classes)


def pieces(figure, place):
    return [trace.x[place] for trace in figure.data if trace.type == "bar"]


def test_a_bar_is_the_whole_class_the_right_share_first():
    recalls, taken = of_classes()
    figure = plots.plot_hardest(recalls, taken)
    assert [place.split("<br>")[0] for place in figure.data[0].y] == [
        "<b>cat</b>",
        "<b>dog</b>",
        "<b>bird</b>",
    ]
    np.testing.assert_allclose(pieces(figure, 0), [75, 20, 5, 0, 0])
    np.testing.assert_allclose(pieces(figure, 1), [90, 10, 0, 0, 0])
    assert figure.layout.barmode == "stack"


def test_what_is_left_after_three_is_one_piece():
    k = 6
    counts = [[50, 20, 12, 9, 5, 4], *(100 * np.eye(k)[1:])]
    recalls, taken = of_classes(counts, None, tuple("abcdef"))
    np.testing.assert_allclose(
        pieces(plots.plot_hardest(recalls, taken), 0), [50, 20, 12, 9, 9]
    )


def test_a_name_that_the_interval_would_hide_is_not_written():
    recalls, taken = of_classes([[4, 4, 0], [0, 90, 10], [0, 0, 90]])
    first = plots.plot_hardest(recalls, taken).data[1]
    assert first.text[0] == "dog"
    # Of eight images the interval is as wide as the piece.
    narrow, taken = of_classes([[7, 1, 0], [0, 90, 10], [0, 0, 90]])
    assert plots.plot_hardest(narrow, taken).data[1].text[0] == ""


def test_the_interval_is_drawn_above_all_bars():
    recalls, taken = of_classes()
    marks = plots.plot_hardest(recalls, taken).data[-1]
    assert marks.type == "scatter"
    ends = marks.x[0] + np.array([-marks.error_x.arrayminus[0], marks.error_x.array[0]])
    np.testing.assert_allclose(
        ends, 100 * recalls.loc[0, ["low", "high"]].astype(float)
    )


def test_of_many_classes_the_hardest_are_drawn():
    k = 30
    counts = 50 * np.eye(k)
    counts[:, 0] += np.arange(k)
    recalls, taken = of_classes(counts, None, tuple(f"kind {i}" for i in range(k)))
    assert len(plots.plot_hardest(recalls, taken).data[0].y) == plots.NAMED
    assert len(plots.hardest_table(recalls, taken)) == plots.NAMED


def test_takeaway_names_the_hardest_and_what_it_is_taken_for():
    said = plots.hardest_takeaway(*of_classes(), "Mine")
    assert f"Mine finds {strong('cat')} hardest: it recognises 75{NO_BREAK}%" in said
    assert f"takes it for dog most often (20{NO_BREAK}%)." in said


def test_takeaway_is_not_surer_than_the_intervals():
    counts = [[150, 50, 0], [45, 155, 0], [2, 4, 194]]
    said = plots.hardest_takeaway(*of_classes(counts), "Mine")
    assert said.endswith("Its interval reaches that of dog, which may be as hard.")
    k = 8
    level = [[5 if i == j else 1 for j in range(k)] for i in range(k)]
    many = tuple(f"kind {i}" for i in range(k))
    said = plots.hardest_takeaway(*of_classes(np.array(level) * 10, None, many), "Mine")
    assert "reaches that of 7 other classes, which may be as hard" in said


def test_takeaway_of_few_images_and_of_no_mistake():
    few = plots.hardest_takeaway(*of_classes([[3, 2, 0], [0, 90, 0], [0, 0, 90]]), "M")
    assert few.endswith("so few images that this may be chance.")
    none = plots.hardest_takeaway(*of_classes(30 * np.eye(3)), "Mine")
    assert none == "Mine makes no mistake on 90 test images."
    empty = plots.hardest_takeaway(*of_classes(np.zeros((3, 3))), "Mine")
    assert empty == "There is no test image of any class."


def test_table_says_shares_and_mean_probabilities():
    means = np.array([[0.7, 0.25, 0.05], [0.2, 0.75, 0.05], [0, 0, 1.0]])
    row = plots.hardest_table(*of_classes(means=means)).iloc[0]
    assert row["Class"] == strong("cat")
    assert row["Test images"] == "200"
    assert row["Recall (%)"].startswith(f"{strong(75.0)} [68.")
    said = row["Taken for"].replace("\N{NO-BREAK SPACE}", " ")
    assert said == "dog 20.0 % (p 0.25); bird 5.0 % (p 0.05)"


def pairs_of(counts=COUNTS):
    both = {"m": confusions(counts), "n": confusions(np.array(counts).T + 1)}
    return confused_pairs(both, CLASSES)


def test_every_pair_has_two_bars_one_for_each_way():
    pairs = pairs_of()
    own = pairs[pairs["method"] == "m"]
    bars = plots.plot_pairs(own, "Mine", LOOK.styles["m"]).data[0]
    assert len(bars.x) == 2 * 3
    np.testing.assert_allclose(bars.x[:2], [20, 10])
    texts = plots.plot_pairs(own, "Mine", LOOK.styles["m"]).layout.yaxis.ticktext
    assert texts[0] == f"<b>cat → dog</b><br>20{NO_BREAK}%: 40 of 200"
    assert texts[1] == f"<b>dog → cat</b><br>10{NO_BREAK}%: 20 of 200"


def test_pairs_of_one_method_stand_beside_the_others():
    figure = plots.plot_pairs_by_method(pairs_of(), "m", LOOK)
    assert [trace.name for trace in figure.data] == ["Mine", "New"]
    assert figure.layout.xaxis.ticktext[0] == "cat ↔ dog"
    assert figure.data[0].y[0] == pytest.approx(15)


def test_pairs_takeaway_says_both_ways_and_how_sure_the_order_is():
    own = pairs_of()
    own = own[own["method"] == "m"]
    said = plots.pairs_takeaway(own, "Mine")
    assert (
        f"confuses cat and dog most: it takes 20{NO_BREAK}% of 200 test images"
        in to_plain(said)
    )
    assert said.endswith(f"and 10{NO_BREAK}% of 200 the other way round.")
    turned = confusions([[90, 10, 0], [60, 140, 0], [0, 0, 100]])
    said = plots.pairs_takeaway(confused_pairs({"m": turned}, CLASSES), "Mine")
    more = (
        f"takes 30{NO_BREAK}% of 200 test images of dog for cat, "
        f"and 10{NO_BREAK}% of 100 the other"
    )
    assert more in said
    level = confused_pairs(
        {"m": confusions([[8, 1, 1], [1, 8, 1], [1, 1, 8]])}, CLASSES
    )
    assert "2 other pairs reach as high" in plots.pairs_takeaway(level, "Mine")
    right = confused_pairs({"m": confusions(9 * np.eye(3))}, CLASSES)
    assert plots.pairs_takeaway(right, "Mine") == "Mine takes no class for another."


@pytest.fixture
def bins():
    truth = np.array([5.0, 5, 5, 35, 35, 35])
    said = np.array([7.0, 5, 4, 20, 30, 35])
    return errors_by_bin(truth, said, list("abcdef"), AGE)


def test_errors_by_bin_are_drawn_with_and_without_their_sign(bins):
    figure = plots.plot_errors_by_bin(bins, AGE, LOOK.styles["m"])
    by_name = {trace.name: trace for trace in figure.data}
    assert list(by_name["median"].x) == ["0-9 (3)", "30-39 (3)"]
    assert list(by_name["median"].y) == [0, -5]
    assert list(by_name["largest +"].customdata) == ["a", ""]
    assert list(by_name["largest −"].y) == [-1, -15]
    figure = plots.plot_errors_by_bin(bins, AGE, LOOK.styles["m"], absolute=True)
    by_name = {trace.name: trace for trace in figure.data}
    assert list(by_name["largest"].y) == [2, 15]
    assert list(by_name["largest"].customdata) == ["a", "d"]
    assert min(v for t in figure.data for v in t.y if v is not None) >= 0


def test_bins_takeaway_says_the_worst_bin_and_the_largest_error(bins):
    said = plots.bins_takeaway(bins, AGE, "Mine")
    assert said == (
        f"At 30-39 (3 test images) 10{NO_BREAK}% of Mine's answers are more than 13.0 "
        "years off, at 0-9 (3) more than 1.8. Its largest error is 15.0 years too low, "
        "at 30-39."
    )
    assert plots.bins_takeaway(bins.iloc[:0], AGE, "Mine").startswith("There is no")
    perfect = errors_by_bin(np.array([5.0]), np.array([5.0]), ["a"], AGE)
    assert "largest error" not in plots.bins_takeaway(perfect, AGE, "Mine")


def test_bins_table_names_the_images_of_the_largest_errors(bins):
    table = plots.bins_table(bins)
    assert table["Largest too high"].tolist() == [f"+2.0 ({code('a')})", "–"]
    assert table["Largest too low"].tolist() == [
        f"−1.0 ({code('c')})",
        f"−15.0 ({code('d')})",
    ]
    assert isinstance(table, pd.DataFrame)
