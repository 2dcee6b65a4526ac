"""Entries of the cache: their list, the size limit, and which are removed first.

An entry is the array of a study's images, of images that a generator has added to them,
what frozen layers make of them, an unpacked archive, or results of pages. A process
that uses one holds a shared lock on it, so that no other removes it; the time of the
lock's file is that of the last use.
"""

import json
import os
import shutil
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from core.errors import EquipoiseError
from core.language import gettext, in_form
from core.locks import Lock, take_lock
from core.stores import CACHE_VARIABLE as CACHE_VARIABLE
from core.stores import cache_root as cache_root

LIMIT_VARIABLE = "EQUIPOISE_CACHE_GB"
DEFAULT_LIMIT_GB = 20.0
GB = 10**9
Kind = Literal["images", "features", "generated", "unpacked", "properties", "results"]
# Locks and descriptions of the entries are beside them: an archive's folder is its own.
_USES = "uses"
# How often a process looks whether another has built what it waits for.
_LOOK_AGAIN_S = 0.5


@dataclass(frozen=True)
class CacheEntry:
    """An entry of the cache.

    Parameters
    ----------
    kind : {"images", "features", "generated", "unpacked", "properties", "results"}
        The pixels that a study trains on, what frozen layers make of these, those that
        a generator has added, an archive's content, how light, sharp and large pictures
        are, or what pages have computed.
    key : str
        Name of its folder.
    size_bytes : int
        What it takes on the disk, with what a killed process left of it.
    used : float
        When it was last used, in seconds since 1970.
    is_in_use : bool
        Whether a process uses it now.
    about : dict
        ``studies`` that used it, ``images`` and their ``side_pixels``, for features
        also their ``variants`` and the ``backbone``, or ``archive``; empty for an entry
        of an earlier version, which nothing can use any more.
    """

    kind: Kind
    key: str
    size_bytes: int
    used: float
    is_in_use: bool
    about: dict[str, Any]


def cache_limit_bytes() -> float:
    """How large the cache may be: ``$EQUIPOISE_CACHE_GB``, in 10^9 bytes.

    Raises
    ------
    EquipoiseError
        If that is not a number from 0.
    """
    given = os.environ.get(LIMIT_VARIABLE) or str(DEFAULT_LIMIT_GB)
    try:
        limit = float(given)
    except ValueError:
        limit = -1.0
    if not limit >= 0:
        raise EquipoiseError(
            gettext(
                "{limit_variable} is '{given}'.",
                limit_variable=LIMIT_VARIABLE,
                given=given,
            ),
            expected=gettext(
                "how large the cache may be in GB, such as {default_limit_gb}.",
                default_limit_gb=in_form(f"{DEFAULT_LIMIT_GB:g}"),
            ),
            remedy=gettext("set it to such a number, or leave it out."),
        )
    return limit * GB


def entry_folder(kind: Kind, key: str) -> Path:
    """Where an entry is, or will be."""
    return cache_root() / kind / key


def hold_entry(kind: Kind, key: str) -> Lock | None:
    """Keep an entry from being removed, and note that it is used now.

    Returns
    -------
    Lock or None
        None if the cache can only be read: no process here removes entries then.
    """
    path = _lock_path(kind, key)
    try:
        lock = take_lock(path, is_shared=True)
        os.utime(path)
    except OSError:
        return None
    return lock


def open_array(
    kind: Kind, key: str, name: str, prepare: Callable[[Path], None]
) -> NDArray[Any]:
    """Map an array of an entry, which nothing removes as long as somebody has it.

    Parameters
    ----------
    kind : {"images", "features", "unpacked", "properties"}
    key : str
    name : str
        Name of the array's file.
    prepare : callable
        Called with the entry's folder before, to build it where it is not there.

    Returns
    -------
    memory-mapped array
    """
    lock = hold_entry(kind, key)
    try:
        folder = entry_folder(kind, key)
        prepare(folder)
        array: NDArray[Any] = np.load(folder / name, mmap_mode="r")
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    if lock is not None:
        weakref.finalize(array, lock.release)
    return array


@contextmanager
def new_entry(
    kind: Kind,
    key: str,
    *,
    needed_bytes: int,
    waiting: Callable[[], None] = lambda: None,
) -> Iterator[Path | None]:
    """Build an entry in a folder beside its place, which is renamed when it is whole.

    Parameters
    ----------
    kind : {"images", "features", "unpacked", "properties"}
    key : str
    needed_bytes : int
        What it will take on the disk: room is made for it.
    waiting : callable
        Called now and then while another process builds the same entry.

    Yields
    ------
    Path or None
        The empty folder; None if the entry is there, as another process has built it.

    Raises
    ------
    EquipoiseError
        If the cache's limit is not a number.
    OSError
        If the cache cannot be written. Nothing of the entry is left then.
    """
    building = _lock_path(kind, key).with_suffix(".building")
    while (lock := take_lock(building)) is None:
        waiting()
        time.sleep(_LOOK_AGAIN_S)
    folder = entry_folder(kind, key)
    beside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        if folder.is_dir():
            yield None
            return
        make_room(needed_bytes)
        beside.mkdir(parents=True)
        yield beside
        if not folder.is_dir():  # locks do not hold on every file system
            beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        lock.release(remove=True)


