"""The Runs page on run folders of known content."""

import json

import pandas as pd
import pytest

from tests.pages.opening import METHODS, open_page, words_of, write_study


@pytest.fixture
def folder(store):
    write_study(store)
    return store


def test_all_runs_are_listed(folder):
    app = open_page("runs", study="utkface")
    assert not app.exception
    table = app.dataframe[0].value
    assert len(table) == 2 * len(METHODS)
    assert set(table["seed"]) == {0, 1}


def test_curve_can_be_chosen(folder):
    app = open_page("runs", study="utkface")
    curve = app.selectbox(key="runs_curve")
    assert curve.options[0] == "Loss"
    assert "Age MAE (years)" in curve.options
    curve.select("age_mae").run()
    assert "Age MAE (years) on validation" in words_of(app)
    app.get_by_key("runs_lines").set_value("Each seed").run()
    assert not app.exception


def test_single_runs_can_be_picked(folder):
    app = open_page("runs", study="utkface")
    app.multiselect(key="runs_picked_utkface").set_value(["ins, seed 1"]).run()
    assert not app.exception
    assert len(app.dataframe[0].value) == 1
    assert app.selectbox(key="runs_other").disabled


def test_differences_are_between_the_two_chosen(folder):
    app = open_page("runs", study="utkface")
    app.selectbox(key="runs_one").select("INS, seed 0").run()
    app.selectbox(key="runs_other").select("Baseline, seed 0").run()
    table = app.dataframe[1].value
    chosen = table[table["part"] != "measured"]
    assert "ins.on" in set(chosen["what"])
    assert "seed" not in set(chosen["what"])


def test_broken_run_is_named_and_the_rest_works(folder):
    (folder / "utkface" / "lmf" / "seed-1" / "predictions.parquet").write_bytes(b"PAR1")
    app = open_page("runs", study="utkface")
    assert not app.exception
    assert "seed-1" in app.warning[0].value
    assert len(app.dataframe[0].value) == 2 * len(METHODS) - 1


def test_damaged_history_is_said(folder):
    path = folder / "utkface" / "ins" / "seed-0" / "history.parquet"
    pd.DataFrame({"epoch": [1]}).to_parquet(path)
    app = open_page("runs", study="utkface")
    assert not app.exception
    assert "is damaged: no column" in words_of(app)


def test_runs_without_details_are_still_shown(folder):
    path = folder / "utkface" / "ins" / "seed-0" / "run.json"
    record = json.loads(path.read_text())
    kept = {key: record[key] for key in ("schema", "study", "method", "seed")}
    path.write_text(json.dumps({**kept, "resolved": {}}))
    assert not open_page("runs", study="utkface").exception


def test_a_speed_that_is_not_known_is_a_dash(folder):
    path = folder / "utkface" / "ins" / "seed-0" / "run.json"
    record = {**json.loads(path.read_text()), "images_per_second": None}
    path.write_text(json.dumps(record))
    app = open_page("runs", study="utkface")
    assert not app.exception
    table = app.dataframe[0]
    assert len(table.value) == 2 * len(METHODS)
    assert table.value["images/s"].isna().sum() == 1
    assert table.proto.placeholder == "–"


def test_no_runs_says_what_to_do(store):
    app = open_page("runs", study="avatars")
    assert not app.exception
    assert "equipoise train avatars" in app.info[0].value


def test_one_method_only_is_enough(store):
    write_study(store, methods=("baseline",), seeds=(0,))
    app = open_page("runs", study="utkface")
    assert not app.exception
    assert "(1 seed)" in words_of(app)
