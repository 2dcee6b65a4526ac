"""Optuna's own figures of a search that is under way, in our look."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import plotly.graph_objects as go
from optuna.importance import FanovaImportanceEvaluator
from optuna.trial import TrialState
from optuna.visualization import (
    plot_optimization_history,
    plot_parallel_coordinate,
    plot_param_importances,
    plot_slice,
)

from core import runs
from core.language import N_, gettext, ngettext
from core.plots.figure import finish
from core.plots.look import METHOD_COLOURS, SEQUENTIAL
from core.plots.search import setting_label
from core.study import Study
from core.tasks import Task
from core.text import number
from core.training.trial_storage import default_url, open_storage, storage_faults
from core.views.caching import Fingerprint, cached, file_fingerprint
from core.views.jobs import tasks_of

FIGURES = {
    "history": N_("History"),
    "importance": N_("Importance"),
    "slices": N_("Slices"),
    "parallel": N_("Parallel coordinates"),
}
FEWEST = 2
"""Fewest complete tries for a figure other than the history."""
HEIGHT = 420
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class SearchFigure:
    """One figure of the tries of a method.

    Parameters
    ----------
    figure : plotly Figure or None
        None where there are too few tries.
    said : str
        What it shows, in a sentence.
    """

    figure: go.Figure | None
    said: str


def finished_tries(study: Study, store: Path | None = None) -> dict[str, int]:
    """How many tries of each method of a study are finished, the newest search's."""
    path = _database(study, store)
    if not path.is_file():
        return {}
    with _storage(study, store) as storage:
        found = {m: _newest(storage, study, m) for m in study.methods}
        counts = {
            method: len(tries.get_trials(deepcopy=False, states=_DONE))
            for method, tries in found.items()
            if tries is not None
        }
    return {method: count for method, count in counts.items() if count}


def draw_search(
    study: Study, method: str, kind: str, store: Path | None = None
) -> SearchFigure:
    """A figure of the tries of a method, as its storage has them now.

    Parameters
    ----------
    study : Study
        That is searched.
    method : str
    kind : str
        One of ``FIGURES``.
    store : Path, optional
        The user's by default.

    Raises
    ------
    EquipoiseError
        If the storage of the tries cannot be read.
    """
    path = _database(study, store)
    stamp = file_fingerprint(str(path))
    return _draw(stamp, study, method, kind, str(store or runs.user_store()))


@cached(entries=24)
def _draw(
    files: Fingerprint, study: Study, method: str, kind: str, store: str
) -> SearchFigure:
    label = study.methods[method].label
    if not files:
        return SearchFigure(None, _too_few(label))
    with _storage(study, Path(store)) as storage:
        tries = _newest(storage, study, method)
        if tries is None:
            return SearchFigure(None, _too_few(label))
        complete = [
            trial
            for trial in tries.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
            if trial.value is not None
        ]
        values = {trial.value for trial in complete}
        if len(complete) < (1 if kind == "history" else FEWEST) or (
            kind == "importance" and len(values) < 2
        ):
            return SearchFigure(None, _too_few(label))
        figure = _PLOTS[kind](tries)
    best = max(value for value in values if value is not None)
    said = ngettext(
        "{method}: the best of {count} complete try has a skill of {skill} on the "
        "validation images.",
        "{method}: the best of {count} complete tries has a skill of {skill} on the "
        "validation images.",
        len(complete),
        method=label,
        skill=number(best, 3),
    )
    return SearchFigure(_in_our_look(figure, kind, tasks_of(study)), said)


def _history(tries: optuna.Study) -> go.Figure:
    return plot_optimization_history(tries, target_name=gettext("Skill"))


def _importance(tries: optuna.Study) -> go.Figure:
    return plot_param_importances(
        tries, evaluator=FanovaImportanceEvaluator(seed=0), target_name=gettext("Skill")
    )


def _slices(tries: optuna.Study) -> go.Figure:
    return plot_slice(tries, target_name=gettext("Skill"))


def _parallel(tries: optuna.Study) -> go.Figure:
    return plot_parallel_coordinate(tries, target_name=gettext("Skill"))


