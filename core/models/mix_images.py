"""Two pictures become one, on the device: laid over one another, or pasted."""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from core.methods.mixing import Mixes

PACKAGE = "equipoise"
Tensor = Any


def mix_images(images: Tensor, others: Tensor, plan: Tensor) -> Tensor:
    """Mix pictures inside a box.

    Parameters
    ----------
    images, others : float array, shape (n, height, width, channels)
    plan : float array, shape (n, 5)
        See ``Mixes.plan``.

    Returns
    -------
    float array, shape (n, height, width, channels)
        ``keep image + (1 - keep) other`` inside the box, the image outside of it.
    """
    height, width = images.shape[1:3]
    keep, top, left, bottom, right = (
        ops.reshape(plan[:, place], (-1, 1, 1, 1)) for place in range(5)
    )
    row = ops.reshape(ops.arange(height, dtype=plan.dtype), (1, -1, 1, 1))
    column = ops.reshape(ops.arange(width, dtype=plan.dtype), (1, 1, -1, 1))
    inside = (row >= top) & (row < bottom) & (column >= left) & (column < right)
    given = ops.cast(inside, images.dtype) * ops.cast(1.0 - keep, images.dtype)
    return images + given * (others - images)


@keras.saving.register_keras_serializable(PACKAGE)
class MixImages(keras.layers.Layer):
    """Mix pictures while training, and leave them alone otherwise."""

    def call(
        self, images: Tensor, others: Tensor, plan: Tensor, training: bool = False
    ) -> Tensor:
        """As ``mix_images``."""
        return mix_images(images, others, plan) if training else images


def draw_mixed(
    images: NDArray[np.uint8], others: NDArray[np.uint8], mixes: Mixes
) -> NDArray[np.uint8]:
    """Mix pictures as training does, but for the augmentation before it.

    Parameters
    ----------
    images, others : uint8 array, shape (n, size, size, 3)
        The first and the second picture of every mix.
    mixes : Mixes
        Of n images.

    Returns
    -------
    uint8 array, shape (n, size, size, 3)
        Rounded: a training computes with the fractions.
    """
    first, second = (ops.cast(each, "float32") for each in (images, others))
    mixed = mix_images(first, second, ops.convert_to_tensor(mixes.plan))
    levels = np.rint(ops.convert_to_numpy(mixed)).clip(0, 255)
    return np.asarray(levels, dtype=np.uint8)
