"""The view of what changed between two methods, image by image."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import NothingToShow, ViewError
from core.evaluation.changed import (
    Change,
    change_keys,
    change_of,
    count_by_class,
    count_changes,
    count_churn,
    count_shifts,
    mcnemar_of_votes,
    share_trainings,
    shift_histogram,
    tabulate_changes,
)
from core.evaluation.comparison import Comparison
from core.evaluation.metrics import metric_info
from core.language import N_, gettext, ngettext
from core.plots import changed as plots
from core.plots.answers import truth_text
from core.plots.formatting import feature_label
from core.runs import training_keys
from core.tasks import Regression, Task
from core.text import BREAK, percent, strong, to_plain
from core.views.answers import TaskErrors, load_errors, method_of
from core.views.drawing import Drawn, Numbers, any_task_of, draws, nothing_in
from core.views.loads import load_metrics, require_runs
from core.views.pictures import checked_count, picture_figures
from core.views.study_view import StudyView

TITLE = N_("What changed between two methods")

Side = Literal["gained", "lost"]


@draws("changed", TITLE)
def draw_changed(
    view: StudyView,
    *,
    task: str = "",
    first: str = "",
    second: str = "",
    by: str = "",
) -> Drawn:
    """The images that the second of two methods gains and loses beside the first.

    Counted by class, or ``by`` the groups of a feature; of a number, how far its errors
    moved.
    """
    found = load_errors(view, any_task_of(view, task))
    change = change_between(view, found, first=first, second=second)
    if change.is_none:
        raise nothing_in(view, plots.nothing_changed(change, view.labels))
    if isinstance(change.task, Regression):
        return _draw_shifts(view, change.task, change)
    known = features_to_count_by(found)
    if by and by not in known:
        raise ViewError(
            gettext(
                "The images of {task} cannot be counted by '{feature}'.",
                task=gettext(found.answers.task.label),
                feature=by,
            ),
            expected=gettext("one of {names}.", names=", ".join(known))
            if known
            else gettext("no feature."),
            remedy=gettext("correct the name, or leave it out to count by class."),
        )
    return _draw_counts(view, found, change, by)


@draws("changed-images", N_("The images on which one of two methods does better"))
def draw_changed_images(
    view: StudyView,
    *,
    task: str = "",
    first: str = "",
    second: str = "",
    side: Side = "gained",
    count: int = 8,
) -> Drawn:
    """The images that moved farthest one way between two methods.

    As pictures where these may be passed on, else as a table.
    """
    found = load_errors(view, any_task_of(view, task))
    change = change_between(view, found, first=first, second=second)
    rows = change.ranked(gained=side == "gained")
    heading = plots.gallery_heading(change, view.labels, gained=side == "gained")
    said = gettext(
        "{heading}: {images}.", heading=heading, images=counted_images(change, rows)
    )
    if not len(rows):
        raise nothing_in(view, said)
    answers, images = found.answers, found.images
    shown = rows[: checked_count(count)]
    ids = images["image_id"].iloc[shown].tolist()
    lines = [
        (
            f"{truth_text(answers, row)}",
            *map(to_plain, plots.change_lines(answers, change, row, view.labels)),
        )
        for row in shown.tolist()
    ]
    table = plots.listed_changes(answers, images, change, shown, view.labels)
    return Drawn(
        title=heading,
        name=f"{changed_name(view, change)}-{side}",
        takeaway=said,
        figures=picture_figures(view, heading, ids, lines),
        data=tabulate_changes(change, images, answers.truth, rows),
        note=images_note(change),
        numbers=Numbers(table, said, note=images_note(change), is_long=True),
    )


def counted_images(change: Change, rows: NDArray[np.intp]) -> str:
    """How many images moved one way, and their share of all."""
    return ngettext(
        "{count} image ({share})",
        "{count} images ({share})",
        len(rows),
        share=percent(len(rows) / len(change.gain)),
    )


def images_note(change: Change) -> str:
    """How the images that moved are chosen, and what they do not tell."""
    notes = []
    if isinstance(change.task, Regression):
        notes.append(gettext("Errors are means over the seeds, without their sign."))
    elif max(change.seeds) > 1:
        notes.append(gettext("In brackets: the seeds that are right."))
    notes.append(
        gettext(
            "The farthest moved come first. They were chosen after their answers were "
            "known: they show how the methods differ, and not how often."
        )
    )
    return " ".join(notes)


def usual_second(view: StudyView, methods: Sequence[str]) -> str:
    """The method whose changes are looked at where none is named."""
    references = view.references
    return next((m for m in methods if references.get(m) in methods), methods[-1])


def usual_first(view: StudyView, methods: Sequence[str], second: str) -> str:
    """What the second is compared with where nothing is named: its baseline."""
    others = [method for method in methods if method != second]
    reference = view.references.get(second, view.baseline)
    return reference if reference in others else others[0]


def change_between(
    view: StudyView, found: TaskErrors, *, first: str = "", second: str = ""
) -> Change:
    """What changes from one method to another; the usual two where none is named.

    Raises
    ------
    NothingToShow
        If there is one method only, or one that is asked for is not shown.
    """
    methods = found.answers.methods
    if len(methods) < 2:
        raise NothingToShow(
            gettext(
                "Of {study} one method is shown, so that there is nothing to compare "
                "it with.",
                study=strong(gettext(view.study.title)),
            )
        )
    if first == second != "":
        raise ViewError(
            gettext(
                "The method '{method}' cannot be compared with itself.", method=first
            ),
            expected=gettext("two different methods."),
            remedy=gettext("choose another one of the two."),
        )
    second = method_of(view, second) if second else usual_second(view, methods)
    first = method_of(view, first) if first else usual_first(view, methods, second)
    if first == second:
        first = next(method for method in methods if method != second)
    return change_of(found.answers, found.scores, first, second)


def features_to_count_by(found: TaskErrors) -> list[str]:
    """Features with at least two groups among the test images."""
    return [name for name in found.features if found.images[name].nunique() > 1]


def changed_name(view: StudyView, change: Change) -> str:
    """Of the files of what changed."""
    pair = f"{change.first}-{change.second}"
    return f"{view.study.name}-{change.task.name}-{pair}-changed"


def _compare(view: StudyView, task: Task, change: Change, by: str) -> Comparison:
    """All methods beside the first: verdicts are corrected over all of them."""
    is_usual = view.references.get(change.second) == change.first
    require_runs(view, change.first)
    return load_metrics(
        view,
        view.tasks,
        change_keys(task, by_class=not by),
        reference="" if is_usual else change.first,
        by=by,
    )


def _draw_counts(view: StudyView, found: TaskErrors, change: Change, by: str) -> Drawn:
    """Images gained and lost, by class or by the groups of a feature."""
    answers, labels = found.answers, view.labels
    compared = _compare(view, change.task, change, by)
    whole = count_changes(change, compared).iloc[0]
    if by:
        table = count_changes(change, compared, found.images[by].to_numpy(object))
    else:
        table = count_by_class(change, answers.truth.astype(np.int64), compared)
    what = "group" if by else "class"
    is_shared = share_trainings(training_keys(view.runs), change)
    churn = None if is_shared else count_churn(change)
    heading = feature_label(by, view.tasks) if by else gettext("Class")
    return Drawn(
        title=gettext(TITLE),
        name=changed_name(view, change),
        takeaway=plots.changes_takeaway(change, whole, table, labels, what),
        figures={labels[change.second]: plots.plot_changes(table)},
        data=table,
        note=BREAK.join(
            [
                _counts_note(change, table, what),
                plots.churn_line(churn, change, labels),
                plots.mcnemar_line(mcnemar_of_votes(answers, change), change, labels),
            ]
        ),
        numbers=Numbers(
            plots.changes_table(table, heading),
            gettext(
                "Images that {method} gains and loses, and the net with its 95 % "
                "interval.",
                method=labels[change.second],
            ),
        ),
    )


def _counts_note(change: Change, table: pd.DataFrame, what: str) -> str:
    """How the images are counted, and what the interval holds for."""
    drawn = {"shown": len(plots.drawn_rows(table)), "all": len(table)}
    by_class = what == "class"
    notes = []
    if drawn["shown"] < drawn["all"]:
        notes.append(
            gettext("The {shown} of {all} classes that changed most.", **drawn)
            if by_class
            else gettext("The {shown} of {all} groups that changed most.", **drawn)
        )
    if max(change.seeds) > 1:
        notes.append(
            gettext(
                "An image counts by the change of the share of the seeds that answer "
                "it right. Full colour: wrong in all seeds of one method, and right in "
                "all of the other."
            )
        )
    notes.append(
        gettext(
            "◆ is gained less lost, with the 95 % interval of the accuracy's "
            "difference: it holds for all methods at once, and for one class at a time."
        )
        if by_class
        else gettext(
            "◆ is gained less lost, with the 95 % interval of the accuracy's "
            "difference: it holds for all methods at once, and for one group at a time."
        )
    )
    return " ".join(notes)


def _draw_shifts(view: StudyView, task: Regression, change: Change) -> Drawn:
    """How far the errors of a number moved."""
    key = change_keys(task)[0]
    row = _compare(view, task, change, "").row(change.second, key)
    histogram = shift_histogram(change)
    info, shift = metric_info(key, view.tasks), count_shifts(change)
    note = ngettext(
        "Each image's error without its sign, as a mean over up to {count} seed, less "
        "that of {method}. ◆ is the mean over the images, which is the difference of "
        "the two MAE, with its 95 % interval that holds for all methods at once. The "
        "bars at both ends hold all that moved farther.",
        "Each image's error without its sign, as a mean over up to {count} seeds, less "
        "that of {method}. ◆ is the mean over the images, which is the difference of "
        "the two MAE, with its 95 % interval that holds for all methods at once. The "
        "bars at both ends hold all that moved farther.",
        max(change.seeds),
        method=view.labels[change.first],
    )
    figure = plots.plot_shifts(histogram, row, task.unit)
    return Drawn(
        title=gettext(TITLE),
        name=changed_name(view, change),
        takeaway=plots.shifts_takeaway(change, shift, row, info, view.labels),
        figures={view.labels[change.second]: figure},
        data=histogram,
        note=note,
    )
