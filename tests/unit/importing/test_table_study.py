"""A study made of a table alone: how it is understood, and what it becomes."""

import numpy as np
import pandas as pd
import pytest

import core.runs
from core.data.catalog import dataset_of, load_dataset
from core.errors import DatasetError, RunError
from core.evaluation.comparison import compare_runs
from core.evaluation.grouping import group_images
from core.importing.file_findings import PredictionsError
from core.importing.layout import find_layout
from core.importing.table_study import (
    is_table_study,
    prepare_study,
    remove_study,
    with_baseline,
    write_study,
)
from core.importing.task_kind import LayoutChoices, round_width
from core.tasks import Binary, Multiclass, Regression
from tests.imports import long, read, wide

NAME = "My table"


def made(table, **options):
    return prepare_study(read(table), name=NAME, **options)


def refused(table, **options):
    with pytest.raises(PredictionsError) as caught:
        made(table, **options)
    return str(caught.value)


def layout_of(table, **asked):
    layout, findings = find_layout(read(table), LayoutChoices(**asked))
    assert layout is not None, findings
    return layout


def test_a_wide_table_becomes_a_study(store):
    table = wide()
    prepared = made(table)
    runs = write_study(prepared)
    study = core.runs.study_of_runs("my-table")
    assert (study.title, study.baseline) == (NAME, "small")
    assert not study.is_trained
    info = dataset_of(study, pytest.fail, needed=True)
    assert info.tasks == (Binary("label", "Label", ("no", "yes")),)
    assert info.sensitive_features == {
        "gender": ("f", "m"),
        "site": ("east", "north", "west"),
    }
    assert not info.has_pictures
    tables = {(run.method, run.seed): run.predictions("test") for run in runs}
    found = compare_runs(tables, info.tasks, study.baseline, resamples=50)
    right = (table["small_pred"] == table["truth"]).mean()
    assert found.row("small", "label.accuracy")["mean"] == pytest.approx(right)
    right = ((table["large_p_yes"] > 0.5) == (table["truth"] == "yes")).mean()
    assert found.row("large", "label.accuracy")["mean"] == pytest.approx(right)
    manifest = core.runs.shipped_manifest("my-table")
    assert manifest["label"].astype(str).tolist() == table["truth"].tolist()


def test_a_long_table_becomes_the_same_study(store):
    table = long()
    prepared = made(table)
    assert set(prepared.tables) == {
        (name, seed) for name in ("small-net", "large-net") for seed in (0, 1)
    }
    labels = {method.label for method in prepared.study.methods.values()}
    assert labels == {"Small net", "Large net"}
    for (method, seed), kept in prepared.tables.items():
        label = prepared.study.methods[method].label
        own = table[(table["method"] == label) & (table["seed"] == seed)]
        wanted = own.set_index("image_id").loc[kept["image_id"]]
        assert kept["label_pred"].astype(str).tolist() == wanted["pred"].tolist()
        assert kept["gender"].astype(str).tolist() == wanted["gender"].tolist()


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["yes", "no"], Binary("label", "Label", ("no", "yes"))),
        (["0", "1"], Binary("label", "Label", ("0", "1"))),
        (["-1", "1"], Binary("label", "Label", ("-1", "1"))),
        (["b", "a", "a"], Binary("label", "Label", ("a", "b"))),
        (["c", "a", "b"], Multiclass("label", "Label", ("a", "b", "c"))),
        (["10", "2", "1"], Multiclass("label", "Label", ("1", "2", "10"))),
    ],
)
def test_the_kind_of_task_is_seen_from_the_truth(values, task):
    truth = (values * 10)[:30]
    layout = layout_of(pd.DataFrame({"truth": truth, "a_pred": truth}))
    assert layout.task == task


@pytest.mark.parametrize(
    "pair", [("0.0", "1.0"), ("-1.0", "1.0"), ("No", "YES"), ("False", "True")]
)
def test_a_known_pair_is_known_however_it_is_written(store, pair):
    table = wide().drop(columns="small_pred")
    is_yes = table["truth"] == "yes"
    score = table.pop("large_p_yes")
    # The positive one is the commoner here: that it is no guess by number.
    table["truth"] = np.where(is_yes, pair[0], pair[1])
    prepared = made(table.assign(m_score=1 - score))
    assert prepared.layout.task.classes == pair
    kept = prepared.tables["m", 0].set_index("image_id").loc[table["image_id"]]
    np.testing.assert_allclose(kept[f"label_p_{pair[1]}"], 1 - score, rtol=1e-6)
    right = (score > 0.5) == is_yes
    agrees = kept["label_pred"].astype(str) == kept["label_true"].astype(str)
    assert agrees.mean() == right.mean() > 0.7


