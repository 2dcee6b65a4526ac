"""The Import page, and every page on what it brings."""

import importlib

import pandas as pd
import pytest

import core.runs
from core.plots.look import IMPORTED_COLOUR
from pages.shell import upload_key
from tests.imports import STUDY, long, theirs, wide, write_study
from tests.pages.opening import NAMES, words_of
from tests.pages.opening import PAGES as PAGE_FILES

PAGES = tuple(name for name in NAMES if name != "import")


@pytest.fixture
def study(store):
    write_study(store)
    return store


def csv(table, name="mine.csv"):
    return name, table.to_csv(index=False).encode(), "text/csv"


def bring(open_page, table, *, name="My net"):
    """Give a method's file to the page; it is checked, and not imported yet."""
    app = open_page("import")
    app.text_input(key="import_name").set_value(name).run()
    app.file_uploader(key="import_predictions_file_0").set_value(csv(table)).run()
    assert not app.exception
    return app


def bring_table(open_page, table, *, name="My table"):
    app = open_page("import")
    app.get_by_key("import_way").set_value("study").run()
    app.text_input(key="import_study_name").set_value(name).run()
    app.file_uploader(key="import_study_file_0").set_value(csv(table)).run()
    assert not app.exception
    return app


def chosen(app, start):
    """The select box whose key begins so; the rest of it names the upload."""
    return next(box for box in app.selectbox if str(box.key).startswith(start))


def test_the_page_waits_for_a_file_and_says_where_it_goes(study, open_page):
    app = open_page("import")
    assert not app.exception
    words = words_of(app)
    assert "stays in your session until you press" in words
    assert str(study) in words
    assert "the predictions, the seeds, and the name of the method" in words
    assert "SHA-256" in words
    assert not app.button
    app.get_by_key("import_way").set_value("study").run()
    assert "id, truth, split and sensitive features" in words_of(app)


def test_without_a_study_a_table_is_asked_for(store, open_page):
    app = open_page("import")
    assert "no study with a test set" in words_of(app)


def test_a_sound_file_is_imported_when_the_button_is_pressed(study, open_page):
    app = bring(open_page, theirs())
    assert "No fault in mine.csv" in app.success[0].value
    assert not (study / STUDY / "my-net").exists()
    app.button(key="import_method_button").click().run()
    assert "**My net** is imported" in app.success[0].value
    (run,) = [r for r in core.runs.list_runs(STUDY).runs if r.imported]
    assert run.imported["file"] == "mine.csv"
    # The page is empty again: nothing is imported twice, or said to be there already.
    assert not app.button
    assert not app.error


def test_faults_are_told_and_there_is_no_button(study, open_page):
    table = theirs()
    table.loc[3, "gender_pred"] = "wo*man"
    app = bring(open_page, table.iloc[1:])
    said = " ".join(error.value for error in app.error)
    assert "is missing" in said
    assert "row 3" in said
    # What a file holds is text and never Markdown.
    assert r"wo\*man" in said
    assert not app.button
    assert not (study / STUDY / "my-net").exists()


def test_what_cannot_be_read_is_said(study, open_page):
    app = open_page("import")
    upload = ("mine.csv", b"a,b\n1\n", "text/csv")
    app.file_uploader(key="import_predictions_file_0").set_value(upload).run()
    assert not app.exception
    assert "another number of cells" in app.error[0].value


def test_a_file_without_a_name_waits_for_one(study, open_page):
    app = bring(open_page, theirs(), name="")
    assert "Give the method a name" in words_of(app)


