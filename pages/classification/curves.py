"""The part of the Classification page on ROC and precision-recall curves."""

from typing import Any

import streamlit as st

from core.evaluation.curves import KINDS
from core.language import gettext
from core.plots.curves import KIND_LABELS
from core.tasks import Classification
from core.views import curves
from core.views.loads import count_answers
from core.views.study_view import StudyView
from pages.classification.beside import show_beside
from pages.shell.address import saying_what_is_missing
from pages.shell.choose import choose, choose_whether
from pages.shell.show import draw_if_any

# Answers times classes that are looked at unasked: beyond, it takes seconds.
MOST = 4_000_000


def show_curves(view: StudyView, task: Classification) -> None:
    """Curves of all methods, a few with bands, beside how their areas differ."""
    st.header(
        gettext("How well do the probabilities tell classes apart?"), anchor=False
    )
    answers = count_answers(view.runs)
    if answers * len(task.classes) > MOST and not choose_whether(
        gettext("Show ROC and precision-recall curves"),
        key=f"classification_curves_{view.study.name}",
        parameter="curves",
        help=gettext(
            "The runs have {answers} answers: this takes some seconds.",
            answers=answers,
        ),
    ):
        return
    chosen, beside = _choose(view, task)
    with saying_what_is_missing():
        show_beside(
            curves.draw_curves(view, **chosen, beside=beside),
            draw_if_any(curves.draw_curve_differences, view, **chosen),
            widths=(3, 2),
        )


def _choose(view: StudyView, task: Classification) -> tuple[dict[str, Any], str]:
    """Which curve, of which class, and the method that stands out."""
    name = f"{view.study.name}_{task.name}"
    usual = curves.usual_class(task)
    others = [label for label in task.classes if label != usual]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = choose(
            gettext("Curve"),
            KINDS,
            labels=lambda kind: gettext(KIND_LABELS[kind]),
            key=f"classification_curve_{name}",
            parameter="curve",
            is_segmented=True,
        )
        label = choose(
            gettext("Class against the rest"),
            [usual, *others],
            labels=lambda label: label or gettext("Mean of the classes"),
            key=f"classification_curve_class_{name}",
            parameter="curve_class",
            what=gettext("class"),
            width=240,
        )
        beside = choose(
            gettext("Method that stands out"),
            [m for m in view.methods if m != view.baseline] or [view.baseline],
            labels=view.labels,
            key=f"classification_curve_beside_{name}",
            parameter="curve_beside",
            what=gettext("method"),
            width=280,
        )
    return {"task": task.name, "kind": kind, "class_name": label}, beside