@pytest.mark.parametrize("name", ["m_score", "score", "m"])
def test_a_score_needs_a_positive_class_that_is_no_guess(store, name):
    truth = {"truth": {"yes": "crow", "no": "jay"}}
    table = wide().replace(truth).drop(columns="small_pred")
    score = table.pop("large_p_yes")
    scored = table.assign(**{name: score})
    if name == "score":
        scored["method"] = "m"
    assert f"Of which class is the probability in '{name}'?" in refused(scored)
    prepared = made(scored, choices=LayoutChoices(positive="jay"))
    kept = prepared.tables["m", 0]["label_p_jay"]
    np.testing.assert_allclose(kept, score, rtol=1e-6)
    # Columns that name their class leave nothing to guess.
    named = made(table.assign(m_p_jay=score))
    np.testing.assert_allclose(named.tables["m", 0]["label_p_jay"], score, rtol=1e-6)
    assert any("as the rarer one" in note.problem for note in named.findings)


def test_numbers_are_a_regression():
    values = np.round(np.linspace(0.03, 0.98, 40), 3)
    task = layout_of(pd.DataFrame({"age_true": values, "a_pred": values})).task
    assert task == Regression("age", "Age", "units", 0.03, 0.98, 0.2)
    assert task.bin_labels[0] == "0 to 0.2"


@pytest.mark.parametrize(
    ("extent", "width"), [(80, 10), (100, 20), (8, 1), (0.79, 0.1), (3000, 500)]
)
def test_bins_are_round_and_about_eight(extent, width):
    assert round_width(extent) == pytest.approx(width)


def test_what_a_person_says_goes_before_what_is_seen():
    table = wide()
    layout = layout_of(table, positive="no", features=("site",), models=("small",))
    assert layout.task.positive == "no"
    assert layout.features == ("site",)
    assert list(layout.models) == ["small"]
    assert layout_of(table, kind="multiclass").task.kind == "multiclass"
    assert layout_of(table, features=()).features == ()
    assert layout_of(table, image_id="").image_id == ""
    table = table.assign(method=["a", "b"] * 30)
    assert not layout_of(table, method="").is_long
    assert not layout_of(table, models=("small",)).is_long
    assert layout_of(table.assign(pred=table["truth"])).is_long


def test_models_under_bare_names_are_known_by_their_values():
    table = wide().rename(columns={"small_pred": "small", "large_p_yes": "large"})
    layout = layout_of(table)
    assert layout.models["small"].label == "small"
    assert layout.models["large"].probabilities == {"yes": "large"}
    assert layout.features == ("gender", "site")


def test_numbers_under_bare_names_are_no_models(store):
    rng = np.random.default_rng(1)
    truth = np.round(rng.normal(50, 10, 60), 2)
    table = pd.DataFrame({"truth": truth, "height": truth + 100, "mine": truth + 1})
    assert "name the columns of models with --model" in refused(table)
    prepared = made(table, choices=LayoutChoices(models=("mine",)))
    assert list(prepared.layout.models) == ["mine"]
    coded = wide().replace({"truth": {"yes": 1, "no": 0}})
    coded = coded.assign(smoker=rng.integers(0, 2, 60)).drop(columns="small_pred")
    assert list(layout_of(coded.drop(columns="large_p_yes")).models) == []
    assert "smoker" in layout_of(coded.rename(columns={"large_p_yes": "m"})).features


def test_answers_beyond_the_truth_are_no_cause_for_doubt_until_far(store):
    truth = np.linspace(10, 90, 60)
    table = pd.DataFrame({"truth": truth, "m_pred": truth * 1.5})
    assert not [f for f in made(table).findings if f.level == "warning"]
    (warned,) = [
        f for f in made(table.assign(m_pred=truth * 12)).findings if f.level != "note"
    ]
    assert warned.expected == "-70 to 170 units."
    # 12 times what is above 170 / 12.
    assert warned.count == (truth > 170 / 12).sum()


