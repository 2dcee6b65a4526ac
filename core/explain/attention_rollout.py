"""Attention rollout: the places a transformer gathers from, for any question."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import isqrt
from typing import Any

import keras
import numpy as np
from keras import ops

from core.explain.grids import Grid
from core.explain.hires_cam import enlarge, scale
from core.explain.split_model import CannotExplain, find_layer, lead_to, run
from core.language import N_

ROLLOUT = N_("attention rollout")
# By name: KerasHub does not export it, and who has no transformer need not import it.
_ENCODER = "ViTEncoder"
# Between a transformer's features and their recomputation, relative to the largest.
_TOLERANCE = 1e-4

Tensor = Any


class AttentionRollout:
    """How much of each patch reaches the class token, for KerasHub's ViT.

    Parameters
    ----------
    model : keras.Model
        An inference model of ours.

    Raises
    ------
    EquipoiseError
        If it has no such transformer, or a transformer of another design.

    Notes
    -----
    Source: Abnar and Zuidema, ACL 2020, section 3: the attention of each layer,
    averaged over its heads, plus the identity for what passes by it, its rows
    normalised to sum to 1, multiplied through the layers; of the product the row of
    the class token, over the patches. Departures: none. It knows of no task and no
    class.

    If every token attends to all equally, the map is the same everywhere.
    """

    name = ROLLOUT

    def __init__(self, model: keras.Model) -> None:
        path = find_layer(model, is_encoder)
        if not path:
            raise CannotExplain(N_("it has no transformer of KerasHub's"))
        self._before = lead_to(model, path)
        self._encoder = path[-1]
        self._size = model.input_shape[1]
        side = isqrt(self._check_recomputation())
        self.grids: tuple[Grid, ...] = (Grid.evenly((side, side), self._size),)

    def __call__(self, pixels: Tensor, selection: Tensor) -> Tensor:
        """As ``Technique`` says; the selection is ignored."""
        _, attention = self._recompute(run(self._before, pixels))
        (grid,) = self.grids
        reached = ops.reshape(rollout(attention)[:, 0, 1:], (-1, *grid.shape))
        return scale(enlarge(reached, grid, self._size))

    def _recompute(self, tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The encoder's output, and what each of its layers attends to."""
        attention = []
        for block in self._encoder.encoder_layers:
            x = block.layer_norm_1(tokens)
            x, scores = block.mha(x, x, return_attention_scores=True, training=False)
            tokens = tokens + x
            tokens = tokens + block.mlp(block.layer_norm_2(tokens))
            attention.append(scores)
        return self._encoder.layer_norm(tokens), attention

    def _check_recomputation(self) -> int:
        """Number of patches; a later KerasHub may put its blocks together otherwise."""
        shape = (1, self._size, self._size, 3)
        pixels = np.random.default_rng(0).uniform(0, 255, shape)
        tokens = run(self._before, ops.convert_to_tensor(pixels, "float32"))
        own = ops.convert_to_numpy(self._encoder(tokens, training=False))
        recomputed = ops.convert_to_numpy(self._recompute(tokens)[0])
        patches = own.shape[1] - 1
        if isqrt(patches) ** 2 != patches:
            raise CannotExplain(N_("it has not a class token and a square of patches"))
        if np.abs(recomputed - own).max() > _TOLERANCE * np.abs(own).max():
            raise CannotExplain(N_("this KerasHub's transformer computes otherwise"))
        return int(patches)


def rollout(attention: Sequence[Tensor]) -> Tensor:
    """Follow attention through the layers of a transformer.

    Parameters
    ----------
    attention : sequence of tensor, shape (n, heads, tokens, tokens)
        Of each layer, the first first; rows sum to 1 over the last axis.

    Returns
    -------
    tensor, shape (n, tokens, tokens)
        Rows sum to 1: the share of each first token in each last one.
    """
    shares = []
    for scores in attention:
        mean = ops.mean(scores, axis=1)
        mixed = mean + ops.eye(mean.shape[-1], dtype=mean.dtype)
        shares.append(mixed / ops.sum(mixed, axis=-1, keepdims=True))
    return reduce(lambda before, layer: ops.matmul(layer, before), shares)


def is_encoder(layer: keras.layers.Layer) -> bool:
    """Whether a layer holds the blocks of KerasHub's ViT."""
    return type(layer).__name__ == _ENCODER
