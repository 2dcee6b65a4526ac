"""Predict: a photo, what every method answers for it, and where each one looked."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.data.cache import Progress
from core.data.manifest import TEST, VALIDATION
from core.errors import EquipoiseError
from core.evaluation.metrics import metric_info, stability_keys
from core.faces import FaceDetector
from core.plots.predict import draw_faces
from core.plots.stability import moves_in_words
from core.predictor import BUCKETS, PhotoResult, Predictor, predict_photo
from core.results.answer_temperatures import describe_calibration
from core.results.prediction_intervals import expected_truths
from core.runs import Run, describe_models, first_models
from core.study import Study
from core.tasks import Regression, Task
from core.text import code, strong, to_markdown
from core.views.caching import Fingerprint, cached
from core.views.loads import load_stability, load_tables
from core.views.study_view import StudyView
from pages.predict.answers import (
    Shown,
    choose_mirrored,
    choose_tasks,
    offer_answers,
    show_photo,
)
from pages.predict.maps import MAPS_KEPT, offer_maps
from pages.shell.address import end_page, run_page
from pages.shell.engine import BackgroundLoad, load_engine
from pages.shell.notices import leave_out_damaged
from pages.shell.photos import Photo, choose_photos
from pages.shell.show import show_error, stop_with
from pages.shell.study_bar import study_bar

CONNECTING = "Connecting the models"
# A person who waits sees what is loaded change.
SECONDS_BETWEEN = 0.2


@cached(entries=1)
def start_engine() -> BackgroundLoad[None]:
    """Begin to import TensorFlow, while the page finds out what it is needed for."""
    return BackgroundLoad(lambda say: load_engine())


@cached(entries=2)
def start_predictor(
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
    labels: Mapping[str, str],
) -> BackgroundLoad[Predictor]:
    """Begin to load models into one graph, and to warm it."""
    labels = {run.name: labels[run.method] for run in runs}

    def load(say: Progress) -> Predictor:
        def loading(name: str, done: int, of: int) -> None:
            what = f"Loading {labels[name]}, {done + 1} of {of}" if name else CONNECTING
            say(what, done + 1, of + 2)

        predictor = Predictor.load(
            runs, tasks, loading=loading, load_engine=load_engine
        )
        predictor.warm_up()
        return predictor

    return BackgroundLoad(load)


@cached(entries=2)
def start_warm_up(runs: tuple[Run, ...], _predictor: Predictor) -> BackgroundLoad[None]:
    """Begin to trace the graph for several faces, when the first photo is answered."""
    return BackgroundLoad(lambda say: _predictor.warm_up(BUCKETS[1]))


@cached(entries=2)
def load_explainer(runs: tuple[Run, ...], _predictor: Predictor):
    """What looks into the models of a predictor."""
    from core.explain.explainer import Explainer

    return Explainer(_predictor)


@cached(entries=1)
def start_detector() -> BackgroundLoad[FaceDetector]:
    """Begin to load the face detector, and to warm it."""

    def load(say: Progress) -> FaceDetector:
        load_engine()
        say("Loading the face detector", 1, 2)
        detector = FaceDetector()
        detector.warm_up()
        return detector

    return BackgroundLoad(load)


@cached(entries=16)
def load_expected_truths(
    study: Study, runs: tuple[Run, ...], tasks: tuple[Task, ...]
) -> dict[str, pd.DataFrame]:
    """Where the truth of every number lies, by method and bin of its prediction."""
    validation, test = (load_tables(runs, split) for split in (VALIDATION, TEST))
    return {
        task.name: expected_truths(study, validation, test, task)
        for task in tasks
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
                None if whole else start_detector().result(),
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


def choose_models(view: StudyView, known: Sequence[Run]) -> tuple[Run, ...]:
    """Let the reader choose between one model a method and all; say which answer."""
    order = list(view.labels)
    known = sorted(known, key=lambda run: (order.index(run.method), run.seed))
    runs = first_models(known)
    if len(known) > len(runs) and st.toggle(
        "Answer with the models of all seeds",
        key=f"predict_every_seed_{view.study.name}",
        help="Each answer is then the mean over a method's models; the file of all"
        " answers has their standard deviation. It takes longer to load.",
    ):
        runs = tuple(known)
    own = [run for run in view.runs if not run.imported]
    if sentence := describe_models(runs, own):
        st.caption(to_markdown(sentence))
    absent = {view.labels[r.method] for r in own} - {
        view.labels[r.method] for r in known
    }
    if absent:
        st.caption(
            to_markdown(
                f"Left out: {', '.join(sorted(absent))}. No run of these is here with "
                f"its model ({code('model.keras')}), so they cannot answer for a photo."
            )
        )
    return runs


def wait_for(loads: Sequence[BackgroundLoad], bar: DeltaGenerator) -> list:
    """Wait for what is loaded in the background; a bar names what it is right now.

    Raises
    ------
    EquipoiseError
        What ended the loading of one of them.
    """
    for load in loads:
        while not load.wait(SECONDS_BETWEEN):
            what, done, of = load.state
            bar.progress(done / of, text=to_markdown(f"{what}…"))
    bar.empty()
    return [load.result() for load in loads]


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


start_engine()


def main() -> None:
    """Choose photos, and show every method's answers."""
    view = study_bar(
        "Predict",
        lead="Every method answers for every photo, side by side, and shows on request"
        " where it looked.",
    )
    view = leave_out_damaged(view)
    if not view.study.is_trained:
        stop_with(
            f"{strong(view.study.title)} was made of a table of predictions: there is "
            "no model that could answer for a photo. Choose another study above."
        )
    imported = dict.fromkeys(
        view.labels[run.method] for run in view.runs if run.imported
    )
    if imported:
        st.caption(
            to_markdown(
                f"Left out: {', '.join(imported)}. Imported predictions come without "
                "a model, so they cannot answer for a photo."
            )
        )
    with_models = tuple(run for run in view.runs if run.model_path.is_file())
    if not with_models:
        stop_with(
            f"The runs of {strong(view.study.title)} are here without their models "
            f"({code('model.keras')}), so they cannot answer. Train them on this "
            f"machine with {code(f'equipoise train {view.study.name}')}, then reload "
            "this page."
        )
    # Above what is long on a phone.
    bar = st.empty()
    photos, find_faces = choose_photos(view)
    if view.dataset.generated and view.dataset.of_faces:
        st.caption(
            "These methods have seen generated faces only: on a photo of a person their"
            " answers mean nothing."
        )
    tasks = choose_tasks(view)
    mirrored = choose_mirrored()
    runs = choose_models(view, with_models)
    key = model_fingerprint(runs)
    asked = (runs, view.tasks, view.labels)
    loads = [start_predictor(*asked), *([start_detector()] if find_faces else [])]
    try:
        expected = load_expected_truths(view.study, runs, view.tasks)
        predictor, *_ = wait_for(loads, bar)
    except EquipoiseError as error:
        show_error(error)
        end_page()
    finally:
        # Asked for again, it is tried again.
        if any(load.failed for load in loads):
            start_predictor.clear(*asked)
            start_detector.clear()
    for problem in predictor.problems:
        st.warning(to_markdown(problem), icon=":material/broken_image:")
    # What was taken away is forgotten at once.
    given = {photo.key for photo in photos}
    for name in ("predict_results", MAPS_KEPT):
        kept = st.session_state.get(name, {})
        for place in [place for place in kept if place[0] not in given]:
            del kept[place]
    if not photos:
        start_warm_up(runs, predictor)
        stop_with("Drop a photo above, take one with the camera, or pick a sample.")

    methods = tuple(method for method in view.methods if method in predictor.methods)
    # Measured as the methods answer by themselves.
    moves = {} if mirrored else load_moves(view)
    over_seeds = len(predictor.members) > len(predictor.methods)
    calibrated = describe_calibration(
        predictor.used_temperatures(mirrored=mirrored),
        tasks,
        {method: view.labels[method] for method in methods},
        mirrored=mirrored,
    )
    shown = Shown(view, tasks, methods, expected, moves, over_seeds, calibrated)
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
                load = partial(load_explainer, runs, predictor)
                offer_maps(photo.key, face, shown, load, models=key)
            answered.append(result)
    with downloads:
        offer_answers(answered, shown)
    start_warm_up(runs, predictor)


run_page(main)
