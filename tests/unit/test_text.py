"""Names that people gave stay text: what is escaped, and what need not be."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from markdown_it import MarkdownIt

import core.plots
from core.evaluation.metrics import metric_info
from core.language import speaking
from core.plots.escape import escaped, escapes_names, only_own_markup
from core.tasks import Multiclass
from core.text import (
    BREAK,
    bin_in_words,
    clauses,
    code,
    coloured,
    emphasis,
    escape_chart,
    escape_document,
    escape_markdown,
    mark_code,
    quoted,
    strong,
    to_list,
    to_markdown,
    to_plain,
)
from tests.hostile import HOSTILE, NAMES

# CommonMark with tables, strikethrough and addresses, by another reader than ours.
READER = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"])
ORDINARY = (
    "ResNet-50",
    "age_bin",
    "DenseWeight (α = 0.5)",
    "Mon réseau",
    "学习",
    "50 % < 60",
    "1.5 mm, 20-29",
    'a\'s "b"; c, d. e!',
    "difference +2.23 [+1.06, +3.39], p < 0.001",
    "Truth: yes",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("around", ["{}", "x {} y", "**{}**", "- {}", "A  \n{}"])
def test_a_name_in_markdown_is_read_as_the_text_it_is(name, around):
    tokens = READER.parse(around.format(escape_markdown(name).replace(":small[]", "")))
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "text_special", "strong_open", "strong_close", "hardbreak"}
    shown = READER.render(around.format(escape_markdown(name)))
    assert shown.count("<li>") == around.count("- ")
    assert not any(tag in shown for tag in ("<h1", "<h2", "<hr", "<table", "<pre"))


@pytest.mark.parametrize("name", NAMES)
def test_what_only_streamlit_reads_is_broken_up(name):
    shown = escape_markdown(name).replace(r"\:", ":")
    for sign in (
        "://",
        "www.",
        "@other",
        ":red[",
        ":material/",
        ":smile:",
        ":streamlit:",
    ):
        assert sign not in shown.lower()
    assert escape_document(name).count(":small") == name.count(":small")


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_name_is_not_changed(name):
    assert escape_markdown(name) == name
    assert escape_document(name) == name


def test_marks_become_markdown_and_what_is_in_them_stays_text():
    sign = coloured("green", strong("▲"))
    text = f"{strong('a*b')} {emphasis('Any')} {sign} {code('`')}"
    assert to_markdown(text) == r"**a\*b** *Any* :green[**▲**] `` ` ``"
    assert to_plain(text) == "a*b Any ▲ `"
    assert to_markdown(f"a{BREAK}- b") == "a  \n\\- b"
    assert to_list([strong("a"), "# b"]) == "- **a**\n- \\# b"
    assert to_markdown(code("a`b``c")) == "```a`b``c```"
    assert to_markdown(mark_code("run `equipoise studies`.")) == (
        "run `equipoise studies`."
    )


def test_marks_that_a_name_has_open_nothing():
    assert escape_markdown(f"{strong('x')}{BREAK}\ue00f") == "x"


def test_line_breaks_and_controls_are_blanks():
    assert escape_markdown(" a\n# b\r\n\x00c\u2028d ") == "a # b c d"


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_chart_has_no_tag_and_no_place_for_a_value(name):
    shown = escape_chart(name)
    assert not any(sign in shown for sign in ("<", ">", "$", "%{", "\n"))


def test_a_chart_is_drawn_from_escaped_names():
    seen = {}

    @escapes_names
    def outer(table, labels, task, *, marks, array):
        seen.update(table=table, labels=labels, task=task, marks=marks, array=array)
        return inner("<b>own</b>")

    @escapes_names
    def inner(text):
        seen["inner"] = text
        return go.Figure()

    bad, good = "<a>%{x}", "&lt;a&gt;%&#123;x}"
    table = pd.DataFrame(
        {
            "class": [bad, "b", None],
            "kind": pd.Categorical([bad, "b", "b"], categories=["b", bad]),
            "n": [1, 2, 3],
            bad: [0.5, 1.5, 2.5],
        },
        index=[bad, "c", "d"],
    )
    before = table.copy()
    outer(
        table,
        {bad: bad},
        Multiclass("t", bad, (bad, "b")),
        marks=[(bad, {bad})],
        array=np.array([bad, "c"], dtype=object),
    )
    assert seen["inner"] == "<b>own</b>"
    assert seen["labels"] == {good: good}
    assert seen["task"] == Multiclass("t", good, (good, "b"))
    assert seen["marks"] == [(good, {good})]
    assert seen["array"].tolist() == [good, "c"]
    drawn = seen["table"]
    assert drawn["class"].tolist()[:2] == [good, "b"]
    assert pd.isna(drawn["class"].iloc[2])
    assert drawn["kind"].tolist() == [good, "b", "b"]
    assert list(drawn["kind"].cat.categories) == ["b", good]
    assert drawn.columns.tolist() == ["class", "kind", "n", good]
    assert drawn.index.tolist() == [good, "c", "d"]
    pd.testing.assert_frame_equal(table, before)


def test_what_has_nothing_to_escape_is_the_same_object():
    table = pd.DataFrame({"class": ["a", "b"], "n": [1, 2]}).set_index(["class", "n"])
    info = metric_info("t.accuracy", (Multiclass("t", "Kind", ("a", "b")),))
    for value in (table, {"a": ["b"]}, info, np.arange(3), ("a", 1)):
        assert escaped(value) is value


def test_a_forgotten_tag_is_text_in_the_figure():
    figure = go.Figure(
        {"type": "bar", "x": [HOSTILE], "y": [1], "name": "<b>own</b><br>line"}
    )
    drawn = only_own_markup(figure).to_json()
    assert "<a" not in drawn
    assert r"&lt;a href" in drawn
    assert "<b>own</b><br>line" in drawn.encode().decode("unicode_escape")
    own = go.Figure({"type": "bar", "x": ["a"], "y": [1], "name": "<b>own</b>"})
    assert only_own_markup(own) is own


def test_every_figure_is_drawn_from_escaped_names():
    folder = Path(core.plots.__file__).parent
    forgotten = []
    for path in folder.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            marks = {ast.unparse(mark) for mark in node.decorator_list}
            if node.name.startswith("plot_") and "escapes_names" not in marks:
                forgotten.append(f"{path.stem}.{node.name}")
    # Its texts are made by the figures that it is a part of.
    assert forgotten == ["heat_map.plot_cells"]


def test_clauses_are_one_sentence():
    assert clauses(["a", "b", "c"]) == "a; b; c"
    assert clauses(["a"]) == "a"
    with speaking("fr"):
        assert clauses(["a", "b"]) == "a\N{NO-BREAK SPACE}; b"


def test_the_bounds_of_a_bin_are_written_as_the_reader_writes_numbers():
    assert bin_in_words("-10 to -1") == "\N{MINUS SIGN}10 to \N{MINUS SIGN}1"
    with speaking("fr"):
        assert bin_in_words("0.1 to 0.2") == "0,1 à 0,2"
        # The name of a class, or of a bin of whole numbers.
        assert bin_in_words("close to 1") == "close to 1"
        assert bin_in_words("10-19") == "10-19"


def test_a_name_is_quoted_as_the_reader_quotes():
    assert quoted("a") == "'a'"
    with speaking("fr"):
        assert quoted("a") == "«\N{NO-BREAK SPACE}a\N{NO-BREAK SPACE}»"
