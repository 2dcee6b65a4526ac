"""ResNet for CIFAR: three stages of plain residual blocks on small pictures."""

import keras
from keras import ops

PACKAGE = "equipoise"
# Mean and deviation of CIFAR-10's training set, in 0..1, as in every implementation of
# its protocol.
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2023, 0.1994, 0.2010)
FILTERS = (16, 32, 64)


@keras.saving.register_keras_serializable(PACKAGE)
class PadChannels(keras.layers.Layer):
    """Zeros before and after the channels: a shortcut without parameters.

    Parameters
    ----------
    channels : int
        Channels of the output; half of the new ones on each side.
    """

    def __init__(self, channels: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.channels = channels

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Maps, shape (n, height, width, fewer), to (n, height, width, channels)."""
        added = self.channels - images.shape[-1]
        sides = (added // 2, added - added // 2)
        return ops.pad(images, ((0, 0), (0, 0), (0, 0), sides))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """The input's, with the new channels."""
        return (*input_shape[:-1], self.channels)

    def get_config(self) -> dict[str, object]:
        """The arguments of ``__init__``."""
        return {**super().get_config(), "channels": self.channels}


def build_resnet_cifar(
    image_size: int, *, blocks: int = 5, momentum: float = 0.9
) -> keras.Model:
    """Build the residual network of 6 ``blocks`` + 2 layers.

    Parameters
    ----------
    image_size : int
        Side of the images in pixels; 32 in the paper.
    blocks : int
        Of two convolutions each, in each of three stages; 5 make ResNet-32.
    momentum : float
        Of the batch normalisation.

    Returns
    -------
    keras.Model
        Images, shape (n, image_size, image_size, 3) in 0..255, to features, shape
        (n, 64).

    Notes
    -----
    Source: He et al., CVPR 2016, section 4.2: stages of 16, 32 and 64 filters, and
    where the size changes a shortcut that takes every other pixel and pads the
    channels with zeros. Departures: pixels are normalised inside the model.
    """
    pixels = keras.Input((image_size, image_size, 3))
    x = keras.layers.Normalization(
        mean=[255 * value for value in MEAN],
        variance=[(255 * value) ** 2 for value in STD],
        dtype="float32",
    )(pixels)
    x = _convolve(x, FILTERS[0], momentum=momentum)
    x = keras.layers.ReLU()(x)
    for filters in FILTERS:
        for _ in range(blocks):
            x = _residual(x, filters, momentum)
    features = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(pixels, features, name=f"resnet{6 * blocks + 2}")


def _residual(x: keras.KerasTensor, filters: int, momentum: float) -> keras.KerasTensor:
    strides = 1 if x.shape[-1] == filters else 2
    y = _convolve(x, filters, strides=strides, momentum=momentum)
    y = keras.layers.ReLU()(y)
    y = _convolve(y, filters, momentum=momentum)
    if strides == 2:
        x = keras.layers.MaxPooling2D(pool_size=1, strides=2)(x)
        x = PadChannels(filters)(x)
    return keras.layers.ReLU()(keras.layers.Add()([x, y]))


def _convolve(
    x: keras.KerasTensor, filters: int, *, strides: int = 1, momentum: float
) -> keras.KerasTensor:
    x = keras.layers.Conv2D(
        filters,
        3,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)
    return keras.layers.BatchNormalization(momentum=momentum, epsilon=1e-5)(x)
