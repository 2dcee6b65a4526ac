"""Names of pictures in messages: their place in the dataset."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from core.errors import DatasetError
from core.language import gettext
from core.text import percent

MAX_CORRUPT_SHARE = 0.01
NAMED = 3
# In a path, text after it tells the renderer where in the file to look.
BESIDE = "\t"


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
    if len(corrupt) <= MAX_CORRUPT_SHARE * len(paths):
        return
    first = sorted(corrupt)[:NAMED]
    names = picture_names([paths[row] for row in first], paths)
    said = (
        f"{name} {without_name(corrupt[row], name)}"
        for row, name in zip(first, names, strict=True)
    )
    raise DatasetError(
        gettext(
            "{n} of {total} images cannot be read: {problems}",
            n=len(corrupt),
            total=len(paths),
            problems=" ".join(said),
        ),
        expected=gettext(
            "at most {max_corrupt_share} corrupt images.",
            max_corrupt_share=percent(MAX_CORRUPT_SHARE),
        ),
        remedy=gettext("fetch the dataset again, or take these pictures out."),
    )


def picture_names(
    paths: Iterable[str], every_path: Iterable[str], root: Path | None = None
) -> list[str]:
    """Paths as seen from the folder of the dataset, with "/".

    Parameters
    ----------
    paths, every_path : iterable of str
        Those to be named, and all of the dataset.
    root : Path, optional
        The folder of the dataset; where it is not theirs, the one that all have in
        common.
    """
    files = [Path(path.partition(BESIDE)[0]) for path in paths]
    if root is None or not all(file.is_relative_to(root) for file in files):
        root = _common_folder(every_path)
    return [
        (file.relative_to(root) if root else Path(file.name)).as_posix()
        for file in files
    ]


def _common_folder(paths: Iterable[str]) -> Path | None:
    folders = {os.path.dirname(path.partition(BESIDE)[0]) for path in paths}  # noqa: PTH120 - a Path for each of 100,000 is slow
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # on several drives, or none at all
        return None


def without_name(reason: str, name: str) -> str:
    """The problem, without the file's name that it begins with."""
    return reason.removeprefix(name.rpartition("/")[2]).strip()
