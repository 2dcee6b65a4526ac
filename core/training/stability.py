"""How far a finished model's answers move under harmless changes of the test images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.cache import ImageCache, Progress, build_image_cache
from core.data.catalog import renderer
from core.data.harmless_changes import CHANGES, shift_column
from core.runs import Run, write_predictions
from core.study import Study
from core.tasks import Regression, Task
from core.training.finished_model import FinishedModel, rows_of
from core.training.measuring import Answering, choose_images

MOST_IMAGES = 1_200
"""Test images that are changed; of more, so many at equal distances in their order."""
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
    chosen = choose_images(images, MOST_IMAGES)
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


class Stability:
    """Measures how the answers of a finished run move, and keeps it beside them."""

    most_images = MOST_IMAGES

    def is_kept(self, run: Run, tasks: Iterable[Task]) -> bool:
        """Whether a run was measured before."""
        return run.has_stability(tasks)

    def measure(self, answering: Answering) -> None:
        """Measure one run and write the moves into its table of predictions."""
        changed = load_changed(answering.study, answering.images, answering.progress)
        shifts = measure_shifts(
            answering.finished,
            changed,
            answering.again,
            progress=answering.progress,
        )
        write_predictions(answering.run, answering.stored.assign(**shifts))
