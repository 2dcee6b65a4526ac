"""Train: search the settings of a study, and look at the tries."""

import streamlit as st

from core.errors import EquipoiseError
from core.language import gettext, ngettext
from core.study import Study, own_study_path
from core.text import code, to_markdown, to_plain
from core.training.queue import Job, JobStatus, new_job, submit
from core.training.tuned_file import check_place, check_searchable
from core.training.worker import ensure_worker
from core.views.search_figures import FIGURES, draw_search, finished_tries
from pages.shell.choose import choose_number
from pages.shell.show import open_card, show_error
from pages.train.settings import (
    MOST_EPOCHS,
    choose_data,
    choose_methods,
    choose_study,
)

TRIALS, MOST_TRIALS = 20, 500


def show_search_form() -> None:
    """Choose what is searched, and start it."""
    with open_card(gettext("What is searched"), key="train_search_card"):
        st.markdown(
            gettext(
                "Each method is tried with as many settings as any other, on the "
                "validation images alone. The best become a study of your own."
            )
        )
        study = choose_study()
        methods = choose_methods(study, key="train_search")
        with st.container(horizontal=True, gap="small"):
            trials = choose_number(
                gettext("Tries of each method"),
                1,
                MOST_TRIALS,
                TRIALS,
                key="train_trials",
                parameter="tries",
                draw=st.number_input,
                width=190,
                help=gettext(
                    "The study's own settings are the first of them; tries of earlier "
                    "searches count."
                ),
            )
            epochs = choose_number(
                gettext("Epochs of a try"),
                1,
                MOST_EPOCHS,
                study.training.epochs,
                key=f"train_search_epochs_{study.name}",
                parameter="epochs",
                draw=st.number_input,
                width=190,
            )
            name = st.text_input(
                gettext("Name of the tuned study"),
                value=f"{study.name}-tuned",
                key=f"train_tuned_{study.name}",
                max_chars=60,
                width=340,
            ).strip()
        data = choose_data(study)
        if not methods:
            st.info(gettext("Choose at least one method."), icon=":material/info:")
        can_start = bool(methods) and data is not None
        st.button(
            gettext("Start the search"),
            key="train_search_start",
            type="primary" if can_start else "secondary",
            icon=":material/play_arrow:",
            disabled=not can_start,
            on_click=_start,
            args=(study, methods, trials, epochs, name, data or ""),
        )
        if fault := st.session_state.pop("train_fault", None):
            show_error(fault)


def _start(
    study: Study,
    methods: tuple[str, ...],
    trials: int,
    epochs: int,
    name: str,
    data: str,
) -> None:
    try:
        check_searchable(study)
        check_place(own_study_path(name), study)
        own = study.training.epochs
        submit(
            new_job(
                "search",
                study,
                methods=methods,
                trials=trials,
                epochs=None if epochs == own else epochs,
                tuned=name,
                data=data,
            )
        )
        ensure_worker()
        st.toast(gettext("The job is in the queue."), icon=":material/check:")
    except EquipoiseError as error:
        st.session_state["train_fault"] = error


def show_tries(job: Job) -> None:
    """Optuna's figures of the tries of a job."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        method = st.selectbox(
            gettext("Method"),
            job.methods,
            format_func=lambda name: job.study.methods[name].label,
            key=f"train_tries_method_{job.id}",
            width=260,
        )
        kind = st.segmented_control(
            gettext("Chart"),
            list(FIGURES),
            default="history",
            required=True,
            format_func=lambda kind: gettext(FIGURES[kind]),
            key=f"train_tries_kind_{job.id}",
        )
    drawn = draw_search(job.study, method, kind)
    if drawn.figure is None:
        st.info(to_markdown(drawn.said), icon=":material/hourglass_empty:")
        return
    st.markdown(to_markdown(drawn.said))
    st.plotly_chart(
        drawn.figure,
        key=f"train_tries_{job.id}_{kind}",
        alt=to_plain(drawn.said),
        config={"displayModeBar": False},
    )


def describe_tries(job: Job) -> str:
    """How many tries of each method are finished."""
    done = finished_tries(job.study)
    said = [
        gettext(
            "{method}: {done} of {all} tries",
            method=job.study.methods[method].label,
            done=min(done.get(method, 0), job.trials),
            all=job.trials,
        )
        for method in job.methods
    ]
    return ", ".join(said)


def best_so_far(status: JobStatus) -> Job | None:
    """A job that ends a stopped search with what it has found; None without anything.

    It finds as many tries as it asks for, and so only writes the study.
    """
    job = status.job
    done = finished_tries(job.study)
    methods = tuple(method for method in job.methods if done.get(method))
    if not methods:
        return None
    return new_job(
        "search",
        job.study,
        methods=methods,
        trials=min(done[method] for method in methods),
        epochs=job.epochs,
        tuned=job.tuned,
        data=job.data,
    )


def take_best(job: Job) -> None:
    """Put that job into the queue."""
    submit(job)
    ensure_worker()


def describe_result(job: Job) -> str:
    """What a finished search has made, and what to do with it."""
    return ngettext(
        "{name} has the best settings of {count} method. They were chosen on the "
        "validation images and look better than they are: train it with its own seeds "
        "before you compare it.",
        "{name} has the best settings of {count} methods. They were chosen on the "
        "validation images and look better than they are: train it with its own seeds "
        "before you compare it.",
        len(job.methods),
        name=code(job.tuned),
    )
