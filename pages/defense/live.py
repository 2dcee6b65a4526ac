"""The live slide: a photo that is dropped in, answered by every method."""

from collections.abc import Sequence

import streamlit as st

from core.runs import first_models
from core.text import to_markdown
from core.views.loads import without_damaged
from core.views.study_view import StudyView
from pages.shell.address import PageEnded
from pages.shell.answers import DRAWN_KEPT, show_photo
from pages.shell.photos import Photo, choose_photos
from pages.shell.predictor import (
    ask_about,
    forget_photos,
    model_fingerprint,
    runs_with_models,
    show_fault,
    start_warm_up,
    wait_for_predictor,
    what_is_shown,
)

# In the session: photos in the order in which they came.
_GIVEN = "defense_photos"


def show_live(view: StudyView) -> None:
    """Take a photo and show what every method answers; the newest photo alone."""
    try:
        _answer(without_damaged(view)[0])
    except PageEnded:
        # What is missing was said; the story goes on.
        return


def _answer(view: StudyView) -> None:
    runs = first_models(runs_with_models(view))
    bar = st.empty()
    ways, answers = st.columns([2, 5], gap="large")
    with ways, st.container(key="defense_ways"):
        photos, find_faces = choose_photos(view)
    predictor, expected = wait_for_predictor(view, runs, find_faces=find_faces, bar=bar)
    forget_photos(photos, DRAWN_KEPT)
    if not photos:
        start_warm_up(runs, predictor)
        return
    photo = _newest(photos)
    key = model_fingerprint(runs)
    with answers:
        (wait,) = ask_about(
            [photo], predictor, key, find_faces=find_faces, mirrored=False
        )
        result = wait()
        if result.fault is not None:
            show_fault(photo, result)
            return
        if photo.credit:
            st.caption(to_markdown(photo.credit))
        tasks = view.dataset.answered_tasks([])
        shown = what_is_shown(view, predictor, tasks, expected, mirrored=False)
        show_photo(photo.key, result, shown)


def _newest(photos: Sequence[Photo]) -> Photo:
    """The photo that was given last."""
    given = {photo.key: photo for photo in photos}
    known = [key for key in st.session_state.get(_GIVEN, ()) if key in given]
    order = [*known, *(key for key in given if key not in known)]
    st.session_state[_GIVEN] = order
    return given[order[-1]]
