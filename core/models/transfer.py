"""Transfer learning: which weights are copied, and which layers are frozen."""

import re
from collections import Counter
from collections.abc import Mapping
from itertools import chain, pairwise
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from core.errors import StudyError, WeightsError
from core.language import gettext
from core.models.vit import TRANSFORMER
from core.study import BackboneOptions, Option, check_options

# How the applications of Keras name the layers of a block: conv5_block3_..., block_16_
# ..., expanded_conv_10_..., block7b_...
_BLOCK_NAME = re.compile(
    r"(conv\d+_block\d+|block_\d+|block\d+[a-z]|expanded_conv(_\d+)?)_"
)
# Parameter of the cubic that PyTorch interpolates with; TensorFlow's has -0.5.
_CUBIC = -0.75


def blocks(backbone: keras.Model) -> list[list[keras.layers.Layer]]:
    """The blocks of a backbone, first to last, after what comes before them.

    Parameters
    ----------
    backbone : keras.Model
        As ``build_backbone`` gives it.

    Returns
    -------
    list of list of keras.layers.Layer
        First the layers before any block, which may be none, then those of each block.
        Layers after the last block belong to it.

    Notes
    -----
    A block is a transformer's encoder layer; what an application of Keras names as
    one; what lies between a fork and the sum that ends it, in a residual network
    without such names; or else a convolution with all that follows it.
    """
    encoder = encoder_of(backbone)
    if encoder is not None:
        embedding = backbone.get_layer(TRANSFORMER).layers[1]
        layers = [embedding, *encoder.encoder_layers, encoder.layer_norm]
        starts = list(range(1, 1 + len(encoder.encoder_layers)))
    else:
        layers = list(backbone.layers)
        starts = _named(layers) or _forks(layers) or _convolutions(layers)
    ends = [*starts, len(layers)]
    return [layers[: ends[0]], *(layers[a:b] for a, b in pairwise(ends))]


def freeze(backbone: keras.Model, trainable: str | int | None) -> None:
    """Let only a part of a backbone learn.

    Parameters
    ----------
    backbone : keras.Model
    trainable : {"all", "head"}, int or None
        All of it, as None; nothing of it; or its last so many blocks.

    Raises
    ------
    StudyError
        If there are not so many blocks.

    Notes
    -----
    Batch normalisation that does not learn keeps its statistics too, and takes off
    these and not those of the batch: Keras holds to that by itself.
    """
    if trainable is None or trainable == "all":
        return
    if trainable == "head":
        backbone.trainable = False
        return
    parts = blocks(backbone)
    count, wanted = len(parts) - 1, int(trainable)
    if wanted > count:
        raise StudyError(
            gettext(
                "The backbone has {count} blocks: its last {wanted} cannot learn.",
                count=count,
                wanted=wanted,
            ),
            expected=gettext('1 to {count}, "all" or "head".', count=count),
            remedy=gettext("fix `trainable` of the model in the study's file."),
        )
    for layer in chain.from_iterable(parts[: count + 1 - wanted]):
        layer.trainable = False


def adopt_options(
    table: type[BackboneOptions],
    given: Mapping[str, object],
    source: Mapping[str, object],
    *,
    backbone: str,
    weights: str,
) -> dict[str, Option]:
    """Options of a backbone that takes over weights: those that the weights have.

    Parameters
    ----------
    table : type
        The table of the backbone's options.
    given, source : mapping of str to object
        Options as the study gives them, and those that the weights were learned with.
    backbone, weights : str
        Their names, for the message.

    Returns
    -------
    dict of str to value
        All that have a value. Those that the table calls free are the study's, where
        given.

    Raises
    ------
    StudyError
        If an option is wrong, or is given and not what the weights have.
    """
    asked, found = (
        check_options(table, each, kind="backbone", name=backbone)
        for each in (given, source)
    )
    theirs = found.model_dump()
    options = dict(theirs)
    for name in given:
        value = getattr(asked, name)
        if name not in table.free and value != theirs[name]:
            raise StudyError(
                gettext(
                    "The option '{option}' is {given}, and the weights {weights} have "
                    "{theirs}.",
                    option=name,
                    given=str(value),
                    weights=weights,
                    theirs=str(theirs[name]),
                ),
                expected=gettext(
                    "what the weights have, or nothing: it goes with them."
                ),
                remedy=gettext(
                    "leave it out of the model's options, or take other weights."
                ),
            )
        options[name] = value
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value is not None
    }


def copy_backbone(trained: keras.Model, backbone: keras.Model, *, weights: str) -> None:
    """Copy the weights of a run's backbone into another of the same architecture.

    Parameters
    ----------
    trained : keras.Model
        The inference model of a run, or any model with a backbone inside.
    backbone : keras.Model
    weights : str
        What the study calls them, for the message.

    Raises
    ------
    WeightsError
        If the two are not alike. Position embeddings may be of another image size:
        they are interpolated.
    """
    inside = (layer for layer in trained.layers if isinstance(layer, keras.Model))
    source = next(inside, None)
    theirs = source.weights if source is not None else []
    values = [keras.ops.convert_to_numpy(weight) for weight in theirs]
    if source is not None and encoder_of(source) and encoder_of(backbone):
        values = [
            fit_positions(value, weight.shape[0]) if _is_position(weight) else value
            for value, weight in zip(values, backbone.weights, strict=False)
        ]
    ours = [(weight.name, tuple(weight.shape)) for weight in backbone.weights]
    found = [(w.name, v.shape) for w, v in zip(theirs, values, strict=True)]
    if ours != found:
        raise WeightsError(
            gettext(
                "The weights {weights} do not fit {backbone}: {difference}.",
                weights=weights,
                backbone=backbone.name,
                difference=_first_difference(found, ours),
            ),
            expected=gettext(
                "a run with this backbone, these options and, where it has dense "
                "layers, this image size."
            ),
            remedy=gettext(
                "fix `weights`, `image_size` or `options` of the model in the study's "
                "file."
            ),
        )
    backbone.set_weights(values)


