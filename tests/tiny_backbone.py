"""A backbone of one convolution: what is tested with it is not the backbone."""

import keras

from core.models import backbones


def _build(image_size: int, weights: str | None, options: object) -> keras.Model:
    pixels = keras.Input((image_size, image_size, 3))
    x = keras.layers.Rescaling(1 / 255)(pixels)
    x = keras.layers.Conv2D(8, 5, strides=4)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.ReLU()(x)
    return keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x))


TINY = backbones.Backbone("tiny", "One convolution", "none", _build)
