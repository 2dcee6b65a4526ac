"""The Predict page with answers of a stand-in: no model is loaded, no face searched.

What real models and the real detector answer is tested in Chromium.
"""

import csv
import io
import json
import threading
import time
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

import core.explain.explainer
import pages.shell.predictor
from core.data.readers.cifar import CLASSES_10
from core.errors import EquipoiseError
from core.explain.attention_rollout import ROLLOUT
from core.explain.explainer import Explanation
from core.explain.hires_cam import HIRES_CAM
from core.explain.occlusion import OTHERS, Hiding
from core.faces import Face
from core.plots import predict as plots
from core.predictor import (
    ClassificationAnswer,
    Predictor,
    Preprocessing,
    RegressionAnswer,
    Upload,
)
from core.results.answer_temperatures import AnswerTemperature
from core.views.caching import clear_caches
from pages.shell.photo_queue import Question
from tests import bad_images
from tests.pages.opening import METHODS, open_page, words_of, write_study
from tests.synthetic import add_moves

LANDMARKS = ((35, 30), (65, 30), (50, 45), (38, 60), (62, 60))
FACE = Face(1, (20, 10, 60, 70), 0.99, LANDMARKS)
GENDERS, ETHNICITIES = ("male", "female"), ("White", "Black", "Asian", "Indian")


class StandIn:
    """Three methods; the last one disagrees with the others on everything."""

    methods = METHODS
    members = tuple((method, 0) for method in METHODS)
    preprocessings = (Preprocessing(24), Preprocessing(32))
    problems = ("The run ins, seed 9 was left out.",)
    temperatures: ClassVar = {
        (method, task): AnswerTemperature(1.5, 160)
        for method in METHODS[:2]
        for task in ("gender", "ethnicity")
    }
    asked: ClassVar[list[bool]] = []

    def preprocessing_of(self, method):
        return self.preprocessings[method == METHODS[-1]]

    def used_temperatures(self, *, mirrored):
        return {} if mirrored else self.temperatures

    def warm_up(self, count=1):
        pass

    def answer(self, pictures, *, batches=(), mirrored, plain_done=None):
        self.asked.append(mirrored)
        if mirrored:
            plain_done()
        assert [pictures[kind].shape[1] for kind in self.preprocessings] == [24, 32]
        return [
            {
                method: {
                    "age": RegressionAnswer(70.0 if odd else 30.0, 1.0),
                    "gender": classes(GENDERS[int(odd)], GENDERS),
                    "ethnicity": classes("Asian", ETHNICITIES),
                }
                for method, odd in zip(METHODS, (False, False, True), strict=True)
            }
            for _ in pictures[self.preprocessings[0]]
        ]


class Detector:
    """Finds as many faces as the test says."""

    found = (FACE,)

    def warm_up(self):
        pass

    def detect(self, image, *, enlarge=True):
        return list(self.found)


def classes(label, names):
    rest = 0.2 / (len(names) - 1)
    shares = {name: 0.8 if name == label else rest for name in names}
    return ClassificationAnswer(label, 0.8, shares, 0.05)


@pytest.fixture
def folder(store, monkeypatch):
    clear_caches()
    write_study(store)
    for seed in store.glob("utkface/*/seed-*"):
        (seed / "model.keras").write_bytes(b"not read by the stand-in")
    monkeypatch.setattr(Predictor, "load", lambda *args, **kwargs: StandIn())
    monkeypatch.setattr(pages.shell.predictor, "FaceDetector", Detector)
    return store


def photo(seed=0):
    """A picture that is sharp wherever a face is said to be in it."""
    file = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (100, 100, 3), np.uint8)
    Image.fromarray(noise).save(file, "PNG")
    return file.getvalue()


def upload(app, **files):
    for name, content in files.items():
        app.file_uploader[0].upload(f"{name}.jpg", content)
    return app.run()


def test_every_method_answers_with_where_the_truth_lies(folder):
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert not app.exception
    table = app.table[0].value
    assert table["Method"].tolist() == ["Baseline", "INS", "LMF"]
    assert table["Age (years)"].str.contains(r"\*\* \(\d+ to \d+\)$").all()
    assert "of the test images they held" in words_of(app)
    assert table["Gender"].iloc[0] == "**male** 80\N{NO-BREAK SPACE}%"
    assert "ms" in words_of(app)


