"""Labels of a folder of pictures: what they are, and that none is lost or doubled."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core import predict_folder
from core.csv_text import given_cell
from core.data.catalog import renderer
from core.data.tables import read_table
from core.errors import DatasetError, EquipoiseError, RunError
from core.models.build import build_models
from core.predict_folder import (
    BATCH,
    Plan,
    choose_recipe,
    label_pictures,
    plan_labels,
    read_done,
    record_of,
)
from core.runs import Run
from core.study import Augmentation, ModelTable, ResizeTable, Study, parse_study
from core.tasks import Binary, Multiclass, Regression
from tests.tiny import TEXT

SIZE = 16
ASKED = Binary("asked", "Asked", ("no", "yes"))
KIND = Multiclass("kind", "Kind", ("round", "long, thin", "flat"))
AGE = Regression("age", "Age", "years", 1, 80, 10)
TASKS = (ASKED, KIND, AGE)
COUNT = 2 * BATCH + 9
MODEL = ModelTable(
    backbone="cnn",
    image_size=SIZE,
    head_units=0,
    options={"filters": [4], "kernel": 3, "dense": [], "summary": "average"},
)


def write_run(folder: Path, method: str, seed: int, model: ModelTable = MODEL) -> Run:
    info = {"resolved": {"model": model.model_dump(mode="json")}}
    run = Run("tiny", method, seed, folder / method / f"seed-{seed}", info)
    run.folder.mkdir(parents=True)
    built = build_models(model, TASKS, augmentation=Augmentation(), seed=seed)
    # Far from 0, so that pictures of noise differ in what is said of them.
    rng = np.random.default_rng([seed, ord(method)])
    weights = [20 * rng.normal(size=w.shape) for w in built.inference.get_weights()]
    built.inference.set_weights(weights)
    built.inference.save(run.model_path)
    return run


def noise(number: int, width: int = 20, height: int = 24) -> Image.Image:
    rng = np.random.default_rng(number)
    colour = rng.integers(0, 256, 3)
    pixels = rng.normal(colour, 40, (height, width, 3)).clip(0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[Run]:
    folder = tmp_path_factory.mktemp("store")
    return [write_run(folder, *each) for each in (("a", 0), ("a", 1), ("b", 0))]


@pytest.fixture(scope="module")
def recipe(runs):
    return choose_recipe(runs, TASKS, method="b", task="asked")


@pytest.fixture(scope="module")
def predictor(recipe):
    return recipe.load()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Pictures in the folder and two below it, with what is no picture."""
    root = tmp_path_factory.mktemp("pictures")
    for number in range(COUNT):
        place = root / ("", "b", "a/deep")[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        suffix = (".png", ".JPG")[number % 2]
        noise(number).save(place / f"{number:04d}{suffix}")
    for hidden in (".thumbnails", "__MACOSX"):
        (root / hidden).mkdir()
        noise(0).save(root / hidden / "hidden.png")
    noise(0).save(root / ".hidden.png")
    (root / "notes.txt").write_text("no picture")
    return root


@pytest.fixture(scope="module")
def whole(recipe, predictor, folder, tmp_path_factory) -> bytes:
    """The CSV of the folder, made in one go."""
    path = tmp_path_factory.mktemp("whole") / "labels.csv"
    label_pictures(plan_labels(recipe, folder, path), predictor)
    return path.read_bytes()


def rows_of(path: Path) -> list[tuple[str, str]]:
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert table.columns.tolist() == ["filename", "label"]
    return list(table.itertuples(index=False, name=None))


def label(recipe, folder: Path, path: Path, **options):
    return label_pictures(plan_labels(recipe, folder, path), recipe.load(), **options)


def one_by_one(runs, study: Study, folder: Path, names):
    """What each model says by itself of the images as the cache renders them."""
    render, size = renderer(study), study.model.image_size
    pixels = np.stack([render(str(folder / name), size) for name in names])
    models = [keras.saving.load_model(run.model_path, compile=False) for run in runs]
    return [model.predict(pixels, verbose=0) for model in models]


def study_with(resize: ResizeTable | None) -> Study:
    text = TEXT.replace('name = "avatars"', 'name = "image-table"').replace(
        "{ count = 120, seed = 0 }", "{ equalize = true }"
    )
    study = parse_study(text, origin="tiny")
    return study.model_copy(
        update={"model": MODEL.model_copy(update={"resize": resize})}
    )


@pytest.mark.parametrize("fit", ["crop", "stretch"])
def test_labels_are_those_of_the_models_on_the_cached_images(
    runs, folder, tmp_path, fit
):
    study = study_with(ResizeTable(fit=fit, resample="bilinear"))
    resolved = study.model_dump(mode="json", include={"dataset", "model"})
    of_a = [replace(r, info={"resolved": resolved}) for r in runs if r.method == "a"]
    recipe = choose_recipe(of_a, TASKS, task="asked", threshold=0.6)
    path = tmp_path / "labels.csv"
    result = label(recipe, folder, path)
    rows = dict(rows_of(path))
    outputs = one_by_one(of_a, study, folder, rows)
    mean = np.mean([each["asked"][:, 0] for each in outputs], axis=0)
    assert np.abs(mean - 0.6).min() > 1e-5
    expected = ["1" if share >= 0.6 else "-1" for share in mean]
    assert list(rows.values()) == expected
    assert set(expected) == {"1", "-1"}
    assert (result.labelled, result.already, result.unreadable) == (COUNT, 0, 0)


def test_without_two_classes_the_label_is_the_class_or_the_number(
    runs, folder, tmp_path
):
    study = study_with(None)
    resolved = study.model_dump(mode="json", include={"dataset", "model"})
    run = replace(runs[2], info={"resolved": resolved})
    found = {}
    for task in ("kind", "age"):
        path = tmp_path / f"{task}.csv"
        label(choose_recipe([run], TASKS, task=task), folder, path)
        found[task] = dict(rows_of(path))
    (outputs,) = one_by_one([run], study, folder, found["kind"])
    places = outputs["kind"].argmax(axis=1)
    assert list(found["kind"].values()) == [KIND.classes[place] for place in places]
    assert len(set(places)) > 1
    ages = np.array(list(found["age"].values()), dtype=float)
    assert np.allclose(ages, outputs["age"][:, 0], rtol=1e-4)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_at_an_end_takes_all_or_what_is_certain(runs, predictor, threshold):
    recipe = choose_recipe(runs, TASKS, method="b", task="asked", threshold=threshold)
    said = recipe.labels(np.array([[[0.0], [0.999], [1.0]]]))
    assert said == (["1"] * 3 if threshold == 0 else ["-1", "-1", "1"])


def test_names_are_in_order_and_only_of_pictures(folder, whole, tmp_path):
    (tmp_path / "labels.csv").write_bytes(whole)
    names = [name for name, _ in rows_of(tmp_path / "labels.csv")]
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("0*")}
    assert set(names) == found
    assert len(names) == COUNT
    top = [name for name in names if "/" not in name]
    deep = [name for name in names if name.startswith("a/deep/")]
    rest = [name for name in names if name.startswith("b/")]
    assert names == sorted(top) + sorted(deep) + sorted(rest)


