"""The Overview page, driven through the router."""

import json
import shutil

import pytest

from core.evaluation.comparison import compare_runs
from core.results.study_runs import study_options
from core.runs import list_runs, study_of_runs
from core.study import Study
from core.text import NO_BREAK
from tests.synthetic import (
    TASKS,
    add_moves,
    synthetic_study,
    write_run,
    write_store,
)


def _text(app):
    parts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return "\n".join(part.value for part in parts)


def test_leaderboard_shows_every_method_with_its_verdict(fill, open_page):
    fill()
    app = open_page("overview")
    assert not app.exception
    table = app.table[0].value
    assert list(table["Method"]) == ["**Baseline**", "**INS**", "**DenseWeight**"]
    study, runs = study_of_runs("utkface"), list_runs("utkface").runs
    tables = {
        (run.method, run.seed): run.predictions().query("split == 'test'")
        for run in runs
    }
    options = study_options(study, runs, tables, "baseline")
    row = compare_runs(tables, TASKS["utkface"], "baseline", **options).row(
        "ins", "ethnicity.macro_f1"
    )
    cell = table.set_index("Method").loc["**INS**", "Ethnicity macro F1 ↑"]
    assert f"{row['mean']:.3f}" in cell
    assert f"{row['low']:.3f}" in cell
    assert row["verdict"] in cell


def test_every_chart_has_a_text_alternative_and_downloads(fill, open_page):
    fill()
    app = open_page("overview")
    charts = app.get("plotly_chart")
    assert len(charts) == 4 + 3  # the headline metrics, then one in detail
    for chart in charts:
        assert len(chart.proto.alt) > 20
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels.count("Chart (HTML)") == 4
    assert labels.count("Data (CSV)") == 6


def test_a_metric_of_choice_is_compared(fill, open_page):
    fill()
    app = open_page("overview")
    app.selectbox(key="overview_metric").select("ethnicity.f1[Asian]").run()
    assert not app.exception
    assert "On Ethnicity F1, Asian" in _text(app)


def test_methods_are_compared_with_the_one_chosen_on_every_page(fill, open_page):
    fill()
    app = open_page("overview")
    app.selectbox(key="bar_against_utkface").select("ins").run()
    assert not app.exception
    table = app.table[0].value.set_index("Method")
    assert not any(word in " ".join(table.loc["**INS**"]) for word in ("▲", "▼", "○"))
    cell = table.loc["**Baseline**", "Ethnicity macro F1 ↑"]
    assert any(word in cell for word in ("better", "worse", "inconclusive"))
    assert "Compared with **INS**" in _text(app)
    assert "in place of the study's own (Baseline)" in _text(app)


def test_the_leaderboard_can_be_sorted_and_names_the_best_with_care(fill, open_page):
    fill()
    app = open_page("overview")
    app.selectbox(key="overview_order_utkface").select("ethnicity.macro_f1").run()
    assert not app.exception
    cells = app.table[0].value["Ethnicity macro F1 ↑"]
    scores = [float(cell.split("**")[1]) for cell in cells]
    assert scores == sorted(scores, reverse=True)
    assert "has the best point estimate" in _text(app)
    assert "no difference was detected" in _text(app)


def test_cost_can_be_chosen(fill, open_page):
    fill()
    app = open_page("overview")
    app.segmented_control(key="overview_cost").set_value("parameters").run()
    assert not app.exception
    assert f"All 3 methods are equal in parameters, within 2{NO_BREAK}%." in _text(app)


def test_notices_say_from_what_on_what_and_how_noisy(fill, open_page):
    fill()
    text = _text(open_page("overview"))
    assert "320 test images, 2 seeds" in text
    assert "trained from scratch" in text
    assert "4.0 years of age" in text


def test_published_changes_are_labelled_as_theirs(fill, open_page):
    claim = {
        "method": "ins",
        "metric": "age.mae",
        "change_percent": -4.4,
        "source": "the original project",
    }
    fill(published=(claim,))
    app = open_page("overview")
    assert not app.exception
    assert "Theirs: the original project" in _text(app)
    assert len(app.get("plotly_chart")) == 4 + 4
    # Of a method that is hidden, nothing is said.
    app.pills(key="bar_methods_utkface").set_value(["denseweight"]).run()
    assert not app.exception
    assert "What others published" not in [header.value for header in app.header]