_PLOTS: dict[str, Callable[[optuna.Study], Any]] = {
    "history": _history,
    "importance": _importance,
    "slices": _slices,
    "parallel": _parallel,
}
# Optuna's words that stand in its figures, to be said by ``gettext``.
_WORDS = {
    "Trial": N_("Try"),
    "Best Value": N_("best so far"),
    "Hyperparameter": N_("Setting"),
    "Importance for Skill": N_("Share of the variance of the skill"),
    "Hyperparameter Importance": N_("Share of the variance of the skill"),
}


def _in_our_look(figure: go.Figure, kind: str, tasks: tuple[Task, ...]) -> go.Figure:
    """Our fonts, colours and words, in place of Optuna's."""
    titles: dict[str, str] = {}

    def keep_title(axis: Any) -> None:
        text = axis.title.text
        if text:
            titles[axis.plotly_name + str(axis.anchor)] = text
            axis.title.text = _said(text, tasks)

    figure.for_each_xaxis(keep_title)
    figure.for_each_yaxis(keep_title)
    has_legend = kind == "history"
    figure.update_layout(title=None, template="equipoise")
    finish(figure, height=HEIGHT, legend=has_legend)
    for trace in figure.data:
        _colour(trace, kind, tasks)
    if kind == "slices":
        figure.update_layout(margin={"r": 70})
    if kind == "parallel":
        # Its labels stand above the chart, and tilted they need room.
        figure.update_layout(margin={"t": 70, "l": 90, "r": 60})
    return figure


def _colour(trace: Any, kind: str, tasks: tuple[Task, ...]) -> None:
    if trace.name:
        trace.name = _said(trace.name, tasks)
    if kind == "history":
        main = trace.mode == "markers"
        colour = METHOD_COLOURS[0] if main else METHOD_COLOURS[1]
        trace.update(marker={"color": colour}, line={"color": colour})
    elif kind == "importance":
        trace.marker.color = METHOD_COLOURS[0]
        trace.y = [_said(str(name), tasks) for name in trace.y]
    elif kind == "slices":
        trace.marker.colorscale = [list(step) for step in SEQUENTIAL]
        trace.marker.line = {"width": 1, "color": METHOD_COLOURS[0]}
        if trace.marker.colorbar is not None:
            trace.marker.colorbar.title.text = gettext("Try")
    else:
        trace.line.colorscale = [list(step) for step in SEQUENTIAL]
        trace.line.reversescale = False
        for dimension in trace.dimensions:
            dimension.label = _said(dimension.label, tasks)


def _said(text: str, tasks: tuple[Task, ...]) -> str:
    """A word of Optuna's, or the place of a setting, as a reader sees it."""
    if text in _WORDS:
        return gettext(_WORDS[text])
    return setting_label(text, tasks) if "." in text else text


def _too_few(label: str) -> str:
    return gettext(
        "There are too few finished tries of {method} yet for this chart.", method=label
    )


def _database(study: Study, store: Path | None) -> Path:
    url = default_url(store or runs.user_store(), study.name)
    return Path(url.removeprefix("sqlite:///"))


@contextmanager
def _storage(study: Study, store: Path | None) -> Iterator[optuna.storages.RDBStorage]:
    storage = open_storage(default_url(store or runs.user_store(), study.name))
    try:
        with warnings.catch_warnings(), storage_faults():
            # Of parts of Optuna's figures that it calls experimental.
            warnings.simplefilter("ignore")
            yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _newest(
    storage: optuna.storages.RDBStorage, study: Study, method: str
) -> optuna.Study | None:
    """The tries of the newest search of a method: other settings make another."""
    beginning = f"{study.name}/{method}/"
    found = [
        optuna.load_study(study_name=name, storage=storage)
        for name in optuna.get_all_study_names(storage)
        if name.startswith(beginning)
    ]

    def begun(tries: optuna.Study) -> float:
        times = [
            trial.datetime_start.timestamp()
            for trial in tries.get_trials(deepcopy=False)
            if trial.datetime_start is not None
        ]
        return max(times, default=0.0)

    return max(found, key=begun, default=None)
