"""Classification: how well, on which classes, and what is taken for what."""

from core.language import N_, gettext
from core.plots.classification import CHOICES, MANY, choice_label
from core.tasks import Classification, Multiclass, Regression
from core.text import strong
from core.views import classification
from core.views.loads import require_runs
from core.views.study_view import StudyView
from pages.classification.calibration import show_calibration
from pages.classification.confusions import show_confusions
from pages.classification.curves import show_curves
from pages.classification.top_k import show_top_k
from pages.shell.address import run_page
from pages.shell.choose import choose, choose_task
from pages.shell.notices import is_alone, leave_out_damaged
from pages.shell.show import draw_if_any, open_card, show_view, stop_with
from pages.shell.study_bar import study_bar


def main() -> None:
    """Choose a task, show its classes."""
    view = study_bar(
        N_("Which classes are recognised?"),
        lead=N_("A rare class can fail while the overall accuracy looks fine."),
        beside=True,
    )
    view = leave_out_damaged(view)
    require_runs(view, view.baseline)
    task = _choose_task(view)
    is_alone(view)
    show_view(classification.draw_whole_task(view, task=task.name))
    groups = draw_if_any(classification.draw_shot_groups, view, task=task.name)
    if groups is not None:
        show_view(groups)
    _class_scores(view, task)
    show_confusions(view, task)
    show_curves(view, task)
    show_calibration(view, task)
    if isinstance(task, Multiclass):
        show_top_k(view, task)


def _choose_task(view: StudyView) -> Classification:
    tasks = {t.name: t for t in view.tasks if not isinstance(t, Regression)}
    if not tasks:
        stop_with(
            gettext(
                "The study {study} has no classification task. Choose another study "
                "above, or see its numbers on the Age page.",
                study=strong(gettext(view.study.title)),
            )
        )
    # The task with the most classes first: there imbalance shows most.
    ordered = sorted(tasks.values(), key=lambda task: -len(task.classes))
    return choose_task(ordered, key=f"classification_task_{view.study.name}")


def _class_scores(view: StudyView, task: Classification) -> None:
    with open_card(classification.class_scores_title(view, task)) as card:
        chosen = {"task": task.name, "score": _choose_score(task)}
        if len(task.classes) > MANY:
            chosen["classes"] = _choose_classes()
    show_view(classification.draw_class_scores(view, **chosen), card=card)


def _choose_score(task: Classification) -> str:
    """F1 or recall; with two classes F1 alone."""
    scores = classification.SCORES
    return choose(
        gettext("Score"),
        list(scores) if task.kind == "multiclass" else ["f1"],
        labels=lambda name: gettext(scores[name]),
        key=f"classification_score_{task.kind}",
        parameter="score",
        is_segmented=True,
        label_visibility="collapsed",
    )


def _choose_classes() -> str:
    return choose(
        gettext("Classes"),
        CHOICES,
        labels=choice_label,
        key="classification_classes",
        parameter="classes",
        is_segmented=True,
        label_visibility="collapsed",
    )


run_page(main)
