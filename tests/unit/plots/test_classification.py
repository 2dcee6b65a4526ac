"""Classification: sentences and figures from scores written by hand."""

import math

import pandas as pd
import pytest

from core.plots import classification as plots
from core.plots.look import Look, method_styles
from core.text import percent, strong

METHODS = ("baseline", "ins")
LABELS = {"baseline": "Baseline", "ins": "INS"}
LOOK = Look(METHODS, method_styles(METHODS, "baseline"), LABELS, "baseline")
CLASSES = ("cat", "dog")
COUNTS = {"dog": 900, "cat": 30}
MANY_CLASSES = tuple(f"kind {i:02d}" for i in range(30))


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


def draw(scores, classes, counts, **more):
    return plots.plot_class_scores(scores, classes, counts, LOOK, **more)


def test_scores_by_part_keeps_the_order_of_the_parts(scores):
    assert list(scores["group"]) == ["cat", "cat", "dog", "dog"]
    assert "pet.macro_f1" not in set(scores["metric"])


def test_classes_stand_from_most_to_fewest_training_images(scores):
    classes = plots.choose_classes(scores, COUNTS, "baseline")
    figure = draw(scores, classes, COUNTS)
    assert list(figure.layout.xaxis.ticktext) == ["dog", "cat"]
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert list(bars[0].y) == [900, 30]
    base = next(trace for trace in figure.data if trace.name == "Baseline")
    assert list(base.y) == [0.9, 0.4]
    assert base.error_y.arrayminus[0] == pytest.approx(0.1)
    assert base.error_y.array[0] == pytest.approx(0.05)


def test_without_training_counts_there_is_no_lower_row(scores):
    figure = draw(scores, CLASSES, None)
    assert all(trace.type == "scatter" for trace in figure.data)
    assert "yaxis2" not in figure.layout


def test_without_training_counts_classes_come_by_their_test_images(scores):
    counted = scores.assign(n=scores["group"].map({"cat": 7, "dog": 90}))
    assert plots.choose_classes(counted, None, "baseline") == ["dog", "cat"]
    # Known training images go before.
    known = {"cat": 50, "dog": 4}
    assert plots.choose_classes(counted, known, "baseline") == ["cat", "dog"]


def test_methods_of_a_class_do_not_overlap(scores):
    figure = draw(scores, CLASSES, COUNTS)
    places = [trace.x[0] for trace in figure.data if trace.type == "scatter"]
    assert places[0] < 0 < places[1]
    assert max(map(abs, places)) < 0.5


def test_takeaway_names_the_hardest_class_and_who_moves_it(scores):
    said = plots.class_takeaway(scores, COUNTS, LOOK)
    assert "hardest (F1 0.40), with 30 training images" in said
    assert "dog easiest (0.90)" in said
    assert said.endswith("INS is better on cat.")


def test_takeaway_claims_nothing_uncertain(scores):
    unsure = scores.assign(verdict="inconclusive")
    said = plots.class_takeaway(unsure, COUNTS, LOOK)
    assert said.endswith("No method moves cat certainly.")


def test_class_table_holds_mean_interval_and_verdict(scores):
    scores = scores.assign(scope="method")
    table = plots.class_table(scores, CLASSES, LOOK, digits=2)
    cell = table.set_index("Method").loc[strong("INS"), "cat"].replace("\xa0", " ")
    assert f"{strong('0.60')} [0.50, 0.65]" in cell
    assert "better" in cell


@pytest.fixture
def many_scores():
    rows = [
        (method, f"kind.recall[{name}]", (i + place) / 40, "inconclusive")
        for place, method in enumerate(METHODS)
        for i, name in enumerate(MANY_CLASSES)
    ]
    table = pd.DataFrame(rows, columns=["method", "metric", "mean", "verdict"])
    table = table.assign(low=table["mean"] - 0.1, high=table["mean"] + 0.1, n=50)
    return plots.scores_by_part(table, "kind", "recall", MANY_CLASSES)


# The last class has the most training images: 3, 6, ..., 90.
MANY_COUNTS = {name: 3 * (i + 1) for i, name in enumerate(MANY_CLASSES)}


def test_bars_are_logarithmic_only_where_the_rarest_would_not_be_seen(scores):
    apart = draw(scores, CLASSES, {"dog": 900, "cat": 30}).layout.yaxis2
    assert apart.type == "log"
    assert 10 ** apart.range[0] < 30
    assert 10 ** apart.range[1] > 900
    assert "log" in apart.title.text
    near = draw(scores, CLASSES, {"dog": 90, "cat": 30}).layout.yaxis2
    assert near.type is None


def test_a_class_without_training_images_has_no_bar_and_breaks_nothing(scores):
    axis = draw(scores, CLASSES, {"dog": 900}).layout.yaxis2
    assert all(map(math.isfinite, axis.range))


def test_shot_groups_are_marked_along_the_axis(scores):
    figure = draw(scores, ["dog", "cat"], COUNTS)
    assert [note.text for note in figure.layout.annotations] == [
        "<b>many-shot</b>",
        "<b>medium-shot</b>",
    ]
    dashed = [shape for shape in figure.layout.shapes if shape.line.dash == "dash"]
    assert [shape.x0 for shape in dashed] == [0.5]
    one = draw(scores, ["dog", "cat"], {"dog": 900, "cat": 300})
    assert not one.layout.annotations


