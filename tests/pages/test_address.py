"""Choices stand in the address of a page, and the address opens them again."""

from collections import Counter

import pytest

from core import file_stamps
from core.runs import list_runs
from pages.shell import choose
from tests.pages.opening import NAMES
from tests.synthetic import METHODS

# Of a story, each slide has its own filters.
PAGES = tuple(n for n in NAMES if n not in ("images", "import", "predict", "defense"))
# Widgets that are changed at the least; these have few.
FEWEST_CHANGED = {"age": 2, "methods": 3, "runs": 3, "data": 1, "train": 3}
# They leave for another page, or say whose sliders are drawn.
NOT_HELD = ("classification_pair", "methods_movable", "data_tried", "runs_other")
KINDS = ("selectbox", "button_group", "toggle", "slider", "number_input")


@pytest.fixture
def options(monkeypatch):
    """What can be chosen under each key, as ``choose`` was given it."""
    found, preset = {}, choose._preset

    def noting(key, offered, *args):
        found[key] = list(offered)
        preset(key, offered, *args)

    monkeypatch.setattr(choose, "_preset", noting)
    return found


def choosers_of(app):
    """Every widget that chooses, by its key."""
    widgets = [widget for kind in KINDS for widget in app.get(kind)]
    return {w.key: w for w in widgets if not str(w.key).startswith(NOT_HELD)}


def another_value(widget, options):
    """A value that the widget does not have now; None where there is none."""
    if widget.type == "toggle":
        return not widget.value
    if widget.type in ("slider", "number_input"):
        low, high = widget.min, widget.max
        middle = low + (min(high, low + 4 * (widget.step or 1)) - low) / 2
        return None if widget.disabled else type(widget.value or 0.0)(middle)
    if isinstance(widget.value, list):
        return widget.value[:-1] or None
    others = [one for one in options.get(widget.key, ()) if one != widget.value]
    return others[-1] if others else None


@pytest.mark.parametrize("page", PAGES)
def test_a_link_opens_what_was_chosen(fill, open_page, options, page):
    fill(methods=("baseline", "ins", "lmf"), seeds=(0, 1))
    app = open_page(page, study="utkface")
    assert not app.exception
    changed = 0
    for key in [key for key in choosers_of(app) if key != "study"]:
        widget = choosers_of(app).get(key)
        value = None if widget is None else another_value(widget, options)
        if value is not None:
            widget.set_value(value).run()
            assert not app.exception, key
            changed += 1
    assert changed >= FEWEST_CHANGED.get(page, 4)
    chosen = {key: widget.value for key, widget in choosers_of(app).items()}
    address = {n: app.query_params[n] for n in app.query_params if n != "study"}
    again = open_page(page, study="utkface", **address)
    assert not again.exception
    assert not any("names what is not here" in w.value for w in again.warning)
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


def best_five(quality):
    """Methods with the largest means over the seeds, from the run folders."""
    values = {}
    for run in list_runs("utkface").runs:
        if run.method != "baseline":
            values.setdefault(run.method, []).append(quality(run.predictions("test")))
    means = {method: sum(found) / len(found) for method, found in values.items()}
    return set(sorted(means, key=means.get)[-5:])


def closeness(table):
    return -(table["age_true"] - table["age_pred"]).abs().mean()


def hits(table):
    return (table["gender_true"] == table["gender_pred"]).mean()


def test_the_top_five_follow_the_metric_of_the_page(fill, open_page):
    fill(methods=(*METHODS, "focal"), seeds=(0, 1))
    app = open_page("age")
    app.button(key="bar_methods_utkface_best").click().run()
    assert not app.exception
    assert set(app.query_params["methods"]) == best_five(closeness)
    address = {n: app.query_params[n] for n in app.query_params}
    again = open_page("cost", **address, metric="gender.accuracy")
    assert set(again.pills(key="bar_methods_utkface").value) == best_five(closeness)
    assert "Shown: 6 of 8 methods" in again.caption[0].value
    again.button(key="bar_methods_utkface_best").click().run()
    assert not again.exception
    assert set(again.query_params["methods"]) == best_five(hits) != best_five(closeness)


