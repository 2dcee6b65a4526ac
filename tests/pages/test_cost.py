"""The Cost page, driven through the router."""

import json
import re

import pytest

from core.evaluation.comparison import compare_runs
from core.evaluation.cost import COSTS
from core.results.study_runs import study_options
from core.runs import list_runs, study_of_runs
from tests.pages.opening import date_by_content
from tests.synthetic import TASKS

SECONDS = {"baseline": 100.0, "ins": 60.0, "denseweight": 200.0}


def _text(app):
    parts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return "\n".join(part.value for part in parts)


@pytest.fixture
def change(store):
    """Change the records of a method's runs."""

    def write(method, study="utkface", seeds=(0, 1), **changes):
        for seed in seeds:
            path = store / study / method / f"seed-{seed}" / "run.json"
            record = json.loads(path.read_text())
            for key, value in changes.items():
                parts = key.split("__")
                table = record
                for part in parts[:-1]:
                    table = table[part]
                table[parts[-1]] = value
            path.write_text(json.dumps(record))
        date_by_content(store)

    return write


@pytest.fixture
def spent(fill, change):
    """Three methods that take 60, 100 and 200 seconds."""
    fill()
    for method, seconds in SECONDS.items():
        change(method, duration_s=seconds)


def _chart(app):
    (chart,) = app.get("plotly_chart")
    return chart, json.loads(chart.proto.spec)


def test_front_is_drawn_named_and_tested(spent, open_page):
    app = open_page("cost")
    assert not app.exception
    assert not app.error
    chart, figure = _chart(app)
    names = [trace["name"] for trace in figure["data"]]
    assert names[:2] == ["Front", "Single seeds"]
    assert {"① INS", "② Baseline", "③ DenseWeight"} == set(names[2:])
    assert "3 of 3 methods are on the front, by the point estimates" in chart.proto.alt
    assert "3.3 times the training time of INS" in chart.proto.alt
    steps = app.table[0].value
    assert steps["Step"].tolist() == [
        "① INS → ② Baseline",
        "② Baseline → ③ DenseWeight",
        "① INS → ③ DenseWeight",
    ]
    study, runs = study_of_runs("utkface"), list_runs("utkface").runs
    tables = {
        (run.method, run.seed): run.predictions().query("split == 'test'")
        for run in runs
    }
    options = study_options(study, runs, tables, "baseline")
    row = compare_runs(tables, TASKS["utkface"], "baseline", **options).row(
        "denseweight", "age.mae"
    )
    assert row["verdict"] in steps.loc[1, "Is it real?"]
    assert f"{row['delta_low']:.2f}".replace("-", "−") in steps.iloc[1, 2]
    assert steps.loc[1, "p"] == f"{row['p']:.3f}"
    assert "point estimates" in _text(app)


def test_every_chart_and_table_has_a_text_alternative_and_downloads(spent, open_page):
    app = open_page("cost")
    for element in (*app.get("plotly_chart"), *app.get("arrow_data_frame")):
        assert len(element.proto.alt) > 20
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == [
        *("Data (CSV)", "Chart (HTML)", "Print (ZIP)"),
        *("Data (CSV)", "Data (CSV)"),
    ]


@pytest.mark.parametrize("cost", list(COSTS))
def test_every_cost_can_be_chosen(spent, change, store, open_page, cost):
    for method, parameters in (("baseline", 1e6), ("ins", 2e6), ("denseweight", 3e6)):
        change(method, parameters_trained=int(parameters), parameters=int(parameters))
        for seed in (0, 1):
            model = store / "utkface" / method / f"seed-{seed}" / "model.keras"
            model.write_bytes(bytes(int(parameters)))
    date_by_content(store)
    app = open_page("cost")
    app.selectbox(key="cost_cost").select(cost).run()
    assert not app.exception
    figure = _chart(app)[1]
    info = COSTS[cost]
    assert figure["layout"]["xaxis"]["title"]["text"].startswith(info.heading)
    assert info.explanation in _text(app)
    assert "nan" not in _text(app)


@pytest.mark.parametrize(
    "metric", ["age.bias", "ethnicity.f1[Asian]", "gender.error_rate", "age.mae[0-9]"]
)
def test_every_kind_of_metric_can_be_chosen(spent, open_page, metric):
    app = open_page("cost")
    app.selectbox(key="cost_metric").select(metric).run()
    assert not app.exception
    assert not app.error
    assert _chart(app)[1]["data"]
    assert not re.search(r"\bnan\b", _text(app))


def test_table_has_a_method_a_row_and_a_dash_where_nothing_is_known(spent, open_page):
    app = open_page("cost")
    frame = app.dataframe[0].value
    assert frame["Method"].tolist() == ["Baseline", "INS", "DenseWeight"]
    assert frame["Training time (s)"].tolist() == [100, 60, 200]
    assert frame["Size on disk (MB)"].isna().all()
    assert frame["Parameters trained (millions)"].isna().all()
    assert app.dataframe[0].proto.placeholder == "–"
    columns = json.loads(app.dataframe[0].proto.columns)
    assert columns["Method"]["pinned"]
    assert columns["Method"]["width"] >= 8 * len("DenseWeight"), "no name is cut"
    for info in COSTS.values():
        assert columns[info.heading]["help"] == info.explanation


def test_a_cost_that_no_run_knows_is_a_sentence_and_the_table_stays(spent, open_page):
    app = open_page("cost")
    app.selectbox(key="cost_cost").select("size_mb").run()
    assert not app.exception
    assert not app.get("plotly_chart")
    assert "a known size on disk" in app.info[0].value
    assert "Choose another cost" in app.info[0].value
    assert len(app.dataframe[0].value) == 3


