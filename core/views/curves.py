"""Views of ROC and precision-recall curves, and of the areas under them."""

import numpy as np
import pandas as pd

from core.errors import NothingToShow
from core.evaluation.alignment import align_predictions
from core.evaluation.comparison import Comparison
from core.evaluation.curves import (
    CurveChoice,
    Kind,
    chance_precision,
    method_curves,
    operating_points,
)
from core.evaluation.metrics import MetricInfo, metric_info
from core.language import N_, gettext
from core.plots import curves as plots
from core.plots.overview import leaderboard_takeaway, plot_differences, rows_of
from core.results.curves import study_bands
from core.runs import Run
from core.study import Study
from core.tasks import Classification
from core.text import strong
from core.views.caching import cached
from core.views.classification import comparison_with, explained, scores_frame
from core.views.drawing import Drawn, Numbers, classification_of, draws
from core.views.loads import load_tables
from core.views.study_view import StudyView
from core.views.view_arguments import (
    class_asked,
    first_beside,
    method_asked,
    require_others,
)

MEAN = ""
"""In place of a class: the mean over all of them."""
_TITLES: dict[Kind, str] = {
    "roc": N_("{task}: ROC curves"),
    "pr": N_("{task}: Precision-recall curves"),
}


@draws("curves", N_("ROC or precision-recall curves of a classification"))
def draw_curves(
    view: StudyView,
    *,
    task: str = "",
    kind: Kind = "roc",
    class_name: str = "",
    beside: str = "",
) -> Drawn:
    """Curves of all methods, those of the baseline and of ``beside`` with bands."""
    asked = classification_of(view, task)
    choice = _choice(asked, kind, class_name)
    curves, points, chance = _shown_curves(view, asked, choice)
    comparison, info = _areas(view, asked, choice)
    other = method_asked(view, beside, first_beside(view))
    stands_out = tuple(dict.fromkeys((view.baseline, other)))
    bands = _bands(asked, choice, stands_out, view.baseline, view.runs, view.study)
    guessing = 0.5 if kind == "roc" else chance
    notes = (
        plots.without_curve(curves, view.look),
        plots.reading_note(bands, view.look),
        f"{view.mean_text.capitalize()}.",
    )
    figure = plots.plot_curves(
        curves, bands, points, kind, chance, view.look, stands_out
    )
    return Drawn(
        title=_title(asked, choice),
        name=_name(view, asked, kind),
        takeaway=plots.curves_takeaway(comparison.table, info, guessing, view.look),
        figures={gettext(asked.label): figure},
        data=curves,
        note=" ".join(note for note in notes if note),
        numbers=Numbers(
            scores_frame(view, comparison, [info.key]),
            gettext("{metric} of every method.", metric=info.label),
            note=explained(info),
            download=_rows(comparison, info),
        ),
    )


@draws(
    "curve-differences",
    N_("Area under ROC or precision-recall curves: differences"),
)
def draw_curve_differences(
    view: StudyView, *, task: str = "", kind: Kind = "roc", class_name: str = ""
) -> Drawn:
    """Difference of each method's area under the curve to the baseline's."""
    asked = classification_of(view, task)
    choice = _choice(asked, kind, class_name)
    _shown_curves(view, asked, choice)
    require_others(view)
    comparison, info = _areas(view, asked, choice)
    rows = _rows(comparison, info)
    return Drawn(
        title=gettext("Area under the curve: difference to the baseline"),
        name=f"{_name(view, asked, kind)}-differences",
        takeaway=leaderboard_takeaway(rows, [info], view.look),
        figures={info.label: plot_differences(rows, info, view.look)},
        data=rows,
        note=gettext(
            "Paired on the same test images; bars are 95 % intervals that hold for all "
            "methods at once. Verdicts are not corrected for trying several classes."
        ),
    )


def usual_class(task: Classification) -> str:
    """Whose curve is shown unasked: the positive class of two, the mean of more."""
    # The areas of two classes are those of the positive one.
    return task.classes[1] if len(task.classes) == 2 else MEAN


def _title(task: Classification, choice: CurveChoice) -> str:
    title = gettext(_TITLES[choice.kind], task=gettext(task.label))
    return f"{title}, {choice.label}" if choice.label else title


def _choice(task: Classification, kind: Kind, class_name: str) -> CurveChoice:
    if class_name in (MEAN, usual_class(task)):
        return CurveChoice(kind)
    return CurveChoice(kind, class_asked(task, class_name))


def _shown_curves(
    view: StudyView, task: Classification, choice: CurveChoice
) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Curves of the shown methods, operating points, and the precision of guessing.

    Raises
    ------
    NothingToShow
        If no shown method has probabilities, or the class has no test image, or all.
    """
    curves, points, chance = _curves(task, choice, view.baseline, view.runs)
    curves = curves[curves["method"].isin(view.methods)]
    if len(curves):
        return curves, points, chance
    if not np.isnan(chance):
        raise NothingToShow(
            gettext(
                "No shown method has probabilities, only labels, and a curve needs "
                "them. Import predictions with a probability of each class, or show "
                "another method."
            )
        )
    label = choice.label or task.classes[1]
    raise NothingToShow(
        gettext(
            "Of the test images none is of the class {name}, or all are, so that there "
            "is nothing to tell apart. Choose another class.",
            name=strong(label),
        )
    )


def _areas(
    view: StudyView, task: Classification, choice: CurveChoice
) -> tuple[Comparison, MetricInfo]:
    """The area under the curve of every method, and which metric that is."""
    key = choice.area(task)
    return comparison_with(view, task, key), metric_info(key, view.tasks)


def _rows(comparison: Comparison, info: MetricInfo) -> pd.DataFrame:
    return rows_of(comparison.table, info.key).reset_index()


def _name(view: StudyView, task: Classification, kind: Kind) -> str:
    return f"{view.study.name}-{task.name}-{kind}"


@cached(entries=32, says=N_("Drawing the curves…"), outlives=True)
def _curves(
    task: Classification, choice: CurveChoice, baseline: str, runs: tuple[Run, ...]
) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    aligned = align_predictions(load_tables(runs), [task], baseline)
    return (
        method_curves(aligned, task, choice),
        operating_points(aligned, task, choice),
        chance_precision(aligned, task, choice),
    )


@cached(entries=32, says=N_("Resampling the curves…"), outlives=True)
def _bands(
    task: Classification,
    choice: CurveChoice,
    methods: tuple[str, ...],
    baseline: str,
    runs: tuple[Run, ...],
    study: Study,
) -> pd.DataFrame:
    tables = load_tables(runs)
    aligned = align_predictions(tables, [task], baseline)
    return study_bands(study, runs, tables, aligned, task, choice, methods, baseline)
