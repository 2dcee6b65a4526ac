"""The common look of a figure: readable sizes."""

import plotly.graph_objects as go

from core.plots.cells import plot_cells
from core.plots.figure import broken, finish
from core.plots.look import MINIMUM_FONT_SIZE


def test_no_text_of_a_figure_is_small():
    figure = finish(go.Figure(go.Scatter(x=[1], y=[2])), x_title="x", y_title="y")
    layout = figure.layout
    sizes = [
        layout.font.size,
        layout.legend.font.size,
        layout.hoverlabel.font.size,
        layout.xaxis.tickfont.size,
        layout.yaxis.title.font.size,
    ]
    assert min(sizes) >= MINIMUM_FONT_SIZE
    assert layout.xaxis.title.text == "x"


def test_a_long_name_of_a_row_leaves_room_for_its_cells():
    assert broken("one two<br>three", 5) == "one<br>two<br>three"
    figure = plot_cells(
        [[0.5]],
        [["86 %"]],
        rows=["Logit adjustment, post hoc"],
        columns=["male"],
        hover=[["86 %"]],
        height=100,
    )
    (name,) = figure.data[0].y
    assert name == "Logit adjustment,<br>post hoc"
    assert [note.y for note in figure.layout.annotations] == [name]
