"""Views of a study's data, against its manifest when that is counted again."""

import numpy as np
import pandas as pd
import pytest

from core.data.preprocessing_stages import DRAWN_SIDE
from core.errors import NothingToShow, ViewError
from core.language import speaking
from core.runs import MANIFEST_FILE, shipped_store
from core.views import data, preprocessing, samplers
from core.views.catalog import draw_view
from core.views.studies import open_study
from core.views.study_view import StudyView


@pytest.fixture(scope="module")
def view() -> StudyView:
    return open_study("avatars")


@pytest.fixture(scope="module")
def manifest() -> pd.DataFrame:
    return pd.read_parquet(shipped_store() / "avatars" / MANIFEST_FILE)


def test_the_split_is_counted(view: StudyView, manifest: pd.DataFrame) -> None:
    drawn = draw_view("data-split", view, {})
    assert drawn.numbers is not None
    values = dict(drawn.numbers.frame.itertuples(index=False))
    for split in ("training", "validation", "test"):
        number = int((manifest["split"] == split).sum())
        assert values[f"{split.capitalize()} images"] == f"{number:,}"
        assert f"{number:,} {split} images" in drawn.takeaway


def test_classes_are_counted_by_split(view: StudyView, manifest: pd.DataFrame) -> None:
    drawn = draw_view("data-classes", view, {"column": "hair"})
    assert drawn.data is not None
    expected = manifest.groupby(["split", "hair"], observed=True).size()
    for row in drawn.data.to_dict("records"):
        assert row["n"] == expected.get((row["split"], row["class"]), 0)
    as_counts = draw_view("data-classes", view, {"column": "hair", "share": False})
    (figure,) = as_counts.figures.values()
    assert figure.layout.yaxis.title.text == "images"
    with pytest.raises(ViewError, match="no target or sensitive feature 'hat'"):
        draw_view("data-classes", view, {"column": "hat"})


def test_the_most_imbalanced_column_is_named(
    view: StudyView, manifest: pd.DataFrame
) -> None:
    drawn = draw_view("data-imbalance", view, {})
    assert drawn.numbers is not None
    table = drawn.numbers.frame.set_index("Column")["Imbalance ratio"]
    counts = manifest.loc[manifest["split"] == "training", "hair"].value_counts()
    assert float(table["Hair"]) == pytest.approx(counts.max() / counts.min(), abs=0.05)


def test_a_crossing_counts_pairs(view: StudyView, manifest: pd.DataFrame) -> None:
    asked = {"rows": "hair", "columns": "group", "split": "test"}
    drawn = draw_view("data-crossing", view, asked)
    assert drawn.data is not None
    test = manifest[manifest["split"] == "test"]
    expected = test.groupby(["hair", "group"], observed=True).size()
    table = drawn.data.set_index("Hair")
    for (hair, group), number in expected.items():
        assert table.loc[hair, group] == number
    assert table.to_numpy().sum() == len(test)
    with pytest.raises(ViewError, match="no other column 'hair'"):
        draw_view("data-crossing", view, {"rows": "hair", "columns": "hair"})


def test_weights_have_mean_one_and_alpha_zero_weighs_alike(view: StudyView) -> None:
    drawn = draw_view("data-weights", view, {"task": "age", "alpha": 1.0})
    assert drawn.data is not None
    assert np.average(drawn.data["weight"], weights=drawn.data["n"]) == pytest.approx(1)
    alike = draw_view("data-weights", view, {"alpha": 0.0}).data
    assert alike is not None
    assert alike["weight"].to_numpy() == pytest.approx(1)
    with pytest.raises(ViewError, match="from 0 to 2"):
        draw_view("data-weights", view, {"alpha": 3.0})


def test_classes_only_are_not_weighed() -> None:
    with pytest.raises(NothingToShow, match="predicts classes only"):
        draw_view("data-weights", open_study("avatars-softbio"), {})


def test_flipped_labels_are_counted() -> None:
    drawn = draw_view("data-flipped", open_study("avatars-softbio"), {})
    assert drawn.data is not None
    path = shipped_store() / "avatars-softbio" / MANIFEST_FILE
    manifest = pd.read_parquet(path)
    wrong = int((manifest["target"] != manifest["target_clean"]).sum())
    assert drawn.data["flipped"].sum() == wrong


