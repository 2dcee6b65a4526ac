"""Faces in a photo: found, numbered, and aligned as those of a dataset are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from core.data.face_templates import FaceTemplate
from core.data.images import preprocess
from core.errors import EquipoiseError
from core.language import gettext
from core.study import Fit, Resample

MIN_CONFIDENCE = 0.9
_WORKING_SIDE = 1024
_SMALLEST_SIDE = 24  # below it MTCNN has no scale to look at
_MAX_OVERSAMPLING = 4


@dataclass(frozen=True)
class Face:
    """A face that was found in a photo.

    Parameters
    ----------
    number : int
        From 1, left to right.
    box : tuple of four int
        Left, top, width and height in pixels of the photo, inside it.
    confidence : float
        The detector's, in [0, 1].
    landmarks : tuple of five (x, y)
        Left eye, right eye, nose, left and right corner of the mouth, as the viewer
        of an upright face sees them, in pixels of the photo; they may lie outside it.
    rotation : int
        Degrees clockwise by which the photo is turned for the face to stand upright:
        0, 90, 180 or 270.
    """

    number: int
    box: tuple[int, int, int, int]
    confidence: float
    landmarks: tuple[tuple[float, float], ...]
    rotation: int = 0


class FaceDetector:
    """MTCNN, loaded once and warm; safe to share between threads.

    Raises
    ------
    EquipoiseError
        If Keras runs on another backend than TensorFlow, which MTCNN needs.

    Notes
    -----
    Zhang et al., 2016, in the ``mtcnn`` package, which holds the weights. Departure:
    its three networks are compiled, once for pictures of every size; the boxes are
    the same and come in half the time.
    """

    def __init__(self) -> None:
        self._mtcnn = _build_mtcnn()

    def warm_up(self) -> None:
        """Compile the networks, so that the first photo need not wait."""
        grey = np.full((128, 128, 3), 128, np.uint8)
        for stage, side in zip(self._mtcnn.stages, (64, 24, 48), strict=True):
            stage.model(np.zeros((1, side, side, 3), np.float32))
        self._detect(Image.fromarray(grey), 1.0)

    def detect(self, image: Image.Image, *, enlarge: bool = True) -> list[Face]:
        """Find the faces of a photo.

        Parameters
        ----------
        image : PIL.Image.Image
            Mode RGB, upright. A photo with a longer side than 1024 px is looked at
            on that scale.
        enlarge : bool
            If nothing is found in a small photo, look at it on twice its scale: for
            faces less than 20 px wide.

        Returns
        -------
        list of Face
            Left to right; empty if there is none.
        """
        longest = max(image.size)
        found = self._detect(image, min(1.0, _WORKING_SIDE / longest))
        if enlarge and len(found) == 0 and longest < _WORKING_SIDE:
            found = self._detect(image, min(2.0, _WORKING_SIDE / longest))
        found = found[np.argsort(found[:, 0] + found[:, 2], kind="stable")]
        return [_face(i, row, image.size) for i, row in enumerate(found, start=1)]

    def _detect(self, image: Image.Image, scale: float) -> NDArray[np.float64]:
        """Rows of left, top, right, bottom, confidence, five x, five y."""
        width, height = (round(side * scale) for side in image.size)
        if min(width, height) < _SMALLEST_SIDE:
            return np.empty((0, 15))
        if scale != 1.0:
            image = image.resize(
                (width, height), Image.Resampling.BILINEAR, reducing_gap=2.0
            )
        rows = self._mtcnn.detect_faces(
            np.asarray(image, np.float32),
            output_type="numpy",
            box_format="xyxy",
            fit_to_image=False,
        )
        if len(rows) == 0:  # then it has fewer columns too
            return np.empty((0, 15))
        found = np.asarray(rows, np.float64)[:, 1:]
        found = found[found[:, 4] >= MIN_CONFIDENCE]
        found[:, np.arange(15) != 4] /= scale
        return found


def align_face(
    image: Image.Image,
    face: Face,
    size: int,
    *,
    template: FaceTemplate,
    resample: Resample = "bicubic",
    fit: Fit = "crop",
) -> NDArray[np.uint8]:
    """Cut out a face as a dataset would have: eyes, nose and mouth at their places.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB; the photo the face was found in.
    face : Face
    size : int
        Side of the result in pixels: the model's.
    template : FaceTemplate
        That of the dataset that the model was trained on.
    resample, fit : str
        The model's too, as for ``preprocess``.

    Returns
    -------
    uint8 array, shape (size, size, 3)
        Black where it reaches beyond the photo.

    Notes
    -----
    The similarity transform of least squares over the five landmarks gives the whole
    crop, which goes through ``preprocess`` as a picture of the dataset does. A face
    larger than ``size`` is cut out at up to four times it, after a reduction by a whole
    factor if it is larger still: no aliasing.
    """
    scale = size / min(template.width, template.height)
    extent = np.array([template.width, template.height]) * scale
    places = np.asarray(template.landmarks, np.float64) * scale
    matrix = fit_similarity(places, face.landmarks)
    pixels_per_pixel = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    factor = int(pixels_per_pixel // _MAX_OVERSAMPLING)
    if factor > 1:
        image, matrix = _reduce(image, matrix, extent, factor)
        pixels_per_pixel /= factor
    over = int(np.clip(np.ceil(pixels_per_pixel), 1, _MAX_OVERSAMPLING))
    matrix = matrix @ np.diag([1 / over, 1 / over, 1])
    width, height = np.rint(extent * over).astype(int).tolist()
    cut = image.transform(
        (width, height),
        Image.Transform.AFFINE,
        tuple(matrix.ravel()),
        Image.Resampling.BICUBIC,
    )
    return preprocess(cut, size, resample=resample, fit=fit)


def fit_similarity(source: ArrayLike, target: ArrayLike) -> NDArray[np.float64]:
    """Find the rotation, scale and shift that take points to points.

    Parameters
    ----------
    source, target : float array, shape (points, 2)
        At least two different points each.

    Returns
    -------
    float64 array, shape (2, 3)
        ``matrix @ [x, y, 1]`` is as near to the target as it can be, in least
        squares; never a mirror image.

    Notes
    -----
    Source: Umeyama, TPAMI 1991, which in the plane is linear regression of complex
    numbers. Points that are a similarity of the source are met exactly.
    """
    z = np.asarray(source, np.float64) @ np.array([1, 1j])
    w = np.asarray(target, np.float64) @ np.array([1, 1j])
    centred = z - z.mean()
    turn = np.vdot(centred, w - w.mean()) / np.vdot(centred, centred)
    shift = w.mean() - turn * z.mean()
    return np.array(
        [
            [turn.real, -turn.imag, shift.real],
            [turn.imag, turn.real, shift.imag],
        ]
    )


def _reduce(
    image: Image.Image,
    matrix: NDArray[np.float64],
    extent: NDArray[np.float64],
    factor: int,
) -> tuple[Image.Image, NDArray[np.float64]]:
    """Average ``factor`` x ``factor`` pixels of the part that the matrix reaches."""
    width, height = extent
    corners = matrix @ [[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]]
    low = np.maximum(np.floor(corners.min(axis=1)) - 2 * factor, 0)
    high = np.minimum(np.ceil(corners.max(axis=1)) + 2 * factor, image.size)
    left, top, right, bottom = (int(edge) for edge in (*low, *high))
    part = image.reduce(factor, (left, top, right, bottom))
    moved = matrix.copy()
    moved[:, 2] -= (left, top)
    return part, moved / factor


def _face(number: int, row: NDArray[np.float64], size: tuple[int, int]) -> Face:
    left, right = np.clip(np.rint(row[[0, 2]]), 0, size[0]).astype(int).tolist()
    top, bottom = np.clip(np.rint(row[[1, 3]]), 0, size[1]).astype(int).tolist()
    landmarks = row[5:].reshape(2, 5).T.tolist()
    return Face(
        number=number,
        box=(left, top, max(right - left, 1), max(bottom - top, 1)),
        confidence=float(row[4]),
        landmarks=tuple((x, y) for x, y in landmarks),
    )


def _build_mtcnn() -> Any:
    import keras

    if keras.backend.backend() != "tensorflow":
        raise EquipoiseError(
            gettext(
                "Faces cannot be found with Keras on {backend}.",
                backend=keras.backend.backend(),
            ),
            expected=gettext(
                "KERAS_BACKEND=tensorflow, which the detector is written in."
            ),
            remedy=gettext("unset KERAS_BACKEND, or give aligned faces."),
        )
    import tensorflow as tf
    from mtcnn import MTCNN

    detector = MTCNN()
    for stage, side in zip(detector.stages, (None, 24, 48), strict=True):
        signature = [tf.TensorSpec([None, side, side, 3], tf.float32)]
        stage._model = tf.function(stage.model, input_signature=signature)
    return detector
