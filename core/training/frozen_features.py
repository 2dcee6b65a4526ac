"""Outputs of frozen layers for a study's images: computed once, read at every step."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from core.data.batches import Rows
from core.data.cache import KEY_LENGTH, ImageCache, Progress
from core.data.cache_entries import (
    cache_limit_bytes,
    cache_root,
    describe_entry,
    new_entry,
    open_array,
)
from core.language import N_
from core.models.frozen_prefix import Cut, FrozenLayers
from core.study import Augmentation
from core.training.frozen_worker import (
    BATCH,
    VARIANTS_SEED,
    NotCachedError,
    Piece,
    Worker,
    begin,
    work,
)

# Raised whenever the way they are computed changes: an older entry is not found then.
VERSION = 1
FEATURES, PREFIX = "features.npy", "prefix.keras"
WHAT = N_("Computing frozen layers")
# Batches in one piece of work for a process.
BATCHES = 16
# A process takes some seconds to load Keras: one more is worth it for so many images.
IMAGES_A_PROCESS = 8192
# Part of the seeds of random numbers, beside a run's own seed and the epoch.
_STREAM = 1


@dataclass(frozen=True)
class Wanted:
    """The work to be computed, row by row of the array.

    Parameters
    ----------
    images : ImageCache
    plain, training : int array
        Rows of the images that are seen as they are, and in variants.
    variants : int, at least 1
        Of each training image.
    augmentation : Augmentation
    """

    images: ImageCache
    plain: Rows
    training: Rows
    variants: int
    augmentation: Augmentation

    @property
    def count(self) -> int:
        """Rows of the array."""
        return len(self.plain) + self.variants * len(self.training)

    def key(self, cut: Cut) -> str:
        """Hash of all that decides the numbers."""
        rows = hashlib.sha256(self.plain.tobytes() + b"|" + self.training.tobytes())
        parts = [
            VERSION,
            VARIANTS_SEED,
            cut.fingerprint(),
            self.images.key,
            rows.hexdigest(),
            self.variants,
            self.augmentation.model_dump(),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:KEY_LENGTH]

    def pieces(self) -> list[Piece]:
        """All of the array, in pieces of work."""
        size = BATCH * BATCHES
        found, start = [], 0
        for rows in (self.plain, *[self.training] * self.variants):
            is_plain = start == 0 and rows is self.plain
            for first in range(0, len(rows), size):
                part = rows[first : first + size]
                found.append(Piece(start + first, part, is_drawn=not is_plain))
            start += len(rows)
        return found


@dataclass(frozen=True)
class FrozenFeatures:
    """Outputs of frozen layers for the images of a study, as training reads them.

    Parameters
    ----------
    array : float16 array, shape (rows, ...)
        Memory-mapped: first the images that are seen as they are, then all training
        images in the first variant, in the second, and so on.
    plain, training : int array
        Rows of the study's images that these are, in their order.
    variants : int
        Of each training image.
    computed_s : float
        Seconds that it took to compute them; 0 where they were there.
    """

    array: NDArray[np.float16]
    plain: Rows
    training: Rows
    variants: int
    computed_s: float

    def plain_places(self, epoch: int, rows: Rows) -> Rows:
        """Rows of the array for images without random changes."""
        return _places_among(self.plain, rows)

    def drawn_places(self, seed: int) -> Callable[[int, Rows], Rows]:
        """Rows of the array for the training images of an epoch, in random variants."""

        def places(epoch: int, rows: Rows) -> Rows:
            rng = np.random.default_rng([seed, epoch, _STREAM])
            variant = rng.integers(self.variants, size=len(rows))
            among = _places_among(self.training, rows)
            return len(self.plain) + variant * len(self.training) + among

        return places


def open_frozen_features(
    cut: Cut,
    images: ImageCache,
    *,
    plain: Rows,
    training: Rows,
    augmentation: Augmentation,
    variants: int,
    study: str = "",
    backbone: str = "",
    progress: Progress = lambda what, done, total: None,
) -> FrozenFeatures:
    """Map the outputs of a backbone's frozen layers, computing them if needed.

    Parameters
    ----------
    cut : Cut
    images : ImageCache
    plain, training : int array
        Rows of the images that are wanted as they are (validation), and in variants.
    augmentation : Augmentation
        The study's.
    variants : int, at least 1
        Number for each training image: 1 is enough without random changes.
    study, backbone : str
        For the list of what is in the cache.
    progress : callable
        Called with what is done, how many, of how many.

    Raises
    ------
    NotCachedError
        If there is no room for it, the cache cannot be written, or the numbers do not
        fit into half precision.
    """
    variants = _variants(cut, augmentation, variants)
    wanted = Wanted(images, plain, training, variants, augmentation)
    key, began = wanted.key(cut), time.perf_counter()
    spent = 0.0

    def prepare(folder: Path) -> None:
        nonlocal spent
        if not folder.is_dir():
            _build(key, cut, wanted, progress)
            spent = time.perf_counter() - began
        describe_entry(
            "features",
            key,
            study=study,
            images=len(plain) + len(training),
            side_pixels=images.images.shape[1],
            variants=variants,
            backbone=backbone,
        )

    array = open_array("features", key, FEATURES, prepare)
    return FrozenFeatures(array, plain, training, variants, spent)


def sample_frozen_features(
    cut: Cut,
    images: ImageCache,
    *,
    plain: Rows,
    training: Rows,
    augmentation: Augmentation,
    variants: int,
    **_: object,
) -> FrozenFeatures:
    """Features of the right shape that hold nothing, to time the steps with.

    Parameters
    ----------
    cut, images, plain, training, augmentation, variants
        As ``open_frozen_features`` takes them.

    Returns
    -------
    FrozenFeatures
        Its ``computed_s`` is how long the real ones would take one process, measured
        on two batches.
    """
    variants = _variants(cut, augmentation, variants)
    wanted = Wanted(images, plain, training, variants, augmentation)
    layers = FrozenLayers(cut.prefix, augmentation)
    pixels = images.images[training[:BATCH]]
    layers.predict_on_batch(pixels)
    began = time.perf_counter()
    for _try in range(2):
        layers.predict_on_batch(pixels)
    seconds = (time.perf_counter() - began) / 2 / len(pixels)
    array = np.broadcast_to(np.zeros(cut.shape, np.float16), (wanted.count, *cut.shape))
    return FrozenFeatures(array, plain, training, variants, seconds * wanted.count)


def _variants(cut: Cut, augmentation: Augmentation, variants: int) -> int:
    """Without anything random, all variants are the same."""
    is_random = augmentation != Augmentation() or cut.has_dropout()
    return variants if is_random else 1


def _places_among(all_rows: Rows, rows: Rows) -> Rows:
    """Place of each given row among all, which are sorted."""
    return np.searchsorted(all_rows, rows)


def _build(key: str, cut: Cut, wanted: Wanted, progress: Progress) -> None:
    shape = (wanted.count, *cut.shape)
    needed = prod(shape) * np.dtype(np.float16).itemsize
    _check_room(needed)
    try:
        with new_entry(
            "features",
            key,
            needed_bytes=needed,
            waiting=lambda: progress(WHAT, 0, wanted.count),
        ) as folder:
            if folder is None:
                return
            path = folder / FEATURES
            _allocate(path, shape)
            done = 0
            for count in _compute(cut, wanted, path):
                done += count
                progress(WHAT, done, wanted.count)
    except OSError as error:
        raise NotCachedError(
            f"the cache in {cache_root()} could not be written "
            f"({error.strerror or error})"
        ) from error


def _allocate(path: Path, shape: tuple[int, ...]) -> None:
    """Make the array, and reserve its room on the disk if the system can.

    Written into a file with holes, a full disk would end the process without a word.
    """
    np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape).flush()
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _check_room(needed: int) -> None:
    limit = cache_limit_bytes()
    place = cache_root()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if needed > min(limit, free):
        raise NotCachedError(
            f"they would take {needed / 1e9:.1f} GB, and there is room for "
            f"{min(limit, free) / 1e9:.1f} GB"
        )


def _compute(cut: Cut, wanted: Wanted, path: Path) -> Iterator[int]:
    """Fill the array, piece by piece; yield how many rows of it each has filled."""
    pieces = wanted.pieces()
    pixels = wanted.images.images
    # The file of the images for other processes; in tests the images may be only in
    # memory.
    file = getattr(pixels, "filename", None)
    processes = _processes(wanted.count) if file else 1
    if processes == 1:
        worker = Worker(cut.prefix, wanted.augmentation, pixels, path)
        yield from map(worker, pieces)
        return
    with _saved(cut.prefix) as prefix:
        # Spawned, not forked: a fork of a process that runs TensorFlow can hang.
        context = multiprocessing.get_context("spawn")
        given = (prefix, wanted.augmentation, Path(str(file)), path)
        with ProcessPoolExecutor(
            processes, mp_context=context, initializer=begin, initargs=given
        ) as pool:
            try:
                yield from pool.map(work, pieces)
            except BrokenProcessPool as error:
                reason = "a process that computed them was ended from outside"
                raise NotCachedError(reason) from error


def _processes(images: int) -> int:
    """How many processes compute; one where an accelerator does."""
    if keras.distribution.list_devices("gpu") or keras.distribution.list_devices("tpu"):
        return 1
    return max(1, min(os.cpu_count() or 1, images // IMAGES_A_PROCESS))


@contextmanager
def _saved(prefix: keras.Model) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PREFIX
        prefix.save(path)
        yield path
