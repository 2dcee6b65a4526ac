"""The part of the Classification page on what is taken for what."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.evaluation.confusion_counts import confusion
from core.plots import confusion as plots
from core.plots.classification import FEW, MANY
from core.plots.style import number, plural
from core.runs import Run
from core.tasks import Classification
from core.text import emphasis, escape_chart, listed, to_markdown
from pages.shell.address import open_errors
from pages.shell.answers import load_errors
from pages.shell.show import show_chart, show_charts, stop_with
from pages.shell.study_bar import StudyView
from pages.shell.tables import (
    Fingerprint,
    fingerprint,
    load_test_predictions,
    mean_text,
)

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
    runs = view.chosen_runs
    matrices = _mean_confusions(fingerprint(runs), task.name, task.classes, runs)
    matrices = {method: matrices[method] for method in view.methods}
    kind = st.session_state.get("classification_show") or "shares"
    if kind == "pairs":
        _worst_pairs(view, task, matrices)
    else:
        _matrices(view, task, counts, matrices, kind)
    _choose_pair(view, task, list(matrices))


def _matrices(
    view: StudyView, task: Classification, counts: Counts, all_: Matrices, kind: str
) -> None:
    """Matrices of all methods; of many classes, of the baseline and one other."""
    baseline, classes = view.baseline, task.classes
    one = _one_method(view, task) if len(classes) > FEW else None
    base = baseline if one is None else view.references.get(one, baseline)
    matrices = all_ if one is None else {m: all_[m] for m in all_ if m in (base, one)}
    means = _mean_probabilities(view, task, matrices) if kind == "probability" else {}
    shown = means or {
        method: matrix
        for method, matrix in matrices.items()
        if kind != "difference" or method in view.references
    }
    if not shown:
        _choose_kind()
        stop_with(
            "Only the baseline is shown, so there is no difference to draw. Choose "
            f"{emphasis('Counts')} or {emphasis('Shares')}, or another method."
        )
    order = _order(view, task)
    ids = plots.class_order(order, classes, counts, all_[baseline])
    ids = _zoomed(view, task, order, ids)
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

    def choose() -> None:
        _choose_kind()
        if len(classes) > FEW:
            _choose_method(view, task)
            _choose_order(view, task, known=counts is not None)
        if len(classes) > MANY:
            _choose_zoom(view, task, order, all_[baseline], counts)

    def click(label: str, point: Mapping[str, Any]) -> None:
        method = next(m for m in shown if view.labels[m] == label)
        # A point has the names as they were drawn.
        named = {escape_chart(name): name for name in task.classes}
        _open_pair(view, task, method, named[str(point["y"])], named[str(point["x"])])

    takeaway = plots.confusion_takeaway(matrices, classes, view.labels, base)
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
        title=f"{task.label}: what is taken for what",
        takeaway=takeaway,
        data=data,
        note=f"{note}{said}{_without(view, set(matrices) - set(shown), kind)} "
        f"{_click_note(len(ids))}",
        above=choose,
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
        text = f" Colours end at {plural(most, 'image')}, the largest number of wrong."
        return most, text
    share = plots.wrong_reach(shown)
    means = kind == "probability"
    what = "mean probability of a wrong class" if means else "share of wrong"
    return share, f" Colours end at {number(100 * share, 0)} %, the largest {what}."


def _mean_probabilities(
    view: StudyView, task: Classification, matrices: Matrices
) -> Matrices:
    """Mean probability of each class, of the methods that have probabilities."""
    found = load_errors(view, task).confusions
    known = {method: found[method].probabilities for method in matrices}
    means = {method: mean for method, mean in known.items() if mean is not None}
    if not means:
        _choose_kind()
        stop_with(
            "The methods shown have labels only, without probabilities. Choose "
            f"{emphasis('Counts')} or {emphasis('Shares')}, or another method."
        )
    return means


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
    note = f"{mean_text(view)}. The rarest class has {plural(fewest, 'test image')}"
    if fewest:
        width = 100 * 1.96 * 0.5 / np.sqrt(fewest)
        note += f", so a share of it is uncertain by up to ±{number(width, 0)} points"
    return f"{note}."


def _worst_pairs(view: StudyView, task: Classification, matrices: Matrices) -> None:
    baseline, classes = view.baseline, task.classes
    pairs = plots.worst_pairs(matrices, classes)
    method = _one_method(view, task) or baseline
    own, label = pairs[pairs["method"] == method], view.labels[method]
    wrong = matrices[method].sum() - np.trace(matrices[method])

    def choose() -> None:
        _choose_kind()
        _choose_method(view, task)

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
        title=f"{task.label}: what is taken for what",
        takeaway=plots.worst_pairs_takeaway(own, label, round(float(wrong))),
        data=pairs,
        note=f"Truth → prediction; {_note(view, matrices[baseline])}",
        above=choose,
    )


def _choose_kind() -> None:
    st.segmented_control(
        "Show",
        list(SHOW),
        default="shares",
        required=True,
        format_func=SHOW.__getitem__,
        key="classification_show",
        label_visibility="collapsed",
        persist_state="session",
    )


def _method_key(view: StudyView, task: Classification) -> str:
    # Another key for another choice of methods, so that one left out is never kept.
    return f"classification_method_{view.study.name}_{'_'.join(view.methods)}"


def _one_method(view: StudyView, task: Classification) -> str:
    """The chosen method; else the first beside the baseline, if there is one."""
    others = [m for m in view.methods if m != view.baseline]
    first = others[0] if others else view.baseline
    return str(st.session_state.get(_method_key(view, task)) or first)


def _choose_method(view: StudyView, task: Classification) -> None:
    st.selectbox(
        "Method",
        view.methods,
        index=view.methods.index(_one_method(view, task)),
        format_func=view.labels.__getitem__,
        key=_method_key(view, task),
        persist_state="session",
        width=320,
    )


def _order_key(view: StudyView) -> str:
    return f"classification_order_{view.study.name}"


def _order(view: StudyView, task: Classification) -> str:
    if len(task.classes) <= FEW:
        return "study"
    return str(st.session_state.get(_order_key(view)) or "study")


def _choose_order(view: StudyView, task: Classification, *, known: bool) -> None:
    st.segmented_control(
        "Order of the classes",
        [order for order in plots.ORDERS if known or order != "training"],
        default="study",
        required=True,
        format_func=plots.ORDERS.__getitem__,
        key=_order_key(view),
        persist_state="session",
    )


def _zoom_key(view: StudyView, task: Classification, order: str) -> str:
    return f"classification_zoom_{view.study.name}_{task.name}_{order}"


def _zoomed(
    view: StudyView, task: Classification, order: str, ids: list[int]
) -> list[int]:
    """The part of the classes that the reader has zoomed to."""
    ends = st.session_state.get(_zoom_key(view, task, order))
    if not ends or len(ids) <= MANY:
        return ids
    names = [task.classes[i] for i in ids]
    if not set(ends) <= set(names):
        return ids
    first, last = sorted(names.index(end) for end in ends)
    return ids[first : last + 1]


def _choose_zoom(
    view: StudyView,
    task: Classification,
    order: str,
    base: NDArray[np.float64],
    counts: Counts,
) -> None:
    ids = plots.class_order(order, task.classes, counts, base)
    names = [task.classes[i] for i in ids]
    st.select_slider(
        "Zoom: from class to class",
        names,
        value=(names[0], names[-1]),
        format_func=to_markdown,
        key=_zoom_key(view, task, order),
        persist_state="session",
        help=f"In the order chosen above. Up to {MANY} classes, each cell has its"
        " value written in.",
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _mean_confusions(
    key: Fingerprint, task: str, classes: tuple[str, ...], _runs: tuple[Run, ...]
) -> Matrices:
    """Confusion counts of each method, as a mean over its runs."""
    counts: dict[str, list[NDArray[np.float64]]] = {}
    for run in _runs:
        table = load_test_predictions(run)
        matrix = confusion(table[f"{task}_true"], table[f"{task}_pred"], classes)
        counts.setdefault(run.method, []).append(np.asarray(matrix, dtype=np.float64))
    return {method: np.mean(stack, axis=0) for method, stack in counts.items()}
