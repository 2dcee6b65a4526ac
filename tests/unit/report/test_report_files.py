"""The page, the PDF and the command that write a report."""

import json
import re

import pytest
from typer.testing import CliRunner

from core.cli import app
from core.errors import EquipoiseError
from core.report.output import require_free, write_files
from core.report.page import build_page
from core.report.pdf import build_pdf
from core.report.report import build_report
from core.story.story import Slide, Story, story_toml
from core.text import to_plain

NAME = "a&b_#$ é \N{HEBREW LETTER SHIN}\N{GRINNING FACE} <script>alert(1)</script>"
STORY = Story(
    title=NAME,
    study="avatars",
    slides=(
        Slide(view="age-error", claim="INS weights beats the baseline on age MAE."),
        Slide(
            view="text", title=NAME, text=f"{NAME} ![x](http://h/p.png) [y](http://h)"
        ),
    ),
)


@pytest.fixture(scope="module")
def report():
    return build_report("avatars", STORY)


def test_a_page_has_claims_tables_questions_and_one_script_and_asks_no_host(report):
    page = build_page(report).decode()
    assert page.count('id="library"') == 1
    assert "<script>alert" not in page
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)
    assert report.slides[0].claim in page
    assert "The numbers contradict this claim" in page
    assert "In numbers" in page
    for question in report.questions:
        assert to_plain(question.question).replace("'", "&#x27;") in page
    charts = re.search(r'id="charts">(.*?)</script>', page, re.S)[1]
    assert len(json.loads(charts)) == page.count("data-chart=") == 1
    assert build_page(report).decode() == page


def test_a_pdf_has_a_page_for_each_slide_and_is_always_the_same(report):
    content = build_pdf(report)
    assert content.startswith(b"%PDF")
    expected = 1 + len(report.slides) + len(report.questions) + 1
    # A long answer goes on over another page.
    longer = [asked for asked in report.questions if len(asked.text) > 600]
    pages = content.count(b"/Type /Page ")
    assert expected <= pages <= expected + len(longer)
    assert build_pdf(build_report("avatars", STORY)) == content


def test_the_command_writes_files_and_leaves_others_alone(tmp_path):
    story = tmp_path / "mine.toml"
    story.write_text(story_toml(STORY), encoding="utf-8")
    options = ["report", "avatars", "--story", str(story), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*options, "--format", "html"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "mine.html").read_bytes().startswith(b"<!doctype html>")
    assert {path.name for path in tmp_path.iterdir()} == {"mine.html", "mine.toml"}
    again = CliRunner().invoke(app, [*options, "--format", "html"])
    assert again.exit_code == 2
    assert "exists already" in again.output
    assert (
        CliRunner().invoke(app, [*options, "--format", "html", "--replace"]).exit_code
        == 0
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--lang", "de"], "not written in the language 'de'"),
        (["--format", "docx"], "no format 'docx'"),
        (["--format", "html", "--template", "a.pptx"], "would change nothing"),
        (["--story", "none.toml"], "none.toml"),
    ],
)
def test_the_command_names_what_is_wrong(options, said, tmp_path):
    done = CliRunner().invoke(
        app, ["report", "avatars", "--out", str(tmp_path), *options]
    )
    assert done.exit_code == 2
    assert said in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    place = tmp_path / "deep" / "a.html"
    write_files({place: b"one"})
    with pytest.raises(EquipoiseError, match=r"a\.html exists already"):
        require_free([place], replace=False)
    require_free([place], replace=True)
    with pytest.raises(TypeError):
        write_files({place: "no bytes"})
    assert place.read_bytes() == b"one"
    assert [path.name for path in place.parent.iterdir()] == ["a.html"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "mine-md"
    older = {folder / "report.md": b"1", folder / "figures" / "old.png": b"1"}
    write_files(older, folders=[folder])
    write_files({folder / "report.md": b"2", tmp_path / "a": b"3"}, folders=[folder])
    assert {path.name for path in tmp_path.iterdir()} == {"mine-md", "a"}
    assert [path.name for path in folder.iterdir()] == ["report.md"]
    assert (folder / "report.md").read_bytes() == b"2"
    with pytest.raises(TypeError):
        write_files({folder / "report.md": "no bytes"}, folders=[folder])
    assert (folder / "report.md").read_bytes() == b"2"
    assert {path.name for path in tmp_path.iterdir()} == {"mine-md", "a"}


@pytest.mark.parametrize("folders", [False, True])
def test_a_place_that_cannot_be_written_is_named(tmp_path, folders):
    (tmp_path / "out").write_text("a file")
    folder = tmp_path / "out" / "mine-md"
    with pytest.raises(EquipoiseError, match=r"could not be written to \S+/out[:/]"):
        write_files({folder / "a.md": b"1"}, folders=[folder] * folders)
    assert (tmp_path / "out").read_text() == "a file"
