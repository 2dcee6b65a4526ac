"""The part of the Classification page on top-k accuracy, for any k."""

import streamlit as st

from core.language import gettext
from core.tasks import Multiclass
from core.views import top_k
from core.views.study_view import StudyView
from pages.classification.beside import show_beside
from pages.shell.choose import choose_number
from pages.shell.show import draw_if_any


def show_top_k(view: StudyView, task: Multiclass) -> None:
    """Top-k accuracy over all k, and one k of the reader's choice."""
    if not top_k.has_top_k(view, task):
        return
    st.header(gettext("Is the right class among the first k?"), anchor=False)
    k = choose_number(
        "k",
        1,
        len(task.classes),
        top_k.usual_k(task),
        key=f"classification_k_{view.study.name}_{task.name}",
        parameter="k",
        width=420,
        help=gettext("How many of the most probable classes may be looked at."),
    )
    show_beside(
        top_k.draw_top_k(view, task=task.name, k=k),
        draw_if_any(top_k.draw_top_k_differences, view, task=task.name, k=k),
    )
