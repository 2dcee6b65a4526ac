"""The doubted labels on the Errors page, driven through the router."""

import json

import pandas as pd
import pytest

from core.data.readers import avatars
from core.runs import list_runs, shipped_manifest
from core.study import Study
from core.views.caching import clear_caches
from pages.errors.label_errors import SHOWN
from tests.synthetic import TASKS, write_store

TITLE = "Whose labels are wrong?"


def write_drawn(store):
    """Generated pictures that can be drawn, a third of the hair labels wrong."""
    study = write_store(store, "avatars", methods=("baseline", "lmf"), seeds=(0, 1))
    dataset = {"name": "avatars", "options": {"count": 2000}}
    study = Study.model_validate({**study.model_dump(), "dataset": dataset})
    (store / "avatars" / "study.json").write_text(study.model_dump_json())
    manifest = pd.read_parquet(store / "avatars" / "manifest.parquet")
    paths = sorted(store.glob("avatars/*/*/predictions.parquet"))
    old = pd.read_parquet(paths[0])["image_id"]
    names = {name: avatars.IMAGE_ID.format(i) for i, name in enumerate(old)}
    for path in paths:
        table = pd.read_parquet(path)
        table.assign(image_id=table["image_id"].map(names)).to_parquet(path)
    clean = manifest["hair"].where(manifest.index % 3 > 0, "another")
    ids = manifest["image_id"].map(names).fillna(manifest["image_id"])
    manifest = manifest.assign(image_id=ids, hair_clean=clean)
    manifest.to_parquet(store / "avatars" / "manifest.parquet")


@pytest.fixture
def drawn(copied):
    copied(write_drawn)


def text_of(app):
    parts = [*app.markdown, *app.caption, *app.info, *app.warning]
    return "\n".join(part.value for part in parts)


def chart_of(app):
    """The figure of the card, which is the last one of the page."""
    return json.loads(app.get("plotly_chart")[-1].proto.spec)


def rows_of(app):
    return next(d.value for d in app.dataframe if "Proposed" in d.value.columns)


def test_doubts_have_a_picture_a_sentence_and_rows(fill, open_page):
    fill()
    app = open_page("errors", task="ethnicity")
    assert not app.exception
    assert TITLE in [heading.value for heading in app.subheader]
    heat = chart_of(app)["data"][0]
    assert heat["type"] == "heatmap"
    assert heat["y"] == list(TASKS["utkface"][2].classes)
    said = text_of(app)
    assert "Of 360 test and validation images, **" in said
    assert "a label that every one of 6 runs contradicts." in said
    assert "cannot be measured" in said
    rows = rows_of(app)
    assert 1 <= len(rows) <= SHOWN
    assert rows["Score"].astype(float).is_monotonic_increasing
    runs = {(r.method, r.seed): r.predictions() for r in list_runs("utkface").runs}
    first = rows.iloc[0]
    own = [t.set_index("image_id").loc[first["Image"]] for t in runs.values()]
    against = sum(row["ethnicity_pred"] != row["ethnicity_true"] for row in own)
    assert first["Runs against it"] == f"{against} of 6"
    assert first["Label"].startswith(own[0]["ethnicity_true"])


def test_hidden_methods_have_no_say(fill, open_page):
    fill()
    app = open_page("errors", task="ethnicity", seeds="0", methods="ins")
    assert not app.exception
    assert "every one of 2 runs contradicts." in text_of(app)


def test_the_number_of_images_is_in_the_address(fill, open_page):
    fill()
    app = open_page("errors", task="ethnicity", doubted="2")
    assert not app.exception
    assert len(rows_of(app)) == 2


def test_the_leaderboard_without_them_is_no_result(fill, open_page):
    fill()
    app = open_page("errors", task="ethnicity")
    assert "not a result" not in text_of(app)
    toggle = next(t for t in app.toggle if t.key == "errors_without")
    toggle.set_value(True).run()
    assert not app.exception
    assert "depends on a few labels. It is not a result." in text_of(app)
    assert "Left out, by the given label: " in text_of(app)
    board = next(t.value for t in app.table if "Method" in t.value.columns)
    assert any("macro F1, without" in name for name in board.columns)
    assert len(board) == 3
    again = open_page("errors", task="ethnicity", sensitivity="yes", without="1")
    assert not again.exception
    assert "Without the 1 most doubted of 320 test images" in text_of(again)


