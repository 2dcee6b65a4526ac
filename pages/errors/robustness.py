"""The part of the Errors page on corrupted images: by severity, in all, pictures."""

import streamlit as st

from core.evaluation.metrics import metric_info
from core.language import N_, gettext
from core.results.corrupted import robustness_names
from core.tasks import Task
from core.text import to_markdown
from core.views import robustness
from core.views.study_view import StudyView
from pages.shell.address import saying_what_is_missing
from pages.shell.choose import choose
from pages.shell.show import open_card, open_fold, show_view


def show_robustness(view: StudyView, task: Task) -> None:
    """How the answers to one task get worse as the images do."""
    st.header(gettext("Under corruption"), anchor=False)
    with saying_what_is_missing():
        robustness.require_corrupted(view)
        with open_card() as card:
            metric = _choose_metric(view, task)
            info = robustness.robustness_metric(view, task, metric)
            st.caption(to_markdown(info.explanation))
            show_view(
                robustness.draw_robustness(view, task=task.name, metric=metric),
                card=card,
            )
        show_view(robustness.draw_mean_corruption_error(view, task=task.name))
        with open_fold(gettext("What the corruptions do to a picture")) as card:
            show_view(robustness.draw_corruptions(view), card=card)


def _choose_metric(view: StudyView, task: Task) -> str:
    names = robustness_names(task)
    labels = {n: metric_info(f"{task.name}.{n}", view.tasks).own_label for n in names}
    return choose(
        gettext("Metric"),
        list(names),
        labels=labels,
        key=f"errors_corrupted_{task.kind}",
        parameter="corrupted",
        what=N_("metric"),
        is_segmented=True,
        label_visibility="collapsed",
    )
