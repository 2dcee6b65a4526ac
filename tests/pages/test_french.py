"""Pages read in French: what they say, and how their tables write numbers."""

import io
import re

import pandas as pd
import pyarrow as pa
import pytest

from core.language import speaking
from pages.shell.choose import slider_format


def _text(app):
    parts = [*app.title, *app.header, *app.subheader, *app.markdown, *app.caption]
    return "\n".join(part.value for part in (*parts, *app.info, *app.warning))


def _styles(app):
    """Words in place of Streamlit's own."""
    return "\n".join(each.proto.body for each in app.get("html"))


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("overview", "À quel remède se fier ?"),
        ("cost", "Est-ce que cela vaut son coût ?"),
        ("runs", "Entraînements"),
    ],
)
def test_a_page_is_read_in_french_and_then_in_english(fill, open_page, page, title):
    fill()
    french = open_page(page, lang="fr")
    assert not french.exception
    assert french.title[0].value == title.replace(" ?", "\N{NO-BREAK SPACE}?")
    assert "Connexion perdue" in _styles(french)
    english = open_page(page)
    assert not english.exception
    assert "Connection lost" in _styles(english)
    assert english.title[0].value != french.title[0].value
    assert not re.search("[éèà]", _text(english))


def test_a_slider_has_the_comma_of_a_french_browser():
    # A format of Streamlit's own has a point in every language.
    with speaking("fr"):
        assert slider_format("%.3f") == "localized"
    assert slider_format("%.3f") == "%.3f"


def _shown(table):
    """A long table as Streamlit is given it, and the text that stands in its cells."""
    written = pa.ipc.open_stream(
        io.BytesIO(table.proto.arrow_data.styler.display_values)
    )
    return table.value, written.read_pandas()


def test_a_long_table_is_sorted_by_numbers_and_read_with_a_comma(fill, open_page):
    fill()
    (table,) = open_page("cost", lang="fr").dataframe[:1]
    values, written = _shown(table)
    (place,) = [i for i, name in enumerate(values) if "ms" in name and "±" not in name]
    assert pd.api.types.is_numeric_dtype(values.iloc[:, place])
    assert written.iloc[0, place] == f"{values.iloc[0, place]:.2f}".replace(".", ",")
    assert "format" not in str(table.proto.columns)
