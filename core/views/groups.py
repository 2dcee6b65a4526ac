"""What views of groups are asked, and what they read, computed once."""

from dataclasses import dataclass
from typing import Any

from core.data.manifest import TEST, VALIDATION
from core.errors import EquipoiseError, NothingToShow
from core.evaluation.alignment import AlignedPredictions, align_predictions
from core.evaluation.comparison import (
    Baseline,
    Comparison,
    first_baseline,
)
from core.evaluation.fairness_views import (
    check_features,
    check_metric,
    default_features,
    group_features,
    main_metric,
)
from core.evaluation.metrics import MetricInfo, metric_info
from core.evaluation.whatif import (
    CONSTRAINTS,
    Choice,
    ScoreCounts,
    choose,
    count_scores,
)
from core.language import N_, gettext
from core.plots.whatif import CONSTRAINT_LABELS
from core.runs import Run
from core.study import Study
from core.tasks import Task
from core.text import strong
from core.views.caching import cached
from core.views.drawing import task_of
from core.views.loads import compare_loaded, load_tables, require_runs
from core.views.study_view import StudyView


@dataclass(frozen=True)
class Question:
    """What is asked of groups.

    Parameters
    ----------
    task : Task
    features : tuple of str
        Sensitive features, crossed if there are several.
    include_small : bool
        Whether groups of few images count in the gaps.
    """

    task: Task
    features: tuple[str, ...]
    include_small: bool

    @property
    def parameters(self) -> dict[str, Any]:
        """As the views of groups take it."""
        return {
            "task": self.task.name,
            "features": self.features,
            "small": self.include_small,
        }


def known_features(view: StudyView) -> tuple[str, ...]:
    """Features that groups may be made of; empty without a sensitive feature."""
    return group_features(view.tasks, tuple(view.dataset.sensitive_features))


def usual_features(view: StudyView, task: Task) -> tuple[str, ...]:
    """The features that a task is shown by first, as `equipoise compare` shows it.

    Those of the study's own choice, or one.

    Raises
    ------
    NothingToShow
        If the study has no sensitive feature.
    """
    known = known_features(view)
    if not known:
        raise NothingToShow(
            gettext(
                "The study {study} has no sensitive feature: its images are not of "
                "people in groups.",
                study=strong(gettext(view.study.title)),
            )
        )
    features = tuple(view.dataset.sensitive_features)
    first = default_features(view.study, task, view.tasks, features)
    return tuple(name for name in first if name in known) or known[:1]


def question_of(
    view: StudyView, task: Task, features: tuple[str, ...], *, small: bool
) -> Question:
    """What a view of groups is asked; the usual features where it names none.

    Raises
    ------
    NothingToShow
        If the study has no sensitive feature.
    StudyError
        If it has no feature of such a name.
    """
    usual = usual_features(view, task)
    sensitive = tuple(view.dataset.sensitive_features)
    check_features(features, view.study, view.tasks, sensitive)
    return Question(task, features or usual, small)


def metric_question(
    view: StudyView, task: str, features: tuple[str, ...], metric: str, *, small: bool
) -> tuple[Question, MetricInfo]:
    """As ``question_of``, and the metric that is asked for.

    Without a task that of the metric, or the first; without a metric the first that the
    study is judged by.

    Raises
    ------
    EquipoiseError
        If there is no such task, feature or metric.
    """
    asked = task_of(view, task or metric.partition(".")[0])
    key = metric or main_metric(asked, view.study)
    check_metric(key, asked, view.study)
    question = question_of(view, asked, features, small=small)
    return question, metric_info(key, view.tasks)


def load_groups(
    view: StudyView, question: Question, metrics: tuple[str, ...]
) -> Comparison:
    """Every method of the study in every group (``core.evaluation.comparison``).

    Of all methods, shown or not: verdicts are corrected over all of them.

    Raises
    ------
    NothingToShow
        If the baseline has no run with the chosen seeds.
    EquipoiseError
        If the features make too many groups.
    """
    require_runs(view, view.baseline)
    runs = runs_in_order(view)
    return _groups(
        view.against,
        question.task.name,
        question.features,
        tuple(dict.fromkeys(metrics)),
        question.include_small,
        runs,
        view.tasks,
        view.study,
    )


