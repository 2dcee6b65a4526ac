"""The Data page on run folders of known content."""

import pandas as pd
import pytest

from core.data.avatars import AvatarsOptions, sample_people
from tests.pages.opening import (
    open_page,
    words_of,
    write_report,
    write_study,
)


@pytest.fixture
def folder(store):
    write_study(store)
    return store


def look_at(view, *, study="utkface"):
    app = open_page("data", study=study)
    app.get_by_key("data_view").set_value(view).run()
    assert not app.exception
    return app


def test_split_says_how_many_and_which(folder):
    app = open_page("data", study="utkface")
    assert not app.exception
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Training images"] == "2,000"
    assert metrics["Test images"] == "256"
    assert metrics["Pairs of the same photo"] == "56"
    assert metrics["Differ in ethnicity"] == "11.0%"
    assert "Split fingerprint" in words_of(app)
    assert "non-commercial research" in words_of(app)


def test_incomplete_report_is_no_fault(folder):
    write_report(folder, "utkface", {"counts": {"found": 5}, "twins": {"pairs": 3}})
    app = open_page("data", study="utkface")
    assert not app.exception
    assert {metric.label for metric in app.metric} == {
        "Training images",
        "Validation images",
        "Test images",
        "Images found",
    }


def test_damaged_report_is_said(folder):
    (folder / "utkface" / "data.json").write_text("{")
    app = open_page("data", study="utkface")
    assert not app.exception
    assert "is damaged" in app.error[0].value


def test_distributions_follow_the_chosen_column(folder):
    app = look_at("Distributions")
    assert "Age: " in words_of(app)
    app.get_by_key("data_column_utkface").set_value("ethnicity").run()
    manifest = pd.read_parquet(folder / "utkface" / "manifest.parquet")
    white = (manifest[manifest["split"] == "training"]["ethnicity"] == "White").sum()
    assert f"White is the largest training class with {white:,} images" in words_of(app)
    app.get_by_key("data_unit").set_value("Images").run()
    assert not app.exception


def test_crossing_never_crosses_a_column_with_itself(folder):
    app = look_at("Crossings")
    for name in ("age", "gender", "ethnicity"):
        app.selectbox(key="data_rows_utkface").select(name).run()
        assert not app.exception
        assert name not in app.selectbox(key="data_columns_utkface").options
    app.get_by_key("data_split").set_value("test").run()
    assert "test images" in words_of(app)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0, 2.0])
def test_weights_follow_alpha(folder, alpha):
    app = look_at("Weights")
    app.slider(key="data_alpha").set_value(alpha).run()
    assert not app.exception
    assert f"With alpha = {alpha:g} " in words_of(app)
    assert "Skewness is" in words_of(app)


def test_pictures_of_people_are_never_shown(folder):
    app = look_at("Pictures")
    assert "its licence forbids" in app.info[0].value
    assert not app.get("image")


def test_generated_pictures_are_shown_with_their_labels(store):
    write_study(store, "avatars")
    people = sample_people(AvatarsOptions(count=200))
    people.to_parquet(store / "avatars" / "manifest.parquet")
    app = look_at("Pictures", study="avatars")
    shown = app.get("image")
    assert len(shown) >= 12
    app.get_by_key("data_view").set_value("Split").run()
    assert "Label noise by group" in words_of(app)


def test_no_manifest_says_what_to_do(store):
    app = open_page("data", study="avatars")
    assert not app.exception
    assert "equipoise train avatars" in app.info[0].value
