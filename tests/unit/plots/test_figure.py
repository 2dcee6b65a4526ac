"""The common look of a figure: readable sizes."""

import plotly.graph_objects as go

from core.plots.figure import finish
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
