"""How far the answers for this very photo move: measured on request."""

from collections.abc import Hashable

import streamlit as st

from core.face_quality import TRUSTED_WIDTH
from core.language import gettext
from core.photo_moves import PhotoMoves, measure_moves
from core.plots import photo_moves as plots
from core.predictor import FaceAnswers, Predictor
from pages.shell.answers import Shown
from pages.shell.photos import Photo
from pages.shell.show import show_static_table

# In the session: what was measured, by the photo's key and more.
MOVES_KEPT = "predict_moves_found"


def offer_moves(
    photo: Photo,
    face: FaceAnswers,
    shown: Shown,
    predictor: Predictor,
    *,
    mirrored: bool,
    models: Hashable,
) -> None:
    """Draw a switch, off at first, and behind it the moves under harmless changes.

    Parameters
    ----------
    photo : Photo
    face : FaceAnswers
        In that photo.
    shown : Shown
    predictor : Predictor
    mirrored : bool
        Whether answers are averaged with those to mirror images.
    models : hashable
        Tells these models from others.
    """
    on = st.toggle(
        gettext("Show how far these answers move"),
        key=f"predict_moves_{photo.key}",
        help=gettext(
            "The photo is saved anew, made smaller or larger, lighter, darker and "
            "mirrored; every method answers each time."
        ),
    )
    if not on:
        return
    kept = st.session_state.setdefault(MOVES_KEPT, {})
    place = (photo.key, face.number, face.landmarks, mirrored, models)
    if place not in kept:
        with st.spinner(gettext("Changing the photo and asking again…")):
            kept[place] = measure_moves(
                photo.content, face, predictor, mirrored=mirrored
            )
    found: PhotoMoves = kept[place]
    shown_answers = {
        change: {method: answers[method] for method in shown.methods}
        for change, answers in found.answers.items()
    }
    labels = shown.view.labels
    table = plots.tabulate_moves(shown_answers, shown.tasks)
    changes = [change for change in found.answers if change]
    name = f"{photo.key}_{face.number}"
    with st.container(border=True, key=f"predict_moves_card_{name}"):
        show_static_table(
            plots.describe_moves(table, shown.tasks, labels),
            name=f"predict_moved_{name}",
            takeaway=plots.moves_takeaway(table, shown.tasks, labels),
            download=table,
            note=plots.moves_note(changes, found.left_out, TRUSTED_WIDTH),
        )
