"""The Classification page, driven through the router."""

import json

import numpy as np
import pandas as pd
import pytest

from core.data import catalog
from core.data.manifest import DatasetInfo
from core.language import speaking
from core.runs import list_runs
from tests.synthetic import AGE, TASKS, long_tail, write_store

TEN = ("baseline", "csce", "balanced-softmax")
HUNDRED = ("baseline", "balanced-softmax")


@pytest.fixture
def ten(store):
    """The study with ten long-tailed classes, one seed."""
    write_store(store, "cifar10-lt-200", methods=TEN, seeds=(0,), rows=300)


@pytest.fixture
def hundred(store):
    """The study with a hundred."""
    write_store(store, "cifar100-lt-200", methods=HUNDRED, seeds=(0,), rows=400)


def _text(app):
    parts = [*app.markdown, *app.caption, *app.info]
    return "\n".join(part.value for part in parts)


def _spec(chart):
    return json.loads(chart.proto.spec)


def _matrices(app):
    return [chart for chart in app.get("plotly_chart") if "confusion" in chart.key]


def _annotated_titles(charts):
    """Titles as the page shows them: it hides that of the card, which it has above."""
    texts = [_spec(chart)["layout"]["title"]["text"] for chart in charts]
    cards = {text.partition("</span>")[0] for text in texts}
    assert all(card.startswith("<span") and card.endswith(": ") for card in cards)
    return [text.partition("</span>")[2] for text in texts]


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
    matrices = _matrices(app)
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
    titles = _annotated_titles(_matrices(app))
    assert titles == ["<b>INS</b>", "<b>DenseWeight</b>"]


def test_a_difference_of_the_baseline_alone_stops_with_a_sentence(fill, open_page):
    fill(methods=("baseline",))
    app = open_page("classification")
    app.segmented_control(key="classification_show").set_value("difference").run()
    assert not app.exception
    assert "no difference to draw" in _text(app)
    app.segmented_control(key="classification_show").set_value("shares").run()
    assert len(_matrices(app)) == 1


def test_the_other_task_can_be_chosen(fill, open_page):
    fill()
    app = open_page("classification")
    app.segmented_control(key="classification_task_utkface").set_value("gender").run()
    assert not app.exception
    ticks = _spec(app.get("plotly_chart")[0])["layout"]["xaxis"]["ticktext"]
    assert sorted(ticks) == ["female", "male"]
    assert len(_matrices(app)) == 3


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
    assert len(_matrices(app)) == 3


def test_figures_hold_every_takeaway_as_their_text_alternative(fill, open_page):
    fill()
    app = open_page("classification")
    for chart in app.get("plotly_chart"):
        assert chart.proto.alt.endswith(".")
        assert "nan" not in chart.proto.alt


def _alternatives(app):
    return [chart.proto.alt for chart in app.get("plotly_chart")]


def test_a_task_as_a_whole_has_error_rate_and_area(ten, open_page):
    app = open_page("classification")
    assert not app.exception
    table = app.table[0].value
    assert list(table.columns) == [
        "Method",
        "Class error rate (%) ↓",
        "Class top-5 accuracy ↑",
        "Class AUC ↑",
        "Class macro F1 ↑",
        "Class balanced accuracy ↑",
    ]
    run = next(r for r in list_runs("cifar10-lt-200").runs if r.method == "csce")
    test = run.predictions().query("split == 'test'")
    wrong = (test["label_true"] != test["label_pred"]).mean()
    assert f"**{100 * wrong:.1f}**" in table.loc[1, "Class error rate (%) ↓"]


def test_shot_groups_stand_over_their_training_images(ten, open_page):
    app = open_page("classification")
    figure = _spec(app.get("plotly_chart")[0])
    counts = long_tail("cifar10-lt-200")
    bars = next(trace for trace in figure["data"] if trace["type"] == "bar")
    assert bars["y"] == [
        sum(n for n in counts if n > 100),
        sum(n for n in counts if 20 <= n <= 100),
        sum(n for n in counts if n < 20),
    ]
    assert figure["layout"]["yaxis2"]["type"] == "log"
    assert "on the 4 few-shot classes" in _text(app)


def test_without_training_counts_there_are_no_shot_groups(ten, store, open_page):
    (store / "cifar10-lt-200" / "manifest.parquet").unlink()
    app = open_page("classification")
    assert not app.exception
    assert "few-shot" not in _text(app)
    orders = app.segmented_control(key="classification_order_cifar10-lt-200").options
    assert orders == ["As in the study", "By confusion"]