def test_whether_probabilities_are_calibrated_is_said(folder):
    app = upload(open_page("predict", study="utkface"), me=photo())
    said = (
        "Probabilities are calibrated by temperature scaling on 160 validation images"
    )
    assert f"{said}; those of LMF are the model's own." in words_of(app)
    app.toggle(key="predict_mirrored").set_value(True).run()
    words = words_of(app)
    assert said not in words
    assert "Probabilities are as the models give them: temperatures are" in words


def test_disagreement_stands_out(folder):
    app = upload(open_page("predict", study="utkface"), me=photo())
    words = words_of(app)
    assert "The methods disagree on age, gender" in words
    assert "≠ **female**" in app.table[0].value["Gender"].iloc[2]


def test_ethnicity_is_off_until_switched_on(folder):
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert "Ethnicity" not in app.table[0].value.columns
    assert "It is not a person's identity" in words_of(app)
    assert "Two labels of one photo differ in 11\N{NO-BREAK SPACE}%" in words_of(app)
    app.toggle(key="predict_show_ethnicity").set_value(True).run()
    assert "**Asian**" in app.table[0].value["Ethnicity"].iloc[0]


def test_one_bad_photo_does_not_stop_the_others(folder):
    app = open_page("predict", study="utkface")
    upload(app, letter=bad_images.text(), me=photo(), nothing=b"")
    assert not app.exception
    assert len(app.error) == 2
    assert "letter.jpg" in app.error[0].value
    assert "nothing.jpg is empty" in app.error[1].value
    assert len(app.table) == 1


@pytest.mark.parametrize("name", sorted(bad_images.REFUSED))
def test_every_kind_of_bad_photo_has_its_message(folder, name):
    make, said = bad_images.REFUSED[name]
    app = upload(open_page("predict", study="utkface"), **{"photo": make()})
    assert not app.exception
    assert said in app.error[0].value
    assert not app.table


@pytest.mark.parametrize("size", [(4000, 3), (3, 4000)])
def test_a_strip_without_a_face_is_shown(folder, monkeypatch, size):
    monkeypatch.setattr(Detector, "found", ())
    strip = bad_images.encode(Image.new("RGB", size), "PNG")
    app = upload(open_page("predict", study="utkface"), strip=strip)
    assert not app.exception
    assert "No face was found" in app.error[0].value


def test_no_face_offers_the_whole_picture(folder, monkeypatch):
    monkeypatch.setattr(Detector, "found", ())
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert "No face was found in me.jpg" in app.error[0].value
    whole = next(b for b in app.button if b.label.startswith("Treat the whole"))
    whole.click().run()
    assert not app.error
    assert len(app.table) == 1


SMALL = Face(1, (70, 10, 20, 20), 0.95, FACE.landmarks)


def test_faces_are_listed_and_the_first_good_one_is_chosen(folder, monkeypatch):
    monkeypatch.setattr(Detector, "found", (SMALL, replace(FACE, number=2)))
    app = upload(open_page("predict", study="utkface"), me=photo())
    summary = app.dataframe[0].value
    assert summary["Face"].tolist() == ["1", "2"]
    assert summary["Age"].tolist() == ["withheld", "≠ from 30 to 70 years."]
    assert not [w for w in app.warning if "too small" in w.value]
    choice = next(e for e in app.get("pills") if e.label == "Face")
    choice.set_value(1).run()
    assert [w for w in app.warning if "only 20 px wide" in w.value]


@pytest.fixture
def downloads(monkeypatch):
    """What the buttons of the page would give: label to text."""
    offered = {}
    real = pages.shell.answers.st.download_button

    def keep(label, data, **more):
        offered[label] = data
        return real(label, data, **more)

    monkeypatch.setattr(pages.shell.answers.st, "download_button", keep)
    return offered


