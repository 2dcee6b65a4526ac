"""Reports in LaTeX and in Markdown: one document, its figures and its tables."""

import io
import re
import shutil
import subprocess
from dataclasses import replace

import pandas as pd
import pytest
from pptx import Presentation

from core.csv_text import csv_text
from core.language import speaking
from core.plots.figure import build_figure
from core.report.deck import build_deck
from core.report.latex import DOCUMENT, NAMED_SIGNS, latex_files, table_latex
from core.report.markdown import markdown_files, report_markdown, table_markdown
from core.report.page import build_page
from core.report.report import Report, ReportSlide, build_report
from core.report.tables import ReportTable, tables_of
from core.story.provenance import provenance_of
from core.story.questions import Question
from core.story.story import Slide, Story
from core.text import strong
from core.views.drawing import Column, Drawn, Numbers
from core.views.studies import open_study

HOSTILE = "a&b_#$%~^\\{}|<i> é \N{HEBREW LETTER SHIN}\N{GRINNING FACE} [x] *y* `z`"


def _figure():
    mark = {"type": "scatter", "mode": "markers", "x": [1, 2], "y": [3, 4], "name": "n"}
    return build_figure([mark], height=240)


def _report(name=HOSTILE, *, figures=1):
    frame = pd.DataFrame(
        {
            f"Method {name}": [strong(name), "Baseline"],
            "MAE ↓": [f"{strong('7.1')} [6.8, 7.4]", "7.5 [7.1, 7.9]"],
            "Difference": ["−0.4 [−0.6, −0.2] ▲ better", "–"],
        }
    )
    drawn = Drawn(
        title=f"Errors of {name}",
        name="x",
        takeaway=f"The baseline is worse than {strong(name)}.",
        figures={f"{name} {i}": _figure() for i in range(figures)},
        note=f"Mean over 3 seeds of {name}.",
        numbers=Numbers(frame, f"MAE of {name}.", "95 % interval."),
        view="age-error",
    )
    slides = (
        ReportSlide(
            1, drawn.title, f"{name} is better.", doubt=f"No: {name}.", drawn=drawn
        ),
        ReportSlide(2, "Words", "", text=f"# Why\n\n- **one** `x_1`\n- two {name}\n"),
    )
    return Report(
        story=Story(title=name, study="avatars", author=name),
        study_title=name,
        language="en",
        slides=slides,
        questions=(
            Question("size", f"How many of {name}?", (f"3 of {strong(name)}.",)),
        ),
        provenance=replace(
            provenance_of(open_study("avatars")), titles={"avatars": name}
        ),
    )


def _pdflatex(files, folder, *, times=1):
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", DOCUMENT]
    for _ in range(times):
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        log = done.stdout.decode(errors="replace")
        assert done.returncode == 0, log[-3000:]
    return log


def _has_french():
    found = subprocess.run(
        ["kpsewhich", "french.ldf"], capture_output=True, check=False
    )
    return found.returncode == 0


needs_pdflatex = pytest.mark.skipif(
    not shutil.which("pdflatex"), reason="pdflatex is not installed"
)


@pytest.mark.slow
@needs_pdflatex
def test_pdflatex_sets_names_with_any_signs(tmp_path):
    log = _pdflatex(latex_files(_report(figures=4)), tmp_path, times=2)
    assert "Missing character" not in log
    assert "undefined" not in log


@pytest.mark.slow
@needs_pdflatex
def test_pdflatex_sets_the_report_of_a_shipped_study(tmp_path):
    if not _has_french():
        pytest.skip("babel's French is not installed")
    # In French, whose words are longer; names with any signs are set in English.
    with speaking("fr"):
        files = latex_files(build_report("utkface"))
    assert any(path.startswith("figures/") for path in files)
    log = _pdflatex(files, tmp_path)
    # A line that is a word too long is wider than the paper's margin takes.
    too_wide = [float(found) for found in re.findall(r"hbox \((\d+\.\d+)pt too", log)]
    assert max(too_wide, default=0) < 30


def test_a_table_has_rules_caption_label_and_verdicts():
    (table,) = tables_of(_report("INS").slides)
    written = table_latex(table)
    assert written.startswith("% \\usepackage[T1]{fontenc}")
    for part in (
        r"\begin{table}",
        r"\caption{MAE of INS.}\label{tab:01-age-error}\vspace{4pt}",
        r"\toprule Method INS & MAE $\downarrow$ & Difference \\ \midrule",
        r"\textbf{INS} & \textbf{7.1} {[}6.8, 7.4{]} & "
        r"$-$0.4 {[}$-$0.6, $-$0.2{]} $\blacktriangle$ better \\",
        r"\bottomrule",
        "95 \\% interval.",
    ):
        assert part in written


def test_a_long_table_breaks_at_the_page_and_a_wide_one_into_several():
    long = pd.DataFrame({"Class": [f"class {i}" for i in range(60)]})
    written = table_latex(ReportTable("long", "Long.", "", long))
    assert r"\begin{longtable}" in written
    assert written.count("class ") == 60
    wide = pd.DataFrame({f"Column {i}": ["0.123 [0.100,0.140]"] for i in range(14)})
    written = table_latex(ReportTable("wide", "Wide.", "", wide))
    count = written.count(r"\begin{table}")
    assert count > 1
    # The first column is in each of them, every other in one.
    assert written.count("Column 0 ") == count
    assert written.count("Column 13") == 1
    assert written.count(r"\label") == 1
    assert f"(1 of {count})" in written


