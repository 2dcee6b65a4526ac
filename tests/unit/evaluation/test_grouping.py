"""Images by the groups of sensitive features."""

import numpy as np
import pandas as pd
import pytest

from core.errors import EquipoiseError
from core.evaluation.comparison import compare_runs
from core.evaluation.grouping import (
    ALL_IMAGES,
    MAX_GROUPS,
    MISSING,
    group_images,
    group_labels,
)
from tests.synthetic import TASKS, synthetic_tables

UTKFACE = TASKS["utkface"]


@pytest.fixture(scope="module")
def tables():
    return synthetic_tables(methods=("baseline", "ins"), seeds=(0, 1))


def test_groups_come_in_the_order_of_the_classes(tables):
    def names(*features):
        table = tables["baseline", 0]
        return group_images(table, UTKFACE, features).names

    assert names("ethnicity") == UTKFACE[2].classes
    assert names("age_bin") == UTKFACE[0].bin_labels
    assert names("gender", "ethnicity")[:2] == ("male × White", "male × Black")
    levels = group_images(tables["baseline", 0], UTKFACE, ("gender", "age_bin")).levels
    assert levels.loc["female × 70-79"].tolist() == ["female", "70-79"]


def test_groups_of_no_task_come_in_natural_order():
    sites = ["site 10", "site 9", "Site 1", "12", "3", None]
    table = pd.DataFrame({"site": sites})
    names = ("3", "12", "Site 1", "site 9", "site 10", "unknown")
    assert group_images(table, (), ["site"]).names == names


def test_images_without_a_group_are_a_group_of_their_own(tables):
    table = tables["baseline", 0].copy()
    table.loc[:4, "gender"] = None
    grouping = group_images(table, UTKFACE, ["gender"])
    assert grouping.names == ("male", "female", "unknown")
    assert grouping.counts[2] == 5


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_group_without_a_name_is_not_taken_for_all_images(blank):
    table = pd.DataFrame(
        {"image_id": np.arange(60), "age_true": 30.0, "shape": ["A", blank, "B"] * 20}
    )
    tables = {("m", seed): table.assign(age_pred=31.0 + seed) for seed in (0, 1)}
    assert group_images(table, UTKFACE, ["shape"]).names == ("A", "B", MISSING)
    found = compare_runs(tables, UTKFACE, "m", by=["shape"], metrics=["age.mae"])
    assert found.row("m", "age.mae")["images"] == 60
    assert found.row("m", "age.mae", group=MISSING)["images"] == 20
    assert MISSING in set(group_labels(table, UTKFACE, "shape"))


def test_all_images_are_one_group_without_features(tables):
    whole = group_images(tables["baseline", 0], UTKFACE, ())
    assert whole.is_whole
    assert whole.names == ()
    assert whole.measured == (ALL_IMAGES,)
    assert (whole.dense == 0).all()


def test_labels_are_those_of_the_groups(tables):
    table = tables["baseline", 0]
    bins = group_labels(table, UTKFACE, "age_bin")
    decade = (table["age_true"] // 10 * 10).astype(int)
    assert (bins == decade.map(lambda low: f"{low}-{low + 9}")).all()
    crossed = group_images(table, UTKFACE, ["gender", "age_bin"])
    expected = table["gender"] + " × " + bins
    assert (np.array(crossed.names)[crossed.codes] == expected).all()


def test_crossings_without_an_image_are_there_to_be_seen():
    table = pd.DataFrame(
        {
            "image_id": list("stuvwxyz"),
            "shape": list("AAAABBBB"),
            "size": list("AABBAAAA"),  # no image is B × B
        }
    )
    grouping = group_images(table, (), ["shape", "size"])
    assert grouping.names == ("A × A", "A × B", "B × A", "B × B")
    assert grouping.counts.tolist() == [2, 2, 4, 0]
    assert grouping.measured == ("A × A", "A × B", "B × A", ALL_IMAGES)
    assert grouping.dense.tolist() == [0, 0, 1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (["shoe"], "no sensitive feature 'shoe'"),
        (["gender", "gender"], "each feature once"),
        (["image_id"], f"at most {MAX_GROUPS}"),
    ],
)
def test_features_that_cannot_be_grouped_by_are_said(tables, features, message):
    with pytest.raises(EquipoiseError, match=message):
        group_images(tables["baseline", 0], UTKFACE, features)
    with pytest.raises(EquipoiseError, match=message):
        compare_runs(tables, UTKFACE, "baseline", by=features)


def test_categories_give_what_their_labels_give(tables):
    options = {"by": ["ethnicity", "age_bin"], "metrics": ["gender.recall"]}
    columns = ("ethnicity", "gender", "gender_true", "gender_pred")
    coded = {
        run: table.astype(dict.fromkeys(columns, "category"))
        for run, table in tables.items()
    }
    for table in coded.values():
        # A category without a row is no group, and no unknown label either.
        table["ethnicity"] = table["ethnicity"].cat.add_categories(["Nobody"])
    plain = compare_runs(tables, UTKFACE, "baseline", resamples=100, **options)
    found = compare_runs(coded, UTKFACE, "baseline", resamples=100, **options)
    pd.testing.assert_frame_equal(found.cells, plain.cells)
