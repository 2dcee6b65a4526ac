"""Decision rules of methods, applied to a finished model's predictions."""

from functools import singledispatch
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.manifest import VALIDATION
from core.errors import MethodError
from core.language import gettext
from core.methods.registry import Part, ResolvedMethod
from core.methods.temperature import Temperatures, scale
from core.methods.threshold_optimizer import (
    ThresholdRule,
    draws,
    groups_without_rule,
)
from core.tasks import Binary, Classification, Regression, Task
from core.training.groups import group_names

THRESHOLDS = "threshold-optimizer"
# What stands in a group without a rule, by entry.
_INSTEAD = {
    THRESHOLDS: "the model's own answer stands",
    "temperature-scaling": "the temperature of all images is taken",
}


def check_decisions(method: ResolvedMethod, data: Any) -> None:
    """Refuse before training what could not be decided after it.

    Raises
    ------
    MethodError
        If an image has no group, there is no validation image, or thresholds have
        fewer than two groups of validation images with both classes.
    """
    validation = data.manifest["split"].to_numpy() == VALIDATION
    for task in _decided(method, data.tasks):
        part = method.decisions[task.name]
        names = _groups(part, data.manifest)
        if part.entry.name == THRESHOLDS:
            truth = data.manifest[task.name].to_numpy() == task.classes[1]
            groups_without_rule(truth[validation], names[validation])
        elif not validation.any():
            raise MethodError(
                gettext(
                    "'{entry}' is fitted on validation images; there are none.",
                    entry=part.entry.name,
                ),
                expected=gettext("a split with validation images."),
                remedy=gettext("give the study a validation split."),
            )


def decide(
    predictions: pd.DataFrame,
    method: ResolvedMethod,
    tasks: tuple[Task, ...],
    seed: int,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Answer by the rules of a method, fitted on the validation images.

    Parameters
    ----------
    predictions : DataFrame
        The predictions table of a run, as the model answers.
    method : ResolvedMethod
    tasks : tuple of Task
    seed : int
        Of the run: where a rule leaves it to chance, seed and image decide.

    Returns
    -------
    DataFrame
        The same with what the rules change. Thresholds give other ``<task>_pred``, and
        ``<task>_positive_rate``: how likely the rule calls an image positive. A
        temperature gives other ``<task>_p_<class>``, and ``<task>_temperature``, by
        which their logits were divided.
    dict
        By task what was fitted, as ``run.json`` keeps it; empty without a rule.

    Raises
    ------
    MethodError
        As the rules' builders.
    """
    table, kept = predictions.copy(), {}
    for task in _decided(method, tasks):
        part = method.decisions[task.name]
        names = _groups(part, table)
        validation = (table["split"] == VALIDATION).to_numpy()
        by_group = [names] if part.groups else []
        given = [*_scores(table, task), *by_group]
        rule = part.build(*(values[validation] for values in given))
        table = table.assign(**_decide_by(rule, table, task, names, seed))
        left = {**rule.left, **_unseen(names, validation)} if part.groups else {}
        kept[task.name] = {
            "use": part.entry.name,
            "by": part.groups,
            **rule.as_dict(),
            "without_rule": left,
        }
    return table, kept


def explain_left(decisions: dict[str, Any]) -> list[str]:
    """A sentence for each task some of whose groups have no rule."""
    sentences = []
    for task, kept in decisions.items():
        left = [f"{group} ({why})" for group, why in kept["without_rule"].items()]
        if left:
            sentences.append(
                f"The rule of '{task}' leaves out {', '.join(left)}: there "
                f"{_INSTEAD[kept['use']]}."
            )
    return sentences


@singledispatch
def _decide_by(
    rule: Any, table: pd.DataFrame, task: Classification, names: NDArray[Any], seed: int
) -> dict[str, Any]:
    """The columns that a fitted rule changes or adds."""
    raise TypeError(f"no decision is made by {type(rule).__name__}")


@_decide_by.register
def _(
    rule: ThresholdRule,
    table: pd.DataFrame,
    task: Binary,
    names: NDArray[Any],
    seed: int,
) -> dict[str, Any]:
    rates = rule.positive_rate(_scores(table, task)[0], names)
    positive = draws(table["image_id"].tolist(), seed=seed) < rates
    return {
        f"{task.name}_pred": np.where(positive, task.positive, task.classes[0]),
        f"{task.name}_positive_rate": rates,
    }


@_decide_by.register
def _(
    rule: Temperatures,
    table: pd.DataFrame,
    task: Classification,
    names: NDArray[Any],
    seed: int,
) -> dict[str, Any]:
    temperatures = rule.of(names)
    scaled = scale(_scores(table, task)[0], temperatures)
    columns = _probability_columns(task)
    # As exact as the model's own.
    kinds = table[columns].dtypes
    return {
        **{name: scaled[:, i].astype(kinds[name]) for i, name in enumerate(columns)},
        f"{task.name}_temperature": temperatures,
    }


def _scores(
    table: pd.DataFrame, task: Classification
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Probabilities and truth as rules take them; of two classes the positive one."""
    columns = _probability_columns(task)
    truth = table[f"{task.name}_true"]
    if isinstance(task, Binary):
        scores = table[columns[1]].to_numpy(np.float64)
        return scores, (truth == task.positive).to_numpy()
    codes = truth.map({label: i for i, label in enumerate(task.classes)})
    return table[columns].to_numpy(np.float64), codes.to_numpy(np.int64)


def _probability_columns(task: Classification) -> list[str]:
    return [f"{task.name}_p_{label}" for label in task.classes]


def _decided(method: ResolvedMethod, tasks: tuple[Task, ...]) -> list[Classification]:
    chosen = [task for task in tasks if task.name in method.decisions]
    return [task for task in chosen if not isinstance(task, Regression)]


def _groups(part: Part, table: pd.DataFrame) -> NDArray[Any]:
    """Group of each row; none where the method does not go by group."""
    if not part.groups:
        return np.full(len(table), "")
    return group_names(table, part.groups, np.arange(len(table)))


def _unseen(names: NDArray[Any], validation: NDArray[np.bool_]) -> dict[str, str]:
    """Groups without a validation image."""
    missing = sorted(set(names.tolist()) - set(names[validation].tolist()))
    return dict.fromkeys(missing, "no validation image")