def test_a_face_that_is_too_small_is_answered_for_on_request_only(
    folder, monkeypatch, downloads
):
    monkeypatch.setattr(Detector, "found", (SMALL,))
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert not app.exception
    assert [w for w in app.warning if "only 20 px wide" in w.value]
    assert not app.table
    assert not [t for t in app.toggle if "answers move" in t.label]
    (row,) = csv.DictReader(io.StringIO(downloads["All answers (CSV)"]()))
    assert (row["face"], row["withheld"], row["width_px"]) == ("1", "True", "20")
    assert "too small" in row["reason"]
    assert "male" not in row.values()
    (given,) = json.loads(downloads["All answers (JSON)"]())[0]["faces"]
    assert (given["withheld"], given["answers"]) == (True, {})
    next(b for b in app.button if b.label == "Answer all the same").click().run()
    assert not app.exception
    assert len(app.table[0].value) == 3
    assert [w for w in app.warning if "only 20 px wide" in w.value]


def test_failed_photos_have_a_row_and_those_of_one_name_a_number(folder, downloads):
    app = open_page("predict", study="utkface")
    for content in (photo(0), photo(1), bad_images.text()):
        app.file_uploader[0].upload("me.jpg", content)
    app.run()
    assert not app.exception
    names = [head.value for head in app.subheader]
    assert names[:3] == ["me.jpg", "me.jpg (2)", "me.jpg (3)"]
    rows = list(csv.DictReader(io.StringIO(downloads["All answers (CSV)"]())))
    assert [row["photo"] for row in rows] == [names[0]] * 6 + [names[1]] * 6 + [
        names[2]
    ]
    assert "holds text" in rows[-1]["error"]
    assert rows[0]["error"] == ""
    given = json.loads(downloads["All answers (JSON)"]())
    assert [one["photo"] for one in given] == names[:3]


def test_how_far_the_answers_for_this_photo_move_is_measured_on_request(
    folder, monkeypatch
):
    asked = []
    answer = StandIn.answer

    def note(self, pictures, **options):
        asked.append(len(next(iter(pictures.values()))))
        return answer(self, pictures, **options)

    monkeypatch.setattr(StandIn, "answer", note)
    large = Image.open(io.BytesIO(photo())).resize((400, 400))
    app = upload(
        open_page("predict", study="utkface"), me=bad_images.encode(large, "PNG")
    )
    assert asked == [1]
    toggle = next(t for t in app.toggle if t.label.startswith("Show how far these"))
    toggle.set_value(True).run()
    assert not app.exception
    # 256 px would make the face of 60 px narrower than 40.
    assert asked == [1, 8]
    assert app.table[1].value["Age (years)"].tolist()[0] == "**30 to 30**"
    words = words_of(app)
    assert "This photo, under 7 harmless changes:" in words
    assert "would be narrower than 40 px: 256 px." in words
    app.run()
    assert asked == [1, 8]


def test_what_is_taken_away_is_forgotten(folder):
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert len(app.session_state["predict_results"]) == 1
    (result,) = app.session_state["predict_results"].values()
    assert result.image.size == (100, 100)
    app.file_uploader[0].set_value([]).run()
    assert not app.session_state["predict_results"]
    assert not app.table


def test_answers_are_not_computed_again(folder, monkeypatch):
    seen = []
    original = StandIn.answer

    def answer(self, pictures, **options):
        seen.append(pictures)
        return original(self, pictures, **options)

    monkeypatch.setattr(StandIn, "answer", answer)
    app = upload(open_page("predict", study="utkface"), me=photo())
    app.toggle(key="predict_show_ethnicity").set_value(True).run()
    assert len(seen) == 1


def test_a_further_task_draws_only_what_is_new(folder, monkeypatch):
    drawn = []
    for name in ("plot_values", "plot_probabilities"):
        plot = getattr(plots, name)

        def noted(*args, plot=plot):
            drawn.append(plot.__name__)
            return plot(*args)

        monkeypatch.setattr(plots, name, noted)
    app = upload(open_page("predict", study="utkface"), me=photo(), you=photo(1))
    assert drawn == ["plot_values", "plot_probabilities"] * 2
    drawn.clear()
    app.toggle(key="predict_show_ethnicity").set_value(True).run()
    assert drawn == ["plot_probabilities"] * 2
    assert len(app.session_state["predict_drawn"]) == 6
    app.file_uploader[0].set_value([]).run()
    assert not app.session_state["predict_drawn"]


