"""The Data page on run folders of known content."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.catalog import load_dataset
from core.data.generated_images import SAMPLE, GeneratedSample
from core.data.preprocessing_stages import DRAWN_SIDE
from core.data.readers.avatars import AvatarsOptions, sample_people
from core.methods.entries import ENTRIES
from core.runs import list_runs, write_study_files
from core.study import load_study
from pages.shell import pictures
from tests.bad_images import HEIGHT, WIDTH, encode, plain
from tests.dogs import BREEDS, write_dogs
from tests.pages.opening import (
    open_page,
    page_file,
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
    assert metrics["Differ in ethnicity"] == "11.0\xa0%"
    assert "Split fingerprint" in words_of(app)
    assert "non-commercial research" in words_of(app)


def test_split_says_how_many_images_have_a_near_copy(folder):
    app = open_page("data", study="utkface")
    assert "Near-copies" not in words_of(app)
    table = {"images": 256, "with_a_copy": 8, "share": 0.03125}
    found = {"removed_from_training": 0, "test_in_training": table}
    write_report(folder, "utkface", {"near_copies": found})
    app = open_page("data", study="utkface")
    assert not app.exception
    assert "8 of 256 test images (3.1\xa0%) in training" in words_of(app)
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Test images with a copy in training"] == "3.1\xa0%"


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


def test_what_cannot_be_read_is_listed_with_its_folder(folder):
    listed = [
        {"picture": f"{label}/1.png", "split": "training", "reason": "is damaged."}
        for label in ("cat", "dog")
    ]
    counts = {"found": 4, "left_out_by": {"cannot be read": 2}, "per_split": {}}
    write_report(folder, "utkface", {"counts": counts, "unreadable": listed})
    app = open_page("data", study="utkface")
    assert not app.exception
    labels = [expander.label for expander in app.expander]
    assert "2 pictures cannot be read, left out" in labels
    table = next(t.value for t in app.dataframe if "picture" in t.value)
    assert table["picture"].tolist() == ["cat/1.png", "dog/1.png"]
    assert table["drawn for"].tolist() == ["training"] * 2
    assert table["why"].tolist() == ["is damaged."] * 2
    assert "2 for 'cannot be read'" in words_of(app)
    write_report(folder, "utkface", {"unreadable": ["1.png is damaged."]})
    app = open_page("data", study="utkface")
    assert not app.exception
    assert "1 picture cannot be read, left out" in [e.label for e in app.expander]
    write_report(folder, "utkface", {"counts": counts})
    app = open_page("data", study="utkface")
    assert not any("cannot be read" in e.label for e in app.expander)


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
    assert "may not be passed on" in app.info[0].value
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


def test_labels_flipped_on_purpose_are_counted_by_group(store):
    study = load_study("avatars-softbio")
    options = {**study.dataset.options, "count": 200}
    dataset = study.dataset.model_copy(update={"options": options})
    study = study.model_copy(update={"dataset": dataset})
    manifest = load_dataset(study, None).manifest
    write_study_files(store, study, manifest, {})
    app = open_page("data", study="avatars-softbio")
    assert not app.exception
    words = words_of(app)
    assert "Labels flipped on purpose" in words
    flipped = (manifest["target"] != manifest["target_clean"]).sum()
    training = (manifest["split"] == "training").sum()
    assert f"flipped {flipped} of {training} training labels" in words
    assert "Test labels are as they were" in words
    assert "so the true values are known" not in words


@pytest.fixture
def avatars(store):
    people = sample_people(AvatarsOptions(count=200))
    write_study_files(store, load_study("avatars"), people, {})
    return store


def captions_of(app):
    return [image.proto.imgs[0].caption for image in app.get("image")]


def test_a_picture_is_shown_before_and_after_preprocessing(avatars):
    app = look_at("Before and after", study="avatars")
    size = load_study("avatars").model.image_size
    assert captions_of(app) == [
        f"Before: {DRAWN_SIDE} × {DRAWN_SIDE} pixels",
        f"After: {size} × {size} pixels",
    ]
    assert len(app.get("plotly_chart")) == 3
    words = words_of(app)
    assert "Preprocessing takes the mean level from" in words
    assert f"Applied, in this order: drawn at {size} × {size} pixels." in words
    app.get_by_key("data_tried_avatars").set_value(["Histogram equalisation"]).run()
    assert not app.exception
    assert "histogram equalisation (tried here only)" in words_of(app)


def test_augmentation_is_drawn_when_it_is_asked_for_only(avatars):
    app = look_at("Before and after", study="avatars")
    assert "rotated by up to 5°" in words_of(app)
    assert "augmented pictures" not in words_of(app)
    app.toggle(key="data_augment").set_value(True).run(timeout=120)
    assert not app.exception
    assert len(app.get("image")) == 2 + 6
    assert len(app.get("plotly_chart")) == 6
    first = words_of(app)
    assert "Over 6 draws the mean level lies between" in first
    assert "Seed 0: rotated by up to 5°" in first
    app.number_input(key="data_augment_seed").set_value(3).run()
    assert "Seed 3: rotated by up to 5°" in words_of(app)
    takeaway = next(line for line in first.split("\n") if "Over 6 draws" in line)
    assert takeaway not in words_of(app)


def test_opening_the_page_does_not_import_keras():
    code = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('pages/data/page.py', default_timeout=60)\n"
        "app.query_params['study'] = 'avatars'\n"
        "app.query_params['view'] = 'Before and after'\n"
        "app.run()\n"
        "assert not app.exception and len(app.get('image')) == 2\n"
        "sys.exit(bool({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_pictures_one_of_your_own_is_asked_for(folder):
    app = look_at("Before and after")
    assert not app.get("image")
    assert "choose *A picture of yours* above" in app.info[-1].value
    upload = app.get("file_uploader")[0]
    upload.upload("me.jpg", plain(), "image/jpeg").run()
    assert not app.exception
    assert captions_of(app)[0] == f"Before: {WIDTH} × {HEIGHT} pixels"
    assert "cropped to its largest centred square" in words_of(app)
    assert "No face is looked for here" in words_of(app)


@pytest.mark.parametrize("size", [(4000, 3), (3, 4000)])
def test_a_strip_is_shown_before_and_after(folder, size):
    app = look_at("Before and after")
    strip = encode(Image.new("RGB", size), "PNG")
    app.get("file_uploader")[0].upload("me.png", strip, "image/png").run()
    assert not app.exception
    assert captions_of(app)[0] == f"Before: {size[0]} × {size[1]} pixels"


def test_a_file_that_is_no_picture_is_said(folder):
    app = look_at("Before and after")
    upload = app.get("file_uploader")[0]
    upload.upload("me.jpg", b"Dear reader", "image/jpeg").run()
    assert not app.exception
    assert "me.jpg is not a picture" in app.error[0].value


def test_methods_that_see_pictures_otherwise_are_chosen_among(store):
    app = open_page("data", study="dogs-transfer")
    assert not app.exception
    assert "equipoise train dogs-transfer" in app.info[0].value
    chooser = app.selectbox(key="data_method_dogs-transfer")
    assert chooser.options == [
        "ResNet-50, frozen and 1 more",
        "ResNet-50, frozen, augmented and 1 more",
    ]
    app.get("file_uploader")[0].upload("me.jpg", plain(), "image/jpeg").run()
    assert captions_of(app)[1] == "After: 224 × 224 pixels"
    assert "nothing is changed at random" in words_of(app)
    chooser = app.selectbox(key="data_method_dogs-transfer")
    chooser.select("frozen-augmented").run()
    assert "rotated by up to 10°" in words_of(app)


def test_ones_own_copy_is_shown_on_ones_own_machine(store, tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    write_dogs(tmp_path / "stanford-dogs", dict.fromkeys(BREEDS, 10))
    options = {"breeds": 3, "crop_to_box": True, "equalize": True}
    study = load_study("dogs-cnn")
    table = study.dataset.model_copy(update={"options": options})
    study = study.model_copy(update={"dataset": table})
    loaded = load_dataset(study, tmp_path / "stanford-dogs")
    write_study_files(store, study, loaded.manifest, loaded.report)
    app = look_at("Before and after", study="dogs-cnn")
    assert not app.get("image")
    monkeypatch.setenv("EQUIPOISE_DATA", str(tmp_path))
    monkeypatch.setattr(pictures, "is_own_machine", lambda address: True)
    app = look_at("Before and after", study="dogs-cnn")
    assert captions_of(app) == ["Before: 60 × 48 pixels", "After: 128 × 128 pixels"]
    words = words_of(app)
    assert "cropped to the box" in words
    assert "histogram equalisation." in words
    app.get_by_key("data_view").set_value("Pictures").run()
    assert len(app.get("image")) == 3 * 6
    app.get_by_key("data_view").set_value("Distributions").run()
    assert "Breed: " in words_of(app)


def test_no_manifest_says_what_to_do(store):
    app = open_page("data", study="avatars")
    assert not app.exception
    assert "equipoise train avatars" in app.info[0].value


def test_a_copy_of_a_study_is_told_from_it_by_its_name(avatars):
    study = load_study("avatars").model_copy(update={"name": "copied"})
    people = sample_people(AvatarsOptions(count=60))
    write_study_files(avatars, study, people, {})
    app = open_page("data", study="copied")
    assert not app.exception
    options = app.selectbox(key="study").options
    assert {f"{study.title} (copied)", f"{study.title} (avatars)"} <= set(options)
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Images found"] == "60"


SAMPLER_NAMES = ("mixup", "cutmix", "remix", "cmo", "deepsmote")


def write_people(folder):
    """Runs of avatars, with a manifest whose pictures can be drawn."""
    write_study(folder, "avatars")
    people = sample_people(AvatarsOptions(count=200))
    people.to_parquet(folder / "avatars" / "manifest.parquet")
    return people


def look_at_samplers(study="avatars"):
    return look_at("Mixed and generated", study=study)


@pytest.mark.parametrize("name", SAMPLER_NAMES)
def test_samplers_that_change_pictures_tell_their_counts(folder, name):
    write_study(folder, "avatars")
    app = look_at_samplers()
    app.get_by_key("data_sampler").set_value(name).run()
    assert not app.exception
    entry = ENTRIES[name]
    assert entry.summary in words_of(app)
    table = app.table[0].value
    assert table.columns.tolist() == ["class", "images", "in an epoch", "times"]
    manifest = pd.read_parquet(folder / "avatars" / "manifest.parquet")
    training = manifest[manifest["split"] == "training"]
    assert table["images"].tolist()[-1] == f"{len(training):,}"
    words = {"mixup": "leaves the imbalance", "deepsmote": "shows every class as often"}
    words["cutmix"] = words["mixup"]
    assert words.get(name, "times as often") in words_of(app)
    heading = "Generated pictures" if name == "deepsmote" else "Two pictures and"
    assert any(heading in each.value for each in app.subheader)


def test_mixed_pictures_are_drawn_on_demand(folder):
    write_people(folder)
    app = look_at_samplers()
    app.get_by_key("data_sampler").set_value("cmo").run()
    assert not app.get("image")
    app.toggle(key="data_mix").set_value(True).run()
    assert not app.exception
    captions = captions_of(app)
    assert len(captions) == 3 * 4
    assert [each.split(":")[0] for each in captions[:3]] == ["First", "Second", "Mixed"]
    app.selectbox(key="data_sampler_on_avatars").select("glasses").run()
    assert not app.exception
    assert "on glasses, with the defaults" in words_of(app)


def test_without_generated_pictures_it_says_how_to_get_them(folder, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(folder / "cache"))
    write_study(folder, "avatars")
    app = look_at_samplers()
    app.get_by_key("data_sampler").set_value("deepsmote").run()
    assert "No generated pictures of these classes are here yet" in app.info[0].value
    assert "equipoise train avatars" in app.info[0].value


def test_generated_pictures_stand_beside_the_nearest_real_ones(folder, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(folder / "cache"))
    ids = write_people(folder)["image_id"].to_numpy(dtype=str)[:3]
    GeneratedSample(
        images=np.full((3, 16, 16, 3), 90, dtype=np.uint8),
        classes=np.array(["curly", "bald", "bald"]),
        first_id=ids,
        second_id=ids[::-1].copy(),
        share=np.array([0.75, 0.5, 0.6]),
        nearest_id=ids,
        distance=np.array([20.0, 24.0, 1.0]),
        real_distance=np.array([30.0, 30.0, 30.0]),
        on=np.array(["hair"]),
    ).write(list_runs("avatars").runs[0].folder / SAMPLE)
    app = look_at_samplers()
    app.get_by_key("data_sampler").set_value("deepsmote").run()
    assert not app.exception
    assert "1 of 3 are so near to a real one" in words_of(app)
    captions = [caption.replace("\u00a0", " ") for caption in captions_of(app)]
    assert captions[:4] == [
        "Generated: bald",
        "Nearest real: 24 levels",
        "First real: 50 %",
        "Second real: 50 %",
    ]
    assert len(captions) == 8
    # Of other classes there are none.
    app.selectbox(key="data_sampler_on_avatars").select("glasses").run()
    assert not app.exception
    assert "No generated pictures of these classes" in app.info[0].value


def test_pictures_of_people_are_neither_mixed_nor_generated(folder):
    app = look_at_samplers("utkface")
    assert not app.exception
    assert "may not be passed on" in app.info[0].value
    assert app.table
    assert not app.toggle


def test_the_page_is_read_in_french(folder):
    app = AppTest.from_file(str(page_file("data")), default_timeout=60)
    app.session_state["language"] = "fr"
    app.run()
    app.selectbox(key="study").select("utkface").run()
    for view in ("Distributions", "Croisements", "Partition"):
        app.get_by_key("data_view").set_value(view).run()
        assert not app.exception
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Images d’entraînement"] == "2\u202f000"
    assert metrics["Diffèrent\xa0: ethnicité"] == "11,0\xa0%"
    # The choice itself stays what an address holds.
    assert app.session_state["data_view"] == "Split"
