"""Prepared pictures after every corruption, kept in the image cache."""

import hashlib

import numpy as np

from core.data.cache import IMAGES, KEY_LENGTH, ImageCache, Progress
from core.data.cache_entries import describe_entry, new_entry, open_array
from core.data.corruptions import CORRUPTED, corrupt
from core.language import N_

CORRUPTING = N_("Corrupting images")


def build_corrupted_images(
    plain: ImageCache,
    *,
    study: str = "",
    progress: Progress = lambda what, done, total: None,
) -> dict[str, ImageCache]:
    """Open the corrupted pictures of a cache, making them first if they are not there.

    Parameters
    ----------
    plain : ImageCache
        The pictures as they are.
    study : str
        Which study asks for them, for the list of what is in the cache.
    progress : callable
        Called with what is done, how many, of how many.

    Returns
    -------
    dict of str to ImageCache
        By change, such as "fog 3"; the rows are those of ``plain``.
    """
    count, side = plain.images.shape[:2]
    names = " ".join([plain.key, *CORRUPTED])
    key = f"{plain.key}-{hashlib.sha256(names.encode()).hexdigest()[:KEY_LENGTH]}"
    shape = (len(CORRUPTED), *plain.images.shape)

    def prepare(folder: object) -> None:
        with new_entry("images", key, needed_bytes=int(np.prod(shape))) as beside:
            if beside is None:
                return
            made = np.lib.format.open_memmap(
                beside / IMAGES, mode="w+", dtype=np.uint8, shape=shape
            )
            for place, change in enumerate(CORRUPTED):
                progress(CORRUPTING, place * count, len(CORRUPTED) * count)
                for row, pixels in enumerate(plain.images):
                    made[place, row] = corrupt(pixels, change)
            made.flush()
            progress(CORRUPTING, len(CORRUPTED) * count, len(CORRUPTED) * count)
        describe_entry(
            "images",
            key,
            study=study,
            images=len(CORRUPTED) * count,
            side_pixels=side,
        )

    made = open_array("images", key, IMAGES, prepare)
    return {
        change: ImageCache(made[place], plain.corrupt, f"{key}-{place}")
        for place, change in enumerate(CORRUPTED)
    }