def test_who_waits_is_told_how_many_come_before(folder, monkeypatch):
    texts = []
    line = pages.shell.predictor.start_line()
    other, asked = threading.Event(), []
    progress = DeltaGenerator.progress

    def note(self, value, text=None, **more):
        texts.append((value, text))
        if "In line" in (text or ""):
            other.set()
        return progress(self, value, text, **more)

    def answer(self, pictures, **options):
        # Another visitor is answered first.
        if not asked:
            asked.append(self)
            assert other.wait(30)
        return original(self, pictures, **options)

    original = StandIn.answer
    monkeypatch.setattr(StandIn, "answer", answer)
    monkeypatch.setattr(DeltaGenerator, "progress", note)
    upload_of_another = Upload(photo(), "another")
    held = [
        line.join(Question(upload_of_another, StandIn(), None, False), "another")
        for _ in range(2)
    ]
    app = upload(open_page("predict", study="utkface"), me=photo(), you=photo(1))
    assert not app.exception
    assert (0.0, "In line: 1 photo before yours… Photos answered: 0 of 2.") in texts
    assert len(app.table) == 2
    assert not app.get("progress")
    assert all(ticket.has_ended for ticket in held)


def test_one_model_a_method_answers_unless_all_are_asked_for(folder, monkeypatch):
    asked = []

    def load(runs, tasks, **more):
        asked.append([(run.method, run.seed) for run in runs])
        stand_in = StandIn()
        stand_in.members = tuple(asked[-1])
        return stand_in

    monkeypatch.setattr(Predictor, "load", load)
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert asked == [[(method, 0) for method in METHODS]]
    words = words_of(app)
    assert "Each method answers with one model, that of seed 0: 1 of 2 seeds." in words
    assert "mean over seeds" not in words
    app.toggle(key="predict_every_seed_utkface").set_value(True).run()
    assert asked[1] == [(method, seed) for method in METHODS for seed in (0, 1)]
    words = words_of(app)
    assert "the mean over the models of a method: 2 of 2 seeds." in words
    assert "probability for its answer, mean over seeds" in words


def test_runs_without_their_models_leave_the_others_to_answer(folder, monkeypatch):
    for method in METHODS:
        (folder / "utkface" / method / "seed-0" / "model.keras").unlink()
    (folder / "utkface" / "lmf" / "seed-1" / "model.keras").unlink()
    monkeypatch.setattr(StandIn, "methods", METHODS[:2])
    monkeypatch.setattr(StandIn, "members", tuple((m, 1) for m in METHODS[:2]))
    app = open_page("predict", study="utkface")
    assert not app.exception
    words = words_of(app)
    assert "that of seed 1: 1 of 2 seeds." in words
    assert "Left out: LMF. No run of these is here with its model" in words
    assert "predict_every_seed_utkface" not in {toggle.key for toggle in app.toggle}


def test_a_bar_names_what_is_loaded(folder, monkeypatch):
    texts = []
    progress = DeltaGenerator.progress

    def note(self, value, text=None, **more):
        texts.append((value, text))
        return progress(self, value, text, **more)

    def wait_until_said(what):
        limit = time.monotonic() + 30
        while not any(what in text for _, text in texts) and time.monotonic() < limit:
            time.sleep(0.05)

    def load(runs, tasks, *, loading, load_engine):
        for place, run in enumerate(runs):
            loading(run.name, place, len(runs))
            wait_until_said(f"{place + 1} of {len(runs)}")
        loading("", len(runs), len(runs))
        wait_until_said("Connecting")
        return StandIn()

    monkeypatch.setattr(DeltaGenerator, "progress", note)
    monkeypatch.setattr(Predictor, "load", load)
    app = open_page("predict", study="utkface")
    assert not app.exception
    said = list(dict.fromkeys(text for _, text in texts))
    own = [text for text in said if "Loading" in text and "detector" not in text]
    assert own == [
        "Loading Baseline, 1 of 3…",
        "Loading INS, 2 of 3…",
        "Loading LMF, 3 of 3…",
    ]
    assert "Connecting the models…" in said
    assert all(0 <= value <= 1 for value, _ in texts)
    assert not app.get("progress")


