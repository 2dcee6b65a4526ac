"""A report in French: its words, its numbers, and English again after it."""

import io
import json
import re
from pathlib import Path

import pytest
from pptx import Presentation
from pptx.oxml.ns import qn
from pptx.util import Length
from typer.testing import CliRunner

from core.cli import app
from core.language import speaking
from core.plots.figure import build_figure
from core.report.fit import fit_text, text_width
from core.report.formats import FORMATS, Options, place_of, write_report
from core.report.latex import DOCUMENT
from core.report.native_chart import add_panels
from core.report.panels import figure_panels
from core.report.places import Box
from core.report.print_figure import print_figure
from core.report.report import build_report
from core.report.sheets import cell_text
from core.report.tables import file_name
from core.story.story import Slide, Story
from core.views.studies import open_study

# Plotly's of French: the sign of decimals, and a narrow blank between thousands.
NARROW = "\N{NARROW NO-BREAK SPACE}"
LEADING = (
    "age.mae",
    "age.mae_balanced",
    "glasses.accuracy",
    "hair.macro_f1",
    "hair.balanced_accuracy",
)
STORY = Story(
    title="Ages",
    study="avatars",
    slides=(
        Slide(view="age-error", claim="LDS helps."),
        Slide(view="photo"),
        Slide(view="leaderboard", claim="First."),
        Slide(
            view="metric-in-numbers", claim="Second.", parameters={"metric": "age.mae"}
        ),
    ),
)


def _report_in(code):
    with speaking(code):
        return build_report("avatars", STORY)


def _written(report, formats=tuple(FORMATS)):
    places = {name: place_of(name, Path(), "a") for name in formats}
    made = write_report(report, places, Options())
    return {path.as_posix(): content for path, content in made.items()}


@pytest.fixture(scope="module")
def written():
    """Every file of both languages by its path, written while English is spoken."""
    return {code: _written(_report_in(code)) for code in ("fr", "en")}


def test_every_format_is_in_the_language_that_the_report_was_drawn_in(written):
    french, english = written["fr"], written["en"]
    assert french.keys() == english.keys()
    for name, code, asked in (
        ("a.html", '<html lang="fr">', "Questions que pose un jury"),
        (f"a-latex/{DOCUMENT}", "[french]{babel}", "Questions que pose un jury"),
        ("a-md/report.md", "", "## Questions que pose un jury"),
    ):
        said, other = french[name].decode(), english[name].decode()
        assert code in said
        assert asked in said
        assert "Questions a jury asks" not in said
        assert "Questions a jury asks" in other
        assert not code or code not in other
    assert '<html lang="en">' in english["a.html"].decode()
    assert "babel" not in english[f"a-latex/{DOCUMENT}"].decode()


def test_a_deck_says_its_language_and_its_charts_write_numbers_in_it(written):
    for code, tag, sign in (("fr", "fr-FR", "[$-40C]"), ("en", "en-US", "")):
        deck = Presentation(io.BytesIO(written[code]["a.pptx"]))
        assert deck.core_properties.language == code
        runs = [r for slide in deck.slides for r in slide._element.iter(qn("a:r"))]
        assert {run.get_or_add_rPr().get("lang") for run in runs} == {tag}
        (chart, *_) = (s.chart for s in deck.slides[1].shapes if s.has_chart)
        written_as = chart.value_axis.tick_labels.number_format
        assert written_as.startswith(f"{sign}#,##0")
    french = Presentation(io.BytesIO(written["fr"]["a.pptx"]))
    texts = [s.text_frame.text for s in french.slides[2].shapes if s.has_text_frame]
    assert any("Soutenance" in text for text in texts)


def test_the_same_study_story_and_language_give_the_same_bytes(written):
    again = _written(_report_in("fr"), formats=("pptx", "md"))
    tables = [path for path in again if "tables/" in path]
    assert tables
    for path in ("a.pptx", "a-md/report.md", *tables):
        assert again[path] == written["fr"][path], path


def test_the_command_takes_a_language(tmp_path):
    options = ["report", "avatars", "--format", "md", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*options, "--lang", "fr"])
    assert done.exit_code == 0, done.output
    said = (tmp_path / "avatars-md" / "report.md").read_text(encoding="utf-8")
    assert "Questions que pose un jury" in said
    done = CliRunner().invoke(app, [*options, "--replace"])
    assert done.exit_code == 0, done.output
    said = (tmp_path / "avatars-md" / "report.md").read_text(encoding="utf-8")
    assert "Questions a jury asks" in said


# Tables and the comparison


def _numbers(cell):
    """The numbers of a cell, each with its decimals; of either language."""
    found = re.findall(rf"[-−+]?\d[\d{NARROW}]*(?:[.,]\d+)?", cell)
    return [
        (
            float(text.replace("−", "-").replace(NARROW, "").replace(",", ".")),
            len(re.split("[.,]", text)[1]) if re.search("[.,]", text) else 0,
        )
        for text in found
    ]


def _assert_shows(cell, values):
    shown = _numbers(cell)
    assert len(shown) == len(values), cell
    for (value, digits), wanted in zip(shown, values, strict=True):
        assert abs(value - wanted) <= 0.5 * 10**-digits + 1e-9, (cell, wanted)


def _rows(deck, title):
    """Rows of a table that goes on over slides, each under its first cell."""
    rows = {}
    for slide in deck.slides:
        if slide.shapes.title.text_frame.text != title:
            continue
        for shape in slide.shapes:
            if shape.has_table:
                _, *lines = (
                    [cell.text for cell in row.cells] for row in shape.table.rows
                )
                for name, *cells in lines:
                    rows.setdefault(name, []).extend(cells)
    return rows


