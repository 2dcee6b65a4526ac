"""Names that others will see are text: nothing that a page would load or hide."""

import pandas as pd
import pytest

from core.importing.file_findings import PredictionsError, faults_in
from core.importing.naming import check_safe
from core.importing.predictions import load_test_set, prepare
from core.importing.table_study import prepare_study
from core.importing.task_kind import LayoutChoices
from tests.imports import STUDY, long, read, theirs, wide

IMAGE = "![x](https://evil.example/p.png)"


@pytest.mark.parametrize(
    "text",
    [
        IMAGE,
        "![x][y]",
        "a](https://evil.example) [b",
        "<img src=x>",
        "</p>",
        "<!-- x",
        "a\nb",
        "a\x00b",
        "a\x1b[31mb",
        "a\x85b",
        "a\u202eb",
        "a\u2066b",
    ],
)
def test_what_is_more_than_text_is_refused(text):
    (fault,) = faults_in(check_safe("a class", text))
    assert ascii(text) in fault.problem
    assert fault.problem.isprintable()


@pytest.mark.parametrize(
    "text",
    ["ResNet-50 (v2)", "a < 5 > 3", "[0, 10)", "5 < x", "R&D!", "皮肤", "naïve", "e*3"],
)
def test_ordinary_signs_are_taken(text):
    assert not check_safe("a class", text)


def in_cell(table, column):
    """The table with the image in every cell that holds what its fourth row does."""
    return table.replace({column: {table[column].iloc[3]: IMAGE}})


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        (in_cell(wide(), "image_id"), {}, "the id of an image"),
        (
            in_cell(wide(), "truth"),
            {"choices": LayoutChoices(kind="multiclass")},
            "a class",
        ),
        (in_cell(wide(), "site"), {}, "a group"),
        (in_cell(long(), "method"), {}, "the name of a method"),
        (wide(), {"choices": LayoutChoices(classes=("yes", "no", IMAGE))}, "a class"),
        (wide(), {"title": IMAGE}, "the title of a study"),
        (wide(), {"name": f"a {IMAGE}"}, "the title of a study"),
    ],
)
def test_names_from_a_table_are_refused(store, table, options, said):
    with pytest.raises(PredictionsError) as caught:
        prepare_study(read(table), **{"name": "My table", **options})
    faults = faults_in(caught.value.findings)
    (fault,) = [f for f in faults if f"cannot be {said}:" in f.problem]
    # Cells are named with their rows, what a person wrote has none.
    is_cell = not options.get("title") and IMAGE not in str(options)
    assert [p.row for p in fault.places[:1]] == [
        row for row in range(1, len(table) + 1) if IMAGE in set(table.iloc[row - 1])
    ][:1] * is_cell


@pytest.mark.parametrize("column", [IMAGE, "a\nb"])
def test_columns_and_files_are_refused_as_they_are_read(column):
    with pytest.raises(PredictionsError, match="the name of a column"):
        read(pd.DataFrame({"image_id": ["a"], column: [1]}), "mine.parquet")
    with pytest.raises(PredictionsError, match="the name of a file"):
        read(pd.DataFrame({"image_id": ["a"]}), f"{column}.csv")


def test_the_name_of_a_method_is_refused(study):
    with pytest.raises(PredictionsError, match="the name of a method"):
        prepare(read(theirs()), load_test_set(STUDY), name=f"net {IMAGE}")
