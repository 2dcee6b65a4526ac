"""HiResCAM: where a CNN looked, from its layers of at least 7 x 7 cells."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import keras
from keras import ops

from core.explain.grids import Grid, find_grids
from core.explain.split_model import (
    CannotExplain,
    Opened,
    all_goes_through,
    end_of,
    find_layer,
    lead_from,
    lead_to,
    open_model,
    run,
)
from core.language import N_
from core.models.heads import answer_layer
from core.tasks import Task

HIRES_CAM = "HiResCAM"
# Rows and columns that a layer's maps have at least: coarser ones say nothing.
LEAST_CELLS = 7
# Their output is that of the layer before, smaller or with edges without meaning.
_NO_MAPS = (
    keras.layers.InputLayer,
    keras.layers.AveragePooling2D,
    keras.layers.Cropping2D,
    keras.layers.Dropout,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.MaxPooling2D,
    keras.layers.SpatialDropout2D,
    keras.layers.ZeroPadding2D,
)
# Below this a map is 0 everywhere.
_NOTHING = 1e-30

Tensor = Any


class HiResCAM:
    """Class activation maps of several layers in one, for CNNs.

    Parameters
    ----------
    model : keras.Model
        An inference model of ours.
    tasks : sequence of Task
        What it answers.

    Attributes
    ----------
    grids : tuple of Grid
        Of the layers that are looked at, the first first.

    Raises
    ------
    EquipoiseError
        If there are no feature maps that all answers go through.

    Notes
    -----
    Source: Draelos and Carin, Use HiResCAM instead of Grad-CAM for faithful
    explanations of convolutional neural networks, arXiv 2011.08891, 2020: each value of
    a layer's maps counts by the gradient of a class's logit at its own place; of the
    sum over the channels what is above 0 is kept.

    Departures: the paper looks at the last layer alone. Here it is the last layer that
    all answers go through of each size of maps with at least ``LEAST_CELLS`` rows and
    columns, and if all maps are smaller, of the largest size. The layers' maps, each
    divided by its largest value, are averaged, as those of LayerCAM are joined (Jiang
    et al., IEEE TIP 30, 2021); they are enlarged to where their cells lie by
    ``find_grids``. For one of two classes the logit is that of this class
    over the other; for a number the gradient is its own, so that the map shows what
    raises it.

    A model that hangs on one place lights up there alone; where no value of the maps
    speaks for the answer, the map is 0 everywhere.
    """

    name = HIRES_CAM

    def __init__(self, model: keras.Model, tasks: Sequence[Task]) -> None:
        path = find_layer(model, _makes_maps)
        if not path:
            raise CannotExplain(N_("it has no feature maps"))
        outer = path[:-1]
        inner = outer[-1] if outer else model
        self._answers = [answer_layer(task.name) for task in tasks]
        opened = open_model(inner)
        try:
            end = end_of(opened, () if outer else self._answers)
            self._after = lead_from(model, outer, self._answers)
        except (KeyError, ValueError):  # no such layer; not connected
            raise _from_elsewhere() from None
        chosen = _choose(opened, end)
        if not chosen:
            raise _from_elsewhere()
        maps = [opened.out_of[name] for name in chosen]
        self._before = lead_to(model, outer)
        self._inner = keras.Model(opened.input, [maps, end])
        self._size = model.input_shape[1]
        places = find_grids(opened, self._size)
        self.grids: tuple[Grid, ...] = tuple(places[name] for name in chosen)

    def __call__(self, pixels: Tensor, selection: Tensor) -> Tensor:
        """As ``Technique`` says."""
        layers = [
            ops.relu(ops.sum(gradient * maps, axis=-1))
            for maps, gradient in self.differentiate(pixels, selection)
        ]
        return self.combine(layers)

    def differentiate(
        self, pixels: Tensor, selection: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        """Each layer's maps, and the gradient of the selected score by them.

        Parameters
        ----------
        pixels, selection : tensor
            As for ``Technique``.

        Returns
        -------
        list of two tensors, each of shape (n, rows, columns, channels)
            One for each of ``grids``.
        """
        import tensorflow as tf

        x = run(self._before, pixels)
        with tf.GradientTape() as tape:
            tape.watch(x)
            maps, x = self._inner(x, training=False)
            scores = run(self._after, x)
            values = ops.concatenate([scores[name] for name in self._answers], axis=-1)
            score = ops.sum(values * selection)
        return list(zip(maps, tape.gradient(score, maps), strict=True))

    def combine(self, layers: Sequence[Tensor]) -> Tensor:
        """One map at the size of the picture from those of the layers.

        Parameters
        ----------
        layers : sequence of tensor, shape (n, rows, columns)
            One for each of ``grids``, at least 0.

        Returns
        -------
        tensor, shape (n, size, size)
            From 0 to 1.
        """
        return scale(
            sum(
                scale(enlarge(small, grid, self._size))
                for small, grid in zip(layers, self.grids, strict=True)
            )
        )


def enlarge(small: Tensor, grid: Grid, size: int) -> Tensor:
    """Bring maps to the size of the picture, bilinear between the cells' middles.

    Parameters
    ----------
    small : tensor, shape (n, rows, columns)
    grid : Grid
    size : int
        Side of the picture in pixels.

    Returns
    -------
    tensor, shape (n, size, size)
    """
    rows, columns = (axis.enlarging(size) for axis in (grid.rows, grid.columns))
    return ops.einsum("ia,jb,nab->nij", rows, columns, small)


def scale(maps: Tensor) -> Tensor:
    """Divide each map by its largest value; one of zeros stays one."""
    largest = ops.max(maps, axis=(1, 2), keepdims=True)
    return maps / ops.maximum(largest, _NOTHING)


def _choose(opened: Opened, end: Tensor) -> list[str]:
    """Names of the layers to look at, the first first."""
    by_size: dict[tuple[int, int], list[str]] = {}
    learned = False
    for name, layer in opened.layers.items():
        # Before the first kernel the maps are the pixels, however they are scaled.
        learned = learned or _convolves(layer)
        if learned and _makes_maps(layer):
            by_size.setdefault(opened.out_of[name].shape[1:3], []).append(name)
    sizes = [size for size in by_size if min(size) >= LEAST_CELLS]
    chosen = []
    for size in sizes or sorted(by_size, reverse=True):
        through = (
            name
            for name in reversed(by_size[size])
            if all_goes_through(opened.out_of[name], end)
        )
        chosen += list(islice(through, 1))
    return chosen if sizes else chosen[:1]


def _convolves(layer: keras.layers.Layer) -> bool:
    """Whether it has a kernel of four axes, whatever its class."""
    return any(len(weight.shape) == 4 for weight in layer.weights)


def _makes_maps(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, _NO_MAPS):
        return False
    shape: Any = getattr(layer.output, "shape", ())
    return len(shape) == 4 and shape[1] * shape[2] > 1


def _from_elsewhere() -> Exception:
    return CannotExplain(N_("its answers come not from feature maps"))
