"""The part of the Classification page on what is taken for what."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.plots import confusion as plots
from core.plots.classification import FEW, MANY
from core.tasks import Classification
from core.text import emphasis, escape_chart, listed, number, plural, to_markdown
from core.views.answers import load_errors
from core.views.study_view import StudyView
from pages.shell.address import open_errors, this_address
from pages.shell.choose import choose
from pages.shell.show import Card, open_card, show_chart, show_charts

SHOW = {
    "shares": "Shares of each true class",
    "counts": "Counts",
    "probability": "Mean probability",
    "difference": "Difference to the baseline",
    "pairs": "Worst pairs",
}
# Pixels that a matrix takes at the least beside another, by its number of classes.
NARROW, WIDE = 330, 560

Counts = Mapping[str, int] | None
Matrices = dict[str, NDArray[np.float64]]


def show_confusions(view: StudyView, task: Classification, counts: Counts) -> None:
    """Matrices, or one method's worst pairs, as the reader chooses.

    ``counts`` are the training images of each class, None where they are not known.
    """
    found = load_errors(view, task).confusions
    matrices = {method: found[method].counts for method in view.methods}
    with open_card(f"{task.label}: what is taken for what") as card:
        kind = choose(
            "Show",
            list(SHOW),
            labels=SHOW,
            key="classification_show",
            parameter="matrix",
            is_segmented=True,
            label_visibility="collapsed",
        )
        is_large = len(task.classes) > FEW
        method = _choose_method(view) if is_large or kind == "pairs" else None
        if kind == "pairs":
            _worst_pairs(view, task, matrices, method, card)
        else:
            _matrices(view, task, counts, matrices, kind, method, card)
    _choose_pair(view, task, list(matrices))


def _matrices(
    view: StudyView,
    task: Classification,
    counts: Counts,
    all_: Matrices,
    kind: str,
    one: str | None,
    card: Card,
) -> None:
    """Matrices of all methods; of many classes, of the baseline and ``one`` other."""
    baseline, classes = view.baseline, task.classes
    base = baseline if one is None else view.references.get(one, baseline)
    matrices = all_ if one is None else {m: all_[m] for m in all_ if m in (base, one)}
    means: Matrices = {}
    shown = matrices
    if kind == "probability":
        shown = means = _mean_probabilities(view, task, matrices)
    elif kind == "difference":
        shown = {m: matrices[m] for m in matrices if m in view.references}
    if not shown:
        st.info(to_markdown(_why_nothing(view, kind, one)), icon=":material/info:")
        return
    order = _choose_order(view, known=counts is not None) if one else "study"
    ids = plots.class_order(order, classes, counts, all_[baseline])
    if len(ids) > MANY:
        ids = _choose_zoom(view, task, order, ids)
    end, said = _end_of_colours(kind, shown) if len(ids) > MANY else (1.0, "")
    reach = plots.difference_reach(matrices, view.references)
    figures = {
        view.labels[method]: plots.make_clickable(
            plots.plot_confusion(
                matrix,
                classes,
                view.labels[method],
                show=kind,
                baseline=all_[view.references.get(method, baseline)],
                reach=reach,
                chosen=ids,
                end=end,
            )
        )
        for method, matrix in shown.items()
    }

    def click(label: str, point: Mapping[str, Any]) -> None:
        method = next(m for m in shown if view.labels[m] == label)
        # A point has the names as they were drawn.
        named = {escape_chart(name): name for name in task.classes}
        _open_pair(view, task, method, named[str(point["y"])], named[str(point["x"])])

    takeaway = plots.confusion_takeaway(matrices, classes, view.look.against(base))
    data = plots.confusion_table(matrices, classes)
    if means:
        images = all_[baseline].sum(axis=1)
        told = next(m for m in (one, baseline, *means) if m in means)
        takeaway = plots.probability_takeaway(means, images, classes, view.labels, told)
        data = plots.probability_table(means, images, classes)
    note = _reading(view, all_[baseline], kind, order, len(ids))
    show_charts(
        figures,
        name=f"{view.study.name}-{task.name}-confusion-{kind}",
        takeaway=takeaway,
        data=data,
        note=f"{note}{said}{_without(view, set(matrices) - set(shown), kind)} "
        f"{_click_note(len(ids))}",
        card=card,
        column_width=WIDE if len(ids) > FEW else NARROW,
        on_click=click,
    )


def _reading(
    view: StudyView, base: NDArray[np.float64], kind: str, order: str, classes: int
) -> str:
    """How a matrix is read."""
    note = f"Rows are the truth, columns the prediction; {_note(view, base)}"
    if kind == "probability":
        note = f"A row holds the mean probability of each class over its images. {note}"
    if order == "confusion":
        note += " Classes that the baseline takes for each other stand side by side."
    if FEW < classes <= MANY and kind != "counts":
        unit = "points" if kind == "difference" else "per cent"
        note += f" Written in {unit}; a cell that rounds to 0 is empty."
    return note


def _end_of_colours(kind: str, shown: Matrices) -> tuple[float, str]:
    """Where the colours of many classes end, and how that is said."""
    if kind == "difference":
        return 1.0, ""
    if kind == "counts":
        most = plots.wrong_images(shown)
        wrong = f"{plural(most, 'image')}, the largest number of wrong answers"
        return most, f" Colours end at {wrong}."
    share = plots.wrong_reach(shown)
    means = kind == "probability"
    what = "mean probability of a wrong class" if means else "share of wrong answers"
    return share, f" Colours end at {number(100 * share, 0)} %, the largest {what}."


def _mean_probabilities(
    view: StudyView, task: Classification, matrices: Matrices
) -> Matrices:
    """Mean probability of each class, of the methods that have probabilities."""
    found = load_errors(view, task).confusions
    known = {method: found[method].probabilities for method in matrices}
    means = {method: mean for method, mean in known.items() if mean is not None}
    return means


def _why_nothing(view: StudyView, kind: str, one: str | None) -> str:
    """Why no matrix can be drawn, and what to choose."""
    why = "Only the baseline is shown, so there is no difference to draw."
    if kind == "probability":
        why = "The methods shown have labels only, without probabilities."
    elif one is not None and len(view.methods) > 1:
        why = f"{view.labels[one]} has no difference to itself."
    return (
        f"{why} Choose {emphasis(SHOW['counts'])} or {emphasis(SHOW['shares'])}, or "
        "another method."
    )


def _without(view: StudyView, methods: set[str], kind: str) -> str:
    """Who is left out of the mean probabilities."""
    if not methods or kind != "probability":
        return ""
    names = listed([view.labels[m] for m in view.methods if m in methods])
    verb = "has" if len(methods) == 1 else "have"
    return f" {names} {verb} labels only, without probabilities."


def _click_note(classes: int) -> str:
    if classes**2 > plots.CLICKABLE:
        return f"Click one of the {plots.CLICKABLE} largest mistakes to see its images."
    return "Click a cell to see its images on Errors."


def _open_pair(
    view: StudyView, task: Classification, method: str, truth: str, answer: str
) -> None:
    """Leave for the images of one cell."""
    open_errors(
        view.study.name, task=task.name, method=method, truth=truth, predicted=answer
    )


def _choose_pair(view: StudyView, task: Classification, methods: list[str]) -> None:
    """The way to the images of a cell without a mouse."""
    key = f"classification_pair_{view.study.name}_{task.name}"
    with (
        st.expander("Images of one cell", icon=":material/search_insights:"),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        method = st.selectbox(
            "Method",
            methods,
            format_func=view.labels.__getitem__,
            key=f"{key}_of_{'_'.join(methods)}",
            width=260,
        )
        truth = st.selectbox("Truth", task.classes, key=f"{key}_truth", width=200)
        answer = st.selectbox(
            "Prediction", task.classes, index=1, key=f"{key}_answer", width=200
        )
        if st.button(
            "Show the images", icon=":material/arrow_forward:", key=f"{key}_open"
        ):
            _open_pair(view, task, method, truth, answer)


def _note(view: StudyView, base: NDArray[np.float64]) -> str:
    """Over how many seeds, and how sure a share can be."""
    fewest = int(base.sum(axis=1).min())
    note = f"{view.mean_text}. The rarest class has {plural(fewest, 'test image')}"
    if fewest:
        width = 100 * 1.96 * 0.5 / np.sqrt(fewest)
        note += f", so a share of it is uncertain by up to ±{number(width, 0)} points"
    return f"{note}."


def _worst_pairs(
    view: StudyView,
    task: Classification,
    matrices: Matrices,
    method: str,
    card: Card,
) -> None:
    baseline, classes = view.baseline, task.classes
    pairs = plots.worst_pairs(matrices, classes)
    own, label = pairs[pairs["method"] == method], view.labels[method]
    wrong = matrices[method].sum() - np.trace(matrices[method])

    show_chart(
        plots.plot_worst_pairs(
            own,
            classes,
            label,
            view.styles[method],
            baseline=matrices[view.references[method]]
            if method in view.references
            else None,
        ),
        name=f"{view.study.name}-{task.name}-pairs",
        takeaway=plots.worst_pairs_takeaway(own, label, round(float(wrong))),
        data=pairs,
        note=f"Truth → prediction; {_note(view, matrices[baseline])}",
        card=card,
    )


def _choose_method(view: StudyView) -> str:
    """One method; at first the one beside the baseline, if there is one."""
    others = [method for method in view.methods if method != view.baseline]
    return choose(
        "Method",
        view.methods,
        default=others[0] if others else view.baseline,
        labels=view.labels,
        key=f"classification_method_{view.study.name}",
        parameter="method",
        always=True,
        width=320,
    )


def _choose_order(view: StudyView, *, known: bool) -> str:
    """The order of the classes; by training images only where these are known."""
    return choose(
        "Order of the classes",
        [order for order in plots.ORDERS if known or order != "training"],
        default="study",
        labels=plots.ORDERS,
        key=f"classification_order_{view.study.name}",
        parameter="order",
        is_segmented=True,
    )


def _choose_zoom(
    view: StudyView, task: Classification, order: str, ids: list[int]
) -> list[int]:
    """The part of the classes, from one to another, that is drawn."""
    names = [task.classes[i] for i in ids]
    key = f"classification_zoom_{view.study.name}_{task.name}_{order}"
    whole = (names[0], names[-1])
    start, asked = whole, this_address().take("zoom")
    if asked is not None:
        st.session_state.pop(key, None)
        if len(asked) == 2 and set(asked) <= set(names):
            start = (asked[0], asked[1])
        elif asked:
            this_address().name_unknown("zoom", " to ".join(asked))
    ends = st.select_slider(
        "Zoom: from class to class",
        names,
        # Without a pair it would be a slider of one class.
        value=start,
        format_func=to_markdown,
        key=key,
        persist_state="session",
        help=f"In the order chosen above. Up to {MANY} classes, each cell has its"
        " value written in.",
    )
    this_address().choose("zoom", () if tuple(ends) == whole else tuple(ends))
    first, last = sorted(names.index(end) for end in ends)
    return ids[first : last + 1]
