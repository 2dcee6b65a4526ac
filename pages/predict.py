"""Predict: a photo, what every method answers for it, and where each one looked."""

import dataclasses
from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from core.data.manifest import TEST, VALIDATION
from core.errors import EquipoiseError
from core.evaluation.metrics import metric_info, stability_keys
from core.plots.predict import draw_faces
from core.plots.stability import moves_in_words
from core.plots.style import plural
from core.predictor import PhotoResult, Predictor, predict_photo
from core.results.expected_truth import expected_truths
from core.runs import Run
from core.study import Study
from core.tasks import Regression, Task
from core.text import code, strong, to_markdown
from pages._answers import (
    Shown,
    choose_mirrored,
    choose_tasks,
    offer_answers,
    show_photo,
)
from pages._engine import load_engine
from pages._maps import MAPS_KEPT, offer_maps
from pages._photos import Photo, choose_photos
from pages._show import show_error, stop_with
from pages._study_bar import StudyView, study_bar
from pages._tables import (
    Fingerprint,
    fingerprint,
    leave_out_damaged,
    load_predictions,
    load_stability,
)


@st.cache_resource(max_entries=2, show_spinner=False)
def load_predictor(
    key: Fingerprint, _runs: tuple[Run, ...], _tasks: tuple[Task, ...]
) -> Predictor:
    """All models of a study in one graph, warm."""
    load_engine()
    predictor = Predictor.load(_runs, _tasks)
    predictor.warm_up()
    return predictor


@st.cache_resource(max_entries=2, show_spinner=False)
def load_explainer(key: Fingerprint, _predictor: Predictor):
    """What looks into the models of a predictor."""
    from core.explain.explainer import Explainer

    return Explainer(_predictor)


@st.cache_resource(max_entries=1, show_spinner=False)
def load_detector():
    """The face detector, warm."""
    from core.faces import FaceDetector

    detector = FaceDetector()
    detector.warm_up()
    return detector


@st.cache_data(max_entries=16, show_spinner=False)
def load_expected_truths(
    key: Fingerprint, _study: Study, _runs: tuple[Run, ...], _tasks: tuple[Task, ...]
) -> dict[str, pd.DataFrame]:
    """Where the truth of every number lies, by method and bin of its prediction."""
    validation, test = (
        {(run.method, run.seed): load_predictions(run, split) for run in _runs}
        for split in (VALIDATION, TEST)
    )
    validation = {key: table for key, table in validation.items() if len(table)}
    return {
        task.name: expected_truths(_study, validation, test, task)
        for task in _tasks
        if isinstance(task, Regression)
    }


def model_fingerprint(runs: Sequence[Run]) -> Fingerprint:
    """What the loaded models depend on."""
    stats = [(str(run.model_path), run.model_path.stat()) for run in runs]
    return tuple((name, s.st_mtime_ns, s.st_size) for name, s in stats)


def answer_photo(
    photo: Photo,
    predictor: Predictor,
    key: Fingerprint,
    *,
    find_faces: bool,
    mirrored: bool,
) -> PhotoResult:
    """Answer a photo once; what came is kept for this visitor alone, downsized."""
    asked = st.session_state.get("predict_whole", set())
    whole = photo.aligned or not find_faces or photo.key in asked
    results = st.session_state.setdefault("predict_results", {})
    place = (photo.key, whole, key, mirrored)
    if place not in results:
        with st.spinner(to_markdown(f"Looking at {photo.name}…")):
            result = predict_photo(
                photo.content,
                predictor,
                None if whole else load_detector(),
                name=photo.name,
                aligned=whole,
                mirrored=mirrored,
            )
        if result.image is not None:
            boxes = [] if whole else [face.box for face in result.faces]
            shown = draw_faces(result.image, boxes)
            result = dataclasses.replace(result, image=shown)
        results[place] = result
    return results[place]


