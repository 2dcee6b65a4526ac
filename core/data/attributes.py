"""Attributes of a study's images that may explain a label."""

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Any

import pandas as pd

from core.data.catalog import READERS, dataset_info
from core.data.label_noise import CLEAN
from core.data.manifest import DRAWN_SPLIT, LEFT_OUT
from core.errors import DatasetError
from core.study import Study
from core.tasks import Task

# Columns of a manifest that say nothing of what is in a picture.
_BOOKKEEPING = ("image_id", "path", "split", DRAWN_SPLIT, "reason")


def load_attributes(
    study: Study, manifest: pd.DataFrame, tasks: Sequence[Task], task: Task
) -> pd.DataFrame:
    """Attributes of the images of a study that are in a split.

    Parameters
    ----------
    study : Study
    manifest : DataFrame
        That its runs were trained on.
    tasks : sequence of Task
        All of the study.
    task : Task
        The one whose labels are to be explained.

    Returns
    -------
    DataFrame
        Indexed by ``image_id``, in the order of the manifest: ``split``, then the
        attributes. These are the sensitive features, the labels of the other tasks,
        every other column of the manifest, and of generated pictures what was drawn;
        not the labels themselves, and no label from before label noise.

    Raises
    ------
    StudyError
        If the dataset or one of its options does not exist.
    """
    rows = manifest[manifest["split"] != LEFT_OUT]
    own = {*_BOOKKEEPING, task.name, *(CLEAN.format(each.name) for each in tasks)}
    ids = rows["image_id"].astype(str).to_numpy()
    table = rows[["split", *(name for name in rows if name not in own)]]
    table = table.set_axis(pd.Index(ids, name="image_id"))
    drawn = _drawn(study, ids.tolist())
    if drawn is None:
        return table
    known = {*table.columns, *own}
    more = drawn[[name for name in drawn if name not in known]]
    return table.join(more.set_axis(table.index))


def _drawn(study: Study, image_ids: Sequence[str]) -> pd.DataFrame | None:
    """Attributes of generated pictures, from their drawing; None for other datasets."""
    reader = READERS[dataset_info(study.dataset.name).name]
    if reader.attributes is None:
        return None
    options = reader.parse(study.dataset.options)
    try:
        return _attributes(reader.attributes, tuple(image_ids), options)
    except DatasetError:
        return None


# Drawing thousands of people anew takes a second, whichever methods are shown.
@lru_cache(maxsize=8)
def _attributes(
    read: Callable[[Sequence[str], Any], pd.DataFrame],
    image_ids: tuple[str, ...],
    options: Hashable,
) -> pd.DataFrame:
    return read(image_ids, options)
