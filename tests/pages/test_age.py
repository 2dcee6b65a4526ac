"""The Age page, driven through the router."""

import json

import numpy as np
import pandas as pd

from core.data import catalog
from core.data.manifest import DatasetInfo
from core.runs import list_runs
from core.tasks import Regression
from tests.pages.conftest import LABEL_NOISE
from tests.synthetic import AGE, TASKS


def _spec(chart):
    return json.loads(chart.proto.spec)


def _captions(app):
    return "\n".join(caption.value for caption in app.caption)


def test_errors_stand_over_the_training_histogram(fill, store, open_page):
    fill()
    app = open_page("age")
    assert not app.exception
    bars = [t for t in _spec(app.get("plotly_chart")[0])["data"] if t["type"] == "bar"]
    manifest = pd.read_parquet(store / "utkface" / "manifest.parquet")
    ages = manifest[manifest["split"] == "training"]["age"]
    assert bars[0]["y"] == np.histogram(ages, range(0, 90, 10))[0].tolist()


def test_the_noise_of_the_labels_is_drawn(fill, open_page):
    fill()
    app = open_page("age")
    lines = [
        shape["y0"]
        for shape in _spec(app.get("plotly_chart")[0])["layout"]["shapes"]
        if shape["y0"] == shape["y1"]
    ]
    assert lines == [LABEL_NOISE]
    assert "differ by 4.0 years" in _captions(app)


def test_without_measured_noise_no_line_is_drawn(fill, store, open_page):
    fill()
    (store / "utkface" / "data.json").write_text("{}")
    app = open_page("age")
    assert not app.exception
    shapes = _spec(app.get("plotly_chart")[0])["layout"]["shapes"]
    assert all(shape["x0"] == shape["x1"] for shape in shapes)
    assert "noise" not in _captions(app)


def test_the_bias_is_that_of_the_predictions(fill, open_page):
    fill()
    app = open_page("age")
    traces = {
        trace["name"]: trace for trace in _spec(app.get("plotly_chart")[1])["data"]
    }
    runs = [run for run in list_runs("utkface").runs if run.method == "ins"]
    table = pd.concat(run.predictions().query("split == 'test'") for run in runs)
    error = table["age_pred"] - table["age_true"]
    expected = error.groupby(table["age_true"] // 10).mean()
    np.testing.assert_allclose(traces["INS"]["y"], expected, atol=1e-6)


def test_one_scatter_a_method_with_every_test_image(fill, open_page):
    fill()
    app = open_page("age")
    scatters = [c for c in app.get("plotly_chart") if "scatter" in c.key]
    assert len(scatters) == 3
    assert "test image (320)" in _captions(app)


def test_a_study_without_a_number_stops_with_a_sentence(fill, open_page, monkeypatch):
    fill()
    tasks = TASKS["utkface"][1:]
    classes = DatasetInfo("utkface", "Classes only", tasks, {}, True, True, "")
    monkeypatch.setitem(catalog.DATASETS, "utkface", classes)
    app = open_page("age")
    assert not app.exception
    assert "no task that predicts a number" in app.info[0].value
    assert not app.get("plotly_chart")


def test_of_several_numbers_one_is_chosen(fill, store, open_page, monkeypatch):
    fill()
    for file in store.glob("utkface/*/*/predictions.parquet"):
        table = pd.read_parquet(file)
        copies = {f"size_{end}": table[f"age_{end}"] for end in ("true", "pred")}
        table.assign(**copies).to_parquet(file)
    manifest = store / "utkface" / "manifest.parquet"
    table = pd.read_parquet(manifest)
    table.assign(size=table["age"]).to_parquet(manifest)
    tasks = (AGE, Regression("size", "Size", "cm", 1, 80, 10))
    both = DatasetInfo("utkface", "Two numbers", tasks, {}, True, True, "")
    monkeypatch.setitem(catalog.DATASETS, "utkface", both)
    app = open_page("age")
    assert not app.exception
    app.segmented_control(key="age_task_utkface").set_value("size").run()
    assert not app.exception
    axis = _spec(app.get("plotly_chart")[0])["layout"]["xaxis"]
    assert axis["title"]["text"] == "True size (cm)"


def _coverage_charts(app):
    return [c for c in app.get("plotly_chart") if "coverage" in c.key]


def test_coverage_and_width_of_the_intervals_are_shown_by_predicted_age(
    fill, open_page
):
    fill()
    app = open_page("age")
    assert not app.exception
    coverage, width = map(_spec, _coverage_charts(app))
    assert coverage["layout"]["xaxis"]["title"]["text"] == "Predicted age"
    assert [90, 90] in [[s["y0"], s["y1"]] for s in coverage["layout"]["shapes"]]
    assert "years" in width["layout"]["yaxis"]["title"]["text"]
    assert "not for a group or a true value" in _captions(app)


def test_the_groups_of_the_intervals_are_in_the_address(fill, open_page):
    fill()
    app = open_page("age", coverage="gender")
    coverage, _ = map(_spec, _coverage_charts(app))
    assert coverage["layout"]["xaxis"]["ticktext"] == ["All images", "male", "female"]
    table = next(t.value for t in app.table if "Images" in t.value.columns)
    assert table["Group"].tolist() == ["All images", "male", "female"]
    assert table["Baseline"].str.contains("years").all()


def test_without_validation_images_there_are_no_intervals(fill, store, open_page):
    fill()
    for path in store.glob("utkface/*/seed-*/predictions.parquet"):
        table = pd.read_parquet(path)
        table[table["split"] == "test"].to_parquet(path)
    app = open_page("age")
    assert not app.exception
    assert not _coverage_charts(app)
    assert any("No intervals for Baseline, " in i.value for i in app.info)
