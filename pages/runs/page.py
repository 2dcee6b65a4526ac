"""Runs: learning curves, what each run was made of, and how two of them differ."""

import json

import pandas as pd
import streamlit as st

from core.errors import EquipoiseError
from core.plots import runs as plots
from core.runs import RECORD, Run
from core.text import emphasis, to_markdown
from core.views.caching import cached
from core.views.study_view import StudyView
from pages.shell.address import run_page
from pages.shell.choose import choose
from pages.shell.show import show_chart, show_error, show_table, stop_with
from pages.shell.study_bar import study_bar

COLUMNS = {
    "training (min)": st.column_config.NumberColumn(format="%.1f"),
    "images/s": st.column_config.NumberColumn(format="%.0f"),
    "ms per image": st.column_config.NumberColumn(format="%.2f"),
    "parameters": st.column_config.NumberColumn(format="localized"),
}


@cached(entries=16)
def load_histories(runs: tuple[Run, ...]) -> pd.DataFrame:
    """Histories of the runs in one table."""
    return plots.gather_histories(runs)


def show_curves(view: StudyView, runs: tuple[Run, ...]) -> None:
    """Learning curves of the chosen runs together."""
    try:
        history = load_histories(runs)
    except EquipoiseError as error:
        show_error(error)
        return
    names = plots.curve_names(history)
    if not names:
        st.info("These runs kept no history of their training.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = choose(
            "Curve",
            names,
            # Losses of different methods are no common measure.
            default=next((n for n in names if not n.endswith("loss")), names[0]),
            labels=lambda name: plots.curve_label(name, view.tasks),
            key="runs_curve",
            parameter="curve",
            always=True,
            width=300,
        )
        seeds = choose(
            "Lines",
            ["Mean over seeds", "Each seed"],
            key="runs_lines",
            parameter="lines",
            is_segmented=True,
        )
    label = plots.curve_label(name, view.tasks)
    show_chart(
        plots.plot_curves(
            history, name, view.look, label=label, each_seed=seeds == "Each seed"
        ),
        name="runs_curves",
        title=f"{label} over the epochs",
        takeaway=plots.takeaway_curves(history, name, label=label, labels=view.labels),
        data=history[history["name"] == name],
        note="Thick: validation; thin and dotted: training, measured on augmented"
        " pictures while the model changes. Signs: the epoch of each run whose"
        " weights are kept. Band: lowest to highest seed.",
    )


def show_runs(view: StudyView, runs: tuple[Run, ...]) -> None:
    """One row a run."""
    st.subheader("All runs chosen", anchor=False)
    table = plots.describe_runs(runs, view.labels)
    show_table(
        table,
        name="runs_table",
        alt="What each run took and what it was made with",
        column_config=COLUMNS,
        note="ms per image: inference alone, in batches, on the machine that trained.",
    )


def show_record(view: StudyView, runs: tuple[Run, ...]) -> None:
    """The record of one run, and its differences to another."""
    names = {f"{view.labels[run.method]}, seed {run.seed}": run for run in runs}
    baseline = view.baseline
    st.subheader("One run, and how it differs from another", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = choose(
            "Run",
            list(names),
            # The baseline is what one compares with.
            default=next((n for n, r in names.items() if r.method != baseline), None),
            key="runs_one",
            parameter="run",
            always=True,
            width=300,
        )
        others = [name for name in names if name != first]
        second = st.selectbox(
            "Compare with",
            others,
            index=0 if others else None,
            key="runs_other",
            placeholder="no other run",
            disabled=not others,
            width=300,
        )
        run = names[first]
        st.download_button(
            RECORD,
            data=lambda: json.dumps(run.info, indent=1),
            file_name=f"{run.study}_{run.method}_seed-{run.seed}_{RECORD}",
            mime="application/json",
            key="runs_record",
            icon=":material/download:",
            on_click="ignore",
        )
    if second in others:
        table = plots.compare_configurations(run, names[second])
        with st.container(border=True):
            st.markdown(to_markdown(plots.takeaway_configurations(table)))
            show_table(
                table,
                name="runs_differences",
                alt=f"What differs between {first} and {second}",
                note="Only what differs; what was chosen comes before what was"
                " measured.",
            )
    with st.expander(
        to_markdown(f"Everything recorded about {first}"), key="runs_everything"
    ):
        show_table(
            plots.describe_run(run),
            name="runs_everything",
            alt=f"Configuration, versions, hardware and measurements of {first}",
        )


def main() -> None:
    """Choose runs; show their curves, their table and one record."""
    view = study_bar(
        "Runs",
        lead="How the methods learned, and exactly what each run was made of.",
    )
    order = list(view.labels)
    runs = tuple(
        sorted(view.chosen_runs, key=lambda run: (order.index(run.method), run.seed))
    )
    if not runs:
        stop_with(
            "No run is chosen. Choose seeds and methods under "
            f"{emphasis('Methods and seeds')}."
        )
    picked = st.multiselect(
        "Runs",
        [run.name for run in runs],
        key=f"runs_picked_{view.study.name}",
        placeholder=f"All {len(runs)} runs of the chosen methods and seeds",
        help="Pick single runs to see only these.",
    )
    runs = tuple(run for run in runs if not picked or run.name in picked)
    show_curves(view, runs)
    show_runs(view, runs)
    show_record(view, runs)


run_page(main)
