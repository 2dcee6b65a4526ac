"""EfficientNet-Lite0: inverted residuals without squeezes, and its ImageNet weights."""

from pathlib import Path

import keras
import numpy as np

from core.errors import WeightsError
from core.language import gettext
from core.models.depthwise import SmallMapDepthwise
from core.shipped import WEIGHTS_FOLDER

IMAGENET_FILE = WEIGHTS_FOLDER / "efficientnet_lite0_imagenet.safetensors"
# Repeats, kernel, first stride, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS, FEATURES = 32, 1280


def build_efficientnet_lite0(
    image_size: int, *, momentum: float, weights: Path | None = None
) -> keras.Model:
    """Build EfficientNet-Lite0 without its classifier.

    Parameters
    ----------
    image_size : int
        Side of the images in pixels; 224 in the original.
    momentum : float
        Of the batch normalisation.
    weights : Path, optional
        A safetensors file with its weights; from scratch without.

    Returns
    -------
    keras.Model
        Images, shape (n, image_size, image_size, 3) in 0..255, to features, shape
        (n, 1280).

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or belongs to another network.

    Notes
    -----
    Source: Tan and Le, ICML 2019, and Google's EfficientNet-Lite, which leaves out
    the squeezes and takes ReLU6 for Swish. Blocks are numbered from 0 to 15.
    """
    pixels = keras.Input((image_size, image_size, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)
    x = _convolve(x, "stem", STEM_CHANNELS, momentum, kernel=3, strides=2)
    number = 0
    for repeats, kernel, first_stride, expansion, channels in STAGES:
        for repeat in range(repeats):
            x = _block(
                x,
                f"block_{number:02}",
                channels,
                momentum,
                kernel=kernel,
                strides=1 if repeat else first_stride,
                expansion=expansion,
            )
            number += 1
    x = _convolve(x, "head", FEATURES, momentum)
    features = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, features, name="efficientnet_lite0")
    if weights is not None:
        load_tensors(model, weights)
    return model


def load_tensors(model: keras.Model, path: Path) -> None:
    """Give a network the weights of a safetensors file.

    Parameters
    ----------
    model : keras.Model
        As ``build_efficientnet_lite0`` gives it.
    path : Path
        Tensors in Keras's layout, named by the layers:
        ``block03.depthwise.conv.kernel``. Others in it are not read.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or belongs to another network.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            values = [
                file.get_tensor(_tensor_name(layer, variable))
                for layer in model.layers
                for variable in layer.weights
            ]
    except (OSError, SafetensorError) as error:
        raise _unusable(path, str(error).strip()) from error
    for variable, value in zip(model.weights, values, strict=True):
        if value.shape != tuple(variable.shape) or not np.isfinite(value).all():
            reason = f"its array for {variable.path} is not of shape {variable.shape}"
            raise _unusable(path, f"{reason}, or not finite")
    model.set_weights(values)


def _tensor_name(layer: keras.layers.Layer, variable: keras.Variable) -> str:
    place = layer.name.replace("block_", "block").replace("_", ".")
    return f"{place}.{variable.name}"


def _unusable(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        gettext(
            "The ImageNet weights of EfficientNet-Lite0 could not be loaded from "
            "{path}: {fault}.",
            path=path,
            fault=reason.rstrip("."),
        ),
        expected=gettext("the file that comes with the project, whole."),
        remedy=gettext(
            "restore {name} from the project's repository, or set weights = "
            '"none" in the study.',
            name=path.name,
        ),
    )


def _block(
    x: keras.KerasTensor,
    name: str,
    channels: int,
    momentum: float,
    *,
    kernel: int,
    strides: int,
    expansion: int,
) -> keras.KerasTensor:
    """An inverted residual: wider, each channel by itself, narrower."""
    y = x
    if expansion > 1:
        wide = expansion * x.shape[-1]
        y = _convolve(y, f"{name}_expand", wide, momentum)
    place = f"{name}_depthwise"
    y = SmallMapDepthwise(
        kernel, strides=strides, padding="same", use_bias=False, name=f"{place}_conv"
    )(y)
    y = _activate(_normalise(y, place, momentum), place)
    place = f"{name}_project"
    y = keras.layers.Conv2D(channels, 1, use_bias=False, name=f"{place}_conv")(y)
    y = _normalise(y, place, momentum)
    if strides > 1 or x.shape[-1] != channels:
        return y
    return keras.layers.Add(name=f"{name}_add")([x, y])


def _convolve(
    x: keras.KerasTensor,
    name: str,
    filters: int,
    momentum: float,
    *,
    kernel: int = 1,
    strides: int = 1,
) -> keras.KerasTensor:
    x = keras.layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        padding="same",
        use_bias=False,
        name=f"{name}_conv",
    )(x)
    return _activate(_normalise(x, name, momentum), name)


def _normalise(x: keras.KerasTensor, name: str, momentum: float) -> keras.KerasTensor:
    return keras.layers.BatchNormalization(
        momentum=momentum, epsilon=1e-3, name=f"{name}_norm"
    )(x)


def _activate(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.ReLU(max_value=6.0, name=f"{name}_relu")(x)
