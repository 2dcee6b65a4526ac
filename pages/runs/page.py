"""Runs: learning curves, what each run was made of, and how two of them differ."""

import json
from dataclasses import replace

import streamlit as st

from core.errors import EquipoiseError
from core.language import N_, gettext, ngettext
from core.plots.runs import curve_label, curve_names
from core.runs import RECORD
from core.text import emphasis, to_markdown
from core.views import runs as views
from core.views.study_view import StudyView
from pages.shell.address import run_page, saying_what_is_missing
from pages.shell.cards import offer_model_card
from pages.shell.choose import choose
from pages.shell.show import (
    open_card,
    show_error,
    show_numbers,
    show_view,
    stop_with,
)
from pages.shell.study_bar import study_bar

MEAN, EACH = N_("Mean over seeds"), N_("Each seed")


def show_curves(view: StudyView) -> None:
    """Learning curves of the chosen runs together."""
    history = views.load_histories(views.runs_of(view))
    usual = views.curve_of(view, history)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = choose(
            gettext("Curve"),
            curve_names(history),
            default=usual,
            labels=lambda name: curve_label(name, view.tasks),
            key="runs_curve",
            parameter="curve",
            what=N_("curve"),
            always=True,
            width=300,
        )
        seeds = choose(
            gettext("Lines"),
            [MEAN, EACH],
            labels=gettext,
            key="runs_lines",
            parameter="lines",
            is_segmented=True,
        )
    each_seed = seeds == EACH
    show_view(views.draw_curves(view, metric=name, each_seed=each_seed))


def show_runs(view: StudyView) -> None:
    """One row a run."""
    drawn = views.draw_runs(view)
    st.subheader(to_markdown(drawn.title), anchor=False)
    show_numbers(drawn)


def show_record(view: StudyView, whole: StudyView) -> None:
    """The record of one run, the card of its method, and how it differs from another.

    ``whole`` has every run: a model card compares its method with the baseline.
    """
    runs = {run.name: run for run in views.runs_of(view)}
    titles = {name: views.title_of(view, run) for name, run in runs.items()}
    st.subheader(gettext("One run, and how it differs from another"), anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = choose(
            gettext("Run"),
            list(runs),
            default=views.run_of(view).name,
            labels=titles,
            key="runs_one",
            parameter="run",
            what=N_("run"),
            always=True,
            width=300,
        )
        others = [name for name in runs if name != first]
        second = st.selectbox(
            gettext("Compare with"),
            others,
            index=0 if others else None,
            format_func=titles.__getitem__,
            key="runs_other",
            placeholder=gettext("no other run"),
            disabled=not others,
            width=300,
        )
        run = runs[first]
        st.download_button(
            RECORD,
            data=lambda: json.dumps(run.info, indent=1),
            file_name=f"{run.study}_{run.method}_seed-{run.seed}_{RECORD}",
            mime="application/json",
            key="runs_record",
            icon=":material/download:",
            on_click="ignore",
        )
        offer_model_card(whole, run.method, key="runs_card")
    if second in others:
        drawn = views.draw_run_differences(view, run=run.name, other=runs[second].name)
        with open_card() as card:
            show_view(drawn, card=card)
    drawn = views.draw_run_settings(view, run=run.name)
    with st.expander(to_markdown(drawn.title), key="runs_everything"):
        show_numbers(drawn)


def main() -> None:
    """Choose runs; show their curves, their table and one record."""
    view = study_bar(
        N_("Runs"),
        lead=N_("How the methods learned, and exactly what each run was made of."),
    )
    runs = views.runs_of(view)
    if not runs:
        stop_with(
            gettext(
                "No run is chosen. Choose seeds and methods under {button}.",
                button=emphasis(gettext("Methods and seeds")),
            )
        )
    picked = st.multiselect(
        gettext("Runs"),
        [run.name for run in runs],
        key=f"runs_picked_{view.study.name}",
        placeholder=ngettext(
            "All {count} run of the chosen methods and seeds",
            "All {count} runs of the chosen methods and seeds",
            len(runs),
        ),
        help=gettext("Pick single runs to see only these."),
    )
    whole = view
    if picked:
        view = replace(view, runs=tuple(run for run in runs if run.name in picked))
    try:
        with saying_what_is_missing():
            show_curves(view)
    except EquipoiseError as error:
        show_error(error)
    show_runs(view)
    show_record(view, whole)


run_page(main)
