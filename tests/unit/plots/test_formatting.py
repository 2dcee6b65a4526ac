"""Numbers and counts, written as they are read."""

import pandas as pd
import pytest

from core.language import speaking
from core.plots.formatting import feature_label, interval, score_cell, signed
from core.text import NO_BREAK, listed, number, strong


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1234.5678, 1, "1,234.6"),
        (-0.5, 2, "−0.50"),
        (-0.0004, 2, "0.00"),
        (float("nan"), 2, "–"),
    ],
)
def test_number(value, digits, text):
    assert number(value, digits) == text


def test_signed_writes_the_sign_of_a_difference():
    assert signed(0.25, 2) == "+0.25"
    assert signed(-0.25, 2) == "−0.25"
    assert signed(0.0, 2) == "0.00"
    assert signed(0.001, 2) == "0.00"


def test_words():
    assert interval(1, 2.5, 1) == "[1.0, 2.5]"
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_score_cell_writes_mean_interval_and_verdict():
    row = pd.Series({"mean": 8.5, "low": 8.0, "high": 9.0, "verdict": "better"})
    row["scope"] = "method"
    cell = score_cell(row, 1).replace(NO_BREAK, " ")
    assert cell.startswith(f"{strong(8.5)} [8.0, 9.0]")
    assert "▲ better" in cell


def test_a_feature_is_named_in_the_language_that_is_spoken():
    names = ("group", "age_bin", "gender × ethnicity", "skin_tone")
    english = ["Group", "Age bin", "Gender × ethnicity", "Skin tone"]
    assert [feature_label(name) for name in names] == english
    with speaking("fr"):
        said = [feature_label(name) for name in names]
    assert said == ["Groupe", "Âge (tranches)", "Genre × ethnicité", "Skin tone"]
