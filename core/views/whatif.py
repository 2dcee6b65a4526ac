"""Views of the what-if: thresholds moved by hand, and what follows."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from core.data.manifest import TEST
from core.errors import NothingToShow, ViewError
from core.evaluation.verdicts import SMALL_GROUP
from core.evaluation.whatif import Outcome, ScoreCounts
from core.language import N_, gettext
from core.plots import whatif as plots
from core.plots.look import SMALL_SIGN
from core.plots.whatif import Mark
from core.tasks import Classification
from core.text import strong
from core.views.caching import cached
from core.views.drawing import Drawn, Numbers, classification_of, draws
from core.views.groups import Question, load_choices, load_scores, question_of
from core.views.study_view import StudyView
from core.views.view_arguments import class_asked, method_asked

USUAL = 0.5
MOST = 0.05
"""Largest gap that a constraint allows, unless another is asked for."""
GAP = next(iter(plots.GAPS))


@draws("what-if", N_("Accuracy against the gap, by threshold"))
def draw_whatif(
    view: StudyView,
    *,
    task: str = "",
    features: tuple[str, ...] = (),
    positive: str = "",
    method: str = "",
    gap: str = GAP,
    most: float = MOST,
    thresholds: tuple[str, ...] = (f"{USUAL:g}",),
    small: bool = False,
) -> Drawn:
    """Accuracy against a gap: every threshold, those asked for, and the constraints'.

    ``thresholds`` is one number for all groups, or of each group its own, written as
    "<group>:<number>"; a group that is left out has 0.5. ``gap`` is the one drawn, and
    ``most`` the largest that the constraints allow.
    """
    if gap not in plots.GAPS:
        raise ViewError(
            gettext("There is no gap '{name}' to draw.", name=gap),
            expected=gettext("one of {names}.", names=", ".join(plots.GAPS)),
            remedy=gettext("correct the name, or leave it out."),
        )
    asked = _asked(view, task, features, positive, method, thresholds, small)
    question, counts = asked.question, asked.counts
    marks, missing = load_marks(
        view, question, counts, asked.method, most, common=asked.is_common
    )
    now, usual = asked.outcomes()
    curve = _curve(asked, view)
    notes = [gettext(plots.BY_EYE), plots.choices_note(marks), *missing]
    label = gettext(question.task.label)
    return Drawn(
        title=gettext("{task}: accuracy against the gap, by threshold", task=label),
        name=f"{name_of(view, question, counts.positive)}_chart",
        takeaway=plots.whatif_takeaway(now, usual, gap, counts.positive),
        figures={label: plots.plot_whatif(curve, now, usual, marks, gap)},
        data=curve,
        note=" ".join(filter(None, notes)),
    )


@draws("what-if-groups", N_("The rates of each group, by threshold"))
def draw_whatif_groups(
    view: StudyView,
    *,
    task: str = "",
    features: tuple[str, ...] = (),
    positive: str = "",
    method: str = "",
    thresholds: tuple[str, ...] = (f"{USUAL:g}",),
    small: bool = False,
) -> Drawn:
    """Rates of each group with the thresholds, and their change beside 0.5 for all."""
    asked = _asked(view, task, features, positive, method, thresholds, small)
    question, counts = asked.question, asked.counts
    now, usual = asked.outcomes()
    takeaway = gettext(
        "Rates of each group, {positive} answered from the threshold on, and their "
        "change beside 0.5.",
        positive=counts.positive,
    )
    return Drawn(
        title=gettext(
            "{task}: rates of each group, by threshold",
            task=gettext(question.task.label),
        ),
        name=f"{name_of(view, question, counts.positive)}_table",
        takeaway=takeaway,
        data=now.groups,
        numbers=Numbers(
            plots.outcome_table(now, usual),
            takeaway,
            note=gettext(
                "Answered with {positive} from the threshold on; in brackets the "
                "change beside 0.5. {sign}: fewer than {few} images.",
                positive=strong(counts.positive),
                sign=SMALL_SIGN,
                few=SMALL_GROUP,
            ),
            is_long=True,
        ),
    )


def name_of(view: StudyView, question: Question, positive: str) -> str:
    """What the files of the what-if begin with, and a page's widgets."""
    # Thresholds set for one class or one crossing say nothing of another.
    parts = (view.study.name, question.task.name, positive, *question.features)
    return f"fairness_whatif_{'_'.join(parts)}"


