"""Maps averaged over small shifts of the picture."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from keras import ops

from core.explain.hires_cam import HiResCAM, scale

# Rows and columns by which a picture is moved, as shares of its side.
_STEP = 1 / 20
_MOVES = (-1, 0, 1)

Tensor = Any


class Shifted:
    """The mean of the maps of a picture and of its shifted copies.

    A layer has few cells, and where their edges fall in a picture is chance. In most
    shifted copies they fall elsewhere.

    Parameters
    ----------
    technique : HiResCAM
    size : int
        Side of the picture in pixels.

    Attributes
    ----------
    name, grids
        Those of the technique.

    Notes
    -----
    Source: Morbidelli et al., Augmented Grad-CAM: Heat-Maps Super Resolution Through
    Augmentation, ICASSP 2020. Departures: shifts alone, up or down, left or right and
    both, by about a twentieth of the side. The maps are averaged, in place of their
    optimization; each has 1 as its largest value, so all count alike. A copy is filled
    with the pixels at its edge, and each place gets the mean over the copies that show
    it.
    """

    def __init__(self, technique: HiResCAM, size: int) -> None:
        self._technique = technique
        self.name = technique.name
        self.grids = technique.grids
        places = np.arange(size)
        step = max(1, round(size * _STEP))
        moved = [places + step * move for move in _MOVES]
        back = [2 * places - there for there in moved]
        self._shifts = [
            (_Window(rows, columns), _Window(up, left))
            for (rows, up), (columns, left) in product(
                zip(moved, back, strict=True), repeat=2
            )
        ]
        self._shown = sum(home.inside for _, home in self._shifts)

    def __call__(self, pixels: Tensor, selection: Tensor) -> Tensor:
        """As ``Technique`` says."""
        copies = ops.concatenate([away.of(pixels) for away, _ in self._shifts])
        found = ops.split(self._technique(copies, selection), len(self._shifts))
        total = sum(
            home.of(maps) * home.inside
            for maps, (_, home) in zip(found, self._shifts, strict=True)
        )
        return scale(total / self._shown)


class _Window:
    """Rows and columns of a picture; one beyond the edge is the nearest inside.

    Parameters
    ----------
    rows, columns : int array, shape (size,)

    Attributes
    ----------
    inside : float32 array, shape (size, size)
        1 where row and column are the picture's own, else 0.
    """

    def __init__(self, rows: np.ndarray, columns: np.ndarray) -> None:
        last = len(rows) - 1
        self._rows, self._columns = np.clip(rows, 0, last), np.clip(columns, 0, last)
        self.inside = np.outer(rows == self._rows, columns == self._columns).astype(
            np.float32
        )

    def of(self, pictures: Tensor) -> Tensor:
        """The window of each picture, shape (n, size, size, ...)."""
        return ops.take(ops.take(pictures, self._rows, axis=1), self._columns, axis=2)
