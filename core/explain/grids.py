"""Places of the cells of a feature map in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from core.explain.split_model import Opened


@dataclass(frozen=True)
class Axis:
    """The rows of a map, or its columns.

    Parameters
    ----------
    count : int
    first, step : float
        The pixel in the middle of the first cell, from 0, and the pixels from one
        cell to the next.
    reach : float
        Pixels that a cell can depend on, to each side of its middle.
    """

    count: int
    first: float
    step: float
    reach: float = field(default=0.0, compare=False)

    @classmethod
    def evenly(cls, count: int, size: int) -> Axis:
        """Cells that divide ``size`` pixels."""
        step = size / count
        return cls(count, (step - 1) / 2, step)

    @classmethod
    def around(cls, axes: Sequence[Axis]) -> Axis:
        """Cells that are sums or products of others: they depend on all of them."""
        low = min(axis.first - axis.reach for axis in axes)
        high = max(axis.first + axis.reach for axis in axes)
        return cls(axes[0].count, (low + high) / 2, axes[0].step, (high - low) / 2)

    def enlarging(self, size: int) -> NDArray[np.float32]:
        """Share of each cell in each pixel, shape (size, count).

        Linear between the middles of the cells; beyond the first and the last it is
        theirs alone. Rows sum to 1.
        """
        place = np.clip((np.arange(size) - self.first) / self.step, 0, self.count - 1)
        gap = np.abs(place[:, None] - np.arange(self.count))
        shares: NDArray[np.float32] = np.maximum(1 - gap, 0).astype(np.float32)
        return shares


@dataclass(frozen=True)
class Grid:
    """Places of the cells of a map."""

    rows: Axis
    columns: Axis

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows.count, self.columns.count

    @classmethod
    def evenly(cls, shape: tuple[int, int], size: int) -> Grid:
        """Cells that divide a picture of ``size`` x ``size`` pixels."""
        rows, columns = (Axis.evenly(count, size) for count in shape)
        return cls(rows, columns)


def find_grids(opened: Opened, size: int) -> dict[str, Grid]:
    """Places of the cells of every layer's maps, from the windows of the layers.

    Parameters
    ----------
    opened : Opened
    size : int
        Side of the pictures in pixels.

    Returns
    -------
    dict of str to Grid
        By name of the layer, for each whose output has rows and columns.

    Notes
    -----
    A cell lies in the middle of the pixels that it can depend on (its receptive field).
    If a convolution of stride 2 pads one side only, as Keras does at even sizes, they
    lie half a cell below and to the right of an even division of the picture. If a
    layer changes the size without a known window, its cells divide the input evenly.
    """
    grids = {id(opened.input): Grid.evenly(opened.input.shape[1:3], size)}
    by_name = {}
    for name, layer in opened.layers.items():
        made = opened.out_of[name]
        given = [
            grids[id(tensor)]
            for tensor in keras.tree.flatten(opened.into[name])
            if id(tensor) in grids
        ]
        if not given or len(getattr(made, "shape", ())) != 4:
            continue
        # If maps are summed with or multiplied by one number a channel, only the maps
        # count.
        largest = max(grid.shape for grid in given)
        maps = [grid for grid in given if grid.shape == largest]
        before = (
            Axis.around([grid.rows for grid in maps]),
            Axis.around([grid.columns for grid in maps]),
        )
        rows, columns = (
            _follow(layer, axis, number, made.shape[1 + number])
            for number, axis in enumerate(before)
        )
        grids[id(made)] = by_name[name] = Grid(rows, columns)
    return by_name


def _follow(layer: Any, axis: Axis, number: int, count: int) -> Axis:
    """One axis of a layer's output, from that of its input."""
    stride, wider = 1, 0.0
    if isinstance(layer, keras.layers.ZeroPadding2D):
        move = -float(layer.padding[number][0])
    elif isinstance(layer, keras.layers.Cropping2D):
        move = float(layer.cropping[number][0])
    elif (window := _window(layer)) is not None:
        stride = layer.strides[number]
        dilation = getattr(layer, "dilation_rate", (1, 1))[number]
        reach = (window[number] - 1) * dilation + 1
        missing = max((count - 1) * stride + reach - axis.count, 0)
        before = missing // 2 if layer.padding == "same" else 0
        wider = (reach - 1) / 2
        move = wider - before
    elif count == axis.count:
        return axis
    else:
        within = Axis.evenly(count, axis.count)
        first = axis.first + axis.step * within.first
        return Axis(count, first, axis.step * within.step, axis.reach)
    return Axis(
        count,
        axis.first + axis.step * move,
        axis.step * stride,
        axis.reach + axis.step * wider,
    )


def _window(layer: Any) -> tuple[int, int] | None:
    """Rows and columns that a cell of a convolution or of a pooling sees."""
    if not hasattr(layer, "strides") or not hasattr(layer, "padding"):
        return None
    return getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
