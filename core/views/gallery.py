"""The view of single test images: those that a method gets most wrong, or others."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from core.errors import ViewError
from core.evaluation.answers import (
    ANY,
    Order,
    agreeing,
    agreement_kinds,
    orders_of,
    rank_images,
    tabulate_images,
)
from core.evaluation.metrics import TOLERANCE
from core.evaluation.resampling import Flags
from core.language import N_, gettext
from core.plots import answers as plots
from core.tasks import Regression
from core.views.answers import TaskErrors, load_errors, method_of
from core.views.drawing import Drawn, Numbers, any_task_of, draws, nothing_in
from core.views.pictures import checked_count, picture_figures
from core.views.study_view import StudyView

EXTREME = N_("These images are extreme cases: they say nothing about rates.")


@draws("gallery", N_("The images that a method gets most wrong"))
def draw_gallery(
    view: StudyView,
    *,
    task: str = "",
    method: str = "",
    order: str = "",
    truth: str = "",
    predicted: str = "",
    where: tuple[str, ...] = (),
    agree: str = ANY,
    count: int = 8,
) -> Drawn:
    """The first test images in an order of one method's answers.

    As pictures where these may be passed on, else as a table of ids, truth and answers.

    Parameters
    ----------
    view : StudyView
    task, method : str
    order : str
        Such as "confident" or "largest" (``answers.orders_of``); the usual one where
        none is named.
    truth, predicted : str
        Class or bin that the images have, and that the method gives them.
    where : tuple of str
        Groups that the images are of, each as "feature:group".
    agree : str
        Which methods are right (``answers.agreement_kinds``).
    count : int
    """
    asked, one = any_task_of(view, task), method_of(view, method)
    found = load_errors(view, asked)
    answers, images, label = found.answers, found.images, view.labels[one]
    orders = orders_of(answers, one)
    chosen = _one_of("order", order or next(iter(orders)), orders)
    groups = _groups_of(found, where)
    _check_categories(found, truth, predicted)
    mask = matching_images(
        found, one, truth=truth, predicted=predicted, groups=groups
    ) & agreeing(answers, _one_of("agree", agree, agreement_kinds(answers.methods)))
    said = images_sentence(found, one, label, mask, orders[chosen])
    rows = rank_images(answers, one, orders[chosen], mask)
    if not len(rows):
        raise nothing_in(view, said)
    shown = rows[: checked_count(count)].tolist()
    ids = images["image_id"].iloc[shown].tolist()
    lines = [
        (
            plots.truth_text(answers, row),
            f"{plots.sign_of(answers, one, row)} "
            f"{plots.answer_text(answers, one, row)}",
        )
        for row in shown
    ]
    heading = gettext(
        "{task}: {order}, {method}",
        task=gettext(asked.label),
        order=gettext(orders[chosen].label).lower(),
        method=label,
    )
    note = answers_note(found, one, label)
    return Drawn(
        title=heading,
        name=f"{view.study.name}-{asked.name}-{one}-images",
        takeaway=said,
        figures=picture_figures(view, heading, ids, lines),
        data=tabulate_images(answers, images, rows),
        note=gettext(
            "In bold the truth, below it the answer of {method}. {note}",
            method=label,
            note=note,
        ),
        numbers=Numbers(
            plots.shown_table(answers, images, shown, view.labels),
            said,
            note=note,
            is_long=True,
        ),
    )


def matching_images(
    found: TaskErrors,
    method: str,
    *,
    truth: str = "",
    predicted: str = "",
    groups: Mapping[str, str],
    further: pd.DataFrame | None = None,
) -> Flags:
    """Images that have a truth, an answer of a method, and are of some groups.

    Parameters
    ----------
    found : TaskErrors
    method : str
    truth, predicted : str
        Class or bin; empty for any.
    groups : mapping of str to str
        Group by feature.
    further : DataFrame, optional
        Features that ``found`` does not have, of the same images.

    Returns
    -------
    bool array, shape (images,)
    """
    answers, mask = found.answers, np.ones(len(found.images), bool)
    if truth:
        mask &= answers.true_category == answers.categories.index(truth)
    if predicted:
        said = answers.answered_category(method)
        mask &= said == answers.categories.index(predicted)
    for feature, group in groups.items():
        own = found.images if further is None or feature in found.images else further
        mask &= (own[feature] == group).to_numpy()
    return mask


def images_sentence(
    found: TaskErrors, method: str, label: str, chosen: Flags, order: Order
) -> str:
    """How many images there are, how many of them are wrong, and which come first."""
    answers = found.answers
    wrong = chosen & ~answers.right[answers.place(method)]
    return plots.gallery_takeaway(
        answers, method, label, int(chosen.sum()), int(wrong.sum()), order
    )


def answers_note(found: TaskErrors, method: str, label: str) -> str:
    """How an answer comes about, and what single images cannot tell."""
    task = found.answers.task
    many = max(found.answers.seeds) > 1
    if isinstance(task, Regression):
        said = [
            gettext(
                "In brackets: answer − truth. ✓ is within {tolerance} {unit}.",
                tolerance=TOLERANCE,
                unit=gettext(task.unit),
            )
        ]
        if many:
            said.append(gettext("Of several seeds the mean is the answer."))
        return " ".join([*said, gettext(EXTREME)])
    said = [gettext("Per cent: the method's probability for its answer.")]
    if many:
        said.append(
            gettext(
                "Of several seeds the answer is what most say, and the probability is "
                "the mean; the shares of classes are means over single seeds."
            )
        )
    if not found.answers.has_probabilities(method):
        said.append(
            gettext(
                "{method} has labels only, without probabilities, so its answers keep "
                "the order of the images.",
                method=label,
            )
        )
    return " ".join([*said, gettext(EXTREME)])


def _groups_of(found: TaskErrors, where: tuple[str, ...]) -> dict[str, str]:
    """Group by feature, from "feature:group"."""
    groups = {}
    for value in where:
        feature, _, group = value.partition(":")
        _one_of("where", feature, found.features)
        known = sorted(map(str, found.images[feature].unique()))
        groups[feature] = _one_of("where", group, known)
    return groups


def _check_categories(found: TaskErrors, *names: str) -> None:
    for name in filter(None, names):
        _one_of("truth or predicted", name, found.answers.categories)


def _one_of(parameter: str, value: str, known: Collection[str]) -> str:
    if value not in known:
        raise ViewError(
            gettext(
                "The view '{view}' cannot take '{value}' as its parameter "
                "'{parameter}' here.",
                view="gallery",
                value=value,
                parameter=parameter,
            ),
            expected=gettext("one of {names}.", names=", ".join(known)),
            remedy=gettext("correct it, or leave it out."),
        )
    return value
