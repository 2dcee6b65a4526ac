"""What answers for a photo: models loaded in the background, and asked once a photo."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.data.manifest import TEST, VALIDATION
from core.errors import EquipoiseError
from core.evaluation.metrics import metric_info, stability_keys
from core.faces import FaceDetector
from core.language import gettext, language, ngettext
from core.plots.stability import moves_in_words
from core.predictor import BUCKETS, PhotoResult, Predictor, Upload
from core.results.answer_temperatures import describe_calibration
from core.results.prediction_intervals import expected_truths
from core.runs import Run
from core.study import Study
from core.tasks import Regression, Task
from core.text import code, strong, to_markdown
from core.views.caching import Fingerprint, cached, file_fingerprint, forget
from core.views.loads import load_stability, load_tables
from core.views.study_view import StudyView
from pages.shell.address import end_page
from pages.shell.answers import ALL_FACES, Shown
from pages.shell.engine import BackgroundLoad, Progress, load_engine
from pages.shell.photo_queue import Line, Question, Ticket
from pages.shell.photos import Photo
from pages.shell.show import show_error, stop_with

# A person who waits sees what is loaded change.
SECONDS_BETWEEN = 0.2
# In the session: answers, and photos that wait for some, by the photo's key and more.
RESULTS_KEPT = "predict_results"
WAITING_KEPT = "predict_waiting"


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
            def said() -> str:
                if not name:
                    return gettext("Connecting the models…")
                return gettext(
                    "Loading {model}, {place} of {count}…",
                    model=labels[name],
                    place=done + 1,
                    count=of,
                )

            say(said, done + 1, of + 2)

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


@cached(entries=1)
def start_detector() -> BackgroundLoad[FaceDetector]:
    """Begin to load the face detector, and to warm it."""

    def load(say: Progress) -> FaceDetector:
        load_engine()
        say(lambda: gettext("Loading the face detector…"), 1, 2)
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
    return tuple(
        stamp for run in runs for stamp in file_fingerprint(str(run.model_path))
    )


@cached(entries=1)
def start_line() -> Line:
    """The line in which the photos of all visitors wait."""
    return Line()


def ask_about(
    photos: Sequence[Photo],
    predictor: Predictor,
    key: Fingerprint,
    *,
    find_faces: bool,
    mirrored: bool,
) -> list[Callable[[], PhotoResult]]:
    """Put photos into the line, each once, whatever of its answers is shown.

    Returns
    -------
    list of callable
        Of each photo: waits for its result, and says how far it is. What came is kept
        for this visitor alone.
    """
    asked = st.session_state.get("predict_whole", set())
    results = st.session_state.setdefault(RESULTS_KEPT, {})
    answered_all = st.session_state.get(ALL_FACES, set())
    waiting = st.session_state.setdefault(WAITING_KEPT, {})
    line, visitor = start_line(), get_script_run_ctx().session_id
    detector = start_detector().result() if find_faces else None
    places = []
    for photo in photos:
        whole = photo.aligned or not find_faces or photo.key in asked
        all_faces = photo.key in answered_all
        place = (photo.key, photo.name, whole, key, mirrored, all_faces, language())
        places.append(place)
        if place not in results and place not in waiting:
            upload = Upload(photo.content, photo.name, whole, all_faces)
            question = Question(upload, predictor, detector, mirrored)
            waiting[place] = line.join(question, visitor)
    for place in waiting.keys() - set(places):
        del waiting[place]
    return [partial(_wait_for_answer, place, places) for place in places]


def _wait_for_answer(place: Hashable, places: Sequence[Hashable]) -> PhotoResult:
    """Wait for the result of a photo; ``places`` are those that were given with it."""
    results, waiting = st.session_state[RESULTS_KEPT], st.session_state[WAITING_KEPT]
    ticket = waiting.get(place)
    if ticket is None:
        return results[place]
    bar = st.empty()
    while not ticket.wait(SECONDS_BETWEEN):
        done = sum(
            each in results or (each in waiting and waiting[each].has_ended)
            for each in places
        )
        bar.progress(done / len(places), _how_far(ticket, done, len(places)))
    bar.empty()
    # Asked again, it is tried again.
    del waiting[place]
    results[place] = ticket.result()
    return results[place]


def _how_far(ticket: Ticket, done: int, of: int) -> str:
    """Where a photo is in the line, and how many of a visitor's are answered."""
    before = start_line().photos_before(ticket)
    said = gettext("Looking at {photo}…", photo=ticket.question.upload.name)
    if before:
        said = ngettext(
            "In line: {count} photo before yours…",
            "In line: {count} photos before yours…",
            before,
        )
    if of > 1:
        answered = gettext("Photos answered: {done} of {of}.", done=done, of=of)
        said = f"{said} {answered}"
    return to_markdown(said)


