"""Views of what is taken for what: confusion matrices and the worst pairs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import NothingToShow, ViewError
from core.language import N_, gettext, ngettext
from core.plots import confusion as plots
from core.plots.classification import FEW, MANY
from core.plots.figure import rebuild, spec_of
from core.tasks import Classification
from core.text import emphasis, listed, number, percent
from core.views.answers import load_errors
from core.views.caching import cached
from core.views.classification import class_counts
from core.views.drawing import KEPT, Drawn, classification_of, draws, share_width
from core.views.study_view import StudyView
from core.views.view_arguments import class_asked, first_beside, method_asked

Matrices = dict[str, NDArray[np.float64]]
Show = Literal["shares", "counts", "probability"]
Order = Literal["study", "training", "confusion"]
SHOW = {
    "shares": N_("Shares of each true class"),
    "counts": N_("Counts"),
    "probability": N_("Mean probability"),
    "difference": N_("Difference to the baseline"),
    "pairs": N_("Worst pairs"),
}
"""What can be shown of confusions, as a reader sees it."""
# Pixels that a matrix takes at the least beside another, by its number of classes.
NARROW, WIDE = 330, 560


@draws("confusions", N_("Confusion matrices: which class is taken for which"))
def draw_confusions(
    view: StudyView,
    *,
    task: str = "",
    show: Show = "shares",
    method: str = "",
    order: Order = "study",
    zoom: tuple[str, ...] = (),
) -> Drawn:
    """A matrix a method; of many classes, of the baseline and one other.

    ``method`` is that other, ``zoom`` the first and the last class of those drawn.
    """
    return _draw(view, classification_of(view, task), show, method, order, zoom)


@draws("confusion-difference", N_("Difference of confusion matrices to the baseline"))
def draw_confusion_difference(
    view: StudyView,
    *,
    task: str = "",
    method: str = "",
    order: Order = "study",
    zoom: tuple[str, ...] = (),
) -> Drawn:
    """Shares of each true class less those of the baseline; as ``draw_confusions``."""
    asked = classification_of(view, task)
    return _draw(view, asked, "difference", method, order, zoom)


@draws("worst-pairs", N_("The most common confusions of one method"))
def draw_worst_pairs(view: StudyView, *, task: str = "", method: str = "") -> Drawn:
    """One method's most common confusions beside the baseline's share of each."""
    asked = classification_of(view, task)
    matrices = _matrices(view, asked)
    one = method_asked(view, method, first_beside(view))
    pairs = plots.worst_pairs(matrices, asked.classes)
    own, label = pairs[pairs["method"] == one], view.labels[one]
    wrong = matrices[one].sum() - np.trace(matrices[one])
    reference = view.references.get(one)
    figure = plots.plot_worst_pairs(
        own,
        asked.classes,
        label,
        view.styles[one],
        baseline=None if reference is None else matrices[reference],
    )
    return Drawn(
        title=title_of(asked),
        name=f"{view.study.name}-{asked.name}-pairs",
        takeaway=plots.worst_pairs_takeaway(own, label, round(float(wrong))),
        figures={label: figure},
        data=pairs,
        note=gettext(
            "Truth → prediction; {mean}. {rarest}",
            mean=view.mean_text,
            rarest=_rarest(matrices[view.baseline]),
        ),
    )


def title_of(task: Classification) -> str:
    """Heading of the views."""
    return gettext("{task}: what is taken for what", task=gettext(task.label))


def has_many_cells(task: Classification) -> bool:
    """Whether matrices are of the baseline and one other method, and can be ordered."""
    return len(task.classes) > FEW


@cached(entries=16)
def classes_in_order(
    view: StudyView, task: Classification, order: Order
) -> tuple[str, ...]:
    """Classes in the order of rows and columns."""
    counts = class_counts(view, task)
    base = _matrices(view, task)[view.baseline]
    ids = plots.class_order(order, task.classes, counts, base)
    return tuple(task.classes[i] for i in ids)


def with_clicks(view: StudyView, drawn: Drawn) -> Drawn:
    """Matrices whose cells can be clicked, which their note says."""
    return _with_clicks(view, drawn.view, drawn.parameters, drawn)


@cached(entries=KEPT)
def _with_clicks(
    view: StudyView, name: str, parameters: Mapping[str, Any], _drawn: Drawn
) -> Drawn:
    cells = max(len(figure.data[0].x) ** 2 for figure in _drawn.figures.values())
    if cells > plots.CLICKABLE:
        said = gettext(
            "Click one of the {mistakes} largest mistakes to see its images.",
            mistakes=str(plots.CLICKABLE),
        )
    else:
        said = gettext("Click a cell to see its images on Errors.")
    figures = {
        what: plots.make_clickable(rebuild(spec_of(figure)))
        for what, figure in _drawn.figures.items()
    }
    return replace(_drawn, figures=figures, note=f"{_drawn.note} {said}")


def _draw(
    view: StudyView,
    task: Classification,
    kind: str,
    method: str,
    order: Order,
    zoom: tuple[str, ...],
) -> Drawn:
    """Matrices of all methods; of many classes, of the baseline and one other."""
    all_, classes = _matrices(view, task), task.classes
    usual = first_beside(view) if has_many_cells(task) else ""
    one = method_asked(view, method, usual)
    base = view.references.get(one, view.baseline)
    matrices = {m: all_[m] for m in all_ if m in (base, one)} if one else all_
    means = _probabilities(view, task, matrices) if kind == "probability" else {}
    shown = means if kind == "probability" else matrices
    if kind == "difference":
        shown = {m: matrices[m] for m in matrices if m in view.references}
    if not shown:
        raise NothingToShow(_why_nothing(view, kind, one))
    ids = _chosen(view, task, order, zoom)
    end, said = _end_of_colours(kind, shown) if len(ids) > MANY else (1.0, "")
    reach = plots.difference_reach(matrices, view.references)
    figures = {
        view.labels[m]: plots.plot_confusion(
            matrix,
            classes,
            view.labels[m],
            show=kind,
            baseline=all_[view.references.get(m, view.baseline)],
            reach=reach,
            chosen=ids,
            end=end,
        )
        for m, matrix in shown.items()
    }
    takeaway = plots.confusion_takeaway(matrices, classes, view.look.against(base))
    data = plots.confusion_table(matrices, classes)
    if means:
        images = all_[view.baseline].sum(axis=1)
        told = next(m for m in (one, view.baseline, *means) if m in means)
        takeaway = plots.probability_takeaway(means, images, classes, view.labels, told)
        data = plots.probability_table(means, images, classes)
    note = _reading(view, all_[view.baseline], kind, order, len(ids))
    left = set(matrices) - set(shown) if kind == "probability" else set()
    return Drawn(
        title=title_of(task),
        name=f"{view.study.name}-{task.name}-confusion-{kind}",
        takeaway=takeaway,
        figures=figures,
        data=data,
        note=" ".join(filter(None, (note, said, _without(view, left)))),
        column_width=share_width(len(figures), WIDE if len(ids) > FEW else NARROW),
    )


def _matrices(view: StudyView, task: Classification) -> Matrices:
    found = load_errors(view, task).confusions
    return {method: found[method].counts for method in view.methods}


def _probabilities(
    view: StudyView, task: Classification, matrices: Matrices
) -> Matrices:
    """Mean probability of each class, of the methods that have probabilities."""
    found = load_errors(view, task).confusions
    known = {method: found[method].probabilities for method in matrices}
    return {method: mean for method, mean in known.items() if mean is not None}


def _chosen(
    view: StudyView, task: Classification, order: Order, zoom: tuple[str, ...]
) -> list[int]:
    """Ids of the classes that are drawn, in their order."""
    names = classes_in_order(view, task, order)
    if zoom:
        if len(zoom) != 2:
            raise ViewError(
                gettext(
                    "A zoom is from one class to another, and not {classes}.",
                    classes=listed(list(zoom)),
                ),
                expected=gettext(
                    "the first and the last of the classes that are drawn."
                ),
                remedy=gettext("name two classes, or leave it out for all."),
            )
        first, last = sorted(names.index(class_asked(task, name)) for name in zoom)
        names = names[first : last + 1]
    return [task.classes.index(name) for name in names]


def _reading(
    view: StudyView, base: NDArray[np.float64], kind: str, order: str, classes: int
) -> str:
    """How a matrix is read."""
    notes = [
        gettext(
            "Rows are the truth, columns the prediction; {mean}.", mean=view.mean_text
        ),
        _rarest(base),
    ]
    if kind == "probability":
        mean = gettext(
            "A row holds the mean probability of each class over its images."
        )
        notes.insert(0, mean)
    if order == "confusion":
        notes.append(
            gettext(
                "Classes that the baseline takes for each other stand side by side."
            )
        )
    if FEW < classes <= MANY and kind != "counts":
        notes.append(
            gettext("Written in points; a cell that rounds to 0 is empty.")
            if kind == "difference"
            else gettext("Written in per cent; a cell that rounds to 0 is empty.")
        )
    return " ".join(notes)


def _end_of_colours(kind: str, shown: Matrices) -> tuple[float, str]:
    """Where the colours of many classes end, and how that is said."""
    if kind == "difference":
        return 1.0, ""
    if kind == "counts":
        most = plots.wrong_images(shown)
        return most, ngettext(
            "Colours end at {count} image, the largest number of wrong answers.",
            "Colours end at {count} images, the largest number of wrong answers.",
            most,
        )
    share = plots.wrong_reach(shown)
    if kind == "probability":
        return share, gettext(
            "Colours end at {share}, the largest mean probability of a wrong class.",
            share=percent(share),
        )
    return share, gettext(
        "Colours end at {share}, the largest share of wrong answers.",
        share=percent(share),
    )


def _why_nothing(view: StudyView, kind: str, one: str) -> str:
    """Why no matrix can be drawn, and what to choose."""
    if kind == "probability":
        why = gettext("The methods shown have labels only, without probabilities.")
    elif one and len(view.methods) > 1:
        why = gettext("{method} has no difference to itself.", method=view.labels[one])
    else:
        why = gettext("Only the baseline is shown, so there is no difference to draw.")
    advice = gettext(
        "Choose {counts} or {shares}, or another method.",
        counts=emphasis(gettext(SHOW["counts"])),
        shares=emphasis(gettext(SHOW["shares"])),
    )
    return f"{why} {advice}"


def _without(view: StudyView, methods: set[str]) -> str:
    """Who is left out of the mean probabilities."""
    if not methods:
        return ""
    return ngettext(
        "{methods} has labels only, without probabilities.",
        "{methods} have labels only, without probabilities.",
        len(methods),
        methods=listed([view.labels[m] for m in view.methods if m in methods]),
    )


def _rarest(base: NDArray[np.float64]) -> str:
    """How sure a share of the rarest class can be."""
    fewest = int(base.sum(axis=1).min())
    if not fewest:
        return gettext("The rarest class has no test image.")
    return ngettext(
        "The rarest class has {count} test image, so a share of it is uncertain by up "
        "to ±{width} points.",
        "The rarest class has {count} test images, so a share of it is uncertain by up "
        "to ±{width} points.",
        fewest,
        width=number(100 * 1.96 * 0.5 / np.sqrt(fewest), 0),
    )
