"""Pictures of a study's images, drawn or read once, where they may be shown."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import plotly.graph_objects as go
from PIL import Image

from core.data.catalog import renderer
from core.data.picture_paths import DATA_VARIABLE, copied_paths, drawn_paths
from core.errors import EquipoiseError, ViewError
from core.language import N_, gettext
from core.plots.gallery import plot_gallery
from core.runs import shipped_manifest
from core.study import Study
from core.text import code, strong
from core.views.caching import (
    Fingerprint,
    cached,
    file_fingerprint,
    manifest_fingerprint,
)
from core.views.own_copy import shown_copy
from core.views.study_view import StudyView

SIDE = 128
"""Pixels of a thumbnail."""
MOST = 48
"""Pictures that one figure holds."""


def why_no_pictures(view: StudyView) -> str:
    """Why the pictures of a study cannot be shown; empty if they can be."""
    if not view.dataset.has_pictures:
        return gettext(
            "{title} was made of a table of predictions: it has no pictures.",
            title=strong(gettext(view.study.title)),
        )
    if view.dataset.generated or shown_copy(view.study) is not None:
        return ""
    return gettext(
        "Pictures of {dataset} are not shown: they may not be passed on, and a page "
        "that others can open does that. To see your own copy, on your own machine "
        "alone, start the app with {command} and have the copy in {folder}.",
        dataset=gettext(view.dataset.title),
        command=code(f"{DATA_VARIABLE}=FOLDER equipoise app"),
        folder=code(f"FOLDER/{view.study.dataset.name}"),
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
    split = manifest_fingerprint(view.study.name)
    return _copied(split, str(copy), view.study)


def load_thumbnails(
    study: Study, paths: Mapping[str, str], image_ids: Sequence[str]
) -> dict[str, bytes]:
    """Pictures of these images as PNG, by id; those that cannot be had are left out."""
    made = {
        image_id: _thumbnail(paths[image_id], file_fingerprint(paths[image_id]), study)
        for image_id in image_ids
        if image_id in paths
    }
    return {image_id: picture for image_id, picture in made.items() if picture}


def picture_figures(
    view: StudyView,
    what: str,
    image_ids: Sequence[str],
    lines: Sequence[Sequence[str]],
) -> dict[str, go.Figure]:
    """One figure of pictures, each over its lines; empty where there are none to show.

    A slide or a file is passed on: pictures are in it only where the dataset allows
    that to everyone (``DatasetInfo.shareable``), and are drawn.
    """
    pictures = _passed_on(view, image_ids)
    shown = [place for place, name in enumerate(image_ids) if name in pictures]
    if not shown:
        return {}
    return {
        what: plot_gallery(
            [pictures[image_ids[place]] for place in shown],
            [image_ids[place] for place in shown],
            [lines[place] for place in shown],
        )
    }


def checked_count(count: int) -> int:
    """How many images a view is asked for.

    Raises
    ------
    ViewError
        If that is none, or more than ``MOST``.
    """
    if not 1 <= count <= MOST:
        raise ViewError(
            gettext("A view cannot show {count} images.", count=count),
            expected=gettext("a number from 1 to {most}.", most=MOST),
            remedy=gettext("correct the parameter 'count'."),
        )
    return count


def _passed_on(view: StudyView, image_ids: Sequence[str]) -> dict[str, bytes]:
    """Pictures that everyone may see, by id."""
    info = view.dataset
    if not (info.shareable and info.has_pictures and info.generated):
        return {}
    return load_thumbnails(view.study, find_paths(view, image_ids, None), image_ids)


@cached(entries=4, says=N_("Looking for the pictures…"))
def _copied(split: Fingerprint, copy: str, study: Study) -> Mapping[str, str]:
    return copied_paths(study, Path(copy), shipped=shipped_manifest(study.name))


@cached(entries=1024)
def _thumbnail(path: str, file: Fingerprint, study: Study) -> bytes:
    """One picture as PNG; nothing where it cannot be read."""
    try:
        pixels = renderer(study)(path, SIDE)
    except EquipoiseError:
        return b""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
