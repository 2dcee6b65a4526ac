"""Path, time and size of a file: if these are the same, so is its content.

A page of a study with 55 runs asks two thousand times whether a file has changed. Each
look gives the interpreter away, and where ten other threads compute, it comes back
after many milliseconds. Inside ``one_visit`` a file is therefore looked at once.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

Stamp = tuple[str, int, int]
"""Path, time of the last change in nanoseconds, and bytes."""

_looked: ContextVar[dict[Path, Stamp | None] | None] = ContextVar("looked")


@contextmanager
def one_visit() -> Iterator[None]:
    """Look at each file once inside the block; one within another changes nothing."""
    if _looked.get(None) is not None:
        yield
        return
    token = _looked.set({})
    try:
        yield
    finally:
        _looked.reset(token)


def stamp_of(file: Path, *, anew: bool = False) -> Stamp | None:
    """Path, time and size of a file.

    Parameters
    ----------
    file : Path
    anew : bool
        Whether to look again at a file that this visit has looked at.

    Returns
    -------
    Stamp or None
        None if the file is not there.
    """
    looked = _looked.get(None)
    if looked is not None and not anew and file in looked:
        return looked[file]
    found = _look(file)
    if looked is not None:
        looked[file] = found
    return found


def stamp_to_read(file: Path) -> Stamp:
    """Path, time and size of a file that is to be read now.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    """
    found = stamp_of(file, anew=True)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    return found


def stamps_of(files: Iterable[Path]) -> tuple[Stamp, ...]:
    """Path, time and size of some files, without those that are not there."""
    return tuple(stamp for file in files if (stamp := stamp_of(file)) is not None)


def _look(file: Path) -> Stamp | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return str(file), found.st_mtime_ns, found.st_size
