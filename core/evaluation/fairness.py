"""Metrics by group of a sensitive feature."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from core.errors import EquipoiseError
from core.evaluation.alignment import align_predictions
from core.evaluation.compare import SMALL_GROUP, draw_metrics
from core.evaluation.intervals import RESAMPLES, percentile_interval
from core.evaluation.metrics import metric_keys, split_key
from core.tasks import Regression, Task

COLUMNS = ("method", "feature", "group", "n", "value", "low", "high", "small")


def by_group(
    tables: Mapping[tuple[str, int], pd.DataFrame],
    tasks: Sequence[Task],
    metric: str,
    feature: str,
    *,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    rng_seed: int = 0,
) -> pd.DataFrame:
    """One metric within each group of a sensitive feature, for every method.

    Parameters
    ----------
    tables : mapping of (method, seed) to DataFrame
        Predictions of the test split.
    tasks : sequence of Task
    metric : str
        Key, such as ``"age.mae"``.
    feature : str
        A sensitive feature's column, or ``"<task>_bin"`` for the bins of a
        regression's truth, such as ``"age_bin"``.
    resamples, level, rng_seed
        As in ``compare``.

    Returns
    -------
    DataFrame
        One row a method and group: ``method``, ``feature``, ``group``, ``n`` (images
        of the group), ``value`` (mean over seeds), ``low``, ``high`` (percentile
        interval over the group's images), ``small`` (fewer than ``SMALL_GROUP``
        images). ``value`` is NaN where its denominator is 0, as recall is in a group
        without an image of that class.

    Raises
    ------
    EquipoiseError
        If the feature or the metric does not exist, or the tables do not match.

    Notes
    -----
    Resamples are drawn within each group, all methods on the same ones. A group of
    one image has an interval of no width, which says nothing: heed ``small``.
    """
    task = _task_of(metric, tasks)
    groups = {run: group_labels(table, tasks, feature) for run, table in tables.items()}
    names = _group_order(list(groups.values()), tasks, feature)
    rows = []
    for group in names:
        part = {run: table[groups[run] == group] for run, table in tables.items()}
        first = next(iter(part))[0]
        aligned = align_predictions(part, [task], first)
        drawn = draw_metrics(
            aligned, [task], first, resamples=resamples, rng_seed=rng_seed
        )
        place = drawn.keys.index(metric)
        for method in aligned.methods:
            runs = drawn.of(aligned.columns_of(method))
            low, high = percentile_interval(runs.draws[place].mean(axis=0), level)
            value = float(runs.values[place].mean())
            span = (float(low), float(high)) if np.isfinite(value) else (np.nan,) * 2
            small = aligned.rows < SMALL_GROUP
            rows.append((method, feature, group, aligned.rows, value, *span, small))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = {method: i for i, method in enumerate(dict.fromkeys(m for m, _ in tables))}
    return table.sort_values(
        "method", key=lambda c: c.map(order), kind="stable", ignore_index=True
    )


def group_labels(table: pd.DataFrame, tasks: Sequence[Task], feature: str) -> pd.Series:
    """Group of each row: a column of the table, or the bin of a regression's truth.

    Raises
    ------
    EquipoiseError
        If there is no such feature.
    """
    for task in tasks:
        if isinstance(task, Regression) and feature == f"{task.name}_bin":
            labels = np.array(task.bin_labels)
            bins = labels[task.bin_of(table[f"{task.name}_true"])]
            return pd.Series(bins, index=table.index, name=feature)
    if feature not in table:
        raise EquipoiseError(
            f"There is no sensitive feature '{feature}' in the predictions.",
            expected="a sensitive feature of the study.",
            remedy="choose one of the study's features.",
        )
    return table[feature].rename(feature)


def fair_metric(accuracies: ArrayLike, *, penalty: float = 2.0) -> float:
    """Mean accuracy over groups, less a penalty on what they differ by.

    Parameters
    ----------
    accuracies : float array, shape (groups,)
        Accuracy within each group, from 0 to 1.
    penalty : float, at least 0
        How much the gap between the best and the worst group costs.

    Returns
    -------
    float
        At most 1; with two groups and penalty 2, at least -1.5.

    Raises
    ------
    EquipoiseError
        If there are no accuracies, one lies outside 0..1, or the penalty is below 0.

    Notes
    -----
    Source: the soft-bio project, ``mean(a) - 2 |a_women - a_men|``. Departures: any
    number of groups, with their largest gap. It rewards levelling down: it can rise
    while the accuracy of every group falls. Equal accuracies give that accuracy.
    """
    values = np.asarray(accuracies, dtype=np.float64)
    if not values.size or not ((values >= 0) & (values <= 1)).all():
        raise EquipoiseError(
            f"The accuracies of the groups are {values.tolist()}.",
            expected="one number from 0 to 1 for each group.",
        )
    if not (np.isfinite(penalty) and penalty >= 0):
        raise EquipoiseError(
            f"The penalty is {penalty}.", expected="a finite number from 0."
        )
    return float(values.mean() - penalty * np.ptp(values))


def _group_order(
    groups: list[pd.Series], tasks: Sequence[Task], feature: str
) -> list[str]:
    found = set().union(*(series.unique() for series in groups))
    for task in tasks:
        if isinstance(task, Regression) and feature == f"{task.name}_bin":
            return [label for label in task.bin_labels if label in found]
        if not isinstance(task, Regression) and feature == task.name:
            return [label for label in task.classes if label in found]
    return sorted(found)


def _task_of(metric: str, tasks: Sequence[Task]) -> Task:
    name = split_key(metric)[0]
    for task in tasks:
        if task.name == name and metric in metric_keys(task):
            return task
    raise EquipoiseError(
        f"The metric '{metric}' does not belong to a task of this study.",
        expected=f"a metric of {', '.join(task.name for task in tasks)}.",
        remedy="choose a metric that the study has.",
    )
