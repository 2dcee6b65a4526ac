"""What changed between two methods, on the Errors page and on the way to it."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

import core.runs
from core.data.readers import avatars
from core.study import Study
from pages.errors.changed import PICTURES, ROWS, TITLE
from tests.imports import theirs, write_study
from tests.pages.test_import import bring
from tests.synthetic import write_store

CARD = "errors_changed_utkface"


def _said(app):
    """The sentence of the card, where it has one."""
    words = ("test images right", "closer to the truth than", "equally far off")
    found = [m.value for m in app.markdown if any(word in m.value for word in words)]
    return found[0] if found else ""


def _chart(app):
    charts = [c.proto for c in app.get("plotly_chart") if "-changed" in c.proto.id]
    return json.loads(charts[0].spec)["data"] if charts else None


def _text(app):
    return "\n".join(part.value for part in [*app.markdown, *app.caption])


def _right(store, method, task):
    """Whether each seed is right, by image; arrays of shape (seeds, images)."""
    paths = sorted((store / "utkface" / method).glob("seed-*/predictions.parquet"))
    tables = [pd.read_parquet(path).query("split == 'test'") for path in paths]
    right = [(t[f"{task}_true"] == t[f"{task}_pred"]).to_numpy() for t in tables]
    return tables[0].reset_index(drop=True), np.array(right)


def _copy_of_baseline(store, method="ins"):
    for path in (store / "utkface" / "baseline").glob("seed-*/predictions.parquet"):
        shutil.copy(path, store / "utkface" / method / path.parent.name / path.name)


def test_bars_are_the_changes_of_the_shares_of_seeds(fill, store, open_page):
    fill()
    app = open_page("errors", task="ethnicity", to="ins")
    assert not app.exception
    table, before = _right(store, "baseline", "ethnicity")
    _, after = _right(store, "ins", "ethnicity")
    moved = pd.Series(after.mean(axis=0) - before.mean(axis=0))
    by_class = moved.groupby(table["ethnicity_true"])
    gained = by_class.apply(lambda own: own[own > 0].sum())
    net = by_class.sum().sort_values(ascending=False, kind="stable")
    bars = {trace["name"]: trace for trace in _chart(app)}
    assert sorted(bars["gained"]["x"]) == pytest.approx(sorted(gained))
    assert bars["net"]["x"] == pytest.approx(net.tolist())
    way = "more" if net.sum() > 0 else "fewer"
    assert f"**INS** answers {abs(net.sum()):g} {way} of 320" in _said(app)
    assert "McNemar's exact test on the answers that most seeds give" in _text(app)
    tables = [t for t in app.dataframe if str(t.key).startswith("errors_changed")]
    assert [len(t.value) for t in tables] == [
        min(ROWS, int((moved > 0).sum())),
        min(ROWS, int((moved < 0).sum())),
    ]


def test_groups_of_a_feature_are_counted_as_well(fill, open_page):
    fill()
    app = open_page("errors", task="ethnicity", to="ins", change_by="gender")
    assert not app.exception
    assert len(_chart(app)[0]["x"]) == 2
    box = app.selectbox(key="errors_changed_by_utkface")
    assert box.value == "gender"
    box.select("").run()
    assert not app.exception
    assert "change_by" not in app.query_params
    assert len(_chart(app)[0]["x"]) == 4


def test_any_two_methods_can_be_chosen_and_never_the_same_twice(fill, open_page):
    fill()
    app = open_page("errors", task="gender", to="ins", **{"from": "denseweight"})
    assert not app.exception
    assert "**INS** answers" in _said(app)
    assert "right than DenseWeight" in _said(app)
    assert app.query_params["from"] == "denseweight"
    assert app.selectbox(key=f"{CARD}_from").options == ["Baseline", "DenseWeight"]
    app.selectbox(key=f"{CARD}_to").select("denseweight").run()
    assert not app.exception
    assert app.selectbox(key=f"{CARD}_from").value == "baseline"
    assert re.search(r"\*\*DenseWeight\*\* .* right (as|than) Baseline", _said(app))


def test_of_a_number_the_errors_that_moved_are_shown(fill, store, open_page):
    fill()
    app = open_page("errors", task="age", to="denseweight")
    assert not app.exception
    sizes = []
    for method in ("baseline", "denseweight"):
        paths = (store / "utkface" / method).glob("seed-*/predictions.parquet")
        tables = [pd.read_parquet(path).query("split == 'test'") for path in paths]
        errors = [(t["age_pred"] - t["age_true"]).abs().to_numpy() for t in tables]
        sizes.append(np.mean(errors, axis=0))
    moved = sizes[1] - sizes[0]
    closer = int((moved < 0).sum())
    assert f"on {closer} of 320 test images" in _said(app)
    bars, mean = _chart(app)
    assert sum(bars["y"]) == (moved != 0).sum()
    assert mean["x"] == pytest.approx([moved.mean()])
    assert not [box for box in app.selectbox if box.label == "Counted by"]


def test_a_copy_of_the_baseline_changed_nothing(fill, store, open_page):
    fill()
    _copy_of_baseline(store)
    for task, said in (
        ("ethnicity", "Nothing gained or lost"),
        ("age", "Nothing moved"),
    ):
        app = open_page("errors", task=task, to="ins")
        assert not app.exception
        assert _said(app).startswith(f"{said}: **INS** and Baseline")
        assert _chart(app) is None


def test_one_seed_and_one_method(fill, open_page):
    fill(methods=("baseline", "ins"), seeds=(0,))
    app = open_page("errors", task="ethnicity")
    assert not app.exception
    assert "with one seed of Baseline it is not known" in _text(app)
    assert "INS is right, Baseline is wrong" in _text(app)
    app.pills(key="bar_methods_utkface").set_value([]).run()
    assert not app.exception
    assert TITLE not in [heading.value for heading in app.subheader]
    assert not _said(app)


def test_a_class_that_no_test_image_has_is_left_out(fill, store, open_page):
    fill(methods=("baseline", "ins"))
    for path in store.glob("utkface/*/*/predictions.parquet"):
        table = pd.read_parquet(path)
        table[table["ethnicity_true"] != "Asian"].to_parquet(path)
    app = open_page("errors", task="ethnicity")
    assert not app.exception
    assert len(_chart(app)[0]["x"]) == 3


def test_imported_predictions_are_compared_like_others(store, open_page):
    write_study(store)
    bring(open_page, theirs()).button(key="import_method_button").click().run()
    app = open_page("errors", task="ethnicity", to="my-net")
    assert not app.exception
    assert "**My net** answers" in _said(app)


def test_pictures_open_every_answer(store, open_page):
    study = write_store(store, "avatars", methods=("baseline", "lmf"), seeds=(0, 1))
    dataset = {"name": "avatars", "options": {"count": 2000}}
    study = Study.model_validate({**study.model_dump(), "dataset": dataset})
    (store / "avatars" / core.runs.STUDY_FILE).write_text(study.model_dump_json())
    for path in store.glob("avatars/*/*/predictions.parquet"):
        table = pd.read_parquet(path)
        ids = [avatars.IMAGE_ID.format(index) for index in range(len(table))]
        table.assign(image_id=ids).to_parquet(path)
    app = open_page("errors", task="hair")
    assert not app.exception
    # Those of doubted labels have an icon.
    named = [p for p in app.get("popover") if p.proto.popover.label == "All answers"]
    opened = [p for p in named if not p.proto.popover.icon]
    assert len(opened) == 2 * PICTURES
    texts = [m.value for m in opened[0].markdown]
    assert any("Baseline:" in text and "LMF:" in text for text in texts)


def test_a_link_about_what_changed_has_it_first_and_keeps_it_there(fill, open_page):
    fill()
    app = open_page("errors", first="changed", to="ins", task="gender")
    assert not app.exception
    assert app.subheader[0].value == TITLE
    assert app.query_params["first"] == "changed"
    app.selectbox(key=f"{CARD}_to").select("denseweight").run()
    assert app.subheader[0].value == TITLE
    assert open_page("errors").subheader[0].value != TITLE
    app = open_page("errors", first="last", to="nobody")
    assert not app.exception
    assert "part `last`" in app.warning[0].value
    assert "method `nobody`" in app.warning[0].value


def test_every_row_of_the_leaderboard_leads_to_what_changed(fill, open_page):
    fill()
    app = open_page("overview", order="age.mae")
    keys = [button.key for button in app.button if "overview_changed" in button.key]
    assert keys == [f"overview_changed_utkface_{m}" for m in ("denseweight", "ins")]
    app.button(key="overview_changed_utkface_denseweight").click().run()
    assert not app.exception
    assert app.title[0].value == "Where do the methods fail?"
    assert app.subheader[0].value == TITLE
    assert "**DenseWeight** is closer to the truth than Baseline" in _said(app)
    assert app.query_params["task"] == "age"
    assert app.query_params["to"] == "denseweight"


def test_the_baseline_alone_leads_nowhere(fill, open_page):
    fill(methods=("baseline",))
    app = open_page("overview")
    assert not app.exception
    assert not [b for b in app.button if "overview_changed" in b.key]
