"""The heat map of the Fairness page: one method in every crossing of two features."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.evaluation.metrics import MetricInfo
from core.language import N_, gettext
from core.plots.formatting import feature_label
from core.views import group_map
from core.views.groups import Question, known_features
from core.views.study_view import StudyView
from pages.shell.address import fragment
from pages.shell.choose import choose
from pages.shell.show import open_card, saying_why_not, show_view

VALUE, CHANGE = "value", "change"
SHOWN = {VALUE: N_("Value"), CHANGE: N_("Change")}


@fragment
def show_group_map(view: StudyView, question: Question, metric: MetricInfo) -> None:
    """Draw the map of the chosen features; one alone is crossed with another."""
    names = {name: feature_label(name, view.tasks) for name in known_features(view)}
    others = group_map.features_across(view, question)
    is_crossed = len(question.features) > 1 or bool(others)
    with open_card(group_map.title_of(metric, is_crossed=is_crossed)) as card:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            method = _choose_method(view) if is_crossed else ""
            across = _choose_across(view, others, names) if others else ""
            change = _choose_change(view, method)
        with saying_why_not():
            drawn = group_map.draw_group_map(
                view,
                **question.parameters,
                metric=metric.key,
                method=method,
                across=across,
                change=change,
            )
            show_view(drawn, card=card)


def _choose_method(view: StudyView) -> str:
    return choose(
        gettext("Method"),
        view.methods,
        default=view.baseline,
        labels=view.labels,
        key=f"fairness_map_method_{view.study.name}",
        parameter="mapped",
        what=gettext("method"),
        always=True,
        width=320,
    )


def _choose_across(
    view: StudyView, across: Sequence[str], names: Mapping[str, str]
) -> str:
    """The feature that a single chosen one is crossed with."""
    return choose(
        gettext("Across"),
        across,
        default=group_map.usual_across(across),
        labels=names,
        key=f"fairness_map_across_{view.study.name}",
        parameter="across",
        what=gettext("feature"),
        width=220,
    )


def _choose_change(view: StudyView, method: str) -> bool:
    """Whether changes are drawn: of one method, or of all where none is named."""
    if len(view.methods) < 2 or (method and method not in view.references):
        return False
    shown = choose(
        gettext("Shown"),
        [VALUE, CHANGE],
        labels=lambda name: gettext(SHOWN[name]),
        key="fairness_map_shown",
        parameter="shown",
        is_segmented=True,
        help=gettext("The change is that to the method compared with."),
    )
    return shown == CHANGE
