"""Parts of figures: traces, shapes, notes, and rows with their names above them."""

import plotly.graph_objects as go
import pytest

from core.plots.look import FAINT_COLOUR
from core.plots.traces import (
    ROW_BELOW,
    ROW_GAP,
    ROW_LINE,
    build_band,
    build_level_bars,
    build_line,
    build_marks,
    build_note,
    row_axis,
    row_names,
    zero_line,
)


@pytest.mark.parametrize("lines", [1, 2])
@pytest.mark.parametrize("rows", [1, 13])
def test_every_row_has_room_for_its_name_above_its_mark(rows, lines):
    low, high = row_axis(rows, lines=lines)["range"]
    assert high - low == pytest.approx(rows)
    pitch = ROW_GAP + lines * ROW_LINE + ROW_BELOW
    assert pitch * (high - (rows - 1)) == pytest.approx(ROW_GAP + lines * ROW_LINE)
    assert pitch * (0 - low) == pytest.approx(ROW_BELOW)


def test_the_first_row_may_be_the_uppermost():
    low, high = row_axis(3)["range"]
    bottom, top = row_axis(3, down=True)["range"]
    # The same distances from the row below and the row above.
    assert bottom - 2 == pytest.approx(0 - low)
    assert 0 - top == pytest.approx(high - 2)


def test_names_stand_in_the_chart_and_not_beside_it():
    assert not row_axis(2)["showticklabels"]
    notes = row_names(["INS", "LMF"])
    assert [(note["text"], note["y"]) for note in notes] == [("INS",) * 2, ("LMF",) * 2]
    assert {(note["x"], note["xref"], note["xanchor"]) for note in notes} == {
        (0, "paper", "left")
    }
    assert {note["yanchor"] for note in notes} == {"bottom"}


def test_no_rows_leave_an_axis():
    assert row_axis(0)["range"] == row_axis(1)["range"]


def test_lines_and_bands_run_across_the_chart_behind_the_data():
    for axis, other in (("x", "y"), ("y", "x")):
        line = build_line(axis, 3, "red", width=1.5, dash="dot")
        band = build_band(axis, 1, 2, "red")
        assert (line[f"{axis}0"], line[f"{axis}1"]) == (3, 3)
        assert (band[f"{axis}0"], band[f"{axis}1"]) == (1, 2)
        for shape in (line, band):
            assert (shape[f"{other}0"], shape[f"{other}1"]) == (0, 1)
            assert shape[f"{other}ref"] == "paper"
            assert f"{axis}ref" not in shape
            assert shape["layer"] == "below"
    assert zero_line("y") == build_line("y", 0, FAINT_COLOUR)


def test_parts_take_further_keys_and_are_what_plotly_draws():
    marker = {"color": "red"}
    points = build_marks([1], [2], marker, name="INS")
    bars = build_level_bars([1], ["a"], marker, name="INS")
    note = build_note("text", 1, 2, yanchor="top")
    figure = go.Figure([points, bars], {"annotations": [note]})
    assert [trace.name for trace in figure.data] == ["INS", "INS"]
    assert (figure.data[0].mode, figure.data[1].orientation) == ("markers", "h")
    assert figure.layout.annotations[0].showarrow is False
    assert figure.layout.annotations[0].yanchor == "top"