def test_label_noise_is_that_between_label_and_truth(
    view: StudyView, manifest: pd.DataFrame
) -> None:
    drawn = draw_view("data-noise", view, {"feature": "group"})
    assert drawn.data is not None
    off = (manifest["age"] - manifest["age_clean"]).abs()
    expected = off.groupby(manifest["group"].astype(str)).mean()
    (title,) = (name for name in drawn.data if str(name).startswith("Age label off"))
    found = drawn.data.set_index("group")[title]
    assert found.to_dict() == pytest.approx(expected.to_dict())


def test_a_sampler_of_equal_classes_shows_each_as_often(view: StudyView) -> None:
    drawn = draw_view("data-sampler", view, {"sampler": "deepsmote", "column": "hair"})
    assert drawn.data is not None
    shown = drawn.data["in an epoch"].iloc[:-1]
    assert shown.nunique() == 1
    assert "shows every class as often" in drawn.takeaway
    with pytest.raises(ViewError, match="no sampler or column 'hat'"):
        draw_view("data-sampler", view, {"column": "hat"})
    with pytest.raises(ViewError, match="no sampler or column 'mixdown'"):
        draw_view("data-sampler", view, {"sampler": "mixdown"})


def test_a_sampler_draws_the_same_from_the_same_seed(view: StudyView) -> None:
    first, again, other = (
        samplers.load_sampled(view, "mixup", "hair", seed).drawn.share
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_levels_before_and_after_preprocessing_are_shares(view: StudyView) -> None:
    drawn = draw_view("data-preprocessing", view, {"tried": ("equalize",)})
    assert list(drawn.figures) == ["red", "green", "blue"]
    assert drawn.data is not None
    sums = drawn.data.groupby(["picture", "channel"])["share"].sum()
    assert sums.to_numpy() == pytest.approx(100)
    picture = next(iter(preprocessing.sample_ids(view)))
    method = next(iter(preprocessing.methods_by_sight(view)))
    stages = preprocessing.load_stages(view, method, picture, ())
    assert stages.before.shape[0] == DRAWN_SIDE
    assert f"from {stages.before.mean():.0f} to" in drawn.takeaway
    with pytest.raises(ViewError, match="no enhancement 'sharpen'"):
        draw_view("data-preprocessing", view, {"tried": ("sharpen",)})


def test_pictures_of_people_are_not_looked_at() -> None:
    with pytest.raises(NothingToShow, match="may not be passed on"):
        draw_view("data-preprocessing", open_study("utkface"), {})


def test_a_new_manifest_is_seen_at_once(
    tmp_path, monkeypatch: pytest.MonkeyPatch, manifest: pd.DataFrame
) -> None:
    folder = tmp_path / "avatars"
    folder.mkdir()
    monkeypatch.setattr("core.runs.shipped_store", lambda: tmp_path)
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path / "none"))
    assert data.find_manifest("avatars") is None
    for rows in (50, 60):
        manifest.head(rows).to_parquet(folder / MANIFEST_FILE)
        found = data.find_manifest("avatars")
        assert found is not None
        assert len(found) == rows


def test_views_are_said_in_french_and_in_english_again(view: StudyView) -> None:
    english = draw_view("data-classes", view, {"column": "age"})
    with speaking("fr"):
        french = draw_view("data-classes", view, {"column": "age"})
        split = draw_view("data-split", view, {})
    assert french.title == "Âge par partition"
    assert "un rapport de déséquilibre de 8,7." in french.takeaway
    (figure,) = french.figures.values()
    assert figure.layout.yaxis.title.text == "part de la partition (%)"
    assert figure.data[0].name == "entraînement (n = 3\u202f748)"
    assert split.numbers is not None
    assert "Images d’entraînement" in split.numbers.frame["Quoi"].tolist()
    # The rows of the file are the same in every language.
    assert french.data is not None
    assert english.data is not None
    pd.testing.assert_frame_equal(french.data, english.data)
    again = draw_view("data-classes", view, {"column": "age"})
    assert again.takeaway == english.takeaway
    assert "an imbalance ratio of 8.7." in again.takeaway


def test_why_an_image_is_left_out_is_said_and_kept_in_english() -> None:
    view = open_study("utkface")
    with speaking("fr"):
        drawn = draw_view("data-accounting", view, {})
    assert "asiatique, raréfié exprès par l’étude" in drawn.takeaway
    assert drawn.data is not None
    assert "Asian, thinned on purpose by the study" in drawn.data["what"].tolist()
