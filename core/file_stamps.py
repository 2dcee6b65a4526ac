"""What stands for the content of a file: its path, time and size.

A page of a study with 55 runs asks two thousand times whether a file has changed. Each
look gives the interpreter away, and where ten other threads compute, it comes back
after many milliseconds. Inside ``one_visit`` a file is therefore looked at once.
"""

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
    """What stands for a file; None if it is not there.

    Parameters
    ----------
    file : Path
    anew : bool
        Whether to look again at a file that this visit has looked at.
    """
    looked = _looked.get(None)
    if looked is not None and not anew and file in looked:
        return looked[file]
    found = _look(file)
    if looked is not None:
        looked[file] = found
    return found


def stamps_of(files: Iterable[Path]) -> tuple[Stamp, ...]:
    """What stands for some files, without those that are not there."""
    return tuple(stamp for file in files if (stamp := stamp_of(file)) is not None)


def _look(file: Path) -> Stamp | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return str(file), found.st_mtime_ns, found.st_size
