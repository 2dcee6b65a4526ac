"""Results that outlive a process: what one has computed, the next one reads.

They lie in the cache, in one folder for each version of the program. They can always
be computed again, so a file that cannot be read or written is no error.
"""

import hashlib
import os
import pickle
import sys
import threading
import uuid
import zlib
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar, cast

from core.data.cache_entries import (
    Kind,
    describe_entry,
    entry_folder,
    hold_entry,
    list_entries,
    remove_entry,
)
from core.language import aside, language, listening

Result = TypeVar("Result")

LIMIT_BYTES = 500_000_000
"""Bytes of one version's results; beyond, those used longest ago are removed."""
_KIND: Kind = "results"
_LEFT = 0.8
_SOURCE = Path(__file__).resolve().parent
_SOURCES = {".py", ".po", ".toml", ".json"}
# Libraries that results are made of, or with.
_LIBRARIES = ("keras", "numpy", "pandas", "plotly", "pydantic", "scikit-learn", "scipy")
# Raised by reading a broken file, or one that names a class which has gone.
_UNREADABLE: tuple[type[Exception], ...] = (
    OSError,
    zlib.error,
    pickle.PickleError,
    EOFError,
    LookupError,
    AttributeError,
    ImportError,
    TypeError,
    ValueError,
)


class _Shelf:
    """The folder of this version's results, which may not grow without end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._size = sum(size for _, size, _ in self._files())

    def read(self, name: str) -> object:
        path = self.folder / name
        try:
            found = pickle.loads(zlib.decompress(path.read_bytes()))
            os.utime(path)
        except FileNotFoundError:
            return _ABSENT
        except _UNREADABLE:
            with suppress(OSError):
                path.unlink()
            return _ABSENT
        return cast(object, found)

    def write(self, name: str, result: object) -> None:
        try:
            content = zlib.compress(pickle.dumps(result, 5), 1)
        except (pickle.PickleError, TypeError, AttributeError):
            return
        beside = self.folder / f".{name}.{uuid.uuid4().hex[:8]}"
        try:
            beside.write_bytes(content)
            beside.replace(self.folder / name)
        except OSError:
            with suppress(OSError):
                beside.unlink()
            return
        with self._lock:
            self._size += len(content)
            if self._size > LIMIT_BYTES:
                self._tidy()

    def _tidy(self) -> None:
        """Remove the results that were used longest ago."""
        files = sorted(self._files())
        self._size = sum(size for _, size, _ in files)
        for _, size, path in files:
            if self._size <= _LEFT * LIMIT_BYTES:
                return
            with suppress(OSError):
                path.unlink()
            self._size -= size

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for path in self.folder.iterdir():
            with suppress(OSError):
                found = path.stat()
                yield found.st_mtime, found.st_size, path


# Stands for a result that is not kept.
_ABSENT = object()
_shelf: _Shelf | None = None


def keep_results() -> None:
    """Keep results on the disk from now on in this process, and read those kept.

    Results of other versions, which nothing can use any more, are removed. Where the
    cache cannot be written, nothing is kept.
    """
    global _shelf
    key = version_key()
    hold_entry(_KIND, key)
    for entry in list_entries():
        if entry.kind == _KIND and entry.key != key:
            remove_entry(entry)
    folder = entry_folder(_KIND, key)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        describe_entry(_KIND, key, version=version("equipoise"))
        _shelf = _Shelf(folder)
    except OSError:
        _shelf = None


def kept_in() -> Path | None:
    """The folder of this version's results; None where nothing is kept."""
    return None if _shelf is None else _shelf.folder.resolve()


def nowhere() -> bool:
    """Compute nothing in another process."""
    return False


def kept_or_computed(
    key: Hashable,
    compute: Callable[[], Result],
    computed_elsewhere: Callable[[], bool] = nowhere,
) -> Result:
    """What is kept under a key; else it is computed, and kept.

    What says something is kept for each language by itself.

    Parameters
    ----------
    key : hashable
        Names the result, and all that it depends on beside this version of the program;
        written the same in every process.
    compute : callable
    computed_elsewhere : callable
        Called first; True if another process has computed the result and kept it.
    """
    shelf = _shelf
    if shelf is None:
        return compute()
    name = hashlib.sha256(repr(key).encode()).hexdigest()
    with aside():
        spoken = f"{name}.{language()}"
    found = _read(shelf, name, spoken)
    if found is _ABSENT and computed_elsewhere():
        found = _read(shelf, name, spoken)
    if found is not _ABSENT:
        return cast(Result, found)
    with listening() as listener:
        computed = compute()
    shelf.write(spoken if listener.has_heard else name, computed)
    return computed


def _read(shelf: _Shelf, name: str, spoken: str) -> object:
    """Read a result that is kept for every language, or for the reader's."""
    found = shelf.read(name)
    if found is _ABSENT:
        found = shelf.read(spoken)
        if found is not _ABSENT:
            language()  # whoever listens learns that the result speaks
    return found


@cache
def version_key() -> str:
    """What stands for this version: all sources of ``core``, and the libraries."""
    found = hashlib.sha256(repr(sys.version_info).encode())
    for name in _LIBRARIES:
        found.update(f"{name} {version(name)}\n".encode())
    for path in sorted(_SOURCE.rglob("*")):
        if path.suffix in _SOURCES:
            found.update(str(path.relative_to(_SOURCE)).encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:32]
