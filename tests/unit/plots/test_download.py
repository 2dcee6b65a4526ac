"""Charts to take away: their title, and a file that needs nothing else."""

import base64
import gzip
import json
import re

import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs

from core.language import speaking
from core.plots.download import (
    HIDE_TITLES,
    IMAGE_WIDTH,
    LEGEND_LINE,
    TITLE_ROOM,
    chart_html,
    image_options,
    titled,
)
from core.plots.figure import build_figure
from core.plots.look import FONT_FAMILY

TITLE = "F1 < 1 & more </script>"


def chart(**options):
    trace = {"type": "scatter", "x": [1, 2], "y": [2, 1], "name": "INS"}
    return build_figure([trace], height=400, **options)


def plain(text):
    return re.sub(r"<[^>]+>", "", text)


def test_a_title_stands_above_the_legend_and_takes_room_from_neither():
    figure = chart()
    drawn = titled(figure, TITLE)
    assert plain(drawn.layout.title.text) == "F1 &lt; 1 &amp; more &lt;/script&gt;"
    assert figure.layout.title.text is None, "the page's own figure is as it was"
    legend, height = drawn.layout.legend, drawn.layout.height
    assert (1 - legend.y) * height == pytest.approx(TITLE_ROOM)
    assert (legend.yref, legend.yanchor) == ("container", "top")
    assert drawn.layout.margin.t == TITLE_ROOM + LEGEND_LINE
    plot = [f.layout.height - f.layout.margin.t for f in (figure, drawn)]
    assert plot[0] == plot[1]


def test_the_title_of_a_part_follows_that_of_the_card():
    drawn = titled(chart(title="INS", legend=False), "Confusion")
    assert plain(drawn.layout.title.text) == "Confusion: INS"
    assert drawn.layout.height == 400


def test_without_a_title_nothing_changes():
    figure = chart()
    assert titled(figure, "") is figure


def test_the_page_hides_what_a_title_is_marked_with():
    hidden = re.search(r'\[style\*="(.+?)"\]', HIDE_TITLES).group(1)
    assert f'style="{hidden}"' in titled(chart(), TITLE).layout.title.text
    assert hidden not in chart(title="INS").layout.title.text


def test_no_font_of_a_page_is_asked_for():
    figure = titled(chart(), TITLE)
    assert figure.layout.font.family == figure.layout.title.font.family == FONT_FAMILY
    assert "Source" not in FONT_FAMILY
    assert FONT_FAMILY.endswith("sans-serif")


def test_a_picture_is_as_wide_from_a_phone_as_from_a_desk():
    figure = titled(chart(), TITLE)
    saved = image_options(figure, "scores", alone=True)
    assert saved["width"] == IMAGE_WIDTH
    assert saved["height"] == figure.layout.height
    assert saved["filename"] == "scores"
    assert image_options(figure, "scores", alone=False)["width"] < IMAGE_WIDTH
    long = titled(chart(), "long " * 60)
    assert image_options(long, "scores", alone=True)["width"] > 60 * 5 * 9


def test_the_file_holds_its_library_once_and_asks_no_other_host():
    figures = [titled(chart(), TITLE), titled(chart(title="INS"), TITLE)]
    page = chart_html(figures, title=TITLE, name="scores")
    assert len(page) < 2_200_000
    (packed,) = re.findall(r'id="library">([^<]+)<', page)
    assert gzip.decompress(base64.b64decode(packed)).decode() == get_plotlyjs()
    assert "<title>F1 &lt; 1 &amp; more &lt;/script&gt;</title>" in page
    assert " src=" not in page.replace(packed, "")
    assert "http" not in page.replace(packed, "")
    (drawn,) = re.findall(r'id="charts">([^<]+)<', page)
    charts = json.loads(drawn)
    assert [go.Figure(c["data"], c["layout"]) for c in charts] == figures


def test_the_file_speaks_the_language_that_it_was_asked_for_in():
    with speaking("fr"):
        page = chart_html([titled(chart(title="INS"), "F1")], title="F1", name="scores")
    assert '<html lang="fr">' in page
    assert "Ce graphique a besoin de JavaScript." in page
    assert "Download plot as a PNG" in page  # what Plotly looks up
    assert json.dumps("Télécharger le graphique en SVG") in page
    assert "F1\N{NO-BREAK SPACE}: " in page
