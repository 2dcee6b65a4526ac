"""Near-copies: images of one split that show the same photo as one of another split.

A model that was trained on a copy of a test image already knows its label. So every
dataset with pictures is searched, and its report says how many there are.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.fft import dctn

from core.data.cache import (
    Pixels,
    Progress,
    Render,
    build_image_cache,
    render_chunk,
)
from core.data.long_tail import imbalance_ratio
from core.data.manifest import (
    LEFT_OUT,
    TEST,
    TRAINING,
    VALIDATION,
    LoadedDataset,
    summarise_split,
)
from core.data.picture_names import check_corrupt
from core.errors import DatasetError
from core.language import N_, gettext
from core.tasks import Regression
from core.text import percent

SIDE = 32
"""Side in pixels of the squares that are compared."""
FEW = 256
"""Pictures up to which they are read here, and not through the image cache."""
LEAST = 0.7
"""Similarity below which two pictures are not near-copies."""
SURE = 0.97
"""Similarity from which on they are."""
NEIGHBOUR, RATIO = 10, 0.4
"""In between, a near-copy has at most this ratio of the distance of that neighbour."""
COMPARED = ((TEST, TRAINING), (VALIDATION, TRAINING), (TEST, VALIDATION))
"""Splits whose images are looked up, and the split that is searched."""
REPORT = "near_copies"
"""The table of a data report that holds them."""
REMOVED = N_("near-copy of a test or validation image")
SEARCHING = N_("Looking for near-copies")
READING = N_("Reading pictures to compare")

_LUMINANCE, _COLOUR = 12, 6
# JPEG's: luminance, and its differences to blue and to red.
_YCC = np.array(
    [[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]], np.float32
)
# Standard deviation in grey levels below which a picture shows nothing to compare.
_FLAT = 1.0
_BLOCK_VALUES = 2**23
_CHUNK = 1024

Features = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class NearCopies:
    """Near-copies between the splits of a dataset.

    Parameters
    ----------
    pairs : mapping of (str, str) to int array, shape (pairs, 2)
        By the split of the images and the split of their copies: row of an image,
        row of its copy.
    images : mapping of (str, str) to int
        Images of the first split that were looked up in the second.
    """

    pairs: Mapping[tuple[str, str], Rows]
    images: Mapping[tuple[str, str], int]

    @property
    def training_rows(self) -> Rows:
        """Training images that are copies of a test or a validation image."""
        found = [
            rows[:, 1]
            for (_, reference), rows in self.pairs.items()
            if reference == TRAINING
        ]
        return np.unique(np.concatenate([np.empty(0, np.int64), *found]))

    def as_dict(self) -> dict[str, Any]:
        """Counts and shares for the data report."""
        return {
            f"{searched}_in_{reference}": {
                "images": self.images[searched, reference],
                "with_a_copy": len(np.unique(rows[:, 0])),
                "share": len(np.unique(rows[:, 0]))
                / max(1, self.images[searched, reference]),
            }
            for (searched, reference), rows in self.pairs.items()
        }


def search_near_copies(
    manifest: pd.DataFrame,
    render: Render,
    *,
    progress: Progress = lambda what, done, total: None,
) -> NearCopies:
    """Look for near-copies of test and validation images in the other splits.

    Parameters
    ----------
    manifest : DataFrame
        With ``path`` and ``split``; rows left out are not looked at.
    render : callable
        ``(path, size) -> uint8 array, shape (size, size, 3)``.
    progress : callable
        Called with what is done, how many, of how many.

    Returns
    -------
    NearCopies
        Its rows are positions in ``manifest``.

    Raises
    ------
    DatasetError
        If over 1 % of the pictures are corrupt.

    Notes
    -----
    Two pictures have a similarity, from -1 to 1: see ``describe_pictures``. They are
    near-copies if it is ``SURE``; or if it is at least ``LEAST`` and the distance 1 -
    similarity is at most ``RATIO`` of that of the image to its tenth neighbour in the
    other split. The second condition separates pictures that are all similar, such as
    aligned faces. Mirrored copies count too.

    Measured on CIFAR-10's 10,000 test and 50,000 training images, in JPEG: 275 test
    images (2.8 %) have a near-copy, and of 120 pairs drawn at random all showed the
    same photo by eye, and so did all but a few of the 96 least similar ones. Of the 286
    pairs that Barz and Denzler list ("Do we train on test data?", 2020; 3.3 % of the
    test images) it finds 152: the others are shifted, cut or only very similar. So the
    count is a lower bound. On UTKFace it finds all pairs but three that a 256-bit
    perceptual hash finds, and, of a quarter of the photos looked up in the others, 43
    more, all of them right by eye: mirrored, recoloured or turned. The hash suits
    photos of 200 pixels, but no single threshold suits both pictures of 32 pixels and
    aligned faces. Drawn pictures are never copies: matches among them are look-alikes
    (8 of 1,000 avatars).
    """
    split = manifest["split"].to_numpy(object)
    used = np.flatnonzero(np.isin(split.astype(str), [TRAINING, VALIDATION, TEST]))
    pixels, corrupt = _read(manifest["path"].iloc[used].tolist(), render, progress)
    return compare_squares(split, used, pixels, corrupt, progress=progress)


def compare_squares(
    split: NDArray[np.object_],
    used: Rows,
    pixels: Pixels,
    corrupt: Collection[int],
    *,
    progress: Progress = lambda what, done, total: None,
) -> NearCopies:
    """Compare pictures that are read already, as ``search_near_copies`` does.

    Parameters
    ----------
    split : array of str, shape (n,)
    used : int array, shape (m,)
        Rows of ``split`` that are compared.
    pixels : uint8 array, shape (m, 32, 32, 3)
        Of these rows.
    corrupt : collection of int
        Places in ``used`` of pictures that could not be read.
    progress : callable
    """
    good = np.ones(len(used), dtype=bool)
    good[list(corrupt)] = False
    coefficients = _transform(pixels)
    good &= _contrast(coefficients) >= _FLAT
    used, coefficients = used[good], coefficients[good]
    plain, mirrored = describe_pictures(coefficients)
    wanted = [
        (searched, reference)
        for searched, reference in COMPARED
        if all((split[used] == name).any() for name in (searched, reference))
    ]
    total = sum(int((split[used] == searched).sum()) for searched, _ in wanted)
    pairs, images, done = {}, {}, 0
    for searched, reference in wanted:
        here, there = (
            np.flatnonzero(split[used] == name) for name in (searched, reference)
        )
        found = []
        for block in _blocks(here, len(there)):
            close = _close(plain[block], mirrored[block], plain[there])
            found.append(np.stack([used[block[close[0]]], used[there[close[1]]]], 1))
            done += len(block)
            progress(SEARCHING, done, total)
        pairs[searched, reference], images[searched, reference] = (
            np.concatenate(found),
            len(here),
        )
    return NearCopies(pairs, images)


def describe_pictures(coefficients: Features) -> tuple[Features, Features]:
    """Describe pictures so that the product of two descriptions is their similarity.

    Parameters
    ----------
    coefficients : float32 array, shape (n, 215)
        The lowest frequencies of each picture: 12 x 12 of luminance without the mean,
        6 x 6 of each of two colour differences.

    Returns
    -------
    plain, mirrored : float32 array, shape (n, 215)
        Of each picture, and of its mirror image; each row of length 1, or 0 where a
        picture differs in nothing from the mean.

    Notes
    -----
    Each coefficient is standardised over the pictures, so that features shared by all
    (the sky above, the place of the eyes) have no effect; then its square root is
    taken, with its sign, so that no single one decides.
    """
    if not len(coefficients):
        nothing = np.zeros(coefficients.shape, np.float32)
        return nothing, nothing
    mean, spread = coefficients.mean(axis=0), coefficients.std(axis=0)
    scale = np.where(spread > 1e-3, 1 / np.maximum(spread, 1e-3), 0)
    plain, mirrored = (
        _unit((each - mean) * scale) for each in (coefficients, coefficients * _MIRROR)
    )
    return plain, mirrored


def report_near_copies(
    loaded: LoadedDataset,
    render: Render,
    *,
    remove: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> LoadedDataset:
    """Add the near-copies of a dataset to its report; leave them out if asked to.

    Parameters
    ----------
    loaded : LoadedDataset
    render, progress : callable
        As for ``search_near_copies``.
    remove : bool
        Leave out training images that are near-copies of a test or validation image.

    Raises
    ------
    DatasetError
        If over 1 % of the pictures are corrupt, or if a class loses its last training
        image.
    """
    copies = search_near_copies(loaded.manifest, render, progress=progress)
    rows = copies.training_rows if remove else np.empty(0, np.int64)
    found = {
        "least_similarity": LEAST,
        "most_of_the_distance_to_the_tenth": RATIO,
        "removed_from_training": len(rows),
        **copies.as_dict(),
    }
    if not len(rows):
        return replace(loaded, report={**loaded.report, REPORT: found})
    manifest = loaded.manifest.copy()
    place = manifest.columns.get_loc("split")
    manifest.iloc[rows, place] = LEFT_OUT
    _check_classes(loaded, manifest)
    report = {**loaded.report, **_recount(loaded, manifest, len(rows)), REPORT: found}
    return replace(loaded, manifest=manifest, report=report)


def say_near_copies(report: Mapping[str, Any], *, drawn: bool = False) -> str:
    """Near-copies between the splits, in words.

    Parameters
    ----------
    report : mapping
        The data report of a study.
    drawn : bool
        Whether a program drew the pictures: none is then a copy.

    Returns
    -------
    str
        Empty if they were not looked for.
    """
    found = _table(report, REPORT)
    parts = [
        gettext(
            "{n} of {total} {searched} images ({share}) in {reference}",
            n=table["with_a_copy"],
            total=table["images"],
            searched=gettext(searched),
            share=percent(table["share"], 1),
            reference=gettext(reference),
        )
        for searched, reference in COMPARED
        if (table := _table(found, f"{searched}_in_{reference}"))
    ]
    if not parts:
        return ""
    removed = found.get("removed_from_training", 0)
    ending = (
        gettext("The study leaves these {n} training images out.", n=removed)
        if removed
        else gettext(
            "They are kept: remove_copies = true under [dataset] options leaves the "
            "training images out."
        )
    )
    found_there = gettext("; ").join(parts)
    if drawn:
        said = gettext(
            "Look-alikes: {parts}. A program drew each of these pictures by itself, so "
            "none is a copy.",
            parts=found_there,
        )
    else:
        said = gettext("Near-copies found, at least: {parts}.", parts=found_there)
    return f"{said} {ending}"


def _check_classes(loaded: LoadedDataset, manifest: pd.DataFrame) -> None:
    before, after = (
        table[table["split"] == TRAINING] for table in (loaded.manifest, manifest)
    )
    for task in loaded.info.tasks:
        if isinstance(task, Regression):
            continue
        gone = sorted(set(before[task.name]) - set(after[task.name]))
        if gone:
            raise DatasetError(
                gettext(
                    "All training images of '{label}' are near-copies of test or "
                    "validation images.",
                    label=gone[0],
                ),
                expected=gettext("some of each class that are not."),
                remedy=gettext("set remove_copies = false under [dataset] options."),
            )


def _recount(
    loaded: LoadedDataset, manifest: pd.DataFrame, removed: int
) -> dict[str, object]:
    """The parts of a data report that change when training images are left out."""
    now = summarise_split(manifest)
    before, after = (dict(_table(report, "counts")) for report in (loaded.report, now))
    after.update(found=before.get("found"), malformed=before.get("malformed"))
    after["left_out_by"] = {**_table(before, "left_out_by"), REMOVED: removed}
    changed = {**now, "counts": after}
    label = loaded.info.tasks[0].name
    sizes = manifest.loc[manifest["split"] == TRAINING, label].value_counts()
    if tail := _table(loaded.report, "long_tail"):
        realised = imbalance_ratio(sizes.to_numpy())
        changed["long_tail"] = {**tail, "realised_ratio": realised}
    used = manifest.loc[manifest["split"] != LEFT_OUT, label].value_counts()
    for name in ("classes", "breeds"):
        if table := _table(loaded.report, name):
            largest, smallest = int(used.max()), int(used.min())
            images = {
                "images_of_the_largest": largest,
                "images_of_the_smallest": smallest,
            }
            changed[name] = {**table, **images}
    return changed


def _table(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table of a report; empty where there is none."""
    found = report.get(name)
    return found if isinstance(found, Mapping) else {}


