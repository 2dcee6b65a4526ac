"""The Errors page, driven through the router."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from core.data import catalog
from core.data.manifest import DatasetInfo
from core.data.readers import avatars
from core.runs import list_runs
from core.study import Study
from core.views import pictures
from core.views.caching import clear_caches
from pages.errors import changed
from pages.errors.gallery import PICTURES, ROWS
from pages.errors.label_errors import SHOWN
from pages.errors.meaning import CONTRADICTING, TYPICAL
from tests.synthetic import AGE, TASKS, add_corrupted, write_store

# In the gallery, in the two of what changed, and of what is typical.
GALLERIES = PICTURES + 2 * changed.PICTURES + TYPICAL


def write_drawn(store):
    """The study of generated pictures, with images that can be drawn."""
    study = write_store(store, "avatars", methods=("baseline", "lmf"), seeds=(0, 1))
    dataset = {"name": "avatars", "options": {"count": 2000}}
    study = Study.model_validate({**study.model_dump(), "dataset": dataset})
    (store / "avatars" / "study.json").write_text(study.model_dump_json())
    for path in store.glob("avatars/*/*/predictions.parquet"):
        table = pd.read_parquet(path)
        ids = [avatars.IMAGE_ID.format(index) for index in range(len(table))]
        table.assign(image_id=ids).to_parquet(path)


@pytest.fixture
def drawn(copied):
    copied(write_drawn)


@pytest.fixture
def faces(fill):
    fill()


def _spec(chart):
    return json.loads(chart.proto.spec)


def _charts(app):
    """The charts above the doubted labels, which have tests of their own."""
    charts = app.get("plotly_chart")
    return [_spec(c) for c in charts if "doubted-labels" not in c.proto.id]


def _pictures(app):
    """Alternative texts of the pictures, without those of doubted labels."""
    alts = [image.proto.imgs[0].alt for image in app.get("image")]
    return [alt for alt in alts if ", proposed " not in alt]


def _text(app):
    parts = [*app.markdown, *app.caption, *app.info, *app.warning]
    return "\n".join(part.value for part in parts)


def _box(app, label):
    return next(box for box in app.selectbox if box.label == label)


def _takeaway(app):
    """The sentence on how many images are left, and how many are wrong."""
    marks = ("test images match", "test image match", "All 320 ", "None of ")
    return next(m.value for m in app.markdown if any(mark in m.value for mark in marks))


def _test_table(study, method, seed=0):
    run = next(r for r in list_runs(study).runs if (r.method, r.seed) == (method, seed))
    table = run.predictions()
    return table[table["split"] == "test"].reset_index(drop=True)


def _votes(study, method, task, seeds=(0, 1)):
    """The class that most seeds say; between equals the more probable one."""
    tables = [_test_table(study, method, seed) for seed in seeds]
    classes = next(t for t in TASKS[study] if t.name == task).classes
    names = [f"{task}_p_{name}" for name in classes]
    mean = np.mean([t[names].to_numpy() for t in tables], axis=0)
    said = np.array([t[f"{task}_pred"].map(classes.index) for t in tables])
    same = said[0] == said[1]
    # Of two seeds that differ, the one whose class has the higher mean.
    first = mean[np.arange(len(mean)), said[0]] >= mean[np.arange(len(mean)), said[1]]
    chosen = np.where(same | first, said[0], said[1])
    return tables[0][f"{task}_true"].to_numpy(), np.array(classes)[chosen], mean


def test_without_runs_it_says_what_to_do(store, open_page):
    app = open_page("errors", study="utkface")
    assert not app.exception
    assert "has no runs yet" in app.info[0].value
    assert not app.get("plotly_chart")


def test_hardest_classes_are_those_of_the_runs(faces, open_page):
    app = open_page("errors")
    assert not app.exception
    tables = [_test_table("utkface", "baseline", seed) for seed in (0, 1)]
    right = [
        (t["ethnicity_pred"] == t["ethnicity_true"]).groupby(t["ethnicity_true"]).mean()
        for t in tables
    ]
    expected = (sum(right) / 2).sort_values()
    bars = _charts(app)[0]["data"][0]
    assert [y.split("</b>")[0][3:] for y in bars["y"]] == list(expected.index)
    np.testing.assert_allclose(bars["x"], 100 * expected, rtol=1e-6)
    assert f"finds **{expected.index[0]}** hardest" in _text(app)


def test_figures_hold_their_takeaway_as_text_alternative(faces, open_page):
    app = open_page("errors")
    for chart in app.get("plotly_chart"):
        assert len(chart.proto.alt) > 20
        assert "nan" not in chart.proto.alt


def test_pairs_are_of_one_method_or_of_all(faces, open_page):
    app = open_page("errors")
    assert [t["type"] for t in _charts(app)[1]["data"]] == ["bar"]
    app.segmented_control(key="errors_pairs").set_value("all").run()
    assert not app.exception
    names = [trace["name"] for trace in _charts(app)[1]["data"]]
    assert names == ["Baseline", "INS", "DenseWeight"]


def test_one_method_has_nobody_to_be_compared_with(fill, open_page):
    fill(methods=("baseline",))
    app = open_page("errors")
    assert not app.exception
    assert len(_charts(app)) == 2
    assert not [c for c in app.segmented_control if c.key == "errors_pairs"]
    options = _box(app, "Agreement").options
    assert [text.split(" (")[0] for text in options] == ["Any", "Wrong", "Right"]


def test_two_classes_have_one_pair(faces, open_page):
    app = open_page("errors", task="gender")
    assert not app.exception
    hardest, pairs, *_ = _charts(app)
    assert len(hardest["data"][0]["y"]) == 2
    assert len(pairs["data"][0]["x"]) == 2


def test_a_hundred_classes(store, open_page):
    write_store(
        store, "cifar100-lt-200", methods=("baseline", "ldam"), seeds=(0,), rows=400
    )
    app = open_page("errors")
    assert not app.exception
    assert "The 12 hardest of 100 classes" in _text(app)
    assert len(_charts(app)[0]["data"][0]["y"]) == 12
    assert "The first 8 of 4,950 pairs" in _text(app)


def test_a_number_has_bins_in_place_of_classes(faces, open_page):
    app = open_page("errors", task="age")
    assert not app.exception
    chart, *_ = _charts(app)
    medians = next(t for t in chart["data"] if t["name"] == "median")
    tables = [_test_table("utkface", "baseline", seed) for seed in (0, 1)]
    error = sum(t["age_pred"] for t in tables) / 2 - tables[0]["age_true"]
    expected = error.groupby(tables[0]["age_true"] // 10).median()
    np.testing.assert_allclose(medians["y"], expected, rtol=1e-6)
    app.segmented_control(key="errors_sign").set_value("absolute").run()
    assert not app.exception
    drawn = next(t for t in _charts(app)[0]["data"] if t["name"] == "median")
    sizes = error.abs().groupby(tables[0]["age_true"] // 10).median()
    np.testing.assert_allclose(drawn["y"], sizes, rtol=1e-6)


def test_a_study_of_a_number_alone_works(faces, open_page, monkeypatch):
    ages = DatasetInfo("utkface", "Ages only", (AGE,), {}, False, False, "")
    monkeypatch.setitem(catalog.DATASETS, "utkface", ages)
    app = open_page("errors")
    assert not app.exception
    assert "how large the errors get" in app.subheader[0].value
    rows = app.dataframe[0].value
    error = rows["Baseline"].str.extract(r"\(([+−\d.]+)\)")[0].str.replace("−", "-")
    sizes = error.astype(float).abs()
    assert sizes.is_monotonic_decreasing


def test_the_images_are_listed_most_confidently_wrong_first(faces, open_page):
    app = open_page("errors")
    truth, said, mean = _votes("utkface", "baseline", "ethnicity")
    wrong = truth != said
    expected = pd.Series(mean.max(axis=1)[wrong])
    rows = app.dataframe[0].value
    assert len(rows) == min(ROWS, wrong.sum())
    shown = rows["Baseline"].str.extract(r"(\d+)")[0].astype(int)
    highest = (100 * expected.sort_values(ascending=False)).round().head(len(rows))
    np.testing.assert_allclose(shown, highest, atol=1)
    assert rows["Baseline"].str.startswith("✗").all()
    assert f"Baseline is wrong on {wrong.sum()} of them" in _takeaway(app)


def test_pictures_that_may_not_be_shown_say_why_and_how(faces, open_page):
    app = open_page("errors")
    assert not app.get("image")
    assert "Pictures of UTKFace are not shown: they may not be passed on" in _text(app)
    assert "EQUIPOISE_DATA=FOLDER" in _text(app)


def test_generated_pictures_are_shown_with_every_answer(drawn, open_page):
    app = open_page("errors")
    assert not app.exception
    assert len(_pictures(app)) == GALLERIES
    doubted = len(app.get("image")) - GALLERIES
    signs = (":red[", ":green[")
    lines = [m.value for m in app.markdown if m.value.startswith(signs)]
    # Of what changed, both methods' answers, and every method's behind a click.
    assert len(lines) == PICTURES + 4 * changed.PICTURES + doubted
    assert all("Baseline:" in line and "LMF:" in line for line in lines)


def test_a_thumbnail_is_drawn_once(drawn, open_page, monkeypatch):
    drawings = []
    render = avatars.render

    def counted(index, *rest):
        drawings.append(index)
        return render(index, *rest)

    monkeypatch.setattr(avatars, "render", counted)
    app = open_page("errors")
    first = len(set(drawings))
    assert PICTURES < len(drawings) <= GALLERIES + SHOWN
    assert len(drawings) == first
    app.run()
    assert len(drawings) == first
    app.get("pagination")[0].set_value(2).run()
    assert not app.exception
    assert len(drawings) == len(set(drawings)) > first
    assert app.query_params["page"] == "2"


def test_a_person_sees_a_copy_of_their_own_on_their_own_machine(
    faces, open_page, tmp_path, monkeypatch
):
    copy = tmp_path / "copies" / "utkface"
    copy.mkdir(parents=True)
    monkeypatch.setenv("EQUIPOISE_DATA", str(copy.parent))
    # Others can open a page that is served everywhere.
    real = st.get_option
    own = {"server.address": "0.0.0.0"}
    monkeypatch.setattr(st, "get_option", lambda key: own.get(key) or real(key))
    assert not open_page("errors").get("image")
    asked = []

    def copied(study, folder, *, shipped):
        asked.append(folder)
        return {image_id: image_id for image_id in shipped["image_id"]}

    monkeypatch.setattr(pictures, "copied_paths", copied)
    grey = np.full((8, 8, 3), 128, np.uint8)
    monkeypatch.setattr(pictures, "renderer", lambda study: lambda path, side: grey)
    own["server.address"] = "localhost"
    clear_caches()
    app = open_page("errors")
    assert not app.exception
    assert asked == [copy]
    assert len(_pictures(app)) == GALLERIES


@pytest.mark.parametrize("label", ["Gender", "Age bin"])
def test_a_group_is_all_that_is_left(faces, open_page, label):
    app = open_page("errors")
    column = {"Gender": "gender", "Age bin": None}[label]
    group = {"Gender": "female", "Age bin": "20-29"}[label]
    _box(app, label).select(group).run()
    assert not app.exception
    table = _test_table("utkface", "baseline")
    of = table["age_true"] // 10 == 2 if column is None else table[column] == group
    assert f"{of.sum()} of {len(table)} test images match" in _takeaway(app)
    assert set(app.dataframe[0].value[label]) == {group}
    feature = column or "age_bin"
    assert app.query_params["where"] == f"{feature}:{group}"


def test_a_pair_is_what_one_method_takes_for_what(faces, open_page):
    app = open_page("errors", method="ins", truth="Asian", predicted="White")
    truth, said, _ = _votes("utkface", "ins", "ethnicity")
    count = int(((truth == "Asian") & (said == "White")).sum())
    assert f"{count} of 320 test images match the filters" in _takeaway(app)
    assert "INS is wrong on all of them" in _takeaway(app)
    assert set(app.dataframe[0].value["Truth"]) == {"Asian"}


def test_a_link_to_a_pair_shows_the_images_before_the_rates(faces, open_page):
    app = open_page("errors", truth="Asian", predicted="White")
    assert app.subheader[0].value == "The images"
    app = open_page("errors")
    assert app.subheader[0].value.startswith("Ethnicity: the hardest")


def test_a_link_to_what_is_right_begins_with_the_least_certain(faces, open_page):
    app = open_page("errors", truth="White", predicted="White")
    assert not app.exception
    rows = app.dataframe[0].value
    assert rows["Baseline"].str.startswith("✓").all()
    assert app.query_params["order"] == "margin"


def test_agreement_counts_and_filters(faces, open_page):
    app = open_page("errors")
    right = {
        method: np.equal(*_votes("utkface", method, "ethnicity")[:2])
        for method in ("baseline", "ins", "denseweight")
    }
    alone = right["ins"] & ~right["baseline"] & ~right["denseweight"]
    none = ~right["ins"] & ~right["baseline"] & ~right["denseweight"]
    options = _box(app, "Agreement").options
    assert f"Only INS right ({alone.sum()})" in options
    assert f"All 3 wrong ({none.sum()})" in options
    _box(app, "Agreement").set_value("all-wrong").run()
    assert not app.exception
    assert f"{none.sum()} of 320 test image" in _takeaway(app)
    assert "wrong on all of them" in _takeaway(app)
    assert app.query_params["agree"] == "all-wrong"


def test_nothing_that_matches_says_what_to_do(faces, open_page):
    app = open_page("errors", truth="White", predicted="White", agree="all-wrong")
    assert not app.exception
    assert _takeaway(app) == "None of 320 test images matches the filters."
    assert "clear them all" in app.info[0].value
    assert not [table for table in app.dataframe if table.key == "errors_table"]
    app.button(key="errors_clear").click().run()
    assert not app.exception
    assert _takeaway(app).startswith("All 320 test images")
    assert {"truth", "predicted", "agree"}.isdisjoint(app.query_params)


def test_an_order_that_is_about_none_of_them_says_so(faces, open_page):
    app = open_page("errors", agree="all-right")
    assert not app.exception
    assert "none is what *Confidently wrong* is about" in app.info[0].value
    app.segmented_control(key="errors_order_multiclass").set_value("entropy").run()
    assert len(app.dataframe[0].value) == ROWS


def test_an_address_opens_the_same_view(faces, open_page):
    first = open_page("errors", task="gender", method="denseweight")
    _box(first, "Ethnicity").select("Indian").run()
    first.segmented_control(key="errors_order_binary").set_value("margin").run()
    address = {
        name: value for name, value in first.query_params.items() if name != "study"
    }
    assert address == {
        "task": "gender",
        "method": "denseweight",
        "where": "ethnicity:Indian",
        "order": "margin",
    }
    again = open_page("errors", **address)
    assert _takeaway(again) == _takeaway(first)
    pd.testing.assert_frame_equal(again.dataframe[0].value, first.dataframe[0].value)


def test_another_address_replaces_the_whole_view(faces, open_page):
    app = open_page("errors", task="gender", method="ins", truth="male")
    app.query_params.clear()
    app.query_params["task"] = "ethnicity"
    app.query_params["predicted"] = "White"
    app.run()
    assert not app.exception
    assert _box(app, "Errors of").value == "baseline"
    assert _box(app, "Truth").value == ""
    assert _box(app, "Baseline says").value == "White"


def test_what_an_address_asks_in_vain_is_named(faces, open_page):
    app = open_page(
        "errors",
        task="height",
        method="magic",
        truth="`x`",
        where=["gender:z", "height:tall"],
        agree="maybe",
        order="size",
        page="last",
    )
    assert not app.exception
    said = app.warning[0].value
    for word in ("task `height`", "method `magic`", "group `z`", "agreement `maybe`"):
        assert word in said
    for word in ("class `` `x` ``", "feature `height`", "page `last`"):
        assert word in said
    assert "order `size`" in said
    assert _takeaway(app).startswith("All 320 test images")
    # And what is shown is what the address says from then on.
    assert dict(app.query_params) == {
        "study": "utkface",
        "task": "ethnicity",
        "method": "baseline",
    }


def test_a_page_beyond_the_last_is_the_last(faces, open_page):
    app = open_page("errors", order="entropy", page="999")
    assert not app.exception
    last = -(-320 // ROWS)
    assert app.query_params["page"] == str(last)
    assert len(app.dataframe[0].value) == 320 - (last - 1) * ROWS


def test_another_filter_begins_at_the_first_page(faces, open_page):
    app = open_page("errors", order="entropy", page="3")
    assert app.query_params["page"] == "3"
    _box(app, "Gender").select("male").run()
    assert "page" not in app.query_params


def test_labels_without_probabilities_are_shown_as_they_are(faces, store, open_page):
    for path in store.glob("utkface/ins/*/predictions.parquet"):
        table = pd.read_parquet(path)
        table.drop(columns=[c for c in table if "_p_" in c]).to_parquet(path)
    app = open_page("errors", method="ins")
    assert not app.exception
    options = app.segmented_control(key="errors_order_multiclass").options
    assert options == ["Confidently wrong", "As listed"]
    assert "INS has labels only, without probabilities" in _text(app)
    assert app.dataframe[0].value["INS"].str.fullmatch(r"✗ \w+").all()


def test_a_seed_that_only_some_methods_have(store, open_page):
    write_store(store, "utkface", methods=("baseline", "ins"), seeds=(0, 1), rows=64)
    for path in (store / "utkface" / "ins" / "seed-1").iterdir():
        path.unlink()
    (store / "utkface" / "ins" / "seed-1").rmdir()
    app = open_page("errors")
    app.pills(key="bar_seeds_utkface").set_value([1]).run()
    assert not app.exception
    assert list(_box(app, "Errors of").options) == ["Baseline"]


def answers_of(store):
    """The test answers of the baseline."""
    folder = store / "avatars" / "baseline" / "seed-0"
    answers = pd.read_parquet(folder / "predictions.parquet")
    return answers[answers["split"] == "test"]


def write_framed(store):
    """The same study with an attribute that is the label of glasses but for three."""
    write_drawn(store)
    path = store / "avatars" / "manifest.parquet"
    table = pd.read_parquet(path)
    # The manifest is of the same images, whose ids were changed to be drawn.
    test = np.flatnonzero(table["split"] == "test")
    names = table["image_id"].to_numpy(object, copy=True)
    names[test] = answers_of(store)["image_id"]
    frame = (table["glasses"] == "glasses").to_numpy(copy=True)
    frame[test[:3]] = ~frame[test[:3]]
    table.assign(image_id=names, frame=frame).to_parquet(path)


@pytest.fixture
def framed(copied):
    """Ids of the three images whose attribute is not their label."""
    return answers_of(copied(write_framed))["image_id"].iloc[:3].tolist()


def test_a_label_is_explained_by_the_rule_behind_it(framed, open_page):
    app = open_page("errors", task="glasses")
    assert not app.exception
    assert "What does the label mean?" in [s.value for s in app.subheader]
    assert "'glasses' is best explained by **frame**; on 640 test images" in _text(app)
    rules = app.table[-1].value
    assert rules["Rule"].iloc[0] == "**frame**"
    assert "best explained by frame" in app.table[-1].proto.alt
    # A reader can look at the other class.
    box = app.selectbox(key="errors_meaning_avatars_glasses")
    box.select("no glasses").run()
    assert not app.exception
    assert "'no glasses' is best explained by **not frame**" in _text(app)


def test_images_against_the_rule_are_shown_with_both_labels(framed, open_page):
    app = open_page("errors", task="glasses")
    text = _text(app)
    assert re.search(r"3 of [\d,]+ images contradict the rule", text)
    alts = [image.proto.imgs[0].alt for image in app.get("image")]
    of_rule = [alt for alt in alts if "by the rule" in alt]
    assert sorted(alt.split(":")[0] for alt in of_rule) == sorted(framed)
    assert len(of_rule) <= CONTRADICTING
    assert "By the rule: **" in text
    assert sum("typical of glasses" in alt for alt in alts) == TYPICAL
    names = [button.proto.label for button in app.get("download_button")]
    assert names.count("Data (CSV)") >= 3


def test_where_models_look_is_offered_only_with_models(framed, open_page, store):
    app = open_page("errors", task="glasses")
    assert not [t for t in app.toggle if "where each model looks" in t.label]
    (store / "avatars" / "baseline" / "seed-0" / "model.keras").write_bytes(b"")
    app = open_page("errors", task="glasses")
    (toggle,) = [t for t in app.toggle if "where each model looks" in t.label]
    assert not toggle.value
    toggle.set_value(True).run()
    # What is no model is said, and stops nothing else.
    assert not app.exception
    assert app.error
    assert "best explained by" in _text(app)


def test_labels_that_nothing_explains_are_said_to_be_so(faces, open_page):
    app = open_page("errors", task="gender")
    assert not app.exception
    text = _text(app)
    assert re.search(r"No rule (over 2 attributes )?explains 'female'", text)
    assert "contradict the rule" not in text
    assert "The most typical images of 'female'" in text


def test_a_study_of_labels_alone_has_typical_images_and_no_rule(store, open_page):
    write_store(store, "cifar10-lt-200", methods=("baseline",), seeds=(0,), rows=100)
    app = open_page("errors", study="cifar10-lt-200")
    assert not app.exception
    said = [box.value for box in app.info]
    assert any("These images have no other attribute" in each for each in said)
    assert "The most typical images of 'airplane'" in _text(app)
    assert list(app.table[-1].value) == ["Image", "Methods right", "Mean probability"]


def test_a_bin_of_a_number_is_explained_too(faces, open_page):
    app = open_page("errors", task="age")
    assert not app.exception
    app.selectbox(key="errors_meaning_utkface_age").select("30-39").run()
    assert not app.exception
    assert "The most typical images of '30-39'" in _text(app)
    assert list(app.table[-1].value) == ["Image", "Methods right", "Mean error"]


def test_without_a_manifest_there_is_no_rule(faces, store, open_page):
    (store / "utkface" / "manifest.parquet").unlink()
    app = open_page("errors")
    assert not app.exception
    assert any("No manifest with these labels" in box.value for box in app.info)


def test_corrupted_images_stand_below_or_what_to_do_for_them(fill, open_page, store):
    fill()
    app = open_page("errors")
    assert not app.exception
    assert "Under corruption" in [part.value for part in app.header]
    assert "`equipoise robustness utkface` measures" in " ".join(
        part.value for part in (*app.markdown, *app.info)
    )
    add_corrupted(store, "utkface")
    app = open_page("errors")
    assert not app.exception
    assert "Over all corruptions and severities" in [p.value for p in app.subheader]
    key = next(c.key for c in app.segmented_control if "corrupted" in str(c.key))
    app.segmented_control(key=key).set_value("ece").run()
    assert not app.exception
    said = " ".join(part.value for part in app.markdown)
    assert "ethnicity ECE is" in said
