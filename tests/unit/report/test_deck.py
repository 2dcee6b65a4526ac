"""A deck says what its views say, edits in PowerPoint, and is always the same file."""

import html
import io
import shutil
import subprocess
import zipfile

import plotly.graph_objects as go
import pytest
from pptx import Presentation
from pptx.oxml.ns import qn
from pptx.util import Inches

from core.errors import EquipoiseError
from core.report.deck import build_deck
from core.report.deck_base import WIDE
from core.report.native_chart import add_panels
from core.report.panels import figure_panels
from core.report.places import Box
from core.report.report import LIVE_ONLY, build_report
from core.story.story import Slide, Story
from core.text import to_plain
from core.views.catalog import draw_view
from core.views.studies import open_study

NAME = "a&b_#$%\\{} é \N{HEBREW LETTER SHIN}\N{GRINNING FACE} <i>"
STORY = Story(
    title=f"Rare ages {NAME}",
    study="avatars",
    author=NAME,
    slides=(
        Slide(view="age-error", claim="INS weights beats the baseline on age MAE."),
        Slide(view="age-scatter", methods=("ins",), notes=f"Say {NAME}"),
        Slide(view="text", title="Why", text=f"# Rare\n\n- **one** {NAME}\n- two"),
        Slide(view="photo"),
        Slide(view="age-error", parameters={"task": "hair"}),
    ),
)


@pytest.fixture(scope="module")
def report():
    return build_report("avatars", STORY)


@pytest.fixture(scope="module")
def content(report):
    return build_deck(report)


@pytest.fixture(scope="module")
def deck(content):
    return Presentation(io.BytesIO(content))


def _texts(slide):
    return [s.text_frame.text for s in slide.shapes if s.has_text_frame]


def test_a_slide_has_its_claim_as_title_and_says_if_the_numbers_do_not_bear_it_out(
    report, deck
):
    first = deck.slides[1]
    assert first.shapes.title.text_frame.text == STORY.slides[0].claim
    assert report.slides[0].doubt in _texts(first)
    assert "The numbers contradict this claim" in report.slides[0].doubt


def test_the_numbers_of_a_native_chart_are_those_of_the_view(deck):
    drawn = draw_view("age-error", open_study("avatars"), {})
    points = next(s for s in deck.slides[1].shapes if s.has_chart).chart
    rows = drawn.data[drawn.data["method"] == "ins"]
    label = open_study("avatars").labels["ins"]
    series = next(s for s in points.plots[0].series if s.name == label)
    assert list(series.values) == pytest.approx(rows["mean"].tolist())
    bars = series._element.find(qn("c:errBars"))
    plus = [float(v.text) for v in bars.find(qn("c:plus")).iter(qn("c:v"))]
    minus = [float(v.text) for v in bars.find(qn("c:minus")).iter(qn("c:v"))]
    assert plus == pytest.approx((rows["high"] - rows["mean"]).tolist())
    assert minus == pytest.approx((rows["mean"] - rows["low"]).tolist())


def test_a_picture_has_a_text_alternative_and_notes_are_the_speakers(deck):
    slide = deck.slides[2]
    pictures = [s for s in slide.shapes if s.shape_type == 13]
    assert len(pictures) == 2
    for picture in pictures:
        assert "the truth rises" in picture._element._nvXxPr.cNvPr.get("descr")
    assert f"Say {NAME}" in slide.notes_slide.notes_text_frame.text


def test_words_are_paragraphs_and_names_stay_as_they_are(deck):
    said = _texts(deck.slides[3])
    # In Markdown a backslash before a sign stands for the sign.
    shown = NAME.replace("\\{", "{")
    assert f"Rare\n•\tone {shown}\n•\ttwo" in said
    assert NAME in deck.slides[0].shapes.title.text_frame.text
    assert LIVE_ONLY in _texts(deck.slides[4])


def test_a_slide_with_nothing_to_show_says_why(report, deck):
    assert "no task that predicts a number" in to_plain(report.problems[0])
    assert any("no task that predicts a number" in t for t in _texts(deck.slides[5]))


