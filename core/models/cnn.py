"""A plain convolutional network whose parts are parameters."""

from typing import Annotated, ClassVar, Literal

import keras
from pydantic import Field

from core.study import BackboneOptions, FromList, Share
from core.tunable import Between, Times

Positive = Annotated[int, Field(ge=1)]
WIDTHS = Times((0.5, 2.0))


class CNNOptions(BackboneOptions):
    """Parts of the network.

    Each convolution is followed by its normalisation, activation, pooling and dropout;
    then the maps are laid flat or averaged, and dense layers follow.
    """

    free: ClassVar[frozenset[str]] = frozenset({"dropout"})

    filters: Annotated[
        FromList[Annotated[tuple[Positive, ...], Field(min_length=1)]], WIDTHS
    ] = (32,)
    kernel: Positive = 3
    pool: Positive = 2
    pool_stride: Positive | None = None
    dense: Annotated[FromList[tuple[Positive, ...]], WIDTHS] = (128,)
    dropout: Annotated[Share, Between(0.0, 0.6)] = 0.0
    batch_norm: bool = False
    activation: Literal["relu", "tanh", "gelu", "elu", "selu", "silu"] = "relu"
    summary: Literal["flatten", "average"] = "flatten"


def build_cnn(image_size: int, options: CNNOptions, *, momentum: float) -> keras.Model:
    """Build a convolutional network.

    Parameters
    ----------
    image_size : int
        Side of the images in pixels.
    options : CNNOptions
    momentum : float
        Of the batch normalisation.

    Returns
    -------
    keras.Model
        Images, shape (n, image_size, image_size, 3) in 0..255, to features, shape
        (n, units of the last layer).

    Notes
    -----
    Pixels are scaled to -1..1 inside the model. Maps that have become smaller than
    the pooling window are pooled with padding.
    """
    pixels = keras.Input((image_size, image_size, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)
    for filters in options.filters:
        x = keras.layers.Conv2D(
            filters, options.kernel, padding="same", use_bias=not options.batch_norm
        )(x)
        if options.batch_norm:
            x = keras.layers.BatchNormalization(momentum=momentum)(x)
        x = keras.layers.Activation(options.activation)(x)
        x = keras.layers.MaxPooling2D(
            options.pool, strides=options.pool_stride, padding="same"
        )(x)
        if options.dropout:
            x = keras.layers.Dropout(options.dropout)(x)
    if options.summary == "average":
        x = keras.layers.GlobalAveragePooling2D()(x)
    else:
        x = keras.layers.Flatten()(x)
    for units in options.dense:
        x = keras.layers.Dense(units, activation=options.activation)(x)
        if options.dropout:
            x = keras.layers.Dropout(options.dropout)(x)
    return keras.Model(pixels, x, name="cnn")
