"""Backbones: images in, one feature vector out."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from core.errors import StudyError, WeightsError
from core.models.resnet_cifar import build_resnet_cifar

# Of every backbone from scratch: its statistics follow weights that change at each
# step. Keras's MobileNetV3 has 0.999, at which a small training set never settles them
# and the validation numbers are noise for many epochs; at its EfficientNet's 0.99 they
# are a hundred steps behind, which small sets make much of an epoch. Loaded weights
# come with settled statistics, and keep their momentum.
FROM_SCRATCH_MOMENTUM = 0.9
KERAS_FILES = "https://storage.googleapis.com"


@dataclass(frozen=True)
class Backbone:
    """A registered backbone.

    Parameters
    ----------
    name : str
        Its name in a study's file.
    label, source : str
        What a reader sees, and the paper.
    build : callable
        ``(image_size, weights) -> keras.Model`` from pixels in 0..255 to features.
    imagenet_file : str
        Path of its ImageNet weights under Keras's own file store; empty if none.
    smallest : int
        Least side of the images in pixels.
    """

    name: str
    label: str
    source: str
    build: Callable[[int, str | None], keras.Model]
    imagenet_file: str = ""
    smallest: int = 32


def _mobilenetv3(large: bool) -> Callable[[int, str | None], keras.Model]:
    application = (
        keras.applications.MobileNetV3Large
        if large
        else keras.applications.MobileNetV3Small
    )

    def build(image_size: int, weights: str | None) -> keras.Model:
        return application(
            input_shape=(image_size, image_size, 3),
            minimalistic=True,
            include_top=False,
            include_preprocessing=True,
            weights=weights,
            pooling="avg",
        )

    return build


def _efficientnet_b3(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.EfficientNetB3(
        input_shape=(image_size, image_size, 3),
        include_top=False,
        weights=weights,
        pooling="avg",
    )


def _resnet32(image_size: int, weights: str | None) -> keras.Model:
    return build_resnet_cifar(image_size)


_SOURCE = "Howard et al., Searching for MobileNetV3, ICCV 2019"
_MOBILENET = "tensorflow/keras-applications/mobilenet_v3/weights_mobilenet_v3"
BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            "mobilenetv3_small_minimalistic",
            "MobileNetV3 Small, minimalistic",
            _SOURCE,
            _mobilenetv3(large=False),
            f"{_MOBILENET}_small_minimalistic_1.0_224_no_top_v2.h5",
        ),
        Backbone(
            "mobilenetv3_large_minimalistic",
            "MobileNetV3 Large, minimalistic",
            _SOURCE,
            _mobilenetv3(large=True),
            f"{_MOBILENET}_large_minimalistic_1.0_224_no_top_v2.h5",
        ),
        Backbone(
            "efficientnet_b3",
            "EfficientNetB3",
            "Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional "
            "Neural Networks, ICML 2019",
            _efficientnet_b3,
            "keras-applications/efficientnetb3_notop.h5",
        ),
        Backbone(
            "resnet32",
            "ResNet-32 for CIFAR",
            "He et al., Deep Residual Learning for Image Recognition, CVPR 2016",
            _resnet32,
            smallest=16,
        ),
    )
}


def build_backbone(name: str, *, image_size: int, weights: str) -> keras.Model:
    """Build a backbone, from scratch or from ImageNet weights.

    Parameters
    ----------
    name : str
        A registered name.
    image_size : int
        Side of the images in pixels.
    weights : {"none", "imagenet"}

    Returns
    -------
    keras.Model
        Images, shape (n, image_size, image_size, 3) in 0..255, to features, shape
        (n, channels).

    Raises
    ------
    StudyError
        If there is no such backbone or kind of weights, or the images are too small.
    WeightsError
        If the weights cannot be loaded; it names the cause, the file, where to get it
        and where to put it.
    """
    if name not in BACKBONES:
        raise StudyError(
            f"There is no backbone '{name}'.",
            expected=f"one of {', '.join(BACKBONES)}.",
            remedy="mend `backbone` in the study's file.",
        )
    backbone = BACKBONES[name]
    _check(backbone, image_size, weights)
    if weights == "none":
        return _settle_batch_norm(backbone.build(image_size, None))
    try:
        return backbone.build(image_size, "imagenet")
    except Exception as error:  # Keras raises a bare Exception offline
        raise _missing_weights(backbone, error) from error


def _check(backbone: Backbone, image_size: int, weights: str) -> None:
    if image_size < backbone.smallest:
        raise StudyError(
            f"Images of {image_size} pixels are too small for {backbone.label}.",
            expected=f"at least {backbone.smallest}.",
            remedy="mend `image_size` in the study's file.",
        )
    known = ("none", "imagenet") if backbone.imagenet_file else ("none",)
    if weights not in known:
        raise StudyError(
            f"There are no weights '{weights}' for {backbone.label}.",
            expected=f"{' or '.join(map(repr, known))}.",
            remedy="mend `weights` in the study's file.",
        )


def _missing_weights(backbone: Backbone, cause: Exception) -> WeightsError:
    name = Path(backbone.imagenet_file).name
    home = os.environ.get("KERAS_HOME", Path.home() / ".keras")
    place = Path(home) / "models" / name
    return WeightsError(
        f"The ImageNet weights of {backbone.label}, {name}, could not be loaded: "
        f"{str(cause).strip() or type(cause).__name__}.",
        expected=f"the file, whole, at {place}.",
        remedy=f"download {KERAS_FILES}/{backbone.imagenet_file} where there is a "
        f'network and put it at {place}, or set weights = "none" in the study.',
    )


def _settle_batch_norm(model: keras.Model) -> keras.Model:
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = FROM_SCRATCH_MOMENTUM
    return model
