"""The view of slices: groups of up to two features in which a method is worst."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from core.errors import NothingToShow
from core.evaluation.alignment import AlignedPredictions
from core.evaluation.slice_features import SliceFeatures
from core.evaluation.slices import SliceSearch
from core.evaluation.variance import TrainingVariance
from core.language import N_, gettext
from core.plots import slices as plots
from core.results.slices import (
    SEARCHED,
    error_info,
    not_searched,
    pool_searches,
    search_slices,
    slice_sentence,
)
from core.results.study_runs import study_options
from core.runs import Run
from core.study import Study
from core.tasks import Task
from core.text import mark_code
from core.views.caching import Fingerprint, cached, manifest_fingerprint
from core.views.drawing import Drawn, Numbers, draws, task_of
from core.views.groups import load_aligned, runs_in_order
from core.views.loads import load_tables
from core.views.slice_features import load_slice_features
from core.views.study_view import StudyView
from core.views.view_arguments import method_asked


@draws("slices", N_("The slices in which a method is worst"))
def draw_slices(view: StudyView, *, task: str = "", method: str = "") -> Drawn:
    """Forest of the worst slices of one method, beside its error on all images."""
    asked, shown = task_of(view, task), method_asked(view, method, view.baseline)
    info = error_info(asked, view.tasks)
    search = load_search(view, asked, shown)
    sentence = slice_sentence(search, view.labels[shown], info, view.tasks)
    if plots.worst_slices(search).empty:
        raise NothingToShow(f"{sentence} {_note(search, '')}")
    name = f"{view.study.name}-{asked.name}-{shown}-slices"
    figure = plots.plot_slices(search, info, view.styles[shown], view.tasks)
    return Drawn(
        title=title_of(view, asked),
        name=name,
        takeaway=sentence,
        figures={view.labels[shown]: figure},
        data=search.table,
        note=_note(search, view.mean_text),
        numbers=Numbers(
            plots.slices_table(search, info, view.tasks),
            gettext(
                "The slices above in numbers. The file has all that were looked at."
            ),
        ),
    )


def title_of(view: StudyView, task: Task) -> str:
    """Heading of the view."""
    return gettext(
        "Where it is worst: {metric} by slice",
        metric=error_info(task, view.tasks).phrase,
    )


def load_worst(view: StudyView, task: Task, method: str) -> pd.DataFrame:
    """The slices of a method that are drawn, a row each, in their order."""
    return plots.worst_slices(load_search(view, task, method))


def load_search(view: StudyView, task: Task, method: str) -> SliceSearch:
    """What the search of the slices of a method found.

    Raises
    ------
    EquipoiseError
        If the runs are not of the same images, or lack the task.
    """
    features = load_slice_features(view)
    runs = runs_in_order(view)
    return _search(
        manifest_fingerprint(view.study.name),
        task,
        method,
        view.baseline,
        runs,
        view.tasks,
        view.study,
        features.names,
        features.left_out,
        features,
        lambda: load_aligned(view, task),
    )


def _note(search: SliceSearch, mean: str) -> str:
    bars = gettext(
        "{mean}; bars are 95 % intervals of the difference to all images, drawn from "
        "their error, which hold for all slices at once. Hollow: not certainly worse. "
        "Click a mark to see its images on Errors.",
        mean=mean.capitalize(),
    )
    said = (bars if mean else "", gettext(SEARCHED), plots.rule_note(search))
    return mark_code(" ".join(filter(None, (*said, not_searched(search)))))


@cached(entries=4, says=N_("Comparing the trainings of all methods…"), outlives=True)
def _pool(
    split: Fingerprint,
    task: Task,
    baseline: str,
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
    study: Study,
    names: tuple[str, ...],
    _features: SliceFeatures,
    _aligned: AlignedPredictions,
    _options: Mapping[str, Any],
) -> TrainingVariance | None:
    """What the search of every method needs, and what takes longest."""
    return pool_searches(_aligned, task, _features, _options)


@cached(entries=32, says=N_("Searching the slices…"), outlives=True)
def _search(
    split: Fingerprint,
    task: Task,
    method: str,
    baseline: str,
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
    study: Study,
    names: tuple[str, ...],
    # Reasons, in the reader's language.
    left_out: Mapping[str, str],
    _features: SliceFeatures,
    _load: Callable[[], AlignedPredictions],
) -> SliceSearch:
    aligned = _load()
    options = study_options(study, runs, load_tables(runs), baseline)
    known = _features, aligned, options
    pooled = _pool(split, task, baseline, runs, tasks, study, names, *known)
    return search_slices(aligned, task, _features, options, [method], pooled)[method]
