"""Groups of images by everything known of them."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.grouping import MAX_GROUPS
from core.evaluation.slice_features import collect_features, truth_feature
from tests.oracles import AGE, FOUR, TWO

ROWS = 40
IDS = [f"i{i}" for i in range(ROWS)]


def grouped(sensitive=("site",), tasks=(AGE, TWO), **attributes):
    table = pd.DataFrame(
        {
            "image_id": IDS,
            "site": ["x", "y"] * (ROWS // 2),
            "age_true": np.arange(ROWS, dtype=float) + 1,
            "two_true": ["no"] * 10 + ["yes"] * 30,
        }
    )
    known = pd.DataFrame(attributes, index=IDS) if attributes else None
    return collect_features(table, list(tasks), sensitive, known)


def test_sensitive_features_come_first_then_truths():
    found = grouped()
    assert found.names == ("site", "age_bin", "two")
    groups = found.groups.loc["i14"]
    assert groups.to_dict() == {"site": "x", "age_bin": "10-19", "two": "yes"}
    assert [truth_feature(task) for task in (AGE, TWO, FOUR)] == [
        "age_bin",
        "two",
        "four",
    ]


def test_numbers_are_cut_at_their_quartiles():
    values = np.random.default_rng(1).normal(5, 2, ROWS)
    column = grouped(light=values).groups["light"]
    expected = pd.qcut(values, 4, labels=False)
    # Edges are written with three digits: an image beside one may change sides.
    codes = column.cat.codes.to_numpy()
    assert (codes == expected).sum() >= ROWS - 2
    below, *between, above = column.cat.categories
    assert below.startswith("below ")
    assert above.endswith(" or more")
    assert all(" to " in name for name in between)
    edge = float(below.removeprefix("below "))
    assert (codes == 0).tolist() == (values < edge).tolist()


def test_few_numbers_truth_values_and_words_stay_as_they_are():
    found = grouped(
        grade=[1.0, 2.0, 2.5, 3.0] * 10,
        hat=[True, False] * 20,
        sign=[-1, 1] * 20,
        colour=["red", None, " ", "blue"] * 10,
        partly=[True, None] * 20,
    ).groups
    assert list(found["grade"].cat.categories) == ["1", "2", "2.5", "3"]
    assert found["hat"].tolist()[:2] == ["yes", "no"]
    assert found["sign"].tolist()[:2] == ["no", "yes"]
    assert found["colour"].tolist()[:4] == ["red", "unknown", "unknown", "blue"]
    assert found["partly"].tolist()[:2] == ["yes", "unknown"]


def test_what_tells_nothing_is_left_out_with_its_reason():
    found = grouped(same=["a"] * ROWS, age=np.arange(ROWS))
    assert found.left_out == {"same": "the same for all images"}
    # The bins of the age are there: its number is not a feature of its own.
    assert "age" not in found.names
    rows = MAX_GROUPS + 1
    table = pd.DataFrame({"image_id": [f"i{i}" for i in range(rows)]})
    names = pd.DataFrame({"name": table["image_id"]}).set_axis(table["image_id"])
    found = collect_features(table, [], (), names)
    assert found.left_out == {"name": f"more than {MAX_GROUPS} groups"}


def test_images_that_no_attribute_is_known_of_are_a_group():
    table = pd.DataFrame({"image_id": IDS})
    known = pd.DataFrame({"light": np.linspace(0, 1, 30)}, index=IDS[10:])
    column = collect_features(table, [], (), known).groups["light"]
    assert (column == "unknown").sum() == 10
    assert column.iloc[:10].eq("unknown").all()


@pytest.mark.parametrize("offset", [0, 1e6])
def test_edges_have_as_many_digits_as_tell_them_apart(offset):
    values = offset + np.linspace(0, 1, ROWS)
    column = grouped(light=values).groups["light"]
    assert column.nunique() == 4
    assert column.value_counts().max() <= ROWS / 4 + 2