@pytest.mark.parametrize(
    ("feature", "kind"),
    [
        ("label_bin", "regression"),
        ("label_true", "regression"),
        ("label_p_yes", "binary"),
        ("split", "binary"),
    ],
)
def test_a_feature_has_no_name_that_a_run_needs(feature, kind):
    table = wide().rename(columns={"site": feature})
    if kind == "regression":
        table["truth"] = table["small_pred"] = np.linspace(0, 1, 60)
    layout, findings = find_layout(
        read(table), LayoutChoices(truth="truth", features=(feature,))
    )
    assert layout is not None
    assert any(
        f"A sensitive feature cannot be called '{feature}'" in f.problem
        for f in findings
    )


@pytest.mark.parametrize(("groups", "is_taken"), [(200, True), (201, False)])
def test_a_feature_has_no_more_groups_than_can_be_compared(store, groups, is_taken):
    table = wide(groups).assign(place=[f"p{place}" for place in range(groups)])
    asked = LayoutChoices(features=("place",))
    if is_taken:
        runs = write_study(made(table, choices=asked))
        predictions = runs[0].predictions("test")
        tasks = dataset_of(core.runs.study_of_runs("my-table"), pytest.fail).tasks
        assert len(group_images(predictions, tasks, ["place"]).names) == groups
    else:
        assert "'place' has 201 groups" in refused(table, choices=asked)


def test_the_layout_says_every_column():
    table = wide().assign(note=[f"free text {i}" for i in range(60)])
    said = dict(layout_of(table).lines(tuple(table)))
    assert said["not looked at"] == "note"
    assert said["task"] == "binary: yes (positive) against no"
    assert said["model large"] == "probabilities in large_p_yes (yes)"


def test_rows_are_the_images_where_no_column_is(store):
    prepared = made(wide().drop(columns="image_id"))
    ids = [f"{place:02d}" for place in range(1, 61)]
    assert prepared.manifest["image_id"].tolist() == ids


def test_images_are_in_the_order_of_their_ids_validation_first(store):
    table = wide().assign(split=["test", "val"] * 30).iloc[::-1]
    kept = made(table).tables["large", 0]
    even, odd = ([f"i{place:03d}" for place in range(s, 60, 2)] for s in (0, 1))
    assert kept["image_id"].tolist() == [*odd, *even]
    wanted = table.set_index("image_id")["large_p_yes"].loc[kept["image_id"]]
    np.testing.assert_allclose(kept["label_p_yes"], wanted, rtol=1e-6)


def test_validation_rows_are_kept_apart(store):
    words = ["val", "Validation", "VALID", "validation", *["test", "Testing"] * 4]
    table = wide().assign(split=words * 5)
    prepared = made(table)
    counts = prepared.manifest["split"].value_counts().to_dict()
    assert counts == {"test": 40, "validation": 20}
    kept = prepared.tables["small", 0].set_index("image_id")["split"]
    wanted = table["split"].str.casefold().str.startswith("test")
    assert (kept.loc[table["image_id"]] == "test").tolist() == wanted.tolist()


def test_an_empty_group_is_unknown(store):
    table = wide()
    table.loc[0, "gender"] = None
    prepared = made(table)
    assert prepared.tables["small", 0]["gender"].iloc[0] == "unknown"
    groups = prepared.study.dataset.options["features"]
    assert groups["gender"] == ["f", "m", "unknown"]


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (
            lambda t: t.drop(columns="truth"),
            {},
            "No column was recognised as the truth",
        ),
        (lambda t: t.assign(target=1), {}, "2 columns could be the truth"),
        (lambda t: t, {"choices": LayoutChoices(truth="x")}, "There is no column 'x'"),
        (
            lambda t: t.drop(columns=["small_pred", "large_p_yes"]),
            {},
            "No column was recognised to hold a model's predictions",
        ),
        (lambda t: t.assign(large_p_yes=2.0), {}, "outside 0 to 1"),
        (lambda t: t.replace({"small_pred": {"yes": "si"}}), {}, "'si' in"),
        (
            lambda t: t.replace({"truth": {"yes": None}}),
            {"choices": LayoutChoices(kind="binary")},
            "holds one class: no",
        ),
        (lambda t: pd.concat([t, t.head(1)]), {}, "1 row for an image that has one"),
        (lambda t: t, {"baseline": "x"}, "There is no method 'x' to compare with"),
        (lambda t: t.assign(split="train"), {}, "60 rows with another 'split' than"),
        (
            lambda t: t.assign(split=["train", "test", "Val", ""] * 15),
            {},
            "30 rows with another 'split' than test",
        ),
        (lambda t: t.assign(split="val"), {}, "No row of the table is a test image"),
        (
            lambda t: t,
            {"choices": LayoutChoices(positive="maybe")},
            "The positive class 'maybe' is not in",
        ),
        (
            lambda t: t.rename(columns={"small_pred": "LARGE_pred"}),
            {},
            "'LARGE_pred', 'large_p_yes' are columns of models whose names differ",
        ),
    ],
)
def test_faults_of_a_table_are_said_and_nothing_is_written(
    store, change, options, said
):
    assert said in refused(change(wide()), **options)
    assert not list(store.iterdir())


