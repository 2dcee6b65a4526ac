"""The datasets that a study may name, and how each is loaded."""

from functools import partial
from pathlib import Path

import pandas as pd

from core.data import avatars, utkface
from core.data.cache import Pixels, Progress, Render, render_file
from core.data.manifest import DatasetInfo, LoadedDataset, summarise_split
from core.errors import DatasetError, StudyError
from core.study import Study

DATASETS = {info.name: info for info in (utkface.INFO, avatars.INFO)}


def dataset_info(name: str) -> DatasetInfo:
    """What the dataset of that name holds.

    Raises
    ------
    StudyError
        If there is no such dataset.
    """
    if name not in DATASETS:
        raise StudyError(
            f"There is no dataset '{name}'.",
            expected=f"one of {', '.join(DATASETS)}.",
            remedy="mend [dataset] in the study's file.",
        )
    return DATASETS[name]


def load_dataset(
    study: Study,
    location: Path | None,
    *,
    shipped: pd.DataFrame | None = None,
    progress: Progress = lambda what, done, of: None,
) -> LoadedDataset:
    """Load a study's dataset and split it.

    Parameters
    ----------
    study : Study
    location : Path or None
        Folder or archive; a generated dataset needs none.
    shipped : DataFrame, optional
        The split that runs of this study were trained on, to be used again.
    progress : callable
        Called with what is done, how many, of how many.

    Raises
    ------
    StudyError
        If the dataset or one of its options does not exist.
    DatasetError
        If the copy is missing, empty or not in its published layout.
    """
    name = dataset_info(study.dataset.name).name
    if name == avatars.INFO.name:
        return _load_avatars(study)
    options = utkface.parse_options(study.dataset.options)
    if location is None:
        raise DatasetError(
            f"The study '{study.name}' needs your own copy of {utkface.INFO.title}.",
            expected="its folder or archive.",
            remedy="fetch the aligned and cropped faces, then add --data PATH.",
        )
    return utkface.load(location, options, shipped=shipped, progress=progress)


def _load_avatars(study: Study) -> LoadedDataset:
    options = avatars.parse_options(study.dataset.options)
    manifest = avatars.sample_people(options)
    return LoadedDataset(avatars.INFO, manifest, summarise_split(manifest))


def renderer(study: Study) -> Render:
    """The function that turns a manifest's ``path`` into pixels."""
    if study.dataset.name == avatars.INFO.name:
        options = avatars.parse_options(study.dataset.options)
        return partial(_render_avatar, options=options, drawing=avatars.DRAWING)
    return render_file


def _render_avatar(
    path: str, size: int, *, options: avatars.AvatarsOptions, drawing: int
) -> Pixels:
    """Draw an avatar; ``drawing`` only makes a changed drawing another cache."""
    return avatars.render(avatars.index_of(path), size, options)
