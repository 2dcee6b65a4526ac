"""Slices on the Fairness page, and their images on Errors."""

import json

import numpy as np
import pandas as pd
import pytest

from core.results.study_runs import load_study_runs
from core.runs import MANIFEST_FILE, PREDICTIONS
from tests.imports import write_study
from tests.synthetic import TASKS

AGE = TASKS["utkface"][0]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))


def _text(app):
    parts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return "\n".join(part.value for part in parts)


def _forest(app):
    (chart,) = (c for c in app.get("plotly_chart") if "-slices" in c.proto.id)
    return json.loads(chart.proto.spec)


def _spoil(store, feature, group, years):
    """Make every method worse by so many years in one group."""
    for path in store.glob(f"utkface/*/*/{PREDICTIONS}"):
        table = pd.read_parquet(path)
        inside = table[feature] == group
        table.loc[inside, "age_pred"] = table.loc[inside, "age_true"] + years
        table.to_parquet(path)


def test_the_worst_group_is_named_with_its_interval(fill, store, open_page):
    fill()
    _spoil(store, "ethnicity", "Asian", 40)
    app = open_page("fairness", study="utkface", task="age")
    assert not app.exception
    said = _text(app)
    assert "is most certainly worse where ethnicity is Asian" in said
    assert "corrected for" in said
    assert "the pictures are not here" in said
    names = [note["text"] for note in _forest(app)["layout"]["annotations"]]
    assert any(name.startswith("Ethnicity is Asian") for name in names)
    runs = load_study_runs("utkface")
    errors = [
        (table["age_pred"] - table["age_true"]).abs()
        for (method, _), table in runs.tables.items()
        if method == "baseline"
    ]
    overall = np.mean(errors)
    assert f"against {overall:.2f} years overall" in said


def test_the_method_is_in_the_address(fill, open_page):
    fill()
    app = open_page("fairness", study="utkface", task="gender", sliced="ins")
    assert not app.exception
    (box,) = (b for b in app.selectbox if "fairness_slices_method" in str(b.key))
    assert box.value == "ins"
    app = box.set_value("denseweight").run()
    assert app.query_params["sliced"] == "denseweight"
    heading = "Where it is worst: gender error rate by slice"
    assert heading in [part.value for part in app.subheader]


def test_one_seed_and_one_method(fill, open_page):
    fill(methods=("baseline",), seeds=(0,))
    app = open_page("fairness", study="utkface", task="age")
    assert not app.exception
    assert "One seed; bars are 95 % intervals" in _text(app)


def test_a_slice_opens_its_images(fill, store, open_page):
    fill()
    _spoil(store, "ethnicity", "Asian", 40)
    app = open_page("fairness", study="utkface", task="age")
    (button,) = (b for b in app.button if "fairness_slice_" in str(b.key))
    app = button.click().run()
    assert not app.exception
    assert app.query_params["where"] == "ethnicity:Asian"
    table = next(iter(load_study_runs("utkface").tables.values()))
    number = int((table["ethnicity"] == "Asian").sum())
    assert f"{number} of {len(table)} test images match" in _text(app)


def test_errors_filters_by_any_column_of_the_manifest(fill, store, open_page):
    fill()
    path = store / "utkface" / MANIFEST_FILE
    manifest = pd.read_parquet(path)
    lamps = np.random.default_rng(0).choice(["dim", "bright"], len(manifest))
    manifest.assign(lamp=lamps).to_parquet(path)
    app = open_page(
        "errors",
        study="utkface",
        task="age",
        where="lamp:dim",
        truth=AGE.bin_labels[2],
    )
    assert not app.exception
    assert not app.warning
    table = next(iter(load_study_runs("utkface").tables.values()))
    known = dict(zip(manifest["image_id"].astype(str), lamps, strict=True))
    dim = table["image_id"].astype(str).map(known) == "dim"
    number = int((dim & (AGE.bin_of(table["age_true"]) == 2)).sum())
    assert f"{number} of {len(table)} test images match" in _text(app)
    (box,) = (b for b in app.selectbox if b.label == "Lamp")
    assert box.options == ["Any", "bright", "dim"]
    app = app.button(key="errors_clear").click().run()
    assert f"All {len(table)} " in _text(app)
    assert "where" not in app.query_params


def test_errors_names_a_feature_that_nobody_knows(fill, open_page):
    fill()
    app = open_page("errors", study="utkface", task="age", where="lamp:dim")
    assert not app.exception
    assert "lamp" in app.warning[0].value


def test_a_study_made_of_a_table_says_that_it_has_no_pictures(store, open_page):
    write_study(store)
    app = open_page("fairness")
    assert not app.exception
    assert not app.error
    assert "lices" in _text(app) or "no slice to look at" in _text(app)
