"""Views of a classification: all classes together, shot groups, each class."""

from collections.abc import Mapping
from typing import Literal

import pandas as pd

from core.errors import NothingToShow
from core.evaluation.comparison import Comparison
from core.evaluation.metrics import (
    SHOT_GROUPS,
    SHOTS,
    MetricInfo,
    metric_info,
    metric_keys,
    shot_groups,
)
from core.language import N_, gettext
from core.plots import classification as plots
from core.plots.overview import leaderboard_takeaway
from core.results.frame import table_frame
from core.results.tables import leaderboard
from core.tasks import Classification
from core.text import strong
from core.views.drawing import Drawn, Numbers, classification_of, draws
from core.views.loads import load_comparison, load_metrics, load_training_counts
from core.views.study_view import StudyView

Score = Literal["f1", "recall"]
Part = Literal["all", "rarest", "hardest", "largest"]
SCORES: dict[str, str] = {"f1": N_("F1"), "recall": N_("Recall")}
"""Scores of a class, as a reader sees them."""


@draws("whole-task", N_("Every metric of a classification over all classes"))
def draw_whole_task(view: StudyView, *, task: str = "") -> Drawn:
    """Every metric of the task as a whole, one row a method."""
    asked = classification_of(view, task)
    comparison = load_comparison(view)
    keys = [key for key in metric_keys(asked) if not metric_info(key).part]
    infos = [
        metric_info(key, view.tasks) for key in keys if not key.endswith(".accuracy")
    ]
    area = metric_info(f"{asked.name}.auc", view.tasks)
    rows = comparison.table[comparison.table["metric"].isin(keys)]
    said = leaderboard_takeaway(rows, infos, view.look)
    return Drawn(
        title=gettext("{task}: over all classes", task=gettext(asked.label)),
        name=f"{view.study.name}-{asked.name}-whole",
        takeaway=said,
        data=rows,
        numbers=Numbers(
            scores_frame(view, comparison, [info.key for info in infos]),
            said,
            note=f"{note_on_scores(view)} {explained(area)}",
        ),
    )


@draws(
    "shot-groups",
    N_("Accuracy on classes with many, medium and few training images"),
)
def draw_shot_groups(view: StudyView, *, task: str = "") -> Drawn:
    """Mean recall of the classes with many, medium and few training images."""
    asked = classification_of(view, task)
    table, counts = load_comparison(view).table, class_counts(view, asked)
    scores = plots.scores_by_part(table, asked.name, "accuracy", tuple(SHOT_GROUPS))
    scores = scores[scores["method"].isin(view.methods)]
    if scores.empty or counts is None:
        raise NothingToShow(
            gettext(
                "The classes of {task} in the study {study} are of one shot group, or "
                "their training images are not known, so there are no groups to "
                "compare.",
                task=strong(gettext(asked.label)),
                study=strong(gettext(view.study.title)),
            )
        )
    sizes = {name: len(ids) for name, ids in shot_groups(asked.classes, counts).items()}
    figure = plots.plot_shot_groups(scores, asked.classes, counts, view.look)
    return Drawn(
        title=gettext(
            "{task}: classes with many, medium and few training images",
            task=gettext(asked.label),
        ),
        name=f"{view.study.name}-{asked.name}-shots",
        takeaway=plots.shot_takeaway(scores, sizes, view.look),
        figures={gettext(asked.label): figure},
        data=scores,
        note=gettext(
            "Mean recall of the group's classes, over the seeds, with 95 % interval; "
            "{shots} (Liu et al., CVPR 2019).",
            shots=gettext(SHOTS),
        ),
    )


