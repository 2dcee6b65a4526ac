"""The steps from a picture as it is found to what a model sees, for pages."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from core.data.cache import Pixels
from core.data.catalog import dataset_info, enhancement_of, renderer
from core.data.enhancement import Enhancement, enhance
from core.data.harmless_changes import DRAWN_SIDE
from core.data.images import decode_image, preprocess
from core.data.picture_names import BESIDE
from core.language import gettext
from core.study import ResizeTable, Study

LONGEST = 640
"""Pixels of the longer side at which the original picture is shown."""


@dataclass(frozen=True)
class Stages:
    """A picture as it is found, and as the models of a study see it.

    Parameters
    ----------
    before : uint8 array, shape (height, width, 3)
        Scaled down to at most ``LONGEST`` pixels.
    extent : tuple of two int
        Width and height of the picture as it is found.
    after : uint8 array, shape (size, size, 3)
    steps : tuple of str
        What leads from the one to the other, in order, in words.
    """

    before: Pixels
    extent: tuple[int, int]
    after: Pixels
    steps: tuple[str, ...]


def stages_of_path(study: Study, path: str) -> Stages:
    """A picture of the study's dataset.

    Parameters
    ----------
    study : Study
        As one of its methods has it; ``image_size`` above 0.
    path : str
        Of the manifest.

    Raises
    ------
    EquipoiseError
        If the picture cannot be read.
    """
    size, render = study.model.image_size, renderer(study)
    name, _, box = path.partition(BESIDE)
    file = Path(name)
    if not file.is_file():
        drawn = dataset_info(study.dataset.name).generated
        before = render(path, DRAWN_SIDE if drawn else size)
        how = (
            gettext("drawn at {size} × {size} pixels", size=str(size))
            if drawn
            else gettext("kept at {size} × {size} pixels", size=str(size)),
        )
        steps = (*how, *_enhancement(study))
        return _stages(Image.fromarray(before), render(path, size), steps)
    crop = (
        (gettext("cropped to the box {box}", box=box.replace(",", ", ")),)
        if box
        else ()
    )
    steps = (*crop, *_resize(study), *_enhancement(study))
    return _stages(decode_image(file), render(path, size), steps)


def stages_of_upload(study: Study, content: bytes, *, name: str = "") -> Stages:
    """An uploaded picture: taken whole, without a bounding box.

    Parameters
    ----------
    study : Study
        As one of its methods has it; ``image_size`` above 0.
    content : bytes
    name : str, optional
        What to call the picture in messages.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    image = decode_image(content, name=name)
    how = (study.model.resize or ResizeTable()).model_dump()
    pixels = preprocess(image, study.model.image_size, **how)
    after = enhance(pixels, enhancement_of(study.dataset))
    steps = (*_resize(study), *_enhancement(study))
    return _stages(image, after, steps)


def try_enhancement(stages: Stages, enhancement: Enhancement) -> Stages:
    """The same with the brightness changed at the end, as a study could ask for."""
    after = enhance(stages.after, enhancement)
    tried = (
        gettext("{step} (tried here only)", step=step) for step in enhancement.steps
    )
    return replace(stages, after=after, steps=(*stages.steps, *tried))


def _stages(before: Image.Image, after: Pixels, steps: tuple[str, ...]) -> Stages:
    extent = before.size
    before.thumbnail((LONGEST, LONGEST))
    return Stages(np.asarray(before), extent, after, steps)


def _resize(study: Study) -> tuple[str, ...]:
    table = study.model.resize or ResizeTable()
    how = {"size": str(study.model.image_size), "resample": table.resample}
    if table.fit == "stretch":
        return (
            gettext(
                "stretched and resized to {size} × {size} pixels ({resample})", **how
            ),
        )
    return (
        gettext("cropped to its largest centred square"),
        gettext("resized to {size} × {size} pixels ({resample})", **how),
    )


def _enhancement(study: Study) -> tuple[str, ...]:
    return enhancement_of(study.dataset).steps