def _read(
    paths: Sequence[str], render: Render, progress: Progress
) -> tuple[Pixels, Mapping[int, str]]:
    """The pictures as small squares, and the rows that cannot be read."""
    if len(paths) <= FEW:
        pixels, corrupt = render_chunk(paths, size=SIDE, render=render)
        check_corrupt(corrupt, paths)
        return pixels, corrupt
    cache = build_image_cache(
        paths,
        SIDE,
        render=render,
        progress=lambda what, done, total: progress(READING, done, total),
    )
    return cache.images, cache.corrupt


def _transform(pixels: Pixels) -> Features:
    """Lowest frequencies of each picture, as ``describe_pictures`` takes them."""
    parts = [np.empty((0, len(_MIRROR)), np.float32)]
    for start in range(0, len(pixels), _CHUNK):
        colours = pixels[start : start + _CHUNK].astype(np.float32) @ _YCC.T
        waves = dctn(colours, axes=(1, 2), norm="ortho")
        light = waves[:, :_LUMINANCE, :_LUMINANCE, 0].reshape(len(waves), -1)[:, 1:]
        blue, red = (
            waves[:, :_COLOUR, :_COLOUR, channel].reshape(len(waves), -1)
            for channel in (1, 2)
        )
        parts.append(np.concatenate([light, blue, red], axis=1))
    return np.concatenate(parts)