def test_a_method_without_the_cost_is_left_out_and_named(spent, change, open_page):
    change("ins", images_per_second=0.0)
    app = open_page("cost")
    app.selectbox(key="cost_cost").select("images_per_second").run()
    assert not app.exception
    names = [trace["name"] for trace in _chart(app)[1]["data"]]
    assert not any("INS" in name for name in names)
    assert "Not drawn" in _text(app)
    assert "INS." in _text(app)


def test_equal_costs_are_called_equal(fill, open_page):
    fill()
    app = open_page("cost")
    app.selectbox(key="cost_cost").select("parameters").run()
    assert not app.exception
    chart, figure = _chart(app)
    assert chart.proto.alt.startswith("All 3 methods cost the same in parameters")
    assert "Front" not in [trace["name"] for trace in figure["data"]]
    assert not app.table


def test_a_logarithmic_axis_is_offered_where_the_range_is_wide(
    spent, change, open_page
):
    assert not open_page("cost").toggle
    change("denseweight", duration_s=600.0)
    app = open_page("cost")
    assert app.toggle[0].value is False
    assert "type" not in _chart(app)[1]["layout"]["xaxis"]
    app.toggle[0].set_value(True).run()
    assert _chart(app)[1]["layout"]["xaxis"]["type"] == "log"
    change("denseweight", duration_s=6000.0)
    app = open_page("cost")
    assert app.toggle[0].value is True
    assert _chart(app)[1]["layout"]["xaxis"]["type"] == "log"


def test_times_that_one_network_shows_by_itself_are_no_cost(spent, change, open_page):
    change("ins", inference_ms=9.0)
    app = open_page("cost")
    app.selectbox(key="cost_cost").select("inference_ms").run()
    assert "No two of these methods differ more in inference time" in _text(app)
    assert "6 runs of one network (mobilenet_v3_small at 96 px)" in _text(app)


@pytest.mark.parametrize("page", ["cost", "overview"])
def test_another_budget_is_said_in_a_sentence(spent, change, open_page, page):
    other = {"backbone": "vit", "image_size": 112}
    for key, value in other.items():
        change("denseweight", **{f"resolved__model__{key}": value})
    change("denseweight", resolved__training__epochs=40)
    text = _text(open_page(page))
    assert "DenseWeight differs from the others in backbone" in text
    assert "image size (96, 112 px) and epochs (6, 40)" in text
    assert "Runs of one method" not in text


@pytest.mark.parametrize("page", ["cost", "overview"])
def test_runs_of_one_method_with_different_budgets_are_warned_of(
    spent, change, open_page, page
):
    change("ins", seeds=(1,), resolved__training__epochs=2)
    app = open_page(page)
    assert not app.exception
    assert "INS in epochs (2, 6)" in app.warning[0].value


@pytest.mark.parametrize("page", ["cost", "overview"])
def test_equal_budgets_are_not_spoken_of(spent, open_page, page):
    app = open_page(page)
    assert not app.warning
    assert "differ in" not in _text(app).replace("methods differ more in", "")


def test_another_machine_is_warned_of_for_times_alone(spent, change, open_page):
    change("denseweight", hardware__gpu="NVIDIA H200")
    app = open_page("cost")
    assert "NVIDIA H200" in app.warning[0].value
    assert "cannot be compared" in app.warning[0].value
    assert "timed on another machine" in app.get("plotly_chart")[0].proto.alt
    assert "(another machine)" in app.table[0].value["Times the cost"].iloc[-1]
    app.selectbox(key="cost_cost").select("parameters").run()
    assert not app.warning


def test_hiding_a_method_takes_it_off_the_front(spent, open_page):
    app = open_page("cost")
    app.pills(key="bar_methods_utkface").set_value(["denseweight"]).run()
    names = [trace["name"] for trace in _chart(app)[1]["data"]]
    assert "① Baseline" in names
    assert not any("INS" in name for name in names)
    assert app.dataframe[0].value["Method"].tolist() == ["Baseline", "DenseWeight"]


def test_one_seed_has_no_dots_and_no_spread(fill, open_page):
    fill(seeds=(0,))
    app = open_page("cost")
    assert not app.exception
    names = [trace["name"] for trace in _chart(app)[1]["data"]]
    assert "Single seeds" not in names
    assert app.dataframe[0].value["± s"].isna().all()


def test_without_runs_the_page_says_what_to_train(store, open_page):
    app = open_page("cost")
    assert not app.exception
    assert "equipoise train" in app.info[0].value
    assert not app.get("plotly_chart")


def test_with_the_baseline_alone_its_costs_are_shown(fill, open_page):
    fill(methods=("baseline",))
    app = open_page("cost")
    assert not app.exception
    assert "Only the baseline has been trained" in app.info[0].value
    assert not app.get("plotly_chart")
    assert app.dataframe[0].value["Training time (s)"].tolist() == [600.5]


def test_broken_runs_are_named_and_the_rest_works(spent, store, open_page):
    table = store / "utkface" / "ins" / "seed-0" / "predictions.parquet"
    content = bytearray(table.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    table.write_bytes(content)
    app = open_page("cost")
    assert not app.exception
    assert "1 run could not be read" in app.warning[0].value
    assert app.dataframe[0].value["Runs"].tolist() == [2, 1, 2]


def test_records_that_say_nothing_are_shown_as_unknown(fill, store, open_page):
    fill()
    for run in list_runs("utkface").runs:
        path = run.folder / "run.json"
        keep = ("schema", "study", "method", "seed", "resolved", "split_fingerprint")
        path.write_text(json.dumps({k: run.info[k] for k in keep}))
    for page in ("cost", "overview"):
        app = open_page(page)
        assert not app.exception
        assert not app.error
    assert "trained from unknown weights for up to ? epochs" in _text(app)
