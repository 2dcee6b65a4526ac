"""Figures for print show the numbers of the interactive ones, and are readable."""

import io
import re

import matplotlib as mpl
import plotly.graph_objects as go
import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from core.errors import EquipoiseError
from core.plots.figure import build_figure
from core.report.print_figure import (
    PAPERS,
    print_figure,
    save_figure,
    side_by_side,
)
from core.views.catalog import draw_view
from core.views.studies import open_study
from tests.printed import check_numbers, check_texts


def _bars_and_points():
    traces = [
        {"type": "bar", "x": ["a", "b"], "y": [3, 4], "name": "first"},
        {"type": "bar", "x": ["a", "b"], "y": [1, 2], "name": "second"},
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": ["b", "a"],
            "y": [2.5, None],
            "error_y": {"type": "data", "array": [1, 1], "arrayminus": [0.5, 0.5]},
            "marker": {"symbol": "diamond-open", "size": 9},
            "name": "third",
        },
    ]
    return build_figure(traces, height=300, barmode="stack")


@pytest.mark.parametrize("mode", ["stack", "group", "overlay"])
def test_bars_stack_or_stand_side_by_side(mode):
    figure = _bars_and_points().update_layout(barmode=mode)
    found = print_figure(figure, width="one-column")
    check_numbers(figure, found)
    bars = [patch for c in found.axes[2].containers for patch in c]
    bars = [patch for patch in bars if isinstance(patch, Rectangle)]
    assert len(bars) == 4
    second = bars[2]
    assert second.get_y() == (3 if mode == "stack" else 0)
    assert (second.get_x() > bars[0].get_x()) == (mode == "group")


def test_logarithmic_and_reversed_axes_and_several_of_them():
    figure = build_figure(
        [
            {"type": "scatter", "mode": "markers", "x": [1, 1000], "y": [1, 2]},
            {"type": "bar", "x": [1, 1000], "y": [5, 6], "yaxis": "y2"},
        ],
        height=400,
        xaxis={"type": "log", "range": [-1, 4], "anchor": "y2"},
        yaxis={"domain": [0.5, 1], "autorange": "reversed"},
        yaxis2={"domain": [0, 0.4]},
        annotations=[{"text": "here", "x": 2, "y": 1.5, "showarrow": False}],
    )
    found = print_figure(figure, width="two-columns")
    check_numbers(figure, found)
    upper, lower = found.axes[2:4]
    assert upper.get_xlim() == pytest.approx((0.1, 1e4))
    assert upper.get_ylim()[0] > upper.get_ylim()[1]
    assert lower.get_position().y1 < upper.get_position().y0
    # An annotation's place on a logarithmic axis is a logarithm.
    (note,) = (text for text in upper.texts if text.get_text() == "here")
    assert note.xy == pytest.approx((100, 1.5))


def test_a_dropped_point_is_noticed():
    figure = build_figure(
        [{"type": "scatter", "mode": "markers", "x": [1, 2], "y": [3, 4]}], height=300
    )
    found = print_figure(figure, width="one-column")
    check_numbers(figure, found)
    figure.data[0].y = [3, 4.001]
    with pytest.raises(AssertionError):
        check_numbers(figure, found)


def test_markup_is_translated_and_all_else_is_as_it_is():
    figure = build_figure(
        [
            {
                "type": "scatter",
                "mode": "markers",
                "x": ["a_b^2 &#36;x&#36; 5 %", "c &lt;b&gt; &amp; d"],
                "y": [1, 2],
                "name": "n",
            }
        ],
        height=300,
        legend=False,
        yaxis={"title": {"text": "<b>one</b><br>two $\\frac{1}{2}$"}},
        annotations=[
            {"text": "<b>5.1</b><br>n 40", "x": 0, "y": 1, "showarrow": False}
        ],
    )
    found = print_figure(figure, width="two-columns")
    said = [text.get_text() for text in found.findobj(Text)]
    assert "a_b^2 $x$ 5 %" in said
    assert "c <b> & d" in said
    assert "one\ntwo $\\frac{1}{2}$" in said
    assert not any(text.get_parse_math() for text in found.findobj(Text))
    (bold,) = (text for text in found.findobj(Text) if text.get_text() == "5.1")
    (plain,) = (text for text in found.findobj(Text) if text.get_text() == "n 40")
    assert (bold.get_fontweight(), plain.get_fontweight()) == ("bold", "normal")


