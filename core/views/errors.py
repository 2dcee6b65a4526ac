"""Views of a method's errors: hardest classes, confused pairs, bins of a number."""

from typing import Literal

from core.evaluation.errors import (
    MOST_OF_ALL,
    class_recalls,
    confused_pairs,
    errors_by_bin,
    taken_for,
)
from core.language import N_, gettext, ngettext
from core.plots import errors as plots
from core.plots.classification import NAMED
from core.tasks import Classification, Regression
from core.text import percent
from core.views.answers import TaskErrors, load_errors, method_of
from core.views.drawing import (
    Drawn,
    Numbers,
    any_task_of,
    classification_of,
    draws,
    nothing_in,
)
from core.views.study_view import StudyView

Among = Literal["one", "all"]
Sign = Literal["signed", "absolute"]


@draws("error-rates", N_("The hardest classes, or the errors in each bin of a number"))
def draw_error_rates(
    view: StudyView, *, task: str = "", method: str = "", sign: Sign = "signed"
) -> Drawn:
    """The hardest classes of one method and what they are taken for.

    Of a number, how its errors are spread in each bin, with their sign or without.
    """
    asked, one = any_task_of(view, task), method_of(view, method)
    if isinstance(asked, Regression):
        return _draw_bins(view, asked, one, sign)
    return _draw_hardest(view, asked, one)


@draws("confused-pairs", N_("The classes that are most often taken for each other"))
def draw_pairs(
    view: StudyView, *, task: str = "", method: str = "", among: Among = "one"
) -> Drawn:
    """The pairs of classes that one method confuses most, alone or beside all."""
    asked, one = classification_of(view, task), method_of(view, method)
    found = load_errors(view, asked)
    if not has_pairs(found):
        raise nothing_in(
            view,
            gettext(
                "Fewer than two classes of {task} have test images: none can be taken "
                "for another.",
                task=gettext(asked.label),
            ),
        )
    pairs = confused_pairs(found.confusions, asked.classes)
    own, label = pairs[pairs["method"] == one], view.labels[one]
    methods = tuple(found.confusions)
    seeds = found.confusions[one].seeds
    return Drawn(
        title=pairs_title(asked),
        name=f"{view.study.name}-{asked.name}-{one}-pairs-{among}",
        takeaway=plots.pairs_takeaway(own, label),
        figures={
            label: plots.plot_pairs(own, label, view.styles[one])
            if among == "one"
            else plots.plot_pairs_by_method(pairs, one, view.look.only(methods))
        },
        data=own if among == "one" else pairs,
        note=_pairs_note(len(own), label, seeds, is_alone=among == "one"),
    )


def has_pairs(found: TaskErrors) -> bool:
    """Whether at least two classes have test images."""
    counts = next(iter(found.confusions.values())).images
    return int((counts > 0).sum()) > 1


def pairs_title(task: Classification) -> str:
    """Heading of the confused pairs."""
    return gettext("{task}: the most confused pairs", task=gettext(task.label))


def bins_title(task: Regression) -> str:
    """Heading of the errors of a number."""
    return gettext(
        "{task}: how large the errors get in each bin", task=gettext(task.label)
    )


def _draw_hardest(view: StudyView, task: Classification, method: str) -> Drawn:
    own, label = load_errors(view, task).confusions[method], view.labels[method]
    recalls = class_recalls(own, task.classes)
    taken = taken_for(own, task.classes)
    shown = min(len(recalls), NAMED)
    notes = [
        ngettext(
            "The first piece of a bar is what is recognised (recall), with its 95 % "
            "interval over the test images; then come the classes it is taken for, "
            "the most common first, and all others in grey. Mean over {count} seed.",
            "The first piece of a bar is what is recognised (recall), with its 95 % "
            "interval over the test images; then come the classes it is taken for, "
            "the most common first, and all others in grey. Mean over {count} seeds.",
            own.seeds,
        )
    ]
    if shown < len(recalls):
        part = gettext(
            "The {shown} hardest of {count} classes.", shown=shown, count=len(recalls)
        )
        notes.insert(0, part)
    return Drawn(
        title=gettext(
            "{task}: the hardest, and what they are taken for", task=gettext(task.label)
        ),
        name=f"{view.study.name}-{task.name}-{method}-hardest",
        takeaway=plots.hardest_takeaway(recalls, taken, label),
        figures={label: plots.plot_hardest(recalls, taken)},
        data=recalls.merge(
            taken, how="left", left_on="class", right_on="truth", suffixes=("", "_pair")
        ).drop(columns=["truth", "of"]),
        note=" ".join(notes),
        numbers=Numbers(
            plots.hardest_table(recalls, taken),
            gettext(
                "Recall of {method} with 95 % interval, and the classes that each is "
                "taken for: share of its images, and p, the mean probability that the "
                "class gets over all of them.",
                method=label,
            ),
            download=recalls,
        ),
    )


def _pairs_note(count: int, label: str, seeds: int, *, is_alone: bool) -> str:
    if is_alone:
        said = ngettext(
            "Truth → answer, mean over {count} seed, with 95 % intervals over the test "
            "images.",
            "Truth → answer, mean over {count} seeds, with 95 % intervals over the "
            "test images.",
            seeds,
        )
    else:
        said = gettext(
            "The pairs that {method} confuses most: it is not chosen by what the other "
            "methods do. Each interval is of one method alone; whether a method is "
            "better on a class is on Classification.",
            method=label,
        )
    if count <= plots.PAIRS:
        return said
    most = gettext(
        "The first {shown} of {count} pairs by the mean of both shares.",
        shown=plots.PAIRS,
        count=count,
    )
    return f"{most} {said}"


def _draw_bins(view: StudyView, task: Regression, method: str, sign: Sign) -> Drawn:
    answers, label = load_errors(view, task).answers, view.labels[method]
    table = errors_by_bin(
        answers.truth.astype(float),
        answers.answer[answers.place(method)].astype(float),
        answers.image_ids,
        task,
    )
    seeds = answers.seeds[answers.place(method)]
    figure = plots.plot_errors_by_bin(
        table, task, view.styles[method], absolute=sign == "absolute"
    )
    return Drawn(
        title=bins_title(task),
        name=f"{view.study.name}-{task.name}-{method}-bins-{sign}",
        takeaway=plots.bins_takeaway(table, task, label),
        figures={label: figure},
        data=table,
        note=ngettext(
            "{method}; the answer to an image is the mean over {count} seed. A bar "
            "holds so much of a bin's images, whose number is in brackets; of few "
            "images the ends mean little.",
            "{method}; the answer to an image is the mean over {count} seeds. A bar "
            "holds so much of a bin's images, whose number is in brackets; of few "
            "images the ends mean little.",
            seeds,
            method=label,
        ),
        numbers=Numbers(
            plots.bins_table(table),
            gettext(
                "Errors of {method} in {unit}: prediction − truth, and its size "
                "without the sign, which {share} of the images stay within.",
                method=label,
                unit=gettext(task.unit),
                share=percent(MOST_OF_ALL),
            ),
            download=table,
        ),
    )
