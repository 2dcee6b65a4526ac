"""Another study beside the chosen one: chosen in the bar, kept, shown on every page."""

import json

import pandas as pd
import pytest

import core.runs
from core.results.run_settings import TOGETHER
from tests.pages.opening import date_by_content
from tests.two_studies import OTHER, change_split, copy_study, test_ids

KEY = "bar_against_utkface"
OPTION = f"{OTHER}/"
PAGES = ("overview", "classification", "age", "fairness", "errors", "cost")


def _text(app):
    parts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.subheader]
    return " ".join(part.value for part in parts)


@pytest.fixture
def both(fill, store):
    """UTKFace with three methods, and two of them in another study."""
    fill()
    study = core.runs.study_of_runs("utkface").model_dump(mode="json")
    training = {**study["training"], "epochs": 12}
    kept = ("baseline", "ins")
    copy_study(store, methods=kept, seeds=(1,), study={"training": training})
    date_by_content(store)
    return store


def test_it_is_offered_and_every_method_stands_above_its_counterpart(both, open_page):
    app = open_page("overview")
    chooser = app.selectbox(key=KEY)
    assert chooser.options[-1] == "Another study: UTKFace from scratch"
    chooser.select(OPTION).run()
    assert not app.exception
    assert app.query_params["with"] == OTHER
    table = app.table[0].value.set_index("Method")
    assert [name.partition("**")[2].partition("**")[0] for name in table.index] == [
        "Baseline (utkface)",
        f"Baseline ({OTHER})",
        "INS (utkface)",
        f"INS ({OTHER})",
    ]
    cells = table["Ethnicity macro F1 ↑"]
    words = ("better", "worse", "inconclusive", "equivalent")
    judged = [any(word in cell for word in words) for cell in cells]
    assert judged == [True, False, True, False]
    said = _text(app)
    assert f"What differs between utkface and {OTHER}" in said
    assert TOGETHER in said
    settings = app.table[1].value.set_index("Setting")
    assert list(settings.loc["**training.epochs**"]) == ["6", "12", "all"]


@pytest.mark.parametrize("page", PAGES)
def test_a_link_opens_every_page_with_both(both, open_page, page):
    app = open_page(page, study="utkface", **{"with": OTHER})
    assert not app.exception
    assert not app.error
    assert app.selectbox(key=KEY).value == OPTION
    said = _text(app)
    assert "Beside **UTKFace from scratch**" in said
    assert f"it is **Baseline ({OTHER})**" in said
    assert TOGETHER in said
    assert "the same 320 test images" in said


def test_it_goes_along_to_other_pages_and_can_be_left(both, open_page):
    app = open_page("overview", study="utkface", **{"with": OTHER})
    app.switch_page("pages/age/page.py").run()
    assert app.selectbox(key=KEY).value == OPTION
    assert app.query_params["with"] == OTHER
    # Runs looks at one study; whoever comes back finds both again.
    app.switch_page("pages/runs/page.py").run()
    assert not app.exception
    assert "Beside" not in _text(app)
    app.switch_page("pages/classification/page.py").run()
    assert app.selectbox(key=KEY).value == OPTION
    app.selectbox(key=KEY).select("ins").run()
    assert not app.exception
    assert "with" not in app.query_params
    assert "Compared with **INS**" in _text(app)
    app.switch_page("pages/overview/page.py").run()
    assert app.selectbox(key=KEY).value == "ins"


def test_the_numbers_are_those_of_the_command(both, open_page):
    from core.results.study_runs import load_study_runs

    found = load_study_runs("utkface", beside=OTHER).compare()
    app = open_page("overview", study="utkface", **{"with": OTHER})
    app.selectbox(key="overview_metric").select("ethnicity.macro_f1").run()
    cell = found.row("ins", "ethnicity.macro_f1")
    detail = next(t.value for t in app.table if "Difference" in t.value.columns)
    row = detail.set_index("Method").loc["**INS (utkface)**"]
    assert f"{abs(cell['delta']):.3f}" in row["Difference"]
    assert f"than in {OTHER}" in _text(app)