def test_long_names_are_wrapped_and_unknown_letters_become_squares():
    name = "a method whose name goes on and on " * 4 + "\N{GRINNING FACE}\u4e2d"
    figure = build_figure(
        [{"type": "scatter", "mode": "markers", "x": [1], "y": [1], "name": name}],
        height=300,
    )
    found = print_figure(figure, width="one-column", title="50 % of $x_1$ " * 12)
    check_texts(found)
    (legend,) = found.legends
    (label,) = legend.get_texts()
    assert "\n" in label.get_text()
    assert "\N{WHITE SQUARE}" in label.get_text()
    assert any("50 % of $x_1$" in text.get_text() for text in found.texts)


def test_an_unknown_trace_is_refused():
    figure = go.Figure(go.Pie(labels=["a"], values=[1]))
    with pytest.raises(EquipoiseError, match="type 'pie' cannot be printed"):
        print_figure(figure, width="slide")


@pytest.mark.parametrize("kind", ["pdf", "svg", "png"])
def test_the_same_figure_gives_the_same_bytes(kind, tmp_path):
    contents = []
    for place in range(2):
        path = tmp_path / f"{place}.{kind}"
        save_figure(print_figure(_bars_and_points(), width="one-column"), path)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert not re.search(rb"20\d\d-\d\d-\d\d|D:20\d\d", contents[0])


def test_a_pdf_embeds_its_font_and_a_png_has_300_dots_an_inch():
    from PIL import Image

    figure = print_figure(_bars_and_points(), width="one-column")
    content = io.BytesIO()
    save_figure(figure, content, kind="pdf", title="Both")
    written = content.getvalue()
    assert b"/FontFile2" in written
    assert b"/Type3" not in written
    assert b"/Title (Both)" in written
    content = io.BytesIO()
    save_figure(figure, content, kind="png")
    with Image.open(content) as picture:
        assert picture.width == round(300 * PAPERS["one-column"].width)
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_a_name_with_another_ending_is_refused(tmp_path):
    figure = print_figure(_bars_and_points(), width="one-column")
    with pytest.raises(EquipoiseError, match="cannot be written as 'bmp'"):
        save_figure(figure, tmp_path / "figure.bmp")


def test_settings_of_matplotlib_are_left_as_they_were():
    before = dict(mpl.rcParams)
    print_figure(_bars_and_points(), width="slide")
    assert dict(mpl.rcParams) == before


def test_several_figures_fit_beside_each_other():
    for width, paper in PAPERS.items():
        for count in (1, 2, 3):
            assert count * side_by_side(width, count).width <= paper.width


def test_pictures_stand_above_their_lines_in_their_own_shape():
    drawn = draw_view("gallery", open_study("avatars"), {})
    (figure,) = drawn.figures.values()
    printed = print_figure(figure, width="two-columns")
    printed.canvas.draw()
    shown = [axes for axes in printed.axes if axes.get_images()]
    assert len(shown) == len(figure.layout.images) > 4
    boxes = [axes.get_window_extent() for axes in shown]
    notes = {
        text.get_text(): text.get_window_extent()
        for text in printed.findobj(Text)
        if text.get_text().strip() and text.get_visible()
    }
    for axes, box in zip(shown, boxes, strict=True):
        height, width = axes.get_images()[0].get_array().shape[:2]
        assert box.width / box.height == pytest.approx(width / height, rel=0.02)
    # Pictures of a row stand side by side, and the next row below it.
    assert boxes[0].x1 < boxes[1].x0
    assert boxes[4].y1 < boxes[0].y0
    # No number stands at the hidden axes.
    assert not any(text.replace(".", "").isdigit() for text in notes)


def test_a_picture_from_elsewhere_is_refused():
    mark = {"type": "scatter", "x": [1], "y": [1], "mode": "markers"}
    figure = build_figure([mark], height=240)
    figure.add_layout_image(source="http://host/a.png", x=0, y=1, sizex=1, sizey=1)
    with pytest.raises(EquipoiseError, match="elsewhere"):
        print_figure(figure, width="two-columns")
