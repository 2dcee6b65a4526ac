"""Degradation of photos: reduced in size, blurred and compressed."""

from functools import cache

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PACKAGE = "equipoise"
CHANCE = 0.5
"""Chance of each of the three changes, each by itself."""
_BLURS = 16
"""Widths of blur that are drawn from."""
_BLOCK = 8
# Quantisation tables of the JPEG standard (ITU-T T.81, annex K), for quality 50.
_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)
# Matrix from red, green and blue to luminance and two colour differences (JFIF 1.02).
_TO_YCC = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.168736, -0.331264, 0.5],
        [0.5, -0.418688, -0.081312],
    ],
    np.float32,
)


@keras.saving.register_keras_serializable(PACKAGE)
class RandomDegradation(keras.layers.Layer):
    """Lower resolution, blur and JPEG compression, each of half of the pictures.

    Outside of training the layer does nothing.

    Parameters
    ----------
    resolution : float in (0, 1], optional
        Smallest share of its side that a picture is reduced to, by means over areas,
        and then enlarged again, linearly.
    blur : float above 0, optional
        Largest standard deviation of a Gaussian blur, in pixels.
    jpeg_quality : int in 1..100, optional
        Lowest quality, as libjpeg counts it, that a picture is compressed with.
    seed : int
    """

    def __init__(
        self,
        *,
        resolution: float | None = None,
        blur: float | None = None,
        jpeg_quality: int | None = None,
        seed: int = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.resolution, self.blur, self.jpeg_quality = resolution, blur, jpeg_quality
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """There are no weights."""
        self.built = True

    def call(
        self, images: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        """Images, shape (n, height, width, 3) in 0..255, to the same shape."""
        if not training:
            return images
        height, width = images.shape[1], images.shape[2]
        if self.resolution is not None:
            rows, columns = (_reductions(s, self.resolution) for s in (height, width))
            images = self._filter(images, rows, columns)
        if self.blur is not None:
            rows, columns = (_blurs(side, self.blur) for side in (height, width))
            images = self._filter(images, rows, columns)
        if self.jpeg_quality is not None:
            images = self._compress(images, self.jpeg_quality)
        return images

    def _filter(
        self, images: keras.KerasTensor, rows: Floats, columns: Floats
    ) -> keras.KerasTensor:
        """Multiply rows and columns of each picture by matrices of one random place."""
        count = ops.shape(images)[0]
        place = self._uniform(count)
        changed = self._uniform(count) < CHANCE
        for axis, bank in ((1, rows), (2, columns)):
            # The last matrix changes nothing.
            own = ops.cast(ops.floor(place * (len(bank) - 1)), "int32")
            own = ops.where(changed, own, len(bank) - 1)
            matrices = ops.take(ops.cast(bank, images.dtype), own, axis=0)
            flat = images if axis == 1 else ops.transpose(images, (0, 2, 1, 3))
            shape = ops.shape(flat)
            flat = ops.reshape(flat, (-1, flat.shape[1], flat.shape[2] * 3))
            flat = ops.reshape(ops.matmul(matrices, flat), shape)
            images = flat if axis == 1 else ops.transpose(flat, (0, 2, 1, 3))
        return images

    def _compress(self, images: keras.KerasTensor, worst: int) -> keras.KerasTensor:
        count = ops.shape(images)[0]
        quality = worst + (100 - worst) * self._uniform(count)
        changed = ops.reshape(self._uniform(count) < CHANCE, (-1, 1, 1, 1))
        return ops.where(changed, compress(images, quality), images)

    def _uniform(self, count: keras.KerasTensor) -> keras.KerasTensor:
        return keras.random.uniform((count,), dtype="float32", seed=self.generator)

    def get_config(self) -> dict[str, object]:
        """The arguments of ``__init__``."""
        return {
            **super().get_config(),
            "resolution": self.resolution,
            "blur": self.blur,
            "jpeg_quality": self.jpeg_quality,
            "seed": self.seed,
        }


def compress(
    images: keras.KerasTensor, quality: keras.KerasTensor
) -> keras.KerasTensor:
    """Compress pictures and open them again, as JPEG without subsampled colours does.

    Parameters
    ----------
    images : float array, shape (n, height, width, 3), in 0..255
    quality : float array, shape (n,), in 1..100
        As libjpeg counts it.

    Returns
    -------
    float array, shape (n, height, width, 3)
        Rounded to whole levels, in 0..255.

    Notes
    -----
    Source: ITU-T T.81: cosine transform of blocks of 8 x 8, division by the table of
    annex K at that quality, rounding, and back. Its entropy coding loses nothing. Sides
    that are not a multiple of 8 are extended by their edge.
    """
    dtype, (height, width) = images.dtype, images.shape[1:3]
    rows, columns = -(-height // _BLOCK), -(-width // _BLOCK)
    for axis, side, number in ((1, height, rows), (2, width, columns)):
        places = np.minimum(np.arange(number * _BLOCK), side - 1)
        images = ops.take(images, places, axis=axis)
    colours = ops.round(ops.matmul(ops.round(images), ops.cast(_TO_YCC.T, dtype)))
    # Luminance about zero, as the standard shifts it; the others are so already.
    shift = ops.cast([128.0, 0.0, 0.0], dtype)
    blocks = ops.reshape(colours - shift, (-1, rows, _BLOCK, columns, _BLOCK, 3))
    blocks = ops.transpose(blocks, (0, 1, 3, 5, 2, 4))
    cosines = ops.cast(_cosines(), dtype)
    frequencies = ops.matmul(ops.matmul(cosines, blocks), ops.transpose(cosines))
    steps = ops.cast(_quantisation(quality), dtype)
    frequencies = ops.round(frequencies / steps) * steps
    blocks = ops.matmul(ops.matmul(ops.transpose(cosines), frequencies), cosines)
    colours = ops.transpose(blocks, (0, 1, 4, 2, 5, 3))
    colours = ops.reshape(colours, (-1, rows * _BLOCK, columns * _BLOCK, 3)) + shift
    colours = ops.round(colours)
    back = ops.cast(np.linalg.inv(_TO_YCC).T.astype(np.float32), dtype)
    opened = ops.clip(ops.round(ops.matmul(colours, back)), 0.0, 255.0)
    return opened[:, :height, :width]


def _quantisation(quality: keras.KerasTensor) -> keras.KerasTensor:
    """Steps of each picture, shape (n, 1, 1, 3, 8, 8), by libjpeg's rule."""
    percent = ops.where(quality < 50, 5000.0 / quality, 200.0 - 2.0 * quality)
    tables = np.array([_LUMINANCE, _CHROMINANCE, _CHROMINANCE], np.float32)
    tables = tables.reshape(1, 1, 1, 3, _BLOCK, _BLOCK)
    percent = ops.reshape(percent, (-1, 1, 1, 1, 1, 1))
    return ops.clip(ops.floor((tables * percent + 50.0) / 100.0), 1.0, 255.0)


@cache
def _cosines() -> Floats:
    """The orthonormal cosine transform of eight numbers, shape (8, 8)."""
    k, n = np.mgrid[:_BLOCK, :_BLOCK]
    matrix = np.sqrt(2 / _BLOCK) * np.cos(np.pi * (2 * n + 1) * k / (2 * _BLOCK))
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, np.float32)


@cache
def _reductions(side: int, smallest: float) -> Floats:
    """Matrices that reduce a line to fewer pixels and enlarge it again.

    From the smallest number of pixels to ``side``, which changes nothing; shape
    (numbers, side, side).
    """
    first = max(1, round(side * smallest))
    bank = [_enlarge(n, side) @ _reduce(side, n) for n in range(first, side)]
    return np.array([*bank, np.eye(side)], np.float32)


def _reduce(side: int, small: int) -> NDArray[np.float64]:
    """Means over areas: pixel i of the small line covers side / small of the other."""
    edges = np.arange(small + 1) * side / small
    pixels = np.arange(side)
    low = np.maximum(edges[:-1, None], pixels)
    high = np.minimum(edges[1:, None], pixels + 1)
    return np.asarray(np.maximum(high - low, 0) * small / side)


def _enlarge(small: int, side: int) -> NDArray[np.float64]:
    """Linear interpolation between the pixels' centres, the ends continued."""
    centres = (np.arange(side) + 0.5) * small / side - 0.5
    centres = np.clip(centres, 0, small - 1)
    apart = np.abs(centres[:, None] - np.arange(small))
    return np.asarray(np.maximum(1 - apart, 0))


@cache
def _blurs(side: int, widest: float) -> Floats:
    """Matrices of Gaussian blurs, from the widest to none; shape (widths, side, side).

    Pixels beyond the ends count as the ends.
    """
    sigmas = widest * np.arange(_BLURS, 0, -1) / _BLURS
    reach = int(np.ceil(4 * widest))
    places = np.arange(-reach, side + reach)
    apart = places - np.arange(side)[:, None]
    bank = []
    for sigma in sigmas:
        weights = np.exp(-0.5 * (apart / sigma) ** 2)
        weights /= weights.sum(axis=1, keepdims=True)
        folded = weights[:, reach : reach + side].copy()
        folded[:, 0] += weights[:, :reach].sum(axis=1)
        folded[:, -1] += weights[:, reach + side :].sum(axis=1)
        bank.append(folded)
    return np.array([*bank, np.eye(side)], np.float32)
