"""The heat map of the Fairness page: one method in every crossing of two features."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from core.errors import EquipoiseError
from core.evaluation.metrics import MetricInfo
from core.evaluation.verdicts import SMALL_GROUP
from core.plots import group_map as plots
from core.plots.formatting import feature_label
from core.views.study_view import StudyView
from pages.fairness.tables import Question, load_groups
from pages.shell.address import fragment
from pages.shell.choose import choose
from pages.shell.show import open_card, show_chart, show_error

VALUE, CHANGE = "value", "change"


@fragment
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
    across = _others(question, known)
    is_crossed = len(question.features) > 1 or bool(across)
    title = "every crossing" if is_crossed else "every method in every group"
    with open_card(f"{metric.label}: {title}") as card:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            method = _choose_method(view) if is_crossed else ""
            features = question.features
            if across:
                features = (*features, _choose_across(view, across, names))
            change = _choose_change(view, method)
        crossing = replace(question, features=features)
        try:
            comparison = load_groups(view, crossing, (metric.key,))
        except EquipoiseError as error:
            # A fragment's failure does not reach the router.
            show_error(error)
            return
        if is_crossed:
            cells = plots.map_cells(comparison, metric, method)
            titles = plots.axes_of(features, names)
            label = view.labels[method]
            takeaway = plots.map_takeaway(cells, metric, label, change=change)
        else:
            cells = plots.map_methods(comparison, metric, view.look)
            titles = "", names[features[0]]
            takeaway = plots.methods_takeaway(cells, metric, names[features[0]])
        show_chart(
            plots.plot_group_map(cells, metric, titles=titles, change=change),
            name=f"{view.study.name}-{metric.key}-map",
            takeaway=takeaway,
            data=cells,
            note=f"{plots.map_note(metric, change=change)} n: test images of the cell; "
            f"{plots.SMALL_SIGN}: the value rests on fewer than {SMALL_GROUP} of them. "
            "A dash: no image, or undefined.",
            card=card,
        )


def _others(question: Question, known: tuple[str, ...]) -> list[str]:
    if len(question.features) > 1:
        return []
    return [name for name in known if name not in question.features]


def _choose_method(view: StudyView) -> str:
    return choose(
        "Method",
        view.methods,
        default=view.baseline,
        labels=view.labels,
        key=f"fairness_map_method_{view.study.name}",
        parameter="mapped",
        what="method",
        always=True,
        width=320,
    )


def _choose_across(
    view: StudyView, across: Sequence[str], names: Mapping[str, str]
) -> str:
    """The feature that a single chosen one is crossed with."""
    return choose(
        "Across",
        across,
        # A bin comes last among them, and is what a map is mostly read across.
        default=across[-1],
        labels=names,
        key=f"fairness_map_across_{view.study.name}",
        parameter="across",
        what="feature",
        width=220,
    )


def _choose_change(view: StudyView, method: str) -> bool:
    """Whether changes are drawn: of one method, or of all where none is named."""
    if len(view.methods) < 2 or (method and method not in view.references):
        return False
    shown = choose(
        "Shown",
        [VALUE, CHANGE],
        labels=str.capitalize,
        key="fairness_map_shown",
        parameter="shown",
        is_segmented=True,
        help="The change is that to the method compared with.",
    )
    return shown == CHANGE
