"""The image cache: decode and resize once, train many times."""

import hashlib
import json
import multiprocessing
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data.cache_entries import (
    CACHE_VARIABLE,
    cache_root,
    describe_entry,
    entry_folder,
    new_entry,
    open_array,
)
from core.data.file_fingerprints import (
    FACTS,
    Facts,
    add_digests,
    content_key,
    same_files,
    stat_files,
)
from core.data.images import load_preprocessed
from core.data.picture_names import BESIDE, check_corrupt
from core.errors import DatasetError, ImageError
from core.language import N_, gettext
from core.study import Fit, Resample
from core.text import number

# Raised whenever preprocessing changes: an older cache is then not found.
VERSION = 2
KEY_LENGTH = 16
CHUNK = 256
IMAGES, CORRUPT, FILES = "images.npy", "corrupt.json", "files.npy"

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
    key : str
        Equal for two that hold the same images, made alike.
    """

    images: Pixels
    corrupt: dict[int, str]
    key: str

    def usable(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The given rows without the corrupt ones."""
        return rows[~np.isin(rows, list(self.corrupt))]


def render_file(
    path: str,
    size: int,
    *,
    resample: Resample = "bicubic",
    fit: Fit = "crop",
    change: str = "",
) -> Pixels:
    """Read a picture from disk at the model's size."""
    return load_preprocessed(
        Path(path), size, resample=resample, fit=fit, change=change
    )


def build_image_cache(
    paths: Sequence[str],
    size: int,
    *,
    render: Render = render_file,
    workers: int = 2,
    study: str = "",
    progress: Progress = lambda what, done, total: None,
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
        Processes that decode; with 1 it is this one.
    study : str
        Which study asks for them, for the list of what is in the cache.
    progress : callable
        Called with what is done, how many, of how many.

    Raises
    ------
    DatasetError
        If over 1 % of the images are corrupt; the message names the first ones.
    """
    files = list(dict.fromkeys(path.partition(BESIDE)[0] for path in paths))
    names = _names_key(paths, size, render)
    facts = _look_at(files, names, progress)
    key = f"{names}-{hashlib.sha256(content_key(facts)).hexdigest()[:KEY_LENGTH]}"

    def prepare(folder: Path) -> None:
        if not folder.is_dir():
            _build(key, paths, facts, size, render, workers, progress)
        _keep_facts(folder, facts)
        describe_entry("images", key, study=study, images=len(paths), side_pixels=size)

    images = open_array("images", key, IMAGES, prepare)
    text = (entry_folder("images", key) / CORRUPT).read_text(encoding="utf-8")
    corrupt = {int(row): reason for row, reason in json.loads(text).items()}
    return ImageCache(images, corrupt, key)


def _names_key(paths: Sequence[str], size: int, render: Render) -> str:
    """Hash of the requested pictures, and of how they are rendered."""
    function = render.func if isinstance(render, partial) else render
    settings = repr(render.keywords) if isinstance(render, partial) else ""
    # The readers were modules of core.data when the first caches were made.
    module = function.__module__.replace("core.data.readers.", "core.data.")
    source = f"{module}.{function.__qualname__} {settings}"
    digest = hashlib.sha256(f"{VERSION} {size} {source}".encode())
    for path in paths:
        digest.update(f"\n{path}".encode(errors="surrogateescape"))
    return digest.hexdigest()[:KEY_LENGTH]


def _look_at(files: Sequence[str], names: str, progress: Progress) -> Facts:
    """Facts of the files as they are now.

    Files that were not written since an earlier call are not read.
    """
    facts = stat_files(files)
    known = [
        earlier
        for folder in entry_folder("images", names).parent.glob(f"{names}-*")
        if (earlier := _kept_facts(folder, len(files))) is not None
    ]
    add_digests(
        facts,
        files,
        known,
        progress=lambda done, total: progress(
            N_("Looking for changed pictures"), done, total
        ),
    )
    return facts


def _kept_facts(folder: Path, count: int) -> Facts | None:
    """The facts of the files that an entry was made of, if they are there."""
    try:
        facts: Facts = np.load(folder / FILES, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return facts if facts.dtype == FACTS and facts.shape == (count,) else None


def _keep_facts(folder: Path, facts: Facts) -> None:
    """Keep the newest facts with an entry: its files may only have been touched."""
    known = _kept_facts(folder, len(facts))
    if known is not None and same_files(known, facts).all():
        return
    beside = folder / f".{FILES}.{uuid.uuid4().hex[:8]}"
    try:
        with beside.open("wb") as file:
            np.save(file, facts, allow_pickle=False)
        beside.replace(folder / FILES)
    except OSError:  # they save reading the files again, and are no more than that
        beside.unlink(missing_ok=True)


def _build(
    key: str,
    paths: Sequence[str],
    facts: Facts,
    size: int,
    render: Render,
    workers: int,
    progress: Progress,
) -> None:
    needed = len(paths) * size**2 * 3
    what = N_("Preparing images")
    try:
        with new_entry(
            "images",
            key,
            needed_bytes=needed,
            waiting=lambda: progress(what, 0, len(paths)),
        ) as folder:
            if folder is None:
                return
            images = np.lib.format.open_memmap(
                folder / IMAGES,
                mode="w+",
                dtype=np.uint8,
                shape=(len(paths), size, size, 3),
            )
            corrupt: dict[int, str] = {}
            chunks = [paths[i : i + CHUNK] for i in range(0, len(paths), CHUNK)]
            done = 0
            for pixels, reasons in _render(chunks, size, render, workers):
                images[done : done + len(pixels)] = pixels
                corrupt |= {done + row: reason for row, reason in reasons.items()}
                done += len(pixels)
                progress(what, done, len(paths))
            images.flush()
            check_corrupt(corrupt, paths)
            (folder / CORRUPT).write_text(json.dumps(corrupt), encoding="utf-8")
            np.save(folder / FILES, facts, allow_pickle=False)
    except OSError as error:
        raise DatasetError(
            gettext(
                "The image cache could not be written: {why}.",
                why=error.strerror or error,
            ),
            expected=gettext(
                "{size} MB in {folder}.",
                size=number(needed / 2**20, 0),
                folder=cache_root() / "images",
            ),
            remedy=gettext(
                "free some space, or set {cache_variable} to another place.",
                cache_variable=CACHE_VARIABLE,
            ),
        ) from error


def _render(
    chunks: Sequence[Sequence[str]], size: int, render: Render, workers: int
) -> Iterator[tuple[Pixels, dict[int, str]]]:
    """Render images chunk by chunk, as ``render_chunk``."""
    work = partial(render_chunk, size=size, render=render)
    # One process decodes it, and this one is started already.
    if workers == 1 or len(chunks) == 1:
        yield from map(work, chunks)
        return
    # Spawned, not forked: a fork of a process that runs TensorFlow can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(work, chunks)


def render_chunk(
    paths: Sequence[str], *, size: int, render: Render
) -> tuple[Pixels, dict[int, str]]:
    """Render some images, also if some of them are damaged.

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
