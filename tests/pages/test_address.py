"""Choices stand in the address of a page, and the address opens them again."""

import pytest

from tests.pages.opening import NAMES

PAGES = tuple(name for name in NAMES if name not in ("import", "predict"))
# They leave for another page, or say whose sliders are drawn.
NOT_HELD = ("classification_pair", "methods_movable", "data_tried", "runs_other")


def choosers_of(app):
    """Every widget that chooses, by its key."""
    kinds = ("selectbox", "button_group", "toggle")
    widgets = [widget for kind in kinds for widget in app.get(kind)]
    return {w.key: w for w in widgets if not str(w.key).startswith(NOT_HELD)}


def another_value(widget):
    """A value that the widget does not have now; None where there is none."""
    if widget.type == "toggle":
        return not widget.value
    options = getattr(widget, "options", [])
    if len(options) < 2:
        return None
    if isinstance(widget.value, list):
        return widget.value[:-1] or None
    return None if widget.type != "selectbox" else options[-1]


@pytest.mark.parametrize("page", PAGES)
def test_a_link_opens_what_was_chosen(fill, open_page, page):
    fill(methods=("baseline", "ins", "lmf"), seeds=(0, 1))
    app = open_page(page, study="utkface")
    assert not app.exception
    for key in [key for key in choosers_of(app) if key != "study"]:
        widget = choosers_of(app).get(key)
        value = None if widget is None else another_value(widget)
        if value is not None:
            widget.set_value(value).run()
            assert not app.exception, key
    chosen = {key: widget.value for key, widget in choosers_of(app).items()}
    address = {n: app.query_params[n] for n in app.query_params if n != "study"}
    again = open_page(page, study="utkface", **address)
    assert not again.exception
    assert not again.warning or again.warning[0].value == app.warning[0].value
    assert {k: widget.value for k, widget in choosers_of(again).items()} == chosen


def test_what_is_not_the_default_alone_is_in_the_address(fill, open_page):
    fill(methods=("baseline", "ins", "lmf"), seeds=(0, 1))
    app = open_page("overview")
    assert set(app.query_params) == {"study", "metric"}
    app.pills(key="bar_methods_utkface").set_value(["lmf"]).run()
    assert app.query_params["methods"] == "lmf"
    app.pills(key="bar_seeds_utkface").set_value(["1"]).run()
    assert app.query_params["seeds"] == "1"
    app.button(key="bar_methods_utkface_None").click().run()
    assert app.query_params["methods"] == "none"
    app.button(key="bar_methods_utkface_All").click().run()
    assert "methods" not in app.query_params


def test_an_address_of_no_method_shows_the_baseline_alone(fill, open_page):
    fill(methods=("baseline", "ins", "lmf"), seeds=(0, 1))
    app = open_page("cost", study="utkface", methods="none")
    assert not app.exception
    assert "Shown: 1 of 3 methods" in app.caption[0].value


def test_another_study_takes_the_rest_out_of_the_address(fill, open_page):
    fill()
    fill("avatars")
    app = open_page("fairness", study="utkface", features="ethnicity")
    assert app.query_params["features"] == "ethnicity"
    app.selectbox(key="study").select("avatars").run()
    assert not app.exception
    assert app.query_params["study"] == "avatars"
    assert "features" not in app.query_params


def test_choices_are_kept_from_page_to_page(fill, open_page):
    fill(methods=("baseline", "ins", "lmf"), seeds=(0, 1))
    app = open_page("overview", study="utkface", methods="ins", metric="age.bias")
    for page in ("cost", "age", "overview"):
        # As a link of the navigation does: the address begins anew.
        app.query_params.clear()
        app.switch_page(f"pages/{page}/page.py").run()
        assert app.pills(key="bar_methods_utkface").value == ["ins"]
        assert app.query_params["methods"] == "ins"
    assert app.selectbox(key="overview_metric").value == "age.bias"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("0.3", 0.3), ("7", 0.05), ("nan", 0.05), ("<b>", 0.05), ("1e-1", 0.1)],
)
def test_a_number_of_the_address_must_be_in_its_range(fill, open_page, given, kept):
    fill(methods=("baseline", "ins"), seeds=(0, 1))
    app = open_page("fairness", study="utkface", task="gender", most=given)
    assert not app.exception
    assert app.number_input(key="fairness_whatif_most").value == pytest.approx(kept)
    named = any("is not here: most" in warning.value for warning in app.warning)
    assert named == (kept == 0.05)


def test_thresholds_of_the_address_are_set(fill, open_page):
    fill(methods=("baseline", "ins"), seeds=(0, 1))
    app = open_page(
        "fairness",
        study="utkface",
        task="gender",
        thresholds="One for each group",
        features="ethnicity",
        threshold=["Asian:0.25", "Nobody:0.5"],
    )
    assert not app.exception
    values = {s.label: s.value for s in app.slider}
    assert values["Threshold, Asian"] == 0.25
    assert any("threshold `Nobody:0.5`" in warning.value for warning in app.warning)
    assert app.query_params["threshold"] == "Asian:0.25"
