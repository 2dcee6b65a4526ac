"""The part of the Classification page on top-k accuracy, for any k."""

import pandas as pd
import streamlit as st

from core.evaluation.alignment import align_predictions
from core.evaluation.answers import top_k_curves
from core.evaluation.comparison import Comparison
from core.evaluation.metrics import TOP_K, metric_info
from core.plots import classification as plots
from core.plots.overview import (
    differences_takeaway,
    leaderboard_takeaway,
    plot_differences,
    rows_of,
)
from core.results.frame import table_frame
from core.results.tables import leaderboard
from core.runs import Run
from core.tasks import Multiclass
from core.text import plural
from core.views.caching import cached
from core.views.loads import load_metrics, load_tables
from core.views.study_view import StudyView
from pages.shell.choose import choose_number
from pages.shell.show import show_chart, show_static_table


def show_top_k(view: StudyView, comparison: Comparison, task: Multiclass) -> None:
    """Top-k accuracy over all k, and one k of the reader's choice against the baseline.

    ``comparison`` is that of the page, in which some k may be already.
    """
    curves = _curves(task, view.baseline, view.runs)
    curves = curves[curves["method"].isin(view.methods)]
    if curves.empty:
        return
    st.header("Is the right class among the first k?", anchor=False)
    classes = len(task.classes)
    k = choose_number(
        "k",
        1,
        classes,
        min(TOP_K if classes > TOP_K else 2, classes),
        key=f"classification_k_{view.study.name}_{task.name}",
        parameter="k",
        width=420,
        help="How many of the most probable classes may be looked at.",
    )
    key = f"{task.name}.top_{k}_accuracy"
    if key not in comparison.runs:
        comparison = load_metrics(view, (task,), (key,))
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
    alone = set(rows["method"]) & set(view.methods) <= {view.baseline}
    left, right = (st.container(), None) if alone else st.columns(2)
    with left:
        show_chart(
            plots.plot_top_k(curves, k, view.look),
            name=f"{view.study.name}-{task.name}-top-k",
            title=f"{task.label}: top-k accuracy",
            takeaway=plots.top_k_takeaway(rows, k, len(task.classes), view.look),
            data=curves,
            note=f"{view.mean_text.capitalize()}, of "
            f"{plural(int(rows['n'].max()), 'test image')}; with k = "
            f"{len(task.classes)} every class is among the first.",
        )
    if right is not None:
        with right:
            show_chart(
                plot_differences(rows, info, view.look),
                name=f"{view.study.name}-{task.name}-top-k-differences",
                title=f"Difference to the baseline, k = {k}",
                takeaway=differences_takeaway(rows, info, view.look),
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
            takeaway=leaderboard_takeaway(rows, [info], view.look),
            download=rows,
            note=f"{view.mean_text.capitalize()} [95 % interval] and verdict against "
            "the baseline; – where a method has labels only, without probabilities.",
        )


@cached(entries=16)
def _curves(task: Multiclass, baseline: str, runs: tuple[Run, ...]) -> pd.DataFrame:
    aligned = align_predictions(load_tables(runs), [task], baseline)
    return top_k_curves(aligned, task)
