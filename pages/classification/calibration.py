"""The part of the Classification page on whether probabilities can be believed."""

import pandas as pd
import streamlit as st

from core.evaluation.alignment import align_predictions
from core.evaluation.comparison import Comparison
from core.evaluation.metrics import calibration_keys, metric_info
from core.evaluation.reliability import (
    confidence_gaps,
    confidence_histograms,
    reliability_curves,
)
from core.plots import calibration as plots
from core.results.frame import table_frame
from core.results.tables import leaderboard
from core.runs import Run
from core.tasks import Classification
from core.views.caching import cached
from core.views.loads import load_metrics, load_tables
from core.views.study_view import StudyView
from pages.classification.scaling import show_scaled
from pages.shell.choose import choose_whether
from pages.shell.show import Card, open_card, show_charts, show_static_table

# Answers times classes that are looked at unasked: beyond, half a gigabyte is needed.
MOST = 2_000_000


def show_calibration(view: StudyView, task: Classification) -> None:
    """Reliability diagrams of all methods, and their calibration errors in numbers.

    Of all methods of the study, shown or not: verdicts are corrected over all of them.
    """
    answers = sum(len(table) for table in load_tables(view.runs).values())
    if answers * len(task.classes) > MOST and not choose_whether(
        "Show whether the probabilities can be believed",
        key=f"classification_calibration_{view.study.name}",
        parameter="calibration",
        help=f"The runs have {answers:,} answers: this takes memory and some seconds.",
    ):
        return
    curves, histograms, gaps = _reliability(task, view.baseline, view.runs)
    if gaps.empty or not set(gaps["method"]) & set(view.methods):
        return
    st.header("Can the probabilities be believed?", anchor=False)
    comparison = load_metrics(view, (task,), calibration_keys(task))
    with open_card(f"{task.label}: how sure, and how often right") as card:
        scaled = choose_whether(
            "After temperature scaling",
            key=f"classification_scaled_{view.study.name}",
            parameter="scaled",
            help="Divide the logits of each run by one number, fitted on its "
            "validation images, and see whether its probabilities can then be "
            "believed. Nothing is trained, and no answer changes.",
        )
        if not (scaled and show_scaled(view, task, card, (curves, histograms))):
            _show_diagrams(view, task, card, (curves, histograms, gaps), comparison)
    with st.expander("In numbers", icon=":material/table:"):
        _table(view, comparison, task)


def _show_diagrams(
    view: StudyView,
    task: Classification,
    card: Card,
    found: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    comparison: Comparison,
) -> None:
    curves, histograms, gaps = found
    shown = [method for method in view.methods if method in set(gaps["method"])]
    info = metric_info(f"{task.name}.ece", view.tasks)
    show_charts(
        {
            view.labels[method]: plots.plot_reliability(
                curves[curves["method"] == method],
                histograms[histograms["method"] == method],
                view.styles[method],
                view.labels[method],
            )
            for method in shown
        },
        name=f"{view.study.name}-{task.name}-reliability",
        takeaway=plots.reliability_takeaway(gaps, comparison.table, info, view.look),
        data=curves[curves["method"].isin(shown)],
        note="Each point is a group of equally many images with similar probabilities; "
        "bars are 95 % intervals over the test images. Below the dotted line a method "
        "is over-confident. Weights, samplers, focal losses and logit adjustment also "
        "change the probabilities, not only the answers. "
        f"{view.mean_text.capitalize()}.",
        card=card,
        column_width=300,
    )


def _table(view: StudyView, comparison: Comparison, task: Classification) -> None:
    infos = [metric_info(key, view.tasks) for key in calibration_keys(task)]
    rows = comparison.table[comparison.table["method"].isin(view.methods)]
    board = leaderboard(
        comparison,
        [info.key for info in infos],
        {method: view.labels[method] for method in view.methods},
        view.tasks,
        part="score",
    )
    show_static_table(
        table_frame(board),
        name=f"{view.study.name}-{task.name}-calibration-table",
        takeaway="Losses and calibration errors of the probabilities; lower is better.",
        download=rows,
        note=" ".join(f"{info.label}: {info.explanation}" for info in infos),
    )


@cached(entries=16, says="Comparing probabilities with what happened…")
def _reliability(
    task: Classification, baseline: str, runs: tuple[Run, ...]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    aligned = align_predictions(load_tables(runs), [task], baseline)
    return (
        reliability_curves(aligned, task),
        confidence_histograms(aligned, task),
        confidence_gaps(aligned, task),
    )
