"""The Fairness page, driven through the router."""

import json

import pandas as pd
import pytest

from core.evaluation.comparison import compare_runs
from core.results.study_runs import study_options
from core.runs import PREDICTIONS, list_runs, study_of_runs
from tests.synthetic import TASKS


def _text(app):
    parts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return "\n".join(part.value for part in parts)


def _charts(app):
    return {chart.proto.id: chart for chart in app.get("plotly_chart")}.values()


def _subheaders(app):
    return [part.value for part in app.subheader]


def _compare(**question):
    study, runs = study_of_runs("utkface"), list_runs("utkface").runs
    tables = {
        (run.method, run.seed): run.predictions().query("split == 'test'")
        for run in runs
    }
    options = study_options(study, runs, tables, "baseline")
    return compare_runs(tables, TASKS["utkface"], "baseline", **options, **question)


@pytest.fixture
def opened(fill, open_page):
    fill()
    app = open_page("fairness")
    assert not app.exception
    assert not app.error
    return app


def _choose(app, **chosen):
    """Set widgets by the end of their key, one after the other."""
    for end, value in chosen.items():
        groups = [*app.get("button_group"), *app.selectbox, *app.toggle]
        (widget,) = [w for w in groups if (w.key or "").endswith(end)]
        app = widget.set_value(value).run()
    assert not app.exception
    return app


def test_one_feature_is_offered_first(opened):
    assert "Age MAE by gender" in _subheaders(opened)
    found = _compare(by=["gender"], metrics=["age.mae"])
    gap = found.gaps.query("method == 'baseline' and measure == 'difference'").iloc[0]
    assert f"{gap['mean']:.2f} years apart" in _text(opened)


def test_every_chart_and_table_can_be_read_and_taken_away(opened):
    charts = _charts(opened)
    assert len(charts) >= 3
    assert all(chart.proto.alt for chart in charts)
    labels = [button.label for button in opened.get("download_button")]
    assert labels.count("Chart (HTML)") == len(charts)


def test_gap_table_has_every_method_with_its_verdict(opened):
    table = opened.table[0].value
    assert table["Method"].tolist() == ["**Baseline**", "**INS**", "**DenseWeight**"]
    found = _compare(by=["gender"], metrics=["age.mae"])
    gaps = found.gaps.query("measure == 'difference'").set_index("method")
    cells = table.set_index("Method")["Difference (years) ↓"]
    for method, label in (("ins", "INS"), ("denseweight", "DenseWeight")):
        assert gaps.loc[method, "verdict"] in cells[f"**{label}**"]


@pytest.mark.parametrize(
    ("features", "title"),
    [
        (["ethnicity"], "Gender accuracy by ethnicity"),
        (["ethnicity", "age_bin"], "Gender accuracy by ethnicity × age bin"),
        (
            ["gender", "ethnicity", "age_bin"],
            "Gender accuracy by gender × ethnicity × age bin",
        ),
    ],
)
def test_one_two_and_three_features_can_be_crossed(opened, features, title):
    app = _choose(opened, task_utkface="gender")
    app = _choose(app, features_utkface_gender=features)
    assert title in _subheaders(app)
    # Two features crossed leave ten images a group here.
    assert ("Who gained, and who paid: accuracy" in _subheaders(app)) == (
        len(features) == 1
    )
    assert "What if the threshold were different?" in _subheaders(app)
    assert not app.error


def test_no_feature_says_what_to_do(opened):
    app = _choose(opened, features_utkface_age=[])
    assert "Choose at least one above" in _text(app)


def test_groups_of_few_images_count_only_when_asked(opened):
    app = _choose(opened, features_utkface_age=["gender", "ethnicity", "age_bin"])
    assert "there are no two groups whose age MAE rests on" in _text(app)
    assert "How far apart the groups are" not in _subheaders(app)
    app = _choose(app, fairness_small_utkface=True)
    assert "there are no two groups" not in _text(app)
    assert "How far apart the groups are" in _subheaders(app)


def test_every_metric_of_every_task_opens(opened):
    for task in ("gender", "ethnicity", "age"):
        app = _choose(opened, task_utkface=task)
        (box,) = [
            b for b in app.selectbox if (b.key or "").startswith("fairness_metric")
        ]
        # One of a kind: further classes and bins are the same with another name.
        kinds = {option.split(",")[0]: option for option in box.options}
        for option in kinds.values():
            app = box.select(option).run()
            assert not app.exception, option
            assert not app.error, option
            (box,) = [
                b for b in app.selectbox if (b.key or "").startswith("fairness_metric")
            ]


