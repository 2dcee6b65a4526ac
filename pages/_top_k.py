"""The part of the Classification page on top-k accuracy, for any k."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.alignment import align_predictions
from core.evaluation.compare import compare
from core.evaluation.metrics import TOP_K, metric_info
from core.evaluation.ranking import top_k_accuracies
from core.plots import classification as plots
from core.plots.overview import (
    differences_takeaway,
    leaderboard,
    leaderboard_takeaway,
    plot_differences,
)
from core.plots.style import plural
from core.runs import Run, training_keys
from core.tasks import Multiclass
from pages._show import show_chart, show_static_table
from pages._study_bar import StudyView
from pages._tables import (
    Fingerprint,
    fingerprint,
    load_test_predictions,
    seeds_text,
)


def show_top_k(view: StudyView, comparison: pd.DataFrame, task: Multiclass) -> None:
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
    key = f"{task.name}.top_{k}_accuracy"
    rows = comparison[comparison["metric"] == key]
    if rows.empty:
        rows = _compared(fingerprint(view.runs), task, view.baseline, k, view.runs)
    _charts(view, curves, rows, task, k)


def _charts(
    view: StudyView, curves: pd.DataFrame, rows: pd.DataFrame, task: Multiclass, k: int
) -> None:
    info = metric_info(f"{task.name}.top_{k}_accuracy", view.tasks)
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
            note=f"Mean over {seeds_text(view)}, of "
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
            leaderboard(rows, [info], *names),
            name=f"{view.study.name}-{task.name}-top-k-table",
            takeaway=leaderboard_takeaway(rows, [info], *names),
            download=rows,
            note="Mean over the seeds [95 % interval] and verdict against the "
            "baseline; – where a method has labels only, without probabilities.",
        )


@st.cache_data(max_entries=32, show_spinner=False)
def _compared(
    key: Fingerprint, task: Multiclass, baseline: str, k: int, _runs: tuple[Run, ...]
) -> pd.DataFrame:
    metric = f"{task.name}.top_{k}_accuracy"
    found = compare(
        _tables(_runs),
        (task,),
        baseline,
        further=[metric],
        trainings=training_keys(_runs),
    ).table
    return found[found["metric"] == metric].reset_index(drop=True)


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
