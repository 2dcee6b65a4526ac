"""Pictures looked at one by one: which can be read, how large, and which are alike."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data.cache import Pixels, Progress
from core.data.duplicates import HASH_BYTES, DuplicatePairs, find_duplicates
from core.data.images import decode_image, open_picture, preprocess
from core.data.near_copies import SIDE
from core.errors import ImageError
from core.language import N_

LOOKING = N_("Looking at each picture")
MAX_BITS = 10
"""Bits of 256 in which the perceptual hashes of one photo differ at most."""
MOST_HASHED = 20_000
"""Pictures up to which every pair is compared, and not only those of other splits."""
SMALLEST_SIDE = 32
MAX_ASPECT = 4.0
_FEW = 1_500
_CHUNK = 64
# Twice the side of the squares that hashes are made of.
_DECODED_SIDE = 128


@dataclass(frozen=True)
class InspectedPictures:
    """What was seen of each picture, row by row.

    Parameters
    ----------
    squares : uint8 array, shape (n, 32, 32, 3)
        Black where a picture cannot be read.
    hashes : uint64 array, shape (n, 4)
        Perceptual hash; it says nothing where a picture cannot be read.
    sizes : int array, shape (n, 2)
        Width and height in pixels; 0 where it cannot be read.
    unreadable : dict of int to str
        Rows that cannot be read, with the reason.
    """

    squares: Pixels
    hashes: NDArray[np.uint64]
    sizes: NDArray[np.int64]
    unreadable: dict[int, str]

    def oddly_sized(self) -> NDArray[np.intp]:
        """Rows of pictures that are tiny, very long, or far smaller than the others.

        Notes
        -----
        A shorter side below 32 pixels or a quarter of the median, or a side more than
        four times the other.
        """
        short, long = self.sizes.min(axis=1), self.sizes.max(axis=1)
        known = short > 0
        if not known.any():
            return np.empty(0, np.intp)
        usual = float(np.median(short[known]))
        # Where all are small, a small one is not odd.
        least = max(min(SMALLEST_SIDE, usual), usual / 4)
        odd = (short < least) | (long > MAX_ASPECT * np.maximum(short, 1))
        return np.flatnonzero(known & odd)

    def alike(self) -> DuplicatePairs:
        """Pairs of rows that show one photo; of many pictures only exact copies."""
        good = np.ones(len(self.sizes), bool)
        good[list(self.unreadable)] = False
        # A picture of one colour has a hash, and shows nothing that could be compared.
        good &= self.squares.reshape(len(good), -1).std(axis=1) >= 1
        rows = np.flatnonzero(good)
        if len(rows) <= MOST_HASHED:
            found = find_duplicates(self.hashes[rows], max_bits=MAX_BITS).pairs
        else:
            found = _equal_rows(self.hashes[rows])
        return DuplicatePairs(rows[found].reshape(-1, 2), len(good))


def inspect_pictures(
    paths: Sequence[str],
    *,
    workers: int = 2,
    progress: Progress = lambda what, done, total: None,
) -> InspectedPictures:
    """Decode every picture once; damaged ones are named, and stop nothing.

    Parameters
    ----------
    paths : sequence of str
    workers : int
        Processes that decode many pictures; few are decoded in this one.
    progress : callable
        Called with what is done, how many, of how many.
    """
    squares = np.zeros((len(paths), SIDE, SIDE, 3), np.uint8)
    hashes = np.zeros((len(paths), HASH_BYTES), np.uint8)
    sizes = np.zeros((len(paths), 2), np.int64)
    unreadable: dict[int, str] = {}
    for row, seen in enumerate(_inspected(paths, workers)):
        if isinstance(seen, str):
            unreadable[row] = seen
        else:
            squares[row], hashes[row], sizes[row] = seen
        if row % _CHUNK == _CHUNK - 1 or row + 1 == len(paths):
            progress(LOOKING, row + 1, len(paths))
    return InspectedPictures(squares, hashes.view(np.uint64), sizes, unreadable)


_Seen = tuple[Pixels, NDArray[np.uint8], tuple[int, int]]


def _inspected(paths: Sequence[str], workers: int) -> Iterator[_Seen | str]:
    if len(paths) <= _FEW:
        yield from map(_inspect, paths)
        return
    # Spawned, not forked: a fork of a process that runs TensorFlow can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(_inspect, paths, chunksize=_CHUNK)


def _inspect(path: str) -> _Seen | str:
    """Square, hash and size of a picture, or why it cannot be read."""
    import imagehash

    try:
        image = decode_image(Path(path), at_least=_DECODED_SIDE)
        with Path(path).open("rb") as file:
            size = open_picture(file, path).size
    except ImageError as error:
        return error.problem
    bits = np.packbits(imagehash.phash(image, hash_size=16).hash)
    return preprocess(image, SIDE), bits, size


def _equal_rows(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Pairs of neighbours among rows with one hash."""
    order = np.lexsort(hashes.T[::-1])
    same = (hashes[order[1:]] == hashes[order[:-1]]).all(axis=1)
    pairs = np.stack([order[:-1][same], order[1:][same]], axis=1)
    return np.sort(pairs, axis=1).astype(np.int64)