def _mirror() -> Features:
    """The sign of each coefficient after mirroring: odd waves across change theirs."""
    signs = [
        np.tile(np.where(np.arange(side) % 2, -1, 1), side)
        for side in (_LUMINANCE, _COLOUR, _COLOUR)
    ]
    return np.concatenate([signs[0][1:], *signs[1:]]).astype(np.float32)


_MIRROR = _mirror()


def _contrast(coefficients: Features) -> NDArray[np.float32]:
    """Standard deviation of the luminance that is described, in grey levels."""
    light = coefficients[:, : _LUMINANCE**2 - 1]
    length: NDArray[np.float32] = np.linalg.norm(light, axis=1) / SIDE
    return length


def _unit(values: Features) -> Features:
    rooted = np.sign(values) * np.sqrt(np.abs(values))
    length = np.linalg.norm(rooted, axis=1, keepdims=True)
    scaled: Features = (rooted / np.maximum(length, 1e-6)).astype(np.float32)
    return scaled


def _blocks(rows: Rows, others: int) -> list[Rows]:
    """The rows in blocks whose similarities to the others fit into memory."""
    size = max(1, _BLOCK_VALUES // others)
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _close(
    plain: Features, mirrored: Features, others: Features
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places of near-copies: in the block, and among the others."""
    similar = np.maximum(plain @ others.T, mirrored @ others.T)
    rank = min(NEIGHBOUR, similar.shape[1])
    tenth = np.partition(similar, -rank, axis=1)[:, [-rank]]
    near = (similar >= LEAST) & (1 - similar <= RATIO * (1 - tenth))
    block, other = np.nonzero(near | (similar >= SURE))
    return block, other
