"""The Classification page, driven through the router."""

import json

import pandas as pd

from core.data import catalog
from core.data.manifest import DatasetInfo
from core.runs import list_runs
from tests.synthetic import AGE, TASKS


def _text(app):
    parts = [*app.markdown, *app.caption, *app.info]
    return "\n".join(part.value for part in parts)


def _spec(chart):
    return json.loads(chart.proto.spec)


def _annotated_titles(charts):
    return [_spec(chart)["layout"].get("title", {}).get("text") for chart in charts]


def test_f1_stands_beside_the_training_images_of_each_class(fill, store, open_page):
    fill()
    app = open_page("classification")
    assert not app.exception
    bars = [t for t in _spec(app.get("plotly_chart")[0])["data"] if t["type"] == "bar"]
    manifest = pd.read_parquet(store / "utkface" / "manifest.parquet")
    training = manifest[manifest["split"] == "training"]["ethnicity"]
    expected = {name: int((training == name).sum()) for name in training.unique()}
    drawn = dict(zip(bars[0]["customdata"], bars[0]["y"], strict=True))
    assert drawn == expected
    assert list(drawn) == sorted(expected, key=expected.__getitem__, reverse=True)


def test_one_matrix_a_method_whose_counts_are_the_runs_mean(fill, open_page):
    fill()
    app = open_page("classification")
    app.segmented_control(key="classification_show").set_value("counts").run()
    assert not app.exception
    matrices = app.get("plotly_chart")[1:]
    titles = ["<b>Baseline</b>", "<b>INS</b>", "<b>DenseWeight</b>"]
    assert _annotated_titles(matrices) == titles
    classes = TASKS["utkface"][2].classes
    runs = [run for run in list_runs("utkface").runs if run.method == "ins"]
    tables = [run.predictions().query("split == 'test'") for run in runs]
    pooled = pd.concat(tables)
    counts = pd.crosstab(pooled["ethnicity_true"], pooled["ethnicity_pred"])
    mean = counts.reindex(index=classes, columns=classes, fill_value=0) / len(runs)
    text = _spec(matrices[1])["data"][0]["text"]
    shown = [[float(cell.replace(",", "")) for cell in row] for row in text]
    assert shown == mean.to_numpy().tolist()


def test_the_difference_leaves_the_baseline_out(fill, open_page):
    fill()
    app = open_page("classification")
    app.segmented_control(key="classification_show").set_value("difference").run()
    titles = _annotated_titles(app.get("plotly_chart")[1:])
    assert titles == ["<b>INS</b>", "<b>DenseWeight</b>"]


def test_a_difference_of_the_baseline_alone_stops_with_a_sentence(fill, open_page):
    fill(methods=("baseline",))
    app = open_page("classification")
    app.segmented_control(key="classification_show").set_value("difference").run()
    assert not app.exception
    assert "no difference to draw" in _text(app)
    app.segmented_control(key="classification_show").set_value("shares").run()
    assert len(app.get("plotly_chart")) == 2


def test_the_other_task_can_be_chosen(fill, open_page):
    fill()
    app = open_page("classification")
    app.segmented_control(key="classification_task_utkface").set_value("gender").run()
    assert not app.exception
    ticks = _spec(app.get("plotly_chart")[0])["layout"]["xaxis"]["ticktext"]
    assert sorted(ticks) == ["female", "male"]
    assert len(app.get("plotly_chart")) == 4


def test_a_study_without_classes_stops_with_a_sentence(fill, open_page, monkeypatch):
    fill()
    ages = DatasetInfo("utkface", "Ages only", (AGE,), {}, True, True, "")
    monkeypatch.setitem(catalog.DATASETS, "utkface", ages)
    app = open_page("classification")
    assert not app.exception
    assert "has no classification task" in app.info[0].value
    assert not app.get("plotly_chart")


def test_without_a_manifest_the_page_works(fill, store, open_page):
    fill()
    (store / "utkface" / "manifest.parquet").unlink()
    app = open_page("classification")
    assert not app.exception
    assert len(app.get("plotly_chart")) == 4


def test_figures_hold_every_takeaway_as_their_text_alternative(fill, open_page):
    fill()
    app = open_page("classification")
    for chart in app.get("plotly_chart"):
        assert chart.proto.alt.endswith(".")
        assert "nan" not in chart.proto.alt
