"""A story as one HTML file that opens offline and prints; its figures can be used."""

import base64
import html
import json
from collections.abc import Iterator, Sequence

import pandas as pd

from core.language import N_, gettext
from core.plots.download import chart_data, hide_titles, page_script
from core.plots.highlight import HIGHLIGHT
from core.report.markdown_words import markdown_html
from core.report.own_picture import Picture
from core.report.report import QUESTIONS, Progress, Report, ReportSlide
from core.report.sheets import written_table
from core.story.provenance import PROVENANCE
from core.text import split_marks, to_plain

WRITING = "Writing the page"
# Rows of a table that are read at a glance; a longer one is folded.
FEW_ROWS = 40
IN_NUMBERS = N_("In numbers")
_TAGS = {"strong": "strong", "emphasis": "em", "code": "code"}


def build_page(report: Report, *, progress: Progress | None = None) -> bytes:
    """Write a report as one HTML file.

    Parameters
    ----------
    report : Report
    progress : callable, optional

    Returns
    -------
    bytes
        In UTF-8; the same for the same report. Plotly's script is in it once.
    """
    charts: list[dict[str, object]] = []
    total = len(report.slides)
    parts = []
    for done, slide in enumerate(report.slides):
        if progress:
            progress(WRITING, done, total)
        parts.append(_slide(slide, charts))
    if progress:
        progress(WRITING, total, total)
    drawn = _in_script(charts)
    return _PAGE.format(
        language=report.language,
        title=html.escape(report.title),
        subtitle="".join(
            f"<p>{html.escape(line)}</p>" for line in report.subtitle.split("\n")
        ),
        contents=_contents(report),
        slides="\n".join(parts),
        questions=_questions(report),
        provenance=_rows(report.provenance.rows),
        style=PAGE_STYLE + HIGHLIGHT + hide_titles(".chart"),
        script=page_script(),
        charts=drawn,
        said_slides=_said(N_("Slides")),
        said_script=_said(N_("The charts need JavaScript; the tables do not.")),
        said_questions=_said(QUESTIONS),
        said_provenance=_said(PROVENANCE),
        said_fault=_in_script(gettext("The charts cannot be drawn: {fault}")),
    ).encode()


def _said(message: str) -> str:
    return html.escape(gettext(message))


def _in_script(value: object) -> str:
    """As JSON that does not end the script that it stands in."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def _contents(report: Report) -> str:
    entries = [
        f'<li><a href="#slide-{slide.number}">{html.escape(slide.heading)}</a></li>'
        for slide in report.slides
    ]
    return f"<ol>{''.join(entries)}</ol>"


def _slide(slide: ReportSlide, charts: list[dict[str, object]]) -> str:
    """One slide as a section; its figures are added to ``charts``."""
    parts = [f"<h2>{html.escape(slide.heading)}</h2>"]
    if slide.claim and slide.title:
        parts.append(f'<p class="shown">{html.escape(slide.title)}</p>')
    if slide.doubt:
        parts.append(f'<p class="doubt" role="note">{html.escape(slide.doubt)}</p>')
    if slide.text:
        parts.append(markdown_html(slide.text))
    if slide.picture is not None:
        parts.append(_picture(slide.picture, slide.heading))
    if slide.problem is not None:
        said = (slide.problem.problem, slide.problem.expected, slide.problem.remedy)
        parts += [f"<p>{marked_html(text)}</p>" for text in said if text]
    parts += _drawn(slide, charts)
    return f'<section id="slide-{slide.number}">{"".join(parts)}</section>'


def _drawn(slide: ReportSlide, charts: list[dict[str, object]]) -> Iterator[str]:
    drawn = slide.drawn
    if drawn is None:
        return
    if to_plain(drawn.takeaway) != slide.claim:
        yield f"<p>{marked_html(drawn.takeaway)}</p>"
    if drawn.figures:
        alone = len(drawn.figures) == 1
        width = 900 if alone else drawn.column_width
        places = []
        for what, figure in drawn.figures.items():
            said = to_plain(drawn.takeaway if alone else f"{what}. {drawn.takeaway}")
            places.append(
                f'<div class="chart" role="img" aria-label="{html.escape(said)}" '
                f'data-chart="{len(charts)}"></div>'
            )
            charts.append(chart_data(figure, drawn.name, alone=alone))
        yield (
            f'<div class="charts" style="--width: {width}px">{"".join(places)}</div>'
        )
    if drawn.note:
        yield f'<p class="note">{marked_html(drawn.note)}</p>'
    if drawn.numbers is not None:
        numbers = drawn.numbers
        table = table_html(written_table(numbers), numbers.takeaway)
        small = f'<p class="note">{marked_html(numbers.note)}</p>' * bool(numbers.note)
        if drawn.figures or len(numbers.frame) > FEW_ROWS:
            head = f"<summary>{_said(IN_NUMBERS)}</summary>"
            yield f"<details>{head}{table}{small}</details>"
        else:
            yield table + small


def marked_html(text: str) -> str:
    """Text with the marks of ``core.text`` as HTML; everything else stays text."""
    parts = []
    for piece, marks in split_marks(text):
        said = html.escape(piece).replace("\n", "<br>")
        for mark in reversed(marks):
            tag = _TAGS.get(mark)
            colour = f'<span class="{mark}">{said}</span>'
            said = f"<{tag}>{said}</{tag}>" if tag else colour
        parts.append(said)
    return "".join(parts)


def table_html(frame: pd.DataFrame, caption: str, *, names_rows: bool = False) -> str:
    """A table of texts with marks; the first cell names its row if ``names_rows``."""
    heads = "".join(f'<th scope="col">{marked_html(str(c))}</th>' for c in frame)
    rows = "".join(
        f"<tr>{_cells(row, names_rows)}</tr>" for row in frame.itertuples(index=False)
    )
    said = f"<caption>{marked_html(caption)}</caption>" if caption else ""
    return (
        f'<div class="table"><table>{said}'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cells(row: Sequence[str], names_rows: bool) -> str:
    first = f'<th scope="row">{marked_html(row[0])}</th>' if names_rows else ""
    return first + "".join(f"<td>{marked_html(c)}</td>" for c in row[names_rows:])


def _picture(picture: Picture, alt: str) -> str:
    data = base64.b64encode(picture.content).decode()
    source = f"data:image/{picture.kind};base64,{data}"
    return f'<img src="{source}" alt="{html.escape(alt)}">'


def _questions(report: Report) -> str:
    return "".join(
        f"<details open><summary>{marked_html(each.question)}</summary>"
        + "".join(f"<p>{marked_html(sentence)}</p>" for sentence in each.answer)
        + "</details>"
        for each in report.questions
    )


def _rows(rows: tuple[tuple[str, str], ...]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{marked_html(name)}</th>'
        f"<td>{marked_html(value)}</td></tr>"
        for name, value in rows
    )
    return f'<div class="table"><table><tbody>{lines}</tbody></table></div>'


PAGE_STYLE = """<style>
:root { color-scheme: light dark; --ink: #1b1f24; --quiet: #5a6270; --paper: #fff;
  --line: #d5dae1; --good: #00734f; --bad: #b23a00; --same: #005a8e; --other: #8a5000;
  --link: #005a8e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --quiet: #a9b1bd;
  --paper: #15181c; --line: #3a414b; --good: #4cc9a0; --bad: #ff9a66; --same: #7cc0ee;
  --other: #f0b657; --link: #7cc0ee; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1020px; padding: 1.5rem; color: var(--ink);
  background: var(--paper); font: 1.05rem/1.5 Arial, Helvetica, sans-serif; }