def test_loading_that_failed_is_tried_again(folder, monkeypatch):
    def fail(*_, **__):
        raise EquipoiseError("There is no model that could answer.")

    monkeypatch.setattr(Predictor, "load", fail)
    app = open_page("predict", study="utkface")
    assert "no model that could answer" in app.error[0].value
    monkeypatch.setattr(Predictor, "load", lambda *args, **kwargs: StandIn())
    app.run()
    assert not app.error
    assert not app.exception


def test_left_out_run_is_named(folder):
    assert (
        "seed 9 was left out" in open_page("predict", study="utkface").warning[0].value
    )


def test_sample_is_offered_and_credited(folder):
    app = open_page("predict", study="utkface")
    app.get_by_key("predict_samples_utkface").set_value(["Astronaut"]).run()
    assert not app.exception
    assert "NASA, public domain" in words_of(app)


def test_generated_study_answers_without_searching(folder, monkeypatch):
    from core.data.readers.avatars import AvatarsOptions, sample_people

    write_study(folder, "avatars")
    people = sample_people(AvatarsOptions(count=200))
    people.to_parquet(folder / "avatars" / "manifest.parquet")
    for seed in folder.glob("avatars/*/seed-*"):
        (seed / "model.keras").write_bytes(b"")
    monkeypatch.setattr(Detector, "detect", lambda *_: pytest.fail("was searched"))
    monkeypatch.setattr(StandIn, "answer", answer_avatars)
    app = open_page("predict", study="avatars")
    app.get_by_key("predict_samples_avatars").set_value(["short 1"]).run()
    assert not app.exception
    assert list(app.table[0].value.columns) == [
        "Method",
        "Age (years)",
        "Glasses",
        "Hair",
    ]
    assert "Labels in the dataset: age" in words_of(app)


def answer_avatars(self, pictures, **options):
    faces = pictures[Preprocessing(24)]
    assert np.ptp(faces) > 100
    return [
        {
            method: {
                "age": RegressionAnswer(30.0, None),
                "glasses": classes("glasses", ("no glasses", "glasses")),
                "hair": classes("short", ("short", "long", "curly", "bald")),
            }
            for method in METHODS
        }
        for _ in faces
    ]


class StandInExplainer:
    """Finds the upper left for all CNNs; the last method is a transformer."""

    asked: list = []  # noqa: RUF012 - emptied by the fixture

    def __init__(self, predictor):
        self.methods = METHODS[::2]
        self.problems = {METHODS[1]: "The model cannot be explained: it is a test's."}

    def explain(self, seen, task, classes=None):
        self.asked.append((task.name, classes))
        found = {}
        for method in self.methods:
            heat = np.zeros(seen[method].shape[:2], np.float32)
            heat[:8, :8] = 1
            last = method == METHODS[-1]
            technique = ROLLOUT if last else HIRES_CAM
            grids = ((3, 3),) if last else ((24, 24), (8, 8))
            hiding = Hiding(
                0.75, 0.75 if last else 0.25, np.full(OTHERS, 0.5), not last
            )
            found[method] = Explanation(method, 0, technique, heat, grids, hiding)
        return found


@pytest.fixture
def explained(folder, monkeypatch):
    """The page on a photo, with maps switched on."""
    monkeypatch.setattr(core.explain.explainer, "Explainer", StandInExplainer)
    StandInExplainer.asked.clear()
    app = upload(open_page("predict", study="utkface"), me=photo())
    return switch_maps_on(app)


def switch_maps_on(app):
    maps_switch(app).set_value(True).run()
    assert not app.exception
    return app


def maps_switch(app):
    return next(t for t in app.toggle if t.label == "Show where each model looked")


