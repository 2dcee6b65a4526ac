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