@pytest.mark.parametrize("page", PAGES)
def test_pages_take_an_imported_method_like_any(study, open_page, page):
    app = bring(open_page, theirs())
    app.button(key="import_method_button").click().run()
    app = open_page(page, study=STUDY)
    assert not app.exception
    assert not app.error
    if page == "cost":
        assert "No cost is known of My net" in words_of(app)
    if page == "overview":
        charts = {chart.proto.id: chart.proto.spec for chart in app.get("plotly_chart")}
        (drawn,) = (spec for name, spec in charts.items() if "-differences" in name)
        assert drawn.count(IMPORTED_COLOUR) >= 1
    if page == "runs":
        table = app.dataframe[0].value.set_index("method")
        assert table.loc["My net", "imported from"] == "mine.csv"
        assert len(table.loc["My net", "SHA-256"]) == 16
    if page == "predict":
        assert "Left out: My net" in words_of(app)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", ["wide", "long", "regression"])
def test_pages_show_a_study_made_of_a_table(store, open_page, page, kind):
    table = long() if kind == "long" else wide()
    if kind == "regression":
        table = table.assign(truth=table["large_p_yes"] * 3)
        table["a_pred"], table["b_pred"] = table["truth"] + 0.1, table["truth"] - 0.2
        table = table.drop(columns=["small_pred", "large_p_yes"])
    app = bring_table(open_page, table)
    app.button(key="import_study_button").click().run()
    assert "is imported" in app.success[0].value
    app = open_page(page, study="my-table")
    assert not app.exception
    assert not app.error
    # Labels alone have no what-if, no curve and no doubted labels: the page says so.
    said = [info.value for info in app.info if "has probabilities" in info.value]
    needed = page in ("fairness", "classification", "errors")
    assert len(said) == (needed and kind == "long")
    words = words_of(app)
    if page in ("methods", "data", "predict"):
        assert "made of a table of predictions" in words
    if page == "overview":
        assert "No cost is known of any method" in words
    # Which images a model of somebody else was trained on is not known.
    if page in ("classification", "age"):
        assert "raining image" not in words
    if page == "classification" and kind != "regression":
        assert "most to fewest test images" in words


def test_what_the_columns_are_can_be_changed(store, open_page):
    app = bring_table(open_page, wide())
    chosen(app, "import_positive").select("no").run()
    features = next(
        box for box in app.multiselect if box.key.startswith("import_features")
    )
    assert list(features.value) == ["gender", "site"]
    features.set_value(["site"]).run()
    chosen(app, "import_baseline").select("large").run()
    app.button(key="import_study_button").click().run()
    assert not app.error
    study = core.runs.study_of_runs("my-table")
    assert study.dataset.options["classes"] == ["yes", "no"]
    assert list(study.dataset.options["features"]) == ["site"]
    assert study.baseline == "large"


def test_answers_beside_models_wait_for_a_person(store, open_page):
    table = wide().rename(columns={"large_p_yes": "large"})
    table["large"] = table["small_pred"]
    app = bring_table(open_page, table)
    assert "'large' holds classes of label" in app.error[0].value.replace("\\", "")
    assert not app.button
    (ignored,) = [box for box in app.multiselect if "import_ignored" in box.key]
    ignored.set_value(["large"]).run()
    assert not app.error
    app.button(key="import_study_button").click().run()
    study = core.runs.study_of_runs("my-table")
    assert list(study.methods) == ["small"]
    assert list(study.dataset.options["features"]) == ["gender", "site"]


def test_the_kind_of_a_number_its_unit_and_bins_can_be_said(store, open_page):
    table = wide()[["image_id"]].assign(truth=[20, 30, 40] * 20)
    table["a_pred"] = table["truth"]
    app = bring_table(open_page, table)
    assert "they are read as classes" in " ".join(text.value for text in app.text)
    kind = next(
        each for each in app.get("button_group") if "import_kind" in str(each.key)
    )
    kind.set_value("regression").run()
    unit = next(box for box in app.text_input if "import_unit" in str(box.key))
    unit.set_value("years").run()
    width = next(box for box in app.number_input if "import_bin_width" in str(box.key))
    width.set_value(5.0).run()
    assert not app.exception
    app.button(key="import_study_button").click().run()
    options = core.runs.study_of_runs("my-table").dataset.options
    assert (options["kind"], options["unit"]) == ("regression", "years")
    assert options["bin_width"] == 5