def test_the_csv_is_one_that_a_study_can_be_made_of(whole, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(whole)
    table = read_table(path)
    assert len(table) == COUNT
    assert set(table["label"]) == {"-1", "1"}


def test_a_file_cut_anywhere_is_gone_on_with_to_the_same_bytes(
    recipe, predictor, folder, whole, tmp_path
):
    path = tmp_path / "labels.csv"
    label_pictures(plan_labels(recipe, folder, path), predictor)
    for cut in (0, 3, 14, 15, 16, 25, len(whole) // 2, len(whole) - 1, len(whole)):
        path.write_bytes(whole[:cut])
        plan = plan_labels(recipe, folder, path, resume=True)
        result = label_pictures(plan, predictor)
        assert path.read_bytes() == whole, cut
        kept = max(whole[:cut].count(b"\n") - 1, 0)
        assert (result.already, result.labelled) == (kept, COUNT - kept)


def test_what_is_stopped_leaves_whole_batches_and_goes_on(
    recipe, predictor, folder, whole, tmp_path
):
    def stop(what: str, done: int, total: int) -> None:
        assert total == COUNT
        if done == 2 * BATCH:
            raise KeyboardInterrupt

    path = tmp_path / "labels.csv"
    with pytest.raises(KeyboardInterrupt):
        label_pictures(plan_labels(recipe, folder, path), predictor, progress=stop)
    assert path.read_bytes() == b"".join(whole.splitlines(True)[: 2 * BATCH + 1])
    seen = []
    plan = plan_labels(recipe, folder, path, resume=True)
    label_pictures(
        plan, predictor, progress=lambda what, done, total: seen.append((done, total))
    )
    assert path.read_bytes() == whole
    assert seen == [(2 * BATCH, COUNT), (COUNT, COUNT)]


def test_a_file_that_is_whole_is_left_as_it_is(
    recipe, predictor, folder, whole, tmp_path
):
    path = tmp_path / "labels.csv"
    for _ in range(2):
        plan = plan_labels(recipe, folder, path, resume=True)
        result = label_pictures(plan, predictor)
    assert path.read_bytes() == whole
    assert (result.labelled, result.already) == (0, COUNT)


def test_a_file_is_never_overwritten(recipe, folder, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("mine")
    with pytest.raises(EquipoiseError, match=r"exists already.*--resume"):
        plan_labels(recipe, folder, path)
    assert path.read_text() == "mine"


def begin(recipe, folder: Path, path: Path) -> Plan:
    plan = plan_labels(recipe, folder, path)
    predict_folder._open(plan).close()
    return plan


def test_what_was_made_otherwise_is_not_gone_on_with(
    runs, recipe, folder, tmp_path, tmp_path_factory
):
    path = tmp_path / "labels.csv"
    begin(recipe, folder, path)
    other = tmp_path / "others"
    other.mkdir()
    noise(0).save(other / "0000.png")
    again = write_run(tmp_path_factory.mktemp("again"), "b", 0)
    trained = again.model_path.read_bytes()
    again.model_path.write_bytes(trained + b"another training")
    asked = {
        "threshold 0.5 and not with threshold 0.7": replace(recipe, threshold=0.7),
        "task asked, threshold 0.5 and not with task kind, threshold None": (
            choose_recipe(runs, TASKS, method="b", task="kind")
        ),
        "method b, other models and not with method a": choose_recipe(
            runs, TASKS, method="a", seed=0, task="asked"
        ),
        "other models": choose_recipe([again], TASKS, task="asked"),
    }
    for said, changed in asked.items():
        with pytest.raises(EquipoiseError, match=f"was made with {said}"):
            plan_labels(changed, folder, path, resume=True)
    with pytest.raises(EquipoiseError, match=f"folder {folder} and not with"):
        plan_labels(recipe, other, path, resume=True)
    assert plan_labels(recipe, folder, path, resume=True).pending == COUNT


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_without_a_record_of_what_made_it_a_file_is_not_gone_on_with(
    recipe, folder, tmp_path, content
):
    path = tmp_path / "labels.csv"
    begin(recipe, folder, path)
    record_of(path).unlink()
    if content is not None:
        record_of(path).write_text(content)
    with pytest.raises(
        EquipoiseError, match=r"No valid record says what made.*labels.csv.json"
    ):
        plan_labels(recipe, folder, path, resume=True)


@pytest.mark.parametrize(
    "content", [b"a,b\n", b"filename,label\na,1,2\n", b'filename,label\n"a"b,1\nc,1\n']
)
def test_another_file_is_not_gone_on_with(recipe, folder, tmp_path, content):
    path = tmp_path / "labels.csv"
    begin(recipe, folder, path)
    path.write_bytes(content)
    with pytest.raises(EquipoiseError, match="not a file that can be continued"):
        plan_labels(recipe, folder, path, resume=True)
    assert path.read_bytes() == content


def test_unreadable_pictures_are_named_left_out_and_tried_again(
    recipe, predictor, tmp_path
):
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    for number in range(4):
        noise(number).save(folder / f"{number}.png")
    (folder / "2.png").write_bytes(b"")
    (folder / "below" / "x.jpg").write_text("a letter")
    (folder / "below" / "y.jpg").symlink_to("nowhere.jpg")
    path, reasons = tmp_path / "labels.csv", []
    plan = plan_labels(recipe, folder, path)
    result = label_pictures(plan, predictor, left_out=reasons.append)
    assert [name for name, _ in rows_of(path)] == ["0.png", "1.png", "3.png"]
    assert (result.labelled, result.unreadable) == (3, 3)
    starts = ("2.png is empty", "below/x.jpg is not a picture", "below/y.jpg could not")
    for reason, start in zip(reasons, starts, strict=True):
        assert reason.startswith(start)
    noise(2).save(folder / "2.png")
    plan = plan_labels(recipe, folder, path, resume=True)
    result = label_pictures(plan, predictor)
    assert [name for name, _ in rows_of(path)][-1] == "2.png"
    assert (result.labelled, result.already, result.unreadable) == (1, 3, 2)


ODD = (
    b'comma,and quote".png',
    b"line\nbreak.png",
    b"return\rhere.png",
    b"latin-\xe9.png",
    "zürich.png".encode(),
    b" blank .png",
    # To a spreadsheet these are formulas.
    b"=1+1.png",
    b"-a.png",
    b"'@b.png",
)


def test_odd_names_come_through_and_are_known_again(recipe, predictor, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, name in enumerate(ODD):
        noise(number).save(folder / os.fsdecode(name))
    path = tmp_path / "labels.csv"
    label_pictures(plan_labels(recipe, folder, path), predictor)
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        cells = [row[0] for row in csv.reader(file)]
    assert {"'=1+1.png", "'-a.png", "''@b.png"} <= set(cells)
    names = [given_cell(cell) for cell in cells]
    assert names == ["filename", *sorted(map(os.fsdecode, ODD))]
    content = path.read_bytes()
    done, kept = read_done(path)
    assert (done, kept) == (frozenset(names[1:]), len(content))
    for cut in range(len(content)):
        path.write_bytes(content[:cut])
        whole = plan_labels(recipe, folder, path, resume=True)
        assert whole.kept_bytes <= cut
        assert whole.pending == len(ODD) - len(whole.done)
        assert content[: whole.kept_bytes].endswith(b"\n") or not whole.kept_bytes
    assert label_pictures(whole, predictor).labelled == whole.pending
    assert path.read_bytes() == content


def test_the_folder_is_read_only_a_few_batches_ahead(
    recipe, predictor, folder, tmp_path, monkeypatch
):
    """However large the folder is, no more than some batches are in memory."""
    monkeypatch.setattr(predict_folder, "BATCH", 4)
    listed = 0
    walk = predict_folder.walk_pictures

    def count(root):
        nonlocal listed
        for name in walk(root):
            listed += 1
            yield name

    plan = plan_labels(recipe, folder, tmp_path / "labels.csv")
    monkeypatch.setattr(predict_folder, "walk_pictures", count)
    ahead = []
    label_pictures(
        plan,
        predictor,
        workers=3,
        progress=lambda what, done, total: ahead.append(listed - done),
    )
    assert listed == COUNT
    # Three are read, one waits, one is answered.
    assert max(ahead) <= 5 * 4


def test_a_fault_of_the_program_is_no_unreadable_picture(
    recipe, predictor, folder, tmp_path, monkeypatch
):
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(predict_folder, "render_chunk", fail)
    with pytest.raises(ZeroDivisionError):
        label_pictures(plan_labels(recipe, folder, tmp_path / "x.csv"), predictor)


def test_a_model_without_a_number_labels_nothing(recipe):
    with pytest.raises(RunError, match="'b' gives no number"):
        recipe.labels(np.array([[[0.1], [np.nan]]]))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "not said which method to label with. Expected: one of a, b"),
        ({"method": "c"}, "There is no method 'c'.*one of a, b"),
        ({"method": "a", "seed": 7}, "There is no seed '7'.*one of 0, 1"),
        ({"method": "a"}, "not said which task.*one of asked, kind, age"),
        ({"method": "a", "task": "hat"}, "There is no task 'hat'"),
        ({"method": "a", "task": "kind", "threshold": 0.5}, "'kind' has not two"),
        ({"method": "a", "task": "asked", "threshold": 1.5}, "The threshold is 1.5"),
        (
            {"method": "a", "task": "asked", "threshold": float("nan")},
            "The threshold is nan",
        ),
    ],
)
def test_what_there_is_not_is_refused(runs, asked, said):
    with pytest.raises(EquipoiseError, match=said):
        choose_recipe(runs, TASKS, **asked)


def test_a_method_that_decides_by_group_says_why_it_does_not_label(runs):
    info = {"method_parameters": {"threshold-optimizer": {"on": "asked"}, "focal": {}}}
    decided = [replace(run, info=info) for run in runs[:2]]
    with pytest.raises(
        RunError, match=r"'a' gives no answer.*by the group of an image"
    ):
        choose_recipe(decided, TASKS, task="asked")


def test_an_imported_method_says_that_it_has_no_model(runs):
    imported = replace(runs[2], info={"imported": {"label": "Theirs"}})
    with pytest.raises(RunError, match=r"'b' was imported: .*without a model"):
        choose_recipe([runs[0], imported], TASKS, method="b", task="asked")


def test_a_run_without_its_model_is_named(runs, tmp_path):
    gone = replace(runs[1], folder=tmp_path)
    with pytest.raises(RunError, match=r"no model.keras of a, seed 1: it cannot"):
        choose_recipe([runs[0], gone], TASKS, task="asked")
    assert choose_recipe([runs[0], gone], TASKS, task="asked", seed=0).runs == (
        runs[0],
    )


def test_a_seed_whose_model_was_not_shipped_is_not_missed(runs, tmp_path):
    shipped = {"shipped": {"model": None}}
    gone = replace(runs[1], folder=tmp_path, info={**runs[1].info, **shipped})
    assert choose_recipe([runs[0], gone], TASKS, task="asked").runs == (runs[0],)
    for known in ([runs[0], gone], [gone]):
        with pytest.raises(RunError, match=r"no model.keras of a, seed 1: it cannot"):
            choose_recipe(known, TASKS, task="asked", seed=1)


def test_a_damaged_model_labels_nothing_even_beside_a_whole_one(runs, tmp_path):
    (tmp_path / "model.keras").write_bytes(b"damaged")
    damaged = replace(runs[1], folder=tmp_path)
    recipe = choose_recipe([runs[0], damaged], TASKS, task="asked")
    with pytest.raises(RunError, match=r"is damaged.*--seed"):
        recipe.load()


def test_a_folder_without_pictures_is_refused_before_a_file_is_begun(recipe, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="has no picture"):
        plan_labels(recipe, tmp_path / "empty", tmp_path / "labels.csv")
    with pytest.raises(DatasetError, match="is not a folder"):
        plan_labels(recipe, tmp_path / "none", tmp_path / "labels.csv")
    with pytest.raises(EquipoiseError, match=f"no folder {tmp_path}/gone"):
        plan_labels(recipe, tmp_path / "empty", tmp_path / "gone" / "labels.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