def copy_weights(trained: keras.Model, model: keras.Model, *, weights: str) -> None:
    """Copy all weights of a model into another of the same architecture.

    Parameters
    ----------
    trained, model : keras.Model
        They may differ in layers without weights, such as an adjustment of the logits.
    weights : str
        What they are called, for the message.

    Raises
    ------
    WeightsError
        If the two are not alike.
    """
    inside = (layer for layer in model.layers if isinstance(layer, keras.Model))
    copy_backbone(trained, next(inside), weights=weights)
    # Layers without weights change the order of the others, so heads are matched by
    # name.
    theirs = {layer.name: layer for layer in trained.layers}
    for layer in model.layers:
        if isinstance(layer, keras.Model) or not layer.weights:
            continue
        found, ours = (
            [(w.name, tuple(w.shape)) for w in (each.weights if each else ())]
            for each in (theirs.get(layer.name), layer)
        )
        if ours != found:
            raise WeightsError(
                gettext(
                    "The weights of {weights} do not fit the layer '{layer}': "
                    "{difference}.",
                    weights=weights,
                    layer=layer.name,
                    difference=_first_difference(found, ours),
                ),
                expected=gettext("a run that this version of Equipoise trained."),
                remedy=gettext("train {weights} again.", weights=weights),
            )
        layer.set_weights(theirs[layer.name].get_weights())


def fit_positions(positions: NDArray[Any], count: int) -> NDArray[np.float32]:
    """Interpolate position embeddings for another number of patches.

    Parameters
    ----------
    positions : float array, shape (1 + side ** 2, width)
        That of the class token first.
    count : int
        1 + the square of the new side.

    Returns
    -------
    float32 array, shape (count, width)
        The class token's stays as it is, and so do all if the number is the same.

    Notes
    -----
    Bicubic over the grid of patches, as ``interpolate_pos_encoding`` of transformers:
    without antialiasing, edges drawn out.
    """
    before, after = (round((n - 1) ** 0.5) for n in (len(positions), count))
    if len(positions) == count:
        return np.asarray(positions, np.float32)
    grid = np.reshape(positions[1:], (before, before, -1))
    matrix = _cubic_matrix(before, after)
    fitted = np.einsum("ia,jb,abc->ijc", matrix, matrix, grid)
    whole = [positions[:1], fitted.reshape(after**2, -1)]
    return np.concatenate(whole).astype(np.float32)


def _cubic_matrix(before: int, after: int) -> NDArray[np.float64]:
    """Shape (after, before): what each old place gives to each new one."""
    places = (np.arange(after) + 0.5) * (before / after) - 0.5
    first = np.floor(places).astype(int)
    matrix = np.zeros((after, before))
    for step in range(-1, 3):
        distance = np.abs(places - (first + step))
        near = ((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance**2 + 1
        far = _CUBIC * (((distance - 5) * distance + 8) * distance - 4)
        share = np.where(distance <= 1, near, far)
        taken = np.clip(first + step, 0, before - 1)
        np.add.at(matrix, (np.arange(after), taken), share)
    return matrix


def encoder_of(backbone: keras.Model) -> keras.layers.Layer | None:
    """The encoder of a transformer; None for another backbone."""
    inside = [layer for layer in backbone.layers if layer.name == TRANSFORMER]
    return inside[0].layers[2] if inside else None


def _is_position(weight: keras.Variable) -> bool:
    return "position_embedding" in weight.path


def _named(layers: list[keras.layers.Layer]) -> list[int]:
    """Starts of the blocks that have a name of a block."""
    matches = [_BLOCK_NAME.match(layer.name) for layer in layers]
    names = [match.group(1) if match else "" for match in matches]
    return [names.index(name) for name in dict.fromkeys(names) if name]


def _forks(layers: list[keras.layers.Layer]) -> list[int]:
    """Starts of the residual blocks: after an output that is used twice."""
    if not any(isinstance(layer, keras.layers.Add) for layer in layers):
        return []
    inputs = (keras.tree.flatten(layer.input) for layer in layers[1:])
    uses = Counter(id(tensor) for tensor in chain.from_iterable(inputs))
    return [i + 1 for i, layer in enumerate(layers) if uses[id(layer.output)] > 1]


def _convolutions(layers: list[keras.layers.Layer]) -> list[int]:
    kind = keras.layers.Conv2D
    return [i for i, layer in enumerate(layers) if isinstance(layer, kind)]


def _first_difference(
    found: list[tuple[str, tuple[int, ...]]], wanted: list[tuple[str, tuple[int, ...]]]
) -> str:
    if len(found) != len(wanted):
        return f"{len(found)} arrays, where {len(wanted)} are wanted"
    pairs = zip(found, wanted, strict=True)
    (name, shape), (_, other) = next(pair for pair in pairs if pair[0] != pair[1])
    return f"its {name} is of shape {shape}, where {other} is wanted"
