"""The part of the Errors page on rates: hardest classes, confused pairs, bins."""

from core.language import N_, gettext
from core.tasks import Classification, Regression
from core.views import errors
from core.views.answers import TaskErrors
from core.views.study_view import StudyView
from pages.shell.choose import choose
from pages.shell.show import open_card, show_view

METHODS = {"one": N_("This method"), "all": N_("All methods")}
SIGNS = {"signed": N_("With its sign"), "absolute": N_("Without")}


def show_classes(
    view: StudyView, task: Classification, method: str, found: TaskErrors
) -> None:
    """The hardest classes with what they are taken for, and the confused pairs."""
    show_view(errors.draw_error_rates(view, task=task.name, method=method))
    if not errors.has_pairs(found):
        return
    with open_card(errors.pairs_title(task)) as card:
        among = _choose_methods() if len(found.confusions) > 1 else "one"
        show_view(
            errors.draw_pairs(view, task=task.name, method=method, among=among),
            card=card,
        )


def show_bins(view: StudyView, task: Regression, method: str) -> None:
    """How errors of a number are spread within each bin, signed or not."""
    with open_card(errors.bins_title(task)) as card:
        sign = _choose_sign()
        show_view(
            errors.draw_error_rates(view, task=task.name, method=method, sign=sign),
            card=card,
        )


def _choose_methods() -> str:
    return choose(
        gettext("Methods"),
        list(METHODS),
        labels=lambda name: gettext(METHODS[name]),
        key="errors_pairs",
        parameter="pairs",
        is_segmented=True,
        label_visibility="collapsed",
    )


def _choose_sign() -> str:
    return choose(
        gettext("Error"),
        list(SIGNS),
        labels=lambda name: gettext(SIGNS[name]),
        key="errors_sign",
        parameter="sign",
        is_segmented=True,
        label_visibility="collapsed",
    )
