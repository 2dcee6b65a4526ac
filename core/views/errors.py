"""Views of a method's errors: hardest classes, confused pairs, bins of a number."""

from typing import Literal

from core.evaluation.errors import (
    MOST_OF_ALL,
    class_recalls,
    confused_pairs,
    errors_by_bin,
    taken_for,
)
from core.plots import errors as plots
from core.plots.classification import NAMED
from core.tasks import Classification, Regression
from core.text import number, plural
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


@draws("error-rates", "The hardest classes, or the errors in each bin of a number")
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


@draws("confused-pairs", "The classes that are most often taken for each other")
def draw_pairs(
    view: StudyView, *, task: str = "", method: str = "", among: Among = "one"
) -> Drawn:
    """The pairs of classes that one method confuses most, alone or beside all."""
    asked, one = classification_of(view, task), method_of(view, method)
    found = load_errors(view, asked)
    if not has_pairs(found):
        raise nothing_in(
            view,
            f"Fewer than two classes of {asked.label} have test images: none can be "
            "taken for another.",
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
    return f"{task.label}: the most confused pairs"


def bins_title(task: Regression) -> str:
    """Heading of the errors of a number."""
    return f"{task.label}: how large the errors get in each bin"


def _draw_hardest(view: StudyView, task: Classification, method: str) -> Drawn:
    own, label = load_errors(view, task).confusions[method], view.labels[method]
    recalls = class_recalls(own, task.classes)
    taken = taken_for(own, task.classes)
    shown = min(len(recalls), NAMED)
    part = f"The {shown} hardest of {len(recalls)} classes. "
    return Drawn(
        title=f"{task.label}: the hardest, and what they are taken for",
        name=f"{view.study.name}-{task.name}-{method}-hardest",
        takeaway=plots.hardest_takeaway(recalls, taken, label),
        figures={label: plots.plot_hardest(recalls, taken)},
        data=recalls.merge(
            taken, how="left", left_on="class", right_on="truth", suffixes=("", "_pair")
        ).drop(columns=["truth", "of"]),
        note=f"{part if shown < len(recalls) else ''}The first piece of a bar is what "
        "is recognised (recall), with its 95 % interval over the test images; then "
        "come the classes it is taken for, the most common first, and all others in "
        f"grey. Mean over {plural(own.seeds, 'seed')}.",
        numbers=Numbers(
            plots.hardest_table(recalls, taken),
            f"Recall of {label} with 95 % interval, and the classes that each is taken "
            "for: share of its images, and p, the mean probability that the class gets "
            "over all of them.",
            download=recalls,
        ),
    )


def _pairs_note(count: int, label: str, seeds: int, *, is_alone: bool) -> str:
    most = "" if count <= plots.PAIRS else f"The first {plots.PAIRS} of {count:,} pairs"
    most = most and f"{most} by the mean of both shares. "
    if is_alone:
        return (
            f"{most}Truth → answer, mean over {plural(seeds, 'seed')}, with 95 % "
            "intervals over the test images."
        )
    return (
        f"{most}The pairs that {label} confuses most: it is not chosen by what the "
        "other methods do. Each interval is of one method alone; whether a method "
        "is better on a class is on Classification."
    )


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
        note=f"{label}; the answer to an image is the mean over "
        f"{plural(seeds, 'seed')}. A bar holds so much of a bin's images, whose "
        "number is in brackets; of few images the ends mean little.",
        numbers=Numbers(
            plots.bins_table(table),
            f"Errors of {label} in {task.unit}: prediction − truth, and its size "
            f"without the sign, which {number(100 * MOST_OF_ALL, 0)} % of the images "
            "stay within.",
            download=table,
        ),
    )
