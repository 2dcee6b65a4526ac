"""Views within groups: a metric of a task, by one or several sensitive features."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.crossing import SHOWN
from core.errors import EquipoiseError, StudyError
from core.evaluation.gaps import Gap, gaps_of
from core.evaluation.metrics import (
    MetricInfo,
    asked_keys,
    group_metric_keys,
    headline_keys,
    metric_info,
    split_key,
    stability_keys,
    unknown_metric,
)
from core.evaluation.whatif import CONSTRAINTS
from core.language import gettext
from core.study import Study
from core.tasks import Regression, Task


@dataclass(frozen=True)
class FairnessView:
    """One metric of one task within the groups of sensitive features.

    The features, one or several that are crossed, are as in
    ``comparison.compare_runs``; the metric is a key such as "gender.accuracy", of
    ``metrics.group_metric_keys``.
    """

    task: str
    features: tuple[str, ...]
    metric: str

    @property
    def crossing(self) -> str:
        """The features as one, such as "gender × ethnicity"."""
        return SHOWN.join(self.features)

    @property
    def crossing_in_words(self) -> str:
        """The features for a reader, such as "ethnicity × age bin"."""
        return SHOWN.join(map(_feature_in_words, self.features))

    def title(self, tasks: tuple[Task, ...] = ()) -> str:
        """The title, such as "Age MAE by gender × ethnicity, years"."""
        info = metric_info(self.metric, tasks)
        what = info.phrase[:1].upper() + info.phrase[1:]
        said = gettext(
            "{metric} by {feature}", metric=what, feature=self.crossing_in_words
        )
        return f"{said}, {info.unit}" if info.unit else said


def _feature_in_words(feature: str) -> str:
    words = feature.replace("_", " ")
    task = words.removesuffix(" bin")
    if task != words:
        return gettext("{task} bin", task=gettext(task))
    return gettext(words)


def group_features(
    tasks: Sequence[Task], sensitive_features: Sequence[str]
) -> tuple[str, ...]:
    """Every feature that images can be grouped by.

    The sensitive features of the dataset, then the bins of the tasks that have some;
    none at all without a sensitive feature.
    """
    if not sensitive_features:
        return ()
    bins = (f"{task.name}_bin" for task in tasks if task.kind == "regression")
    return (*sensitive_features, *bins)


def fairness_views(
    study: Study, tasks: Sequence[Task], sensitive_features: Sequence[str]
) -> tuple[FairnessView, ...]:
    """The views that a study shows by default.

    Parameters
    ----------
    study : Study
    tasks : sequence of Task
    sensitive_features : sequence of str
        Those of the dataset.

    Returns
    -------
    tuple of FairnessView
        The study's own choice, ``Study.fairness``; without one, the first headline
        metric of every task by its ``default_features``.

    Raises
    ------
    StudyError
        If the study chose a metric or a feature that does not exist.
    """
    if study.fairness:
        return tuple(_own_views(study, tasks, sensitive_features))
    return tuple(
        FairnessView(task.name, features, main_metric(task, study))
        for task in tasks
        if (features := default_features(study, task, tasks, sensitive_features))
    )


def default_features(
    study: Study, task: Task, tasks: Sequence[Task], sensitive_features: Sequence[str]
) -> tuple[str, ...]:
    """Default features that a task is shown by, on the page and in a command.

    Those of the study's first choice for the task, ``Study.fairness``. By default only
    the first feature: a crossing has few images in each group, so a person must ask for
    it. The feature that the task itself predicts is never among them, since each group
    would then hold one class only. If there is no other feature, the result is empty.
    Parameters as in ``fairness_views``.
    """
    for table in study.fairness:
        if split_key(table.metric)[0] == task.name:
            return table.by
    own = (task.name, f"{task.name}_bin")
    known = group_features(tasks, sensitive_features)
    return tuple(feature for feature in known if feature not in own)[:1]


def quality_of(metric: MetricInfo, task: Task) -> MetricInfo:
    """The quality that a gap is plotted against: the metric, if one side is better.

    The size of a bias is not a quality by itself, and a selection rate does not have a
    better side.
    """
    if metric.direction in ("higher", "lower"):
        return metric
    name = "mae" if isinstance(task, Regression) else "accuracy"
    return metric_info(f"{task.name}.{name}", (task,))


def related_gaps(metric: MetricInfo, task: Task) -> tuple[Gap, ...]:
    """The metric's own gaps, then the parities of its class and the Fair metric."""
    found = list(gaps_of([metric.key]))
    if isinstance(task, Regression):
        return tuple(found)
    part = f"[{metric.part}]" if metric.part else ""
    if part or task.kind == "binary":
        names = dict.fromkeys(rate for rates in CONSTRAINTS.values() for rate in rates)
        gaps = gaps_of(f"{task.name}.{name}{part}" for name in names)
        found += [gap for gap in gaps if gap.measure == "difference"]
    accuracy = gaps_of([f"{task.name}.accuracy"])
    found += [gap for gap in accuracy if gap.measure == "fair_metric"]
    return tuple(dict.fromkeys(found))


