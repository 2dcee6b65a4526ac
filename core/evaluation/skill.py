"""One number of a model's answers over all tasks: from guessing, 0, to perfect, 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import EquipoiseError
from core.evaluation.alignment import align_predictions
from core.evaluation.confusion_counts import training_counts
from core.evaluation.grouping import group_images
from core.evaluation.metrics import headline_keys, metric_info, split_key, top_k
from core.evaluation.resampled_metrics import TaskDraws
from core.evaluation.resampling import Resampler
from core.tasks import Regression, Task

_ANYONE = "model"


@dataclass(frozen=True)
class Skill:
    """The skill of a model on some images, over the headline metrics of a study.

    Parameters
    ----------
    tasks : tuple of Task
    counts : mapping of task to mapping of class to int
        Training images of each class.
    keys : tuple of str
        The headline metrics.
    guessing : mapping of str to float
        Error of the constant answer by each metric that counts, in its unit, or as
        1 less a share that is better when higher.

    Notes
    -----
    The skill in a metric is ``1 - error / error of the constant answer``: 0 is as good
    as answering the same to every image (the median of the training targets, or the
    most common class), 1 is perfect, and worse than the constant is below 0. The skill
    of a task is the mean over its metrics, and the skill of the model the mean over its
    tasks. So every task counts the same, for any number of metrics and any units.

    Source: the skill score of forecasts, Murphy, Monthly Weather Review 116, 1988.
    Departures: any error in place of the squared one.
    """

    tasks: tuple[Task, ...]
    counts: Mapping[str, Mapping[str, int]]
    keys: tuple[str, ...]
    guessing: Mapping[str, float]

    def measure(self, predictions: pd.DataFrame) -> tuple[float, dict[str, float]]:
        """The skill of a model, and its headline metrics.

        Parameters
        ----------
        predictions : DataFrame
            As a run keeps them, of one split.

        Returns
        -------
        float
            At most 1. A metric that has no value, as the precision of a class that is
            never answered, counts as guessing.
        dict of str to float
            Every headline metric by its key.
        """
        values = _metrics(predictions, self.tasks, self.keys, self.counts)
        by_task: dict[str, list[float]] = {}
        for key, guessed in self.guessing.items():
            error = _error(key, values[key])
            skill = 1 - error / guessed if np.isfinite(error) else 0.0
            by_task.setdefault(split_key(key)[0], []).append(skill)
        skills = [float(np.mean(each)) for each in by_task.values()]
        return float(np.mean(skills)), values


def build_skill(
    training: pd.DataFrame,
    judged: pd.DataFrame,
    tasks: Sequence[Task],
    headline: Sequence[str] = (),
) -> Skill:
    """Make ready to measure the skill of models on some images.

    Parameters
    ----------
    training, judged : DataFrame
        Rows of a manifest: those that models learn from, those they are judged on.
    tasks : sequence of Task
    headline : sequence of str
        The study's own choice of metrics, if it has one.

    Returns
    -------
    Skill
        A metric does not count that is best at 0 on either side or nowhere, or by which
        the constant answer makes no error or has no value.

    Raises
    ------
    EquipoiseError
        If no metric counts, or one that does not exist is asked for.
    """
    keys = headline_keys(tasks, headline)
    counts = training_counts(training, tasks)
    constant = _constant_answers(training, judged, tasks)
    guessing = {}
    for key, value in _metrics(constant, tasks, keys, counts).items():
        error = _error(key, value)
        if error > 0:
            guessing[key] = error
    if not guessing:
        raise EquipoiseError(
            f"No headline metric can judge a search: {', '.join(keys)}.",
            expected="one that is better when higher or when lower, and by which the "
            "same answer to every image makes an error.",
            remedy="add one to `headline` in the study's file.",
        )
    return Skill(tuple(tasks), counts, keys, guessing)


def _error(key: str, value: float) -> float:
    """How far a value is from the best there is; NaN where that is not known."""
    direction = metric_info(key).direction
    if direction == "higher":
        return 1 - value
    return value if direction == "lower" else np.nan


def _constant_answers(
    training: pd.DataFrame, judged: pd.DataFrame, tasks: Sequence[Task]
) -> pd.DataFrame:
    """The predictions of a model that knows the training labels but sees no image."""
    columns: dict[str, object] = {
        "image_id": judged["image_id"].to_numpy(),
        "split": judged["split"].to_numpy(),
    }
    for task in tasks:
        columns[f"{task.name}_true"] = judged[task.name].to_numpy()
        if isinstance(task, Regression):
            columns[f"{task.name}_pred"] = float(training[task.name].median())
            continue
        labels = training[task.name].astype(str)
        shares = labels.value_counts(normalize=True).reindex(task.classes, fill_value=0)
        columns[f"{task.name}_pred"] = str(shares.idxmax())
        for name, share in shares.items():
            columns[f"{task.name}_p_{name}"] = float(share)
    return pd.DataFrame(columns)


def _metrics(
    predictions: pd.DataFrame,
    tasks: Sequence[Task],
    keys: Sequence[str],
    counts: Mapping[str, Mapping[str, int]],
) -> dict[str, float]:
    aligned = align_predictions({(_ANYONE, 0): predictions}, tasks, _ANYONE)
    grouping = group_images(predictions, tasks, ())
    found: dict[str, float] = {}
    for task in tasks:
        own = [key for key in keys if split_key(key)[0] == task.name]
        tops = [k for key in own if (k := top_k(split_key(key)[1])) is not None]
        # The values are those of the images themselves: one resample, for form's sake.
        draws = TaskDraws(
            aligned,
            task,
            grouping,
            Resampler(aligned.rows, resamples=1),
            counts.get(task.name),
            tuple(dict.fromkeys(tops)),
        )
        found |= {key: float(draws.metric(key).values[-1, 0]) for key in own}
    return {key: found[key] for key in keys}