def test_gap_can_be_another_than_the_metric_itself(opened):
    app = _choose(opened, task_utkface="gender")
    (box,) = [b for b in app.selectbox if (b.key or "").startswith("fairness_gap")]
    assert "Gender demographic parity difference" in box.options
    assert "Gender Fair metric" in box.options
    app = box.select("Gender equalized odds difference").run()
    assert not app.exception
    figures = [json.loads(chart.proto.spec) for chart in _charts(app)]
    titles = [f["layout"]["xaxis"]["title"].get("text", "") for f in figures]
    # Broken into lines, as on a phone.
    said = [title.replace("<br>", " ") for title in titles]
    assert any("equalized odds difference" in title for title in said)


def test_a_moved_threshold_changes_the_table_and_the_sentence(opened):
    app = _choose(opened, task_utkface="gender")
    assert "with 0.5 for all. Move a threshold" in _text(app)
    (slider,) = app.slider
    app = slider.set_value(0.9).run()
    assert not app.exception
    table = app.dataframe[0].value
    assert set(table["Threshold"]) == {"0.900", "–"}
    assert "on these test images" in _text(app)


def test_each_group_can_have_its_own_threshold(opened):
    app = _choose(opened, task_utkface="gender")
    app = _choose(app, whatif_kind="One for each group")
    assert len(app.slider) == 4
    app = app.slider[2].set_value(0.25).run()
    assert "0.250" in set(app.dataframe[0].value["Threshold"])


def test_what_a_constraint_chose_is_put_on_the_sliders(opened):
    app = _choose(opened, task_utkface="gender")
    app = _choose(app, whatif_kind="One for each group")
    (button,) = [b for b in app.button if b.label == "Demographic parity"]
    app = button.click().run()
    assert not app.exception
    thresholds = set(app.dataframe[0].value["Threshold"])
    assert {f"{slider.value:.3f}" for slider in app.slider} == thresholds - {"–"}
    assert "chosen on the validation images" in _text(app)
    (button,) = [b for b in app.button if b.label == "Equal opportunity"]
    app = button.click().run()
    assert "equal opportunity difference" in _text(app)


def test_many_groups_share_a_threshold(opened):
    app = _choose(opened, task_utkface="gender")
    app = _choose(app, features_utkface_gender=["ethnicity", "age_bin"])
    assert len(app.slider) == 1
    assert "groups share one threshold" in _text(app)


def test_a_number_has_no_threshold(opened):
    assert not opened.slider
    assert "What if the threshold were different?" not in _subheaders(opened)


def test_a_study_without_sensitive_features_says_so(fill, open_page):
    fill("cifar10-lt-200", methods=("baseline", "csce"))
    app = open_page("fairness", study="cifar10-lt-200")
    assert not app.exception
    assert "has no sensitive feature" in _text(app)


def test_the_baseline_alone_has_groups_and_no_price(fill, open_page):
    fill(methods=("baseline",))
    app = open_page("fairness")
    assert not app.exception
    assert "Only the baseline has been trained" in _text(app)
    assert "What a smaller gap costs" not in _subheaders(app)
    assert "Age MAE by gender" in _subheaders(app)


def test_nothing_trained_says_what_to_do(store, open_page):
    app = open_page("fairness", study="utkface")
    assert not app.exception
    assert "has no runs yet" in _text(app)


def test_one_feature_alone_is_mapped_against_the_methods(fill, open_page):
    fill("avatars")
    app = open_page("fairness", study="avatars")
    assert not app.exception
    assert any("every crossing" in title for title in _subheaders(app))


def test_methods_without_validation_images_have_no_marks(fill, store, open_page):
    fill()
    for run in list_runs("utkface").runs:
        path = run.folder / PREDICTIONS
        table = pd.read_parquet(path)
        table[table["split"] == "test"].to_parquet(path, index=False)
    app = _choose(open_page("fairness"), task_utkface="gender")
    assert "no predictions of validation images" in _text(app)
    assert "The marked points" not in _text(app)
    assert "Demographic parity" not in [button.label for button in app.button]


def test_a_crossing_of_too_many_groups_is_said_and_the_rest_stays(fill, open_page):
    fill()
    for run in list_runs("utkface").runs:
        path = run.folder / PREDICTIONS
        table = pd.read_parquet(path)
        table["gender"] = "g" + pd.Series(range(len(table))).mod(150).astype(str)
        table.to_parquet(path, index=False)
    app = open_page("fairness")
    assert not app.exception
    assert "groups" in "\n".join(error.value for error in app.error)
    assert "How these numbers are made" in [part.label for part in app.expander]


def test_page_is_in_french_for_who_asks_for_it(fill, open_page):
    fill()
    app = open_page("fairness", lang="fr")
    assert not app.exception
    assert (
        app.title[0].value == "Est-ce aussi bon pour tout le monde\N{NO-BREAK SPACE}?"
    )
    assert "Ce que coûte un écart plus petit" in _subheaders(app)
    assert "Méthode" in [box.label for box in app.selectbox]
    assert "sur les images de test" in _text(app)
