"""What is read of a figure for PowerPoint: its points, rows and axes."""

import numpy as np
import plotly.graph_objects as go
import pytest

from core.evaluation.metrics import metric_info
from core.plots.overview import plot_detectable, plot_differences
from core.report.panels import BarsPanel, PointsPanel, figure_panels
from core.views.loads import load_comparison
from core.views.studies import open_study


def _avatars(plot):
    view = open_study("avatars")
    table = load_comparison(view).table
    info = metric_info("age.mae", view.tasks)
    rows = table[(table["metric"] == "age.mae") & (table["verdict"] != "baseline")]
    return plot(table, info, view.look), rows.set_index("method"), view


def test_a_forest_plot_has_a_row_with_its_name_and_interval_for_each_method():
    figure, rows, view = _avatars(plot_differences)
    (panel,) = figure_panels(figure)
    assert isinstance(panel, PointsPanel)
    found = {points.name: points for points in panel.points if points.symbol}
    assert found.keys() == {view.labels[method] for method in rows.index}
    for method, row in rows.iterrows():
        points = found[view.labels[method]]
        assert points.x == (pytest.approx(row["delta"]),)
        assert points.x_errors.plus[0] == pytest.approx(
            row["delta_high"] - row["delta"]
        )
        name = dict(panel.y.ticks)[points.y[0]]
        assert name.startswith(view.labels[method])


def test_level_bars_beside_marks_are_thick_lines():
    figure, rows, _ = _avatars(plot_detectable)
    (panel,) = figure_panels(figure)
    bars = [p.x for p in panel.points if p.dash and p.width > 5]
    expected = sorted(rows["smallest_detectable"].dropna())
    assert sorted(end for _, end in bars) == pytest.approx(expected)


def test_bars_keep_their_categories_values_and_errors():
    bar = go.Bar(
        x=["a", "b"],
        y=[1.0, 2.0],
        marker_color="#112233",
        error_y={"array": [0.1, 0.2], "arrayminus": [0.3, 0.4]},
    )
    (panel,) = figure_panels(go.Figure([bar]))
    assert isinstance(panel, BarsPanel)
    assert panel.categories == ("a", "b")
    assert panel.bars[0].values == (1.0, 2.0)
    assert panel.bars[0].errors.minus == (0.3, 0.4)


def test_the_ends_of_an_axis_are_numbers_of_its_steps_and_hold_the_data():
    line = go.Scatter(x=[0.1, 9.3], y=[-4.2, 31.0], mode="lines", line_color="#000000")
    (panel,) = figure_panels(go.Figure([line]))
    for axis, low, high in ((panel.x, 0.1, 9.3), (panel.y, -4.2, 31.0)):
        assert axis.low <= low
        assert axis.high >= high
        assert np.isclose(axis.low / axis.step, round(axis.low / axis.step))


@pytest.mark.parametrize(
    "trace",
    [
        go.Heatmap(z=[[1, 2], [3, 4]]),
        go.Scatter(x=[1, 2], y=[1, 2], fill="tozeroy"),
        go.Scatter(x=[1], y=[1], mode="text", text=["a"]),
    ],
)
def test_what_powerpoint_cannot_draw_has_no_panels(trace):
    assert figure_panels(go.Figure([trace])) == ()


def _bar(x, y, **options):
    return go.Bar(x=x, y=y, marker_color="#112233", **options)


def test_a_text_stays_with_its_bar_whatever_the_order_of_the_categories():
    bar = _bar(["a", "b", "c"], [1, 2, 3], text=["A", "B", "C"], textposition="outside")
    figure = go.Figure([bar])
    figure.update_xaxes(categoryarray=["c", "a", "b"])
    (panel,) = figure_panels(figure)
    assert panel.categories == ("c", "a", "b")
    assert panel.bars[0].values == (3.0, 1.0, 2.0)
    assert panel.bars[0].texts == ("C", "A", "B")
    bar.textposition = "none"
    (panel,) = figure_panels(go.Figure([bar]))
    assert panel.bars[0].texts == ()


def test_an_axis_holds_negative_bars_intervals_and_stacks():
    bars = _bar(
        ["a", "b"], [-3.0, 4.0], error_y={"array": [1.0, 9.0], "arrayminus": [5.0, 1.0]}
    )
    (panel,) = figure_panels(go.Figure([bars]))
    assert panel.axis.low <= -8.0
    assert panel.axis.high >= 13.0
    stack = go.Figure([_bar(["a"], [40.0]), _bar(["a"], [50.0]), _bar(["a"], [-7.0])])
    stack.update_layout(barmode="relative")
    (panel,) = figure_panels(stack)
    assert panel.axis.low <= -7.0
    assert 90.0 <= panel.axis.high < 130.0


def test_a_note_at_a_share_of_the_height_is_in_one_panel():
    lines = [
        go.Scatter(x=[1, 2], y=[0, 10], mode="lines", line_color="#000000", yaxis=axis)
        for axis in ("y", "y2")
    ]
    figure = go.Figure(lines)
    figure.update_layout(
        yaxis={"domain": [0.6, 1.0], "range": [0, 10]},
        yaxis2={"domain": [0.0, 0.4], "range": [0, 10]},
    )
    figure.add_annotation(
        text="here", x=1, y=0.2, yref="paper", xref="x", showarrow=False
    )
    upper, lower = figure_panels(figure)
    assert upper.labels == ()
    assert [(label.text, label.y) for label in lower.labels] == [("here", 5.0)]
    figure.layout.annotations[0].y = 0.5
    assert figure_panels(figure) == ()


def test_an_axis_that_runs_backwards_is_drawn_as_a_picture():
    line = go.Scatter(x=[1, 2], y=[1, 2], mode="lines", line_color="#000000")
    assert len(figure_panels(go.Figure([line]))) == 1
    backwards = go.Figure([line])
    backwards.update_yaxes(range=[2, 1])
    assert figure_panels(backwards) == ()
    backwards.update_yaxes(range=None, autorange="reversed")
    assert figure_panels(backwards) == ()


def test_names_that_run_backwards_stand_in_their_reversed_order():
    bar = _bar(
        [3, 2, 1],
        ["a", "b", "c"],
        orientation="h",
        error_x={"array": [0.3, 0.2, 0.1]},
    )
    figure = go.Figure([bar])
    figure.update_yaxes(autorange="reversed")
    (panel,) = figure_panels(figure)
    assert panel.categories == ("c", "b", "a")
    assert panel.bars[0].values == (1.0, 2.0, 3.0)
    assert panel.bars[0].errors.plus == (0.1, 0.2, 0.3)
    dots = go.Scatter(
        x=[3, 2, 1], y=["a", "b", "c"], mode="markers", marker_color="#000000"
    )
    figure = go.Figure([dots])
    figure.update_yaxes(range=[2.5, -0.7])
    (panel,) = figure_panels(figure)
    names = dict(panel.y.ticks)
    assert [names[y] for y in panel.points[0].y] == ["a", "b", "c"]
    assert panel.points[0].y == (2.0, 1.0, 0.0)
    assert (panel.y.low, panel.y.high) == pytest.approx((-0.5, 2.7))


def test_marks_and_lines_are_those_that_plotly_takes_by_itself():
    few = go.Scatter(x=[1, 2], y=[1, 2], marker_color="#000000", line_color="#000000")
    (panel,) = figure_panels(go.Figure([few]))
    assert panel.points[0].symbol
    assert panel.points[0].dash
    many = go.Scatter(x=[*range(30)], y=[*range(30)], line_color="#000000")
    (panel,) = figure_panels(go.Figure([many]))
    assert not panel.points[0].symbol
