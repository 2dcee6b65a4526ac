"""How far the answers for one face of one photo move when the file is changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.data.harmless_changes import CHANGES, MIRRORED, apply_change
from core.data.images import decode_image
from core.face_quality import TRUSTED_WIDTH
from core.faces import Face
from core.predictor import Answers, FaceAnswers, Predictor

# The places of a face's landmarks once left and right have changed.
_SWAPPED = (1, 0, 2, 4, 3)


@dataclass(frozen=True)
class PhotoMoves:
    """What the methods answer for a face of a photo under harmless changes.

    Parameters
    ----------
    answers : mapping of str to answers
        By the name of a change of ``CHANGES``; the empty name is the photo unchanged.
    left_out : tuple of str
        Changes that would not be harmless here: they make the face too small.
    """

    answers: Mapping[str, Answers]
    left_out: tuple[str, ...]


def measure_moves(
    source: bytes, face: FaceAnswers, predictor: Predictor, *, mirrored: bool = False
) -> PhotoMoves:
    """Let every method answer for a face again after each harmless change of its photo.

    Parameters
    ----------
    source : bytes
        The photo's file.
    face : FaceAnswers
        A face in it, or all of it.
    predictor : Predictor
    mirrored : bool
        As for ``predict_photo``.

    Returns
    -------
    PhotoMoves

    Notes
    -----
    A change is made to the whole photo in full, as if somebody had saved it so. The
    face is not looked for again: it lies where it lay, so that what moves is the
    answer. A change of size that makes it narrower than ``TRUSTED_WIDTH`` is left out.
    All pictures are answered for in one batch.
    """
    image = decode_image(source)
    cuts, left_out = [], []
    known = Face(face.number, face.box, math.nan, face.landmarks, face.rotation)
    for change in ("", *CHANGES):
        changed = apply_change(image, change)
        moved = _moved(known, image, changed, mirrored=change == MIRRORED)
        if change and _width(moved) < min(TRUSTED_WIDTH, _width(known)):
            left_out.append(change)
            continue
        cuts.append(
            (change, {k: k.cut(changed, moved) for k in predictor.preprocessings})
        )
    pictures = {
        kind: np.stack([cut[kind] for _, cut in cuts])
        for kind in predictor.preprocessings
    }
    found = predictor.answer(pictures, mirrored=mirrored)
    names = [change for change, _ in cuts]
    return PhotoMoves(dict(zip(names, found, strict=True)), tuple(left_out))


def _width(face: Face) -> int:
    """Pixels across an upright face, or the shorter side of a whole picture."""
    if not face.landmarks:
        return min(face.box[2:])
    return face.box[3] if face.rotation in (90, 270) else face.box[2]


def _moved(
    face: Face, image: Image.Image, changed: Image.Image, *, mirrored: bool
) -> Face:
    """A face where it lies in the changed picture."""
    across, down = changed.width / image.width, changed.height / image.height
    left, top, width, height = face.box
    points = [(x * across, y * down) for x, y in face.landmarks]
    if mirrored:
        left = image.width - left - width
        points = [
            (changed.width - points[place][0], points[place][1])
            for place in (_SWAPPED if points else ())
        ]
    box = (left * across, top * down, width * across, height * down)
    x, y, wide, tall = (round(value) for value in box)
    return Face(
        face.number,
        (x, y, wide, tall),
        face.confidence,
        tuple(points),
        face.rotation,
    )