def load_moves(view: StudyView) -> dict[str, dict[str, str]]:
    """How far the answers of each measured method move, in words."""
    comparison = load_stability(view)
    if comparison is None:
        return {}
    infos = [metric_info(key, view.tasks) for key in stability_keys(view.tasks)]
    return moves_in_words(comparison.table, infos, view.methods)


def take_whole(key: str) -> None:
    """Remember that a picture is to be taken for one face."""
    st.session_state.setdefault("predict_whole", set()).add(key)


def show_fault(photo: Photo, result: PhotoResult) -> None:
    """Say why a photo has no answers; offer what can still be done."""
    show_error(result.fault)
    if not result.no_face:
        return
    st.image(result.image, width=320, alt=f"{photo.name}, in which no face was found")
    st.button(
        "Treat the whole picture as a face",
        key=f"predict_whole_{photo.key}",
        icon=":material/crop_free:",
        on_click=take_whole,
        args=(photo.key,),
    )


view = study_bar(
    "Predict",
    lead="Every method answers for every photo, side by side, and shows on request"
    " where it looked.",
)
view = leave_out_damaged(view)
if not view.study.is_trained:
    stop_with(
        f"{strong(view.study.title)} was made of a table of predictions: there is no "
        "model that could answer for a photo. Choose another study above."
    )
imported = dict.fromkeys(view.labels[run.method] for run in view.runs if run.imported)
if imported:
    st.caption(
        to_markdown(
            f"Left out: {', '.join(imported)}. Imported predictions come without a "
            "model, so they cannot answer for a photo."
        )
    )
runs = tuple(run for run in view.runs if run.model_path.is_file())
if not runs:
    stop_with(
        f"The runs of {strong(view.study.title)} are here without their models "
        f"({code('model.keras')}), so they cannot answer. Train them on this machine "
        f"with {code(f'equipoise train {view.study.name}')}, then reload this page."
    )
photos, find_faces = choose_photos(view)
if view.dataset.generated and view.dataset.of_faces:
    st.caption(
        "These methods have seen generated faces only: on a photo of a person their"
        " answers mean nothing."
    )
tasks = choose_tasks(view)
mirrored = choose_mirrored()
key = model_fingerprint(runs)
try:
    with st.spinner(
        to_markdown(f"Loading TensorFlow and {plural(len(runs), 'model')}, once…")
    ):
        predictor = load_predictor(key, runs, view.tasks)
        if find_faces:
            load_detector()
    expected = load_expected_truths(fingerprint(runs), view.study, runs, view.tasks)
except EquipoiseError as error:
    show_error(error)
    st.stop()
for problem in predictor.problems:
    st.warning(to_markdown(problem), icon=":material/broken_image:")
# What was taken away is forgotten at once.
given = {photo.key for photo in photos}
for name in ("predict_results", MAPS_KEPT):
    kept = st.session_state.get(name, {})
    for place in [place for place in kept if place[0] not in given]:
        del kept[place]
if not photos:
    stop_with("Drop a photo above, take one with the camera, or pick a sample.")

methods = tuple(method for method in view.methods if method in predictor.methods)
# Measured as the methods answer by themselves.
moves = {} if mirrored else load_moves(view)
shown = Shown(view, tasks, methods, expected, moves)
downloads = st.container()
answered = []
for photo in photos:
    with st.container(border=True, key=f"predict_card_{photo.key}"):
        st.subheader(to_markdown(photo.name), anchor=False)
        if photo.credit:
            st.caption(to_markdown(photo.credit))
        result = answer_photo(
            photo, predictor, key, find_faces=find_faces, mirrored=mirrored
        )
        if result.fault is not None:
            show_fault(photo, result)
        else:
            face = show_photo(photo.key, result, shown)
            load = partial(load_explainer, key, predictor)
            offer_maps(photo.key, face, shown, load, models=key)
        answered.append(result)
with downloads:
    offer_answers(answered, shown)
