"""The part of the Errors page on what changed between two methods, image by image."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

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
from core.plots import changed as plots
from core.plots.answers import truth_text
from core.plots.formatting import feature_label
from core.runs import training_keys
from core.tasks import Regression, Task
from core.text import BREAK, number, plural, strong, to_markdown
from core.views.answers import TaskErrors
from core.views.loads import load_metrics, require_runs
from core.views.study_view import StudyView
from pages.errors.gallery import choose_page, show_card, show_picture
from pages.shell.choose import choose
from pages.shell.pictures import load_thumbnails, why_no_pictures
from pages.shell.show import (
    Card,
    offer_csv,
    open_card,
    show_chart,
    show_static_table,
)

TITLE = "What changed between two methods"
PICTURES, ROWS = 6, 10
WIDTH = 300


def show_changed(view: StudyView, found: TaskErrors) -> None:
    """What the second of two methods gets right and the first does not, and back."""
    if len(found.answers.methods) < 2:
        return
    with open_card(TITLE, key="errors_changed") as card:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            first, second = _choose_methods(view, found.answers.methods)
            task = found.answers.task
            by = "" if isinstance(task, Regression) else _choose_groups(view, found)
        change = change_of(found.answers, found.scores, first, second)
        if change.is_none:
            said = plots.nothing_changed(change, view.labels)
            card.takeaway.markdown(to_markdown(said))
            return
        compared = _compare(view, task, change, by)
        if isinstance(task, Regression):
            _show_shifts(view, task, change, compared, card)
        else:
            _show_counts(view, found, change, compared, by, card)
        _galleries(view, found, change)
        offer_csv(
            lambda: tabulate_changes(change, found.images, found.answers.truth),
            f"{_name(view, change)}-images",
        )


def _name(view: StudyView, change: Change) -> str:
    pair = f"{change.first}-{change.second}"
    return f"{view.study.name}-{change.task.name}-{pair}-changed"


def _choose_methods(view: StudyView, methods: Sequence[str]) -> tuple[str, str]:
    """The method that is begun from, and the one that is looked at."""
    key = f"errors_changed_{view.study.name}"
    references = view.references
    usual = next((m for m in methods if references.get(m) in methods), methods[-1])
    second = choose(
        "What changes with",
        methods,
        default=usual,
        labels=view.labels,
        key=f"{key}_to",
        parameter="to",
        what="method",
        always=True,
        width=WIDTH,
    )
    others = [method for method in methods if method != second]
    reference = references.get(second, view.baseline)
    # Beside another study each method has a reference of its own.
    suffix = f"_{second}" if view.has_counterparts else ""
    first = choose(
        "Compared with",
        others,
        default=reference if reference in others else others[0],
        labels=view.labels,
        key=f"{key}_from{suffix}",
        parameter="from",
        what="method",
        always=True,
        width=WIDTH,
    )
    return first, second


def _choose_groups(view: StudyView, found: TaskErrors) -> str:
    """The feature that images are counted by; none is the true class."""
    known = [name for name in found.features if found.images[name].nunique() > 1]
    return choose(
        "Counted by",
        ["", *known],
        labels=lambda name: feature_label(name, view.tasks) if name else "Class",
        key=f"errors_changed_by_{view.study.name}",
        parameter="change_by",
        what="feature",
        width=200,
    )


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


def _show_counts(
    view: StudyView,
    found: TaskErrors,
    change: Change,
    compared: Comparison,
    by: str,
    card: Card,
) -> None:
    """Images gained and lost, by class or by the groups of a feature."""
    answers, labels, name = found.answers, view.labels, _name(view, change)
    whole = count_changes(change, compared).iloc[0]
    if by:
        table = count_changes(change, compared, found.images[by].to_numpy(object))
    else:
        table = count_by_class(change, answers.truth.astype(np.int64), compared)
    what = "group" if by else "class"
    is_shared = share_trainings(training_keys(view.runs), change)
    churn = None if is_shared else count_churn(change)
    show_chart(
        plots.plot_changes(table),
        name=name,
        takeaway=plots.changes_takeaway(change, whole, table, labels, what),
        data=table,
        note=BREAK.join(
            [
                _counts_note(change, table, what),
                plots.churn_line(churn, change, labels),
                plots.mcnemar_line(mcnemar_of_votes(answers, change), change, labels),
            ]
        ),
        card=card,
    )
    with st.expander("In numbers", icon=":material/table:"):
        heading = feature_label(by, view.tasks) if by else "Class"
        show_static_table(
            plots.changes_table(table, heading),
            name=f"{name}-table",
            takeaway=f"Images that {labels[change.second]} gains and loses, and the "
            "net with its 95 % interval.",
            download=table,
        )


def _counts_note(change: Change, table: pd.DataFrame, what: str) -> str:
    """How the images are counted, and what the interval holds for."""
    shown = len(plots.drawn_rows(table))
    many = "classes" if what == "class" else "groups"
    part = f"The {shown} of {len(table)} {many} that changed most. "
    counted = (
        "An image counts by the change of the share of the seeds that answer it right. "
        "Full colour: wrong in all seeds of one method, and right in all of the other. "
    )
    return (
        f"{part if shown < len(table) else ''}"
        f"{counted if max(change.seeds) > 1 else ''}"
        "◆ is gained less lost, with the 95 % interval of the accuracy's difference: "
        f"it holds for all methods at once, and for one {what} at a time."
    )


def _show_shifts(
    view: StudyView, task: Regression, change: Change, compared: Comparison, card: Card
) -> None:
    """How far the errors of a number moved."""
    key = change_keys(task)[0]
    row = compared.row(change.second, key)
    histogram = shift_histogram(change)
    shift = count_shifts(change)
    seeds = plural(max(change.seeds), "seed")
    show_chart(
        plots.plot_shifts(histogram, row, task.unit),
        name=_name(view, change),
        takeaway=plots.shifts_takeaway(
            change, shift, row, metric_info(key, view.tasks), view.labels
        ),
        data=histogram,
        note="Each image's error without its sign, as a mean over up to "
        f"{seeds}, less that of {view.labels[change.first]}. ◆ is the mean over the "
        "images, which is the difference of the two MAE, with its 95 % interval that "
        "holds for all methods at once. The bars at both ends hold all that moved "
        "farther.",
        card=card,
    )


def _galleries(view: StudyView, found: TaskErrors, change: Change) -> None:
    """The images on which the second is better, and beside them the others."""
    if reason := why_no_pictures(view):
        st.caption(to_markdown(f"{reason} Here the images are listed by their ids."))
    with st.grid("auto", min_column_width=480, gap="medium"):
        for side in ("gained", "lost"):
            with st.container():
                rows = change.ranked(gained=side == "gained")
                _gallery(view, found, change, rows, side, by_id=bool(reason))
    seeds = "In brackets: the seeds that are right. " * (max(change.seeds) > 1)
    if isinstance(change.task, Regression):
        seeds = "Errors are means over the seeds, without their sign. "
    st.caption(
        f"{seeds}The farthest moved come first. They were chosen after their answers "
        "were known: they show how the methods differ, and not how often."
    )


def _gallery(
    view: StudyView,
    found: TaskErrors,
    change: Change,
    rows: NDArray[np.intp],
    side: str,
    *,
    by_id: bool,
) -> None:
    """One page of the images that moved one way."""
    heading = plots.gallery_heading(change, view.labels, gained=side == "gained")
    share = number(100 * len(rows) / len(change.gain), 0)
    counted = f"{plural(len(rows), 'image')} ({share} %)"
    st.markdown(to_markdown(f"{strong(heading)}{BREAK}{counted}"))
    if not len(rows):
        return
    size = ROWS if by_id else PICTURES
    state = (view.study.name, change.task.name, change.first, change.second)
    page = choose_page(-(-len(rows) // size), state, parameter=side)
    part = rows[(page - 1) * size : page * size]
    if by_id:
        _listed(view, found, change, part, side)
    else:
        _pictures(view, found, change, part)


def _pictures(
    view: StudyView, found: TaskErrors, change: Change, rows: NDArray[np.intp]
) -> None:
    """Pictures with truth and both answers; a click opens every method's."""
    ids = found.images["image_id"].iloc[rows].tolist()
    thumbnails = load_thumbnails(view, ids)
    with st.grid("auto", min_column_width=220, gap="small"):
        for row, image_id in zip(rows.tolist(), ids, strict=True):
            truth = truth_text(found.answers, row)
            lines = plots.change_lines(found.answers, change, row, view.labels)
            with st.container(border=True, gap="xsmall"):
                show_picture(thumbnails, image_id, truth)
                st.markdown(to_markdown(f"Truth: {strong(truth)}"))
                st.markdown(to_markdown(BREAK.join(lines)))
                with st.popover("All answers", type="tertiary"):
                    show_card(view, found, row)


def _listed(
    view: StudyView,
    found: TaskErrors,
    change: Change,
    rows: NDArray[np.intp],
    side: str,
) -> None:
    """Ids with truth and both answers; a click on a row opens every method's."""
    table = plots.listed_changes(found.answers, found.images, change, rows, view.labels)
    pair = f"{change.task.name}_{change.first}_{change.second}"
    chosen = st.dataframe(
        table,
        # Another pair, or another page of it, begins without a chosen row.
        key=f"errors_changed_{side}_{pair}_{rows[0]}",
        hide_index=True,
        height="content",
        alt="Test images with their truth and the answers of both methods",
        on_select="rerun",
        selection_mode="single-row",
    )
    for place in chosen.selection.rows:
        with st.container(border=True, gap="xsmall"):
            show_card(view, found, int(rows[place]))
