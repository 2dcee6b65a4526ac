"""Age: error and bias by bin over the training histogram, truth against prediction."""

import streamlit as st

from core.language import N_, gettext
from core.plots.conformal_coverage import part_label
from core.tasks import Regression
from core.text import strong, to_markdown
from core.views import age, age_intervals
from core.views.loads import require_runs
from core.views.study_view import StudyView
from pages.shell.address import run_page
from pages.shell.choose import choose, choose_task
from pages.shell.notices import is_alone, leave_out_damaged
from pages.shell.show import open_card, show_view, stop_with
from pages.shell.study_bar import study_bar


def main() -> None:
    """Choose a task, show its errors."""
    view = study_bar(
        N_("How far off, and at which age?"),
        lead=N_("A mean error hides the ages that a model has seldom seen."),
        beside=True,
    )
    task = _choose_task(view)
    view = leave_out_damaged(view)
    require_runs(view, view.baseline)
    is_alone(view)
    show_view(age.draw_error_by_bin(view, task=task.name))
    show_view(age.draw_bias_by_bin(view, task=task.name))
    show_view(age.draw_truth_prediction(view, task=task.name))
    _intervals(view, task)


def _choose_task(view: StudyView) -> Regression:
    tasks = [task for task in view.tasks if isinstance(task, Regression)]
    if not tasks:
        stop_with(
            gettext(
                "The study {study} has no task that predicts a number. Choose another "
                "study above, or see its classes on the Classification page.",
                study=strong(gettext(view.study.title)),
            )
        )
    return choose_task(tasks, key=f"age_task_{view.study.name}")


def _intervals(view: StudyView, task: Regression) -> None:
    """Coverage and width of the intervals, by bin of the number and by group."""
    found = age_intervals.load_interval_coverage(view, task)
    known = age_intervals.with_intervals(view, found)
    with open_card(age_intervals.title_of(task)) as card:
        if missing := age_intervals.without_intervals(view, known):
            st.info(to_markdown(missing), icon=":material/info:")
        if not known:
            return
        by = choose(
            gettext("By"),
            age_intervals.parts_of(found),
            labels=lambda part: part_label(part, task, view.tasks),
            key=f"age_coverage_{view.study.name}_{task.name}",
            parameter="coverage",
            is_segmented=True,
            label_visibility="collapsed",
        )
    show_view(age_intervals.draw_intervals(view, task=task.name, by=by), card=card)


run_page(main)