h1 { font-size: 2.4rem; line-height: 1.15; margin: 1rem 0 .3rem; }
h2 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; }
section { border-top: 1px solid var(--line); padding: 2rem 0; }
a { color: var(--link); }
img { max-width: 100%; height: auto; }
.shown, .note { color: var(--quiet); }
.note { font-size: .9rem; }
.doubt { border: 2px solid #d55e00; border-radius: .4rem; padding: .6rem .8rem;
  font-weight: 600; }
.charts { display: grid; gap: 1rem; grid-template-columns:
  repeat(auto-fit, minmax(min(100%, var(--width)), 1fr)); }
.chart { background: #fff; border-radius: .4rem; min-width: 0; overflow: hidden; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .95rem; margin: .6rem 0; }
caption { text-align: left; padding-bottom: .4rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0;
  border-bottom: 1px solid var(--line); }
thead th { border-bottom: 2px solid var(--ink); }
summary { cursor: pointer; font-weight: 600; padding: .3rem 0; }
.green { color: var(--good); } .red { color: var(--bad); } .blue { color: var(--same); }
.orange { color: var(--other); } .gray { color: var(--quiet); }
@media print { @page { size: A4 landscape; margin: 12mm; }
  :root { --ink: #000; --quiet: #444; --paper: #fff; --line: #bbb; --link: #000; }
  body { max-width: none; padding: 0; font-size: 11pt; }
  nav, .modebar-container { display: none; }
  section { break-before: page; border: 0; padding: 0; }
  .charts { zoom: 0.78; }
  .chart, tr, .doubt { break-inside: avoid; } h2 { break-after: avoid; } }
</style>
"""

PAGE_HEAD = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="Equipoise">
<title>{title}</title>
{style}
</head>
"""

_PAGE = (
    PAGE_HEAD
    + """<body>
<header><h1>{title}</h1>{subtitle}</header>
<nav aria-label="{said_slides}">{contents}</nav>
<noscript>{said_script}</noscript>
<main>
{slides}
<section id="questions"><h2>{said_questions}</h2>{questions}</section>
<section id="provenance"><h2>{said_provenance}</h2>{provenance}</section>
</main>
{script}
<script type="application/json" id="charts">{charts}</script>
<script>
async function draw() {{
  await load();
  const charts = JSON.parse(read("charts"));
  for (const place of document.querySelectorAll("[data-chart]")) {{
    await show(place, charts[place.dataset.chart]);
  }}
}}
// What is folded is printed too.
addEventListener("beforeprint", () => {{
  for (const folded of document.querySelectorAll("details")) folded.open = true;
}});
const said = {said_fault};
const tell = (fault) => document.body.prepend(said.replace("{{fault}}", fault));
draw().catch(tell);
</script>
</body>
</html>
"""
)