def alts_of(app):
    """What is said of every picture to who cannot see it."""
    return [image.alt for each in app.get("image") for image in each.proto.imgs]


def test_maps_are_off_until_asked_for(folder, monkeypatch):
    monkeypatch.setattr(
        core.explain.explainer, "Explainer", lambda *_: pytest.fail("was looked into")
    )
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert not maps_switch(app).value
    assert "HiResCAM" not in words_of(app)


def test_both_families_are_shown_side_by_side(explained):
    words = words_of(explained)
    spaced = words.replace("\xa0", " ")
    assert "HiResCAM, 24 × 24 to 8 × 8" in spaced
    assert "attention rollout, 3 × 3" in spaced
    assert "LMF: no layer has 7 × 7 cells" in words
    assert "Baseline: no layer" not in words
    assert "All looked most at the upper left of the picture." in words
    assert "INS: The model cannot be explained" in words
    assert "Two kinds of maps stand side by side" in words
    assert "Every map has its own scale" in words
    assert "not whether the answer is right" in words
    alts = alts_of(explained)
    assert "Baseline looked most at the upper left" in alts
    assert "LMF looked most at the upper left" in alts
    assert any("Scale" in alt for alt in alts)


def test_whether_hiding_a_map_changes_the_answer_is_said(explained):
    words = words_of(choose_gender(explained))
    assert "Yes, for Baseline; not for LMF, where the answer hangs on other" in words
    blank = "\xa0"
    assert f"for male (75{blank}%)" in words
    assert f"hidden 25{blank}%, elsewhere 50{blank}%" in words
    assert f"whatever the answer (75{blank}%)" in words
    assert "the median over other places" in words


def test_a_number_is_explained_by_what_raises_it(explained):
    assert StandInExplainer.asked == [("age", None)]
    assert "for a higher age" in words_of(explained)


def choose_gender(app):
    task = next(e for e in app.get("button_group") if e.label == "Task")
    task.set_value("gender").run()
    return app


def test_each_answer_is_explained_or_one_class_for_all(explained):
    app = choose_gender(explained)
    own = {"baseline": "male", "ins": "male", "lmf": "female"}
    assert StandInExplainer.asked[-1] == ("gender", own)
    words = words_of(app)
    assert "for male" in words
    assert "whatever the answer" in words
    app.selectbox[-1].select("female").run()
    assert StandInExplainer.asked[-1] == ("gender", dict.fromkeys(METHODS, "female"))
    assert "for female" in words_of(app)


def test_what_is_not_shown_is_not_explained_either(explained):
    task = next(e for e in explained.get("button_group") if e.label == "Task")
    assert task.options == ["Age", "Gender"]


def test_maps_are_computed_once_and_forgotten_with_the_photo(explained):
    explained.run()
    assert len(StandInExplainer.asked) == 1
    assert explained.session_state["predict_maps_found"]
    explained.file_uploader[0].set_value([]).run()
    assert not explained.session_state["predict_maps_found"]


def test_a_fault_in_explaining_is_said(folder, monkeypatch):
    def refuse(predictor):
        raise EquipoiseError("Models cannot be explained with Keras on torch.")

    monkeypatch.setattr(core.explain.explainer, "Explainer", refuse)
    app = upload(open_page("predict", study="utkface"), me=photo())
    switch_maps_on(app)
    assert "cannot be explained with Keras on torch" in app.error[0].value


@pytest.fixture
def other_pictures(folder, monkeypatch):
    """A study of ten classes of things, with one method that has a model."""
    name = "cifar10-lt-200"
    write_study(folder, name, methods=("baseline", "csce"), seeds=(0,))
    for seed in folder.glob(f"{name}/*/seed-*"):
        (seed / "model.keras").write_bytes(b"")
    monkeypatch.setattr(Detector, "detect", lambda *_: pytest.fail("was searched"))
    monkeypatch.setattr(StandIn, "methods", ("baseline", "csce"))
    monkeypatch.setattr(StandIn, "preprocessings", (Preprocessing(32),))
    monkeypatch.setattr(
        StandIn, "preprocessing_of", lambda self, _: self.preprocessings[0]
    )
    answers = {
        "baseline": {"label": classes("cat", CLASSES_10)},
        "csce": {"label": classes("dog", CLASSES_10)},
    }
    monkeypatch.setattr(StandIn, "answer", lambda *_, **options: [answers])
    return folder