@pytest.mark.parametrize(
    ("column", "dropped", "options"),
    [
        ("truth", ["truth"], {}),
        ("large_p_yes", ["large_p_yes", "small_pred"], {}),
        ("large_pred", ["large_p_yes"], {"models": ("small", "large")}),
        ("site", ["site"], {"features": ("site",)}),
    ],
)
def test_a_list_where_a_value_is_needed_is_refused(store, column, dropped, options):
    table = wide().drop(columns=dropped)
    table[column] = [[1.0]] * len(table)
    with pytest.raises(PredictionsError) as caught:
        prepare_study(
            read(table, "t.parquet"), name=NAME, choices=LayoutChoices(**options)
        )
    assert f"'{column}' cannot be read: its cells hold lists" in str(caught.value)
    whole = wide().assign(embedding=table[column])
    assert len(prepare_study(read(whole, "t.parquet"), name=NAME).manifest) == 60


def test_faults_of_name_cells_and_truth_are_told_at_once(store):
    table = wide()
    table.loc[4, "image_id"] = table.loc[5, "site"] = "![x](y)"
    table["split"] = "train"
    with pytest.raises(PredictionsError) as caught:
        prepare_study(read(table), name="!!", choices=LayoutChoices(features=("site",)))
    said = str(caught.value)
    for fault in (
        "'!!' cannot be a name",
        "the id of an image",
        "a group",
        "'split'",
    ):
        assert fault in said


def test_rows_of_one_image_must_agree(store):
    table = long()
    first = table.index[table["image_id"] == "i000"][1]
    table.loc[first, "gender"] = "x"
    assert "another 'gender' than an earlier row" in refused(table)


def test_a_run_without_an_image_is_named(store):
    table = long()
    place = table.index[(table["method"] == "Small net") & (table["seed"] == 1)][0]
    said = refused(table.drop(index=place))
    assert "images of small-net, seed 1, is missing" in said


def test_a_study_is_replaced_only_when_asked_and_only_if_it_is_one(study):
    write_study(made(wide()))
    assert "There is a study 'my-table' already" in refused(wide())
    write_study(made(wide().drop(columns="site"), replacing=True))
    assert {run.method for run in core.runs.list_runs("my-table").runs} == {
        "small",
        "large",
    }
    with pytest.raises(PredictionsError, match="There is a study 'utkface' already"):
        prepare_study(read(wide()), name="utkface", replacing=True)


def test_removal_takes_studies_of_tables_alone(study):
    write_study(made(wide()))
    assert is_table_study("my-table")
    with pytest.raises(RunError, match="was not made of a table"):
        remove_study("utkface")
    remove_study("my-table")
    assert core.runs.list_studies() == ("utkface",)


def test_another_method_can_be_the_baseline(store):
    write_study(with_baseline(made(wide()), "large"))
    assert core.runs.study_of_runs("my-table").baseline == "large"
    write_study(made(wide(), baseline="large", replacing=True))
    assert core.runs.study_of_runs("my-table").baseline == "large"


def test_there_is_nothing_to_train(store):
    write_study(made(wide()))
    with pytest.raises(DatasetError, match="there are no pictures"):
        load_dataset(core.runs.study_of_runs("my-table"), None)
