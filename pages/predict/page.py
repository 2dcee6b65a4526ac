"""Predict: a photo, what every method answers for it, and where each one looked."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from core.language import N_, gettext
from core.predictor import Predictor
from core.runs import Run, describe_models, first_models
from core.text import code, to_markdown
from core.views.caching import cached
from core.views.study_view import StudyView
from pages.predict.maps import MAPS_KEPT, offer_maps
from pages.predict.moves import MOVES_KEPT, offer_moves
from pages.shell.address import run_page
from pages.shell.answers import (
    DRAWN_KEPT,
    choose_mirrored,
    choose_tasks,
    offer_answers,
    show_photo,
)
from pages.shell.notices import leave_out_damaged
from pages.shell.photos import choose_photos
from pages.shell.predictor import (
    ask_about,
    forget_photos,
    model_fingerprint,
    runs_with_models,
    show_fault,
    start_engine,
    start_warm_up,
    wait_for_predictor,
    what_is_shown,
)
from pages.shell.show import stop_with
from pages.shell.study_bar import study_bar


@cached(entries=2)
def load_explainer(runs: tuple[Run, ...], _predictor: Predictor):
    """What looks into the models of a predictor."""
    from core.explain.explainer import Explainer

    return Explainer(_predictor)


def choose_models(view: StudyView, known: Sequence[Run]) -> tuple[Run, ...]:
    """Let the reader choose between one model a method and all."""
    order = list(view.labels)
    known = sorted(known, key=lambda run: (order.index(run.method), run.seed))
    runs = first_models(known)
    if len(known) > len(runs) and st.toggle(
        gettext("Answer with the models of all seeds"),
        key=f"predict_every_seed_{view.study.name}",
        help=gettext(
            "Each answer is then the mean over a method's models; the file of all"
            " answers has their standard deviation. It takes longer to load."
        ),
    ):
        return tuple(known)
    return runs


def say_who_answers(
    view: StudyView, runs: Sequence[Run], with_models: Sequence[Run]
) -> None:
    """Say how many models of each method answer, and which methods cannot."""
    own = [run for run in view.runs if not run.imported]
    if sentence := describe_models(runs, own):
        st.caption(to_markdown(sentence))
    absent = {view.labels[r.method] for r in own} - {
        view.labels[r.method] for r in with_models
    }
    if absent:
        st.caption(
            to_markdown(
                gettext(
                    "Left out: {methods}. No run of these is here with its model "
                    "({file}), so they cannot answer for a photo.",
                    methods=", ".join(sorted(absent)),
                    file=code("model.keras"),
                )
            )
        )


start_engine()


def main() -> None:
    """Choose photos, and show every method's answers."""
    view = study_bar(
        N_("What do the methods say of your photo?"),
        lead=N_(
            "Every method answers for every photo, side by side, and shows on request"
            " where it looked."
        ),
    )
    view = leave_out_damaged(view)
    imported = dict.fromkeys(
        view.labels[run.method] for run in view.runs if run.imported
    )
    if imported:
        st.caption(
            to_markdown(
                gettext(
                    "Left out: {imported}. Imported predictions come without a "
                    "model, so they cannot answer for a photo.",
                    imported=", ".join(imported),
                )
            )
        )
    with_models = runs_with_models(view)
    # Above what is long on a phone.
    bar = st.empty()
    photos, find_faces = choose_photos(view)
    if view.dataset.generated and view.dataset.of_faces:
        st.caption(
            gettext(
                "These methods have seen generated faces only: on a photo of a person "
                "their answers mean nothing."
            )
        )
    # Closed, so that the answers stand below the photo at once.
    with st.expander(gettext("How it is answered"), icon=":material/tune:"):
        tasks = choose_tasks(view)
        mirrored = choose_mirrored()
        runs = choose_models(view, with_models)
    key = model_fingerprint(runs)
    predictor, expected = wait_for_predictor(view, runs, find_faces=find_faces, bar=bar)
    forget_photos(photos, MAPS_KEPT, MOVES_KEPT, DRAWN_KEPT)
    if not photos:
        start_warm_up(runs, predictor)
        say_who_answers(view, runs, with_models)
        stop_with(
            gettext("Drop a photo above, take one with the camera, or pick a sample.")
        )

    shown = what_is_shown(view, predictor, tasks, expected, mirrored=mirrored)
    waits = ask_about(photos, predictor, key, find_faces=find_faces, mirrored=mirrored)
    answered = []
    for photo, wait in zip(photos, waits, strict=True):
        with st.container(border=True, key=f"predict_card_{photo.key}"):
            st.subheader(to_markdown(photo.name), anchor=False)
            if photo.credit:
                st.caption(to_markdown(photo.credit))
            result = wait()
            if result.fault is not None:
                show_fault(photo, result)
            else:
                face = show_photo(photo.key, result, shown)
                if not face.withheld:
                    offer_moves(
                        photo, face, shown, predictor, mirrored=mirrored, models=key
                    )
                    load = partial(load_explainer, runs, predictor)
                    offer_maps(photo.key, face, shown, load, models=key)
            answered.append(result)
    say_who_answers(view, runs, with_models)
    if any(result.faces for result in answered):
        offer_answers(answered, shown)
    start_warm_up(runs, predictor)


run_page(main)