@pytest.fixture
def cifar(store):
    """The study of ten classes with published values and a headline of its own."""

    def write(**own):
        methods = ("baseline", "csce")
        write_store(store, "cifar10-lt-200", methods=methods, seeds=(0,), rows=300)
        study = synthetic_study("cifar10-lt-200", methods=methods, seeds=(0,))
        study = Study.model_validate({**study.model_dump(), **own})
        path = store / "cifar10-lt-200" / "study.json"
        path.write_text(study.model_dump_json())

    return write


def _value(method, value):
    metric, source = "label.error_rate", "the paper, 200 epochs"
    return {"method": method, "metric": metric, "value": value, "source": source}


def test_published_values_stand_beside_ours_and_claim_nothing(cifar, open_page):
    claims = [_value("baseline", 0.231), _value("csce", 0.221), _value("ldam", 0.215)]
    headline = ["label.error_rate"]
    cifar(published=claims, notice="Thirty epochs here.", headline=headline)
    app = open_page("overview")
    assert not app.exception
    figure = json.loads(app.get("plotly_chart")[1 + 3].proto.spec)
    assert figure["data"][1]["x"] == pytest.approx([23.1, 22.1, 21.5])
    text = _text(app)
    assert "no difference between the two is claimed" in text
    assert "Theirs: the paper, 200 epochs" in text
    assert "Thirty epochs here." in text
    table = app.table[-1].value
    assert list(table["Published"]) == ["23.1", "22.1", "21.5"]
    assert table.loc[2, "Ours"] == "–"
    assert table.loc[0, "Ours"] == app.table[1].value.loc[0, "Class error rate (%) ↓"]


def test_a_study_has_its_own_headline(cifar, open_page):
    cifar(headline=["label.error_rate", "label.accuracy[few-shot]"])
    app = open_page("overview")
    assert not app.exception
    assert list(app.table[0].value.columns) == [
        "Method",
        "Class error rate (%) ↓",
        "Class accuracy, few-shot ↑",
    ]
    assert app.selectbox(key="overview_metric").value == "label.error_rate"
    assert "points" in _text(app)


def test_a_top_k_headline_is_computed(cifar, open_page):
    cifar(headline=["label.top_3_accuracy"])
    app = open_page("overview")
    assert not app.exception
    assert "**0." in app.table[0].value.loc[0, "Class top-3 accuracy ↑"]


def test_a_headline_that_does_not_exist_is_a_message(cifar, open_page):
    cifar(headline=["label.eror_rate"])
    app = open_page("overview")
    assert not app.exception
    assert "no metric 'label.eror_rate'" in app.error[0].value


@pytest.mark.parametrize(
    "metric", ["label.auc", "label.top_5_accuracy", "label.accuracy[many-shot]"]
)
def test_every_kind_of_metric_can_be_chosen(cifar, open_page, metric):
    cifar()
    app = open_page("overview")
    app.selectbox(key="overview_metric").select(metric).run()
    assert not app.exception
    assert "nan" not in _text(app)


def test_hiding_a_method_changes_no_number(fill, open_page):
    fill()
    app = open_page("overview")
    before = app.table[0].value
    app.pills(key="bar_methods_utkface").set_value(["denseweight"]).run()
    after = app.table[0].value
    assert list(after["Method"]) == ["**Baseline**", "**DenseWeight**"]
    expected = before[before["Method"] != "**INS**"].reset_index(drop=True)
    assert after.reset_index(drop=True).equals(expected)


def test_choosing_a_seed_changes_the_numbers(fill, open_page):
    fill()
    app = open_page("overview")
    before = app.table[0].value
    app.pills(key="bar_seeds_utkface").set_value([1]).run()
    assert not app.exception
    assert not app.table[0].value.equals(before)
    app.pills(key="bar_seeds_utkface").set_value([]).run()
    assert "Choose at least one" in app.info[0].value
    assert not app.table


def test_the_address_chooses_the_study_and_keeps_it(fill, open_page):
    fill("utkface")
    fill("avatars")
    app = open_page("overview", study="avatars")
    assert app.selectbox(key="study").value == "avatars"
    app.switch_page("pages/age/page.py").run()
    assert app.query_params["study"] == "avatars"
    app.selectbox(key="study").select("utkface").run()
    assert app.query_params["study"] == "utkface"
    app.switch_page("pages/age/page.py").run()
    assert app.selectbox(key="study").value == "utkface"


