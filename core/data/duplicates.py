"""Photos that are in a dataset more than once, and how far their labels differ.

Two copies of one photo were labelled twice: where their labels differ, at least one is
wrong. No error measured against these labels can be trusted below that difference.
"""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from core.data.cache import Progress
from core.data.images import decode_image
from core.data.picture_names import check_corrupt
from core.errors import ImageError
from core.language import N_
from core.tasks import Regression

HASH_BYTES = 32
SAME_PHOTO = "same_photo"
"""Part of a data report: the pairs of ids whose images show the same photo."""
FEW = 1_000
"""Pictures up to which other processes take longer to start than they save."""

Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class DuplicatePairs:
    """Pairs of rows that show the same photo.

    Parameters
    ----------
    pairs : int array, shape (pairs, 2)
        Row numbers, the lower first, sorted.
    rows : int
        Rows of the table that was searched.
    """

    pairs: NDArray[np.int64]
    rows: int

    def partners_of(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows that have a duplicate among the marked rows."""
        left, right = self.pairs.T
        return np.union1d(right[mask[left]], left[mask[right]])

    def without(self, rows: Sequence[int]) -> "DuplicatePairs":
        """The pairs in which none of the given rows is."""
        return DuplicatePairs(
            self.pairs[~np.isin(self.pairs, rows).any(axis=1)], self.rows
        )

    def spare_copies(
        self, mask: NDArray[np.bool_], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """All but one, drawn at random, of each group of duplicates among the marked.

        Drawn, since the first by name would be the one labelled youngest.
        """
        inside = self.pairs[mask[self.pairs].all(axis=1)]
        ones = np.ones(len(inside), dtype=np.int8)
        graph = coo_array((ones, inside.T), shape=(self.rows, self.rows))
        _, group = connected_components(graph, directed=False)
        order = rng.permutation(self.rows)
        _, first = np.unique(group[order], return_index=True)
        return np.setdiff1d(np.arange(self.rows), order[first])


def hash_images(
    paths: Sequence[str],
    *,
    workers: int = 2,
    progress: Progress = lambda what, done, total: None,
) -> tuple[NDArray[np.uint64], dict[int, str]]:
    """Perceptual hash of each picture.

    Returns
    -------
    hashes : uint64 array, shape (n, 4)
        256 bits each.
    corrupt : dict of int to str
        Rows that could not be decoded, with the reason; their hash says nothing.

    Raises
    ------
    DatasetError
        If over 1 % of the pictures are corrupt.

    Notes
    -----
    imagehash's ``phash(hash_size=16)``. Coarser hashes find duplicates everywhere
    among aligned faces.
    """
    hashes = np.zeros((len(paths), HASH_BYTES), dtype=np.uint8)
    corrupt: dict[int, str] = {}
    for row, found in enumerate(_hashed(paths, workers)):
        if isinstance(found, str):
            corrupt[row] = found
        else:
            hashes[row] = found
        if row % 256 == 255 or row + 1 == len(paths):
            progress(N_("Looking for near-duplicates"), row + 1, len(paths))
    check_corrupt(corrupt, paths)
    return hashes.view(np.uint64), corrupt


def _hashed(paths: Sequence[str], workers: int) -> Iterator[Bits | str]:
    if len(paths) <= FEW:
        yield from map(_hash_image, paths)
        return
    # Spawned, not forked: a fork of a process that runs TensorFlow can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(_hash_image, paths, chunksize=256)


def _hash_image(path: str) -> Bits | str:
    """The hash of a picture, or why it cannot be decoded."""
    import imagehash

    try:
        image = decode_image(Path(path))
    except ImageError as error:
        return error.problem
    return np.packbits(imagehash.phash(image, hash_size=16).hash)


def find_duplicates(hashes: NDArray[np.uint64], *, max_bits: int) -> DuplicatePairs:
    """Find all pairs whose hashes differ in at most ``max_bits`` bits.

    Parameters
    ----------
    hashes : uint64 array, shape (n, words)
    max_bits : int, at least 0

    Notes
    -----
    Exhaustive, in blocks of rows: n (n - 1) / 2 comparisons.
    """
    found = []
    for start in range(0, len(hashes), 256):
        block = hashes[start : start + 256]
        distance = np.zeros((len(block), len(hashes) - start), dtype=np.uint16)
        for word in range(hashes.shape[1]):
            difference = block[:, word, None] ^ hashes[None, start:, word]
            distance += np.bitwise_count(difference)
        left, right = np.nonzero(distance <= max_bits)
        keep = right > left
        found.append(np.stack([left[keep], right[keep]], axis=1) + start)
    empty = np.empty((0, 2), dtype=np.int64)
    return DuplicatePairs(np.concatenate([empty, *found]), len(hashes))


def describe_duplicates(
    duplicates: DuplicatePairs,
    manifest: pd.DataFrame,
    age: Regression,
    classes: Sequence[str],
) -> dict[str, object]:
    """How far the labels of one photo differ over its copies.

    Returns
    -------
    dict
        ``pairs``; ``label_noise`` with the mean, median and 90th percentile of the
        difference in ``age`` (in its unit) and, for each column of ``classes``, the
        share of pairs that disagree.
    """
    if not len(duplicates.pairs):
        return {"pairs": 0, "label_noise": {}}
    left, right = (manifest.iloc[rows] for rows in duplicates.pairs.T)
    gap = np.abs(left[age.name].to_numpy() - right[age.name].to_numpy())
    noise = {
        f"{age.name}_mean_difference": float(gap.mean()),
        f"{age.name}_median": float(np.median(gap)),
        f"{age.name}_p90": float(np.quantile(gap, 0.9)),
    }
    for name in classes:
        differs = left[name].to_numpy() != right[name].to_numpy()
        noise[f"{name}_disagreement"] = float(differs.mean())
    return {"pairs": len(duplicates.pairs), "label_noise": noise}
