"""What each class and each target gets, on tables of known content."""

import numpy as np
import pandas as pd

from core.plots import method_classes as plots
from core.plots.look import Look, method_styles
from core.text import strong

NAMES = ("plain", "focused", "muting")
LOOK = Look(
    NAMES,
    method_styles(NAMES, "plain"),
    {"plain": "Plain", "focused": "Focused", "muting": "Muting"},
    "plain",
)
CLASSES = ("b", "a", "c")
COUNTS = (50, 200, 10)


def by_class():
    return pd.DataFrame(
        {
            "method": ["plain"] * 3 + ["focused"] * 3,
            "class": [0, 1, 2] * 2,
            "value": [1.0, 0.5, 2.0, 1.0, 1.0, 1.0],
        }
    )


def test_classes_go_from_common_to_rare():
    figure = plots.plot_by_class(
        by_class(), CLASSES, COUNTS, LOOK, x_title="Class", y_title="weight"
    )
    first = figure.data[0]
    assert list(first.x) == ["a<br>n = 200", "b<br>n = 50", "c<br>n = 10"]
    assert list(first.y) == [0.5, 1.0, 2.0]
    words = plots.by_class_takeaway(
        by_class(), CLASSES, COUNTS, LOOK, what="an image weighs"
    )
    assert f"{strong('c')} (10 images)" in words
    assert "2 against 0.5 under Plain; Focused treats all classes alike" in words


def test_what_treats_classes_alike_is_said():
    alike = by_class().iloc[3:]
    words = plots.by_class_takeaway(
        alike, CLASSES, COUNTS, LOOK, what="an image weighs"
    )
    assert "treats all classes alike" in words


def test_small_values_keep_two_figures():
    pulls = by_class().assign(value=[0.002, 0.00123, 0.0046, 1, 2, -1.256])
    words = plots.by_class_takeaway(pulls, CLASSES, COUNTS, LOOK, what="the pull is")
    assert "0.0046 against 0.0012 under Plain" in words
    assert "−1.3 against 2 under Focused" in words


def test_a_probability_that_a_loss_cannot_reach_is_said():
    pulls = by_class().assign(value=[0.2, 0.1, 0.4, *[np.nan] * 3])
    unreached = "Focused cannot reach p = 0.99 at this scale"
    words = plots.pulls_takeaway(pulls, CLASSES, COUNTS, LOOK, probability=0.99)
    assert words.startswith(f"For the rarest class, {strong('c')} (10 images)")
    assert "the pull is 0.4 against 0.1 under Plain. " in words
    assert unreached in words
    alone = plots.pulls_takeaway(
        pulls.iloc[3:], CLASSES, COUNTS, LOOK, probability=0.99
    )
    assert alone.startswith(unreached)
    assert "–" not in words + alone


def test_a_hundred_classes_keep_their_names_short():
    names = [f"class {i}" for i in range(100)]
    assert plots.class_axis(names, [5] * 100) == names


def test_drawn_images_beside_all():
    drawn = {"focused": [50, 100, 10]}
    figure = plots.plot_drawn_images(drawn, CLASSES, COUNTS, LOOK, x_title="Class")
    assert [list(bar.y) for bar in figure.data] == [[200, 50, 10], [100, 50, 10]]
    words = plots.drawn_takeaway(drawn, CLASSES, COUNTS, LOOK)
    assert words == (
        f"Of {strong('c')}, 10 of 260 training images, Focused shows 10 in an epoch "
        "of 160."
    )


def test_weights_of_targets():
    table = pd.DataFrame({"value": [1, 2, 3], "n": [1, 8, 1], "weight": [3, 0.5, 3.5]})
    flat = table.assign(weight=1.0)
    nothing = table.assign(weight=[4.0, 1e-7, 5.0])
    given = {"plain": table, "focused": flat, "muting": nothing}
    words = plots.by_target_takeaway(given, table, LOOK, unit="years")
    assert "at 2 years, the most common value (8 images)" in words
    assert "under Plain one at 3 years counts 7.0 times as much" in words
    assert "Focused weighs all alike" in words
    assert "under Muting it counts for nothing" in words
    figure = plots.plot_by_target(given, table, LOOK, label="Age", unit="years")
    assert list(figure.data[0].y) == [1, 8, 1]
    assert list(figure.data[1].y) == [3, 0.5, 3.5]


def test_kernels_and_what_they_smooth():
    windows = {"plain": [0.5, 1.0, 0.5]}
    figure = plots.plot_kernels(windows, LOOK, unit="years")
    assert list(figure.data[0].x) == [-1, 0, 1]
    words = plots.kernels_takeaway(windows, LOOK, unit="years")
    assert "up to 1 years away, at 50 %" in words
    table = pd.DataFrame({"value": [1, 2], "before": [4, 2], "after": [3, 3]})
    figure = plots.plot_smoothing(
        table, label="Age", unit="years", what="images", colour="#0072B2"
    )
    assert [list(trace.y) for trace in figure.data] == [[4, 2], [3, 3]]
