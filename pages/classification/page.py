"""Classification: how well, on which classes, and what is taken for what."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from core.evaluation.comparison import Comparison
from core.evaluation.metrics import (
    SHOT_GROUPS,
    SHOTS,
    metric_info,
    metric_keys,
    shot_groups,
)
from core.plots import classification as plots
from core.plots.overview import leaderboard_takeaway
from core.results.frame import table_frame
from core.results.tables import leaderboard
from core.tasks import Classification, Multiclass, Regression
from core.text import strong, to_markdown
from core.views.loads import load_comparison, load_training_counts
from core.views.study_view import StudyView
from pages.classification.calibration import show_calibration
from pages.classification.confusions import show_confusions
from pages.classification.curves import show_curves
from pages.classification.top_k import show_top_k
from pages.shell.address import run_page
from pages.shell.choose import choose, choose_task
from pages.shell.notices import is_alone, leave_out_damaged
from pages.shell.show import (
    open_card,
    show_chart,
    show_static_table,
    show_table,
    stop_with,
)
from pages.shell.study_bar import study_bar

SCORES = {"f1": "F1", "recall": "Recall"}
Counts = Mapping[str, int] | None


def main() -> None:
    """Choose a task, show its classes."""
    view = study_bar(
        "Which classes are recognised?",
        lead="A rare class can fail while the overall accuracy looks fine.",
        beside=True,
    )
    view = leave_out_damaged(view)
    whole = load_comparison(view)
    comparison = whole.table
    task = _choose_task(view)
    counts = load_training_counts(view).get(task.name)
    is_alone(view)
    _whole_task(view, whole, task)
    _shot_groups(view, comparison, task, counts)
    _class_scores(view, comparison, task, counts)
    show_confusions(view, task, counts)
    show_curves(view, whole, task)
    show_calibration(view, task)
    if isinstance(task, Multiclass):
        show_top_k(view, whole, task)


def _choose_task(view: StudyView) -> Classification:
    tasks = {t.name: t for t in view.tasks if not isinstance(t, Regression)}
    if not tasks:
        stop_with(
            f"The study {strong(view.study.title)} has no classification task. Choose "
            "another study above, or see its numbers on the Age page."
        )
    # The task with the most classes first: there imbalance shows most.
    ordered = sorted(tasks.values(), key=lambda task: -len(task.classes))
    return choose_task(ordered, key=f"classification_task_{view.study.name}")


def _whole_task(view: StudyView, comparison: Comparison, task: Classification) -> None:
    """Every metric of the task as a whole, one row a method."""
    keys = [key for key in metric_keys(task) if not metric_info(key).part]
    infos = [
        metric_info(key, view.tasks) for key in keys if not key.endswith(".accuracy")
    ]
    area = metric_info(f"{task.name}.auc", view.tasks)
    rows = comparison.table[comparison.table["metric"].isin(keys)]
    board = leaderboard(
        comparison,
        [info.key for info in infos],
        {method: view.labels[method] for method in view.methods},
        view.tasks,
        part="score",
    )
    with st.container(border=True):
        st.subheader(to_markdown(f"{task.label}: over all classes"), anchor=False)
        show_static_table(
            table_frame(board),
            name=f"{view.study.name}-{task.name}-whole",
            takeaway=leaderboard_takeaway(rows, infos, view.look),
            download=rows,
            note=f"{view.mean_text.capitalize()} [95 % interval] and verdict against "
            "the baseline;"
            " – where a method has labels only, without probabilities. "
            f"{area.label}: {area.explanation}",
        )


def _shot_groups(
    view: StudyView, comparison: pd.DataFrame, task: Classification, counts: Counts
) -> None:
    scores = plots.scores_by_part(comparison, task.name, "accuracy", tuple(SHOT_GROUPS))
    scores = scores[scores["method"].isin(view.methods)]
    if scores.empty or counts is None:
        return
    show_chart(
        plots.plot_shot_groups(scores, task.classes, counts, view.look),
        name=f"{view.study.name}-{task.name}-shots",
        title=f"{task.label}: classes with many, medium and few training images",
        takeaway=plots.shot_takeaway(
            scores,
            {name: len(ids) for name, ids in shot_groups(task.classes, counts).items()},
            view.look,
        ),
        data=scores,
        note="Mean recall of the group's classes, over the seeds, with 95 % interval; "
        f"{SHOTS} (Liu et al., CVPR 2019).",
    )


def _class_scores(
    view: StudyView, comparison: pd.DataFrame, task: Classification, counts: Counts
) -> None:
    many = len(task.classes) > plots.MANY
    beside, order = _how_ordered(counts)
    with open_card(f"{task.label}: each class{beside}") as card:
        kind = _choose_score(task)
        choice = _choose_classes() if many else "all"
        scores = plots.scores_by_part(comparison, task.name, kind, task.classes)
        scores = scores[scores["method"].isin(view.methods)]
        shown = plots.choose_classes(scores, counts, view.baseline, choice)
        drawn = " with 95 % interval"
        if len(shown) > plots.MANY:
            drawn = ", intervals in the CSV"
        name = f"{view.study.name}-{task.name}-{kind}"
        show_chart(
            plots.plot_class_scores(
                scores, shown, counts, view.look, score=SCORES[kind]
            ),
            name=name,
            takeaway=plots.class_takeaway(
                scores, counts, view.look, score=SCORES[kind]
            ),
            data=scores,
            note=f"{view.mean_text.capitalize()}{drawn}; {order}.",
            card=card,
        )
    with st.expander("In numbers", icon=":material/table:"):
        said = f"{SCORES[kind]} of each class: {view.mean_text}"
        if many:
            show_table(
                plots.class_scores_table(scores, task.classes, counts, view.look),
                name=f"{name}-table",
                alt=f"{said}.",
                download=scores,
                note=f"{said}; intervals and verdicts are in the CSV.",
            )
        else:
            show_static_table(
                plots.class_table(scores, task.classes, view.look),
                name=f"{name}-table",
                takeaway=f"{said}, 95 % interval, verdict.",
                download=scores,
            )


def _how_ordered(counts: Counts) -> tuple[str, str]:
    """What stands beside the classes, and how they are ordered."""
    if counts is None:
        # Of a table of predictions the images that were trained on are not known.
        return "", "classes from most to fewest test images"
    return " beside its training images", (
        "classes from most to fewest training images, counted before a method draws "
        "from them"
    )


def _choose_score(task: Classification) -> str:
    """F1 or recall; with two classes F1 alone."""
    return choose(
        "Score",
        list(SCORES) if task.kind == "multiclass" else ["f1"],
        labels=SCORES,
        key=f"classification_score_{task.kind}",
        parameter="score",
        is_segmented=True,
        label_visibility="collapsed",
    )


def _choose_classes() -> str:
    return choose(
        "Classes",
        list(plots.CHOICES),
        labels=plots.CHOICES,
        key="classification_classes",
        parameter="classes",
        is_segmented=True,
        label_visibility="collapsed",
    )


run_page(main)
