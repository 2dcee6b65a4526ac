"""Text in LaTeX is shown as it is: escaped, or by the names of its signs."""

import shutil
import subprocess

import pytest

from core.report.latex_text import PACKAGES, escape_latex, has_unknown, marked_latex
from core.text import BREAK, coloured, emphasis, strong

EVERY_LATIN = "".join(map(chr, range(0xA1, 0x180)))
SIGNS = "±×÷·≤≥≈≠∞√∑Δ→←↑↓↔▲▼▶◀○●✓✕αβγδεηθκλμπρστφω–—’“”…†•€①⑩⑳"
ASCII = "".join(map(chr, range(0x20, 0x7F)))
HEADS = ["[1, 2] -- 3", "*not a star*", "? ` !` ,, '' << >>"]


def test_every_special_sign_is_escaped():
    assert escape_latex("a_b & 50 % of $x$ #1 {~^\\}") == (
        r"a\_b \& 50 \% of \$x\$ \#1 "
        r"\{\textasciitilde{}\textasciicircum{}\textbackslash{}\}"
    )


def test_no_two_signs_become_one():
    assert escape_latex("---,,") == "-{}-{}-,{},"
    assert "--" not in escape_latex("a--b")
    # After a line break of a table a bracket or a star would be its option.
    assert escape_latex("[1]*") == "{[}1{]}{*}"


def test_accents_stay_and_are_composed():
    assert escape_latex("Été e\u0301") == "Été é"
    assert not has_unknown("Été ① ▲ −0.3")


def test_letters_of_other_scripts_and_emoji_stand_by_their_names():
    shin, lamed = "\N{HEBREW LETTER SHIN}", "\N{HEBREW LETTER LAMED}"
    assert escape_latex(f"x {shin}{lamed}") == "x {[}Hebrew: shin lamed{]}"
    assert escape_latex("\N{GRINNING FACE}") == "{[}grinning face{]}"
    assert escape_latex("\u4e2d\u6587") == "{[}Cjk: 4e2d 6587{]}"
    assert has_unknown(shin)
    # Two names stay two names.
    assert escape_latex(shin) != escape_latex(lamed)


def test_directions_of_text_are_dropped():
    assert escape_latex("a\N{RIGHT-TO-LEFT OVERRIDE}b") == "ab"


def test_marks_become_bold_and_italic():
    marked = f"{strong('7.1')} {emphasis('x_1')}{BREAK}{coloured('green', '▲ better')}"
    assert marked_latex(marked) == (
        r"\textbf{7.1} \emph{x\_1}\newline $\blacktriangle$ better"
    )


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_pdflatex_sets_every_sign_that_is_not_named(tmp_path):
    texts = [ASCII, *EVERY_LATIN, SIGNS, *HEADS, "\N{GRINNING FACE}\u4e2d\u05e9"]
    uses = "\n".join(rf"\usepackage{package}" for package in PACKAGES)
    rows = "\n".join(rf"{escape_latex(text)} \\" for text in texts)
    head = rf"\documentclass{{article}}{uses}\begin{{document}}"
    body = rf"\begin{{tabular}}{{l}}{rows}\end{{tabular}}\end{{document}}"
    (tmp_path / "signs.tex").write_text(f"{head}{body}", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "signs.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert b"Missing character" not in done.stdout