def test_of_few_methods_no_top_five_is_offered(fill, open_page):
    fill(methods=("baseline", "ins", "lmf"), seeds=(0,))
    keys = {button.key for button in open_page("age").button}
    assert "bar_methods_utkface_None" in keys
    assert "bar_methods_utkface_best" not in keys


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
        thresholds="own",
        features="ethnicity",
        threshold=["Asian:0.25", "Nobody:0.5"],
    )
    assert not app.exception
    values = {s.label: s.value for s in app.slider}
    assert values["Threshold, Asian"] == 0.25
    assert any("threshold `Nobody:0.5`" in warning.value for warning in app.warning)
    assert app.query_params["threshold"] == "Asian:0.25"


def test_a_link_is_written_once_and_back_is_followed(fill, open_page, monkeypatch):
    fill(methods=("baseline", "ins", "lmf"), seeds=(0, 1))
    app = open_page("errors", study="utkface", task="gender", method="lmf")
    first = {n: app.query_params[n] for n in app.query_params}
    assert first == {"study": "utkface", "task": "gender", "method": "lmf"}
    app.selectbox(key="errors_method_utkface").select("ins").run()
    assert app.query_params["method"] == "ins"
    # As the browser's back does.
    app.query_params["method"] = "lmf"
    app.run()
    assert app.selectbox(key="errors_method_utkface").value == "lmf"


def test_a_cell_is_opened_with_the_seeds_and_methods_of_its_matrix(fill, open_page):
    fill(methods=("baseline", "ins", "lmf"), seeds=(0, 1))
    app = open_page("classification", study="utkface", seeds="1", methods="lmf")
    app.button(key="classification_pair_utkface_ethnicity_open").click().run()
    assert not app.exception
    assert app.title[0].value == "Where do the methods fail?"
    assert app.pills(key="bar_seeds_utkface").value == ["1"]
    assert app.pills(key="bar_methods_utkface").value == ["lmf"]


@pytest.mark.parametrize(
    ("page", "query", "said"),
    [
        ("errors", {"page": "999"}, "page `999`"),
        ("fairness", {"small": "true"}, "small `true`"),
        ("overview", {"margin": "-1"}, "margin `-1`"),
        ("methods", {"method": "focal", "set": "focal.gamma:99"}, "slider `focal"),
    ],
)
def test_what_is_asked_in_vain_is_named(fill, open_page, page, query, said):
    fill(methods=("baseline", "ins"), seeds=(0, 1))
    app = open_page(page, study="utkface", **query)
    assert not app.exception
    assert any(said in warning.value for warning in app.warning)


def test_sliders_of_a_method_are_in_the_address(fill, open_page):
    fill(methods=("baseline", "ins"), seeds=(0,))
    query = {"task": "ethnicity", "method": "focal", "set": "focal.gamma:3.5"}
    app = open_page("methods", study="utkface", **query)
    assert not app.exception
    assert app.slider(key="methods_focal_gamma").value == 3.5
    assert app.query_params["set"] == "focal.gamma:3.5"


def test_the_way_back_leaves_the_page(fill, open_page):
    fill(methods=("baseline", "ins", "lmf"), seeds=(0, 1))
    app = open_page("overview")
    assert app.query_params["study"] == "utkface"
    # Back to the address that the page was opened by, which is not written again.
    app.query_params.clear()
    app.run()
    assert not app.query_params
    app.selectbox(key="overview_metric").select("age.bias").run()
    assert app.query_params["metric"] == "age.bias"


@pytest.mark.parametrize("page", ["overview", "errors", "predict"])
def test_a_visit_looks_at_a_file_of_a_run_once(fill, open_page, monkeypatch, page):
    fill()
    looks = Counter()
    look = file_stamps._look

    def count(file):
        looks[file] += 1
        return look(file)

    monkeypatch.setattr(file_stamps, "_look", count)
    app = open_page(page)
    runs = {run.folder for run in list_runs("utkface").runs}
    looks.clear()
    app.run()
    of_runs = {file: times for file, times in looks.items() if file.parent in runs}
    assert of_runs
    assert set(of_runs.values()) == {1}
