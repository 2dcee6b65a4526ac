"""Age: error and bias by bin over the training histogram, truth against prediction."""

import pandas as pd
import streamlit as st

from core.evaluation.comparison import Baseline, compare_runs
from core.plots import age as plots
from core.plots.classification import class_table, scores_by_part
from core.results.study_runs import study_options
from core.runs import Run, data_report
from core.study import Study
from core.tasks import Regression
from core.text import number, strong
from pages.age.intervals import show_intervals
from pages.shell.address import run_page
from pages.shell.answers import load_errors
from pages.shell.caching import cached
from pages.shell.choose import choose_task
from pages.shell.show import show_chart, show_charts, show_static_table, stop_with
from pages.shell.study_bar import StudyView, study_bar
from pages.shell.tables import (
    is_alone,
    leave_out_damaged,
    load_comparison,
    load_tables,
    load_training_rows,
    mean_text,
)


def main() -> None:
    """Choose a task, show its errors."""
    view = study_bar(
        "How far off, and at which age?",
        lead="A mean error hides the ages that a model has seldom seen.",
        beside=True,
    )
    task = _choose_task(view)
    view = leave_out_damaged(view)
    comparison = load_comparison(view).table
    is_alone(view)
    _error(view, comparison, task)
    _bias(view, task)
    _truth_prediction(view, task)
    show_intervals(view, task)


def _choose_task(view: StudyView) -> Regression:
    tasks = {t.name: t for t in view.tasks if isinstance(t, Regression)}
    if not tasks:
        stop_with(
            f"The study {strong(view.study.title)} has no task that predicts a number. "
            "Choose another study above, or see its classes on the Classification page."
        )
    return choose_task(list(tasks.values()), key=f"age_task_{view.study.name}")


def _error(view: StudyView, comparison: pd.DataFrame, task: Regression) -> None:
    scores = scores_by_part(comparison, task.name, "mae", task.bin_labels)
    scores = scores[scores["method"].isin(view.methods)]
    rows = load_training_rows(view.study.name)
    counts = None if rows is None else plots.count_by_bin(rows[task.name], task)
    floor = plots.noise_floor_of(data_report(view.study.name), task)
    note = f"{mean_text(view).capitalize()} with 95 % interval"
    note += "." if counts is None else "; below, training images of each bin."
    if floor is not None:
        note += (
            f" The dashed line is the noise of the labels: two labels of one photo "
            f"differ by {number(floor, 1)} {task.unit} on average."
        )
    name = f"{view.study.name}-{task.name}-mae"
    show_chart(
        plots.plot_error_by_bin(scores, task, counts, view.look, noise_floor=floor),
        name=name,
        title=f"{task.label}: error in each bin"
        + ("" if counts is None else ", over the training images"),
        takeaway=plots.error_takeaway(scores, counts, view.look, task),
        data=scores,
        note=note,
    )
    with st.expander("In numbers", icon=":material/table:"):
        show_static_table(
            class_table(scores, task.bin_labels, view.look, digits=2),
            name=f"{name}-table",
            takeaway=f"MAE ({task.unit}) of each bin: {mean_text(view)}, 95 % "
            "interval, verdict.",
            download=scores,
        )


def _bias(view: StudyView, task: Regression) -> None:
    runs = view.chosen_runs
    scores = _bias_by_bin(task, view.against, runs, view.study)
    show_chart(
        plots.plot_bias_by_bin(scores, task, view.look),
        name=f"{view.study.name}-{task.name}-bias",
        title=f"{task.label}: which way the error leans",
        takeaway=plots.bias_takeaway(scores, view.look, task),
        data=scores,
        note=f"Above zero is predicted too high. {mean_text(view).capitalize()}; bars "
        "are 95 % intervals over the test images.",
    )


def _truth_prediction(view: StudyView, task: Regression) -> None:
    answers = load_errors(view, task).answers
    tables = {method: answers.table(method) for method in view.methods}
    images = len(tables[view.baseline])
    drawn = min(images, plots.MAXIMUM_POINTS)
    sample = "" if drawn == images else f", {drawn:,} of them drawn"
    show_charts(
        {
            view.labels[method]: plots.plot_truth_prediction(
                table, task, view.styles[method], view.labels[method]
            )
            for method, table in tables.items()
        },
        name=f"{view.study.name}-{task.name}-scatter",
        title=f"{task.label}: truth against prediction",
        takeaway=plots.truth_prediction_takeaway(tables, view.look, task),
        data=pd.concat(tables, names=["method"]).reset_index(level=0),
        note=f"One point a test image ({images:,}{sample}), {mean_text(view)}; "
        "the line joins the means of the bins, the "
        "dashes are perfect.",
    )


@cached(entries=32)
def _bias_by_bin(
    task: Regression,
    baseline: Baseline,
    runs: tuple[Run, ...],
    study: Study,
) -> pd.DataFrame:
    tables = load_tables(runs)
    return compare_runs(
        tables,
        [task],
        baseline,
        by=[f"{task.name}_bin"],
        metrics=[f"{task.name}.bias"],
        **study_options(study, runs, tables, baseline),
    ).groups


run_page(main)
