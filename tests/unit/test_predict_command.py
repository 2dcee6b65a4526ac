"""`equipoise predict` on a study of other pictures than faces."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

import core.runs
from core.cli import app
from core.data.readers.cifar import CLASSES_10
from core.models.build import build_models
from core.study import Augmentation, ModelTable
from tests.synthetic import TASKS, write_store

NAME = "cifar10-lt-200"
METHODS = ("baseline", "csce")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    write_store(folder, NAME, methods=METHODS, seeds=(0,), rows=200)
    for size, method in zip((32, 48), METHODS, strict=True):
        place = folder / NAME / method / "seed-0"
        table = ModelTable(
            backbone="cnn",
            image_size=size,
            head_units=0,
            options={"filters": [4], "dense": [], "summary": "average"},
        )
        built = build_models(table, TASKS[NAME], augmentation=Augmentation(), seed=0)
        built.inference.save(place / core.runs.MODEL)
        record = json.loads((place / core.runs.RECORD).read_text())
        record["resolved"]["model"]["image_size"] = size
        (place / core.runs.RECORD).write_text(json.dumps(record))
    return folder


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "landscape.png"
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


@pytest.mark.usefixtures("store")
def test_whole_pictures_are_answered_without_a_word_on_faces(photo: Path) -> None:
    result = CliRunner().invoke(app, ["predict", str(photo), "--study", NAME])
    assert result.exit_code == 0, result.stderr
    assert "face" not in result.stdout
    rows = [line.split("│")[1:-1] for line in result.stdout.splitlines() if "│" in line]
    answers = {row[0].strip(): row[1].strip() for row in rows}
    assert list(answers) == ["Baseline", "CSCE"]
    for answer in answers.values():
        name, share = answer.rsplit(" ", 1)
        assert name in CLASSES_10
        assert 10 <= int(share.strip("(%)")) <= 100


@pytest.mark.usefixtures("store")
def test_json_holds_the_part_of_the_picture_that_was_seen(photo: Path) -> None:
    arguments = ["predict", str(photo), "--study", NAME, "--json"]
    (answer,) = json.loads(CliRunner().invoke(app, arguments).stdout)
    (whole,) = answer["faces"]
    assert whole["box"] == [15, 0, 60, 60]
    assert whole["confidence"] is None
    assert whole["quality"]["width"]["value"] == 60
    assert (whole["withheld"], whole["reason"]) == (False, None)
    assert set(whole["answers"]) == set(METHODS)
    for given in whole["answers"].values():
        assert given["label"]["label"] in CLASSES_10
        assert 0.1 <= given["label"]["probability"] <= 1


@pytest.fixture
def folder(tmp_path: Path, photo: Path) -> Path:
    """Three pictures, one of them below, and one that cannot be read."""
    place = tmp_path / "pictures" / "below"
    place.mkdir(parents=True)
    for path in (place / "c.png", place.parent / "b.png", place.parent / "a.png"):
        path.write_bytes(photo.read_bytes())
    (place / "broken.jpg").write_bytes(b"")
    return place.parent


def label(folder: Path, path: Path, *more: str) -> Result:
    arguments = ["predict", str(folder), "--csv", str(path), "--study", NAME, *more]
    return CliRunner().invoke(app, arguments)


@pytest.mark.usefixtures("store")
def test_a_folder_is_labelled_into_a_csv(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "labels.csv"
    result = label(folder, path, "--method", "csce")
    assert result.exit_code == 2
    assert "below/broken.jpg is empty" in result.stderr
    assert "1 picture could not be read" in result.stderr
    failed = tmp_path / "labels.failed.csv"
    head, row = failed.read_text().splitlines()
    assert head == "filename,reason"
    assert row.startswith("below/broken.jpg,below/broken.jpg is empty")
    assert f"{path}: 3 pictures labelled." in result.stdout
    head, *rows = path.read_text().splitlines()
    assert head == "filename,label"
    names, labels = zip(*(row.split(",") for row in rows), strict=True)
    assert names == ("a.png", "b.png", "below/c.png")
    (said,) = set(labels)
    assert said in CLASSES_10
    (folder / "below" / "broken.jpg").unlink()
    # Every picture has its row: no model is loaded to find that out.
    monkeypatch.setattr("core.commands.predict_folder.load_engine", pytest.fail)
    again = label(folder, path, "--method", "csce", "--resume", "--json")
    assert again.exit_code == 0, again.stderr
    answer = json.loads(again.stdout)
    assert answer.pop("duration_s") >= 0
    assert answer == {
        "csv": str(path),
        "labelled": 0,
        "already": 3,
        "unreadable": 0,
        "failed": None,
    }
    assert not failed.exists()


@pytest.mark.usefixtures("store")
def test_who_interrupts_is_told_how_it_goes_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.predict_folder.label_pictures", interrupt)
    result = label(folder, tmp_path / "labels.csv", "--method", "csce")
    assert result.exit_code == 130
    assert "--resume goes on after the last written row" in result.stderr


@pytest.fixture
def more_seeds(store: Path) -> Path:
    """The store with a second seed of each method, which has a model for one."""
    write_store(store, NAME, methods=METHODS, seeds=(1,), rows=200)
    first, second = (store / NAME / METHODS[0] / f"seed-{seed}" for seed in (0, 1))
    shutil.copy(first / core.runs.MODEL, second)
    return store


@pytest.mark.usefixtures("more_seeds")
def test_one_model_a_method_answers_and_it_is_said_which(photo: Path) -> None:
    result = CliRunner().invoke(app, ["predict", str(photo), "--study", NAME])
    assert result.exit_code == 0, result.stderr
    said = " ".join(result.stdout.split())
    assert "one model, that of seed 0: 1 of 2 seeds." in said
    assert "Skipped" not in result.stderr


@pytest.mark.usefixtures("more_seeds")
def test_all_models_answer_if_asked_and_what_has_none_is_named(photo: Path) -> None:
    arguments = ["predict", str(photo), "--study", NAME, "--seeds", "all"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    said = " ".join(result.stdout.split())
    assert "the mean over the models of a method: 1 to 2 of 2 seeds." in said
    warned = "".join(result.stderr.split())
    assert f"/{METHODS[1]}/seed-1." in warned
    assert f"/{METHODS[0]}/seed-1." not in warned


@pytest.mark.usefixtures("store")
def test_a_failed_model_is_named_and_the_rest_answer(store: Path, photo: Path) -> None:
    (store / NAME / METHODS[1] / "seed-0" / core.runs.MODEL).write_bytes(b"broken")
    arguments = ["predict", str(photo), "--study", NAME, "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    (answer,) = json.loads(result.stdout)
    assert list(answer["faces"][0]["answers"]) == [METHODS[0]]
    assert "is damaged" in result.stderr


def test_seeds_change_nothing_with_a_csv(folder: Path, tmp_path: Path) -> None:
    result = label(folder, tmp_path / "labels.csv", "--seeds", "all")
    assert result.exit_code == 2
    assert "--seeds would change nothing" in result.stderr


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "not said which method"),
        (("--method", "none"), "no method 'none'"),
        (("--method", "csce", "--seed", "3"), "no seed '3'"),
        (("--method", "csce", "--threshold", "0.5"), "'label' has not two"),
    ],
)
def test_what_cannot_label_is_refused_and_begins_no_file(
    folder: Path, tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    path = tmp_path / "labels.csv"
    result = label(folder, path, *more)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not list(tmp_path.glob("labels*"))


@pytest.mark.parametrize(
    "option",
    [("--method", "csce"), ("--seed", "0"), ("--threshold", "0"), ("--resume",)],
)
def test_without_a_csv_its_options_are_refused(
    photo: Path, option: tuple[str, ...]
) -> None:
    result = CliRunner().invoke(app, ["predict", str(photo), *option])
    assert result.exit_code == 2
    assert f"{option[0]} would change nothing" in result.stderr


def test_photos_are_aligned_with_a_csv_anyway(folder: Path, tmp_path: Path) -> None:
    result = label(folder, tmp_path / "labels.csv", "--method", "csce", "--aligned")
    assert result.exit_code == 2
    assert "--aligned would change nothing" in result.stderr


@pytest.mark.usefixtures("store")
def test_a_picture_that_is_too_small_has_answers_only_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "tiny.png"
    Image.new("RGB", (20, 20)).save(path)
    arguments = ["predict", str(path), "--study", NAME]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    said = " ".join(result.stdout.split())
    assert "tiny.png: no answers. The picture is only 20 px wide" in said
    assert "--all-faces gives the answers" in said
    assert "Baseline" not in said
    asked = CliRunner().invoke(app, [*arguments, "--all-faces", "--json"])
    (face,) = json.loads(asked.stdout)[0]["faces"]
    assert set(face["answers"]) == set(METHODS)
    assert "only 20 px wide" in face["reason"]


def test_all_faces_changes_nothing_with_a_csv(folder: Path, tmp_path: Path) -> None:
    result = label(folder, tmp_path / "labels.csv", "--method", "csce", "--all-faces")
    assert result.exit_code == 2
    assert "--all-faces would change nothing" in result.stderr


def test_two_folders_do_not_go_into_one_csv(tmp_path: Path) -> None:
    arguments = ["predict", "one", "two", "--csv", str(tmp_path / "labels.csv")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "2 folders are too many" in result.stderr


def test_ethnicity_is_labelled_only_for_who_asks(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    arguments = ["predict", str(folder), "--csv", str(path), "--method", "baseline"]
    result = CliRunner().invoke(app, [*arguments, "--task", "ethnicity"])
    assert result.exit_code == 2
    assert "not a person's identity" in result.stderr
    assert not path.exists()


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_no_photo_is_said_before_a_model_is_loaded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    monkeypatch.setattr("core.commands.predict.load_engine", pytest.fail)
    (tmp_path / "empty.jpg").write_bytes(b"")
    names = [folder, tmp_path / "no-such.jpg", tmp_path / "empty.jpg"]
    more = ["--json"] if as_json else []
    arguments = ["predict", *map(str, names), "--study", NAME, *more]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    said = (
        f"{folder} is a folder.",
        f"There is no file {tmp_path / 'no-such.jpg'}.",
        "empty.jpg is empty",
    )
    if as_json:
        answers = json.loads(result.stdout)
        for answer, sentence in zip(answers, said, strict=True):
            assert sentence in answer["error"]
            assert answer["faces"] == []
    else:
        for sentence in said:
            assert sentence in result.stderr
        assert "label all of them with --csv" in result.stderr


@pytest.mark.usefixtures("store")
def test_a_wrong_name_among_photos_is_said_first_and_stops_no_other(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.commands import predict

    said_before = []
    warn, load = predict.warn_of, predict.load_engine
    told: list[str] = []
    monkeypatch.setattr(predict, "warn_of", lambda p: (told.extend(p), warn(p)))
    monkeypatch.setattr(
        predict, "load_engine", lambda: (said_before.extend(told), load())
    )
    wrong = tmp_path / "no-such.jpg"
    arguments = ["predict", str(wrong), str(photo), "--study", NAME, "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert any(str(wrong) in sentence for sentence in said_before)
    first, second = json.loads(result.stdout)
    assert (first["faces"], second["error"]) == ([], None)


@pytest.mark.usefixtures("store")
def test_the_bar_counts_models_by_name_and_then_photos(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import contextmanager

    told: list[tuple[str, int, int, str]] = []

    @contextmanager
    def bars():
        yield lambda what, done, total, detail="": told.append(
            (what, done, total, detail)
        )

    monkeypatch.setattr("core.commands.predict.progress_bars", bars)
    arguments = ["predict", str(photo), str(photo), "--study", NAME]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert told == [
        ("Loading models", 0, 2, "TensorFlow"),
        ("Loading models", 0, 2, "baseline, seed 0"),
        ("Loading models", 1, 2, "csce, seed 0"),
        ("Loading models", 2, 2, ""),
        ("Reading photos", 1, 2, ""),
        ("Reading photos", 2, 2, ""),
        ("Answering photos", 2, 2, ""),
    ]


@pytest.mark.usefixtures("store")
def test_mirrored_answers_are_averaged_and_their_milliseconds_said(photo: Path) -> None:
    plain = ["predict", str(photo), "--study", NAME, "--json"]
    one = CliRunner().invoke(app, plain)
    other = CliRunner().invoke(app, [*plain, "--mirrored"])
    assert other.exit_code == 0, other.stderr
    assert re.search(
        r"Answering took \d+ ms, \d+ of these for mirror images\.", other.stderr
    )
    assert "mirror images" not in one.stderr
    assert one.stdout != other.stdout
