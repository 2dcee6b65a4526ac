"""Backbones: images in, one feature vector out."""

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
from keras import ops

from core.errors import StudyError, WeightsError
from core.language import gettext
from core.models.checkpoint import build_from_checkpoint, load_checkpoint
from core.models.cnn import CNNOptions, build_cnn
from core.models.efficientnet_lite import IMAGENET_FILE, build_efficientnet_lite0
from core.models.known_backbones import KNOWN_BACKBONES, KnownBackbone
from core.models.resnet_cifar import build_resnet_cifar
from core.models.vit import ViTOptions, build_vit
from core.study import BackboneOptions, check_options, weights_kind

# For every backbone from scratch: its statistics follow weights that change at each
# step. Keras's MobileNetV3 has 0.999, at which a small training set never settles them
# and the validation numbers are noise for many epochs; at its EfficientNet's 0.99 they
# are a hundred steps behind, which small sets make much of an epoch. Weights that Keras
# loads come with settled statistics, and keep their momentum.
FROM_SCRATCH_MOMENTUM = 0.9
KERAS_FILES = "https://storage.googleapis.com"


Build = Callable[[int, str | None, Any], keras.Model]


@dataclass(frozen=True)
class Backbone(KnownBackbone):
    """A registered backbone.

    Parameters
    ----------
    build : callable
        ``(image_size, weights, options) -> keras.Model`` from pixels in 0..255 to
        features.
    options : type
        The table of its options; none by default.
    """

    build: Build
    options: type[BackboneOptions] = BackboneOptions


def _mobilenetv3(*, large: bool, minimalistic: bool) -> Build:
    application = (
        keras.applications.MobileNetV3Large
        if large
        else keras.applications.MobileNetV3Small
    )
    return _of_keras(application, minimalistic=minimalistic, include_preprocessing=True)


def _of_keras(application: Callable[..., keras.Model], **settings: Any) -> Build:
    """A model of keras.applications that takes pixels in 0..255 as it is."""

    def build(image_size: int, weights: str | None, options: object) -> keras.Model:
        return application(
            input_shape=(image_size, image_size, 3),
            include_top=False,
            weights=weights,
            pooling="avg",
            **settings,
        )

    return build


def _behind(
    application: Callable[..., keras.Model], preprocessing: Callable[[], Any]
) -> Build:
    """A model of keras.applications behind the preprocessing of its weights."""

    def build(image_size: int, weights: str | None, options: object) -> keras.Model:
        pixels = keras.Input((image_size, image_size, 3))
        with warnings.catch_warnings():
            # Keras warns that weights exist for a few sizes only. Any other size takes
            # those of 224 px.
            warnings.filterwarnings("ignore", "`input_shape` is undefined")
            model = application(
                input_tensor=preprocessing()(pixels),
                include_top=False,
                weights=weights,
                pooling="avg",
            )
        # Its own input is a list of one, which a call with pixels does not fit.
        return keras.Model(pixels, model.output, name=model.name)

    return build


@keras.saving.register_keras_serializable("equipoise")
class BlueFirst(keras.layers.Layer):
    """Channels from red, green, blue to blue, green, red, less ImageNet's means.

    Weights from Caffe, such as ResNet-50's, were trained on these channels.
    """

    MEANS = (103.939, 116.779, 123.68)

    def call(self, pixels: keras.KerasTensor) -> keras.KerasTensor:
        """Pixels, shape (n, height, width, 3) in 0..255, to the same shape."""
        return ops.flip(pixels, axis=-1) - ops.cast(self.MEANS, self.compute_dtype)


def _resnet32(image_size: int, weights: str | None, options: object) -> keras.Model:
    return build_resnet_cifar(image_size)


def _lite0(image_size: int, weights: str | None, options: object) -> keras.Model:
    # Fine-tuned on small sets too, where its own 0.99 is as late as from scratch.
    return build_efficientnet_lite0(
        image_size,
        momentum=FROM_SCRATCH_MOMENTUM,
        weights=IMAGENET_FILE if weights == "imagenet" else None,
    )


def _cnn(image_size: int, weights: str | None, options: CNNOptions) -> keras.Model:
    return build_cnn(image_size, options, momentum=FROM_SCRATCH_MOMENTUM)


def _vit(image_size: int, weights: str | None, options: ViTOptions) -> keras.Model:
    return build_vit(image_size, options)


def _known(
    name: str, build: Build, options: type[BackboneOptions] = BackboneOptions
) -> Backbone:
    return Backbone(**vars(KNOWN_BACKBONES[name]), build=build, options=options)


