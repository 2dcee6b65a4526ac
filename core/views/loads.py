"""Tables that several views read, computed once for each state of the runs.

Each is keyed by the files it was made from (path, time and size), so a run that is
trained again shows at the next rerun and nothing goes stale.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from core.data.manifest import TEST, TRAINING, VALIDATION
from core.errors import NothingToShow, RunError
from core.evaluation.comparison import Baseline, Comparison, compare_runs
from core.evaluation.confusion_counts import training_counts
from core.evaluation.metrics import (
    further_keys,
    headline_keys,
    metric_info,
    stability_keys,
    study_metric_keys,
)
from core.language import N_, gettext
from core.plots.overview import best_few
from core.results.study_runs import study_options
from core.runs import Run, read_validation, shipped_manifest
from core.study import Study
from core.tasks import Task
from core.text import code, strong
from core.views.caching import Fingerprint, cached, manifest_fingerprint
from core.views.study_view import StudyView

# Of the largest study both splits, and of the others the test split.
TABLES = 192


def require_runs(view: StudyView, baseline: str) -> None:
    """Fail where the baseline has no run with the chosen seeds.

    Raises
    ------
    NothingToShow
    """
    if not any(run.method == baseline for run in view.runs):
        if not view.study.is_trained:
            raise NothingToShow(
                gettext(
                    "The baseline {baseline} has no run with the chosen seeds, so "
                    "there is nothing to compare with. Choose other seeds, or import "
                    "it again.",
                    baseline=strong(baseline),
                )
            )
        command = f"equipoise train {view.study.name} --method {baseline}"
        raise NothingToShow(
            gettext(
                "The baseline {baseline} has no run with the chosen seeds, so there is "
                "nothing to compare with. Choose other seeds, or train it with "
                "{command}.",
                baseline=strong(baseline),
                command=code(command),
            )
        )


def load_comparison(view: StudyView, *, reference: str = "") -> Comparison:
    """Every metric of every method beside the baseline, or its own.

    Of all methods of the study, shown or not: verdicts are corrected over all of them.
    ``reference`` is a method to compare with in place of the baseline.

    Raises
    ------
    NothingToShow
        If the baseline has no run with the chosen seeds.
    """
    baseline = reference or view.baseline
    require_runs(view, baseline)
    counts = load_training_counts(view)
    further = further_keys(view.tasks, view.study.headline)
    if measured_runs(view):
        further = (*further, *stability_keys(view.tasks))
    against = reference or view.against
    return _comparison(against, counts, further, view.runs, view.tasks, view.study)


def load_metrics(
    view: StudyView,
    tasks: Sequence[Task],
    keys: Sequence[str],
    *,
    reference: str = "",
    by: str | Sequence[str] = "",
) -> Comparison:
    """Some metrics of every method, perhaps in the groups of one or more features.

    Compared with the baseline, or with a ``reference`` in its place, as in
    ``load_comparison``; for what only one view shows.
    """
    against = reference or view.against
    features = (by,) if isinstance(by, str) else tuple(by)
    features = tuple(filter(None, features))
    return _metrics(against, tuple(keys), features, view.runs, tuple(tasks), view.study)


def without_damaged(view: StudyView) -> tuple[StudyView, dict[str, str]]:
    """The view without runs whose predictions break off in the middle, and those.

    Listing the runs reads only the end of each table, which may be whole. The second
    says what is wrong with each damaged run, by its folder.
    """
    problems = _damage(view.runs)
    if not problems:
        return view, {}
    runs = _undamaged(view.runs)
    trained = [m for m in view.methods if any(r.method == m for r in runs)]
    view = replace(
        view,
        runs=runs,
        look=view.look.only(trained),
        seeds=tuple(s for s in view.seeds if any(r.seed == s for r in runs)),
    )
    return view, problems


def best_methods(
    view: StudyView, methods: Sequence[str], count: int, *, metric: str = ""
) -> list[str]:
    """The methods with the best means over the view's seeds, the best first.

    Means do not depend on what is compared with, so the baseline need have no run.

    Parameters
    ----------
    view : StudyView
    methods : sequence of str
        Those among which to look.
    count : int
        How many are returned at most.
    metric : str
        What they are ranked by; where it is not known here, the first headline metric.
    """
    view = replace(view, runs=_undamaged(view.runs))
    trained = [run.method for run in view.runs]
    if not trained:
        return []
    reference = "" if view.baseline in trained else trained[0]
    table = load_comparison(view, reference=reference).table
    if metric not in set(table["metric"]):
        metric = headline_keys(view.tasks, view.study.headline)[0]
    return best_few(table, metric_info(metric, view.tasks), methods, count)


def measured_runs(view: StudyView) -> tuple[Run, ...]:
    """The runs of which it is known how their answers move under harmless changes."""
    return _measured(view.tasks, view.runs)


def load_stability(view: StudyView, *, by_change: bool = False) -> Comparison | None:
    """How far the answers of every measured method move; None if none was measured.

    Over the seeds that were measured. With ``by_change`` also under every change.
    """
    runs = measured_runs(view)
    if not runs:
        return None
    methods = [run.method for run in runs]
    baseline = view.baseline if view.baseline in methods else methods[0]
    keys = stability_keys(view.tasks, by_change=by_change)
    return _metrics(baseline, keys, (), runs, view.tasks, view.study)


def compare_loaded(
    baseline: Baseline,
    runs: tuple[Run, ...],
    tasks: Sequence[Task],
    study: Study,
    **options: Any,
) -> Comparison:
    """Compare runs by their kept tables, as their study asks for.

    ``options`` are those of ``compare_runs``.
    """
    tables = load_tables(runs)
    settings = study_options(study, runs, tables, baseline)
    return compare_runs(tables, tasks, baseline, **options, **settings)


def load_tables(
    runs: Sequence[Run], split: str = TEST
) -> dict[tuple[str, int], pd.DataFrame]:
    """One row an image of a split, by method and seed; not to be changed.

    Of validation by ``runs.read_validation``. A table is read whole for either split:
    ``without_damaged`` has named one that is damaged.
    """

    def read(run: Run) -> pd.DataFrame:
        return _predictions(split, run).copy(deep=False)

    if split == VALIDATION:
        return read_validation(runs, read).tables
    return {(run.method, run.seed): read(run) for run in runs}


@cached(entries=16, outlives=True)
def count_answers(runs: Sequence[Run]) -> int:
    """How many test answers the runs have together."""
    return sum(map(len, load_tables(runs).values()))


def load_training_rows(study: str) -> pd.DataFrame | None:
    """Rows of the manifest that were trained on, before any method draws from them."""
    return _training_rows(manifest_fingerprint(study), study)


def load_training_counts(view: StudyView) -> dict[str, dict[str, int]]:
    """Training images of each class, by task; empty where no manifest is kept."""
    name = view.study.name
    return _training_counts(manifest_fingerprint(name), name, view.tasks)


@cached(entries=8)
def _training_rows(key: Fingerprint, study: str) -> pd.DataFrame | None:
    manifest = shipped_manifest(study)
    if manifest is None:
        return None
    rows = manifest[manifest["split"] == TRAINING]
    # A table of predictions has test images alone.
    return rows if len(rows) else None


@cached(entries=16)
def _training_counts(
    key: Fingerprint, study: str, tasks: tuple[Task, ...]
) -> dict[str, dict[str, int]]:
    return training_counts(_training_rows(key, study), tasks)


@cached(entries=16, says=N_("Comparing the methods…"), outlives=True)
def _comparison(
    baseline: Baseline,
    counts: dict[str, dict[str, int]],
    further: tuple[str, ...],
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
    study: Study,
) -> Comparison:
    return compare_loaded(
        baseline,
        runs,
        tasks,
        study,
        metrics=study_metric_keys(tasks, counts, further),
        training_counts=counts,
    )


@cached(entries=16, outlives=True)
def _measured(tasks: tuple[Task, ...], runs: tuple[Run, ...]) -> tuple[Run, ...]:
    return tuple(run for run in runs if run.has_stability(tasks))


@cached(entries=64, says=N_("Comparing the methods…"), outlives=True)
def _metrics(
    baseline: Baseline,
    keys: tuple[str, ...],
    by: tuple[str, ...],
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
    study: Study,
) -> Comparison:
    return compare_loaded(baseline, runs, tasks, study, by=by, metrics=keys)


def _undamaged(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    problems = _damage(runs)
    return tuple(run for run in runs if str(run.folder) not in problems)


@cached(entries=16, outlives=True)
def _damage(runs: tuple[Run, ...]) -> dict[str, str]:
    """What is wrong with the predictions of the runs that are damaged, by folder."""
    problems = {}
    for run in runs:
        try:
            _predictions(TEST, run)
        except RunError as error:
            problems[str(run.folder)] = str(error)
    return problems


# The table itself and no copy of it: what changes a table copies it first (pandas).
@cached(entries=TABLES)
def _predictions(split: str, run: Run) -> pd.DataFrame:
    return run.predictions(split)
