"""The image cache: decode and resize once, train many times."""

import hashlib
import json
import multiprocessing
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data.archive import cache_root
from core.data.images import load_preprocessed
from core.errors import DatasetError, ImageError
from core.study import Fit, Resample

# Raised whenever preprocessing changes: an older cache is then not found.
VERSION = 1
# What follows it in a path is for the renderer: where in the file to look.
BESIDE = "\t"
MAX_CORRUPT_SHARE = 0.01
CHUNK = 256

Pixels = NDArray[np.uint8]
Render = Callable[[str, int], Pixels]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ImageCache:
    """A study's images as one array.

    Parameters
    ----------
    images : uint8 array, shape (n, size, size, 3)
        Memory-mapped; row i is the image of ``paths[i]`` it was built from.
    corrupt : mapping of int to str
        Rows that could not be decoded (they are black), with the reason.
    """

    images: Pixels
    corrupt: dict[int, str]

    def usable(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The given rows without the corrupt ones."""
        return rows[~np.isin(rows, list(self.corrupt))]


def render_file(
    path: str, size: int, *, resample: Resample = "bicubic", fit: Fit = "crop"
) -> Pixels:
    """Read a picture from disk at the model's size."""
    return load_preprocessed(Path(path), size, resample=resample, fit=fit)


def build_image_cache(
    paths: Sequence[str],
    size: int,
    *,
    render: Render = render_file,
    workers: int = 2,
    progress: Progress = lambda what, done, of: None,
) -> ImageCache:
    """Open the cache of these images, building it first if it is not there.

    Parameters
    ----------
    paths : sequence of str
        Files, or whatever ``render`` reads.
    size : int
        Side in pixels.
    render : callable
        ``(path, size) -> uint8 array, shape (size, size, 3)``; a function of a
        module, since other processes run it.
    workers : int
        Processes that decode.
    progress : callable
        Called with what is done, how many, of how many.

    Raises
    ------
    DatasetError
        If over 1 % of the images are corrupt; the message names the first ones.
    """
    folder = cache_root() / "images" / _key(paths, size, render)
    if not folder.is_dir():
        _build(folder, paths, size, render, workers, progress)
    corrupt = json.loads((folder / "corrupt.json").read_text(encoding="utf-8"))
    images = np.load(folder / "images.npy", mmap_mode="r")
    return ImageCache(images, {int(row): reason for row, reason in corrupt.items()})


def _key(paths: Sequence[str], size: int, render: Render) -> str:
    function = render.func if isinstance(render, partial) else render
    settings = repr(render.keywords) if isinstance(render, partial) else ""
    source = f"{function.__module__}.{function.__qualname__} {settings}"
    digest = hashlib.sha256(f"{VERSION} {size} {source}".encode())
    for path in paths:
        file = Path(path.partition(BESIDE)[0])
        length = file.stat().st_size if file.is_file() else 0
        digest.update(f"\n{path}\t{length}".encode())
    return digest.hexdigest()[:24]


def _build(
    folder: Path,
    paths: Sequence[str],
    size: int,
    render: Render,
    workers: int,
    progress: Progress,
) -> None:
    beside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    beside.mkdir(parents=True)
    corrupt: dict[int, str] = {}
    try:
        images = np.lib.format.open_memmap(
            beside / "images.npy",
            mode="w+",
            dtype=np.uint8,
            shape=(len(paths), size, size, 3),
        )
        chunks = [paths[i : i + CHUNK] for i in range(0, len(paths), CHUNK)]
        # Spawned, not forked: a fork of a process that runs TensorFlow can hang.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            results = pool.map(partial(render_chunk, size=size, render=render), chunks)
            done = 0
            for pixels, reasons in results:
                images[done : done + len(pixels)] = pixels
                corrupt |= {done + row: reason for row, reason in reasons.items()}
                done += len(pixels)
                progress("Preparing images", done, len(paths))
        images.flush()
        check_corrupt(corrupt, paths)
        (beside / "corrupt.json").write_text(json.dumps(corrupt), encoding="utf-8")
        if not folder.is_dir():
            beside.rename(folder)
    except OSError as error:
        raise DatasetError(
            f"The image cache could not be written: {error.strerror or error}.",
            expected=f"{len(paths) * size**2 * 3 / 2**20:.0f} MB in {folder.parent}.",
            remedy="free some space, or set EQUIPOISE_CACHE to another place.",
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def render_chunk(
    paths: Sequence[str], *, size: int, render: Render
) -> tuple[Pixels, dict[int, str]]:
    """Render some images, whatever some of them are.

    Parameters
    ----------
    paths : sequence of str
    size : int
        Side in pixels.
    render : callable
        As in ``build_image_cache``.

    Returns
    -------
    uint8 array, shape (n, size, size, 3)
        Black where an image cannot be decoded.
    dict of int to str
        Rows of these, with the reason.
    """
    pixels = np.zeros((len(paths), size, size, 3), dtype=np.uint8)
    reasons = {}
    for row, path in enumerate(paths):
        try:
            pixels[row] = render(path, size)
        except ImageError as error:
            reasons[row] = error.problem
    return pixels, reasons


def check_corrupt(corrupt: Mapping[int, str], paths: Sequence[str]) -> None:
    """Refuse a dataset of which too many pictures cannot be read.

    Parameters
    ----------
    corrupt : mapping of int to str
        Rows of ``paths`` that could not be decoded, with the reason.
    paths : sequence of str

    Raises
    ------
    DatasetError
        If they are over 1 %; the message names the first ones.
    """
    if len(corrupt) > MAX_CORRUPT_SHARE * len(paths):
        raise DatasetError(
            f"{len(corrupt)} of {len(paths)} images cannot be read: "
            + " ".join(list(corrupt.values())[:3]),
            expected=f"at most {MAX_CORRUPT_SHARE:.0%} corrupt images.",
            remedy="fetch the dataset again.",
        )
