"""How far a finished model's answers move under harmless changes of the test images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.cache import ImageCache, Progress, build_image_cache
from core.data.catalog import renderer
from core.data.harmless_changes import CHANGES, shift_column
from core.data.manifest import TEST
from core.errors import RunError
from core.methods.registry import ResolvedMethod
from core.study import Study
from core.tasks import Regression, Task
from core.training.decisions import decide

if TYPE_CHECKING:
    import keras

MOST_IMAGES = 1_200
"""Test images that are changed; of more, so many at equal distances in their order."""
AGREE_WITHIN = 0.001
"""Share of a number's range by which an answer computed again may differ."""
AGREE_PROBABILITY = 0.005
MEASURING = "Measuring stability"


@dataclass(frozen=True)
class ChangedImages:
    """Test images after every harmless change.

    Parameters
    ----------
    image_ids : tuple of str
    caches : mapping of str to ImageCache
        By change; the rows are those of ``image_ids``.
    """

    image_ids: tuple[str, ...]
    caches: Mapping[str, ImageCache]


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


def load_changed(
    study: Study,
    images: pd.DataFrame,
    progress: Progress,
    *,
    changes: Sequence[str] = tuple(CHANGES),
) -> ChangedImages:
    """Prepare test images as a study's model takes them, after each change.

    They lie in the image cache, as the images that are trained on.

    Parameters
    ----------
    study : Study
        As one of its methods has it.
    images : DataFrame
        Rows of a manifest: ``image_id`` and ``path`` of the test images.
    progress : callable
        Called with what is done, how many, of how many.
    changes : sequence of str
        The empty name is the image as it is.
    """
    count = len(images)
    places = np.linspace(0, count - 1, min(count, MOST_IMAGES)).round()
    chosen = images.iloc[places.astype(np.intp)]
    caches = {
        change: build_image_cache(
            chosen["path"].tolist(),
            study.model.image_size,
            render=renderer(study, change=change),
            study=study.name,
            progress=progress,
        )
        for change in changes
    }
    return ChangedImages(tuple(chosen["image_id"].astype(str)), caches)


def measure_shifts(
    finished: FinishedModel,
    changed: ChangedImages,
    predictions: pd.DataFrame,
    *,
    progress: Progress = lambda what, done, total: None,
) -> dict[str, NDArray[np.float32]]:
    """Let a model answer for the changed images, and say how far its answers move.

    Parameters
    ----------
    finished : FinishedModel
    changed : ChangedImages
    predictions : DataFrame
        What it answers to the images as they are: the predictions table of the run.
    progress : callable

    Returns
    -------
    dict of str to float32 array, shape (rows of the predictions,)
        By column, ``<task>_shift_<change>``: of a number the answer to the changed
        image less that to the image, in the unit of the task; of classes 1 where the
        label changed and 0 where not. NaN of images that were not changed. Numbers are
        rounded to half precision, at most 0.05 % off, and so take two bytes in a file.
    """
    places = rows_of(predictions, changed.image_ids)
    shifts = {}
    for done, (change, cache) in enumerate(changed.caches.items()):
        progress(MEASURING, done, len(changed.caches))
        answers = finished.answer(cache, predictions, places)
        for task in finished.tasks:
            before, after = (
                of[f"{task.name}_pred"].to_numpy()[places]
                for of in (predictions, answers)
            )
            moved = after - before if isinstance(task, Regression) else after != before
            values = np.full(len(predictions), np.nan, np.float32)
            values[places] = moved.astype(np.float16)
            values[places[list(cache.corrupt)]] = np.nan
            shifts[shift_column(task.name, change)] = values
    progress(MEASURING, len(changed.caches), len(changed.caches))
    return shifts


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
