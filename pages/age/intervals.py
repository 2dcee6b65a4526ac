"""The part of the Age page on how often conformal intervals hold the truth."""

import pandas as pd
import streamlit as st

from core.data.manifest import VALIDATION
from core.evaluation.conformal import COVERAGE
from core.evaluation.conformal_coverage import PREDICTION, TRUTH
from core.evaluation.grouping import ALL_IMAGES
from core.plots import conformal_coverage as plots
from core.results.prediction_intervals import interval_coverage
from core.runs import Run, training_keys
from core.study import Study
from core.tasks import Regression, Task
from core.text import code, listed, to_markdown
from pages.shell.caching import cached
from pages.shell.choose import choose
from pages.shell.show import open_card, show_charts, show_static_table
from pages.shell.study_bar import StudyView
from pages.shell.tables import load_tables, mean_text


def show_intervals(view: StudyView, task: Regression) -> None:
    """Coverage and width of the intervals, by bin of the number and by group."""
    features = tuple(view.dataset.sensitive_features)
    found = _coverage(task, features, view.runs, view.tasks, view.study)
    known = [m for m in view.methods if m in set(found["method"])]
    promised = f"{100 * COVERAGE:.0f} %"
    with open_card(f"{task.label}: do {promised} intervals hold the truth?") as card:
        _say_left_out(view, known)
        if not known:
            return
        part = _choose_part(found, task, view)
        # The promise is for all images, so they come first.
        rows = found[
            found["part"].isin((ALL_IMAGES, part)) & found["method"].isin(known)
        ]
        what = plots.part_label(part, task, view.tasks)
        name = f"{view.study.name}-{task.name}-coverage-{part}"
        look = view.look.only(known)
        show_charts(
            {
                "Coverage": plots.plot_coverage(rows, task, look, x_title=what),
                "Width": plots.plot_width(rows, task, look, x_title=what),
            },
            name=name,
            takeaway=plots.coverage_takeaway(rows, task, look, what=what),
            data=found[found["method"].isin(known)],
            note=_note(view, task),
            card=card,
            column_width=900,
        )
    with st.expander("In numbers", icon=":material/table:"):
        show_static_table(
            plots.coverage_table(rows, task, look),
            name=f"{name}-table",
            takeaway=f"Intervals that hold the truth, by {what.lower()}: {promised} are"
            " promised; 95 % interval, mean width.",
            download=rows,
        )


def _choose_part(found: pd.DataFrame, task: Regression, view: StudyView) -> str:
    parts = [part for part in dict.fromkeys(found["part"]) if part]
    order = [PREDICTION, TRUTH, *(part for part in parts if part not in _BINS)]
    return choose(
        "By",
        order,
        labels=lambda part: plots.part_label(part, task, view.tasks),
        key=f"age_coverage_{view.study.name}_{task.name}",
        parameter="coverage",
        is_segmented=True,
        label_visibility="collapsed",
    )


_BINS = (PREDICTION, TRUTH)


def _say_left_out(view: StudyView, known: list[str]) -> None:
    missing = [view.labels[m] for m in view.methods if m not in known]
    if missing:
        st.info(
            to_markdown(
                f"No intervals for {listed(missing)}: there are no predictions of "
                "validation images. Import a table that holds them too, with "
                f"{code('validation')} in its column {code('split')}."
            ),
            icon=":material/info:",
        )


def _note(view: StudyView, task: Regression) -> str:
    return (
        f"Around each prediction, an interval that should hold the true "
        f"{task.label.lower()} of {100 * COVERAGE:.0f} % of images; its width comes "
        "from the errors on validation images with such a prediction. The promise is "
        "for all images and each predicted value, not for a group or a true value. "
        f"{mean_text(view).capitalize()}; bars are 95 % intervals over images and "
        "seeds."
    )


@cached(entries=16, spinner="Counting how often intervals hold the truth…")
def _coverage(
    task: Regression,
    features: tuple[str, ...],
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
    study: Study,
) -> pd.DataFrame:
    return interval_coverage(
        study,
        load_tables(runs, VALIDATION),
        load_tables(runs),
        task,
        features=features,
        tasks=tasks,
        trainings=training_keys(runs),
    )
