"""A chart to take away: with its title, in one file that opens offline."""

import base64
import gzip
import html
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio
from plotly.offline import get_plotlyjs

from core.language import N_, gettext, language
from core.plots.figure import rebuild, spec_of
from core.plots.highlight import HIGHLIGHT
from core.plots.look import FONT_FAMILY, FONT_SIZE, INK
from core.text import escape_chart

# Pixels that a title takes, with what stands above and below it, and a legend's line.
TITLE_LINE, TITLE_ABOVE, TITLE_BELOW = 20, 4, 2
TITLE_ROOM = TITLE_ABOVE + TITLE_LINE + TITLE_BELOW
LEGEND_LINE = 34
# Of a picture, whatever the width of the window it was saved from.
IMAGE_WIDTH, IMAGE_WIDTH_OF_SEVERAL = 1000, 760
SCALE = 2
# Pixels of a letter of a title, at most on average.
LETTER = 10
_TAGS = re.compile(r"<[^>]+>")
_WEIGHT = "font-weight: 600"
# What Plotly itself says of its buttons and of a legend, in its own words.
_SAID_BY_PLOTLY = (
    N_("Download plot as a PNG"),
    N_("Taking snapshot - this may take a few seconds"),
    N_("Snapshot succeeded"),
    N_("Double-click on legend to isolate one trace"),
)


def hide_titles(place: str) -> str:
    """A style that leaves the titles out where something else is the heading.

    Parameters
    ----------
    place : str
        Selector of what the charts stand in.
    """
    title = f'.gtitle tspan[style*="{_WEIGHT}"]'
    return f"<style>{place} {title} {{display: none}}</style>"


# The card has the title as its heading, so the chart on the page leaves it out.
HIDE_TITLES = hide_titles(".stPlotlyChart")


def titled(figure: go.Figure, title: str) -> go.Figure:
    """A copy with a title at its head, above the legend; a page hides it.

    Parameters
    ----------
    figure : plotly Figure
        One that has a title of its own, such as the name of a method, keeps it after
        this one.
    title : str
        Shown as it is; without one the figure is returned as it is.
    """
    if not title:
        return figure
    # Plotly checks at each change: all are made before it sees them.
    layout = figure.layout.to_plotly_json()
    own_title, margin = layout.get("title") or {}, layout["margin"]
    own = own_title.get("text") or ""
    before = margin["t"]
    if layout.get("showlegend"):
        margin["t"] = TITLE_ROOM + LEGEND_LINE
    elif not own:
        margin["t"] += TITLE_LINE
    layout["height"] += margin["t"] - before
    if layout.get("showlegend"):
        # Hung below the title, it takes as many lines as the width leaves it.
        layout["legend"] = {
            **layout.get("legend", {}),
            "yref": "container",
            "y": 1 - TITLE_ROOM / layout["height"],
            "yanchor": "top",
        }
    if own:
        head = escape_chart(gettext("{title}:", title=title)) + " "
    else:
        head = escape_chart(title)
    mark = f'<span style="{_WEIGHT}">{head}</span>'
    layout["title"] = {
        **own_title,
        "text": mark + own,
        "font": {"size": FONT_SIZE + 1, "color": INK, "family": FONT_FAMILY},
        "x": 0,
        "xanchor": "left",
        "y": 1 - TITLE_ABOVE / layout["height"],
        "yanchor": "top",
        "pad": {"l": 10, "t": 0},
    }
    return rebuild({**spec_of(figure), "layout": layout})


def image_options(figure: go.Figure, name: str, *, alone: bool) -> dict[str, Any]:
    """What a picture of a chart is saved as: Plotly's ``toImageButtonOptions``."""
    title = _TAGS.sub("", figure.layout.title.text or "")
    return {
        "filename": name,
        "format": "png",
        "scale": SCALE,
        # Titles are not broken into lines.
        "width": max(
            IMAGE_WIDTH if alone else IMAGE_WIDTH_OF_SEVERAL,
            LETTER * (len(title) + 4),
        ),
        "height": figure.layout.height,
    }


def plotly_words() -> dict[str, Any]:
    """Keys of Plotly's configuration that let it speak the reader's language."""
    said = {words: gettext(words) for words in _SAID_BY_PLOTLY}
    return {"locale": language(), "locales": {language(): {"dictionary": said}}}


def chart_html(figures: Sequence[go.Figure], *, title: str, name: str) -> str:
    """One HTML file with the figures, which can be pointed at and saved as pictures.

    Parameters
    ----------
    figures : sequence of Figure
        With their titles: see ``titled``.
    title : str
        Of the window.
    name : str
        Of the pictures that are saved from it.

    Notes
    -----
    Plotly's script goes in once, compressed to two fifths: every browser since 2023
    unpacks it by itself. The Python package brings the whole script only, and none of
    the smaller ones for plain axes.
    """
    alone = len(figures) == 1
    charts = [chart_data(figure, name, alone=alone) for figure in figures]
    # Within a script, "</" could end it.
    drawn = json.dumps(charts, ensure_ascii=False).replace("<", "\\u003c")
    return _PAGE.format(
        language=language(),
        title=html.escape(title),
        style=HIGHLIGHT,
        no_script=gettext("This chart needs JavaScript."),
        fault=json.dumps(f"{gettext('The chart cannot be drawn:')} "),
        script=page_script(),
        charts=drawn,
    )


def chart_data(figure: go.Figure, name: str, *, alone: bool) -> dict[str, Any]:
    """What ``show`` of ``page_script`` draws: a figure, and how it is saved."""
    options = image_options(figure, name, alone=alone)
    return {**json.loads(pio.to_json(figure)), "image": options}


def page_script() -> str:
    """Elements of a page that hold Plotly's script, packed, and what unpacks it.

    The page's own script then has ``read(id)``, the text of an element; ``load()``,
    which unpacks Plotly; and ``show(place, chart)``, which draws ``chart_data``.
    """
    return _SCRIPT.format(
        script=_packed_script(),
        save=json.dumps(gettext("Download plot as an SVG")),
        words=json.dumps(plotly_words()),
    )


@lru_cache(maxsize=1)
def _packed_script() -> str:
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()


_SCRIPT = """<script type="text/plain" id="library">{script}</script>
<script>
const read = (id) => document.getElementById(id).textContent;
async function load() {{
  const packed = Uint8Array.from(atob(read("library")), (sign) => sign.charCodeAt(0));
  const unpacked = new Blob([packed]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  const library = document.createElement("script");
  library.textContent = await new Response(unpacked).text();
  document.head.append(library);
}}
async function show(place, {{data, layout, image}}) {{
  const vector = {{
    name: "vector", title: {save}, icon: Plotly.Icons.disk,
    click: (chart) => Plotly.downloadImage(chart, {{...image, format: "svg"}}),
  }};
  await Plotly.newPlot(place, data, layout, {{
    responsive: true, displaylogo: false, toImageButtonOptions: image,
    modeBarButtons: [["toImage", vector]], ...{words},
  }});
}}
</script>
"""

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
{style}
</head>
<body>
<noscript>{no_script}</noscript>
{script}
<script type="application/json" id="charts">{charts}</script>
<script>
async function draw() {{
  await load();
  for (const chart of JSON.parse(read("charts"))) {{
    await show(document.body.appendChild(document.createElement("div")), chart);
  }}
}}
draw().catch((fault) => document.body.append({fault} + fault));
</script>
</body>
</html>
"""
