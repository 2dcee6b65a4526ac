"""How far the answers are from the truth, image by image."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.evaluation.alignment import AlignedPredictions
from core.evaluation.resampling import Doubles
from core.tasks import Regression, Task


def image_errors(
    aligned: AlignedPredictions, task: Task, columns: Sequence[int]
) -> NDArray[np.float32]:
    """Error of every image in some runs.

    Returns
    -------
    float32 array, shape (columns, rows)
        1 for a wrong class and 0 for the right one; of a number, how far the answer is
        from the truth, in its unit.
    """
    given, truth = aligned.predictions[task.name][list(columns)], aligned.truth
    if isinstance(task, Regression):
        away = given.astype(np.float64) - truth[task.name].astype(np.float64)
        return np.abs(away).astype(np.float32)
    return np.asarray(given != truth[task.name], np.float32)


def image_scores(aligned: AlignedPredictions, task: Task) -> Doubles:
    """How each method does on each image, over its seeds.

    Returns
    -------
    float64 array, shape (methods, images)
        The share of the seeds that answer right; of a number the error without its
        sign, as a mean over the seeds, in the unit of the task. The mean over the
        images is the accuracy, or the MAE, of the method.
    """
    scores = np.empty((len(aligned.methods), aligned.rows))
    for row, method in enumerate(aligned.methods):
        own = image_errors(aligned, task, aligned.columns_of(method))
        if not isinstance(task, Regression):
            own = 1 - own
        scores[row] = own.mean(axis=0, dtype=np.float64)
    return scores
