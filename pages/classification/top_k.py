"""The part of the Classification page on top-k accuracy, for any k."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.alignment import align_predictions
from core.evaluation.auc import top_k_accuracies
from core.evaluation.comparison import Baseline, Comparison, compare_runs
from core.evaluation.metrics import TOP_K, metric_info
from core.plots import classification as plots
from core.plots.overview import (
    differences_takeaway,
    leaderboard_takeaway,
    plot_differences,
    rows_of,
)
from core.plots.style import plural
from core.results.frame import table_frame
from core.results.study_runs import study_options
from core.results.tables import leaderboard
from core.runs import Run
from core.study import Study
from core.tasks import Multiclass
from pages.shell.show import show_chart, show_static_table
from pages.shell.study_bar import StudyView
from pages.shell.tables import (
    Fingerprint,
    fingerprint,
    load_test_predictions,
    mean_text,
)


def show_top_k(view: StudyView, comparison: Comparison, task: Multiclass) -> None:
    """Top-k accuracy over all k, and one k of the reader's choice against the baseline.

    ``comparison`` is that of the page, in which some k may be already.
    """
    curves = _curves(fingerprint(view.runs), task, view.baseline, view.runs)
    curves = curves[curves["method"].isin(view.methods)]
    if curves.empty:
        return
    st.header("Is the right class among the first k?", anchor=False)
    classes = len(task.classes)
    k = st.slider(
        "k",
        1,
        classes,
        min(TOP_K if classes > TOP_K else 2, classes),
        key=f"classification_k_{view.study.name}_{task.name}",
        persist_state="session",
        width=420,
        help="How many of the most probable classes may be looked at.",
    )
    if f"{task.name}.top_{k}_accuracy" not in comparison.runs:
        key = fingerprint(view.runs)
        comparison = _compared(key, task, view.against, k, view.runs, view.study)
    _charts(view, curves, comparison, task, k)


def _charts(
    view: StudyView,
    curves: pd.DataFrame,
    comparison: Comparison,
    task: Multiclass,
    k: int,
) -> None:
    info = metric_info(f"{task.name}.top_{k}_accuracy", view.tasks)
    rows = rows_of(comparison.table, info.key).reset_index()
    names = (view.methods, view.labels)
    alone = set(rows["method"]) & set(view.methods) <= {view.baseline}
    left, right = (st.container(), None) if alone else st.columns(2)
    with left:
        show_chart(
            plots.plot_top_k(curves, k, view.methods, view.styles, view.labels),
            name=f"{view.study.name}-{task.name}-top-k",
            title=f"{task.label}: top-k accuracy",
            takeaway=plots.top_k_takeaway(
                rows, k, len(task.classes), view.labels, view.baseline
            ),
            data=curves,
            note=f"{mean_text(view).capitalize()}, of "
            f"{plural(int(rows['n'].max()), 'test image')}; with k = "
            f"{len(task.classes)} every class is among the first.",
        )
    if right is not None:
        with right:
            show_chart(
                plot_differences(rows, info, view.methods, view.styles, view.labels),
                name=f"{view.study.name}-{task.name}-top-k-differences",
                title=f"Difference to the baseline, k = {k}",
                takeaway=differences_takeaway(rows, info, *names),
                data=rows,
                note="Paired on the same test images; bars are 95 % intervals. "
                "Verdicts are corrected for the number of methods, and not for trying "
                "several k.",
            )
    with st.expander("In numbers", icon=":material/table:"):
        show_static_table(
            table_frame(
                leaderboard(
                    comparison,
                    [info.key],
                    {method: view.labels[method] for method in view.methods},
                    view.tasks,
                    part="score",
                )
            ),
            name=f"{view.study.name}-{task.name}-top-k-table",
            takeaway=leaderboard_takeaway(rows, [info], *names),
            download=rows,
            note=f"{mean_text(view).capitalize()} [95 % interval] and verdict against "
            "the baseline; – where a method has labels only, without probabilities.",
        )


@st.cache_data(max_entries=32, show_spinner=False)
def _compared(
    key: Fingerprint,
    task: Multiclass,
    baseline: Baseline,
    k: int,
    _runs: tuple[Run, ...],
    _study: Study,
) -> Comparison:
    metric = f"{task.name}.top_{k}_accuracy"
    tables = _tables(_runs)
    return compare_runs(
        tables,
        (task,),
        baseline,
        metrics=[metric],
        **study_options(_study, _runs, tables, baseline),
    )


@st.cache_data(max_entries=16, show_spinner=False)
def _curves(
    key: Fingerprint, task: Multiclass, baseline: str, _runs: tuple[Run, ...]
) -> pd.DataFrame:
    """Top-k accuracy of each method for every k, as a mean over its runs."""
    aligned = align_predictions(_tables(_runs), [task], baseline)
    labels = aligned.truth[task.name].astype(np.int64)
    given = aligned.probabilities[task.name]
    parts = []
    for method in aligned.methods:
        known = [p for c in aligned.columns_of(method) if (p := given[c]) is not None]
        if len(known) == len(aligned.columns_of(method)):
            shares = np.mean([top_k_accuracies(labels, p) for p in known], axis=0)
            parts.append(_curve(method, shares))
    return pd.concat(parts, ignore_index=True) if parts else _curve("", ()).iloc[:0]


def _curve(method: str, shares: Sequence[float] | np.ndarray) -> pd.DataFrame:
    k = np.arange(1, len(shares) + 1)
    return pd.DataFrame({"method": method, "k": k, "accuracy": shares})


def _tables(runs: tuple[Run, ...]) -> dict[tuple[str, int], pd.DataFrame]:
    return {(run.method, run.seed): load_test_predictions(run) for run in runs}
