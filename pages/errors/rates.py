"""The part of the Errors page on rates: hardest classes, confused pairs, bins."""

import streamlit as st

from core.evaluation.errors import (
    MOST_OF_ALL,
    class_recalls,
    confused_pairs,
    errors_by_bin,
    taken_for,
)
from core.plots import errors as plots
from core.tasks import Classification, Regression
from core.text import number, plural
from core.views.answers import TaskErrors
from core.views.study_view import StudyView
from pages.shell.choose import choose
from pages.shell.show import open_card, show_chart, show_static_table

ONE, ALL = "one", "all"
SIGNED, ABSOLUTE = "signed", "absolute"


def show_classes(
    view: StudyView, task: Classification, method: str, found: TaskErrors
) -> None:
    """The hardest classes with what they are taken for, and the confused pairs."""
    _hardest(view, task, method, found)
    _pairs(view, task, method, found)


def _hardest(
    view: StudyView, task: Classification, method: str, found: TaskErrors
) -> None:
    own, label = found.confusions[method], view.labels[method]
    recalls = class_recalls(own, task.classes)
    taken = taken_for(own, task.classes)
    name = f"{view.study.name}-{task.name}-{method}-hardest"
    shown = min(len(recalls), plots.NAMED)
    part = f"The {shown} hardest of {len(recalls)} classes. "
    show_chart(
        plots.plot_hardest(recalls, taken),
        name=name,
        title=f"{task.label}: the hardest, and what they are taken for",
        takeaway=plots.hardest_takeaway(recalls, taken, label),
        data=recalls.merge(
            taken, how="left", left_on="class", right_on="truth", suffixes=("", "_pair")
        ).drop(columns=["truth", "of"]),
        note=f"{part if shown < len(recalls) else ''}The first piece of a bar is what "
        "is recognised (recall), with its 95 % interval over the test images; then "
        "come the classes it is taken for, the most common first, and all others in "
        f"grey. Mean over {plural(own.seeds, 'seed')}.",
    )
    with st.expander("In numbers", icon=":material/table:"):
        show_static_table(
            plots.hardest_table(recalls, taken),
            name=f"{name}-table",
            takeaway=f"Recall of {label} with 95 % interval, and the classes that each "
            "is taken for: share of its images, and p, the mean probability that the "
            "class gets over all of them.",
            download=recalls,
        )


def _pairs(
    view: StudyView, task: Classification, method: str, found: TaskErrors
) -> None:
    pairs = confused_pairs(found.confusions, task.classes)
    own, label = pairs[pairs["method"] == method], view.labels[method]
    methods = tuple(found.confusions)
    if own.empty:
        return
    with open_card(f"{task.label}: the most confused pairs") as card:
        kind = _choose_pairs() if len(methods) > 1 else ONE
        show_chart(
            plots.plot_pairs(own, label, view.styles[method])
            if kind == ONE
            else plots.plot_pairs_by_method(pairs, method, view.look.only(methods)),
            name=f"{view.study.name}-{task.name}-{method}-pairs-{kind}",
            takeaway=plots.pairs_takeaway(own, label),
            data=pairs if kind == ALL else own,
            note=_pairs_note(len(own), label, kind, found.confusions[method].seeds),
            card=card,
        )


def _pairs_note(count: int, label: str, kind: str, seeds: int) -> str:
    most = "" if count <= plots.PAIRS else f"The first {plots.PAIRS} of {count:,} pairs"
    most = most and f"{most} by the mean of both shares. "
    if kind == ONE:
        return (
            f"{most}Truth → answer, mean over {plural(seeds, 'seed')}, with 95 % "
            "intervals over the test images."
        )
    return (
        f"{most}The pairs that {label} confuses most: it is not chosen by what the "
        "other methods do. Each interval is of one method alone; whether a method "
        "is better on a class is on Classification."
    )


def _choose_pairs() -> str:
    return choose(
        "Methods",
        [ONE, ALL],
        labels={ONE: "This method", ALL: "All methods"},
        key="errors_pairs",
        parameter="pairs",
        is_segmented=True,
        label_visibility="collapsed",
    )


def show_bins(
    view: StudyView, task: Regression, method: str, found: TaskErrors
) -> None:
    """How errors of a number are spread within each bin, signed or not."""
    answers, label = found.answers, view.labels[method]
    table = errors_by_bin(
        answers.truth.astype(float),
        answers.answer[answers.place(method)].astype(float),
        answers.image_ids,
        task,
    )
    seeds = answers.seeds[answers.place(method)]
    name = f"{view.study.name}-{task.name}-{method}-bins"
    with open_card(f"{task.label}: how large the errors get in each bin") as card:
        kind = _choose_sign()
        show_chart(
            plots.plot_errors_by_bin(
                table, task, view.styles[method], absolute=kind == ABSOLUTE
            ),
            name=f"{name}-{kind}",
            takeaway=plots.bins_takeaway(table, task, label),
            data=table,
            note=f"{label}; the answer to an image is the mean over "
            f"{plural(seeds, 'seed')}. A bar holds so much of a bin's images, whose "
            "number is in brackets; of few images the ends mean little.",
            card=card,
        )
    with st.expander("In numbers", icon=":material/table:"):
        show_static_table(
            plots.bins_table(table),
            name=f"{name}-table",
            takeaway=f"Errors of {label} in {task.unit}: prediction − truth, and its "
            f"size without the sign, which {number(100 * MOST_OF_ALL, 0)} % of the "
            "images stay within.",
            download=table,
        )


def _choose_sign() -> str:
    return choose(
        "Error",
        [SIGNED, ABSOLUTE],
        labels={SIGNED: "With its sign", ABSOLUTE: "Without"},
        key="errors_sign",
        parameter="sign",
        is_segmented=True,
        label_visibility="collapsed",
    )
