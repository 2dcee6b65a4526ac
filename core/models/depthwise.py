"""Depthwise convolution whose gradient is fast on small maps."""

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

PACKAGE = "equipoise"
# Limits within which matrices are faster in training, on one thread of a CPU: the
# smallest kernel, and the largest number of pairs of an input and an output pixel. From
# 3 x 3 to 6 x 6 pixels a step of a 5 x 5 kernel takes a fourteenth to two thirds of the
# time; at 7 x 7 there is nothing to gain.
SMALLEST_KERNEL = 5
MOST_PAIRS = 36 * 36


@keras.saving.register_keras_serializable(PACKAGE)
class SmallMapDepthwise(keras.layers.DepthwiseConv2D):
    """Keras's depthwise convolution; as matrices while it learns from small maps.

    Takes what ``keras.layers.DepthwiseConv2D`` takes, has its weights, and gives its
    outputs and gradients up to rounding.

    Notes
    -----
    On a CPU the gradient of a 5 x 5 depthwise convolution takes thirty times as long
    as the convolution. A map of few pixels is a short vector, and what happens to it
    one small matrix a channel: both passes are then products of matrices. In use, on
    larger maps and with smaller kernels Keras's own way is faster, and is taken.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the kernel, and decide how it is applied while training."""
        super().build(input_shape)
        self.small_map = self._place_pairs(input_shape[1:3])

    def _place_pairs(self, sides: tuple[int | None, ...]) -> NDArray[np.float32] | None:
        """``place_pairs`` of such maps; None if it is not needed."""
        usual = self.padding == "same" and self.data_format == "channels_last"
        single = self.depth_multiplier == 1 and tuple(self.dilation_rate) == (1, 1)
        height, width = sides
        if not (usual and single and height and width):
            return None
        if min(self.kernel_size) < SMALLEST_KERNEL:
            return None
        down, across = self.strides
        pairs = height * width * -(-height // down) * -(-width // across)
        if pairs > MOST_PAIRS:
            return None
        return place_pairs((height, width), tuple(self.kernel_size), (down, across))

    def call(
        self, maps: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        """Maps, shape (n, height, width, channels), to as many channels, strided."""
        if self.small_map is None or not (training and self.trainable):
            return super().call(maps)
        before = len(self.small_map)
        _, height, width, channels = self.compute_output_shape(maps.shape)
        kernel = ops.reshape(self.kernel, (-1, channels))
        matrices = ops.matmul(ops.cast(self.small_map, kernel.dtype), kernel)
        vectors = ops.reshape(maps, (-1, before, channels))
        products = ops.matmul(
            ops.transpose(vectors, (2, 0, 1)), ops.transpose(matrices, (2, 0, 1))
        )
        outputs = ops.reshape(
            ops.transpose(products, (1, 2, 0)), (-1, height, width, channels)
        )
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)


def place_pairs(
    sides: tuple[int, int], kernel: tuple[int, int], strides: tuple[int, int]
) -> NDArray[np.float32]:
    """Which place of a kernel leads from a pixel to another, with padding "same".

    Parameters
    ----------
    sides, kernel, strides : pair of int
        Pixels down and across.

    Returns
    -------
    float32 array, shape (pixels before, pixels after, places of the kernel)
        1 at that place, 0 elsewhere; pixels and places row by row.
    """
    down, across = (
        _pairs_of_axis(side, length, stride)
        for side, length, stride in zip(sides, kernel, strides, strict=True)
    )
    pairs = np.einsum("iap,jbq->ijabpq", down, across)
    before, after, places = (down.shape[axis] * across.shape[axis] for axis in range(3))
    table: NDArray[np.float32] = pairs.reshape(before, after, places)
    return table


def _pairs_of_axis(side: int, kernel: int, stride: int) -> NDArray[np.float32]:
    after = -(-side // stride)
    padding = max((after - 1) * stride + kernel - side, 0) // 2
    places = np.arange(side)[:, None] - stride * np.arange(after) + padding
    return np.asarray(places[..., None] == np.arange(kernel), dtype=np.float32)