def test_classes_that_differ_in_capitals_can_be_said(store, open_page):
    table = wide().assign(truth=["a", "A", "b"] * 20, small_pred=["a", "A", "b"] * 20)
    app = bring_table(open_page, table.drop(columns="large_p_yes"))
    assert "differ in capitals alone" in app.error[0].value
    (classes,) = [box for box in app.multiselect if "import_classes" in box.key]
    classes.set_value(["a", "A"]).run()
    assert [e.value for e in app.error] == []
    app.button(key="import_study_button").click().run()
    options = core.runs.study_of_runs("my-table").dataset.options
    assert options["classes"] == ["A", "a", "b"]


def test_of_400_columns_few_are_proposed(store, open_page):
    groups = pd.DataFrame({f"x{i}": [i % 3, 1, 5] * 20 for i in range(396)})
    app = bring_table(open_page, pd.concat([wide(), groups], axis=1))
    assert any("too many to guess" in each.value for each in app.warning)
    (features,) = [box for box in app.multiselect if "import_features" in box.key]
    assert list(features.value) == ["gender", "site"]
    assert app.button(key="import_study_button")


def test_a_spreadsheets_own_export_is_read(store, open_page):
    table = wide().assign(truth=range(60), a_pred=[x + 0.5 for x in range(60)])
    text = table[["image_id", "truth", "a_pred"]].to_csv(
        index=False, sep=";", decimal=","
    )
    app = open_page("import")
    app.get_by_key("import_way").set_value("study").run()
    app.text_input(key="import_study_name").set_value("Größe").run()
    upload = ("mine.csv", f"sep=;\n{text}".encode("utf-16"), "text/csv")
    app.file_uploader(key="import_study_file_0").set_value(upload).run()
    assert not app.exception
    assert not app.error
    notes = " ".join(text.value for text in app.text)
    assert "Commas are read as decimal points in 'a_pred'" in notes
    assert "the study is called 'grosse'" in notes


def test_a_name_of_any_script_is_kept_and_makes_a_folder(study, open_page):
    app = bring_table(open_page, wide(), name="皮肤")
    said = "In files and addresses the study is called 'study-fc0d7c'."
    assert said in [text.value for text in app.text]
    app.button(key="import_study_button").click().run()
    assert core.runs.study_of_runs("study-fc0d7c").title == "皮肤"


def test_a_name_with_accents_is_kept_and_makes_a_folder(study, open_page):
    app = bring(open_page, theirs(), name="Mon réseau")
    app.button(key="import_method_button").click().run()
    (run,) = [r for r in core.runs.list_runs(STUDY).runs if r.imported]
    assert (run.method, run.imported["label"]) == ("mon-reseau", "Mon réseau")


def test_a_name_without_letters_is_said(study, open_page):
    app = bring_table(open_page, wide(), name="?!")
    assert "'?!' cannot be a name" in app.error[0].value


def test_of_which_class_a_score_is_must_be_chosen(store, open_page):
    table = wide().replace({"truth": {"yes": "crow", "no": "jay"}})
    table["large_score"] = table.pop("large_p_yes")
    app = bring_table(open_page, table.drop(columns="small_pred"))
    assert "Of which class is the probability in" in app.error[0].value
    assert not app.button
    chosen(app, "import_positive").select("crow").run()
    assert not app.error
    app.button(key="import_study_button").click().run()
    study = core.runs.study_of_runs("my-table")
    assert study.dataset.options["classes"] == ["jay", "crow"]


def test_there_may_be_no_method_column(store, open_page):
    app = bring_table(open_page, wide().assign(model=["a", "b"] * 30))
    assert chosen(app, "import_method_column").value == "model"
    chosen(app, "import_method_column").select("(none: columns for each model)").run()
    assert not app.exception
    models = next(box for box in app.multiselect if "import_models" in box.key)
    assert list(models.value) == ["small", "large"]
    app.button(key="import_study_button").click().run()
    study = core.runs.study_of_runs("my-table")
    assert list(study.methods) == ["small", "large"]
    assert "model" in study.dataset.options["features"]


