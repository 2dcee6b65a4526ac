"""Cells of a CSV that a spreadsheet would take for a formula."""

import ast
import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.csv_text import csv_text, given_cell, safe_cell
from core.importing.reading import read_file

ROOT = Path(__file__).parents[2]
FORMULAS = (
    "=1+1",
    '=HYPERLINK("http://evil.example","x")',
    "+1 apple",
    "-2+3",
    "-",
    "@SUM(A1)",
    " =1",
    "\t=1",
    "\r=1",
    "\uff1d1+1",
)
PLAIN = ("-0.5", "+3", "-1e-9", "1=1", "a-b", "", "–", "it's", "'quoted'")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text):
    assert safe_cell(text) == f"'{text}"
    assert given_cell(safe_cell(text)) == text
    # Also what has an apostrophe of its own.
    assert given_cell(safe_cell(f"'{text}")) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_formula_stays(text):
    assert safe_cell(text) == text
    assert given_cell(text) == text


def test_headings_and_every_kind_of_column_are_made_safe():
    table = pd.DataFrame(
        {
            "=head": ["=a", "b"],
            "number": [-0.5, 2.0],
            "whole": [-1, 3],
            "some": [None, "-x"],
            "mixed": np.array([-0.25, "@b"], dtype=object),
            "kind": pd.Categorical(["+x y", "z"]),
            "flag": [True, False],
            7: ["-3", "x"],
        }
    )
    before = table.copy()
    head, *rows = csv.reader(io.StringIO(csv_text(table)))
    assert head[:1] + head[-1:] == ["'=head", "7"]
    first, second = rows
    assert first == ["'=a", "-0.5", "-1", "", "-0.25", "'+x y", "True", "-3"]
    assert second == ["b", "2.0", "3", "'-x", "'@b", "z", "False", "x"]
    pd.testing.assert_frame_equal(table, before)


def test_our_own_file_is_imported_as_it_was():
    table = pd.DataFrame(
        {"image_id": list(FORMULAS[:6]), "-truth": ["=yes", "no"] * 3, "x": [-0.5] * 6}
    )
    raw = read_file(csv_text(table).encode(), name="mine.csv")
    assert raw.names == ("image_id", "-truth", "x")
    assert list(raw.column("image_id").text.to_pylist()) == list(FORMULAS[:6])
    assert list(raw.column("-truth").text.to_pylist()) == ["=yes", "no"] * 3
    assert list(raw.column("x").text.to_pylist()) == ["-0.5"] * 6


def test_no_page_or_command_writes_a_csv_by_itself():
    found = []
    for path in (*ROOT.glob("pages/**/*.py"), *ROOT.glob("core/**/*.py")):
        if path.name == "csv_text.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == "to_csv":
                found.append(path.name)
            if isinstance(node, ast.Attribute) and node.attr == "writer":
                found.append(path.name)
    # Its rows are appended one by one, each through safe_cell.
    assert set(found) <= {"predict_folder.py"}
    assert "safe_cell" in (ROOT / "core/predict_folder.py").read_text(encoding="utf-8")
