"""The Predict page with answers of a stand-in: no model is loaded, no face searched.

What real models and the real detector answer is tested in Chromium.
"""

import io

import numpy as np
import pytest
import streamlit as st
from PIL import Image

import core.faces
from core.faces import Face
from core.predictor import ClassificationAnswer, Predictor, RegressionAnswer
from tests import bad_images
from tests.pages.opening import METHODS, open_page, words_of, write_study

LANDMARKS = ((35, 30), (65, 30), (50, 45), (38, 60), (62, 60))
FACE = Face(1, (20, 10, 60, 70), 0.99, LANDMARKS)
GENDERS, ETHNICITIES = ("male", "female"), ("White", "Black", "Asian", "Indian")


class StandIn:
    """Three methods; the last one disagrees with the others on everything."""

    methods = METHODS
    size = 24
    problems = ("The run ins, seed 9 was left out.",)

    def warm_up(self):
        pass

    def answer(self, faces):
        return [
            {
                method: {
                    "age": RegressionAnswer(70.0 if odd else 30.0, 1.0),
                    "gender": classes(GENDERS[int(odd)], GENDERS),
                    "ethnicity": classes("Asian", ETHNICITIES),
                }
                for method, odd in zip(METHODS, (False, False, True), strict=True)
            }
            for _ in faces
        ]


class Detector:
    """Finds as many faces as the test says."""

    found = (FACE,)

    def warm_up(self):
        pass

    def detect(self, image):
        return list(self.found)


def classes(label, names):
    rest = 0.2 / (len(names) - 1)
    shares = {name: 0.8 if name == label else rest for name in names}
    return ClassificationAnswer(label, 0.8, shares, 0.05)


@pytest.fixture
def folder(store, monkeypatch):
    st.cache_resource.clear()
    write_study(store)
    for seed in store.glob("utkface/*/seed-*"):
        (seed / "model.keras").write_bytes(b"not read by the stand-in")
    monkeypatch.setattr(Predictor, "load", lambda *args, **kwargs: StandIn())
    monkeypatch.setattr(core.faces, "FaceDetector", Detector)
    return store


def photo(colour="grey"):
    file = io.BytesIO()
    Image.new("RGB", (100, 100), colour).save(file, "PNG")
    return file.getvalue()


def upload(app, **files):
    for name, content in files.items():
        app.file_uploader[0].upload(f"{name}.jpg", content)
    return app.run()


def test_every_method_answers_with_the_error_to_expect(folder):
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert not app.exception
    table = app.table[0].value
    assert table["Method"].tolist() == ["Baseline", "INS", "LMF"]
    assert all("±" in words for words in table["Age (years)"])
    assert table["Gender"].iloc[0] == "**male** 80 %"
    assert "ms" in words_of(app)


def test_disagreement_stands_out(folder):
    app = upload(open_page("predict", study="utkface"), me=photo())
    words = words_of(app)
    assert "The methods disagree on age, gender" in words
    assert "≠ **female**" in app.table[0].value["Gender"].iloc[2]


def test_ethnicity_is_off_until_switched_on(folder):
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert "Ethnicity" not in app.table[0].value.columns
    assert "It is not a person's identity" in words_of(app)
    assert "Two labels of one photo differ in 11%" in words_of(app)
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


def test_no_face_offers_the_whole_picture(folder, monkeypatch):
    monkeypatch.setattr(Detector, "found", ())
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert "No face was found in me.jpg" in app.error[0].value
    whole = next(b for b in app.button if b.label.startswith("Treat the whole"))
    whole.click().run()
    assert not app.error
    assert len(app.table) == 1


def test_faces_are_listed_and_chosen(folder, monkeypatch):
    small = Face(2, (70, 10, 20, 20), 0.95, FACE.landmarks)
    monkeypatch.setattr(Detector, "found", (FACE, small))
    app = upload(open_page("predict", study="utkface"), me=photo())
    assert app.dataframe[0].value["Face"].tolist() == ["1", "2"]
    assert not [w for w in app.warning if "too small" in w.value]
    choice = next(e for e in app.get("pills") if e.label == "Face")
    choice.set_value(2).run()
    assert [w for w in app.warning if "only 20 px wide" in w.value]


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
    monkeypatch.setattr(
        StandIn, "answer", lambda self, f: seen.append(len(f)) or original(self, f)
    )
    app = upload(open_page("predict", study="utkface"), me=photo())
    app.toggle(key="predict_show_ethnicity").set_value(True).run()
    assert seen == [1]


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
    from core.data.avatars import AvatarsOptions, sample_people

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


def answer_avatars(self, faces):
    assert faces.shape[1:] == (24, 24, 3)
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


def test_runs_without_models_say_so_before_anything_is_loaded(store):
    write_study(store)
    app = open_page("predict", study="utkface")
    assert not app.exception
    assert "without their models" in app.info[0].value


def test_no_runs_says_what_to_do(store):
    app = open_page("predict", study="avatars")
    assert not app.exception
    assert "equipoise train avatars" in app.info[0].value
