"""Vision transformer: KerasHub's, of any size, on pixels in 0..255."""

from typing import Annotated, ClassVar

import keras
from pydantic import Field

from core.errors import StudyError
from core.language import gettext
from core.study import BackboneOptions, FromList, Share
from core.tunable import Between, Times

Positive = Annotated[int, Field(ge=1)]
AboveZero = Annotated[float, Field(gt=0)]
# Its layer inside the backbone, in which the encoder's blocks are.
TRANSFORMER = "transformer"


class ViTOptions(BackboneOptions):
    """Size, regularisation and arithmetic of a transformer.

    ``patch`` is its side in pixels, ``width`` the length of a token, ``mlp`` that of
    the hidden layer within each block, ``epsilon`` that of the layer normalisations.
    ``mean`` and ``std`` of each channel, in 0..1, are taken off inside the model; the
    original's checkpoints have 0.5: pixels in -1..1.
    """

    free: ClassVar[frozenset[str]] = frozenset({"dropout", "attention_dropout"})

    patch: Positive = 16
    layers: Positive = 12
    heads: Positive = 12
    width: Positive = 768
    mlp: Annotated[int, Field(ge=1), Times((0.5, 2.0))] = 3072
    dropout: Annotated[Share, Between(0.0, 0.3)] = 0.0
    attention_dropout: Annotated[Share, Between(0.0, 0.3)] = 0.0
    epsilon: AboveZero = 1e-6
    mean: FromList[tuple[float, float, float]] = (0.5, 0.5, 0.5)
    std: FromList[tuple[AboveZero, AboveZero, AboveZero]] = (0.5, 0.5, 0.5)


@keras.saving.register_keras_serializable("equipoise")
class ClassToken(keras.layers.Layer):
    """The first token: what the transformer says of the whole picture."""

    def call(self, tokens: keras.KerasTensor) -> keras.KerasTensor:
        """Tokens, shape (n, tokens, width), to features, shape (n, width)."""
        return tokens[:, 0]


def build_vit(image_size: int, options: ViTOptions) -> keras.Model:
    """Build a vision transformer.

    Parameters
    ----------
    image_size : int
        Side of the images in pixels, a multiple of the patch.
    options : ViTOptions

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
    # This package takes the longest of all to import.
    import keras_hub

    pixels = keras.Input((image_size, image_size, 3))
    scaled = keras.layers.Rescaling(
        [1 / (255 * value) for value in options.std],
        offset=[-m / s for m, s in zip(options.mean, options.std, strict=True)],
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
        layer_norm_epsilon=options.epsilon,
        name=TRANSFORMER,
    )(scaled)
    return keras.Model(pixels, ClassToken(name="class_token")(tokens), name="vit")


def _check(image_size: int, options: ViTOptions) -> None:
    if image_size % options.patch:
        raise StudyError(
            gettext(
                "Patches of {patch} pixels do not fill a picture of {size}.",
                patch=options.patch,
                size=image_size,
            ),
            expected=gettext("an image size that is a multiple of the patch."),
            remedy=gettext("fix `image_size`, or `patch` under the model's options."),
        )
    if options.width % options.heads:
        raise StudyError(
            gettext(
                "{heads} heads do not divide a width of {width}.",
                heads=options.heads,
                width=options.width,
            ),
            expected=gettext("a width that is a multiple of the heads."),
            remedy=gettext("fix `width` or `heads` under the model's options."),
        )
