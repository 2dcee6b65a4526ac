"""How far answers move, as figures, a table and sentences."""

import numpy as np
import pandas as pd
import pytest

from core.data.harmless_changes import CHANGES, WORST
from core.evaluation.metrics import SHIFTS, metric_info
from core.plots import stability as plots
from core.plots.look import Look, method_styles
from core.text import NO_BREAK, to_markdown
from tests.synthetic import TASKS

TASK = TASKS["utkface"]
AGE = metric_info("age.instability", TASK)
GENDER = metric_info("gender.flip_rate", TASK)
METHODS = ("baseline", "ins", "lds")
LABELS = {"baseline": "Baseline", "ins": "INS", "lds": "LDS"}
LOOK = Look(METHODS, method_styles(METHODS, "baseline"), LABELS, "baseline")
MEANS = {"baseline": 1.25, "ins": 3.5, "lds": np.nan}


def table(key="age.instability", factor=1.0):
    """Rows of a comparison; under the change at place p the mean times 1 + p / 10."""
    rows = []
    for method, mean in MEANS.items():
        scaled = mean * factor
        for place, change in enumerate(("", *SHIFTS)):
            value = scaled * (1 + place / 10)
            rows.append(
                {
                    "method": method,
                    "metric": f"{key}[{change}]" if change else key,
                    "n": 0 if np.isnan(mean) else 640,
                    "seeds": 2,
                    "mean": value,
                    "sd": 0.1,
                    "low": value - 0.25 * factor,
                    "high": value + 0.25 * factor,
                }
            )
    return pd.DataFrame(rows)


def test_a_mark_a_method_with_its_interval_and_none_where_it_is_unknown():
    figure = plots.plot_instability(table(), AGE, LOOK)
    assert [trace.y[0] for trace in figure.data] == ["Baseline", "INS"]
    first = figure.data[0]
    assert first.x[0] == 1.25
    assert first.text[0] == "1.25"
    assert first.error_x.array[0] == pytest.approx(0.25)
    assert "1.25 years [1.00, 1.50], 640 images" in first.hovertemplate
    assert figure.layout.xaxis.title.text == "Age instability (years)"


def test_shares_are_shown_in_per_cent():
    shares = table("gender.flip_rate", 0.01)
    figure = plots.plot_instability(shares, GENDER, LOOK)
    assert figure.data[0].x[0] == pytest.approx(1.25)
    assert "(2.3 %)" in plots.worst_takeaway(shares, GENDER, METHODS[:1])


def test_the_table_has_every_change_and_marks_the_one_that_moves_most():
    found = plots.tabulate_changes(table(), AGE, LOOK)
    assert list(found) == [
        "Method",
        *(CHANGES[change].label for change in CHANGES),
        "worst",
    ]
    assert found["Method"].tolist() == ["Baseline", "INS"]
    assert found["20 % darker"].map(to_markdown).tolist() == ["**2.25**", "**6.30**"]
    assert found["worst"].tolist() == ["2.38", "6.65"]
    assert found["256 px"].tolist() == ["1.38", "3.85"]


def test_sentences_name_the_lowest_the_highest_and_the_changes():
    assert plots.instability_takeaway(table(), AGE, LOOK) == (
        "On Age instability: Baseline 1.25 years (the lowest), INS 3.50 years (the "
        "highest)."
    )
    alone = plots.instability_takeaway(table(), AGE, LOOK.only(METHODS[:1]))
    assert alone == "On Age instability: Baseline 1.25 years."
    assert plots.worst_takeaway(table(), AGE, METHODS) == (
        "Answers change most when the image is 20 % darker (4.28 years), and least "
        "when it is 256 px (2.61 years), as a mean over the methods shown."
    )
    assert "methods shown" not in plots.worst_takeaway(table(), AGE, METHODS[:1])


def test_what_was_not_measured_is_named_and_else_nothing():
    assert plots.unmeasured_note(table(), AGE, LOOK) == "Not measured: LDS."
    assert plots.unmeasured_note(table(), AGE, LOOK.only(METHODS[:2])) == ""
    unknown = "How far answers move was not measured for any of the methods shown."
    assert plots.instability_takeaway(table(), AGE, LOOK.only(METHODS[2:])) == unknown
    assert plots.worst_takeaway(table(), AGE, METHODS[2:]) == unknown
    figure = plots.plot_instability(table(), AGE, LOOK.only(METHODS[2:]))
    assert len(figure.data) == 0


def test_moves_in_a_few_words_by_task_and_method():
    both = pd.concat([table(), table("gender.flip_rate", 0.01)])
    found = plots.moves_in_words(both, [AGE, GENDER], METHODS)
    assert found["age"] == {
        "baseline": f"moves{NO_BREAK}1.2 on average",
        "ins": f"moves{NO_BREAK}3.5 on average",
    }
    assert found["gender"]["ins"] == f"flips{NO_BREAK}3.5{NO_BREAK}%"


def test_the_download_holds_every_change_and_no_other_metric():
    rows = plots.instability_frame(pd.concat([table(), table("age.mae")]), AGE)
    assert set(rows["metric"]) == {
        "age.instability",
        *(f"age.instability[{change}]" for change in (*CHANGES, WORST)),
    }
    assert len(rows) == len(METHODS) * (len(SHIFTS) + 1)
