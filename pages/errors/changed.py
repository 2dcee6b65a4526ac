"""The part of the Errors page on what changed between two methods, image by image."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.evaluation.changed import Change, change_of, tabulate_changes
from core.language import gettext
from core.plots import changed as plots
from core.plots.answers import truth_text
from core.plots.formatting import feature_label
from core.tasks import Regression
from core.text import BREAK, strong, to_markdown
from core.views import changed
from core.views.answers import TaskErrors
from core.views.changed import TITLE
from core.views.study_view import StudyView
from pages.errors.gallery import choose_page, show_card, show_picture
from pages.shell.choose import choose
from pages.shell.pictures import load_thumbnails, why_no_pictures
from pages.shell.show import offer_csv, open_card, show_view

PICTURES, ROWS = 6, 10
WIDTH = 300


def show_changed(view: StudyView, found: TaskErrors) -> None:
    """What the second of two methods gets right and the first does not, and back."""
    if len(found.answers.methods) < 2:
        return
    with open_card(gettext(TITLE), key="errors_changed") as card:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            first, second = _choose_methods(view, found.answers.methods)
            task = found.answers.task
            by = "" if isinstance(task, Regression) else _choose_groups(view, found)
        change = change_of(found.answers, found.scores, first, second)
        if change.is_none:
            said = plots.nothing_changed(change, view.labels)
            card.takeaway.markdown(to_markdown(said))
            return
        drawn = changed.draw_changed(
            view, task=task.name, first=first, second=second, by=by
        )
        show_view(drawn, card=card)
        _galleries(view, found, change)
        offer_csv(
            lambda: tabulate_changes(change, found.images, found.answers.truth),
            f"{drawn.name}-images",
        )


def _choose_methods(view: StudyView, methods: Sequence[str]) -> tuple[str, str]:
    """The method that is begun from, and the one that is looked at."""
    key = f"errors_changed_{view.study.name}"
    second = choose(
        gettext("What changes with"),
        methods,
        default=changed.usual_second(view, methods),
        labels=view.labels,
        key=f"{key}_to",
        parameter="to",
        what=gettext("method"),
        always=True,
        width=WIDTH,
    )
    others = [method for method in methods if method != second]
    # Beside another study each method has a reference of its own.
    suffix = f"_{second}" if view.has_counterparts else ""
    first = choose(
        gettext("Compared with"),
        others,
        default=changed.usual_first(view, methods, second),
        labels=view.labels,
        key=f"{key}_from{suffix}",
        parameter="from",
        what=gettext("method"),
        always=True,
        width=WIDTH,
    )
    return first, second


def _choose_groups(view: StudyView, found: TaskErrors) -> str:
    """The feature that images are counted by; none is the true class."""
    return choose(
        gettext("Counted by"),
        ["", *changed.features_to_count_by(found)],
        labels=lambda name: (
            feature_label(name, view.tasks) if name else gettext("Class")
        ),
        key=f"errors_changed_by_{view.study.name}",
        parameter="change_by",
        what=gettext("feature"),
        width=200,
    )


def _galleries(view: StudyView, found: TaskErrors, change: Change) -> None:
    """The images on which the second is better, and beside them the others."""
    if reason := why_no_pictures(view):
        listed = gettext("Here the images are listed by their ids.")
        st.caption(to_markdown(f"{reason} {listed}"))
    with st.grid("auto", min_column_width=480, gap="medium"):
        for side in ("gained", "lost"):
            with st.container():
                rows = change.ranked(gained=side == "gained")
                _gallery(view, found, change, rows, side, by_id=bool(reason))
    st.caption(changed.images_note(change))


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
    counted = changed.counted_images(change, rows)
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
                st.markdown(to_markdown(gettext("Truth: {truth}", truth=strong(truth))))
                st.markdown(to_markdown(BREAK.join(lines)))
                with st.popover(gettext("All answers"), type="tertiary"):
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
        alt=gettext("Test images with their truth and the answers of both methods"),
        on_select="rerun",
        selection_mode="single-row",
    )
    for place in chosen.selection.rows:
        with st.container(border=True, gap="xsmall"):
            show_card(view, found, int(rows[place]))