def test_of_a_table_without_end_the_first_rows_are_set():
    frame = pd.DataFrame({"Image": [f"image {i}" for i in range(400)]})
    table = ReportTable("images", "Images.", "", frame)
    assert "The first 150 of 400 rows" in table_latex(table)
    assert table.csv.count("\n") == 401


def test_the_document_takes_every_file_and_says_which_signs_are_named():
    files = latex_files(_report())
    text = files[DOCUMENT].decode()
    taken = re.findall(r"\\(?:includegraphics|input)(?:\[[^]]*\])?\{([^}]+)\}", text)
    assert sorted(taken) == sorted(files.keys() - {DOCUMENT})
    assert "pdfLaTeX" in NAMED_SIGNS
    assert "set by pdfLaTeX" in text
    assert "set by pdfLaTeX" not in latex_files(_report("INS"))[DOCUMENT].decode()
    assert r"\section{Questions a jury asks}" in text
    assert r"\section{Provenance}" in text


def test_a_false_claim_is_marked_in_both():
    report = _report("INS")
    assert r"\fbox{\parbox{0.97\linewidth}{No: INS.}}" in (
        latex_files(report)[DOCUMENT].decode()
    )
    assert "\n> No: INS\\." in report_markdown(report) or "\n> No: INS." in (
        report_markdown(report)
    )
    first = replace(report.slides[0], doubt="")
    assert "> No" not in report_markdown(replace(report, slides=(first,)))


def test_the_same_report_gives_the_same_bytes():
    assert latex_files(_report()) == latex_files(_report())
    assert markdown_files(_report()) == markdown_files(_report())


def test_markdown_has_the_table_and_csv_the_same_cells():
    (table,) = tables_of(_report("INS").slides)
    lines = table_markdown(table).splitlines()
    assert lines[2] == "| Method INS | MAE ↓ | Difference |"
    assert lines[4].startswith("| **INS** | **7.1** [6.8, 7.4] | −0.4 [−0.6, −0.2] ▲")
    read = pd.read_csv(io.StringIO(table.csv))
    assert read["MAE ↓"].tolist() == ["7.1 [6.8, 7.4]", "7.5 [7.1, 7.9]"]
    assert "\ue000" not in table.csv


def test_numbers_have_the_digits_of_their_column_in_every_format():
    frame = pd.DataFrame(
        {
            "Method": ["a", "b"],
            "F1": [0.8234567, float("nan")],
            "Images": [12345, 7],
            "Gain": [-0.25, None],
        }
    )
    columns = {"F1": Column(3), "Images": Column(is_count=True)}
    numbers = Numbers(frame, "F1.", columns=columns)
    drawn = Drawn("F1", "f1", "F1.", numbers=numbers, view="f1")
    slides = (ReportSlide(1, "F1", "", drawn=drawn),)
    report = replace(_report("INS"), slides=slides, questions=())
    (table,) = tables_of(slides)
    assert "a & 0.823 & 12,345 & $-$0.25" in table_latex(table)
    assert "| a | 0.823 | 12,345 | −0.25 |\n| b | – | 7 | – |" in table_markdown(table)
    assert 'a,0.823,"12,345",−0.25\nb,–,7,–' in table.csv
    page = build_page(report).decode()
    assert "<td>0.823</td><td>12,345</td><td>−0.25</td>" in page
    deck = Presentation(io.BytesIO(build_deck(report)))
    shown = next(shape for shape in deck.slides[1].shapes if shape.has_table).table
    assert [cell.text for cell in shown.rows[1].cells] == (
        ["a", "0.823", "12,345", "−0.25"]
    )


def test_names_break_no_markdown_and_no_csv():
    markdown = report_markdown(_report())
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    # A bar in a name is no border of a cell.
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4, 3}
    assert not re.findall(r"(?<!\\)<i>", markdown)
    (table,) = tables_of(_report().slides)
    read = pd.read_csv(io.StringIO(table.csv))
    assert read.iloc[0, 0] == HOSTILE
    assert table.csv.startswith(csv_text(pd.DataFrame({f"Method {HOSTILE}": []}))[:9])


def test_markdown_has_its_pictures():
    files = markdown_files(_report(figures=2))
    pictures = {path for path in files if path.endswith(".png")}
    assert pictures == {"figures/01-age-error-1.png", "figures/01-age-error-2.png"}
    text = files["report.md"].decode()
    assert all(f"({path})" in text for path in pictures)
    assert files["tables/01-age-error.csv"].count(b"\n") == 3


def test_a_story_of_views_is_written():
    story = Story(title="Ages", study="avatars", slides=(Slide(view="age-error"),))
    report = build_report("avatars", story)
    files = latex_files(report)
    assert {DOCUMENT, "tables/01-age-error.tex", "figures/01-age-error.pdf"} == (
        files.keys()
    )
    assert "| **" in report_markdown(report)
