"""The loss of an image that is made of two: each label by its share."""

from typing import Any, Self

import keras
from keras import ops

Tensor = Any


def split_pairs(y_true: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Take two labels and the share of the first apart.

    Parameters
    ----------
    y_true : float array, shape (n, 3)

    Returns
    -------
    first, second, share
        Of shapes (n, 1), (n, 1) and (n,).
    """
    return y_true[:, :1], y_true[:, 1:2], y_true[:, 2]


@keras.saving.register_keras_serializable("equipoise")
class MixedLabels(keras.losses.Loss):
    """A loss on classes, of images with two labels.

    Parameters
    ----------
    base : keras.losses.Loss
        One value an image, from class ids.
    name, dtype
        As for every Keras loss.

    Notes
    -----
    ``lambda l(y_1) + (1 - lambda) l(y_2)``. Source: Zhang et al., ICLR 2018, and the
    code of mixup, CutMix and CMO, which mix whatever loss is trained. For
    cross-entropy it is the loss of the mixed label. A loss that draws at random draws
    for either label.
    """

    def __init__(
        self,
        base: keras.losses.Loss,
        *,
        name: str = "mixed_labels",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.base = base

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value an image, shape (n,), from labels of shape (n, 3)."""
        first, second, share = split_pairs(ops.convert_to_tensor(y_true))
        own = ops.reshape(self.base.call(first, y_pred), (-1,))
        other = ops.reshape(self.base.call(second, y_pred), (-1,))
        share = ops.cast(share, own.dtype)
        return share * own + (1.0 - share) * other

    def get_config(self) -> dict[str, Any]:
        """What is needed to make the same loss again."""
        return {
            "name": self.name,
            "dtype": self.dtype,
            "base": keras.losses.serialize(self.base),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make it from its configuration."""
        base = keras.losses.deserialize(config["base"])
        return cls(**{**config, "base": base})
