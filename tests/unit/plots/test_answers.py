"""Answers to single images in words."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.alignment import align_predictions
from core.evaluation.answers import NUMBER_ORDERS, collect_answers, orders_of
from core.plots import answers as plots
from core.tasks import Multiclass, Regression
from core.text import coloured, strong, to_markdown

KIND = Multiclass("kind", "Kind", ("a*b", "c_d"))
AGE = Regression("age", "Age", "years", 1, 80, 10)
LABELS = {"m": "Mine", "n": "New"}
IMAGES = pd.DataFrame({"image_id": ["i0", "i1"], "age_bin": ["0-9", "10-19"]})


def answers_of(task, **said):
    truth = [5.0, 12.0] if task is AGE else ["a*b", "c_d"]
    tables = {}
    for method, (values, probabilities) in said.items():
        table = pd.DataFrame(
            {
                "image_id": IMAGES["image_id"],
                f"{task.name}_true": truth,
                f"{task.name}_pred": values,
            }
        )
        for name, p in (probabilities or {}).items():
            table[f"{task.name}_p_{name}"] = np.array(p, np.float32)
        tables[method, 0] = table
    aligned = align_predictions(tables, [task], "m")
    return collect_answers(aligned, task, IMAGES["image_id"].to_numpy())


@pytest.fixture
def kinds():
    sure = {"a*b": [0.9, 0.8], "c_d": [0.1, 0.2]}
    return answers_of(KIND, m=(["a*b", "a*b"], sure), n=(["a*b", "c_d"], None))


def test_a_line_says_right_or_wrong_by_a_sign_and_how_probable(kinds):
    lines = plots.answer_lines(kinds, 1, LABELS)
    wrong, right = coloured("red", strong("✗")), coloured("green", strong("✓"))
    assert lines[0] == f"{wrong} Mine: a*b 80\N{NO-BREAK SPACE}%"
    assert lines[1] == f"{right} New: c_d"


def test_a_number_stands_with_its_error():
    found = answers_of(AGE, m=([11.5, 12.0], None))
    assert plots.answer_text(found, "m", 0) == "11.5 (+6.5)"
    assert plots.answer_text(found, "m", 1) == "12.0 (0.0)"
    assert plots.truth_text(found, 0) == "5 years"


def test_the_table_holds_every_answer_and_group(kinds):
    table = plots.shown_table(kinds, IMAGES, [1, 0], LABELS)
    assert list(table) == ["Image", "Truth", "Age bin", "Mine", "New"]
    assert table["Age bin"].tolist() == ["10-19", "0-9"]
    assert table["New"].tolist() == ["✓ c_d", "✓ a*b"]
    assert table["Mine"].tolist()[0].startswith("✗ a*b 80")


@pytest.mark.parametrize(
    ("kind", "unit", "expected"),
    [
        ("any", "", "Any"),
        ("all-right", "", "All 2 right"),
        ("all-wrong", "years", "All 2 farther than 5 years"),
        ("only-right:n", "", "Only New right"),
        ("only-wrong:n", "years", "Only New farther than 5 years"),
    ],
)
def test_agreement_is_named_for_classes_and_for_numbers(kind, unit, expected):
    assert plots.agreement_name(kind, LABELS, 2, unit) == expected


def test_agreement_of_one_method_is_its_own():
    assert plots.agreement_name("all-right", LABELS, 1, "") == "Right"
    assert plots.agreement_name("all-wrong", LABELS, 1, "years") == (
        "Farther than 5 years"
    )


def test_gallery_takeaway_says_how_many_of_how_many(kinds):
    order = orders_of(kinds, "m")["confident"]
    said = plots.gallery_takeaway(kinds, "m", "Mine", 2, 1, order)
    assert said.startswith(
        "All 2 test images match the filters. Mine is wrong on 1 of them (50.0\xa0%)."
    )
    said = plots.gallery_takeaway(kinds, "m", "Mine", 1, 1, order)
    assert said.startswith(
        "1 of 2 test images matches the filters. Mine is wrong on all"
    )
    said = plots.gallery_takeaway(kinds, "m", "Mine", 1, 0, order)
    assert "is wrong on none of them." in said
    said = plots.gallery_takeaway(kinds, "m", "Mine", 0, 0, order)
    assert said == "None of 2 test images matches the filters."


def test_gallery_takeaway_of_a_number_says_what_counts_as_off():
    found = answers_of(AGE, m=([11.5, 12.0], None))
    order = NUMBER_ORDERS["largest"]
    said = plots.gallery_takeaway(found, "m", "Mine", 2, 1, order)
    assert "Mine is more than 5 years off on 1 of them" in said


def test_markdown_in_a_name_is_only_text(kinds):
    (line, *_) = plots.answer_lines(kinds, 1, {**LABELS, "m": "[c](d)"})
    assert r"\[c\](d): a\*b" in to_markdown(line)
