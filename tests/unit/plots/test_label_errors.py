"""Figures of doubted labels, from rows written by hand."""

import pandas as pd
import pytest

from core.plots import label_errors as plots
from core.plots.classification import FEW
from core.tasks import Binary, Multiclass, Regression
from tests.hostile import HOST, HOSTILE

AGE = Regression("age", "Age", "years", 1, 80, 10)
PET = Multiclass("pet", "Pet", ("cat", "dog", "bird"))


def rows(pairs, against=None):
    """One doubted image each of pairs of a given and a proposed label."""
    against = against or [3] * len(pairs)
    given, proposed = zip(*pairs, strict=True)
    return pd.DataFrame(
        {
            "image_id": [f"i{n}" for n in range(len(pairs))],
            "given": given,
            "proposed": proposed,
            "against": against,
            "runs": 3,
        }
    )


def test_cells_hold_how_many_images_have_each_pair():
    doubted = rows([("cat", "dog")] * 3 + [("bird", "cat")], [3, 2, 3, 1])
    figure = plots.plot_label_pairs(doubted, PET)
    heat = figure.data[0]
    assert list(heat.y) == list(heat.x) == list(PET.classes)
    shades = {
        (given, proposed): heat.z[i][j]
        for i, given in enumerate(heat.y)
        for j, proposed in enumerate(heat.x)
        if heat.z[i][j] == heat.z[i][j]
    }
    assert shades == {("cat", "dog"): 1, ("bird", "cat"): pytest.approx(1 / 3)}
    notes = {(note.y, note.x): note.text for note in figure.layout.annotations}
    assert notes == {("cat", "dog"): "3", ("bird", "cat"): "1"}
    assert "3 images, every run against the label of 2" in heat.customdata[0][1]
    titles = figure.layout.xaxis.title.text, figure.layout.yaxis.title.text
    assert titles == ("Proposed label", "Given label")


def test_many_classes_have_their_most_common_pairs_as_bars():
    names = tuple(f"class {i}" for i in range(FEW + 1))
    task = Multiclass("many", "Many", names)
    pairs = [(names[i], names[j]) for i in range(4) for j in range(4) if i != j]
    figure = plots.plot_label_pairs(rows([*pairs, pairs[5]]), task)
    bars = figure.data[0]
    assert len(bars.x) == plots.PAIRS < len(pairs)
    assert (bars.x[0], set(bars.x[1:])) == (2, {1})
    assert bars.y[0] == f"{pairs[5][0]} → <b>{pairs[5][1]}</b>"
    assert [note.text for note in figure.layout.annotations] == list(bars.y)


def test_numbers_stand_beside_what_is_proposed_with_their_spread():
    doubted = rows([(10.0, 60.0), (70.0, 30.0)]).assign(spread=[4.0, float("nan")])
    figure = plots.plot_doubted_numbers(doubted, AGE)
    line, points = figure.data
    assert list(line.x) == list(line.y) == [AGE.minimum, AGE.maximum]
    assert (list(points.x), list(points.y)) == ([10, 70], [60, 30])
    assert list(points.error_y.array) == [4, 0]
    assert "labelled 10, proposed 60 years" in points.customdata[0]


def test_only_the_first_of_very_many_numbers_are_drawn():
    doubted = rows([(10.0, 60.0)] * (plots.DRAWN + 5)).assign(spread=1.0)
    assert len(plots.plot_doubted_numbers(doubted, AGE).data[1].x) == plots.DRAWN


def test_names_stay_text():
    task = Binary("t", "T", ("plain", HOSTILE))
    figure = plots.plot_label_pairs(rows([("plain", HOSTILE)]), task)
    assert HOST in figure.to_json()
    assert "<a href" not in figure.to_json()
    assert "$x^2$" not in figure.to_json()


def test_a_point_names_the_pair_of_labels_it_was_drawn_for():
    task = Multiclass("pet", "Pet", ("cat", HOSTILE, "a & b"))
    doubted = rows([("cat", HOSTILE), ("a & b", "cat")])
    marks = plots.plot_label_pairs(doubted, task).data[1]
    found = {
        plots.pair_at({"x": x, "y": y}, doubted, task)
        for x, y in zip(marks.x, marks.y, strict=True)
    }
    assert found == {(given, said) for given in task.classes for said in task.classes}
    names = tuple(f"class {i}" for i in range(FEW + 1))
    many = Multiclass("many", "Many", names)
    doubted = rows([(names[0], names[1]), *[(names[2], names[3])] * 2])
    assert plots.pair_at({"point_index": 0}, doubted, many) == (names[2], names[3])
    assert plots.pair_at({"point_index": 1}, doubted, many) == (names[0], names[1])