def test_an_unknown_study_in_the_address_is_named(fill, open_page):
    fill()
    app = open_page("overview", study="../../etc")
    assert not app.exception
    assert "what is not here: study `../../etc`" in app.warning[0].value
    assert app.table


def test_real_pictures_come_before_generated_ones(fill, open_page):
    fill("avatars")
    fill("utkface")
    assert open_page("overview").selectbox(key="study").value == "utkface"


@pytest.mark.parametrize("page", ["overview", "classification", "age"])
def test_without_runs_the_page_says_what_to_train(store, open_page, page):
    app = open_page(page)
    assert not app.exception
    assert "equipoise train" in app.info[0].value
    assert not app.get("plotly_chart")


@pytest.mark.parametrize("page", ["overview", "classification", "age"])
def test_with_the_baseline_alone_the_page_says_what_to_train(fill, open_page, page):
    fill(methods=("baseline",))
    app = open_page(page)
    assert not app.exception
    assert "Only the baseline has been trained" in app.info[0].value


def test_without_the_baseline_the_page_says_so(store, open_page):
    study = synthetic_study(methods=("baseline", "ins"))
    write_run(store, study, "ins", 0, rows=64)
    (store / "utkface" / "study.json").write_text(study.model_dump_json())
    app = open_page("overview")
    assert not app.exception
    assert "The baseline **baseline** has no run" in app.info[0].value


@pytest.mark.parametrize("page", ["overview", "classification", "age"])
def test_broken_runs_are_named_and_the_rest_works(fill, store, open_page, page):
    fill()
    broken = store / "utkface" / "ins" / "seed-0"
    (broken / "predictions.parquet").write_bytes(b"PAR1 no table")
    later = store / "utkface" / "ins" / "seed-1" / "run.json"
    later.write_text(json.dumps({**json.loads(later.read_text()), "schema": 99}))
    app = open_page(page)
    assert not app.exception
    assert "2 runs could not be read" in app.warning[0].value
    assert "seed-0" in app.warning[0].value
    assert "schema 99" in app.warning[0].value
    assert app.get("plotly_chart")


