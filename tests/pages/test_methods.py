"""The Methods page: what is chosen, moved and asked for in its address is drawn."""

import json
import re
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.runs import shipped_manifest
from core.views import loads
from tests.pages.opening import page_file, words_of, write_study

STUDY = "utkface"


def look_at(*, view=None, **query):
    # The first one imports Keras, beside other tests.
    app = AppTest.from_file(str(page_file("methods")), default_timeout=300)
    for name, value in {"study": STUDY, **query}.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    if view is not None:
        app.get_by_key("methods_view").set_value(view).run()
        assert not app.exception
    return app


def figures(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def names_drawn(app):
    return {
        trace["name"]
        for figure in figures(app)
        for trace in figure["data"]
        if trace.get("name")
    }


def values_of(axis):
    """Numbers of a trace, which Plotly packs where they come as arrays."""
    if isinstance(axis, dict):
        return np.frombuffer(b64decode(axis["bdata"]), axis["dtype"]).tolist()
    return list(axis)


def training_ages(folder):
    manifest = pd.read_parquet(folder / STUDY / "manifest.parquet")
    return manifest[manifest["split"] == "training"]["age"]


@pytest.fixture
def folder(store):
    write_study(store)
    return store


def test_opens_on_a_picture_that_tells_something(folder):
    app = look_at()
    assert {"Cross-entropy", "Focal loss", "HMLoss"} <= names_drawn(app)
    words = words_of(app)
    assert "costs most near p = 1.2 × 10⁻⁵ (1.2 / delta)" in words
    assert "keeps 13 % under Cross-entropy" in words
    assert "training images" in words
    assert app.query_params["method"] == ["cross-entropy", "focal", "hmloss"]
    assert [formula.value for formula in app.latex]
    assert all(chart.proto.alt for chart in app.get("plotly_chart"))


def test_a_slider_moves_the_peak_and_leaves_a_trace(folder):
    app = look_at(method="hmloss")
    assert "HMLoss, default" not in names_drawn(app)
    app.select_slider(key="methods_hmloss_delta").set_value(1e3).run()
    assert not app.exception
    assert "costs most near p = 0.0012" in words_of(app)
    assert "HMLoss, default" in names_drawn(app)
    assert "delta = 1000.0" in app.code[0].value
    app.button(key="methods_reset").click().run()
    assert not app.exception
    assert "costs most near p = 1.2 × 10⁻⁵" in words_of(app)


def test_sliders_of_another_method_stay_where_they_were_left(folder):
    app = look_at(method=["focal", "hmloss"])
    chooser = app.selectbox(key="methods_movable_focal_hmloss")
    chooser.set_value("focal").run()
    app.slider(key="methods_focal_gamma").set_value(5.0).run()
    app.selectbox(key="methods_movable_focal_hmloss").set_value("hmloss").run()
    assert not app.exception
    assert "Focal loss, default" in names_drawn(app)
    app.selectbox(key="methods_movable_focal_hmloss").set_value("focal").run()
    assert app.slider(key="methods_focal_gamma").value == 5.0


def test_the_class_decides_what_balanced_softmax_asks(folder):
    app = look_at(method=["cross-entropy", "balanced-softmax"])
    chooser = app.selectbox(key=f"methods_class_{STUDY}_ethnicity")
    rarest, common = (
        chooser.options.index(o) for o in (chooser.options[0], chooser.options[-1])
    )
    assert "the rarest" in chooser.options[rarest]
    assert "the most common" in chooser.options[common]
    before = words_of(app)
    chooser.select_index(common).run()
    assert not app.exception
    assert words_of(app) != before


def test_choosing_is_kept_in_the_address(folder):
    app = look_at(method=["focal"])
    assert app.get_by_key("methods_loss_multiclass").value == ["focal"]
    app.get_by_key("methods_weights_multiclass").set_value(["ins"]).run()
    assert not app.exception
    assert app.query_params["method"] == ["focal", "ins"]
    assert {"Focal loss", "INS weights"} <= names_drawn(app)


def test_nothing_chosen_says_what_to_do(folder):
    app = look_at(method=["focal"])
    app.get_by_key("methods_loss_multiclass").set_value([]).run()
    assert not app.exception
    assert "No method is chosen" in app.info[0].value
    assert not app.get("plotly_chart")
    assert "method" not in app.query_params


def test_an_address_that_names_nothing_is_said_and_left(folder):
    app = look_at(method=["<b>nonsense", "focal"])
    assert "what is not here: method `<b>nonsense`" in app.warning[0].value
    assert app.query_params["method"] == "focal"
    alone = look_at(method="nonsense")
    assert {"Cross-entropy", "Focal loss", "HMLoss"} <= names_drawn(alone)


def test_an_address_chooses_the_task_that_its_methods_fit(folder):
    app = look_at(method=["absolute-error", "lds", "focal"])
    assert app.get_by_key(f"methods_task_{STUDY}").value == "ethnicity"
    number = look_at(method=["absolute-error", "lds"])
    assert number.get_by_key(f"methods_task_{STUDY}").value == "age"
    assert "Absolute error" in names_drawn(number)


def test_errors_of_an_age_and_what_the_batch_does(folder):
    app = look_at(method=["absolute-error", "balanced-mse"])
    app.slider(key=f"methods_truth_{STUDY}_age").set_value(30.0).run()
    assert not app.exception
    words = words_of(app)
    assert "An image of 30 years" in words
    assert "drawn from the real histogram" in words
    assert "Balanced MSE" in names_drawn(app)


def test_weights_and_margins_over_the_real_counts(folder):
    app = look_at(
        method=["ldam", "balanced-softmax", "ins", "oversample"],
        view="classes",
    )
    words = words_of(app)
    for title in (
        "Weight of an image",
        "Margin asked of a class",
        "What is added to a class's logit",
        "Images that an epoch shows",
        "How hard an image pulls that is at p = 0.5",
    ):
        assert title in words
    app.slider(key="methods_probability").set_value(0.9).run()
    assert "at p = 0.9" in words_of(app)


def test_weights_over_the_real_histogram(folder):
    app = look_at(method=["denseweight", "lds"], view="classes")
    assert {"DenseWeight", "LDS"} <= names_drawn(app)
    words = words_of(app)
    assert "the most common value" in words
    assert "LDS lends an image to targets up to 2 years away, at 86 %" in words
    size = app.slider(key="methods_lds_kernel_size")
    assert (size.min, size.step) == (1, 2), "only odd windows have a middle"
    size.set_value(9).run()
    assert not app.exception
    assert "up to 4 years away" in words_of(app)


@pytest.mark.parametrize("reweight", ["sqrt_inv", "inverse"])
def test_what_lds_smooths_is_drawn_as_lds_sees_it(folder, reweight):
    app = look_at(method=["lds"], view="classes")
    app.selectbox(key="methods_lds_reweight").set_value(reweight).run()
    assert not app.exception
    density = figures(app)[-1]
    drawn = dict(
        zip(*(values_of(density["data"][0][axis]) for axis in "xy"), strict=True)
    )
    ages = training_ages(folder)
    assert (ages == 78).sum() < 5
    for age in (20, 78):
        n = int((ages == age).sum())
        expected = np.sqrt(n) if reweight == "sqrt_inv" else np.clip(n, 5, 1000)
        assert drawn[age] == pytest.approx(expected)


def test_a_new_split_moves_what_looks_at_the_targets(folder):
    def drawn():
        app = look_at(method=["balanced-mse"])
        app.slider(key=f"methods_truth_{STUDY}_age").set_value(30.0).run()
        assert not app.exception
        return next(t for t in figures(app)[0]["data"] if t["name"] == "Balanced MSE")

    before = values_of(drawn()["y"])
    assert values_of(drawn()["y"]) == before
    path = folder / STUDY / "manifest.parquet"
    manifest = pd.read_parquet(path)
    manifest["age"] = 80 - manifest["age"]
    manifest.to_parquet(path)
    assert values_of(drawn()["y"]) != before


def test_the_split_is_read_once_and_not_at_every_rerun(folder, monkeypatch):
    read = []

    def counting(study):
        read.append(study)
        return shipped_manifest(study)

    monkeypatch.setattr(loads, "shipped_manifest", counting)
    app = look_at(method=["absolute-error"])
    app.run()
    assert not app.exception
    assert read == [STUDY]


def test_schedule_names_its_phases(folder):
    app = look_at(view="schedule")
    assert "epochs: (1)" in words_of(app)
    (figure,) = figures(app)
    line = figure["data"][-1]
    assert np.asarray(line["y"]["bdata"] if "bdata" in line["y"] else line["y"]).size
    name = f"methods_schedule_{STUDY}"
    assert len(app.selectbox(key=name).options) >= 3


def test_schedule_is_of_the_methods_own_budget(store):
    app = look_at(study="cifar10-transfer", view="schedule")
    assert "0.01 at its highest" in words_of(app)
    app.selectbox(key="methods_schedule_cifar10-transfer").set_value("vit").run()
    assert not app.exception
    assert "(1) warm-up" in words_of(app)
    assert "10⁻³ at its highest" in words_of(app) or "0.001 at its" in words_of(app)


def test_a_slider_without_effect_is_off_and_says_why(store):
    app = look_at(study="cifar10-lt-200", method=["hmloss"])
    beta = app.select_slider(key="methods_hmloss_beta")
    assert beta.disabled
    assert beta.help.endswith(
        "Does nothing while class weighting is none: set it to class-balanced first."
    )
    app.selectbox(key="methods_hmloss_class_weighting").set_value("class-balanced")
    app.run()
    assert not app.select_slider(key="methods_hmloss_beta").disabled


def test_without_runs_a_stand_in_is_said_and_losses_are_drawn(store):
    app = look_at(study="cifar10-lt-200")
    assert "has no split here yet" in app.info[0].value
    assert "from 5,000 down to 25 images" in app.info[0].value
    assert "HMLoss" in names_drawn(app)


def test_without_runs_a_number_has_no_histogram(store):
    app = look_at(method="lds")
    assert "equipoise train utkface" in app.info[0].value
    assert not app.get("plotly_chart")


@pytest.mark.parametrize("view", ["loss", "classes"])
def test_what_compares_groups_is_said_and_not_drawn(folder, view):
    app = look_at(method=["group-dro", "fairness-penalty"], view=None)
    words = words_of(app)
    assert "Not drawn: Group DRO and Fairness penalty" in words
    assert "compares the groups of a sensitive feature" in words
    # The schedule alone has something to show.
    assert len(app.get("plotly_chart")) == 1
    assert "learning rate and phases" in words
    assert len(app.latex) >= 2
    assert [block.value.count('groups = "') for block in app.code][-2:] == [1, 1]
    app.query_params["view"] = view
    app.run()
    assert f"what is not here: view `{view}`" in app.warning[0].value


def views_of(app):
    """What the control of the views offers, and what is chosen."""
    control = app.get_by_key("methods_view")
    return [option.content for option in control.proto.options], control.value


def test_opens_on_the_first_view_that_has_something_to_show(folder):
    labels = ["Loss and gradient", "Margins and weights", "Schedule"]
    assert views_of(look_at(method="focal")) == (labels, "loss")
    app = look_at(method="oversample")
    assert views_of(app) == (labels[1:], "classes")
    assert "Images that an epoch shows" in words_of(app)
    number = look_at(method="denseweight", task="age")
    assert views_of(number) == (labels[1:], "classes")
    assert "Weight of an image by its age" in words_of(number)


def titles_of(app):
    return [f["layout"].get("title", {}).get("text", "") for f in figures(app)]


def test_losses_on_cosines_and_on_logits_are_drawn_apart(folder):
    app = look_at(method=["cross-entropy", "ldam", "lmf"])
    drawn = [
        {t["name"] for t in f["data"] if t.get("showlegend", True)}
        for f in figures(app)
    ]
    assert drawn == [{"Cross-entropy", "LMF"}] * 2 + [{"LDAM"}] * 2
    apart = [re.sub("<.*?>", "", text).rpartition(": ")[2] for text in titles_of(app)]
    assert apart == ["On plain logits"] * 2 + ["On cosines"] * 2
    assert "Drawn apart: LDAM takes cosines times a scale" in words_of(app)
    app.selectbox(key="methods_movable_ldam_lmf").set_value("ldam").run()
    app.selectbox(key="methods_ldam_head").set_value("logits").run()
    assert not app.exception
    assert "Drawn apart" not in words_of(app)
    assert len(figures(app)) == 2


def test_margins_and_pulls_of_another_head_have_a_picture_of_their_own(folder):
    app = look_at(method=["cross-entropy", "ldam", "lmf"], view="classes")
    words = words_of(app)
    for title in (
        "Margin asked of a class on plain logits",
        "Margin asked of a class on cosines",
        "How hard an image pulls that is at p = 0.5, on plain logits",
        "How hard an image pulls that is at p = 0.5, on cosines",
        "Drawn apart: LDAM takes cosines",
    ):
        assert title in words
    alike = words_of(look_at(method=["cross-entropy", "lmf"], view="classes"))
    assert "Margin asked of a class" in alike
    assert "on cosines" not in alike


def test_a_decision_rule_has_its_card(folder):
    app = look_at(method="threshold-optimizer")
    assert app.get_by_key(f"methods_task_{STUDY}").value == "gender"
    assert "Not drawn: Threshold optimizer" in words_of(app)
    assert 'constraint = "demographic_parity"' in app.code[0].value


def test_group_weights_are_drawn_and_say_where_their_table_goes(folder):
    app = look_at(method=["group-weights", "ins"], view="classes")
    assert {"Group weights", "INS weights"} <= names_drawn(app)
    (table,) = (b.value for b in app.code if "group-weights" in b.value)
    assert "weights = {" in table
    assert "Not drawn" not in words_of(app)


def test_a_bad_parameter_is_an_error_that_is_said(folder):
    app = look_at(method=["lds"], view="classes")
    app.slider(key="methods_lds_max_target").set_value(10).run()
    assert not app.exception
    assert "out of range" in app.error[0].value


def test_the_page_is_said_in_french(folder):
    app = AppTest.from_file(str(page_file("methods")), default_timeout=300)
    app.query_params["study"] = STUDY
    app.session_state["language"] = "fr"
    app.run()
    assert not app.exception
    assert {"Entropie croisée", "Perte focale", "HMLoss"} <= names_drawn(app)
    words = words_of(app)
    assert "Que change une méthode\xa0?" in words
    assert "coûte le plus vers p = 1,2 × 10⁻⁵ (1,2 / delta)" in words
    assert "Pièges" in words
    delta = app.select_slider(key="methods_hmloss_delta")
    assert delta.help.startswith("Où commence le désespéré")
    delta.set_value(1e3).run()
    assert not app.exception
    assert "HMLoss, par défaut" in names_drawn(app)
    # What is kept in an address and read by a study stays in English.
    assert app.query_params["method"] == ["cross-entropy", "focal", "hmloss"]
    assert "delta = 1000.0" in app.code[1].value
    app.session_state["language"] = "en"
    app.run()
    assert not app.exception
    assert "What does a method change?" in words_of(app)
    assert {"Cross-entropy", "Focal loss", "HMLoss, default"} <= names_drawn(app)