def chosen_views(
    study: Study,
    tasks: Sequence[Task],
    sensitive_features: Sequence[str],
    *,
    by: Sequence[str] = (),
    metrics: Sequence[str] = (),
) -> tuple[FairnessView, ...]:
    """The views for features or metrics that a person chooses.

    Features ``by`` are to be crossed, and the keys ``metrics`` stand in place of the
    study's; those that do not exist within groups are left out. With ``by`` alone, the
    first headline metric of every task that is not itself among them. With ``metrics``
    alone, each by the features that the study shows its task by. The rest is as in
    ``fairness_views``.

    Raises
    ------
    EquipoiseError
        If there is no such feature, or with ``by`` none of the metrics exists within
        groups.
    """
    check_features(by, study, tasks, sensitive_features)
    within = [(task.name, key) for key in metrics if (task := _task_of(tasks, key))]
    usual = fairness_views(study, tasks, sensitive_features)
    if by and metrics:
        if not within:
            raise _unknown_metric(metrics[0], tasks, study)
        return tuple(FairnessView(task, tuple(by), key) for task, key in within)
    if by:
        return tuple(
            FairnessView(task.name, tuple(by), main_metric(task, study))
            for task in tasks
            if task.name not in by
        )
    if not metrics:
        return usual
    found = (
        FairnessView(task, view.features, key)
        for task, key in within
        for view in usual
        if view.task == task
    )
    return tuple(dict.fromkeys(found))


def check_features(
    by: Sequence[str],
    study: Study,
    tasks: Sequence[Task],
    sensitive_features: Sequence[str],
) -> None:
    """Fail where images cannot be grouped by one of the features.

    Raises
    ------
    StudyError
    """
    known = group_features(tasks, sensitive_features)
    for feature in by:
        if feature not in known:
            raise _unknown_feature(feature, known, study)


def check_metric(key: str, task: Task, study: Study) -> None:
    """Fail where a task has no such metric within groups.

    Raises
    ------
    EquipoiseError
    """
    if key.partition(".")[0] != task.name or not _has(task, key):
        raise _unknown_metric(key, (task,), study)


def main_metric(task: Task, study: Study) -> str:
    """The first headline metric of a task that exists within groups."""
    own = [key for key in study.headline if split_key(key)[0] == task.name]
    candidates = (*own, *headline_keys((task,)))
    return next(key for key in candidates if _has(task, key))


def _own_views(
    study: Study, tasks: Sequence[Task], sensitive_features: Sequence[str]
) -> Iterator[FairnessView]:
    known = group_features(tasks, sensitive_features)
    for table in study.fairness:
        for feature in table.by:
            if feature not in known:
                raise _unknown_feature(feature, known, study, in_file=True)
        task = _task_of(tasks, table.metric)
        if task is None:
            raise _unknown_metric(table.metric, tasks, study)
        yield FairnessView(task.name, table.by, table.metric)


def _task_of(tasks: Sequence[Task], key: str) -> Task | None:
    """The task that has a metric within groups; None if there is none."""
    name = key.partition(".")[0]
    return next((t for t in tasks if t.name == name and _has(t, key)), None)


def _unknown_metric(key: str, tasks: Sequence[Task], study: Study) -> EquipoiseError:
    known = [key for task in tasks for key in group_metric_keys(task)]
    return unknown_metric(
        key, known, study=gettext("the groups of study '{study}'", study=study.name)
    )


def _has(task: Task, key: str) -> bool:
    known = {*group_metric_keys(task, every_class=True), *asked_keys(task)}
    return key in known or key in stability_keys([task], by_change=True)


def no_groups(study: Study) -> StudyError:
    """The error of asking for groups where there is no sensitive feature."""
    return StudyError(
        gettext(
            "Study '{study}' has no sensitive feature, and so no groups.",
            study=study.name,
        ),
        expected=gettext("a study of a dataset with sensitive features."),
        remedy=gettext("`equipoise studies` lists the datasets."),
    )


def _unknown_feature(
    feature: str, known: Sequence[str], study: Study, *, in_file: bool = False
) -> StudyError:
    if not known:
        return no_groups(study)
    return StudyError(
        gettext(
            "There is no sensitive feature '{feature}' in study '{study}'.",
            feature=feature,
            study=study.name,
        ),
        expected=gettext("some of {names}.", names=", ".join(known)),
        remedy=gettext("fix `by` under [[fairness]] in the study's file.")
        if in_file
        else gettext("choose one of these, or several to be crossed."),
    )
