"""The part of the Classification page on whether probabilities can be believed."""

import streamlit as st

from core.language import gettext
from core.plots.formatting import feature_label
from core.tasks import Classification
from core.text import to_markdown
from core.views import calibration, temperature_scaling
from core.views.loads import count_answers
from core.views.study_view import StudyView
from pages.shell.choose import choose, choose_whether
from pages.shell.show import Card, open_card, show_numbers, show_view

# Answers times classes that are looked at unasked: beyond, half a gigabyte is needed.
MOST = 2_000_000
ONE = "one"


def show_calibration(view: StudyView, task: Classification) -> None:
    """Reliability diagrams of all methods, and their calibration errors in numbers."""
    answers = count_answers(view.runs)
    if answers * len(task.classes) > MOST and not choose_whether(
        gettext("Show whether the probabilities can be believed"),
        key=f"classification_calibration_{view.study.name}",
        parameter="calibration",
        help=gettext(
            "The runs have {answers} answers: this takes memory and some seconds.",
            answers=answers,
        ),
    ):
        return
    if not calibration.load_reliability(view, task).methods & set(view.methods):
        return
    st.header(gettext("Can the probabilities be believed?"), anchor=False)
    with open_card(calibration.title_of(task)) as card:
        scaled = choose_whether(
            gettext("After temperature scaling"),
            key=f"classification_scaled_{view.study.name}",
            parameter="scaled",
            help=gettext(
                "Divide the logits of each run by one number, fitted on its validation "
                "images, and see whether its probabilities can then be believed. "
                "Nothing is trained, and no answer changes."
            ),
        )
        if not (scaled and _show_scaled(view, task, card)):
            show_view(calibration.draw_reliability(view, task=task.name), card=card)
    errors = calibration.draw_calibration_errors(view, task=task.name)
    show_numbers(errors, is_folded=True)


def _show_scaled(view: StudyView, task: Classification, card: Card) -> bool:
    """Show what scaling changes; whether any method could be scaled, else why not."""
    by = _choose_groups(view, task)
    for reason in temperature_scaling.why_not_scaled(view, task, by):
        st.info(to_markdown(reason), icon=":material/info:")
    if not temperature_scaling.is_scaled(view, task, by):
        return False
    drawn = temperature_scaling.draw_scaled(view, task=task.name, by=by)
    show_view(drawn, card=card, with_numbers=False)
    show_numbers(drawn, is_folded=False)
    if by:
        groups = temperature_scaling.draw_group_temperatures
        show_numbers(groups(view, task=task.name, by=by), is_folded=False)
    return True


def _choose_groups(view: StudyView, task: Classification) -> str:
    """The feature whose groups have temperatures of their own; empty for one."""
    chosen = choose(
        gettext("Temperature"),
        [ONE, *temperature_scaling.scaling_features(view, task)],
        labels=lambda name: _groups_label(view, name),
        key=f"classification_scaled_by_{view.study.name}_{task.name}",
        parameter="temperature",
        is_segmented=True,
    )
    return "" if chosen == ONE else chosen


def _groups_label(view: StudyView, name: str) -> str:
    if name == ONE:
        return gettext("One for all images")
    return gettext("By {feature}", feature=feature_label(name, view.tasks).lower())