@draws("class-scores", N_("F1 or recall of each class, beside its training images"))
def draw_class_scores(
    view: StudyView, *, task: str = "", score: Score = "f1", classes: Part = "all"
) -> Drawn:
    """A score of each class; of many classes perhaps the rarest or hardest alone."""
    asked = classification_of(view, task)
    table, counts = load_comparison(view).table, class_counts(view, asked)
    scores = plots.scores_by_part(table, asked.name, score, asked.classes)
    scores = scores[scores["method"].isin(view.methods)]
    if scores.empty:
        raise NothingToShow(
            gettext(
                "The classes of {task} in the study {study} have no {score} of their "
                "own.",
                task=strong(gettext(asked.label)),
                study=strong(gettext(view.study.title)),
                score=gettext(SCORES[score]),
            )
        )
    shown = plots.choose_classes(scores, counts, view.baseline, classes)
    label = gettext(SCORES[score])
    figure = plots.plot_class_scores(scores, shown, counts, view.look, score=label)
    return Drawn(
        title=class_scores_title(view, asked),
        name=f"{view.study.name}-{asked.name}-{score}",
        takeaway=plots.class_takeaway(scores, counts, view.look, score=label),
        figures={gettext(asked.label): figure},
        data=scores,
        note=_class_note(view, len(shown), counts),
        numbers=_class_numbers(view, asked, scores, counts, label),
    )


def _class_note(view: StudyView, shown: int, counts: Mapping[str, int] | None) -> str:
    """What the marks are, and in which order the classes stand."""
    mean = view.mean_text.capitalize()
    if shown > plots.MANY:
        marks = gettext("{mean}, intervals in the CSV.", mean=mean)
    else:
        marks = gettext("{mean} with 95 % interval.", mean=mean)
    if counts is None:
        order = gettext("Classes from most to fewest test images.")
    else:
        order = gettext(
            "Classes from most to fewest training images, counted before a method "
            "draws from them."
        )
    return f"{marks} {order}"


def class_scores_title(view: StudyView, task: Classification) -> str:
    """Heading of the view."""
    # Of a table of predictions the images that were trained on are not known.
    if class_counts(view, task) is None:
        return gettext("{task}: each class", task=gettext(task.label))
    return gettext(
        "{task}: each class beside its training images", task=gettext(task.label)
    )


def class_counts(view: StudyView, task: Classification) -> dict[str, int] | None:
    """Training images of each class; None where they are not known."""
    return load_training_counts(view).get(task.name)


def comparison_with(view: StudyView, task: Classification, key: str) -> Comparison:
    """The comparison of all metrics where it has this one, else one of its own."""
    whole = load_comparison(view)
    return whole if key in whole.runs else load_metrics(view, (task,), (key,))


def scores_frame(
    view: StudyView, comparison: Comparison, keys: list[str]
) -> pd.DataFrame:
    """One row a shown method, one column a metric: its score, interval and verdict."""
    labels = {method: view.labels[method] for method in view.methods}
    return table_frame(leaderboard(comparison, keys, labels, view.tasks, part="score"))


def note_on_scores(view: StudyView) -> str:
    """How a table of scores is read."""
    return gettext(
        "{mean} [95 % interval] and verdict against the baseline; – where a method has "
        "labels only, without probabilities.",
        mean=view.mean_text.capitalize(),
    )


def explained(info: MetricInfo) -> str:
    """A metric with its explanation, for a note."""
    return gettext(
        "{metric}: {explanation}", metric=info.label, explanation=info.explanation
    )


def _class_numbers(
    view: StudyView,
    task: Classification,
    scores: pd.DataFrame,
    counts: Mapping[str, int] | None,
    score: str,
) -> Numbers:
    mean = view.mean_text
    if len(task.classes) > plots.MANY:
        return Numbers(
            plots.class_scores_table(scores, task.classes, counts, view.look),
            gettext("{score} of each class: {mean}.", score=score, mean=mean),
            note=gettext(
                "{score} of each class: {mean}; intervals and verdicts are in the CSV.",
                score=score,
                mean=mean,
            ),
            is_long=True,
        )
    return Numbers(
        plots.class_table(scores, task.classes, view.look),
        gettext(
            "{score} of each class: {mean}, 95 % interval, verdict.",
            score=score,
            mean=mean,
        ),
    )
