"""Views of top-k accuracy, for any k."""

import pandas as pd

from core.errors import NothingToShow, ViewError
from core.evaluation.alignment import align_predictions
from core.evaluation.answers import top_k_curves
from core.evaluation.comparison import Comparison
from core.evaluation.metrics import TOP_K, MetricInfo, metric_info
from core.language import N_, gettext, ngettext
from core.plots import classification as plots
from core.plots.overview import (
    differences_takeaway,
    leaderboard_takeaway,
    plot_differences,
    rows_of,
)
from core.runs import Run
from core.tasks import Multiclass
from core.text import strong
from core.views.caching import cached
from core.views.classification import comparison_with, note_on_scores, scores_frame
from core.views.drawing import Drawn, Numbers, classification_of, draws
from core.views.loads import load_tables
from core.views.study_view import StudyView
from core.views.view_arguments import require_others


@draws("top-k", N_("How often the right class is among the first k"))
def draw_top_k(view: StudyView, *, task: str = "", k: int = 0) -> Drawn:
    """Top-k accuracy over all k, one of them marked; the usual one for 0."""
    asked = _multiclass_of(view, task)
    curves, k = _shown_curves(view, asked), _k_asked(asked, k)
    comparison, info, rows = _compared(view, asked, k)
    return Drawn(
        title=gettext("{task}: top-k accuracy", task=gettext(asked.label)),
        name=f"{view.study.name}-{asked.name}-top-k",
        takeaway=plots.top_k_takeaway(rows, k, len(asked.classes), view.look),
        figures={gettext(asked.label): plots.plot_top_k(curves, k, view.look)},
        data=curves,
        note=ngettext(
            "{mean}, of {count} test image; with k = {classes} every class is among "
            "the first.",
            "{mean}, of {count} test images; with k = {classes} every class is among "
            "the first.",
            int(rows["n"].max()),
            mean=view.mean_text.capitalize(),
            classes=len(asked.classes),
        ),
        numbers=Numbers(
            scores_frame(view, comparison, [info.key]),
            leaderboard_takeaway(rows, [info], view.look),
            note=note_on_scores(view),
            download=rows,
        ),
    )


@draws("top-k-differences", N_("Top-k accuracy: difference to the baseline"))
def draw_top_k_differences(view: StudyView, *, task: str = "", k: int = 0) -> Drawn:
    """Difference of each method's top-k accuracy to the baseline's, for one k."""
    asked = _multiclass_of(view, task)
    _shown_curves(view, asked)
    k = _k_asked(asked, k)
    _, info, rows = _compared(view, asked, k)
    require_others(view, rows["method"].tolist())
    return Drawn(
        title=gettext("Difference to the baseline, k = {k}", k=k),
        name=f"{view.study.name}-{asked.name}-top-k-differences",
        takeaway=differences_takeaway(rows, info, view.look),
        figures={info.label: plot_differences(rows, info, view.look)},
        data=rows,
        note=gettext(
            "Paired on the same test images; bars are 95 % intervals. Verdicts are "
            "corrected for the number of methods, and not for trying several k."
        ),
    )


def usual_k(task: Multiclass) -> int:
    """The k that is marked unasked."""
    classes = len(task.classes)
    return min(TOP_K if classes > TOP_K else 2, classes)


def has_top_k(view: StudyView, task: Multiclass) -> bool:
    """Whether any shown method has probabilities."""
    return bool(len(_of_shown(view, task)))


def _multiclass_of(view: StudyView, name: str) -> Multiclass:
    task = classification_of(view, name)
    if not isinstance(task, Multiclass):
        raise NothingToShow(
            gettext(
                "Top-k accuracy is of several classes, and {task} in the study {study} "
                "has two.",
                task=strong(gettext(task.label)),
                study=strong(gettext(view.study.title)),
            )
        )
    return task


def _k_asked(task: Multiclass, k: int) -> int:
    if k not in range(len(task.classes) + 1):
        raise ViewError(
            gettext(
                "There is no top-{k} accuracy of {classes} classes.",
                k=str(k),
                classes=len(task.classes),
            ),
            expected=gettext("a k from 1 to {classes}.", classes=len(task.classes)),
            remedy=gettext("choose another k, or leave it out."),
        )
    return k or usual_k(task)


def _shown_curves(view: StudyView, task: Multiclass) -> pd.DataFrame:
    curves = _of_shown(view, task)
    if curves.empty:
        raise NothingToShow(
            gettext(
                "No shown method of the study {study} has probabilities of {task}, "
                "only labels, and top-k accuracy needs them. Import predictions with a "
                "probability of each class, or show another method.",
                study=strong(gettext(view.study.title)),
                task=strong(gettext(task.label)),
            )
        )
    return curves


def _of_shown(view: StudyView, task: Multiclass) -> pd.DataFrame:
    curves = _curves(task, view.baseline, view.runs)
    return curves[curves["method"].isin(view.methods)]


def _compared(
    view: StudyView, task: Multiclass, k: int
) -> tuple[Comparison, MetricInfo, pd.DataFrame]:
    """Top-k accuracy of every method, which metric that is, and its rows."""
    info = metric_info(f"{task.name}.top_{k}_accuracy", view.tasks)
    comparison = comparison_with(view, task, info.key)
    return comparison, info, rows_of(comparison.table, info.key).reset_index()


@cached(entries=16, outlives=True)
def _curves(task: Multiclass, baseline: str, runs: tuple[Run, ...]) -> pd.DataFrame:
    aligned = align_predictions(load_tables(runs), [task], baseline)
    return top_k_curves(aligned, task)