@cached(entries=16)
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
            bar.progress(done / of, text=to_markdown(what()))
    bar.empty()
    return [load.result() for load in loads]


def show_fault(photo: Photo, result: PhotoResult) -> None:
    """Say why a photo has no answers; offer what can still be done."""
    show_error(result.fault)
    if not result.no_face:
        return
    alt = gettext("{photo}, in which no face was found", photo=photo.name)
    st.image(result.image, width=320, alt=alt)
    st.button(
        gettext("Treat the whole picture as a face"),
        key=f"predict_whole_{photo.key}",
        icon=":material/crop_free:",
        on_click=take_whole,
        args=(photo.key,),
    )


def runs_with_models(view: StudyView) -> tuple[Run, ...]:
    """The runs that can answer; stops where there is none, and says why."""
    if not view.study.is_trained:
        stop_with(
            gettext(
                "{study} was made of a table of predictions: there is no model that "
                "could answer for a photo. Choose another study above.",
                study=strong(view.title),
            )
        )
    runs = tuple(run for run in view.runs if run.has_model)
    if not runs:
        stop_with(
            gettext(
                "The runs of {study} are here without their models ({file}), so they "
                "cannot answer. Train them on this machine with {command}, then reload "
                "this page.",
                study=strong(view.title),
                file=code("model.keras"),
                command=code(f"equipoise train {view.study.name}"),
            )
        )
    return runs


def wait_for_predictor(
    view: StudyView, runs: tuple[Run, ...], *, find_faces: bool, bar: DeltaGenerator
) -> tuple[Predictor, dict[str, pd.DataFrame]]:
    """Wait for the models, and the face detector where it is needed.

    Returns
    -------
    Predictor
    dict of str to DataFrame
        Where the truth of every number lies (``load_expected_truths``).
    """
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
            forget(start_predictor)
            forget(start_detector)
    for problem in predictor.problems:
        st.warning(to_markdown(problem), icon=":material/broken_image:")
    return predictor, expected


def forget_photos(given: Sequence[Photo], *kept_in: str) -> None:
    """Forget at once what was found of photos that were taken away."""
    keys = {photo.key for photo in given}
    for name in (RESULTS_KEPT, WAITING_KEPT, *kept_in):
        kept = st.session_state.get(name, {})
        for place in [place for place in kept if place[0] not in keys]:
            del kept[place]


def what_is_shown(
    view: StudyView,
    predictor: Predictor,
    tasks: tuple[Task, ...],
    expected: Mapping[str, pd.DataFrame],
    *,
    mirrored: bool,
) -> Shown:
    """The answers of the methods that are shown and have a model."""
    methods = tuple(method for method in view.methods if method in predictor.methods)
    calibrated = describe_calibration(
        predictor.used_temperatures(mirrored=mirrored),
        tasks,
        {method: view.labels[method] for method in methods},
        mirrored=mirrored,
    )
    # Measured as the methods answer by themselves.
    moves = {} if mirrored else load_moves(view)
    over_seeds = len(predictor.members) > len(predictor.methods)
    return Shown(view, tasks, methods, expected, moves, over_seeds, calibrated)
