"""Paths of the pictures of a study, for pages that show some of them.

A run keeps ids of images but no paths: paths belong to one machine. A generated picture
can be drawn from its id; all others need a copy of the dataset.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from core.data.catalog import READERS, dataset_info, load_dataset
from core.data.manifest import DatasetInfo
from core.errors import DatasetError
from core.language import gettext
from core.study import Study

DATA_VARIABLE = "EQUIPOISE_DATA"


def own_copy(study: Study) -> Path | None:
    """The copy of a study's dataset that the environment names.

    It is ``$EQUIPOISE_DATA/<study>`` or ``$EQUIPOISE_DATA/<dataset>``, a folder as
    ``--data`` takes it, or the place that the study's options name; None if none of
    them is there.
    """
    root = os.environ.get(DATA_VARIABLE)
    names = (study.name, study.dataset.name) if root else ()
    places = [Path(root or "") / name for name in names]
    reader = READERS[dataset_info(study.dataset.name).name]
    said = reader.place_of(reader.parse(study.dataset.options))
    found = next((place for place in places if place.is_dir()), None)
    return found or (said if said and said.exists() else None)


def drawn_paths(study: Study, image_ids: Iterable[str]) -> dict[str, str]:
    """Paths of generated pictures, from their ids alone.

    Parameters
    ----------
    study : Study
        Of a generated dataset.
    image_ids : iterable of str

    Returns
    -------
    dict of str to str
        By id, as ``catalog.renderer`` takes them; ids of no such picture are left out.
    """
    path_of = READERS[dataset_info(study.dataset.name).name].path_of
    found = {}
    for image_id in image_ids:
        try:
            found[image_id] = "" if path_of is None else path_of(image_id)
        except DatasetError:
            continue
    return {image_id: path for image_id, path in found.items() if path}


def copied_paths(
    study: Study, copy: Path, *, shipped: pd.DataFrame | None = None
) -> dict[str, str]:
    """Paths of all pictures of a study in a copy of its dataset.

    Parameters
    ----------
    study : Study
    copy : Path
        As from ``own_copy``.
    shipped : DataFrame, optional
        The split that the study's runs were trained on.

    Raises
    ------
    DatasetError
        If the copy is not in its published layout.
    """
    manifest = load_dataset(study, copy, shipped=shipped).manifest
    ids, paths = manifest["image_id"].astype(str), manifest["path"].astype(str)
    return dict(zip(ids, paths, strict=True))


def find_pictures(
    study: Study,
    info: DatasetInfo,
    image_ids: Iterable[str],
    copy: Path | None,
    *,
    shipped: pd.DataFrame | None = None,
    remedy: str = gettext("add --data DIR."),
) -> list[str]:
    """Paths of some pictures of a study: drawn, or from a copy of its dataset.

    Parameters
    ----------
    study, info : Study, DatasetInfo
    image_ids : iterable of str
    copy : Path or None
        ``own_copy`` if not given; a generated dataset needs none.
    shipped : DataFrame, optional
        As for ``copied_paths``.
    remedy : str
        Advice for a person who has no copy.

    Returns
    -------
    list of str
        In the order of the ids, without those that are not found.

    Raises
    ------
    DatasetError
        If no copy is found, or the copy is not in its published layout.
    """
    image_ids = list(image_ids)
    if info.generated:
        known = drawn_paths(study, image_ids)
    else:
        place = copy or own_copy(study)
        if place is None or not info.has_pictures:
            raise DatasetError(
                gettext(
                    "The pictures of {title} are not here.",
                    title=gettext(info.title),
                ),
                expected=gettext("your own copy of them."),
                remedy=remedy,
            )
        known = copied_paths(study, place, shipped=shipped)
    return [known[image_id] for image_id in image_ids if image_id in known]
