"""Optuna's own figures of a search that is under way, in our look."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import plotly.graph_objects as go
from optuna.importance import FanovaImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState
from optuna.visualization import (
    plot_optimization_history,
    plot_parallel_coordinate,
    plot_param_importances,
    plot_slice,
)
from plotly.colors import sample_colorscale

from core import runs
from core.language import N_, gettext, ngettext
from core.plots.figure import finish
from core.plots.look import INK, METHOD_COLOURS, SEQUENTIAL
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
    with warnings.catch_warnings():
        # Of parts of Optuna's figures that it calls experimental.
        warnings.simplefilter("ignore")
        figure = _PLOTS[kind](_named(complete, tasks_of(study)))
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
    return SearchFigure(_in_our_look(figure, kind), said)


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
    "Hyperparameter Importance": N_("Share of the variance of the skill"),
}
# Of the colours for shares, from where they can be told from the page.
_PALEST = 0.3


def _named(complete: Sequence[FrozenTrial], tasks: tuple[Task, ...]) -> optuna.Study:
    """The tries with their settings called as a reader calls them."""
    labels = {
        place: setting_label(place, tasks) for t in complete for place in t.params
    }
    named = optuna.create_study(direction="maximize")
    for trial in complete:
        named.add_trial(
            optuna.trial.create_trial(
                value=trial.value,
                params={labels[name]: v for name, v in trial.params.items()},
                distributions={labels[n]: d for n, d in trial.distributions.items()},
            )
        )
    return named


def _in_our_look(figure: go.Figure, kind: str) -> go.Figure:
    """Our fonts, colours and words, in place of Optuna's."""

    def say_title(axis: Any) -> None:
        if axis.title.text:
            axis.title.text = _said(axis.title.text)
        if axis.type == "log":
            # A mark for each power of ten, in plain figures.
            axis.update(dtick=1, tickformat="~g")

    figure.for_each_xaxis(say_title)
    figure.for_each_yaxis(say_title)
    # Its own background would be white on a dark page.
    plain = {"title": None, "plot_bgcolor": None, "paper_bgcolor": None}
    figure.update_layout({**plain, "template": "equipoise"})
    finish(figure, height=HEIGHT, legend=kind == "history")
    figure.update_annotations(font_color=INK)
    if kind == "importance":
        figure.update_yaxes(showgrid=False)
    for trace in figure.data:
        if trace.name:
            trace.name = _said(trace.name)
        _LOOKS[kind](trace)
    if kind == "parallel":
        _colour_lines(figure)
        # Its values stand left of the lines.
        figure.update_layout(margin={"l": 64})
    return figure


def _look_of_history(trace: Any) -> None:
    colour = METHOD_COLOURS[0 if trace.mode == "markers" else 1]
    trace.update(marker={"color": colour, "size": 9}, line={"color": colour})
    # Tries that break a constraint: we have none.
    trace.showlegend = trace.name in (gettext("Skill"), _said("Best Value"))


def _look_of_importance(trace: Any) -> None:
    trace.marker.color = METHOD_COLOURS[0]


def _look_of_slices(trace: Any) -> None:
    trace.marker.colorscale = [list(step) for step in SEQUENTIAL]
    trace.marker.line = {"width": 1, "color": METHOD_COLOURS[0]}
    trace.marker.size = 9
    if trace.marker.showscale:
        trace.marker.colorbar.title.text = _said("Trial")


def _look_of_parallel(trace: Any) -> None:
    trace.update(opacity=0.9)
    if trace.mode == "lines":
        trace.line.width = 2


_LOOKS: dict[str, Callable[[Any], None]] = {
    "history": _look_of_history,
    "importance": _look_of_importance,
    "slices": _look_of_slices,
    "parallel": _look_of_parallel,
}


def _colour_lines(figure: go.Figure) -> None:
    """Colour each try by its skill: Optuna's palest is white on white."""
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    skills = [float(trace.customdata[0][1]) for trace in lines]
    low, high = min(skills), max(skills)
    places = [
        1.0 if high == low else _PALEST + (1 - _PALEST) * (skill - low) / (high - low)
        for skill in skills
    ]
    scale = [list(step) for step in SEQUENTIAL]
    for trace, colour in zip(lines, sample_colorscale(scale, places), strict=True):
        trace.line.color = colour
    for trace in figure.data:
        if trace.mode == "markers":
            steps = [_PALEST + (1 - _PALEST) * step for step in (0.0, 0.5, 1.0)]
            colours = sample_colorscale(scale, steps)
            trace.marker.colorscale = list(zip((0.0, 0.5, 1.0), colours, strict=True))
            trace.marker.reversescale = False


def _said(text: str) -> str:
    """A word of Optuna's as a reader sees it; others as they are."""
    return gettext(_WORDS[text]) if text in _WORDS else text


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
        with storage_faults():
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
