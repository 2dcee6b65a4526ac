"""The loss of an image that is made of two: each label counts by its share."""

import keras
from keras import ops

from core.methods.losses.base import Tensor, WrappingLoss


def split_pairs(y_true: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Split targets into two labels and the share of the first.

    Parameters
    ----------
    y_true : float array, shape (n, 3)

    Returns
    -------
    first, second, share
        Arrays of shapes (n, 1), (n, 1) and (n,).

    Examples
    --------
    >>> first, second, share = split_pairs(ops.array([[2.0, 0.0, 0.75]]))
    >>> float(first[0, 0]), float(second[0, 0]), float(share[0])
    (2.0, 0.0, 0.75)
    """
    return y_true[:, :1], y_true[:, 1:2], y_true[:, 2]


@keras.saving.register_keras_serializable("equipoise")
class MixedLabels(WrappingLoss):
    """A loss on classes for images with two labels.

    Parameters
    ----------
    base : keras.losses.Loss
        One value an image, from class ids.
    name, dtype
        As for every Keras loss.

    Notes
    -----
    ``lambda l(y_1) + (1 - lambda) l(y_2)``. Source: Zhang et al., ICLR 2018, and the
    code of mixup, CutMix and CMO, which mix any loss that is trained. For
    cross-entropy it is the loss of the mixed label. A loss that draws at random draws
    once for each label.

    Examples
    --------
    >>> loss = MixedLabels(
    ...     keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ... )
    >>> logits = ops.log(ops.array([[3.0, 1.0]]))  # losses of ln(4/3) and ln(4)
    >>> round(float(loss(ops.array([[0.0, 1.0, 0.75]]), logits)), 4)
    0.5623
    """

    def __init__(
        self,
        base: keras.losses.Loss,
        *,
        name: str = "mixed_labels",
        dtype: str | None = None,
    ) -> None:
        super().__init__(base, name=name, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value an image, shape (n,), from labels of shape (n, 3)."""
        first, second, share = split_pairs(ops.convert_to_tensor(y_true))
        own = ops.reshape(self.base.call(first, y_pred), (-1,))
        other = ops.reshape(self.base.call(second, y_pred), (-1,))
        share = ops.cast(share, own.dtype)
        return share * own + (1.0 - share) * other
