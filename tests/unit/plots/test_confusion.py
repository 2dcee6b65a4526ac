"""Confusion matrices from counts written by hand."""

import numpy as np
import pytest

from core.language import speaking
from core.plots import confusion as plots
from core.plots.classification import MANY
from core.plots.look import Look, method_styles
from core.text import NO_BREAK, percent

METHODS = ("baseline", "ins")
LABELS = {"baseline": "Baseline", "ins": "INS"}
LOOK = Look(METHODS, method_styles(METHODS, "baseline"), LABELS, "baseline")
CLASSES = ("cat", "dog")
BASE = np.array([[4.0, 6.0], [1.0, 9.0]])
OTHER = np.array([[8.0, 2.0], [2.0, 8.0]])


def test_shares_are_of_each_true_class_and_undefined_without_images():
    shares = plots.share_of_rows(np.array([[1.0, 3.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(shares, [[0.25, 0.75], [np.nan, np.nan]])


@pytest.mark.parametrize(
    ("show", "text"),
    [
        ("shares", [[percent(0.4), percent(0.6)], [percent(0.1), percent(0.9)]]),
        ("counts", [["4", "6"], ["1", "9"]]),
    ],
)
def test_confusion_writes_shares_or_counts(show, text):
    figure = plots.plot_confusion(BASE, CLASSES, "Baseline", show=show)
    assert [list(row) for row in figure.data[0].text] == text
    assert figure.layout.yaxis.autorange == "reversed"


def test_cells_and_what_is_said_of_one_are_in_the_language_that_is_spoken():
    with speaking("fr"):
        counts = plots.plot_confusion(BASE / 3, CLASSES, "Baseline", show="counts")
        shares = plots.plot_confusion(BASE, CLASSES, "Baseline")
    assert counts.data[0].text[0][0] == "1,3"
    assert counts.layout.xaxis.title.text == "Prédit"
    # Plotly's own names of what is pointed at stay.
    for figure in (counts, shares):
        assert "%{y}" in figure.data[0].hovertemplate
        assert "%{text}" in figure.data[0].hovertemplate
    assert shares.data[0].hovertemplate.startswith(f"Vérité{NO_BREAK}%{{y}}")


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
    assert "%{text} points" in figure.data[0].hovertemplate


def test_reach_is_the_largest_difference_and_never_nothing():
    matrices = {"baseline": BASE, "ins": OTHER}
    to = dict.fromkeys(matrices.keys() - {"baseline"}, "baseline")
    assert plots.difference_reach(matrices, to) == pytest.approx(0.4)
    same = plots.difference_reach({"baseline": BASE, "ins": BASE}, to)
    assert same == plots.MINIMUM_REACH


def test_confusion_takeaway_names_the_commonest_mistake():
    said = plots.confusion_takeaway({"baseline": BASE, "ins": OTHER}, CLASSES, LOOK)
    assert f"takes cat for dog: {percent(0.6)} of 10 test images." in said
    assert said.endswith(f"Of INS it is {percent(0.2)}.")


def test_confusion_takeaway_of_a_perfect_baseline():
    said = plots.confusion_takeaway({"baseline": np.diag([3.0, 4.0])}, CLASSES, LOOK)
    assert said == "The baseline makes no mistake on the test images."


def test_confusion_table_is_long_and_complete():
    table = plots.confusion_table({"baseline": BASE, "ins": OTHER}, CLASSES)
    assert len(table) == 8
    cell = table.query("method == 'ins' and truth == 'dog' and predicted == 'cat'")
    assert cell["images"].item() == 2
    assert cell["share"].item() == pytest.approx(0.2)


def large(k, seed=0):
    """Counts of k classes with fifty images each, most of them right."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(k, 0.1), k) * 0.4 + 0.6 * np.eye(k)
    return np.stack([rng.multinomial(50, row) for row in shares]).astype(float)


def names(k):
    return tuple(f"kind {i:03d}" for i in range(k))


def test_a_hundred_classes_have_colours_and_a_scale_in_place_of_text():
    counts = large(100)
    figure = plots.plot_confusion(counts, names(100), "Baseline", end=0.3)
    heatmap = figure.data[0]
    assert heatmap.text is None
    assert heatmap.showscale is True
    assert heatmap.zmax == 0.3
    assert np.shape(heatmap.z) == (100, 100)
    np.testing.assert_allclose(np.asarray(heatmap.z), counts / 50, atol=5e-5)
    assert heatmap.customdata[3][3] == counts[3, 3]
    assert figure.layout.height < 1000


def test_a_difference_of_a_hundred_classes_is_in_points():
    counts, base = large(100), large(100, seed=1)
    figure = plots.plot_confusion(
        counts, names(100), "INS", show="difference", baseline=base, reach=0.2
    )
    heatmap = figure.data[0]
    np.testing.assert_allclose(
        np.asarray(heatmap.z), 100 * (counts - base) / 50, atol=1e-3
    )
    assert (heatmap.zmin, heatmap.zmax) == (-20, 20)
    assert "%{z:+.1f} points" in heatmap.hovertemplate
    assert list(heatmap.colorbar.ticktext) == ["−20 points", "0 points", "+20 points"]


def test_counts_of_a_hundred_classes_have_a_scale_of_their_own():
    counts = large(100)
    end = plots.wrong_images({"baseline": counts})
    wrong = [counts[i, j] for i in range(100) for j in range(100) if i != j]
    assert end == max(wrong)
    figure = plots.plot_confusion(
        counts, names(100), "Baseline", show="counts", end=end
    )
    heatmap = figure.data[0]
    np.testing.assert_array_equal(np.asarray(heatmap.z), counts)
    assert (heatmap.zmin, heatmap.zmax) == (0, end)
    assert "%{z:,} images (%{customdata:.1%} of the class)" in heatmap.hovertemplate
    assert heatmap.customdata[3][3] == counts[3, 3] / 50
    assert heatmap.colorbar.ticktext[-1] == f"{end} images"


def test_the_scale_of_counts_ends_at_a_whole_image():
    assert plots.wrong_images({"baseline": BASE / 4, "ins": OTHER / 4}) == 2
    assert plots.wrong_images({"baseline": np.eye(3)}) == 1


def test_zoom_keeps_the_shares_of_the_whole_class_and_writes_them():
    counts = large(100)
    ids = [7, 3, 50]
    figure = plots.plot_confusion(counts, names(100), "Baseline", chosen=ids)
    heatmap = figure.data[0]
    assert list(heatmap.x) == ["kind 007", "kind 003", "kind 050"]
    expected = [[counts[i, j] / counts[i].sum() for j in ids] for i in ids]
    np.testing.assert_allclose(np.asarray(heatmap.z), expected)
    assert heatmap.text[0][0] == percent(expected[0][0])


def test_ten_classes_have_short_text_and_nothing_for_nothing():
    figure = plots.plot_confusion(np.diag(np.full(10, 7.0)), names(10), "Baseline")
    expected = ["100" if i == 2 else "" for i in range(10)]
    assert list(figure.data[0].text[2]) == expected
    written = figure.layout.annotations
    assert [note.text for note in written] == ["100"] * 10
    assert all(note.font.size >= 14 for note in written)
    assert {note.font.color for note in written} == {"#FFFFFF"}
    assert "%{text} %" in figure.data[0].hovertemplate


def test_text_stands_out_on_the_middle_shades_of_a_matrix():
    counts = np.array([[80.0, 20.0], [50.0, 50.0]])
    written = plots.plot_confusion(counts, ("a", "b"), "Baseline").layout.annotations
    colours = {n.text.replace(NO_BREAK, " "): n.font.color for n in written}
    assert colours == {"80 %": "#FFFFFF", "20 %": "#000000", "50 %": "#000000"}


def test_classes_that_are_taken_for_each_other_stand_side_by_side():
    # Two blocks whose members alternate: even and odd ids.
    k = 12
    same = (np.arange(k)[:, None] - np.arange(k)) % 2 == 0
    counts = 40.0 * np.eye(k) + 5.0 * same
    order = plots.class_order("confusion", names(k), None, counts)
    assert sorted(order) == list(range(k))
    parity = [i % 2 for i in order]
    assert parity in ([0] * 6 + [1] * 6, [1] * 6 + [0] * 6)


def test_order_by_training_images_and_as_in_the_study():
    counts = {"a": 5, "b": 50, "c": 7}
    classes = ("a", "b", "c")
    assert plots.class_order("training", classes, counts, np.eye(3)) == [1, 2, 0]
    assert plots.class_order("training", classes, None, np.eye(3)) == [0, 1, 2]
    assert plots.class_order("study", classes, counts, np.eye(3)) == [0, 1, 2]


def test_a_class_without_images_can_be_ordered():
    counts = large(30)
    counts[4] = 0
    order = plots.class_order("confusion", names(30), None, counts)
    assert sorted(order) == list(range(30))


def test_colours_of_shares_end_at_the_largest_wrong_one():
    assert plots.wrong_reach({"baseline": BASE, "ins": OTHER}) == pytest.approx(0.6)
    assert plots.wrong_reach({"baseline": np.eye(3)}) == plots.MINIMUM_REACH


def test_worst_pairs_are_those_of_a_search_by_hand():
    counts, classes = large(30), names(30)
    pairs = plots.worst_pairs({"baseline": counts, "ins": OTHER_30}, classes, limit=9)
    assert list(pairs["method"]) == ["baseline"] * 9 + ["ins"] * 9
    wrong = sorted(
        (
            counts[i, j] / counts[i].sum()
            for i in range(30)
            for j in range(30)
            if i != j
        ),
        reverse=True,
    )
    own = pairs[pairs["method"] == "baseline"]
    assert own["share"].tolist() == pytest.approx(wrong[:9])
    first = own.iloc[0]
    i, j = classes.index(first["truth"]), classes.index(first["predicted"])
    assert (first["images"], first["of"]) == (counts[i, j], counts[i].sum())


OTHER_30 = large(30, seed=1)


def test_worst_pairs_leave_out_what_never_happens():
    pairs = plots.worst_pairs({"baseline": BASE, "ins": np.eye(2)}, CLASSES)
    assert set(pairs["method"]) == {"baseline"}
    assert pairs["share"].tolist() == [0.6, 0.1]
    none = pairs[pairs["method"] == "ins"]
    assert plots.worst_pairs_takeaway(none, "INS", 0) == (
        "INS makes no mistake on the test images."
    )


def test_worst_pairs_are_drawn_beside_the_baseline():
    pairs = plots.worst_pairs({"ins": OTHER}, CLASSES)
    figure = plots.plot_worst_pairs(
        pairs, CLASSES, "INS", LOOK.styles["ins"], baseline=BASE
    )
    bars, marks = figure.data
    assert list(bars.y) == [
        f"<b>cat → dog</b><br>{percent(0.2)}: 2 of 10",
        f"<b>dog → cat</b><br>{percent(0.2)}: 2 of 10",
    ]
    assert marks.y == bars.y
    assert list(bars.x) == pytest.approx([20, 20])
    assert list(marks.x) == pytest.approx([60, 10])
    said = plots.worst_pairs_takeaway(pairs, "INS", 4)
    assert said == (
        f"INS most often takes cat for dog ({percent(0.2)} of the class); its 2 most "
        "common confusions make up 4 of 4 mistakes."
    )


def test_no_more_classes_than_have_room_are_written_into_the_cells():
    edge = plots.plot_confusion(large(MANY), names(MANY), "Baseline")
    beyond = plots.plot_confusion(large(MANY + 1), names(MANY + 1), "Baseline")
    assert edge.data[0].text is not None
    assert beyond.data[0].text is None


MEANS = np.array([[0.7, 0.3], [0.15, 0.85]])


def test_mean_probabilities_are_written_in_per_cent():
    figure = plots.plot_confusion(MEANS, CLASSES, "Baseline", show="probability")
    assert [list(row) for row in figure.data[0].text] == [
        [percent(0.7), percent(0.3)],
        [percent(0.15), percent(0.85)],
    ]
    assert "mean probability %{text}" in figure.data[0].hovertemplate


def test_mean_probabilities_of_many_classes_are_said_without_images():
    means = large(100) / 50
    figure = plots.plot_confusion(means, names(100), "Baseline", show="probability")
    assert "mean probability %{z:.1%}<extra>" in figure.data[0].hovertemplate
    assert "images" not in figure.data[0].hovertemplate


def test_probability_takeaway_and_table_say_which_class_and_of_how_many():
    images = np.array([10.0, 12.0])
    labels = {"baseline": "Baseline"}
    given = ({"baseline": MEANS}, images, CLASSES)
    said = plots.probability_takeaway(*given, labels, "baseline")
    assert said == (
        "Of all wrong classes Baseline finds dog most probable, on images of cat: "
        f"{percent(0.3)} on average over 10 test images, and {percent(0.7)} for cat "
        "itself."
    )
    table = plots.probability_table(*given)
    assert table.iloc[1].tolist() == ["baseline", "cat", "dog", 0.3, 10]


def test_every_cell_of_a_few_classes_can_be_clicked():
    figure = plots.plot_confusion(BASE, CLASSES, "Baseline")
    marks = plots.make_clickable(figure).data[1]
    cells = list(zip(marks.y, marks.x, marks.text, strict=True))
    assert cells == [
        ("cat", "cat", percent(0.4)),
        ("cat", "dog", percent(0.6)),
        ("dog", "cat", percent(0.1)),
        ("dog", "dog", percent(0.9)),
    ]
    assert marks.marker.opacity == marks.unselected.marker.opacity == 0
    assert marks.hovertemplate == figure.data[0].hovertemplate


def test_of_many_classes_the_largest_mistakes_can_be_clicked():
    counts = large(100)
    figure = plots.plot_confusion(counts, names(100), "Baseline")
    marks = plots.make_clickable(figure).data[1]
    assert len(marks.x) == plots.CLICKABLE
    wrong = counts - np.diag(counts.diagonal())
    true, said = np.unravel_index(wrong.argmax(), wrong.shape)
    assert (marks.y[0], marks.x[0]) == (f"kind {true:03d}", f"kind {said:03d}")
    assert not any(x == y for x, y in zip(marks.x, marks.y, strict=True))
    # What is said of a cell is said of its mark.
    assert marks.customdata[0][1] == wrong.max()
    assert "%{customdata[0]:.1%} (%{customdata[1]:,} images)" in marks.hovertemplate
