"""Figures at other sizes keep their data, and lose only what they should."""

import plotly.graph_objects as go
import pytest

from core.plots.download import titled
from core.plots.figure import build_figure
from core.plots.sizes import PREVIEW_HEIGHT, PREVIEW_POINTS, enlarged, preview


def figure(points: int = 3, title: str = "") -> go.Figure:
    x = list(range(points))
    drawn = build_figure(
        [
            {
                "type": "scatter",
                "x": x,
                "y": x,
                "name": "INS",
                "text": ["words"] * points,
                "marker": {"size": 10, "line": {"width": 2}},
                "error_y": {"array": [1.0] * points, "width": 4, "thickness": 1.5},
            },
            {"type": "bar", "x": x, "y": x, "width": [0.5] * points},
        ],
        height=400,
        title=title,
        annotations=[{"text": "a note", "x": 1, "y": 1, "xshift": 6}],
    )
    return titled(drawn, "What the card says")


def test_letters_marks_and_margins_grow_and_the_data_does_not() -> None:
    before, after = figure(), enlarged(figure(), 2)
    scatter, bars = after.data
    assert list(scatter.x) == list(before.data[0].x)
    assert list(scatter.error_y.array) == [1.0] * 3
    assert list(bars.width) == [0.5] * 3
    assert (scatter.marker.size, scatter.marker.line.width) == (20, 4)
    assert (scatter.error_y.width, scatter.error_y.thickness) == (8, 3)
    assert after.layout.font.size == 2 * before.layout.font.size
    assert after.layout.margin.t == 2 * before.layout.margin.t
    assert after.layout.annotations[0].xshift == 12
    assert (after.layout.annotations[0].x, after.layout.annotations[0].y) == (1, 1)
    assert after.layout.height is None


@pytest.mark.parametrize(("own", "left"), [("", None), ("INS", "<b>INS</b>")])
def test_of_the_title_only_the_figure_s_own_stays(own: str, left: str | None) -> None:
    assert "What the card says" in figure(title=own).layout.title.text
    assert enlarged(figure(title=own), 1.5).layout.title.text == left


def test_marks_of_several_sizes_grow_alike() -> None:
    sizes = go.Figure(go.Scatter(x=[1, 2], y=[1, 2], marker={"size": [4, 9]}))
    assert enlarged(sizes, 2).data[0].marker.size.tolist() == [8, 18]


def test_a_preview_has_no_words_and_few_points() -> None:
    small = preview(figure(points=5 * PREVIEW_POINTS))
    assert small.layout.height == PREVIEW_HEIGHT
    assert not small.layout.annotations
    assert small.layout.title.text is None
    assert small.data[0].text is None
    assert len(small.data[0].x) == len(small.data[0].y) == PREVIEW_POINTS
    # Every fifth, from the first to the last.
    assert small.data[0].x[:2] == (0, 5)
    assert small.layout.xaxis.showticklabels is False


def test_the_figure_that_was_given_stays_as_it_was() -> None:
    given = figure()
    before = given.to_json()
    enlarged(given, 3)
    preview(given)
    assert given.to_json() == before
