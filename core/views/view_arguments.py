"""What a view is asked for by name: a method, a class or a feature that is there."""

from collections.abc import Collection

from core.errors import NothingToShow, ViewError
from core.language import N_, gettext
from core.tasks import Classification
from core.text import strong
from core.views.study_view import StudyView


def method_asked(view: StudyView, name: str, usual: str) -> str:
    """A shown method, by name; ``usual`` where none is named.

    Raises
    ------
    ViewError
        If no such method is shown.
    """
    if not name:
        return usual
    return _one_of(name, view.methods, N_("No method '{name}' is shown here."))


def class_asked(task: Classification, name: str) -> str:
    """A class of the task, by name.

    Raises
    ------
    ViewError
        If the task has no such class.
    """
    return _one_of(name, task.classes, N_("No class '{name}' is shown here."))


def feature_asked(view: StudyView, name: str) -> str:
    """A sensitive feature of the study, by name.

    Raises
    ------
    ViewError
        If the study has no such feature.
    """
    features = tuple(view.dataset.sensitive_features)
    problem = N_("No sensitive feature '{name}' is shown here.")
    return _one_of(name, features, problem)


def first_beside(view: StudyView) -> str:
    """The first shown method that is not the baseline; the baseline if it is alone."""
    others = [method for method in view.methods if method != view.baseline]
    return others[0] if others else view.baseline


def require_others(view: StudyView, methods: Collection[str] | None = None) -> None:
    """Fail where no shown method stands beside the baseline.

    Raises
    ------
    NothingToShow
        If none is shown, or none of the ``methods`` that are known.
    """
    known = view.methods if methods is None else methods
    if not set(known) & set(view.methods) - {view.baseline}:
        raise NothingToShow(
            gettext(
                "No method of the study {study} is shown beside the baseline, so there "
                "is no difference to draw.",
                study=strong(view.title),
            )
        )


def _one_of(name: str, there: Collection[str], problem: str) -> str:
    if name not in there:
        raise ViewError(
            gettext(problem, name=name),
            expected=gettext("one of {names}.", names=", ".join(there)),
            remedy=gettext("correct the name, or leave it out."),
        )
    return name
