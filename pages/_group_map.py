"""The heat map of the Fairness page: one method in every crossing of two features."""

import streamlit as st

from core.evaluation.metrics import MetricInfo
from core.plots import group_map as plots
from core.plots.fairness import feature_label
from pages._fairness_tables import Question, load_groups
from pages._show import show_chart
from pages._study_bar import StudyView

VALUE, CHANGE = "Value", "Change"


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
    _map(view, question, metric, known)


@st.fragment
def _map(
    view: StudyView, question: Question, metric: MetricInfo, known: tuple[str, ...]
) -> None:
    features = question.features
    across = [name for name in known if name not in features]
    keys = {
        name: f"fairness_map_{name}_{view.study.name}" for name in ("across", "method")
    }
    if len(features) == 1 and across:
        chosen = st.session_state.get(keys["across"])
        # A bin comes last among them, and is what a map is mostly read across.
        features = (*features, chosen if chosen in across else across[-1])
    method = st.session_state.get(keys["method"], view.baseline)
    method = method if method in view.methods else view.baseline
    change = (
        method != view.baseline and st.session_state.get("fairness_map_shown") == CHANGE
    )
    crossed = Question(question.task, features, question.include_small)
    comparison = load_groups(view, crossed, (metric.key,))
    cells = plots.map_cells(comparison, metric, method)
    names = {name: feature_label(name, view.tasks) for name in known}

    def choose() -> None:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.selectbox(
                "Method",
                view.methods,
                index=view.methods.index(view.baseline),
                format_func=view.labels.__getitem__,
                key=keys["method"],
                persist_state="session",
                width=320,
            )
            if len(question.features) == 1 and len(across) > 1:
                st.selectbox(
                    "Across",
                    across,
                    index=len(across) - 1,
                    format_func=names.__getitem__,
                    key=keys["across"],
                    persist_state="session",
                    width=220,
                )
            if method != view.baseline:
                st.segmented_control(
                    "Shown",
                    [VALUE, CHANGE],
                    default=VALUE,
                    required=True,
                    key="fairness_map_shown",
                    persist_state="session",
                    help="The change is that to the method compared with.",
                )

    darker = {
        "higher": "Darker is worse.",
        "lower": "Darker is worse.",
        "zero": "Darker is farther from zero.",
        "none": "Darker is more.",
    }[metric.direction]
    signs = (
        "Blue is better than the baseline, orange worse; ▲ ▼ are certain."
        if change
        else darker
    )
    show_chart(
        plots.plot_group_map(
            cells, metric, titles=plots.axes_of(features, names), change=change
        ),
        name=f"{view.study.name}-{metric.key}-map",
        title=f"{metric.label}: every crossing",
        takeaway=plots.map_takeaway(cells, metric, view.labels[method], change=change),
        data=cells,
        note=f"{signs} n: test images of the cell; {plots.SMALL_SIGN}: it rests on "
        "fewer than 20 of them. A dash: no image, or undefined.",
        above=choose,
    )
