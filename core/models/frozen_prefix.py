"""A backbone cut in two: the frozen layers, and those that learn."""

import hashlib
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from core.models.augmentation import RandomAffine
from core.models.saved import fingerprint_architecture
from core.models.transfer import blocks, encoder_of
from core.models.vit import TRANSFORMER
from core.study import Augmentation


@dataclass(frozen=True)
class Cut:
    """The two parts of a backbone, which share their layers with it.

    Parameters
    ----------
    prefix : keras.Model
        The frozen layers: pixels, shape (n, size, size, 3) in 0..255, to what the
        others are given.
    suffix : keras.Model or None
        From there to features, shape (n, channels); None if the frozen layers give the
        features themselves.
    """

    prefix: keras.Model
    suffix: keras.Model | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what the frozen layers give of one image."""
        return tuple(self.prefix.output_shape[1:])

    def fingerprint(self) -> str:
        """Hash of the frozen layers and their weights; without their names."""
        digest = hashlib.sha256(fingerprint_architecture(self.prefix).encode())
        for value in self.prefix.get_weights():
            digest.update(np.ascontiguousarray(value).tobytes())
        return digest.hexdigest()

    def has_dropout(self) -> bool:
        """Whether the frozen layers draw at random while training."""
        layers = self.prefix._flatten_layers()
        return any(isinstance(x, keras.layers.Dropout) and x.rate for x in layers)


def cut_backbone(backbone: keras.Model, trainable: str | int | None) -> Cut | None:
    """Cut a backbone before the first of its blocks that learns.

    Parameters
    ----------
    backbone : keras.Model
        As ``build_backbone`` gives it.
    trainable : {"all", "head"}, int or None
        As ``freeze`` takes it.

    Returns
    -------
    Cut or None
        None where no layer with weights is frozen.
    """
    if trainable is None or trainable == "all":
        return None
    if trainable == "head":
        return Cut(backbone, None)
    frozen = len(blocks(backbone)) - 1 - int(trainable)
    if encoder_of(backbone) is not None:
        return _cut_transformer(backbone, frozen)
    first, *parts = blocks(backbone)
    if not frozen and not any(layer.weights for layer in first):
        return None
    border = parts[frozen][0].input
    return Cut(
        keras.Model(backbone.input, border, name="frozen"),
        keras.Model(border, backbone.output, name="learning"),
    )


def _cut_transformer(backbone: keras.Model, frozen: int) -> Cut:
    """Cut a transformer after so many blocks of its encoder."""
    before, after = _around_transformer(backbone)
    embed, encoder = backbone.get_layer(TRANSFORMER).layers[1:]
    pixels = keras.Input(backbone.input_shape[1:])
    x = pixels
    for layer in (*before, embed, encoder.dropout, *encoder.encoder_layers[:frozen]):
        x = layer(x)
    y = tokens = keras.Input(x.shape[1:])
    for layer in (*encoder.encoder_layers[frozen:], encoder.layer_norm, *after):
        y = layer(y)
    return Cut(
        keras.Model(pixels, x, name="frozen"), keras.Model(tokens, y, name="learning")
    )


def _around_transformer(backbone: keras.Model) -> tuple[list[Any], list[Any]]:
    """The layers before a backbone's transformer, without its input, and after it."""
    names = [layer.name for layer in backbone.layers]
    place = names.index(TRANSFORMER)
    return backbone.layers[1:place], backbone.layers[place + 1 :]


class FrozenLayers(keras.Model):
    """The outputs of frozen layers, in use or while training.

    Parameters
    ----------
    prefix : keras.Model
        As ``Cut`` has it.
    augmentation : Augmentation, optional
        Changes the images at random first, and lets dropout of the prefix act, as
        training does. Without it the images are not changed.
    """

    def __init__(
        self, prefix: keras.Model, augmentation: Augmentation | None = None
    ) -> None:
        super().__init__(name="frozen_layers")
        self.prefix = prefix
        self.augment = None
        if augmentation is not None:
            self.augment = RandomAffine(**augmentation.model_dump())
        # As when compiled for training: XLA is slower on a CPU.
        self.jit_compile = False

    def call(self, pixels: keras.KerasTensor) -> keras.KerasTensor:
        """Pixels, shape (n, size, size, 3) in 0..255, to what the prefix gives."""
        if self.augment is None:
            return self.prefix(pixels, training=False)
        return self.prefix(self.augment(pixels, training=True), training=True)

    def reseed(self, rng: np.random.Generator) -> None:
        """Let what is drawn at random from now on depend on this generator alone."""
        own = {id(weight) for weight in self.weights}
        for state in self.variables:
            if id(state) not in own:
                state.assign(rng.integers(2**31, size=state.shape))

    def halves(self, pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Their outputs for a batch of pixels, in half precision."""
        found = keras.ops.convert_to_numpy(self.predict_on_batch(pixels))
        with np.errstate(over="ignore"):  # the caller looks for infinite values
            return np.asarray(found).astype(np.float16)