def load_counts(view: StudyView, question: Question, positive: str) -> ScoreCounts:
    """Scores on the test images of every method that has probabilities.

    Raises
    ------
    NothingToShow
        If none of the shown methods has any.
    EquipoiseError
        If the runs are not of the same images.
    """
    counts = load_scores(view, question, positive, TEST)
    if counts is None or not set(counts.methods) & set(view.methods):
        raise NothingToShow(
            gettext(
                "In the study {study} none of the methods shown has probabilities, so "
                "there is no threshold to move.",
                study=strong(gettext(view.study.title)),
            )
        )
    return counts


def load_marks(
    view: StudyView,
    question: Question,
    counts: ScoreCounts,
    method: str,
    most: float,
    *,
    common: bool,
) -> tuple[tuple[Mark, ...], tuple[str, ...]]:
    """What each constraint chose on validation, and why one is missing."""
    choices, missing = load_choices(
        view, question, counts.positive, method, most, common=common
    )
    small = question.include_small
    return tuple(Mark(c, c.on(counts, include_small=small)) for c in choices), missing


def groups_of(counts: ScoreCounts) -> list[str]:
    """Groups that have images."""
    return [counts.grouping.names[place] for place in counts.grouping.present]


@dataclass(frozen=True)
class _Asked:
    """What both views are asked: ``thresholds`` is one, or one for each group."""

    question: Question
    counts: ScoreCounts
    method: str
    thresholds: float | Mapping[str, float]

    @property
    def is_common(self) -> bool:
        return not isinstance(self.thresholds, Mapping)

    def outcomes(self) -> tuple[Outcome, Outcome]:
        """With the thresholds, and with 0.5 for all."""
        now, usual = (
            self.counts.at(self.method, t, include_small=self.question.include_small)
            for t in (self.thresholds, USUAL)
        )
        return now, usual


def _asked(
    view: StudyView,
    task: str,
    features: tuple[str, ...],
    positive: str,
    method: str,
    thresholds: tuple[str, ...],
    small: bool,
) -> _Asked:
    chosen = classification_of(view, task)
    question = question_of(view, chosen, features, small=small)
    decided = class_asked(chosen, positive) if positive else usual_class(chosen)
    counts = load_counts(view, question, decided)
    known = [name for name in view.methods if name in counts.methods]
    usual = view.baseline if view.baseline in known else known[0]
    name = method_asked(view, method, usual)
    return _Asked(question, counts, name, _thresholds(thresholds, counts))


def usual_class(task: Classification) -> str:
    """The class that is decided on first: the positive one of two."""
    return task.classes[1] if task.kind == "binary" else task.classes[0]


def _thresholds(
    given: tuple[str, ...], counts: ScoreCounts
) -> float | Mapping[str, float]:
    pairs = [one.rpartition(":") for one in given]
    try:
        values = {group: float(value) for group, _, value in pairs}
    except ValueError:
        raise _wrong_thresholds(given, counts) from None
    if not all(0 <= value <= 1 for value in values.values()):
        raise _wrong_thresholds(given, counts)
    if values.keys() == {""}:
        return values[""]
    if not values or not values.keys() <= set(counts.grouping.names):
        raise _wrong_thresholds(given, counts)
    return dict.fromkeys(counts.grouping.names, USUAL) | values


def _wrong_thresholds(given: tuple[str, ...], counts: ScoreCounts) -> ViewError:
    groups = ", ".join(groups_of(counts))
    return ViewError(
        gettext(
            "The thresholds {given} do not fit.",
            given=", ".join(given) or gettext("(none)"),
        ),
        expected=gettext(
            "one number from 0 to 1, or '<group>:<number>' for some of the groups "
            "{groups}.",
            groups=groups,
        ),
        remedy=gettext("correct them, or leave them out for 0.5."),
    )


def _curve(asked: _Asked, view: StudyView) -> pd.DataFrame:
    key = (view.cache_key, asked.question, asked.counts.positive, asked.method)
    return _drawn_curve(key, asked)


@cached(entries=32)
def _drawn_curve(key: tuple[object, ...], _given: _Asked) -> pd.DataFrame:
    small = _given.question.include_small
    return _given.counts.curve(_given.method, include_small=small)
