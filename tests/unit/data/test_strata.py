"""Strata that a test split was drawn by, told from predictions alone."""

import pandas as pd
import pytest

from core import runs
from core.data.catalog import test_strata as strata_of
from core.data.manifest import TEST


def predictions(study):
    return next(iter(runs.list_runs(study).runs)).predictions(TEST)


def test_utkface_has_64_strata_of_ten_and_says_so_without_its_photos() -> None:
    table = predictions("utkface")
    strata = strata_of(runs.study_of_runs("utkface"), table)
    assert strata.index.equals(table.index)
    sizes = strata.value_counts()
    assert len(sizes) == 64
    assert set(sizes) == {10}
    row = table.iloc[0]
    low = 10 * (int(row["age_true"]) // 10)
    said = f"{row['gender_true']} {row['ethnicity_true']} {low}-{low + 9}"
    assert strata.iloc[0] == said


def test_the_manifest_tells_the_same_strata() -> None:
    study = runs.study_of_runs("utkface")
    manifest = runs.shipped_manifest("utkface").query("split == 'test'")
    table = predictions("utkface")
    by_id = [
        strata_of(study, rows).set_axis(rows["image_id"]).sort_index()
        for rows in (table, manifest)
    ]
    pd.testing.assert_series_equal(*by_id, check_names=False)


def test_cifar_has_as_many_test_images_of_each_class() -> None:
    strata = strata_of(
        runs.study_of_runs("cifar10-lt-200"), predictions("cifar10-lt-200")
    )
    assert strata.value_counts().to_dict() == dict.fromkeys(sorted(set(strata)), 900)
    assert len(set(strata)) == 10


@pytest.mark.parametrize("name", ["avatars", "avatars-softbio"])
def test_a_split_that_keeps_the_shares_has_no_strata(name: str) -> None:
    assert strata_of(runs.study_of_runs(name), predictions(name)) is None


def test_without_a_column_there_are_none() -> None:
    table = predictions("utkface").drop(columns=["age_true"])
    assert strata_of(runs.study_of_runs("utkface"), table) is None