def test_methods_are_hidden_in_pairs(both, open_page):
    app = open_page("classification", study="utkface", **{"with": OTHER})
    pills = app.button_group(key=f"bar_methods_utkface_{OTHER}")
    # What only one study has is there to be chosen, and not shown at first.
    assert set(pills.value) == {"baseline", "ins"}
    pills.set_value(["ins"]).run()
    assert not app.exception
    assert f"it is **INS ({OTHER})**" in _text(app)
    table = app.table[0].value
    assert len(table) == 2
    pills = app.button_group(key=f"bar_methods_utkface_{OTHER}")
    pills.set_value(["ins", "denseweight"]).run()
    assert not app.exception
    assert len(app.table[0].value) == 3
    assert "no verdict: in one study only" in " ".join(app.table[0].value.iloc[2])


def test_seeds_without_a_pair_stop_with_a_sentence(both, open_page):
    app = open_page("age", study="utkface", **{"with": OTHER})
    app.button_group(key=f"bar_seeds_utkface_{OTHER}").set_value([0]).run()
    assert not app.exception
    assert "No shown method has runs in both studies" in _text(app)


def test_confusions_differ_from_the_counterpart(both, open_page):
    app = open_page("classification", study="utkface", **{"with": OTHER})
    app.button_group(key="classification_show").set_value("difference").run()
    assert not app.exception
    app.button_group(key="classification_show").set_value("pairs").run()
    assert not app.exception


def test_errors_begin_with_the_study_s_own_method(both, open_page):
    app = open_page("errors", study="utkface", **{"with": OTHER})
    chooser = app.selectbox(key="errors_method_utkface")
    assert chooser.value == "baseline"
    chooser.select(f"{OTHER}/ins").run()
    assert not app.exception
    assert app.query_params["method"] == f"{OTHER}/ins"
    assert app.query_params["with"] == OTHER


def test_only_shared_images_count_on_the_pages(both, open_page, store):
    change_split(store, OTHER, test_ids(store, "utkface")[:20], "training")
    app = open_page("overview", study="utkface", **{"with": OTHER})
    assert not app.exception
    said = _text(app)
    assert "300 images are test images of both studies" in said
    assert "20 test images were left out of utkface" in said
    assert "UTKFace: 300 test images" in said
    for page in PAGES[1:]:
        app.switch_page(f"pages/{page}/page.py").run()
        assert not app.exception, page
        assert not app.error, page


def test_it_is_not_offered_where_no_image_is_shared(fill, open_page, store):
    fill()
    fill("avatars")
    copy_study(store)
    change_split(store, OTHER, test_ids(store, "utkface"), "training")
    app = open_page("overview")
    assert not any("Another study" in name for name in app.selectbox(key=KEY).options)
    app = open_page("overview", study="utkface", **{"with": OTHER})
    assert "study of the same test images `utkface-scratch`" in app.warning[0].value
    assert app.table
    assert "with" not in app.query_params


def test_studies_that_cannot_be_compared_are_a_message(both, open_page, store):
    for path in (store / OTHER).rglob(core.runs.PREDICTIONS):
        table = pd.read_parquet(path)
        table["age_true"] += 1
        table.to_parquet(path)
    app = open_page("overview", study="utkface", **{"with": OTHER})
    assert not app.exception
    assert "cannot be compared" in app.error[0].value
    assert not app.table


def test_studies_without_a_common_method_stand_side_by_side(both, open_page, store):
    for name in ("baseline", "ins"):
        (store / OTHER / name).rename(store / OTHER / f"{name}-2")
    for record in (store / OTHER).rglob(core.runs.RECORD):
        info = json.loads(record.read_text())
        record.write_text(json.dumps({**info, "method": record.parents[1].name}))
    app = open_page("overview", study="utkface", **{"with": OTHER})
    assert not app.exception
    assert "compared with the study's own baseline" in _text(app)
    assert len(app.table[0].value) == 5