@pytest.mark.parametrize("page", ["overview", "classification", "age"])
def test_a_table_broken_in_the_middle_is_named_and_the_rest_works(
    fill, store, open_page, page
):
    fill()
    table = store / "utkface" / "ins" / "seed-0" / "predictions.parquet"
    content = bytearray(table.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    table.write_bytes(content)
    app = open_page(page)
    assert not app.exception
    assert not app.error
    assert "1 run could not be read" in app.warning[0].value
    assert str(table) in app.warning[0].value
    assert app.get("plotly_chart")


def test_a_run_of_another_split_is_named_and_the_rest_works(fill, store, open_page):
    study = fill()
    other = store / "utkface" / "ins" / "seed-0"
    shutil.rmtree(other)
    write_run(store, study, "ins", 0, rows=64, info={"split_fingerprint": "another"})
    app = open_page("overview")
    assert not app.error
    assert "another split" in app.warning[0].value
    assert len(app.get("plotly_chart")) == 4 + 3


def test_verdicts_are_said_in_words_and_one_seed_is_noted(fill, open_page):
    fill(seeds=(0,))
    text = _text(open_page("overview"))
    assert "One seed for every method" in text
    assert "- INS's age MAE is " in text
    assert "- DenseWeight's age MAE is " in text


def test_a_damaged_study_file_is_a_message(fill, store, open_page):
    fill()
    (store / "mine").mkdir()
    (store / "mine" / "study.json").write_text("{")
    app = open_page("overview", study="mine")
    assert not app.exception
    assert "study.json is damaged" in app.error[0].value
    assert "What to do" in app.error[0].value


def test_predictions_that_do_not_match_are_a_message(fill, store, open_page):
    study = fill(methods=("baseline", "ins"))
    shutil.rmtree(store / "utkface" / "ins" / "seed-0")
    write_run(store, study, "ins", 0, rows=64)
    app = open_page("overview")
    assert not app.exception
    assert app.error
    assert "What to do" in app.error[0].value


def _searched(store, **search):
    path = next(store.glob("utkface/study.json"))
    content = json.loads(path.read_text())
    content["search"] = search
    path.write_text(json.dumps(content))


def _tries(method):
    return [
        {"method": method, "settings": {"use.x.a": a}, "epochs": 3, "score": score}
        for a, score in ((0.5, 0.25), (1.0, 0.375))
    ]


def test_a_search_is_shown_method_by_method(fill, open_page, store):
    fill()
    ins = [*_tries("ins"), {**_tries("ins")[0], "state": "pruned"}]
    ins[1]["chosen"] = ins[0]["own"] = True
    _searched(
        store,
        trials=[*_tries("baseline"), *ins],
        of="utkface",
        seed=7,
        importance={"ins": {"use.x.a": 0.75, "use.x.b": 0.25}},
    )
    app = open_page("overview")
    assert not app.exception
    assert "Baseline: 2 tries." in _text(app)
    # Of the baseline nothing is known of what mattered.
    assert "Which settings mattered" not in [part.value for part in app.subheader]
    app.selectbox(key="overview_search_utkface").select("ins").run()
    assert not app.exception
    said = _text(app)
    assert "INS: 3 tries, 1 pruned. The best has a skill of 0.375" in said
    assert (
        f"x a goes with the largest part of the differences in skill: 75{NO_BREAK}%"
        in said
    )
    assert "with seed 7, no run's own" in said
    alts = [chart.proto.alt for chart in app.get("plotly_chart")]
    assert any("3 tries, 1 pruned" in alt for alt in alts)
    table = app.dataframe[-1].value
    assert list(table["Ended"]) == ["", "", "", "", "pruned"]
    assert list(table["Chosen"]) == ["", "", "", "●", ""]


def test_a_search_by_hand_has_its_table_alone(fill, open_page, store):
    fill()
    path = next(store.glob("utkface/study.json"))
    content = json.loads(path.read_text())
    row = {"method": "ins", "setting": "x 1", "metric": "age.mae", "value": 9.0}
    content["search"] = [row]
    path.write_text(json.dumps(content))
    app = open_page("overview")
    assert not app.exception
    assert "How the settings were chosen" in [part.value for part in app.header]
    assert "Every try" not in [part.value for part in app.subheader]
    assert list(app.dataframe[-1].value["Setting"]) == ["x 1"]


def test_runs_that_were_not_measured_say_how_they_can_be(fill, open_page):
    fill()
    app = open_page("overview")
    assert not app.exception
    assert "was not measured for these runs" in _text(app)
    assert "`equipoise stability utkface` measures it" in _text(app)
    assert "age.instability" not in app.selectbox(key="overview_metric").options


def test_how_far_answers_move_stands_beside_quality(fill, open_page, store):
    fill()
    add_moves(store, "utkface")
    app = open_page("overview")
    assert not app.exception
    said = _text(app)
    assert "was not measured" not in said
    assert "On Age instability: Baseline" in said
    assert "(the lowest), INS" in said
    assert "320 test images. Bars are 95 % intervals" in said
    (table,) = [t.value for t in app.table if "mirrored" in t.value]
    assert list(table["Method"]) == ["Baseline", "INS", "DenseWeight"]
    assert list(table)[1:] == [
        *("256 px", "512 px", "1,024 px", "JPEG 40", "JPEG 95", "mirrored"),
        *("20 % lighter", "20 % darker", "worst"),
    ]
    tables = {
        run.seed: run.predictions("test")
        for run in list_runs("utkface").runs
        if run.method == "baseline"
    }
    moves = [t["age_shift_mirrored"].abs().mean() for t in tables.values()]
    cell = table.set_index("Method").loc["Baseline", "mirrored"]
    assert cell.strip("*") == f"{sum(moves) / len(moves):.2f}"
    # A metric like any other.
    app.selectbox(key="overview_metric").select("age.instability").run()
    assert not app.exception
    assert "INS" in _text(app)


def test_how_often_labels_change_is_in_per_cent(fill, open_page, store):
    fill()
    add_moves(store, "utkface")
    app = open_page("overview")
    app.segmented_control(key="overview_stability_utkface").set_value("Gender").run()
    assert not app.exception
    assert "On Gender flip rate: " in _text(app)
    assert "In per cent, mean over the seeds." in _text(app)


def test_a_method_that_was_not_measured_is_named(fill, open_page, store):
    fill()
    add_moves(store, "utkface", methods=["ins", "denseweight"])
    app = open_page("overview")
    assert not app.exception
    assert "Not measured: Baseline." in _text(app)
