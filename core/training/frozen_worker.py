"""The process that computes frozen layers.

Nothing here imports Keras at once: a process that is started for this loads it without
a word on stderr.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.study import Augmentation
from core.training.engine import load_engine

if TYPE_CHECKING:
    import keras

# All seeds and methods of a study share the variants. A run's own seed decides in which
# epoch it sees which variant.
VARIANTS_SEED = 0
BATCH = 64


class NotCachedError(Exception):
    """Frozen layers cannot be kept; the message is the reason, for the run's record."""


@dataclass(frozen=True)
class Piece:
    """A piece of the work.

    Parameters
    ----------
    start : int
        Its first row of the array.
    rows : int array
        Of the images.
    is_drawn : bool
        Whether the images are changed at random, or seen as they are.
    """

    start: int
    rows: NDArray[np.int64]
    is_drawn: bool


class Worker:
    """Fills pieces of the array.

    Parameters
    ----------
    prefix : keras.Model
        The frozen layers.
    augmentation : Augmentation
    pixels : uint8 array, shape (n, size, size, 3)
    path : Path
        File of the array.
    """

    def __init__(
        self,
        prefix: keras.Model,
        augmentation: Augmentation,
        pixels: NDArray[np.uint8],
        path: Path,
    ) -> None:
        from core.models.frozen_prefix import FrozenLayers

        self._plain = FrozenLayers(prefix)
        self._drawn = FrozenLayers(prefix, augmentation)
        self._pixels = pixels
        self._path = path

    def __call__(self, piece: Piece) -> int:
        """Fill a piece; return how many rows it has.

        Raises
        ------
        NotCachedError
            If a number does not fit into half precision.
        """
        start, rows = piece.start, piece.rows
        array = np.load(self._path, mmap_mode="r+")
        for first in range(0, len(rows), BATCH):
            batch = rows[first : first + BATCH]
            pixels = _padded(self._pixels[batch])
            layers = self._plain
            if piece.is_drawn:
                layers = self._drawn
                # Whichever process comes to this batch draws the same.
                layers.reseed(np.random.default_rng([VARIANTS_SEED, start + first]))
            found = layers.halves(pixels)[: len(batch)]
            if not np.isfinite(found).all():
                raise NotCachedError("their numbers do not fit into half precision")
            array[start + first : start + first + len(batch)] = found
        array.flush()
        return len(rows)


def _padded(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A whole batch, so that no network is compiled again."""
    missing = BATCH - len(pixels)
    return np.pad(pixels, ((0, missing), (0, 0), (0, 0), (0, 0)))


_worker: Worker | None = None


def begin(prefix: Path, augmentation: Augmentation, pixels: Path, path: Path) -> None:
    """Make the worker of a process.

    Parameters
    ----------
    prefix, pixels, path : Path
        Files of the frozen layers, the images and the array.
    augmentation : Augmentation
    """
    global _worker
    end_with_parent()
    load_engine()
    from core.models.saved import load_model

    images = np.load(pixels, mmap_mode="r")
    _worker = Worker(load_model(prefix), augmentation, images, path)


def work(piece: Piece) -> int:
    """Fill a piece in a process that has begun; return how many rows it has."""
    if _worker is None:
        raise RuntimeError("The process has not begun.")
    return _worker(piece)


def end_with_parent() -> None:
    """End this process when the one that started it is gone, even if it was killed."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
