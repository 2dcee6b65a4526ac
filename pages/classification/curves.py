"""The part of the Classification page on ROC and precision-recall curves."""

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.alignment import align_predictions
from core.evaluation.comparison import Comparison
from core.evaluation.curves import (
    KINDS,
    CurveChoice,
    chance_precision,
    method_curves,
    operating_points,
)
from core.evaluation.metrics import metric_info
from core.plots import curves as plots
from core.plots.overview import (
    leaderboard_takeaway,
    plot_differences,
    rows_of,
)
from core.results.curves import study_bands
from core.results.frame import table_frame
from core.results.tables import leaderboard
from core.runs import Run
from core.study import Study
from core.tasks import Classification
from core.text import strong, to_markdown
from core.views.caching import cached
from core.views.loads import load_metrics, load_tables
from core.views.study_view import StudyView
from pages.shell.choose import choose, choose_whether
from pages.shell.show import show_chart, show_static_table

# Answers times classes that are looked at unasked: beyond, it takes seconds.
MOST = 4_000_000
MEAN = ""


def show_curves(view: StudyView, whole: Comparison, task: Classification) -> None:
    """Curves of all methods, a few with bands, beside the differences of their areas.

    ``whole`` is the comparison of the page, in which the area may be already.
    """
    st.header("How well do the probabilities tell classes apart?", anchor=False)
    answers = sum(len(table) for table in load_tables(view.runs).values())
    if answers * len(task.classes) > MOST and not choose_whether(
        "Show ROC and precision-recall curves",
        key=f"classification_curves_{view.study.name}",
        parameter="curves",
        help=f"The runs have {answers:,} answers: this takes some seconds.",
    ):
        return
    choice, beside = _choose(view, task)
    curves, points, chance = _curves(task, choice, view.baseline, view.runs)
    curves = curves[curves["method"].isin(view.methods)]
    if curves.empty:
        _say_why_empty(task, choice, chance)
        return
    key = choice.area(task)
    if key not in whole.runs:
        whole = load_metrics(view, (task,), (key,))
    _charts(view, whole, task, choice, beside, (curves, points, chance))


def _choose(view: StudyView, task: Classification) -> tuple[CurveChoice, str]:
    """Which curve, of which class, and the method that stands out."""
    name = f"{view.study.name}_{task.name}"
    # The areas of two classes are those of the positive one.
    usual = task.classes[1] if len(task.classes) == 2 else MEAN
    others = [label for label in task.classes if label != usual]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = choose(
            "Curve",
            KINDS,
            labels=plots.KIND_LABELS,
            key=f"classification_curve_{name}",
            parameter="curve",
            is_segmented=True,
        )
        label = choose(
            "Class against the rest",
            [usual, *others],
            labels=lambda label: label or "Mean of the classes",
            key=f"classification_curve_class_{name}",
            parameter="curve_class",
            what="class",
            width=240,
        )
        beside = choose(
            "Method that stands out",
            [m for m in view.methods if m != view.baseline] or [view.baseline],
            labels=view.labels,
            key=f"classification_curve_beside_{name}",
            parameter="curve_beside",
            what="method",
            width=280,
        )
    return CurveChoice(kind, "" if label == usual else label), beside


def _say_why_empty(task: Classification, choice: CurveChoice, chance: float) -> None:
    if not np.isnan(chance):
        said = (
            "No shown method has probabilities, only labels, and a curve needs them. "
            "Import predictions with a probability of each class, or show another "
            "method."
        )
    else:
        label = choice.label or task.classes[1]
        said = (
            f"Of the test images none is of the class {strong(label)}, or all are, so "
            "that there is nothing to tell apart. Choose another class."
        )
    st.info(to_markdown(said), icon=":material/info:")


def _charts(
    view: StudyView,
    comparison: Comparison,
    task: Classification,
    choice: CurveChoice,
    beside: str,
    found: tuple[pd.DataFrame, pd.DataFrame, float],
) -> None:
    curves, points, chance = found
    info = metric_info(choice.area(task), view.tasks)
    rows = rows_of(comparison.table, info.key).reset_index()
    stands_out = tuple(dict.fromkeys((view.baseline, beside)))
    bands = _bands(task, choice, stands_out, view.baseline, view.runs, view.study)
    name = f"{view.study.name}-{task.name}-{choice.kind}"
    notes = (
        plots.without_curve(curves, view.look),
        plots.reading_note(bands, view.look),
        f"{view.mean_text.capitalize()}.",
    )
    alone = set(view.methods) <= {view.baseline}
    left, right = (st.container(), None) if alone else st.columns([3, 2])
    with left:
        show_chart(
            plots.plot_curves(
                curves, bands, points, choice.kind, chance, view.look, stands_out
            ),
            name=name,
            title=f"{task.label}: {plots.KIND_LABELS[choice.kind]} curves"
            + (f", {choice.label}" if choice.label else ""),
            takeaway=plots.curves_takeaway(
                comparison.table,
                info,
                0.5 if choice.kind == "roc" else chance,
                view.look,
            ),
            data=curves,
            note=" ".join(note for note in notes if note),
        )
    if right is not None:
        with right:
            show_chart(
                plot_differences(rows, info, view.look),
                name=f"{name}-differences",
                title="Area under the curve: difference to the baseline",
                takeaway=leaderboard_takeaway(rows, [info], view.look),
                data=rows,
                note="Paired on the same test images; bars are 95 % intervals that "
                "hold for all methods at once. Verdicts are not corrected for trying "
                "several classes.",
            )
    with st.expander("In numbers", icon=":material/table:"):
        labels = {method: view.labels[method] for method in view.methods}
        show_static_table(
            table_frame(
                leaderboard(comparison, [info.key], labels, view.tasks, part="score")
            ),
            name=f"{name}-table",
            takeaway=f"{info.label} of every method.",
            download=rows,
            note=f"{info.label}: {info.explanation}",
        )


@cached(entries=32, says="Drawing the curves…")
def _curves(
    task: Classification, choice: CurveChoice, baseline: str, runs: tuple[Run, ...]
) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    aligned = align_predictions(load_tables(runs), [task], baseline)
    return (
        method_curves(aligned, task, choice),
        operating_points(aligned, task, choice),
        chance_precision(aligned, task, choice),
    )


@cached(entries=32, says="Resampling the curves…")
def _bands(
    task: Classification,
    choice: CurveChoice,
    methods: tuple[str, ...],
    baseline: str,
    runs: tuple[Run, ...],
    study: Study,
) -> pd.DataFrame:
    tables = load_tables(runs)
    aligned = align_predictions(tables, [task], baseline)
    return study_bands(study, runs, tables, aligned, task, choice, methods, baseline)
