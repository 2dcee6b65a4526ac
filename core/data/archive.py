"""A dataset's place: a folder, or the archive that it was published or uploaded as.

Whatever an archive holds, nothing of it is written outside the folder that it is
unpacked into, and that folder is there whole or not at all.
"""

import hashlib
import lzma
import os
import re
import shutil
import stat
import tarfile
import unicodedata
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

from core.data.cache import Progress
from core.data.cache_entries import (
    describe_entry,
    entry_folder,
    hold_entry,
    make_room,
)
from core.data.class_folders import MAC_FOLDER
from core.data.images import SUFFIXES
from core.data.tables import TABLE_SUFFIXES
from core.errors import DatasetError
from core.language import N_, gettext, ngettext
from core.locks import Lock
from core.text import number

LIMIT_VARIABLE = "EQUIPOISE_UPLOAD_MB"
DEFAULT_LIMIT_MB = 500
MAX_FILES = 100_000
"""Files that an upload may hold."""
MAX_GROWTH = 100
"""How many times its packed size a file of an upload may have, if it is large."""
UNPACKED_TIMES = 8
"""How many times the limit of an upload its content may have."""
UNPACKING = N_("Unpacking the pictures")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_LARGE = 10 * 2**20
_CHUNK = 2**20
_MAX_NAME_BYTES = 255
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
_DRIVE = re.compile("[A-Za-z]:/")
_SYSTEM_NAMES = (".ds_store", "thumbs.db", "desktop.ini")


# Paths into an unpacked archive are used at any time until the process ends.
_HELD: dict[Path, Lock | None] = {}


@dataclass(frozen=True)
class Entry:
    """A file or a folder in an archive.

    Parameters
    ----------
    name : str
        With "/", in one form for every script (NFC).
    size, packed : int
        Bytes, and those that it takes in the archive; 0 where that is not known.
    kind : {"file", "folder", "link", "other"}
    open : callable
        Opens the content.
    """

    name: str
    size: int
    packed: int
    kind: str
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class Unpacked:
    """What became of an uploaded archive.

    Parameters
    ----------
    folder : Path
    files : int
        Pictures and tables that were written.
    system : int
        Files that a Mac or Windows leaves everywhere, which were not.
    archives, others : tuple of str
        Archives in the archive, and other files, which were not either.
    """

    folder: Path
    files: int
    system: int
    archives: tuple[str, ...]
    others: tuple[str, ...]


def is_system_file(name: str) -> bool:
    """Whether a Mac or Windows left a file of this name (or path) on its own."""
    *folders, last = name.split("/")
    is_theirs = last.casefold() in _SYSTEM_NAMES or last.startswith("._")
    return MAC_FOLDER in folders or last == MAC_FOLDER or is_theirs


def upload_limit_mb() -> int:
    """How large an uploaded archive may be: ``$EQUIPOISE_UPLOAD_MB``, in MB.

    Raises
    ------
    DatasetError
        If that is not a whole number from 1.
    """
    given = os.environ.get(LIMIT_VARIABLE) or str(DEFAULT_LIMIT_MB)
    if not given.isascii() or not given.isdigit() or int(given) < 1:
        raise DatasetError(
            gettext("{name} is '{given}'.", name=LIMIT_VARIABLE, given=given),
            expected=gettext(
                "how large an upload may be in MB, such as {default}.",
                default=DEFAULT_LIMIT_MB,
            ),
            remedy=gettext("set it to such a number, or leave it out."),
        )
    return int(given)


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
        If it is missing, empty, damaged, or not an archive, or if the archive would
        write outside its folder.
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