def test_a_truth_that_is_not_seen_can_be_chosen(store, open_page):
    app = bring_table(open_page, wide().rename(columns={"truth": "finding"}))
    assert "Choose the column that holds the truth" in words_of(app)
    chosen(app, "import_truth").select("finding").run()
    assert not app.exception
    app.button(key="import_study_button").click().run()
    assert core.runs.study_of_runs("my-table").dataset.options["task"] == "finding"


def test_a_rerun_reads_nothing_again(study, open_page, monkeypatch):
    calls = []
    for name, place in (
        ("load_test_set", "pages.import_.method"),
        ("find_layout", "pages.import_.study"),
    ):
        own = getattr(importlib.import_module(place), name)

        def spy(*arguments, own=own, name=name):
            calls.append(name)
            return own(*arguments)

        monkeypatch.setattr(f"{place}.{name}", spy)
    app = bring(open_page, theirs())
    app.toggle(key="import_replace").set_value(True).run()
    assert calls == ["load_test_set"]
    app.button(key="import_method_button").click().run()
    # Another run is there now.
    assert calls == ["load_test_set"] * 2
    calls.clear()
    app = bring_table(open_page, wide())
    found = len([name for name in calls if name == "find_layout"])
    app.toggle(key="import_study_replace").set_value(True).run()
    assert calls.count("find_layout") == found > 0


def test_what_was_imported_can_be_removed(study, open_page):
    app = bring(open_page, theirs())
    app.button(key="import_method_button").click().run()
    app.get_by_key("import_way").set_value("imported").run()
    assert "My net" in str(app.table[0].value)
    app.button(key="import_remove_button").click().run()
    assert "Removed My net from utkface" in words_of(app) + app.success[0].value
    assert not (study / STUDY / "my-net").exists()
    assert "Nothing was imported yet" in words_of(app)


def test_faults_follow_the_reader_s_language(study, open_page):
    table = theirs().astype({"age_pred": object})
    table.loc[0, "age_pred"] = "many"
    app = open_page("import")
    app.session_state["language"] = "fr"
    app.text_input(key="import_name").set_value("My net").run()
    app.file_uploader(key="import_predictions_file_0").set_value(csv(table)).run()
    assert not app.exception
    assert "ne peut pas être importé" in words_of(app)
    assert "Pas de nombre fini dans 1 ligne" in words_of(app)
    app.session_state["language"] = "en"
    app.run()
    assert "cannot be imported: a fault." in words_of(app)
    assert "No finite number in 1 row" in words_of(app)
    assert "importé" not in words_of(app)
    app.session_state["language"] = "fr"
    app.run()
    app.get_by_key("import_way").set_value(
        "Un tableau avec la vérité et des prédictions"
    ).run()
    assert not app.exception
    assert "Nom de l’étude" in [field.label for field in app.text_input]


def test_what_the_system_refuses_is_a_sentence(study, open_page, monkeypatch):
    def fill():
        raise OSError(28, "No space left on device", "/somewhere")

    monkeypatch.setattr("core.importing.predictions.imported_runs", fill)
    app = open_page("import")
    app.get_by_key("import_way").set_value("imported").run()
    assert not app.exception
    assert "refused /somewhere: No space left on device" in app.error[0].value


def test_after_a_start_of_the_server_every_place_for_files_is_a_new_one():
    keys = {upload_key.upload_key("file")}
    for _ in range(2):
        upload_key.name_this_start()
        keys.add(upload_key.upload_key("file"))
    assert len(keys) == 3
    text = "".join(path.read_text("utf-8") for path in PAGE_FILES.rglob("*.py"))
    places = text.count("st.file_uploader(") + text.count("st.camera_input(")
    assert text.count("key=upload_key(") == places > 1