def test_recall_can_be_shown_in_place_of_f1(ten, open_page):
    app = open_page("classification")
    app.segmented_control(key="classification_score_multiclass").set_value(
        "recall"
    ).run()
    assert not app.exception
    figure = _spec(app.get("plotly_chart")[1])
    assert figure["layout"]["yaxis"]["title"]["text"] == "Recall (0 to 1)"


def test_of_ten_classes_the_baseline_and_one_method_are_shown(ten, open_page):
    app = open_page("classification")
    titles = _annotated_titles(_matrices(app))
    assert titles == ["<b>Baseline</b>", "<b>CSCE</b>"]
    box = next(box for box in app.selectbox if box.label == "Method")
    box.select("balanced-softmax").run()
    titles = _annotated_titles(_matrices(app))
    assert titles == ["<b>Baseline</b>", "<b>Balanced softmax</b>"]
    # A method that is hidden afterwards is not asked for again.
    app.pills(key="bar_methods_cifar10-lt-200").set_value(["csce"]).run()
    assert not app.exception
    titles = _annotated_titles(_matrices(app))
    assert titles == ["<b>Baseline</b>", "<b>CSCE</b>"]


@pytest.mark.parametrize("order", ["training", "confusion"])
def test_a_hundred_classes_can_be_ordered(hundred, open_page, order):
    app = open_page("classification")
    before = _spec(app.get("plotly_chart")[2])["data"][0]
    control = app.segmented_control(key="classification_order_cifar100-lt-200")
    control.set_value(order).run()
    assert not app.exception
    after = _spec(app.get("plotly_chart")[2])["data"][0]
    assert sorted(after["x"]) == sorted(before["x"])
    # The synthetic counts fall along the study's own order.
    assert (after["x"] == before["x"]) == (order == "training")
    assert after["x"] == after["y"]
    trace = [np.trace(np.asarray(figure["z"], float)) for figure in (before, after)]
    assert trace[0] == pytest.approx(trace[1])


def test_zoom_shows_a_few_of_a_hundred_classes_with_their_values(hundred, open_page):
    app = open_page("classification")
    assert "text" not in _spec(app.get("plotly_chart")[2])["data"][0]
    names = TASKS["cifar100-lt-200"][0].classes
    slider = app.select_slider[0]
    slider.set_value((names[10], names[14])).run()
    assert not app.exception
    heatmap = _spec(app.get("plotly_chart")[2])["data"][0]
    assert heatmap["x"] == list(names[10:15])
    assert heatmap["text"]


def test_counts_of_a_hundred_classes_are_drawn_as_counts(hundred, open_page):
    app = open_page("classification")
    app.segmented_control(key="classification_show").set_value("counts").run()
    assert not app.exception
    heatmap = _spec(app.get("plotly_chart")[2])["data"][0]
    run = next(r for r in list_runs("cifar100-lt-200").runs if r.method == "baseline")
    test = run.predictions().query("split == 'test'")
    assert np.sum(np.asarray(heatmap["z"], float)) == len(test)
    assert f"Colours end at {heatmap['zmax']} image" in _text(app)
    assert heatmap["colorbar"]["ticktext"][-1] == f"{heatmap['zmax']} images"


def test_a_difference_of_ten_classes_is_written_in_points(ten, open_page):
    app = open_page("classification")
    app.segmented_control(key="classification_show").set_value("difference").run()
    assert not app.exception
    assert "Written in points" in _text(app)


def test_worst_pairs_of_a_method_stand_beside_the_baseline(hundred, open_page):
    app = open_page("classification")
    app.segmented_control(key="classification_show").set_value("pairs").run()
    assert not app.exception
    bars, marks = _spec(app.get("plotly_chart")[2])["data"]
    assert len(bars["y"]) == len(marks["y"]) == 15
    assert bars["x"] == sorted(bars["x"], reverse=True)
    assert "Balanced softmax most often takes" in _text(app)


@pytest.mark.parametrize("choice", ["rarest", "hardest", "largest", "all"])
def test_a_part_of_a_hundred_classes_can_be_drawn(hundred, open_page, choice):
    app = open_page("classification")
    app.segmented_control(key="classification_classes").set_value(choice).run()
    assert not app.exception
    marks = _spec(app.get("plotly_chart")[1])["data"][0]
    assert len(marks["y"]) == (100 if choice == "all" else 12)
    assert list(app.dataframe[0].value["Class"]) == list(
        TASKS["cifar100-lt-200"][0].classes
    )