def describe_entry(kind: Kind, key: str, *, study: str = "", **about: object) -> None:
    """Note what an entry is, and which study used it."""
    path = _about_path(kind, key)
    known = _read_about(kind, key)
    studies = {*known.get("studies", ()), study} - {""}
    described = {**known, **about, "studies": sorted(studies)}
    if described == known:
        return
    beside = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(described), encoding="utf-8")
        beside.replace(path)


def list_entries() -> list[CacheEntry]:
    """All entries, the one that is removed first in front.

    It is one of an earlier version, or else the one that was used longest ago.
    """
    found = [
        _read_entry(kind, key) for kind in get_args(Kind) for key in sorted(_keys(kind))
    ]
    return sorted(found, key=lambda entry: (bool(entry.about), entry.used))


def remove_entry(entry: CacheEntry) -> bool:
    """Remove an entry, unless a process uses it.

    Returns
    -------
    bool
        Whether it is gone.
    """
    lock = _lock_alone(entry.kind, entry.key)
    if lock is None:
        return False
    try:
        _about_path(entry.kind, entry.key).unlink(missing_ok=True)
        for folder in _folders(entry.kind, entry.key):
            # Renamed first: half an entry is never found under its name.
            gone = folder.with_name(f".{entry.key}.{uuid.uuid4().hex[:8]}")
            folder.rename(gone)
            shutil.rmtree(gone)
    except OSError:  # of another user, or on Windows still open
        lock.release()
        return False
    lock.release(remove=True)
    return True


def make_room(needed_bytes: int) -> None:
    """Remove entries until so much more fits into the cache, the least used first.

    An entry that a process uses is never removed; the cache then stays larger.

    Raises
    ------
    EquipoiseError
        If the limit that is set is not a number.
    """
    limit = cache_limit_bytes()
    entries = list_entries()
    total = sum(entry.size_bytes for entry in entries) + needed_bytes
    for entry in entries:
        if total <= limit:
            return
        if remove_entry(entry):
            total -= entry.size_bytes


def _read_entry(kind: Kind, key: str) -> CacheEntry:
    folders = _folders(kind, key)
    about = _read_about(kind, key) if entry_folder(kind, key) in folders else {}
    times = [_modified(path) for path in (_lock_path(kind, key), *folders)]
    lock = _lock_alone(kind, key)
    if lock is not None:
        lock.release(remove=not about)
    return CacheEntry(
        kind=kind,
        key=key,
        size_bytes=sum(map(_size_of, folders)),
        used=next((when for when in times if when), time.time()),
        is_in_use=lock is None,
        about=about,
    )


def _lock_alone(kind: Kind, key: str) -> Lock | None:
    """The lock of an entry that no process uses; None if a process uses it, or may."""
    try:
        lock = take_lock(_lock_path(kind, key))
    except OSError:
        return None
    if lock is not None and not lock.is_enforced:
        lock.release()
        return None
    return lock


def _keys(kind: Kind) -> set[str]:
    """Keys of the entries, and of those that a killed process began."""
    return {_key_of(folder) for folder in _subfolders(kind)}


def _key_of(folder: Path) -> str:
    """Key of an entry's folder; beside it, one is built as ".<key>.<random>"."""
    name = folder.name
    return name[1:].rpartition(".")[0] if name.startswith(".") else name


def _folders(kind: Kind, key: str) -> list[Path]:
    return [folder for folder in _subfolders(kind) if _key_of(folder) == key]


def _subfolders(kind: Kind) -> Iterator[Path]:
    root = cache_root() / kind
    if root.is_dir():
        yield from (path for path in sorted(root.iterdir()) if path.is_dir())


def _lock_path(kind: Kind, key: str) -> Path:
    return cache_root() / _USES / f"{kind}-{key}.lock"


def _about_path(kind: Kind, key: str) -> Path:
    return cache_root() / _USES / f"{kind}-{key}.json"


def _read_about(kind: Kind, key: str) -> dict[str, Any]:
    try:
        found = json.loads(_about_path(kind, key).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size_of(folder: Path) -> int:
    """Bytes of the files in a folder and below it."""
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(Path(here) / name).st_size
    return total
