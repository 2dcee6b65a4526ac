"""Pictures of a study's images, drawn or read once, where they may be shown."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from core.data.catalog import renderer
from core.data.picture_paths import DATA_VARIABLE, copied_paths, drawn_paths
from core.errors import EquipoiseError
from core.runs import shipped_manifest
from core.study import Study
from core.text import code, strong
from core.views.caching import cached
from core.views.own_copy import shown_copy
from core.views.study_view import StudyView

SIDE = 128
"""Pixels of a thumbnail."""


def why_no_pictures(view: StudyView) -> str:
    """Why the pictures of a study cannot be shown; empty if they can be."""
    if not view.dataset.has_pictures:
        return (
            f"{strong(view.study.title)} was made of a table of predictions: it has no "
            "pictures."
        )
    if view.dataset.generated or shown_copy(view.study) is not None:
        return ""
    return (
        f"Pictures of {view.dataset.title} are not shown: they may not be passed on, "
        "and a page that others can open does that. To see your own copy, on your own "
        "machine alone, start the app with "
        f"{code(f'{DATA_VARIABLE}=FOLDER equipoise app')} and have the copy in "
        f"{code(f'FOLDER/{view.study.dataset.name}')}."
    )


def find_shown_paths(view: StudyView, image_ids: Sequence[str]) -> Mapping[str, str]:
    """Where the pictures of these images are that may be shown here, by id.

    Raises
    ------
    EquipoiseError
        If the copy is not in its published layout.
    """
    copy = None if view.dataset.generated else shown_copy(view.study)
    return find_paths(view, image_ids, copy)


def find_paths(
    view: StudyView, image_ids: Sequence[str], copy: Path | None
) -> Mapping[str, str]:
    """Where the pictures of these images are, by id.

    Parameters
    ----------
    view : StudyView
    image_ids : sequence of str
    copy : Path or None
        A copy of the dataset; None where the pictures are drawn from their ids.

    Raises
    ------
    EquipoiseError
        If the copy is not in its published layout.
    """
    if copy is None:
        return drawn_paths(view.study, image_ids)
    return _copied(str(copy), view.study)


def load_thumbnails(
    study: Study, paths: Mapping[str, str], image_ids: Sequence[str]
) -> dict[str, bytes]:
    """Pictures of these images as PNG, by id; those that cannot be had are left out."""
    made = {
        image_id: _thumbnail(paths[image_id], study)
        for image_id in image_ids
        if image_id in paths
    }
    return {image_id: picture for image_id, picture in made.items() if picture}


@cached(entries=4, says="Looking for the pictures…")
def _copied(copy: str, study: Study) -> Mapping[str, str]:
    return copied_paths(study, Path(copy), shipped=shipped_manifest(study.name))


@cached(entries=1024)
def _thumbnail(path: str, study: Study) -> bytes:
    """One picture as PNG; nothing where it cannot be read."""
    try:
        pixels = renderer(study)(path, SIDE)
    except EquipoiseError:
        return b""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
