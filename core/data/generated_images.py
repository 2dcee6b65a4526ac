"""Images that a generator has drawn: in the cache, and a few of them to look at."""

import json
import shutil
import uuid
import weakref
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.data.cache_entries import (
    CACHE_VARIABLE,
    describe_entry,
    entry_folder,
    hold_entry,
    list_entries,
    make_room,
)
from core.errors import DatasetError
from core.language import gettext
from core.methods.generation import Between
from core.text import number

Pixels = NDArray[np.uint8]
IMAGES, BETWEEN, RECORD, SAMPLE = (
    "images.npy",
    "between.npz",
    "record.json",
    "generated.npz",
)
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)
class GeneratedImages:
    """The images that a generator has added to a study's training images.

    Parameters
    ----------
    images : uint8 array, shape (generated, size, size, 3)
        Memory-mapped.
    between : Between
        Which real ones each lies between, by their position among the training images.
    duration_s : float
        Seconds that the generator took, its training included.
    sample : Path
        A few of them with the real ones beside: see ``GeneratedSample``.
    """

    images: Pixels
    between: Between
    duration_s: float
    sample: Path


@dataclass(frozen=True)
class GeneratedSample:
    """A few generated images, and the real ones to hold them against.

    Parameters
    ----------
    images : uint8 array, shape (n, size, size, 3)
    classes : str array, shape (n,)
        Class of each.
    first_id, second_id : str array, shape (n,)
        The real images that each lies between.
    share : float array, shape (n,)
        Of the first.
    nearest_id : str array, shape (n,)
        The real training image that is nearest, of any class.
    distance : float array, shape (n,)
        How far that is: root of the mean squared difference of the pixels, in levels.
    real_distance : float array, shape (n,)
        Median distance of a real image of the class to the nearest other one.
    on : str array, shape (1,)
        What the classes are of.
    """

    images: Pixels
    classes: NDArray[np.str_]
    first_id: NDArray[np.str_]
    second_id: NDArray[np.str_]
    share: NDArray[np.float64]
    nearest_id: NDArray[np.str_]
    distance: NDArray[np.float64]
    real_distance: NDArray[np.float64]
    on: NDArray[np.str_]

    def write(self, path: Path) -> None:
        """Write it as one file."""
        np.savez_compressed(path, allow_pickle=False, **vars(self))

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read it; None where it is not there, or damaged."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                found = {each.name: stored[each.name] for each in fields(cls)}
        except _DAMAGED:
            return None
        rows = {len(values) for name, values in found.items() if name != "on"}
        return cls(**found) if len(rows) == 1 and len(found["on"]) == 1 else None


def open_generated(
    key: str,
    make: Callable[[], tuple[Pixels, Between, float, GeneratedSample]],
    *,
    study: str,
    expected_bytes: int,
) -> GeneratedImages:
    """Open generated images in the cache, making them first if they are not there.

    Parameters
    ----------
    key : str
        Hash of all that decides them.
    make : callable
        Gives the images, what each lies between, the seconds it took and a sample.
    study : str
        Which study asks for them, for the list of what is in the cache.
    expected_bytes : int
        What the images take.

    Raises
    ------
    DatasetError
        If they cannot be written.
    """
    folder = entry_folder("generated", key)
    lock = hold_entry("generated", key)
    try:
        if not (folder / SAMPLE).is_file():
            make_room(expected_bytes)
            _write(folder, *make())
        images = np.load(folder / IMAGES, mmap_mode="r")
        with np.load(folder / BETWEEN, allow_pickle=False) as stored:
            between = Between(*(stored[each.name] for each in fields(Between)))
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        describe_entry(
            "generated",
            key,
            study=study,
            images=len(images),
            side_pixels=images.shape[1],
        )
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    if lock is not None:
        # As long as a process maps the array, no process removes its file.
        weakref.finalize(images, lock.release)
    return GeneratedImages(images, between, record["duration_s"], folder / SAMPLE)


def _write(
    folder: Path,
    images: Pixels,
    between: Between,
    duration_s: float,
    sample: GeneratedSample,
) -> None:
    beside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        beside.mkdir(parents=True)
        np.save(beside / IMAGES, images, allow_pickle=False)
        np.savez(beside / BETWEEN, allow_pickle=False, **vars(between))
        sample.write(beside / SAMPLE)
        record: dict[str, Any] = {"duration_s": duration_s}
        (beside / RECORD).write_text(json.dumps(record), encoding="utf-8")
        if not folder.is_dir():
            beside.rename(folder)
    except OSError as error:
        raise DatasetError(
            gettext(
                "Generated images could not be written: {why}.",
                why=error.strerror or error,
            ),
            expected=gettext(
                "{size} MB in {parent}.",
                size=number(images.nbytes / 2**20, 0),
                parent=folder.parent,
            ),
            remedy=gettext(
                "free some space, or set {cache_variable} to another place.",
                cache_variable=CACHE_VARIABLE,
            ),
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def find_sample(study: str, on: str, runs: list[Path]) -> GeneratedSample | None:
    """The first sample of a study's generated images that is found.

    Parameters
    ----------
    study : str
    on : str
        Task or feature of their classes.
    runs : list of Path
        Folders of the study's runs: those of datasets that may be shown to anyone
        have one. The cache is looked into after them, what was used last first.

    Returns
    -------
    GeneratedSample or None
    """
    cached = [
        entry_folder("generated", entry.key)
        for entry in reversed(list_entries())
        if entry.kind == "generated" and study in entry.about.get("studies", ())
    ]
    samples = (GeneratedSample.read(each / SAMPLE) for each in (*runs, *cached))
    return next((each for each in samples if each and each.on[0] == on), None)