@pytest.mark.parametrize(
    ("choice", "first", "last"),
    [
        ("rarest", "kind 11", "kind 00"),
        ("largest", "kind 29", "kind 18"),
        ("hardest", "kind 11", "kind 00"),
        ("all", "kind 29", "kind 00"),
    ],
)
def test_a_part_of_many_classes_can_be_chosen(many_scores, choice, first, last):
    chosen = plots.choose_classes(many_scores, MANY_COUNTS, "baseline", choice)
    assert (chosen[0], chosen[-1]) == (first, last)
    assert len(chosen) == (30 if choice == "all" else plots.NAMED)


def test_all_of_many_classes_have_few_names_and_no_intervals(many_scores):
    figure = draw(many_scores, MANY_CLASSES, MANY_COUNTS, score="Recall")
    assert len(figure.layout.xaxis.tickvals) <= plots.NAMED
    assert list(figure.layout.xaxis.ticktext)[:2] == ["kind 00", "kind 03"]
    marks = [trace for trace in figure.data if trace.type == "scatter"]
    assert all(trace.error_y.visible is False for trace in marks)
    assert len(marks[0].y) == 30
    assert figure.layout.yaxis.title.text == "Recall (0 to 1)"
    few = draw(many_scores, MANY_CLASSES[:20], MANY_COUNTS)
    assert few.data[0].error_y.visible is True


def test_table_of_many_classes_has_a_row_a_class(many_scores):
    table = plots.class_scores_table(many_scores, MANY_CLASSES, MANY_COUNTS, LOOK)
    assert list(table.columns) == [
        "Class",
        "Training images",
        "Test images",
        "Baseline",
        "INS",
    ]
    assert table.loc[4].tolist() == ["kind 04", 15, 50, 0.1, 0.125]


@pytest.fixture
def shots():
    rows = [
        ("baseline", "pet.accuracy[many-shot]", 0.9, "baseline"),
        ("baseline", "pet.accuracy[few-shot]", 0.2, "baseline"),
        ("ins", "pet.accuracy[many-shot]", 0.85, "inconclusive"),
        ("ins", "pet.accuracy[few-shot]", 0.5, "better"),
    ]
    table = pd.DataFrame(rows, columns=["method", "metric", "mean", "verdict"])
    table = table.assign(low=table["mean"] - 0.1, high=table["mean"] + 0.05)
    return plots.scores_by_part(table, "pet", "accuracy", ("many-shot", "few-shot"))


def test_shot_groups_stand_over_the_images_they_were_trained_on(shots):
    classes, counts = ("cat", "dog", "fish"), {"cat": 300, "dog": 150, "fish": 9}
    figure = plots.plot_shot_groups(shots, classes, counts, LOOK)
    names = list(figure.layout.xaxis.ticktext)
    assert names == [
        "<b>many-shot</b><br>more than 100",
        "<b>few-shot</b><br>fewer than 20",
    ]
    bars = next(trace for trace in figure.data if trace.type == "bar")
    assert list(bars.y) == [450, 9]
    assert list(figure.data[1].y) == [0.85, 0.5]


def test_shot_takeaway_names_the_fall_and_who_lifts_the_rare(shots):
    sizes = {"many-shot": 7, "few-shot": 3}
    said = plots.shot_takeaway(shots, sizes, LOOK)
    assert "0.90 on the 7 many-shot and 0.20 on the 3 few-shot classes" in said
    assert said.endswith("INS is better on the few-shot classes.")
    unsure = shots.assign(verdict="inconclusive")
    said = plots.shot_takeaway(unsure, sizes, LOOK)
    assert said.endswith("No method certainly lifts the few-shot classes.")


def curves(k):
    """Top-k accuracy of one of two methods: the other has labels only."""
    return pd.DataFrame(
        {
            "method": "baseline",
            "k": range(1, k + 1),
            "accuracy": [i / k for i in range(k)],
        }
    )


@pytest.mark.parametrize(("classes", "mode"), [(7, "lines+markers"), (60, "lines")])
def test_top_k_is_a_line_a_method_with_the_chosen_k_marked(classes, mode):
    figure = plots.plot_top_k(curves(classes), 3, LOOK)
    (line,) = figure.data
    assert (line.name, line.mode) == ("Baseline", mode)
    assert list(line.x) == list(range(1, classes + 1))
    (mark,) = figure.layout.shapes
    assert mark.x0 == mark.x1 == 3


def test_top_k_takeaway_stands_beside_guessing():
    rows = pd.DataFrame(
        {"method": ["baseline"], "mean": [0.8], "low": [0.75], "high": [0.84]}
    )
    said = plots.top_k_takeaway(rows, 2, 4, LOOK)
    assert said == (
        "With Baseline the right class is among the 2 most probable for "
        f"{percent(0.8, 1)} of the images (95 % interval 75.0 to 84.0); guessing would "
        f"with {percent(0.5)}."
    )
    first = plots.top_k_takeaway(rows, 1, 4, LOOK)
    assert f"the most probable class is right for {percent(0.8, 1)}" in first
    unknown = plots.top_k_takeaway(rows.assign(mean=math.nan), 2, 4, LOOK)
    assert unknown.startswith("Baseline has labels only")
