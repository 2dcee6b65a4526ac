"""Temperatures by which answers to photos are calibrated, and a sentence on them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import EquipoiseError
from core.evaluation.alignment import align_predictions
from core.language import gettext, ngettext
from core.methods.temperature import fit_temperature, scale
from core.runs import Run, read_validation
from core.tasks import Classification, Regression, Task
from core.text import listed


@dataclass(frozen=True)
class AnswerTemperature:
    """A temperature, and the validation images that it was fitted on."""

    value: float
    images: int


AnswerTemperatures = Mapping[tuple[str, str], AnswerTemperature]
"""By method and task; a method without validation predictions is not there."""


def fit_answer_temperatures(
    runs: Iterable[Run], tasks: Sequence[Task]
) -> dict[tuple[str, str], AnswerTemperature]:
    """Fit the temperature of each method's answers to photos.

    Parameters
    ----------
    runs : iterable of Run
        Those whose models answer.
    tasks : sequence of Task

    Returns
    -------
    dict of (method, task) to AnswerTemperature

    Notes
    -----
    Where several runs of a method answer, their mean is the answer, and the temperature
    is fitted on the mean of their validation predictions: a mean of calibrated
    probabilities would be under-confident (Rahaman and Thiery, NeurIPS 2021), and could
    be of another class.
    """
    by_method: dict[str, list[Run]] = {}
    for run in runs:
        by_method.setdefault(run.method, []).append(run)
    found = {}
    for method, own in by_method.items():
        for task in tasks:
            if isinstance(task, Regression):
                continue
            fitted = _fit(own, task)
            if fitted is not None:
                found[method, task.name] = fitted
    return found


def _fit(runs: Sequence[Run], task: Classification) -> AnswerTemperature | None:
    """The temperature of one method's mean; None without validation predictions."""
    given = read_validation(runs).tables
    # The mean of some of the models is not what is answered.
    if len(given) < len(runs):
        return None
    try:
        tables = {run: _unscaled(table, task) for run, table in given.items()}
        aligned = align_predictions(tables, [task], runs[0].method)
    except EquipoiseError:
        # With predictions that do not go together, a model can still answer.
        return None
    own = aligned.probabilities_of(task.name, runs[0].method)
    if own is None:
        return None
    truth = aligned.truth[task.name].astype(np.int64)
    mean = np.mean([p.astype(np.float64) for p in own], axis=0)
    return AnswerTemperature(fit_temperature(mean, truth), len(truth))


def _unscaled(table: pd.DataFrame, task: Classification) -> pd.DataFrame:
    """What the model of a run gives validation images, before any scaling."""
    scaled_by = f"{task.name}_temperature"
    if scaled_by not in table:
        return table
    # The run's method scales its answers itself: a model's output is not scaled yet.
    names = [f"{task.name}_p_{label}" for label in task.classes]
    own: NDArray[np.float64] = scale(
        table[names].to_numpy(np.float64), 1 / table[scaled_by].to_numpy(np.float64)
    )
    return table.assign(**dict(zip(names, own.T, strict=True)))


def describe_calibration(
    temperatures: AnswerTemperatures,
    tasks: Sequence[Task],
    labels: Mapping[str, str],
    *,
    mirrored: bool = False,
) -> str:
    """Say whether the probabilities of answers are calibrated.

    Parameters
    ----------
    temperatures : mapping of (method, task) to AnswerTemperature
        Of the predictor: those that are used.
    tasks : sequence of Task
        Those that are answered.
    labels : mapping of str to str
        What a reader sees for each method that answers.
    mirrored : bool
        Whether answers are averaged with those to the mirror image.

    Returns
    -------
    str
        One sentence; empty if no class is answered.
    """
    asked = [task for task in tasks if not isinstance(task, Regression)]
    if not asked:
        return ""
    known = [
        temperatures[method, task.name].images
        for method in labels
        for task in asked
        if (method, task.name) in temperatures
    ]
    if not known and mirrored:
        return gettext(
            "Probabilities are as the models give them: temperatures are fitted to"
            " answers without the mirror image, and these are averaged with it."
        )
    if not known:
        return gettext(
            "Probabilities are as the models give them: there are no predictions of"
            " validation images to calibrate on."
        )
    low, high = min(known), max(known)
    if low == high:
        said = ngettext(
            "Probabilities are calibrated by temperature scaling on {count} validation"
            " image",
            "Probabilities are calibrated by temperature scaling on {count} validation"
            " images",
            low,
        )
    else:
        said = gettext(
            "Probabilities are calibrated by temperature scaling on {low} to {high}"
            " validation images",
            low=low,
            high=high,
        )
    others = []
    for method, label in labels.items():
        rest = [t for t in asked if (method, t.name) not in temperatures]
        if len(rest) == len(asked):
            others.append(label)
        elif rest:
            named = listed([gettext(task.label).lower() for task in rest])
            others.append(gettext("{method} for {tasks}", method=label, tasks=named))
    if others:
        return gettext(
            "{calibrated}; those of {methods} are the model's own.",
            calibrated=said,
            methods=listed(others),
        )
    return f"{said}."