def test_every_chart_of_many_classes_has_a_text_alternative(hundred, open_page):
    app = open_page("classification")
    for kind in ("shares", "counts", "difference", "pairs"):
        app.segmented_control(key="classification_show").set_value(kind).run()
        assert not app.exception
        assert all(len(text) > 20 and "nan" not in text for text in _alternatives(app))


def test_predictions_without_probabilities_have_a_dash_for_the_area(
    ten, store, open_page
):
    path = store / "cifar10-lt-200" / "csce" / "seed-0" / "predictions.parquet"
    table = pd.read_parquet(path)
    table.drop(columns=[c for c in table if "_p_" in c]).to_parquet(path)
    app = open_page("classification")
    assert not app.exception
    row = app.table[0].value.set_index("Method").loc["**CSCE**"]
    assert row["Class AUC ↑"] == row["Class top-5 accuracy ↑"] == "–"
    assert row["Class macro F1 ↑"] != "–"


def _box(app, label):
    return next(box for box in app.selectbox if box.label == label)


def test_mean_probabilities_are_those_of_the_runs(fill, open_page):
    fill()
    app = open_page("classification")
    app.segmented_control(key="classification_show").set_value("probability").run()
    assert not app.exception
    classes = TASKS["utkface"][2].classes
    runs = [run for run in list_runs("utkface").runs if run.method == "ins"]
    columns = [f"ethnicity_p_{name}" for name in classes]
    means = [
        table.groupby("ethnicity_true")[columns].mean().loc[list(classes)].to_numpy()
        for table in (run.predictions().query("split == 'test'") for run in runs)
    ]
    figure = _spec(app.get("plotly_chart")[2])
    assert _annotated_titles(app.get("plotly_chart")[2:3]) == ["<b>INS</b>"]
    np.testing.assert_allclose(
        figure["data"][0]["z"], np.mean(means, axis=0), rtol=1e-5
    )
    assert "Of all wrong classes Baseline finds" in _text(app)
    assert "mean probability of each class over its images" in _text(app)


def test_mean_probabilities_leave_out_who_has_none(fill, store, open_page):
    fill()
    for path in store.glob("utkface/ins/*/predictions.parquet"):
        table = pd.read_parquet(path)
        table.drop(columns=[c for c in table if "_p_" in c]).to_parquet(path)
    app = open_page("classification")
    app.segmented_control(key="classification_show").set_value("probability").run()
    assert not app.exception
    titles = _annotated_titles(app.get("plotly_chart")[1:3])
    assert titles == ["<b>Baseline</b>", "<b>DenseWeight</b>"]
    assert "INS has labels only, without probabilities." in _text(app)


def test_mean_probabilities_of_nobody_stop_with_a_sentence(fill, store, open_page):
    fill(methods=("baseline",))
    for path in store.glob("utkface/*/*/predictions.parquet"):
        table = pd.read_parquet(path)
        table.drop(columns=[c for c in table if "_p_" in c]).to_parquet(path)
    app = open_page("classification")
    app.segmented_control(key="classification_show").set_value("probability").run()
    assert not app.exception
    assert "have labels only, without probabilities" in _text(app)


def test_top_k_of_any_k_stands_beside_the_baseline(ten, open_page):
    app = open_page("classification")
    curves, differences = (_spec(chart) for chart in app.get("plotly_chart")[-2:])
    test = {
        run.method: run.predictions().query("split == 'test'")
        for run in list_runs("cifar10-lt-200").runs
    }
    classes = TASKS["cifar10-lt-200"][0].classes
    columns = [f"label_p_{name}" for name in classes]

    def accuracy(method, k):
        table = test[method].reset_index(drop=True)
        ranks = table[columns].rank(axis=1, ascending=False)
        own = [
            ranks.loc[i, f"label_p_{name}"] for i, name in table["label_true"].items()
        ]
        return np.mean(np.array(own) <= k)

    line = next(trace for trace in curves["data"] if trace["name"] == "CSCE")
    expected = [accuracy("csce", k) for k in range(1, 11)]
    np.testing.assert_allclose(line["y"], expected, atol=1e-12)
    assert "among the 5 most probable" in _text(app)
    app.slider(key="classification_k_cifar10-lt-200_label").set_value(3).run()
    assert not app.exception
    assert "among the 3 most probable" in _text(app)
    differences = _spec(app.get("plotly_chart")[-1])
    shown = [x for trace in differences["data"] for x in trace["x"] or ()]
    expected = accuracy("csce", 3) - accuracy("baseline", 3)
    assert any(value == pytest.approx(expected) for value in shown)


def test_top_k_is_of_several_classes_only(fill, open_page):
    fill()
    app = open_page("classification")
    assert [slider.label for slider in app.slider] == ["k"]
    app.segmented_control(key="classification_task_utkface").set_value("gender").run()
    assert not app.slider


