"""The heat map of the Fairness page: one method in every crossing of two features."""

from dataclasses import replace

import streamlit as st

from core.errors import EquipoiseError
from core.evaluation.metrics import MetricInfo
from core.evaluation.verdicts import SMALL_GROUP
from core.plots import group_map as plots
from core.plots.formatting import feature_label
from pages.fairness.tables import Question, load_groups
from pages.shell.show import show_chart, show_error
from pages.shell.study_bar import StudyView

VALUE, CHANGE = "Value", "Change"
SHOWN_KEY = "fairness_map_shown"


@st.fragment
def show_group_map(
    view: StudyView, question: Question, metric: MetricInfo, known: tuple[str, ...]
) -> None:
    """Draw the map of the chosen features; one alone is crossed with another.

    Parameters
    ----------
    view : StudyView
    question : Question
    metric : MetricInfo
    known : tuple of str
        Every sensitive feature of the study.
    """
    names = {name: feature_label(name, view.tasks) for name in known}
    features = _crossed(view, question, known)
    crossing = replace(question, features=features)
    try:
        comparison = load_groups(view, crossing, (metric.key,))
    except EquipoiseError as error:
        # A fragment's failure does not reach the router.
        with st.container(border=True):
            _choose(view, question, known, names)
            show_error(error)
        return
    if len(features) > 1:
        method, change = _chosen(view)
        cells = plots.map_cells(comparison, metric, method)
        titles = plots.axes_of(features, names)
        takeaway = plots.map_takeaway(cells, metric, view.labels[method], change=change)
    else:
        change = st.session_state.get(SHOWN_KEY) == CHANGE
        cells = plots.map_methods(comparison, metric, view.look)
        titles = "", names[features[0]]
        takeaway = plots.methods_takeaway(cells, metric, names[features[0]])
    show_chart(
        plots.plot_group_map(cells, metric, titles=titles, change=change),
        name=f"{view.study.name}-{metric.key}-map",
        title=f"{metric.label}: every crossing"
        if len(features) > 1
        else f"{metric.label}: every method in every group",
        takeaway=takeaway,
        data=cells,
        note=f"{plots.map_note(metric, change=change)} n: test images of the cell; "
        f"{plots.SMALL_SIGN}: the value rests on fewer than {SMALL_GROUP} of them. A "
        "dash: no image, or undefined.",
        above=lambda: _choose(view, question, known, names),
    )


def _keys(view: StudyView) -> tuple[str, str]:
    """Keys of what is set across, and of the method."""
    name = view.study.name
    return f"fairness_map_across_{name}", f"fairness_map_method_{name}"


def _crossed(
    view: StudyView, question: Question, known: tuple[str, ...]
) -> tuple[str, ...]:
    """The chosen features; one alone with the one that it is set across."""
    across = _others(question, known)
    if not across:
        return question.features
    chosen = st.session_state.get(_keys(view)[0])
    # A bin comes last among them, and is what a map is mostly read across.
    return (*question.features, chosen if chosen in across else across[-1])


def _others(question: Question, known: tuple[str, ...]) -> list[str]:
    if len(question.features) > 1:
        return []
    return [name for name in known if name not in question.features]


def _chosen(view: StudyView) -> tuple[str, bool]:
    """The method that is drawn, and whether its change is."""
    method = st.session_state.get(_keys(view)[1], view.baseline)
    method = method if method in view.methods else view.baseline
    asked = st.session_state.get(SHOWN_KEY) == CHANGE
    return str(method), asked and method in view.references


def _choose(
    view: StudyView,
    question: Question,
    known: tuple[str, ...],
    names: dict[str, str],
) -> None:
    """The card's own controls."""
    across_key, method_key = _keys(view)
    across = _others(question, known)
    is_crossed = len(question.features) > 1 or bool(across)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if is_crossed:
            st.selectbox(
                "Method",
                view.methods,
                index=view.methods.index(view.baseline),
                format_func=view.labels.__getitem__,
                key=method_key,
                persist_state="session",
                width=320,
            )
        if len(across) > 1:
            st.selectbox(
                "Across",
                across,
                index=len(across) - 1,
                format_func=names.__getitem__,
                key=across_key,
                persist_state="session",
                width=220,
            )
        if len(view.methods) > 1 and (
            not is_crossed or _chosen(view)[0] in view.references
        ):
            st.segmented_control(
                "Shown",
                [VALUE, CHANGE],
                default=VALUE,
                required=True,
                key=SHOWN_KEY,
                persist_state="session",
                help="The change is that to the method compared with.",
            )
