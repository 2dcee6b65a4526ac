"""Random changes to training images, on the device, in one interpolation."""

import math

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from core.models.degradation import PACKAGE, RandomDegradation
from core.study import Augmentation

_OTHER_SEED = 0x2545F491


@keras.saving.register_keras_serializable(PACKAGE)
class RandomAffine(keras.layers.Layer):
    """Rotation, shift, shear, zoom, flip, brightness and contrast, all at once.

    The geometric changes are multiplied into one affine map, so that a picture is
    interpolated once. Then the picture is degraded, as photos are on their way.
    Outside of training the layer does nothing.

    Parameters
    ----------
    rotation_degrees, shear_degrees : float
        Largest angle either way.
    shift, zoom : float
        Largest change either way, as a share of the picture's side.
    brightness, contrast : float
        Largest change either way, as a share of the full range and of the contrast.
    horizontal_flip : bool
        Whether half of the pictures are mirrored.
    crop_padding : int, optional
        The picture is padded by so many pixels of black, and a random crop of its
        size is taken; without it, edges are drawn out into what is uncovered.
    resolution, blur, jpeg_quality : optional
        As in ``degradation.RandomDegradation``.
    seed : int
    """

    def __init__(
        self,
        *,
        rotation_degrees: float = 0.0,
        shift: float = 0.0,
        shear_degrees: float = 0.0,
        zoom: float = 0.0,
        brightness: float = 0.0,
        contrast: float = 0.0,
        horizontal_flip: bool = False,
        crop_padding: int | None = None,
        resolution: float | None = None,
        blur: float | None = None,
        jpeg_quality: int | None = None,
        seed: int = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.settings = Augmentation(
            rotation_degrees=rotation_degrees,
            shift=shift,
            shear_degrees=shear_degrees,
            zoom=zoom,
            brightness=brightness,
            contrast=contrast,
            horizontal_flip=horizontal_flip,
            crop_padding=crop_padding,
            resolution=resolution,
            blur=blur,
            jpeg_quality=jpeg_quality,
        )
        self.degradation = RandomDegradation(
            resolution=resolution,
            blur=blur,
            jpeg_quality=jpeg_quality,
            # The same numbers would tie blur to rotation.
            seed=seed ^ _OTHER_SEED,
        )
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """There are no weights."""
        self.degradation.build(input_shape)
        self.built = True

    def call(
        self, images: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        """Images, shape (n, height, width, 3) in 0..255, to the same shape."""
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        images = ops.image.affine_transform(
            images,
            self._inverse_maps(images),
            interpolation="bilinear",
            fill_mode="constant" if self.settings.crop_padding else "nearest",
        )
        return self.degradation(self._relight(images), training=True)

    def _uniform(self, count: keras.KerasTensor, limit: float) -> keras.KerasTensor:
        return keras.random.uniform(
            (count,), -limit, limit, dtype="float32", seed=self.generator
        )

    def _shift(self, count: keras.KerasTensor, side: int) -> keras.KerasTensor:
        """Pixels by which each picture moves along a side."""
        shift = self._uniform(count, self.settings.shift) * side
        if padding := self.settings.crop_padding:
            # Whole pixels, each of -padding..padding as likely as the others.
            shift += ops.round(self._uniform(count, padding + 0.5))
        return shift

    def _inverse_maps(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Eight numbers a picture: where each output pixel comes from."""
        shape = ops.shape(images)
        count, height, width = shape[0], images.shape[1], images.shape[2]
        s = self.settings
        angle = self._uniform(count, math.radians(s.rotation_degrees))
        shear = ops.tan(self._uniform(count, math.radians(s.shear_degrees)))
        scale = 1.0 + self._uniform(count, s.zoom)
        mirror = ops.ones_like(angle)
        if s.horizontal_flip:
            mirror = ops.sign(self._uniform(count, 1.0))
        cos, sin = ops.cos(angle) * scale, ops.sin(angle) * scale
        a0, a1 = mirror * cos, mirror * (cos * shear - sin)
        b0, b1 = sin, sin * shear + cos
        centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
        a2 = centre_x * (1 - a0) - centre_y * a1 + self._shift(count, width)
        b2 = centre_y * (1 - b1) - centre_x * b0 + self._shift(count, height)
        zero = ops.zeros_like(a0)
        return ops.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)

    def _relight(self, images: keras.KerasTensor) -> keras.KerasTensor:
        s = self.settings
        if not (s.brightness or s.contrast):
            return images
        count = ops.shape(images)[0]
        column = (-1, 1, 1, 1)
        offset = ops.reshape(255.0 * self._uniform(count, s.brightness), column)
        gain = ops.reshape(1.0 + self._uniform(count, s.contrast), column)
        # About mid-grey, so that neither change needs a pass over the picture first.
        images = images * gain + (offset + 127.5 * (1.0 - gain))
        return ops.clip(images, 0.0, 255.0)

    def get_config(self) -> dict[str, object]:
        """The arguments of ``__init__``."""
        return {
            **super().get_config(),
            **self.settings.model_dump(),
            "seed": self.seed,
        }


def draw_augmented(
    pixels: NDArray[np.uint8], settings: Augmentation, *, draws: int, seed: int
) -> NDArray[np.uint8]:
    """Change a picture at random several times, as training does.

    Parameters
    ----------
    pixels : uint8 array, shape (height, width, 3)
    settings : Augmentation
    draws : int, at least 1
    seed : int

    Returns
    -------
    uint8 array, shape (draws, height, width, 3)
        Rounded: a training computes with the fractions.
    """
    layer = RandomAffine(**settings.model_dump(), seed=seed)
    changed = layer(np.repeat(pixels[None], draws, axis=0), training=True)
    levels = np.rint(ops.convert_to_numpy(changed)).clip(0, 255)
    return np.asarray(levels, dtype=np.uint8)