def load_aligned(view: StudyView, task: Task) -> AlignedPredictions:
    """The answers of every method to one task, in the baseline's order of images."""
    return _aligned(runs_in_order(view), task.name, view.baseline, view.tasks)


def load_scores(
    view: StudyView, question: Question, positive: str, split: str
) -> ScoreCounts | None:
    """Scores of every method by group and truth; None where the split has no image.

    Of all methods, so that what was aligned for the comparison serves here too.
    """
    runs = runs_in_order(view)
    return _scores(
        question.task.name,
        question.features,
        positive,
        split,
        view.baseline,
        runs,
        view.tasks,
    )


def runs_in_order(view: StudyView) -> tuple[Run, ...]:
    """Every run with a chosen seed, by the study's order of methods."""
    order = {method: place for place, method in enumerate(view.labels)}
    return tuple(sorted(view.runs, key=lambda run: (order[run.method], run.seed)))


def load_choices(
    view: StudyView,
    question: Question,
    positive: str,
    method: str,
    most: float,
    *,
    common: bool,
) -> tuple[tuple[Choice, ...], tuple[str, ...]]:
    """What each constraint chooses for a method on the validation images.

    Returns
    -------
    choices : tuple of Choice
        Without a constraint that no threshold meets.
    missing : tuple of str
        Sentences on why one, or all, are not there.
    """
    runs = tuple(run for run in view.chosen_runs if run.method == method)
    return _choices(
        question.task.name,
        question.features,
        positive,
        method,
        most,
        common,
        runs,
        view.tasks,
    )


@cached(entries=24, says=N_("Comparing the groups…"), outlives=True)
def _groups(
    baseline: Baseline,
    task: str,
    features: tuple[str, ...],
    metrics: tuple[str, ...],
    include_small: bool,
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
    study: Study,
) -> Comparison:
    return compare_loaded(
        baseline,
        runs,
        tasks,
        study,
        by=features,
        metrics=metrics,
        include_small=include_small,
        aligned=_aligned(runs, task, first_baseline(baseline), tasks),
    )


@cached(entries=2)
def _aligned(
    runs: tuple[Run, ...], task: str, baseline: str, tasks: tuple[Task, ...]
) -> AlignedPredictions:
    tables = load_tables(runs)
    return align_predictions(tables, [t for t in tasks if t.name == task], baseline)


@cached(entries=64)
def _choices(
    task: str,
    features: tuple[str, ...],
    positive: str,
    method: str,
    most: float,
    common: bool,
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
) -> tuple[tuple[Choice, ...], tuple[str, ...]]:
    try:
        counts = _scores(task, features, positive, VALIDATION, method, runs, tasks)
    except EquipoiseError as error:
        problem = gettext("On the validation images: {problem}", problem=error.problem)
        return (), (problem,)
    if counts is None:
        none = gettext(
            "This method has no predictions of validation images, so no constraint "
            "chooses a point; nothing is ever chosen on test."
        )
        return (), (none,)
    found, missing = [], []
    for constraint in CONSTRAINTS:
        try:
            found.append(choose(counts, method, constraint, most=most, common=common))
        except EquipoiseError as error:
            label = gettext(CONSTRAINT_LABELS[constraint])
            missing.append(gettext("{name}: {value}", name=label, value=error.problem))
    return tuple(found), tuple(missing)


@cached(entries=16, says=N_("Counting the scores…"), outlives=True)
def _scores(
    task: str,
    features: tuple[str, ...],
    positive: str,
    split: str,
    baseline: str,
    runs: tuple[Run, ...],
    tasks: tuple[Task, ...],
) -> ScoreCounts | None:
    tables = load_tables(runs, split)
    if not tables:
        return None
    return count_scores(
        tables,
        tasks,
        baseline,
        task=task,
        features=features,
        positive=positive,
        aligned=_aligned(runs, task, baseline, tasks) if split == TEST else None,
    )