def test_top_k_without_probabilities_is_left_out(fill, store, open_page):
    fill(methods=("baseline",))
    for path in store.glob("utkface/*/*/predictions.parquet"):
        table = pd.read_parquet(path)
        table.drop(columns=[c for c in table if "_p_" in c]).to_parquet(path)
    app = open_page("classification")
    assert not app.exception
    assert not app.slider


def test_every_cell_can_be_clicked_and_says_what_it_said_before(fill, open_page):
    fill()
    app = open_page("classification")
    heatmap, marks = _spec(app.get("plotly_chart")[1])["data"]
    classes = TASKS["utkface"][2].classes
    cells = list(zip(marks["y"], marks["x"], strict=True))
    assert cells == [(truth, said) for truth in classes for said in classes]
    assert marks["text"] == [text for row in heatmap["text"] for text in row]
    assert marks["marker"]["opacity"] == 0


def test_images_of_a_cell_can_be_asked_for_without_a_mouse(fill, open_page):
    fill()
    app = open_page("classification")
    _box(app, "Method").select("ins")
    _box(app, "Truth").select("Asian")
    _box(app, "Prediction").select("Indian")
    app.button(key="classification_pair_utkface_ethnicity_open").click().run()
    assert not app.exception
    assert app.title[0].value == "Where do the methods fail?"
    assert _box(app, "Errors of").value == "ins"
    assert _box(app, "Truth").value == "Asian"
    assert _box(app, "INS says").value == "Indian"


def test_a_seed_that_only_some_methods_have(store, open_page):
    write_store(store, "utkface", methods=("baseline", "ins"), seeds=(0, 1), rows=64)
    for path in (store / "utkface" / "ins" / "seed-1").iterdir():
        path.unlink()
    (store / "utkface" / "ins" / "seed-1").rmdir()
    app = open_page("classification")
    app.pills(key="bar_seeds_utkface").set_value([1]).run()
    assert not app.exception
    assert "Shown: 1 of 2 methods, 1 of 2 seeds." in _text(app)


def test_probabilities_stand_beside_what_happened(fill, open_page):
    fill()
    app = open_page("classification", study="utkface", task="gender")
    assert not app.exception
    assert "Can the probabilities be believed?" in [h.value for h in app.header]
    charts = [c.proto.id for c in app.get("plotly_chart")]
    assert sum("reliability" in chart for chart in charts) == 3
    said = _text(app)
    assert "sure of its answers on average" in said
    assert "Gender ECE" in said
    columns = [list(table.value.columns) for table in app.table]
    assert any("Gender Brier score ↓" in names for names in columns)


def test_labels_alone_have_no_diagram_of_probabilities(fill, store, open_page):
    fill()
    for path in store.glob("utkface/*/*/predictions.parquet"):
        table = pd.read_parquet(path)
        table.drop(columns=[c for c in table if "_p_" in c]).to_parquet(path)
    app = open_page("classification", study="utkface", task="gender")
    assert not app.exception
    assert "Can the probabilities be believed?" not in [h.value for h in app.header]
    said = " ".join(info.value for info in app.info)
    assert "No shown method has probabilities, only labels" in said


def test_probabilities_after_scaling_stand_over_those_before(fill, open_page):
    fill()
    app = open_page("classification", task="gender", scaled="yes")
    assert not app.exception
    charts = [c for c in app.get("plotly_chart") if "-scaled" in c.key]
    assert len(charts) == 3
    names = [trace["name"] for trace in _spec(charts[0])["data"]]
    assert {"before", "answers before"} < set(names)
    assert not [c for c in app.get("plotly_chart") if "reliability" in c.key]
    words = "\n".join(m.value for m in app.markdown)
    assert "(temperature" in words or "No 95 % interval of a temperature" in words
    captions = "\n".join(c.value for c in app.caption)
    assert "fitted on its own 40 validation images, and no test image" in captions
    tables = [t.value for t in app.table if "Temperature" in t.value.columns]
    assert tables[0]["Method"].tolist() == ["Baseline", "INS", "DenseWeight"]
    assert tables[0]["Gender ECE"].str.contains("→").all()


