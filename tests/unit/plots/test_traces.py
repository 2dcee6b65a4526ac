"""Parts of figures: rows with their names above them."""

import pytest

from core.plots.traces import ROW_BELOW, ROW_GAP, ROW_LINE, row_axis, row_names


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