def test_other_pictures_get_the_most_probable_classes(other_pictures):
    app = upload(open_page("predict", study="cifar10-lt-200"), me=photo())
    assert not app.exception
    assert app.table[0].value["Class"].iloc[0] == "**cat** 80\N{NO-BREAK SPACE}%"
    charts = [json.loads(each.proto.spec) for each in app.get("plotly_chart")]
    bars = [chart["data"][0] for chart in charts]
    assert [bar["type"] for bar in bars] == ["bar", "bar"]
    assert [len(bar["customdata"]) for bar in bars] == [5, 5]
    assert [bar["customdata"][0] for bar in bars] == ["cat", "dog"]
    words = words_of(app)
    assert "the methods disagree" in words
    assert "5 most probable of 10 classes" in words


def test_other_pictures_are_not_talked_of_as_faces(other_pictures):
    app = upload(open_page("predict", study="cifar10-lt-200"), me=photo())
    assert "face" not in words_of(app).lower()
    assert not any("face" in alt.lower() for alt in alts_of(app))
    assert "The picture** as the methods see it" in words_of(app)
    assert "know CIFAR-10 and nothing else" in words_of(app)


def test_one_method_answers_alone(other_pictures):
    for place in other_pictures.glob("cifar10-lt-200/csce/*/model.keras"):
        place.unlink()
    StandIn.methods = ("baseline",)
    app = upload(open_page("predict", study="cifar10-lt-200"), me=photo())
    assert not app.exception
    assert len(app.table[0].value) == 1
    assert "the one method answers cat" in words_of(app)


def test_runs_without_models_say_so_before_anything_is_loaded(store):
    write_study(store)
    app = open_page("predict", study="utkface")
    assert not app.exception
    assert "without their models" in app.info[0].value


def test_no_runs_says_what_to_do(store):
    app = open_page("predict", study="avatars")
    assert not app.exception
    assert "equipoise train avatars" in app.info[0].value


def test_how_far_answers_move_stands_beside_each_measured_one(folder):
    add_moves(folder, "utkface", methods=["baseline", "ins"])
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert not app.exception
    table = app.table[0].value.set_index("Method")
    age, gender = "Age (years)", "Gender"
    assert ", moves\u00a00.8" in table.loc["Baseline", age]
    assert ", flips\u00a0" in table.loc["Baseline", gender]
    assert "moves" not in table.loc["LMF", age]
    assert "when a picture is harmlessly changed" in words_of(app)


def test_without_a_measurement_nothing_is_said_of_moves(folder):
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert not app.exception
    assert "harmlessly changed" not in words_of(app)
    assert "moves" not in app.table[0].value.to_string()


def test_mirror_images_are_averaged_in_on_request_and_their_time_is_said(folder):
    add_moves(folder, "utkface")
    StandIn.asked.clear()
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert StandIn.asked == [False]
    assert "of these for mirror images" not in words_of(app)
    app.toggle(key="predict_mirrored").set_value(True).run()
    assert not app.exception
    assert StandIn.asked == [False, True]
    assert "of these for mirror images" in words_of(app)
    # The moves are those of answers without.
    assert "moves" not in app.table[0].value.to_string()
    app.toggle(key="predict_mirrored").set_value(False).run()
    # What was answered once is kept.
    assert StandIn.asked == [False, True]
    assert "moves" in app.table[0].value.to_string()


def test_answers_are_read_in_french(folder):
    app = open_page("predict", study="utkface")
    app.session_state["language"] = "fr"
    upload(app, me=photo())
    assert not app.exception
    table = app.table[0].value
    assert table["Méthode"].tolist() == ["Baseline", "INS", "LMF"]
    assert table["Âge (ans)"].str.contains(r"\*\* \(de \d+ à \d+\)$").all()
    assert app.title[0].value.startswith("Que disent les méthodes")
