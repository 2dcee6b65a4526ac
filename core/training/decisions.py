"""Decision rules of methods, applied to a finished model's predictions."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.manifest import VALIDATION
from core.methods.registry import Part, ResolvedMethod
from core.methods.threshold_optimizer import draws, groups_without_rule
from core.tasks import Binary, Task
from core.training.groups import group_names


def check_decisions(method: ResolvedMethod, data: Any) -> None:
    """Refuse before training what could not be decided after it.

    Raises
    ------
    MethodError
        If an image has no group, or fewer than two groups of validation images have
        both classes.
    """
    splits = data.manifest["split"].to_numpy()
    for task in _decided(method, data.tasks):
        names = _groups(method.decisions[task.name], data.manifest)
        validation = splits == VALIDATION
        truth = data.manifest[task.name].to_numpy() == task.positive
        groups_without_rule(truth[validation], names[validation])


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
        The same with other ``<task>_pred``, and ``<task>_positive_rate``: how likely
        the rule calls an image positive. ``<task>_p_<class>`` stay the model's.
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
        scores = table[f"{task.name}_p_{task.positive}"].to_numpy(np.float64)
        validation = (table["split"] == VALIDATION).to_numpy()
        truth = (table[f"{task.name}_true"] == task.positive).to_numpy()
        rule = part.build(scores[validation], truth[validation], names[validation])
        rates = rule.positive_rate(scores, names)
        positive = draws(table["image_id"].tolist(), seed=seed) < rates
        table[f"{task.name}_pred"] = np.where(positive, task.positive, task.classes[0])
        table[f"{task.name}_positive_rate"] = rates
        left = {**rule.left, **_unseen(names, validation)}
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
                f"The rule of '{task}' leaves out {', '.join(left)}: there the model's "
                "own answer stands."
            )
    return sentences


def _decided(method: ResolvedMethod, tasks: tuple[Task, ...]) -> list[Binary]:
    chosen = [task for task in tasks if task.name in method.decisions]
    return [task for task in chosen if isinstance(task, Binary)]


def _groups(part: Part, table: pd.DataFrame) -> NDArray[Any]:
    return group_names(table, part.groups, np.arange(len(table)))


def _unseen(names: NDArray[Any], validation: NDArray[np.bool_]) -> dict[str, str]:
    """Groups without a validation image."""
    missing = sorted(set(names.tolist()) - set(names[validation].tolist()))
    return dict.fromkeys(missing, "no validation image")
