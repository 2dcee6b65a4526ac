import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from core.data.face_templates import CELEBA, UTKFACE
from core.data.images import load_preprocessed, preprocess
from core.errors import RunError
from core.faces import Face, FaceDetector, align_face
from core.models.build import build_models
from core.models.ensemble import Part
from core.models.model_file import read_ahead
from core.models.saved import load_groups
from core.predictor import (
    BUCKETS,
    ClassificationAnswer,
    Predictor,
    Preprocessing,
    RegressionAnswer,
    Upload,
    disagreements,
    predict_photo,
    predict_photos,
    predict_uploads,
)
from core.runs import MIRRORED, Run
from core.study import Augmentation, ModelTable
from core.tasks import Binary, Multiclass, Regression
from tests import bad_images as bad

SIZE = 16
AGE = Regression("age", "Age", "years", 1, 80, 10)
GENDER = Binary("gender", "Gender", ("male", "female"))
HAIR = Multiclass("hair", "Hair", ("short", "long", "curly"))
TASKS = (AGE, GENDER, HAIR)
MEMBERS = (("plain", 0), ("deep", 0), ("plain", 1), ("deep", 1), ("deep", 2))


def save_model(path, seed, *, deep=False, size=SIZE, classes=3):
    """A small model with random weights, batch statistics included."""
    pixels = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(1 / 255)(pixels)
    x = keras.layers.Conv2D(4, 3)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    if deep:
        x = keras.layers.Dense(5, activation="relu")(x)
    x = keras.layers.Dropout(0.5, seed=seed)(x)
    age = keras.layers.Dense(1)(x)
    gender = keras.layers.Dense(1, activation="sigmoid")(x)
    hair = keras.layers.Dense(classes, activation="softmax")(x)
    model = keras.Model(pixels, {"age": age, "gender": gender, "hair": hair})
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.1, 1.5, w.shape) for w in model.get_weights()])
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)


def run_in(folder, method, seed, **recorded):
    """A run whose record holds the model's table, where any of it is given."""
    info = {"resolved": {"model": recorded}} if recorded else {}
    return Run("tiny", method, seed, folder / method / f"seed-{seed}", info)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    found = [run_in(folder, *member) for member in MEMBERS]
    for number, run in enumerate(found):
        save_model(run.model_path, number, deep=run.method == "deep")
    return found


@pytest.fixture(scope="module")
def predictor(runs):
    predictor = Predictor.load(runs, TASKS)
    for count in BUCKETS[:2]:
        predictor.warm_up(count)
    return predictor


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


@pytest.fixture(scope="module")
def faces():
    return np.random.default_rng(0).integers(0, 255, (50, SIZE, SIZE, 3), np.uint8)


@pytest.fixture(scope="module")
def ask(predictor):
    """Let the models of ``runs`` answer for pictures of their size."""
    (kind,) = predictor.preprocessings
    return lambda pictures: predictor.answer({kind: pictures})


@pytest.fixture(scope="module")
def one_by_one(runs, faces):
    """Outputs of each model by itself: (method, seed) to task to (faces, values)."""
    models = [keras.saving.load_model(r.model_path, compile=False) for r in runs]
    return {
        (run.method, run.seed): {
            name: np.asarray(output)
            for name, output in model(faces.astype("float32"), training=False).items()
        }
        for run, model in zip(runs, models, strict=True)
    }


def photo(picture):
    return bad.encode(Image.fromarray(picture), "PNG")


def test_architectures_are_told_apart_and_together(runs):
    groups, faults = load_groups(read_ahead([r.model_path for r in runs]))
    assert [group.members for group in groups] == [[0, 2], [1, 3, 4]]
    assert faults == {}


def decided(run):
    """The same run, of a method that decides by the group of an image."""
    info = {"method_parameters": {"threshold-optimizer": {"on": "gender"}}}
    return replace(run, info=info)


def test_a_method_that_decides_by_group_says_that_it_has_no_answer(runs):
    given = [decided(run) if run.method == "deep" else run for run in runs]
    predictor = Predictor.load(given, TASKS)
    assert predictor.methods == ("plain",)
    (problem,) = predictor.problems
    assert "'deep' gives no answer here" in problem
    assert "by the group of an image" in problem


