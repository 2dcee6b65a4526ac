"""The figure of conformal coverage, and what is said of it."""

import pandas as pd
import pytest

from core.evaluation.conformal_coverage import PREDICTION, TOO_LOW, TRUTH
from core.plots.conformal_coverage import (
    coverage_table,
    coverage_takeaway,
    groups_of,
    part_label,
    plot_coverage,
    plot_width,
)
from core.text import NO_BREAK, to_plain
from tests.oracles import AGE
from tests.unit.plots.test_calibration import look

METHODS = ("baseline", "ins")


def rows(verdicts=(TOO_LOW, "", TOO_LOW, "")):
    whole = pd.DataFrame(
        {
            "method": METHODS,
            "part": "",
            "group": "",
            "coverage": [0.86, 0.89],
            "low": [0.84, 0.86],
            "high": [0.88, 0.91],
            "width": [25.0, 26.0],
            "images": 400.0,
            "verdict": [TOO_LOW, ""],
        }
    )
    parts = pd.DataFrame(
        {
            "method": ["baseline", "baseline", "ins", "ins"],
            "part": TRUTH,
            "group": ["20-29", "10-19", "20-29", "10-19"],
            "coverage": [0.78, 0.92, 0.81, 0.75],
            "low": [0.7, 0.9, 0.75, 0.6],
            "high": [0.85, 0.95, 0.86, 0.92],
            "width": [31.2, 12.6, 30.0, 14.0],
            "images": [80.0, 80.25, 80.0, 79.0],
            "verdict": verdicts,
        }
    )
    return pd.concat([whole, parts], ignore_index=True)


def said(table, methods=METHODS):
    text = coverage_takeaway(table, AGE, look(methods), what="True age")
    return to_plain(text).replace(NO_BREAK, " ")


def test_the_worst_group_by_its_verdict_is_said():
    assert said(rows()) == (
        "True age 20-29: only 78 % of the intervals of Baseline hold the truth, not "
        "90 %. In 1 of 2 groups, at least one method is certainly below 90 %. Over all "
        "images, the coverage is 86 to 89 %. The intervals of Baseline are 13 years "
        "wide in 10-19 and 31 in 20-29."
    )


def test_without_a_verdict_nothing_is_certain():
    text = said(rows(("",) * 4), ("ins",))
    assert text.startswith(
        "No group is certainly below 90 %. The lowest is INS, true age 10-19: 75 %. "
        "Over all images, the coverage is 89 %. The intervals of INS"
    )


def test_both_figures_have_the_groups_in_order():
    assert groups_of(rows(), AGE) == ("All images", "10-19", "20-29")
    names = pd.DataFrame({"group": ["male", "female", "male"], "part": "gender"})
    assert groups_of(names, AGE) == ("male", "female")
    figure = plot_coverage(rows(), AGE, look(METHODS), x_title="True age")
    assert list(figure.data[0].y) == pytest.approx([86, 92, 78])
    assert list(figure.data[0].error_y.arrayminus) == pytest.approx([2, 2, 8])
    assert figure.layout.yaxis.title.text == "Coverage (%); promised: 90"
    promised = [s for s in figure.layout.shapes if s.y0 == s.y1 == 90]
    assert len(promised) == 1
    width = plot_width(rows(), AGE, look(METHODS), x_title="True age")
    assert list(width.data[1].y) == [26.0, 14.0, 30.0]
    assert not width.data[1].error_y.visible
    assert "[" not in "".join(width.data[1].customdata)
    assert "years" in width.layout.yaxis.title.text


def test_the_table_has_coverage_interval_width_and_images():
    table = coverage_table(rows(), AGE, look(METHODS))
    assert table["Group"].tolist() == ["All images", "10-19", "20-29"]
    assert table["Images"].tolist() == ["400", "79 to 80", "80"]
    cell = to_plain(table["Baseline"][2]).replace("\N{NO-BREAK SPACE}", " ")
    assert cell == "78 % [70, 85] too low, 31.2 years"


def test_parts_have_names():
    assert part_label(PREDICTION, AGE) == "Predicted age"
    assert part_label(TRUTH, AGE) == "True age"
    assert part_label("skin_tone", AGE) == "Skin tone"