def unpack_upload(
    source: BinaryIO,
    target: Path,
    *,
    name: str,
    limit_mb: int | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Unpacked:
    """Unpack the pictures and tables of an uploaded archive, or nothing of it.

    Parameters
    ----------
    source : file
        Its content; it is read piece by piece.
    target : Path
        The folder that it becomes; it must not exist.
    name : str
        What the upload is called, for messages.
    limit_mb : int, optional
        Its largest size; that of ``upload_limit_mb`` if not given.
    progress : callable
        Called with what is done, how many bytes, of how many.

    Raises
    ------
    DatasetError
        If it is not an archive, damaged or locked; too large, or unpacks to far more
        than it is; holds too many files, files of one name, links or names that lead
        out of its folder; or holds no picture. Nothing is left of it then.
    """
    limit = limit_mb or upload_limit_mb()
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    if size > limit * 2**20:
        raise _too_large(name, size, limit)
    try:
        most = UNPACKED_TIMES * limit * 2**20
        with _open_archive(source, name, most_bytes=most) as entries:
            files = [entry for entry in entries if not is_system_file(entry.name)]
            _check_entries(files, name)
            _check_amount(files, name, limit)
            wanted = [entry for entry in files if _is_wanted(entry)]
            nested = [e.name for e in files if e.kind == "file" and _is_archive(e.name)]
            _check_pictures(wanted, nested, name)
            folders = [entry for entry in files if entry.kind == "folder"]
            total = sum(entry.size for entry in wanted)
            _check_room(target, total, name)
            with _beside(target) as folder:
                for entry in folders:
                    folder.joinpath(entry.name).mkdir(parents=True, exist_ok=True)
                report = partial(progress, UNPACKING)
                _write_all(wanted, folder, total, report)
    except _DAMAGE as error:
        raise _damaged(name, error) from error
    used = {entry.name for entry in wanted}
    kept = [e.name for e in files if e.kind == "file" and e.name not in used]
    return Unpacked(
        target,
        len(wanted),
        sum(entry.kind == "file" for entry in entries) - len(wanted) - len(kept),
        tuple(nested),
        tuple(each for each in kept if each not in set(nested)),
    )


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
    try:
        with archive.open("rb") as source, _open_archive(source, archive.name) as found:
            _check_entries(found, archive.name)
            files = [entry for entry in found if entry.kind == "file"]
            with _beside(place) as folder:
                for entry in found:
                    if entry.kind == "folder":
                        folder.joinpath(entry.name).mkdir(parents=True, exist_ok=True)
                _write_all(files, folder, 0, lambda done, total: None)
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
    return place


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A folder beside its place, which takes that place when all is written."""
    folder = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        folder.mkdir(parents=True)
        yield folder
        if not target.is_dir():
            folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _open_archive(
    source: BinaryIO, name: str, *, most_bytes: int | None = None
) -> Iterator[list[Entry]]:
    """The entries of a zip or a tar archive, of the latter no more than so large ones.

    The head of each file of a tar is only found behind the one before.
    """
    if zipfile.is_zipfile(source):
        source.seek(0)
        with zipfile.ZipFile(source) as packed:
            infos = packed.infolist()
            if any(info.flag_bits & 1 for info in infos):
                raise DatasetError(
                    gettext("{name} is locked with a password.", name=name),
                    expected=gettext("an archive without a password."),
                    remedy=gettext("pack the pictures again without one."),
                )
            yield [_zip_entry(packed, info) for info in infos]
        return
    source.seek(0)
    with tarfile.open(fileobj=source) as tar:
        entries, total = [], 0
        for member in tar:
            total += member.size
            if most_bytes is not None and total > most_bytes:
                raise _bomb(name, member.name, total)
            entries.append(_tar_entry(tar, member))
        yield entries


def _zip_entry(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    name = info.orig_filename
    if not info.flag_bits & 0x800:  # not marked as UTF-8, though it often is
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    mode = info.external_attr >> 16
    kind = "file"
    if stat.S_ISLNK(mode):
        kind = "link"
    elif name.endswith(("/", "\\")) or info.is_dir():
        kind = "folder"
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        kind = "other"
    return Entry(
        _one_form(name),
        info.file_size,
        info.compress_size,
        kind,
        partial(packed.open, info),
    )


def _tar_entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    kind = "other"
    if member.issym() or member.islnk():
        kind = "link"
    elif member.isdir():
        kind = "folder"
    elif member.isreg():
        kind = "file"

    def content() -> IO[Any]:
        found = tar.extractfile(member)
        if found is None:
            raise tarfile.ReadError(member.name)
        return found

    return Entry(_one_form(member.name), member.size, 0, kind, content)


def _one_form(name: str) -> str:
    """A name with "/" and composed letters: a Mac writes é as two signs."""
    text = unicodedata.normalize("NFC", name.replace("\\", "/"))
    while text.startswith("./"):
        text = text[2:]
    return text.rstrip("/")


def _check_entries(entries: list[Entry], name: str) -> None:
    """Refuse an archive that could write elsewhere, or twice to one place.

    Raises
    ------
    DatasetError
    """
    for entry in entries:
        path = PurePosixPath(entry.name)
        is_elsewhere = path.is_absolute() or bool(_DRIVE.match(entry.name))
        leads_out = ".." in path.parts or is_elsewhere
        if leads_out or "\x00" in entry.name:
            raise DatasetError(
                gettext(
                    "{name} holds a file that would be written outside its folder: "
                    "{file}.",
                    name=name,
                    file=ascii(entry.name),
                ),
                expected=gettext("names that lie in the archive, without '..'."),
                remedy=gettext(
                    "do not trust this archive; pack the pictures yourself, then try "
                    "again."
                ),
            )
        if entry.kind in ("link", "other"):
            raise DatasetError(
                gettext("{name} holds a link: {file}.", name=name, file=entry.name)
                if entry.kind == "link"
                else gettext(
                    "{name} holds something that is not a file: {file}.",
                    name=name,
                    file=entry.name,
                ),
                expected=gettext("files and folders only."),
                remedy=gettext("put the pictures themselves in its place, then pack."),
            )
        if any(len(part.encode()) > _MAX_NAME_BYTES for part in path.parts):
            raise DatasetError(
                gettext(
                    "{name} holds a file whose name is too long: {file}….",
                    name=name,
                    file=path.name[:60],
                ),
                expected=gettext("names of at most {n} bytes.", n=_MAX_NAME_BYTES),
                remedy=gettext("shorten its name, then pack again."),
            )
    _check_twice(entries, name)


def _check_twice(entries: list[Entry], name: str) -> None:
    seen: dict[str, str] = {}
    for entry in entries:
        if entry.kind != "file":
            continue
        if entry.name in seen:
            raise DatasetError(
                gettext(
                    "{name} holds two files of one name: {file}.",
                    name=name,
                    file=entry.name,
                ),
                expected=gettext(
                    "one file of a name, however its letters are written."
                ),
                remedy=gettext("rename one of them, then pack again."),
            )
        seen[entry.name] = entry.name
    for path in seen:
        for parent in PurePosixPath(path).parents:
            if str(parent) in seen:
                raise DatasetError(
                    gettext(
                        "{name} holds a file and a folder of one name: {file}.",
                        name=name,
                        file=parent,
                    ),
                    expected=gettext(
                        "one file of a name, however its letters are written."
                    ),
                    remedy=gettext("rename one of them, then pack again."),
                )


def _check_amount(entries: list[Entry], name: str, limit: int) -> None:
    """Refuse too many files, or far more bytes than the archive has."""
    files = [entry for entry in entries if entry.kind == "file"]
    if len(files) > MAX_FILES:
        raise DatasetError(
            gettext("{name} holds {n} files.", name=name, n=number(len(files), 0)),
            expected=gettext("at most {n} files.", n=number(MAX_FILES, 0)),
            remedy=gettext(
                "take fewer, or use `equipoise data` on the folder on your machine."
            ),
        )
    for entry in files:
        grows = entry.packed and entry.size > MAX_GROWTH * entry.packed
        if entry.size > _LARGE and grows:
            raise _bomb(name, entry.name, entry.size)
    total = sum(entry.size for entry in files)
    if total > UNPACKED_TIMES * limit * 2**20:
        raise _bomb(name, name, total)


def _is_archive(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in ARCHIVES


def _is_wanted(entry: Entry) -> bool:
    path = PurePosixPath(entry.name)
    is_hidden = any(part.startswith(".") for part in path.parts)
    suffix = path.suffix.lower()
    is_known = suffix in (*SUFFIXES, *TABLE_SUFFIXES)
    return entry.kind == "file" and is_known and not is_hidden


def _check_pictures(wanted: list[Entry], nested: list[str], name: str) -> None:
    if any(PurePosixPath(e.name).suffix.lower() in SUFFIXES for e in wanted):
        return
    if nested:
        raise DatasetError(
            ngettext(
                "{name} holds no picture, but another archive: {file}.",
                "{name} holds no picture, but {count} other archives: {file}, ….",
                len(nested),
                name=name,
                file=nested[0],
            ),
            expected=gettext("the pictures themselves in one archive."),
            remedy=gettext("unpack it, then pack the folder with the pictures."),
        )
    raise DatasetError(
        gettext("{name} holds no picture.", name=name),
        expected=gettext("pictures that end in {names}.", names=" ".join(SUFFIXES)),
        remedy=gettext("pack the folder that holds them."),
    )


def _check_room(target: Path, total: int, name: str) -> None:
    place = next(p for p in (target, *target.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free
    if total > 0.9 * free:
        raise DatasetError(
            gettext(
                "There is no room to unpack {name}: it needs {needed} MB, and {free} "
                "MB are free.",
                name=name,
                needed=number(total / 2**20, 0),
                free=number(free / 2**20, 0),
            ),
            expected=gettext("room on the disk of {folder}.", folder=place),
            remedy=gettext("free some space, then try again."),
        )


def _write_all(
    entries: list[Entry],
    folder: Path,
    total: int,
    progress: Callable[[int, int], None],
) -> None:
    """Write the files of an archive; each has the size that the archive says."""
    done = 0
    for entry in entries:
        path = folder / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        left = entry.size
        with entry.open() as source, path.open("xb") as file:
            while part := source.read(min(_CHUNK, left + 1)):
                left -= len(part)
                if left < 0:
                    raise zipfile.BadZipFile(entry.name)
                file.write(part)
                done += len(part)
                progress(done, max(total, done))
        if left:
            raise EOFError(entry.name)


def _too_large(name: str, size: int, limit: int) -> DatasetError:
    return DatasetError(
        gettext(
            "{name} is too large: {size} MB.", name=name, size=number(size / 2**20, 0)
        ),
        expected=gettext("at most {size} MB.", size=limit),
        remedy=gettext(
            "take smaller or fewer pictures, or set {variable} to a larger limit.",
            variable=LIMIT_VARIABLE,
        ),
    )


def _bomb(name: str, file: str, size: int) -> DatasetError:
    return DatasetError(
        gettext(
            "{name} unpacks to far more than it is: {file} has {size} MB.",
            name=name,
            file=file,
            size=number(size / 2**20, 0),
        ),
        expected=gettext("pictures, which hardly grow when they are unpacked."),
        remedy=gettext(
            "do not trust this archive; pack the pictures yourself, then try again."
        ),
    )


def _damaged(name: str, error: Exception) -> DatasetError:
    if isinstance(error, OSError) and error.errno is not None:
        return DatasetError(
            gettext(
                "{name} could not be unpacked: {why}.",
                name=name,
                why=error.strerror or error,
            ),
            expected=gettext("a writable folder with room for the pictures."),
            remedy=gettext("free some space, then try again."),
        )
    return DatasetError(
        gettext(
            "{name} is not an archive that can be unpacked, or it is damaged or cut "
            "off.",
            name=name,
        ),
        expected=gettext("a whole .zip, .tar or .tar.gz archive of pictures."),
        remedy=gettext("pack the folder again, then try again."),
    )
