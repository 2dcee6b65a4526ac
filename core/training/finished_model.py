"""The model of a finished run, and its answers to other pictures of the test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.cache import ImageCache
from core.data.manifest import TEST
from core.errors import RunError
from core.methods.registry import ResolvedMethod
from core.tasks import Regression, Task
from core.training.decisions import decide

if TYPE_CHECKING:
    import keras

AGREE_WITHIN = 0.001
"""Share of a number's range by which an answer computed again may differ."""
AGREE_PROBABILITY = 0.005


@dataclass(frozen=True)
class FinishedModel:
    """The inference model of a run, and all that makes answers of its outputs.

    Parameters
    ----------
    model : keras.Model
    method : ResolvedMethod
    tasks : tuple of Task
    seed : int
        Of the run.
    """

    model: keras.Model
    method: ResolvedMethod
    tasks: tuple[Task, ...]
    seed: int

    def answer(
        self,
        cache: ImageCache,
        predictions: pd.DataFrame,
        places: NDArray[np.intp],
    ) -> pd.DataFrame:
        """The predictions with the answers to other pictures in some rows.

        Parameters
        ----------
        cache : ImageCache
            The pictures.
        predictions : DataFrame
            The predictions table of the run.
        places : int array, shape (pictures,)
            Its rows.
        """
        from core.training.fit import answer_images

        mirrored = self.method.mirrored_answers
        answers = answer_images(self.model, cache.images, self.tasks, mirrored=mirrored)
        columns = {
            name: _with_values(predictions[name], places, values)
            for own in answers.values()
            for name, values in own.items()
        }
        table = predictions.assign(**columns)
        return decide(table, self.method, self.tasks, self.seed)[0]


def check_agreement(
    stored: pd.DataFrame, again: pd.DataFrame, tasks: Sequence[Task], name: str
) -> None:
    """Refuse a model that does not answer as the predictions of its run say.

    Parameters
    ----------
    stored, again : DataFrame
        The predictions of the run, and the same computed again.
    tasks : sequence of Task
    name : str
        Of the run.

    Raises
    ------
    RunError
        If an answer differs by more than rounding does: models are shipped in half
        precision, and processors round differently.
    """
    for task in tasks:
        if isinstance(task, Regression):
            names = [f"{task.name}_pred"]
            most = AGREE_WITHIN * (task.maximum - task.minimum)
        else:
            names = [f"{task.name}_p_{label}" for label in task.classes]
            most = AGREE_PROBABILITY
        apart = stored[names].to_numpy(np.float64) - again[names].to_numpy(np.float64)
        off = np.abs(apart).max(axis=1) > most
        if off.any():
            raise RunError(
                f"The model of {name} does not give the answers that are stored: "
                f"{task.label.lower()} differs by up to {np.abs(apart).max():.3g} on "
                f"{off.sum():,} of the test images looked at.",
                expected=f"answers within {most:.3g} of the stored ones.",
                remedy="give the images that the run was tested on, or train it again.",
            )


def rows_of(predictions: pd.DataFrame, image_ids: Sequence[str]) -> NDArray[np.intp]:
    """Rows of test images in a predictions table."""
    rows = np.flatnonzero((predictions["split"] == TEST).to_numpy())
    index = pd.Index(predictions["image_id"].astype(str).to_numpy()[rows])
    return np.asarray(rows[index.get_indexer(list(image_ids))], np.intp)


def _with_values(
    column: pd.Series, places: NDArray[np.intp], values: NDArray[np.generic]
) -> NDArray[np.generic]:
    """A column with other values in some rows."""
    numeric = pd.api.types.is_float_dtype(column.dtype)
    # As objects: an array of fixed width could cut the label of a class.
    found = np.array(column, dtype=column.dtype if numeric else object)
    found[places] = values
    return found
