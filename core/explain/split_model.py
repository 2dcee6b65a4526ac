"""Models split at a layer, also at a layer of a nested model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from core.errors import EquipoiseError
from core.language import gettext

Tensor = Any
Path = Sequence[keras.layers.Layer]
"""A layer after the models that contain it, the outermost first."""


@dataclass(frozen=True)
class Opened:
    """A model whose layers were called again, with the tensors between them by layer.

    Parameters
    ----------
    input, output : tensor
    layers : mapping of str to keras.layers.Layer
        In the order in which they are called, by name.
    into, out_of : mapping of str to tensor
        The input of each layer, which may be several tensors, and its output.
    """

    input: Tensor
    output: Tensor
    layers: Mapping[str, keras.layers.Layer]
    into: Mapping[str, Tensor]
    out_of: Mapping[str, Tensor]


def open_model(model: keras.Model) -> Opened:
    """Find the tensors between a model's layers."""
    layers: dict[str, keras.layers.Layer] = {}
    into: dict[str, Tensor] = {}
    out_of: dict[str, Tensor] = {}

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        layers[layer.name] = layer
        into[layer.name] = args[0]
        out_of[layer.name] = layer(*args, **kwargs)
        return out_of[layer.name]

    again = keras.models.clone_model(
        model, clone_function=lambda layer: layer, call_function=call
    )
    return Opened(again.input, again.output, layers, into, out_of)


def lead_to(model: keras.Model, path: Path) -> list[keras.Model]:
    """Models from the pixels to the input of a layer; none if the path is empty."""
    if not path:
        return []
    layer, *deeper = path
    opened = open_model(model)
    first = keras.Model(opened.input, opened.into[layer.name])
    return [first, *lead_to(layer, deeper)]


def lead_from(
    model: keras.Model, path: Path, answers: Sequence[str] = ()
) -> list[keras.Model]:
    """Models from the output of a layer to the inputs of the layers of ``answers``.

    Raises
    ------
    KeyError
        If there is no such layer.
    ValueError
        If other tensors than the output of the layer go there too.
    """
    if not path:
        return []
    layer, *deeper = path
    opened = open_model(model)
    last = keras.Model(opened.out_of[layer.name], end_of(opened, answers))
    return [*lead_from(layer, deeper), last]


def end_of(opened: Opened, answers: Sequence[str]) -> Tensor:
    """Inputs of the layers of ``answers``, by name; the output if none is named.

    Raises
    ------
    KeyError
        If there is no such layer.
    """
    return {name: opened.into[name] for name in answers} or opened.output


def all_goes_through(made: Tensor, end: Tensor) -> bool:
    """Whether ``end`` depends on the input of a model through ``made`` alone."""
    try:
        keras.Function(made, end)
    except ValueError:  # not connected
        return False
    return True


def run(steps: Sequence[keras.Model], x: Tensor) -> Tensor:
    """Call models one after the other, as for answers."""
    for step in steps:
        x = step(x, training=False)
    return x


def find_layer(
    model: keras.Model, fits: Callable[[keras.layers.Layer], bool]
) -> list[keras.layers.Layer]:
    """The last layer that fits, behind the models within which it is; or nothing."""
    for layer in reversed(model.layers):
        if isinstance(layer, keras.Model):
            if deeper := find_layer(layer, fits):
                return [layer, *deeper]
        elif fits(layer):
            return [layer]
    return []


class CannotExplain(EquipoiseError):
    """A model of which no map can be made.

    Parameters
    ----------
    why : str
        The end of a sentence, marked by ``N_``.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            gettext("The model cannot be explained: {why}.", why=gettext(why)),
            expected=gettext("one of Equipoise's CNNs, or its ViT."),
            remedy=gettext("train the method on one of these backbones."),
        )
        self.why = why
