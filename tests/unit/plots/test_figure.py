"""The common look of a figure: readable sizes."""

import json
import pickle

import numpy as np
import plotly.graph_objects as go

from core.plots.figure import broken, build_figure, finish
from core.plots.heat_map import plot_cells
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


def test_a_figure_that_is_kept_is_the_same_and_its_arrays_are_arrays() -> None:
    trace = {"type": "scatter", "x": np.arange(3.0), "y": [1, 2, 3], "name": "one"}
    figure = build_figure([trace], height=300, xaxis={"title": {"text": "n"}})
    kept = pickle.loads(pickle.dumps(figure))
    assert json.loads(kept.to_json()) == json.loads(figure.to_json())
    assert isinstance(kept.data[0].x, np.ndarray)
    kept.data[0].opacity = 0.5
    assert figure.data[0].opacity is None