@pytest.mark.parametrize("code", ["en", "fr"])
def test_native_tables_have_the_numbers_of_the_comparison(code, written):
    done = CliRunner().invoke(app, ["compare", "avatars", "--json"])
    assert done.exit_code == 0, done.output
    compared = {m["name"]: m["metrics"] for m in json.loads(done.stdout)["methods"]}
    view = open_study("avatars")
    deck = Presentation(io.BytesIO(written[code]["a.pptx"]))
    board, alone = _rows(deck, "First."), _rows(deck, "Second.")
    assert len(board) == len(alone) == len(view.methods) == len(compared)
    for method, cells in zip(view.methods, board.values(), strict=True):
        for key, cell in zip(LEADING, cells, strict=True):
            found = compared[method][key]
            _assert_shows(cell, [found["mean"], *found["ci"]])
    for method, cells in zip(view.methods, alone.values(), strict=True):
        found = compared[method]["age.mae"]
        value, interval, sd, difference, its_interval, p, _, least = cells[:8]
        _assert_shows(value, [found["mean"]])
        _assert_shows(interval, found["ci"])
        _assert_shows(sd, [found["sd"]])
        assert int(re.sub(r"\D", "", cells[-2])) == found["n"]
        if (delta := found["delta"]) is not None:
            _assert_shows(difference, [delta["mean"]])
            _assert_shows(its_interval, delta["ci"])
            if p.startswith("<"):
                assert delta["p"] < _numbers(p)[0][0]
            else:
                _assert_shows(p, [delta["p"]])
            _assert_shows(least, [delta["smallest_detectable"]])


# Numbers of figures and cells


def _ticks(axes):
    return [
        text.get_text()
        for axis in (axes.xaxis, axes.yaxis)
        for text in axis.get_ticklabels()
    ]


def _figure(code):
    with speaking(code):
        return build_figure(
            [
                {"type": "scatter", "mode": "markers", "x": [0, 4000], "y": [-0.5, 1]},
                {
                    "type": "heatmap",
                    "x": [0, 4000],
                    "y": [0, 1],
                    "z": [[0, 0.25], [0.5, 1]],
                    "zmin": 0,
                    "zmax": 1,
                    "colorscale": [[0, "#ffffff"], [1, "#000000"]],
                    "xaxis": "x2",
                    "yaxis": "y2",
                },
            ],
            height=500,
            xaxis={"dtick": 2000, "anchor": "y"},
            yaxis={"dtick": 0.5, "domain": [0.6, 1]},
            xaxis2={"anchor": "y2"},
            yaxis2={"domain": [0, 0.4], "ticksuffix": " a.b"},
        )


def test_printed_numbers_have_the_separators_of_the_figure():
    said = {}
    for code in ("fr", "en"):
        printed = print_figure(_figure(code), width="slide")
        printed.canvas.draw()
        said[code] = {text for axes in printed.axes for text in _ticks(axes)}
    assert {f"2{NARROW}000", "−0,5", "0,5 a.b"} <= said["fr"]
    assert {"2,000", "−0.5", "0.5 a.b"} <= said["en"]
    # The scale of colours is matplotlib's own.
    assert "0,2" in said["fr"]
    assert "0.2" in said["en"]


def _two_panels(title):
    return build_figure(
        [
            {
                "type": "scatter",
                "mode": "markers",
                "x": ["a", "b"],
                "y": [1, 2],
                "marker": {"color": "#000000"},
            },
            {
                "type": "bar",
                "x": ["a", "b"],
                "y": [5, 6],
                "yaxis": "y2",
                "marker": {"color": "#000000"},
            },
        ],
        height=430,
        yaxis={"domain": [0.3, 1]},
        yaxis2={"domain": [0, 0.12], "title": {"text": title}},
    )


@pytest.mark.parametrize(("title", "angle"), [("Images d’entraînement", 0), ("n", 90)])
def test_a_title_with_a_word_longer_than_its_axis_lies_beside_it(title, angle):
    figure = _two_panels(title)
    printed = print_figure(figure, width="slide")
    printed.canvas.draw()
    labels = [axes.yaxis.label for axes in printed.axes if axes.get_ylabel()]
    assert [label.get_rotation() for label in labels] == [angle]
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    add_panels(slide, figure_panels(figure), Box(0.5, 1, 12, 5), alt="")
    beside = [shape for shape in slide.shapes if shape.has_text_frame]
    assert len(beside) == (angle == 0)
    for shape in beside:
        size = shape.text_frame.paragraphs[0].runs[0].font.size.pt
        widest = max(text_width(word, size) for word in title.split())
        assert widest <= Length(shape.width).inches + 1e-3


def test_a_number_in_a_cell_has_the_form_of_the_language():
    with speaking("fr"):
        assert cell_text(-0.25) == "−0,25"
    assert cell_text(-0.25) == "−0.25"


def test_a_blank_that_does_not_break_stands_within_a_sentence():
    no_break = "\N{NO-BREAK SPACE}"
    first, rest = f"« Un.{no_break}» Deux.", "Trois mots de plus."
    fitted = fit_text(f"{first} {rest}", 1.2, 0.2, (10,))
    assert (fitted.text, fitted.rest) == (first, rest)


def test_accents_leave_their_letters_in_the_name_of_a_file():
    assert file_name("Où l’écart naît") == "ou-lecart-nait"
