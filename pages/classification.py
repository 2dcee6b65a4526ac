"""Classification: F1 of each class beside its training images, and the confusions."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.evaluation.classification import confusion
from core.plots import classification as plots
from core.plots.style import number, plural
from core.runs import Run
from core.tasks import Classification, Regression
from pages._show import show_chart, show_charts, show_static_table, stop_with
from pages._study_bar import StudyView, choose_task, study_bar
from pages._tables import (
    Fingerprint,
    fingerprint,
    is_alone,
    leave_out_damaged,
    load_comparison,
    load_test_predictions,
    load_training_rows,
)

SHOW = {
    "shares": "Shares of each true class",
    "counts": "Counts",
    "difference": "Difference to the baseline",
}


def main() -> None:
    """Choose a task, show its classes."""
    view = study_bar(
        "Which classes are recognised?",
        lead="A rare class can fail while the overall accuracy looks fine.",
    )
    view = leave_out_damaged(view)
    comparison = load_comparison(view).table
    task = _choose_task(view)
    is_alone(view)
    _class_f1(view, comparison, task)
    _confusions(view, task)


def _choose_task(view: StudyView) -> Classification:
    tasks = {t.name: t for t in view.tasks if not isinstance(t, Regression)}
    if not tasks:
        stop_with(
            f"The study **{view.study.title}** has no classification task. Choose "
            "another study above, or see its numbers on the Age page."
        )
    # The task with the most classes first: there imbalance shows most.
    ordered = sorted(tasks.values(), key=lambda task: -len(task.classes))
    return choose_task(ordered, key=f"classification_task_{view.study.name}")


def _class_f1(view: StudyView, comparison: pd.DataFrame, task: Classification) -> None:
    scores = plots.scores_by_part(comparison, task.name, "f1", task.classes)
    scores = scores[scores["method"].isin(view.methods)]
    rows = load_training_rows(view.study.name)
    counts = None if rows is None else rows[task.name].value_counts()
    name = f"{view.study.name}-{task.name}-f1"
    show_chart(
        plots.plot_class_f1(scores, counts, view.methods, view.styles, view.labels),
        name=name,
        title=f"{task.label}: F1 of each class beside its training images",
        takeaway=plots.class_f1_takeaway(
            scores, counts, view.methods, view.labels, view.study.baseline
        ),
        data=scores,
        note="Mean over the seeds with 95 % interval; classes from most to fewest "
        "training images, counted before a method draws from them.",
    )
    with st.expander("In numbers", icon=":material/table:"):
        show_static_table(
            plots.class_table(scores, task.classes, view.methods, view.labels),
            name=f"{name}-table",
            takeaway="F1 of each class: mean over the seeds, 95 % interval, verdict.",
            download=scores,
        )


def _confusions(view: StudyView, task: Classification) -> None:
    runs = view.chosen_runs
    matrices = _mean_confusions(fingerprint(runs), task.name, task.classes, runs)
    matrices = {method: matrices[method] for method in view.methods}
    base = matrices[view.study.baseline]
    kind = st.session_state.get("classification_show") or "shares"
    shown = {
        method: counts
        for method, counts in matrices.items()
        if kind != "difference" or method != view.study.baseline
    }
    if not shown:
        _choose_kind()
        stop_with(
            "Only the baseline is shown, so there is no difference to draw. Choose "
            "*Counts* or *Shares*, or another method."
        )
    reach = plots.difference_reach(matrices, view.study.baseline)
    fewest = int(base.sum(axis=1).min())
    note = (
        "Rows are the truth, columns the prediction; mean over "
        f"{plural(len(view.seeds), 'seed')}. The rarest class has "
        f"{plural(fewest, 'test image')}"
    )
    if fewest:
        width = 100 * 1.96 * 0.5 / np.sqrt(fewest)
        note += f", so a share of it is uncertain by up to ±{number(width, 0)} points"
    show_charts(
        {
            view.labels[method]: plots.plot_confusion(
                counts,
                task.classes,
                view.labels[method],
                show=kind,
                baseline=base,
                reach=reach,
            )
            for method, counts in shown.items()
        },
        name=f"{view.study.name}-{task.name}-confusion-{kind}",
        title=f"{task.label}: what is taken for what",
        takeaway=plots.confusion_takeaway(
            matrices, task.classes, view.labels, view.study.baseline
        ),
        data=plots.confusion_table(matrices, task.classes),
        note=f"{note}.",
        above=_choose_kind,
    )


def _choose_kind() -> None:
    st.segmented_control(
        "Show",
        list(SHOW),
        default="shares",
        required=True,
        format_func=SHOW.__getitem__,
        key="classification_show",
        label_visibility="collapsed",
        persist_state="session",
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _mean_confusions(
    key: Fingerprint, task: str, classes: tuple[str, ...], _runs: tuple[Run, ...]
) -> dict[str, NDArray[np.float64]]:
    """Confusion counts of each method, as a mean over its runs."""
    counts: dict[str, list[NDArray[np.float64]]] = {}
    for run in _runs:
        table = load_test_predictions(run)
        matrix = confusion(table[f"{task}_true"], table[f"{task}_pred"], classes)
        counts.setdefault(run.method, []).append(np.asarray(matrix, dtype=np.float64))
    return {method: np.mean(stack, axis=0) for method, stack in counts.items()}


main()
