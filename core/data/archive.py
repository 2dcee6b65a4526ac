"""A dataset's place: a folder, or the archive that it was published as."""

import hashlib
import lzma
import shutil
import tarfile
import uuid
import zipfile
import zlib
from pathlib import Path

from core.data.cache_entries import (
    describe_entry,
    entry_folder,
    hold_entry,
    make_room,
)
from core.errors import DatasetError
from core.language import gettext
from core.locks import Lock

# Errors of zipfile and tarfile for a damaged, locked or unknown archive.
_DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


# Paths into an unpacked archive are used at any time until the process ends.
_HELD: dict[Path, Lock | None] = {}


def folder_of(location: Path, *, pattern: str, what: str) -> Path:
    """The folder of a dataset; an archive is unpacked once into the cache.

    Parameters
    ----------
    location : Path
        A folder, or a .tar, .tar.gz or .zip archive.
    pattern : str
        A glob that at least one file must match.
    what : str
        Name of the dataset, for messages.

    Raises
    ------
    DatasetError
        If it is missing, empty, damaged, or not an archive.
    """
    if not location.exists():
        raise DatasetError(
            gettext("There is nothing at {location}.", location=location),
            expected=gettext("the folder or the archive of {what}.", what=what),
            remedy=gettext("give its place with --data, or fetch the dataset first."),
        )
    folder = location if location.is_dir() else _unpack(location, what)
    if next(folder.rglob(pattern), None) is None:
        raise DatasetError(
            gettext(
                "{location} holds no file that matches {pattern}.",
                location=location,
                pattern=pattern,
            ),
            expected=gettext("{what} in its published layout.", what=what),
            remedy=gettext("check that the download or the unpacking was complete."),
        )
    return folder


def _unpack(archive: Path, what: str) -> Path:
    status = archive.stat()
    key = f"{archive.resolve()}:{status.st_size}:{status.st_mtime_ns}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    place = entry_folder("unpacked", digest)
    if place not in _HELD:
        _HELD[place] = hold_entry("unpacked", digest)
    if place.is_dir():
        return place
    make_room(status.st_size)
    beside = place.with_name(f".{digest}.{uuid.uuid4().hex[:8]}")
    try:
        beside.mkdir(parents=True)
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                file.extractall(beside)
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(beside, filter="data")
        if not place.is_dir():
            beside.rename(place)
        describe_entry("unpacked", digest, archive=archive.name)
    except _DAMAGE as error:
        raise DatasetError(
            gettext(
                "{archive} could not be unpacked: {error}.",
                archive=archive,
                error=error,
            ),
            expected=gettext(
                "a whole .tar, .tar.gz or .zip archive of {what}.",
                what=what,
            ),
            remedy=gettext("fetch it again, and see that the disk has room."),
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return place