def test_a_temperature_by_group_says_which_groups_have_too_few_images(fill, open_page):
    fill()
    app = open_page(
        "classification", task="gender", scaled="yes", temperature="ethnicity"
    )
    assert not app.exception
    captions = "\n".join(c.value for c in app.caption)
    assert "Too few validation images, so the overall temperature: " in captions
    table = next(t.value for t in app.table if "White (n" in " ".join(t.value.columns))
    assert table.iloc[:, 1].str.contains("overall").all()
    # The task itself is no group: a photo does not say its class.
    (choice,) = [c for c in app.get("button_group") if c.label == "Temperature"]
    assert "By gender" not in [o.content for o in choice.proto.options]


def test_a_study_without_validation_images_says_what_to_do(fill, store, open_page):
    fill()
    for path in store.glob("utkface/*/seed-*/predictions.parquet"):
        table = pd.read_parquet(path)
        table[table["split"] == "test"].to_parquet(path)
    app = open_page("classification", task="gender", scaled="yes")
    assert not app.exception
    said = [
        i.value for i in app.info if "no predictions of validation images" in i.value
    ]
    assert len(said) == 1
    assert "import a table that holds them too" in said[0]
    # The diagrams before are shown all the same.
    assert [c for c in app.get("plotly_chart") if "reliability" in c.key]


def test_other_reasons_have_other_advice(fill, store, open_page):
    fill()
    for path in store.glob("utkface/*/seed-*/predictions.parquet"):
        table = pd.read_parquet(path)
        if "ins" in path.parts:
            table = table.drop(columns=[c for c in table if c.startswith("gender_p_")])
        elif "denseweight" in path.parts:
            table = table.drop(columns="ethnicity")
        table.to_parquet(path)
    app = open_page(
        "classification", task="gender", scaled="yes", temperature="ethnicity"
    )
    assert not app.exception
    said = [i.value for i in app.info if i.value.startswith("Not scaled")]
    (labels,) = [text for text in said if "labels only" in text]
    assert "import a table that has one of each class" in labels
    assert not any("validation images: import" in text for text in said)


def _curve_figure(app, kind="roc"):
    charts = [c for c in app.get("plotly_chart") if f"-{kind}_" in c.proto.id]
    return _spec(charts[0])


def test_curves_of_all_methods_with_bands_for_two(fill, open_page):
    fill()
    app = open_page("classification", study="utkface", task="gender")
    assert not app.exception
    data = _curve_figure(app)["data"]
    assert len([t for t in data if t["mode"] == "lines+markers"]) == 3
    assert len([t for t in data if t.get("fill") == "toself"]) == 2
    said = _text(app)
    assert "The gender AUC of Baseline is" in said
    assert "guessing has 0.500" in said
    assert "so that 3 methods stay readable" in said
    assert "for a method trained anew, on new images" in said


def test_a_curve_is_chosen_and_kept_in_the_address(fill, open_page):
    fill()
    app = open_page(
        "classification",
        study="utkface",
        task="ethnicity",
        curve="pr",
        curve_class="Asian",
        curve_beside="denseweight",
    )
    assert not app.exception
    assert "The ethnicity average precision (Asian) of Baseline is" in _text(app)
    figure = _curve_figure(app, "pr")
    assert figure["layout"]["yaxis"]["title"]["text"] == "Precision (%)"
    groups = {t["legendgroup"] for t in figure["data"] if t.get("fill") == "toself"}
    assert groups == {"baseline", "denseweight"}
    _box(app, "Class against the rest").select("White").run()
    assert app.query_params["curve_class"] == "White"
    assert app.query_params["curve"] == "pr"
    assert "average precision (White)" in _text(app)


def test_choices_are_said_in_french_and_the_address_stays(fill, open_page):
    fill()
    app = open_page("classification", study="utkface", task="ethnicity", lang="fr")
    assert not app.exception
    assert app.title[0].value == "Quelles classes sont reconnues\N{NO-BREAK SPACE}?"
    assert "Pour la référence, la classe la plus difficile est" in _text(app)
    shown = app.segmented_control(key="classification_show")
    assert shown.value == "shares"
    assert "Probabilité moyenne" in shown.options
    # The test asks what the options are called, outside of the visit.
    with speaking("fr"):
        shown.set_value("counts").run()
    assert not app.exception
    assert app.query_params["matrix"] == "counts"


def test_a_class_without_test_images_has_no_curve(fill, store, open_page):
    fill()
    for path in store.glob("utkface/*/*/predictions.parquet"):
        table = pd.read_parquet(path)
        table.loc[table["ethnicity_true"] == "Asian", "ethnicity_true"] = "White"
        table.to_parquet(path)
    app = open_page(
        "classification", study="utkface", task="ethnicity", curve_class="Asian"
    )
    assert not app.exception
    said = " ".join(info.value for info in app.info)
    assert "none is of the class" in said
    assert "Choose another class." in said