BACKBONES = {
    backbone.name: backbone
    for backbone in (
        _known("cnn", _cnn, CNNOptions),
        _known(
            "mobilenetv2",
            _behind(
                keras.applications.MobileNetV2,
                partial(keras.layers.Rescaling, 1 / 127.5, offset=-1.0),
            ),
        ),
        _known("mobilenetv3_small", _mobilenetv3(large=False, minimalistic=False)),
        _known(
            "mobilenetv3_small_minimalistic",
            _mobilenetv3(large=False, minimalistic=True),
        ),
        _known("mobilenetv3_large", _mobilenetv3(large=True, minimalistic=False)),
        _known(
            "mobilenetv3_large_minimalistic",
            _mobilenetv3(large=True, minimalistic=True),
        ),
        _known("resnet32", _resnet32),
        _known("resnet50", _behind(keras.applications.ResNet50, BlueFirst)),
        _known("efficientnet_b3", _of_keras(keras.applications.EfficientNetB3)),
        _known("efficientnet_lite0", _lite0),
        _known("vit", _vit, ViTOptions),
    )
}


def find_backbone(name: str, *, weights: str) -> Backbone:
    """The registered backbone of that name, which can begin with these weights.

    Raises
    ------
    StudyError
        If the backbone, or the weights for it, do not exist.
    """
    if name not in BACKBONES:
        raise StudyError(
            gettext("There is no backbone '{backbone}'.", backbone=name),
            expected=gettext("one of {known}.", known=", ".join(BACKBONES)),
            remedy=gettext("fix `backbone` in the study's file."),
        )
    backbone = BACKBONES[name]
    kind = weights_kind(weights)
    words = ("none", "imagenet") if backbone.has_imagenet else ("none",)
    if (kind == "word" and weights not in words) or (
        kind == "checkpoint" and not backbone.from_checkpoint
    ):
        raise StudyError(
            gettext(
                "There are no weights '{weights}' for {backbone}.",
                weights=weights,
                backbone=backbone.label,
            ),
            expected=f"{backbone.weights}.",
            remedy=gettext("fix `weights` in the study's file."),
        )
    return backbone


def build_backbone(
    name: str,
    *,
    image_size: int,
    weights: str,
    options: Mapping[str, object] | None = None,
    source: Path | None = None,
) -> keras.Model:
    """Build a backbone: from scratch, from ImageNet weights or from a checkpoint.

    Parameters
    ----------
    name : str
        A registered name.
    image_size : int
        Side of the images in pixels; 0 for that of a checkpoint.
    weights : str
        As a study's model table has it. The backbone of a run is built as from scratch:
        ``copy_backbone`` then gives it the run's weights.
    options : mapping, optional
        The backbone's own.
    source : Path, optional
        Where the files of a checkpoint are, if that is known already.

    Returns
    -------
    keras.Model
        Images, shape (n, image_size, image_size, 3) in 0..255, to features, shape
        (n, channels).

    Raises
    ------
    StudyError
        If there is no such backbone, kind of weights or option, or the images are too
        small.
    WeightsError
        If the weights cannot be loaded; it names the cause, the file, where to get it
        and where to put it.
    """
    backbone = find_backbone(name, weights=weights)
    options = options or {}
    if weights_kind(weights) == "checkpoint":
        checkpoint = load_checkpoint(weights, folder=source)
        size = image_size or checkpoint.image_size
        _check_size(backbone, size)
        return build_from_checkpoint(checkpoint, image_size=size, options=options)
    _check_size(backbone, image_size)
    own = check_options(backbone.options, options, kind="backbone", name=name)
    if weights != "imagenet":
        return _settle_batch_norm(backbone.build(image_size, None, own))
    try:
        return backbone.build(image_size, "imagenet", own)
    except WeightsError:
        raise
    except Exception as error:  # Keras raises a bare Exception offline
        raise _missing_weights(backbone, error) from error


def _check_size(backbone: Backbone, image_size: int) -> None:
    if image_size < backbone.smallest:
        raise StudyError(
            gettext(
                "Images of {size} pixels are too small for {backbone}.",
                size=image_size,
                backbone=backbone.label,
            ),
            expected=gettext("at least {least}.", least=backbone.smallest),
            remedy=gettext("fix `image_size` in the study's file."),
        )


def _missing_weights(backbone: Backbone, cause: Exception) -> WeightsError:
    name = Path(backbone.imagenet_file).name
    home = os.environ.get("KERAS_HOME", Path.home() / ".keras")
    place = Path(home) / "models" / name
    return WeightsError(
        gettext(
            "The ImageNet weights of {backbone}, {name}, could not be loaded: {fault}.",
            backbone=backbone.label,
            name=name,
            fault=str(cause).strip() or type(cause).__name__,
        ),
        expected=gettext("the file, whole, at {place}.", place=place),
        remedy=gettext(
            "download {address} where there is a network and put it at {place}, or set "
            'weights = "none" in the study.',
            address=f"{KERAS_FILES}/{backbone.imagenet_file}",
            place=place,
        ),
    )


def _settle_batch_norm(model: keras.Model) -> keras.Model:
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = FROM_SCRATCH_MOMENTUM
    return model
