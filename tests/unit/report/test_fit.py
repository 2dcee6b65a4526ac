"""Text fits its box, whatever it is."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from core.report.fit import fit_text, text_height, text_width, wrapped_lines
from core.report.sheets import table_sheets
from core.text import strong


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=400))
def test_any_text_fits(text):
    fitted = fit_text(text, 4.0, 1.0, (28, 20, 12))
    assert text_height(fitted.text, 4.0, fitted.size) <= 1.0 + 1e-9
    widest = max(
        text_width(line, fitted.size) for line in fitted.text.split("\n") or [""]
    )
    for line in wrapped_lines(fitted.text, 4.0, fitted.size):
        assert text_width(line, fitted.size) <= max(4.0, min(widest, 1.0)) + 1e-9


def test_the_largest_size_that_fits_is_taken():
    assert fit_text("Short.", 4.0, 1.0, (28, 20, 12)).size == 28
    longer = fit_text("word " * 30, 4.0, 1.0, (28, 20, 12, 6))
    assert longer.size == 12


def test_what_does_not_fit_loses_whole_sentences():
    text = "The first sentence stands. " + "The second is far too long to stand. " * 9
    fitted = fit_text(text.strip(), 4.0, 0.3, (12,))
    assert fitted.text == "The first sentence stands."
    assert f"{fitted.text} {fitted.rest}" == text.strip()


def test_a_long_table_goes_over_slides_evenly_and_a_wide_one_between_columns():
    long = pd.DataFrame({"Method": [f"m{i}" for i in range(50)], "MAE": 1.25})
    sheets = table_sheets(long, 12.0, 4.0)
    assert [row[0] for sheet in sheets for row in sheet.rows] == long["Method"].tolist()
    assert max(len(s.rows) for s in sheets) - min(len(s.rows) for s in sheets) <= len(
        sheets
    )
    assert all(sum(sheet.heights) <= 4.0 for sheet in sheets)
    wide = pd.DataFrame(
        {f"A long heading {i}": [strong("1,234,567.8")] for i in range(30)}
    )
    sheets = table_sheets(wide, 12.0, 4.0)
    assert len(sheets) > 1
    assert {sheet.headings[0] for sheet in sheets} == {"A long heading 0"}
    assert all(sum(sheet.widths) <= 12.0 + 1e-9 for sheet in sheets)
