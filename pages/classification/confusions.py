"""The part of the Classification page on what is taken for what."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.language import gettext
from core.plots.classification import MANY
from core.plots.confusion import ORDERS
from core.tasks import Classification
from core.text import escape_chart, to_markdown
from core.views import confusions
from core.views.classification import class_counts
from core.views.confusions import SHOW, Order
from core.views.drawing import Drawn
from core.views.study_view import StudyView
from core.views.view_arguments import first_beside
from pages.shell.address import open_errors, saying_what_is_missing, this_address
from pages.shell.choose import choose
from pages.shell.show import open_card, show_view


def show_confusions(view: StudyView, task: Classification) -> None:
    """Matrices, or one method's worst pairs, as the reader chooses."""
    with open_card(confusions.title_of(task)) as card, saying_what_is_missing():
        kind = choose(
            gettext("Show"),
            list(SHOW),
            labels=lambda kind: gettext(SHOW[kind]),
            key="classification_show",
            parameter="matrix",
            is_segmented=True,
            label_visibility="collapsed",
        )
        many = confusions.has_many_cells(task)
        chosen = {"task": task.name}
        if many or kind == "pairs":
            chosen["method"] = _choose_method(view)
        if kind == "pairs":
            show_view(confusions.draw_worst_pairs(view, **chosen), card=card)
        else:
            part = _choose_part(view, task) if many else {}
            drawn = _draw_matrices(view, kind, {**chosen, **part})
            show_view(
                confusions.with_clicks(view, drawn),
                card=card,
                on_click=lambda label, point: _click(view, task, label, point),
            )
    _choose_pair(view, task)


def _draw_matrices(view: StudyView, kind: str, chosen: Mapping[str, Any]) -> Drawn:
    if kind == "difference":
        return confusions.draw_confusion_difference(view, **chosen)
    return confusions.draw_confusions(view, **chosen, show=kind)


def _click(
    view: StudyView, task: Classification, label: str, point: Mapping[str, Any]
) -> None:
    method = next(m for m in view.methods if view.labels[m] == label)
    # A point has the names as they were drawn.
    named = {escape_chart(name): name for name in task.classes}
    _open_pair(view, task, method, named[str(point["y"])], named[str(point["x"])])


def _open_pair(
    view: StudyView, task: Classification, method: str, truth: str, answer: str
) -> None:
    """Leave for the images of one cell."""
    open_errors(
        view.study.name, task=task.name, method=method, truth=truth, predicted=answer
    )


def _choose_pair(view: StudyView, task: Classification) -> None:
    """The way to the images of a cell without a mouse."""
    key = f"classification_pair_{view.study.name}_{task.name}"
    with (
        st.expander(gettext("Images of one cell"), icon=":material/search_insights:"),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        method = st.selectbox(
            gettext("Method"),
            view.methods,
            format_func=view.labels.__getitem__,
            key=f"{key}_of_{'_'.join(view.methods)}",
            width=260,
        )
        truth = st.selectbox(
            gettext("Truth"), task.classes, key=f"{key}_truth", width=200
        )
        answer = st.selectbox(
            gettext("Prediction"),
            task.classes,
            index=1,
            key=f"{key}_answer",
            width=200,
        )
        if st.button(
            gettext("Show the images"),
            icon=":material/arrow_forward:",
            key=f"{key}_open",
        ):
            _open_pair(view, task, method, truth, answer)


def _choose_method(view: StudyView) -> str:
    """One method; at first the one beside the baseline, if there is one."""
    return choose(
        gettext("Method"),
        view.methods,
        default=first_beside(view),
        labels=view.labels,
        key=f"classification_method_{view.study.name}",
        parameter="method",
        what=gettext("method"),
        always=True,
        width=320,
    )


def _choose_part(view: StudyView, task: Classification) -> dict[str, Any]:
    """The order of the classes, and those of very many that are drawn."""
    order = _choose_order(view, task)
    classes = confusions.classes_in_order(view, task, order)
    zoom = _choose_zoom(view, task, order, classes) if len(classes) > MANY else ()
    return {"order": order, "zoom": zoom}


def _choose_order(view: StudyView, task: Classification) -> Order:
    """The order of the classes; by training images only where these are known."""
    known = class_counts(view, task) is not None
    return choose(
        gettext("Order of the classes"),
        [order for order in ORDERS if known or order != "training"],
        default="study",
        labels=lambda name: gettext(ORDERS[name]),
        key=f"classification_order_{view.study.name}",
        parameter="order",
        is_segmented=True,
    )


def _choose_zoom(
    view: StudyView, task: Classification, order: str, names: tuple[str, ...]
) -> tuple[str, ...]:
    """The first and the last of the classes that are drawn; none for all."""
    key = f"classification_zoom_{view.study.name}_{task.name}_{order}"
    whole = (names[0], names[-1])
    start, asked = whole, this_address().take("zoom")
    if asked is not None:
        st.session_state.pop(key, None)
        if len(asked) == 2 and set(asked) <= set(names):
            start = (asked[0], asked[1])
        elif asked:
            this_address().name_unknown(gettext("zoom"), " – ".join(asked))
    ends = st.select_slider(
        gettext("Zoom: from class to class"),
        names,
        # Without a pair it would be a slider of one class.
        value=start,
        format_func=to_markdown,
        key=key,
        persist_state="session",
        help=gettext(
            "In the order chosen above. Up to {classes} classes, each cell has its "
            "value written in.",
            classes=MANY,
        ),
    )
    chosen = () if tuple(ends) == whole else tuple(ends)
    this_address().choose("zoom", chosen)
    return chosen