def test_a_number_is_drawn_beside_what_is_proposed(fill, store, open_page):
    fill()
    for path in store.glob("utkface/*/*/predictions.parquet"):
        table = pd.read_parquet(path)
        table.loc[table["image_id"] == table["image_id"].iloc[-1], "age_true"] = 79.0
        table.loc[table["image_id"] == table["image_id"].iloc[-1], "age_pred"] = 3.0
        table.to_parquet(path)
    clear_caches()
    app = open_page("errors", task="age")
    assert not app.exception
    assert "robust standard deviations" in text_of(app)
    points = chart_of(app)["data"][1]
    assert 79 in points["x"]
    assert rows_of(app)["Label"].iloc[0] == "79 years"


def test_generated_pictures_say_what_is_known(drawn, open_page):
    app = open_page("errors", task="hair")
    assert not app.exception
    manifest = shipped_manifest("avatars")
    own = manifest[manifest["split"].isin(["validation", "test"])]
    wrong = (own["hair"] != own["hair_clean"]).sum()
    said = text_of(app)
    assert f"{wrong} of these {len(own)} labels are known to be wrong" in said
    assert "precision **" in said
    assert "Known to be wrong" in said or "Known to be right" in said
    alts = [image.proto.imgs[0].alt for image in app.get("image")]
    assert any("labelled" in alt and "proposed" in alt for alt in alts)


def test_labels_without_probabilities_are_a_sentence(fill, store, open_page):
    fill()
    for path in store.glob("utkface/*/*/predictions.parquet"):
        table = pd.read_parquet(path)
        table.drop(columns=[c for c in table if "_p_" in c]).to_parquet(path)
    clear_caches()
    app = open_page("errors", task="ethnicity")
    assert not app.exception
    assert "confident learning needs them" in text_of(app)


def test_one_method_of_one_seed(fill, open_page):
    fill(methods=("baseline",), seeds=(0,))
    app = open_page("errors", task="ethnicity", sensitivity="yes")
    assert not app.exception
    assert "There is one run: nothing says whether others would agree." in text_of(app)
    assert "Values of the only method without these images" in text_of(app)


def test_a_baseline_without_runs_is_said(fill, open_page):
    fill(methods=("ins", "denseweight"))
    app = open_page("errors", task="ethnicity", sensitivity="yes")
    assert not app.exception
    assert "has no run with the chosen seeds. Choose other seeds" in text_of(app)


def test_a_hundred_classes_have_bars(store, open_page):
    write_store(
        store, "cifar100-lt-200", methods=("baseline", "ldam"), seeds=(0,), rows=400
    )
    app = open_page("errors")
    assert not app.exception
    assert chart_of(app)["data"][0]["type"] == "bar"


def test_a_pair_of_labels_lists_its_images_alone(fill, open_page):
    fill()
    app = open_page("errors", task="ethnicity")
    every = len(rows_of(app))
    box = app.selectbox(key="errors_doubted_pair_utkface_ethnicity")
    name, count = box.options[-1].removesuffix(")").rsplit(" (", 1)
    given, proposed = name.split(" → ")
    box.set_value(name).run()
    assert not app.exception
    rows = rows_of(app)
    assert len(rows) == min(SHOWN, int(count))
    assert set(rows["Label"].str.split(" (", regex=False).str[0]) == {given}
    assert set(rows["Proposed"].str.split(" (", regex=False).str[0]) == {proposed}
    said = f"Filtered by labelled **{given}**, proposed **{proposed}**: {count} of "
    assert said in text_of(app)
    assert app.query_params["pair"] == name
    again = open_page("errors", task="ethnicity", pair=name)
    pd.testing.assert_frame_equal(rows_of(again), rows)
    again.button(key="errors_doubted_all").click().run()
    assert not again.exception
    assert "pair" not in again.query_params
    assert "Filtered by" not in text_of(again)
    assert len(rows_of(again)) == every


def test_a_pair_of_labels_that_nothing_has_is_named(fill, open_page):
    fill()
    app = open_page("errors", task="ethnicity", pair="White → Green")
    assert not app.exception
    assert "pair of labels `White → Green`" in app.warning[0].value
    assert "Filtered by" not in text_of(app)


def test_a_number_has_no_pairs_of_labels(fill, open_page):
    fill()
    app = open_page("errors", task="age", pair="White → Black")
    assert not app.exception
    assert "pair of labels" in app.warning[0].value
    assert not [box for box in app.selectbox if "doubted_pair" in str(box.key)]