def test_only_methods_that_decide_by_group_leave_no_answer(runs):
    with pytest.raises(RunError, match="'plain' gives no answer here"):
        Predictor.load([decided(runs[0])], TASKS)


@pytest.mark.parametrize("count", [1, 2, 4, 5, 16, 17, 50])
def test_answers_are_those_of_the_models_by_themselves(ask, faces, one_by_one, count):
    answers = ask(faces[:count])
    assert len(answers) == count
    for face in {0, count // 2, count - 1}:
        assert list(answers[face]) == ["plain", "deep"]
        for method, seeds in (("plain", (0, 1)), ("deep", (0, 1, 2))):
            given = answers[face][method]
            ages = [one_by_one[method, s]["age"][face, 0] for s in seeds]
            assert given["age"].value == pytest.approx(np.mean(ages), rel=1e-4)
            assert given["age"].sd == pytest.approx(np.std(ages, ddof=1), rel=1e-3)
            female = np.mean([one_by_one[method, s]["gender"][face, 0] for s in seeds])
            assert given["gender"].probabilities == pytest.approx(
                {"male": 1 - female, "female": female}, abs=1e-5
            )
            hair = np.mean([one_by_one[method, s]["hair"][face] for s in seeds], axis=0)
            assert given["hair"].label == HAIR.classes[hair.argmax()]
            assert given["hair"].probability == pytest.approx(hair.max(), abs=1e-5)


def test_no_faces_no_answers(ask, faces):
    assert ask(faces[:0]) == []


def test_nothing_is_traced_after_the_warm_up(ask, faces, monkeypatch):
    def explode(*_):
        raise AssertionError("traced again")

    monkeypatch.setattr(Part, "answers", explode)
    for count in (1, 3, *BUCKETS, 50):
        ask(faces[:count])


def test_one_seed_has_no_spread(runs, faces, one_by_one):
    predictor = Predictor.load(runs, TASKS, seeds=[1])
    assert predictor.members == (("plain", 1), ("deep", 1))
    (answers,) = predictor.answer({Preprocessing(SIZE): faces[:1]})
    assert answers["deep"]["age"].sd is None
    assert answers["deep"]["hair"].sd is None
    alone = one_by_one["deep", 1]["age"][0, 0]
    assert answers["deep"]["age"].value == pytest.approx(alone, rel=1e-4)


def spoil_lambda(path):
    layers = [keras.Input((SIZE, SIZE, 3)), keras.layers.Lambda(lambda x: x)]
    path.unlink()
    keras.Sequential(layers).save(path)


def spoil_missing(path):
    path.unlink()


def spoil_text(path):
    path.write_text("no model")


def spoil_cut(path):
    path.write_bytes(path.read_bytes()[:2000])


def spoil_weights(path):
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json")
        metadata = archive.read("metadata.json")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("metadata.json", metadata)
        archive.writestr("model.weights.h5", b"no weights")


def spoil_foreign_class(path):
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config.update({"module": "os", "class_name": "system", "registered_name": None})
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in (parts | {"config.json": json.dumps(config)}).items():
            archive.writestr(name, part)


def spoil_hub_class(path):
    """A class of KerasHub's that Keras would import and build."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1] = {
        "module": "keras_hub.src.tokenizers.byte_pair_tokenizer",
        "class_name": "BytePairTokenizer",
        "config": {"name": "reader", "vocabulary": "/etc/hostname"},
        "registered_name": None,
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in (parts | {"config.json": json.dumps(config)}).items():
            archive.writestr(name, part)


def spoil_tasks(path):
    save_model(path, 9, classes=4)


def spoil_size(path):
    save_model(path, 9, size=24)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_lambda, "holds a Lambda layer"),
        (spoil_missing, r"There is no model\.keras in"),
        (spoil_text, "is damaged"),
        (spoil_cut, "is damaged"),
        (spoil_weights, "is damaged"),
        (spoil_foreign_class, "is damaged, or is not a Keras model"),
        (spoil_hub_class, r"holds classes of keras_hub\.src\.tokenizers"),
        (spoil_tasks, "does not predict the tasks of study 'tiny'"),
        (spoil_size, "takes pictures of 24 px"),
    ],
)
def test_broken_model_is_named_and_the_rest_answers(tmp_path, spoil, message):
    good = run_in(tmp_path, "good", 0)
    bad_run = run_in(tmp_path, "bad", 0, image_size=SIZE)
    for run in (good, bad_run):
        save_model(run.model_path, 1)
    spoil(bad_run.model_path)
    predictor = Predictor.load([good, bad_run], TASKS)
    (problem,) = predictor.problems
    assert re.search(message, problem)
    assert str(bad_run.folder) in problem
    assert predictor.methods == ("good",)
    with pytest.raises(RunError, match=message):
        Predictor.load([bad_run], TASKS)


def test_each_model_sees_pictures_as_its_run_says(tmp_path):
    """Two sizes, and two ways to resize at one of them, in one study."""
    members = {
        "small": run_in(tmp_path, "small", 0, image_size=SIZE),
        "large": run_in(tmp_path, "large", 0, image_size=24),
        "wide": run_in(
            tmp_path,
            "wide",
            0,
            image_size=SIZE,
            resize={"resample": "bilinear", "fit": "stretch"},
        ),
    }
    for run in members.values():
        save_model(run.model_path, 1, size=24 if run.method == "large" else SIZE)
    predictor = Predictor.load(list(members.values()), TASKS)
    assert predictor.problems == ()
    assert predictor.methods == tuple(members)
    picture = Image.fromarray(bad.astronaut()).resize((90, 40))
    result = predict_photo(bad.encode(picture, "PNG"), predictor, None)
    (face,) = result.faces
    assert face.box == (0, 0, 90, 40)
    expected = {
        "small": preprocess(picture, SIZE),
        "large": preprocess(picture, 24),
        "wide": np.asarray(
            picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.uint8
        ),
    }
    for method, pixels in expected.items():
        assert np.array_equal(face.seen[method], pixels)
        model = keras.saving.load_model(members[method].model_path, compile=False)
        alone = model(pixels[None].astype("float32"), training=False)
        age = face.answers[method]["age"].value
        assert age == pytest.approx(float(alone["age"][0, 0]), rel=1e-4)
    assert face.pixels is face.seen["large"]


@pytest.mark.parametrize(("side", "warns"), [(SIZE, False), (SIZE - 1, True)])
def test_whole_picture_smaller_than_the_models_take_carries_a_warning(
    predictor, side, warns
):
    content = bad.encode(Image.new("RGB", (200, side), "grey"), "PNG")
    (whole,) = predict_photo(content, predictor, None, all_faces=True).faces
    expected = (
        "The picture is only 15 px wide: too small to trust the answers."
        " Expected: at least 16 px."
    )
    assert whole.reason == (expected if warns else "")


def test_study_that_equalises_equalises_photos_too(tmp_path):
    dataset = {"name": "stanford-dogs", "options": {"equalize": True}}
    run = run_in(tmp_path, "plain", 0)
    run.info["resolved"] = {"dataset": dataset}
    save_model(run.model_path, 1)
    predictor = Predictor.load([run], TASKS)
    picture = Image.fromarray(bad.astronaut())
    (face,) = predict_photo(bad.encode(picture, "PNG"), predictor, None).faces
    small = Image.fromarray(preprocess(picture, SIZE))
    assert np.array_equal(face.seen["plain"], np.asarray(ImageOps.equalize(small)))


def test_record_that_resizes_as_nothing_does_is_named(tmp_path):
    good = run_in(tmp_path, "good", 0)
    odd = run_in(tmp_path, "odd", 0, resize={"fit": "shrink"})
    for run in (good, odd):
        save_model(run.model_path, 1)
    predictor = Predictor.load([good, odd], TASKS)
    assert predictor.methods == ("good",)
    assert "does not say what is done to its pictures: 'fit'" in predictor.problems[0]


def test_transformers_answer_in_the_ensemble_as_alone(tmp_path):
    """KerasHub's layers, with stacked weights that are mapped over."""
    table = ModelTable(
        backbone="vit",
        image_size=32,
        options={"patch": 8, "layers": 2, "heads": 2, "width": 32, "mlp": 64},
    )
    runs = [run_in(tmp_path, "plain", 0), run_in(tmp_path, "vit", 0)]
    runs.append(run_in(tmp_path, "vit", 1))
    save_model(runs[0].model_path, 0)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    alone = []
    for seed, run in enumerate(runs[1:]):
        models = build_models(table, TASKS, augmentation=Augmentation(), seed=seed)
        run.model_path.parent.mkdir(parents=True)
        models.inference.save(run.model_path)
        outputs = models.inference(pictures.astype("float32"), training=False)
        alone.append({name: np.asarray(output) for name, output in outputs.items()})
    predictor = Predictor.load(runs, TASKS)
    assert predictor.problems == ()
    faces = {
        Preprocessing(SIZE): pictures[:, :SIZE, :SIZE],
        Preprocessing(32): pictures,
    }
    answers = predictor.answer(faces)
    for face in range(3):
        given = answers[face]["vit"]
        ages = [each["age"][face, 0] for each in alone]
        hair = np.mean([each["hair"][face] for each in alone], axis=0)
        female = np.mean([each["gender"][face, 0] for each in alone])
        assert given["age"].value == pytest.approx(np.mean(ages), rel=1e-5)
        shares = list(given["hair"].probabilities.values())
        assert shares == pytest.approx(hair, abs=1e-5)
        assert given["gender"].probabilities["female"] == pytest.approx(
            female, abs=1e-5
        )


def test_file_without_a_transformer_does_not_import_keras_hub(runs):
    code = (
        "import sys; from pathlib import Path;"
        "from core.models.model_file import read_ahead;"
        "from core.models.saved import load_groups;"
        "groups, faults = load_groups(read_ahead([Path(sys.argv[1])]));"
        "sys.exit(len(groups) != 1 or 'keras_hub' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    arguments = [sys.executable, "-c", code, str(runs[0].model_path)]
    assert subprocess.run(arguments, cwd=root).returncode == 0


def test_no_runs_is_an_error():
    with pytest.raises(RunError, match="no model that could answer"):
        Predictor.load([], TASKS)


def test_photo_is_answered_as_the_issue_says(predictor, detector):
    result = predict_photo(photo(bad.astronaut()), predictor, detector, name="me.png")
    said = json.loads(json.dumps(result.as_dict([task.name for task in TASKS])))
    assert set(said) == {"photo", "error", "note", "faces"}
    assert said["photo"] == "me.png"
    assert said["error"] is said["note"] is None
    (face,) = said["faces"]
    assert {"box", "rotation", "landmarks", "confidence", "answers"} <= set(face)
    assert (len(face["box"]), len(face["landmarks"]), face["rotation"]) == (4, 5, 0)
    assert (face["withheld"], face["reason"]) == (False, None)
    for measure in face["quality"].values():
        assert set(measure) == {"value", "unit", "at_least", "at_most"}
        assert isinstance(measure["value"], int | float)
    assert 0.99 < face["confidence"] <= 1
    answers = face["answers"]["plain"]
    assert isinstance(answers["age"], float)
    keys = {"label", "probability", "calibrated"}
    assert set(answers["gender"]) == set(answers["hair"]) == keys
    # These runs have no validation predictions.
    assert answers["hair"]["calibrated"] is False
    assert result.faces[0].reason == ""
    steps = result.timings
    parts = (steps.decode_ms, steps.detect_ms, steps.align_ms, steps.answer_ms)
    assert min(parts) > 0
    assert steps.total_ms == pytest.approx(sum(parts))


@pytest.mark.parametrize("name", bad.REFUSED)
def test_bad_photo_carries_its_fault(predictor, detector, name):
    make, message = bad.REFUSED[name]
    result = predict_photo(make(), predictor, detector, name="me.jpg")
    assert message in result.error
    assert result.as_dict(())["faces"] == []
    assert not result.no_face


def test_large_file_is_refused_like_a_large_upload(predictor, tmp_path):
    path = tmp_path / "large.jpg"
    path.write_bytes(bad.over_limit())
    result = predict_photo(path, predictor, None)
    assert result.photo == str(path)
    assert "is too large" in result.error


@pytest.mark.parametrize("name", bad.ODD)
def test_odd_photo_is_answered(predictor, name):
    result = predict_photo(bad.ODD[name](), predictor, None, aligned=True)
    assert result.error is None
    assert len(result.faces) == 1


def test_photo_without_a_face_may_be_taken_whole(predictor, detector):
    content = bad.plain()
    result = predict_photo(content, predictor, detector, name="wall.jpg")
    assert result.no_face
    assert result.error.startswith("No face was found in wall.jpg.")
    assert result.image.size == (bad.WIDTH, bad.HEIGHT)
    whole = predict_photo(content, predictor, detector, name="wall.jpg", aligned=True)
    (face,) = whole.faces
    side = min(bad.WIDTH, bad.HEIGHT)
    assert face.box == ((bad.WIDTH - side) // 2, 0, side, side)
    assert face.as_dict(())["confidence"] is None


def test_aligned_photo_is_seen_as_the_cache_sees_it(predictor, tmp_path):
    path = tmp_path / "face.png"
    path.write_bytes(photo(bad.astronaut()))
    (face,) = predict_photo(path, predictor, None, aligned=True).faces
    assert np.array_equal(face.pixels, load_preprocessed(path, SIZE))


def test_fifty_faces_and_a_small_one(predictor, detector):
    crowd = predict_photo(bad.encode(bad.crowd(), "PNG"), predictor, detector)
    assert [face.number for face in crowd.faces] == list(range(1, 51))
    assert not any(face.withheld for face in crowd.faces)


def test_a_face_that_is_too_small_has_no_answers_unless_asked_for(predictor, detector):
    content = bad.encode(bad.small_face(20), "PNG")
    (face,) = predict_photo(content, predictor, detector).faces
    assert face.withheld
    assert "too small to trust" in face.reason
    given = face.as_dict([task.name for task in TASKS])
    assert given["answers"] == {}
    assert given["withheld"]
    assert given["reason"] == face.reason
    width = given["quality"]["width"]
    assert (width["unit"], width["at_least"]) == ("px", 40)
    assert 15 <= width["value"] <= 25
    (asked,) = predict_photo(content, predictor, detector, all_faces=True).faces
    assert set(asked.answers) == {"plain", "deep"}
    assert asked.reason == face.reason


def test_photo_reaches_neither_disk_nor_log(predictor, detector, caplog, capfd):
    written = []
    watching = True

    def watch(event, arguments):
        if watching and event == "open" and isinstance(arguments[1], str):
            path, mode, _ = arguments
            if set(mode) & set("wax+"):
                written.append(path)

    content = photo(bad.astronaut())
    # TensorFlow writes code that it generates when it first compiles a network.
    predict_photo(content, predictor, detector)
    sys.addaudithook(watch)
    try:
        predict_photo(content, predictor, detector, name="secret.png")
        predict_photo(bad.truncated_jpeg(), predictor, detector, name="secret.jpg")
    finally:
        watching = False
    assert written == []
    assert "secret" not in caplog.text + "".join(capfd.readouterr())


def answers_of(*given):
    return {
        f"method-{i}": {
            "age": RegressionAnswer(age, None),
            "gender": ClassificationAnswer(label, 0.8, {}, None),
        }
        for i, (age, label) in enumerate(given)
    }


def test_disagreement_is_the_range_and_the_number_of_labels():
    found = disagreements(
        answers_of((30.0, "male"), (41.5, "female"), (35.0, "male")), (AGE, GENDER)
    )
    assert found["age"].measure == 11.5
    assert found["age"].stands_out
    assert found["age"].sentence == "Age: from 30 to 42 years."
    assert found["gender"].measure == 2
    assert found["gender"].stands_out
    assert found["gender"].sentence == "Gender: male (2), female (1)."


@pytest.mark.parametrize(
    "given", [[(30.0, "male")], [(30.0, "male"), (40.0, "male"), (33.0, "male")]]
)
def test_agreement_does_not_stand_out(given):
    found = disagreements(answers_of(*given), (AGE, GENDER))
    assert not any(one.stands_out for one in found.values())


def test_importing_the_predictor_does_not_import_keras():
    code = (
        "import sys, core.predictor, core.faces;"
        "sys.exit(bool({'keras', 'tensorflow', 'mtcnn'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


@pytest.mark.parametrize(
    ("dataset", "template"), [("celeba", CELEBA), ("utkface", UTKFACE), (None, UTKFACE)]
)
def test_a_face_is_aligned_as_in_the_dataset_of_its_run(tmp_path, dataset, template):
    table = {"dataset": {"name": dataset, "options": {}}} if dataset else {}
    run = replace(run_in(tmp_path, "plain", 0), info={"resolved": table})
    kind = Preprocessing.from_run(run, 64)
    photo = Image.fromarray(bad.astronaut())
    landmarks = ((203.0, 102.0), (245.0, 102.0), (226, 125), (207, 148), (243, 148))
    face = Face(1, (170, 60, 110, 130), 1.0, landmarks)
    expected = align_face(photo, face, 64, template=template)
    assert (kind.cut(photo, face) == expected).all()
    other = UTKFACE if template is CELEBA else CELEBA
    assert (expected != align_face(photo, face, 64, template=other)).any()


def test_many_photos_are_answered_as_each_by_itself(predictor, tmp_path, monkeypatch):
    monkeypatch.setattr("core.predictor.ANSWERED_AT_ONCE", 16)
    rng = np.random.default_rng(4)
    paths = []
    for number in range(21):
        paths.append(tmp_path / f"{number}.png")
        noise = rng.integers(0, 256, (20 + number, 30, 3), np.uint8)
        Image.fromarray(noise).save(paths[-1])
    paths[3].write_bytes(b"")
    paths[7].write_bytes(paths[5].read_bytes()[:200])
    paths[9] = tmp_path / "no-such.png"
    calls = []
    outputs = predictor.ensemble.predict_on_batch
    monkeypatch.setattr(
        predictor.ensemble,
        "predict_on_batch",
        lambda given: (calls.append(len(given[0])), outputs(given))[1],
    )
    together = predict_photos(paths, predictor, None)
    assert calls == [16, 16]
    assert [result.photo for result in together] == list(map(str, paths))
    faults = [place for place, result in enumerate(together) if result.fault]
    assert faults == [3, 7, 9]
    assert "There is no file" in together[9].error
    for place in {*range(21)} - {3, 7, 9}:
        alone = predict_photo(paths[place], predictor, None)
        (face,), (other,) = together[place].faces, alone.faces
        assert (face.box, face.reason) == (other.box, other.reason)
        for method, answers in other.answers.items():
            np.testing.assert_array_equal(face.seen[method], other.seen[method])
            given = face.answers[method]
            assert given["age"].value == pytest.approx(answers["age"].value, rel=1e-5)
            assert given["hair"].label == answers["hair"].label
            assert given["hair"].probabilities == pytest.approx(
                answers["hair"].probabilities, abs=1e-5
            )
        assert together[place].image is None


def test_faces_of_many_photos_are_given_to_their_photos(predictor, detector, tmp_path):
    one, crowd = tmp_path / "one.png", tmp_path / "crowd.png"
    one.write_bytes(photo(bad.astronaut()))
    crowd.write_bytes(bad.encode(bad.crowd(), "PNG"))
    results = predict_photos([crowd, one, crowd], predictor, detector)
    alone = [predict_photo(path, predictor, detector) for path in (crowd, one, crowd)]
    for result, other in zip(results, alone, strict=True):
        assert [f.box for f in result.faces] == [f.box for f in other.faces]
        for face, given in zip(result.faces, other.faces, strict=True):
            for method, answers in given.answers.items():
                assert face.answers[method]["age"].value == pytest.approx(
                    answers["age"].value, rel=1e-5
                )


def test_uploads_share_a_batch_and_are_searched_where_they_are_not_aligned(
    predictor, detector, monkeypatch
):
    content = photo(bad.astronaut())
    batches = []
    answer = predictor.answer

    def noted(pictures, **options):
        batches.append([len(each) for each in pictures.values()])
        return answer(pictures, **options)

    monkeypatch.setattr(predictor, "answer", noted)
    given = [
        Upload(content, "whole.png", aligned=True),
        Upload(b"", "nothing.png"),
        Upload(content, "found.png"),
    ]
    whole, nothing, found = predict_uploads(given, predictor, detector)
    assert {count for batch in batches for count in batch} == {2}
    assert whole.faces[0].quality.confidence is None
    assert found.faces[0].quality.confidence > 0.9
    assert "nothing.png is empty" in nothing.error
    assert [result.photo for result in (whole, found)] == ["whole.png", "found.png"]


def test_a_model_with_its_classes_in_another_order_is_refused(runs, tmp_path):
    kept = runs[0]
    other = run_in(tmp_path, "plain", 3)
    save_model(other.model_path, 3)
    wrong = {f"hair_p_{name}": [0.1] for name in ("curly", "long", "short")}
    table = pd.DataFrame({"image_id": ["a"], "split": ["test"], **wrong})
    table.to_parquet(other.folder / "predictions.parquet")
    loaded = Predictor.load([kept, other], TASKS)
    assert loaded.members == (("plain", 0),)
    (problem,) = loaded.problems
    assert "classes in another order: curly, long, short" in problem
    right = {f"hair_p_{name}": [0.1] for name in HAIR.classes}
    table = pd.DataFrame({"image_id": ["a"], "split": ["test"], **right})
    table.to_parquet(other.folder / "predictions.parquet")
    assert Predictor.load([kept, other], TASKS).problems == ()


def test_mirrored_answers_are_the_mean_of_both(predictor, faces):
    (kind,) = predictor.preprocessings
    plain = predictor.outputs({kind: faces[:3]})
    flipped = predictor.outputs({kind: faces[:3, :, ::-1]})
    passed = []
    found = predictor.outputs(
        {kind: faces[:3]}, mirrored=True, plain_done=lambda: passed.append(1)
    )
    for name, values in found.items():
        np.testing.assert_allclose(values, (plain[name] + flipped[name]) / 2)
    assert (found["hair"] != plain["hair"]).any()
    assert passed == [1]
    assert predictor.outputs({kind: faces[:3]}, plain_done=passed.clear).keys()
    assert passed == [1]  # no mirror image is asked for


def test_a_run_that_averages_does_so_unasked_and_no_other_does(runs, faces):
    own = [replace(run, info={**run.info, MIRRORED: True}) for run in runs[:1]]
    some = Predictor.load([*own, runs[2]], TASKS)
    (kind,) = some.preprocessings
    plain = Predictor.load([runs[0], runs[2]], TASKS).outputs({kind: faces[:2]})
    flipped = Predictor.load([runs[0]], TASKS).outputs({kind: faces[:2, :, ::-1]})
    found = some.outputs({kind: faces[:2]})
    for name, values in found.items():
        mean = (plain[name][0] + flipped[name][0]) / 2
        np.testing.assert_allclose(values[0], mean, atol=1e-5)
        np.testing.assert_allclose(values[1], plain[name][1], atol=1e-5)


def test_a_photo_says_how_long_its_mirror_image_took(predictor, faces):
    content = photo(faces[0])
    mirrored = predict_photo(content, predictor, None, mirrored=True)
    assert 0 < mirrored.timings.mirrored_ms < mirrored.timings.answer_ms
    assert mirrored.timings.total_ms >= mirrored.timings.answer_ms
    plain = predict_photo(content, predictor, None)
    assert plain.timings.mirrored_ms == 0
    assert plain.faces[0].answers != mirrored.faces[0].answers