def test_questions_and_provenance_come_last(report, deck):
    titles = [slide.shapes.title.text_frame.text for slide in deck.slides]
    asked = [question.question for question in report.questions]
    # A long answer goes on, on a slide with the same title.
    tail = titles[titles.index(asked[0]) : -1]
    assert list(dict.fromkeys(tail)) == asked
    last = next(s for s in deck.slides[-1].shapes if s.has_table).table
    cells = [tuple(cell.text for cell in row.cells) for row in last.rows]
    assert cells[1:] == list(report.provenance.rows)


def test_nothing_stands_outside_of_its_slide(deck):
    width, height = Inches(WIDE.width), Inches(WIDE.height)
    for slide in deck.slides:
        for shape in slide.shapes:
            if shape.width is None:
                continue
            assert shape.left >= 0
            assert shape.left + shape.width <= width
            assert shape.top + shape.height <= height


def test_the_same_report_gives_the_same_bytes(content):
    assert build_deck(build_report("avatars", STORY)) == content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {
            (1980, 1, 1, 0, 0, 0)
        }


def test_a_template_gives_its_master_and_size(report, tmp_path):
    template = Presentation()
    template.slides.add_slide(template.slide_layouts[0])
    template.save(str(tmp_path / "school.pptx"))
    deck = Presentation(
        io.BytesIO(build_deck(report, template=tmp_path / "school.pptx"))
    )
    assert deck.slide_width == template.slide_width
    assert len(deck.slide_layouts) == len(template.slide_layouts)
    assert deck.slides[0].shapes.title.text_frame.text == STORY.title
    for slide in deck.slides:
        for shape in slide.shapes:
            if shape.width is not None:
                assert shape.left + shape.width <= deck.slide_width
                assert shape.top + shape.height <= deck.slide_height


def test_a_template_that_cannot_be_read_is_named(report, tmp_path):
    (tmp_path / "not.pptx").write_text("no deck")
    with pytest.raises(EquipoiseError, match=r"not\.pptx"):
        build_deck(report, template=tmp_path / "not.pptx")


def test_a_template_with_damaged_parts_is_named(report, tmp_path):
    whole = io.BytesIO()
    Presentation().save(whole)
    place = tmp_path / "damaged.pptx"
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(place, "w") as new:
        for entry in old.infolist():
            is_part = entry.filename == "ppt/presentation.xml"
            new.writestr(entry, b"<not xml" if is_part else old.read(entry))
    with pytest.raises(EquipoiseError, match=r"damaged\.pptx"):
        build_deck(report, template=place)


def test_text_that_xml_cannot_hold_is_left_out():
    said = "a\x01b\ufffec" + "d" * 300
    slides = (
        Slide(view="text", title=said, text=f"{said} **{said}**", notes=said),
        Slide(view="age-error", claim=said, title=said),
    )
    story = Story(title=said, author=said, study="avatars", slides=slides)
    deck = Presentation(io.BytesIO(build_deck(build_report("avatars", story))))
    assert deck.core_properties.title == "abc" + "d" * 252
    assert deck.core_properties.author == "abc" + "d" * 252
    assert "abcddd" in deck.slides[1].notes_slide.notes_text_frame.text


@pytest.mark.parametrize("is_bar", [True, False])
def test_a_name_is_no_formula_in_the_workbook_of_a_chart(is_bar):
    names = ['=HYPERLINK("http://host","x")', "http://host/x", "+1"]
    figure = go.Figure()
    for name in names:
        figure.add_trace(
            go.Bar(x=names, y=[1, 2, 3], name=name, marker_color="#000000")
            if is_bar
            else go.Scatter(
                x=[1, 2], y=[1, 2], name=name, mode="lines", line_color="#000000"
            )
        )
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    (frame,) = add_panels(slide, figure_panels(figure), Box(0, 0, 9, 5), alt="a\x01b")
    assert frame._element.nvGraphicFramePr.cNvPr.get("descr") == "ab"
    blob = frame.chart.part.chart_workbook.xlsx_part.blob
    with zipfile.ZipFile(io.BytesIO(blob)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        texts = book.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert all(name in html.unescape(texts) for name in names)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="soffice is not installed")
def test_libreoffice_opens_the_deck(content, deck, tmp_path):
    (tmp_path / "deck.pptx").write_bytes(content)
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "deck.pptx"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=300)
    pages = (tmp_path / "deck.pdf").read_bytes().count(b"/Type/Page/")
    pages = pages or (tmp_path / "deck.pdf").read_bytes().count(b"/Type /Page\n")
    assert pages == len(deck.slides)
