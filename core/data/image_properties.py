"""How light, how sharp and how large pictures are: measured once, kept in the cache."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from core.data.cache import ImageCache, Progress, Render, build_image_cache, render_file
from core.data.cache_entries import (
    CACHE_VARIABLE,
    cache_root,
    describe_entry,
    new_entry,
    open_array,
)
from core.data.images import open_picture
from core.errors import DatasetError, ImageError
from core.language import gettext

BRIGHTNESS, SHARPNESS, SIZE = PROPERTIES = ("brightness", "sharpness", "size")
VERSION = 1
FILE = "properties.npy"
_CHUNK = 256
# Of red, green and blue in the brightness that is seen (ITU-R BT.601).
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_UNREADABLE = (
    *(ImageError, OSError, ValueError, SyntaxError),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)


def measure_images(
    paths: Mapping[str, str],
    side: int,
    *,
    render: Render = render_file,
    workers: int = 1,
    study: str = "",
    progress: Progress = lambda what, done, total: None,
) -> pd.DataFrame:
    """Measure pictures, or read what was measured before.

    Parameters
    ----------
    paths : mapping of str to str
        By image id, files or whatever ``render`` reads.
    side : int
        Pixels at which brightness and sharpness are measured.
    render, workers, study, progress
        As in ``cache.build_image_cache``.

    Returns
    -------
    DataFrame
        Indexed by ``image_id``: ``brightness``, the mean from 0 (black) to 1 (white);
        ``sharpness``, the standard deviation of the Laplacian of the brightness; and
        ``size``, the shorter side of the file's picture in pixels. NaN where a picture
        cannot be read, and for a size that no file tells.

    Raises
    ------
    DatasetError
        If over 1 % of the pictures cannot be read, or the cache cannot be written.

    Notes
    -----
    Sharpness by the Laplacian: Pech-Pacheco et al., ICPR 2000. A picture of one colour
    has sharpness 0.
    """
    files = list(paths.values())
    images = build_image_cache(
        files, side, render=render, workers=workers, study=study, progress=progress
    )
    key = f"{images.key}-{VERSION}"
    prepare = partial(_prepare, key=key, files=files, images=images, study=study)
    values = open_array("properties", key, FILE, prepare)
    index = pd.Index(list(paths), name="image_id", dtype="str")
    return pd.DataFrame(np.array(values), index=index, columns=list(PROPERTIES))


def _prepare(
    folder: Path, *, key: str, files: Sequence[str], images: ImageCache, study: str
) -> None:
    if not folder.is_dir():
        values = _measure(files, images)
        try:
            with new_entry("properties", key, needed_bytes=values.nbytes) as beside:
                if beside is not None:
                    np.save(beside / FILE, values, allow_pickle=False)
        except OSError as error:
            raise DatasetError(
                gettext(
                    "The cache could not be written: {why}.",
                    why=error.strerror or error,
                ),
                expected=gettext("room in {folder}.", folder=cache_root()),
                remedy=gettext(
                    "free some space, or set {cache_variable} to another place.",
                    cache_variable=CACHE_VARIABLE,
                ),
            ) from error
    describe_entry("properties", key, study=study, images=len(files))


def _measure(files: Sequence[str], images: ImageCache) -> NDArray[np.float32]:
    """Properties of every picture, shape (pictures, properties)."""
    values = np.full((len(files), len(PROPERTIES)), np.nan, np.float32)
    for start in range(0, len(files), _CHUNK):
        pixels = images.images[start : start + _CHUNK].astype(np.float32)
        luma = np.asarray(pixels @ _LUMA / 255, np.float32)
        values[start : start + _CHUNK, 0] = luma.mean(axis=(1, 2))
        values[start : start + _CHUNK, 1] = _laplacian(luma).std(axis=(1, 2))
    values[list(images.corrupt), :2] = np.nan
    values[:, 2] = [_shorter_side(file) for file in files]
    return values


def _laplacian(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum of the four neighbours less four times the pixel, inside the border."""
    across = luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
    down = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1]
    return np.asarray(across + down - 4 * luma[:, 1:-1, 1:-1])


def _shorter_side(file: str) -> float:
    """Pixels of a picture's shorter side, from its file's head; NaN without a file."""
    try:
        with Path(file).open("rb") as content:
            return float(min(open_picture(content, file).size))
    except _UNREADABLE:
        return np.nan
