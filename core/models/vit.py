"""Vision transformer: KerasHub's, of any size, on pixels in 0..255."""

from collections.abc import Sequence
from typing import Annotated

import keras
from pydantic import Field

from core.errors import StudyError
from core.study import BackboneOptions, Share

Positive = Annotated[int, Field(ge=1)]
# Of the original's checkpoints: pixels in -1..1.
MEAN = STD = (0.5, 0.5, 0.5)


class ViTOptions(BackboneOptions):
    """Size and regularisation of a transformer.

    ``width`` is the length of a token, ``mlp`` that of the hidden layer within each
    block, in pixels of the picture the side of a patch.
    """

    patch: Positive = 16
    layers: Positive = 12
    heads: Positive = 12
    width: Positive = 768
    mlp: Positive = 3072
    dropout: Share = 0.0
    attention_dropout: Share = 0.0


@keras.saving.register_keras_serializable("equipoise")
class ClassToken(keras.layers.Layer):
    """The first token: what the transformer says of the whole picture."""

    def call(self, tokens: keras.KerasTensor) -> keras.KerasTensor:
        """Tokens, shape (n, tokens, width), to features, shape (n, width)."""
        return tokens[:, 0]


def build_vit(
    image_size: int,
    options: ViTOptions,
    *,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
    epsilon: float = 1e-6,
) -> keras.Model:
    """Build a vision transformer.

    Parameters
    ----------
    image_size : int
        Side of the images in pixels, a multiple of the patch.
    options : ViTOptions
    mean, std : sequence of three float
        Of each channel in 0..1, taken off inside the model.
    epsilon : float
        Of the layer normalisations.

    Returns
    -------
    keras.Model
        Images, shape (n, image_size, image_size, 3) in 0..255, to the class token,
        shape (n, width).

    Raises
    ------
    StudyError
        If patches do not fill the picture, or heads do not divide the width.

    Notes
    -----
    Source: Dosovitskiy et al., ICLR 2021, ViT with a class token and learned position
    embeddings.
    """
    _check(image_size, options)
    # Of the installed packages this one takes longest to import.
    import keras_hub

    pixels = keras.Input((image_size, image_size, 3))
    scaled = keras.layers.Rescaling(
        [1 / (255 * value) for value in std],
        offset=[-m / s for m, s in zip(mean, std, strict=True)],
    )(pixels)
    tokens = keras_hub.models.ViTBackbone(
        image_shape=(image_size, image_size, 3),
        patch_size=options.patch,
        num_layers=options.layers,
        num_heads=options.heads,
        hidden_dim=options.width,
        mlp_dim=options.mlp,
        dropout_rate=options.dropout,
        attention_dropout=options.attention_dropout,
        layer_norm_epsilon=epsilon,
        name="transformer",
    )(scaled)
    return keras.Model(pixels, ClassToken(name="class_token")(tokens), name="vit")


def _check(image_size: int, options: ViTOptions) -> None:
    if image_size % options.patch:
        raise StudyError(
            f"Patches of {options.patch} pixels do not fill a picture of {image_size}.",
            expected="an image size that is a multiple of the patch.",
            remedy="mend `image_size`, or `patch` under the model's options.",
        )
    if options.width % options.heads:
        raise StudyError(
            f"{options.heads} heads do not divide a width of {options.width}.",
            expected="a width that is a multiple of the heads.",
            remedy="mend `width` or `heads` under the model's options.",
        )
