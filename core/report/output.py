"""Files of a report: each written whole or not at all, and over none by accident."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from core.errors import EquipoiseError
from core.language import gettext

# Of what is in an archive: no clock is in it.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def require_free(places: Iterable[Path], *, replace: bool) -> None:
    """Refuse to write over files, before anything is made.

    Raises
    ------
    EquipoiseError
        If one is there and must not be replaced.
    """
    for place in places:
        if place.exists() and not replace:
            raise EquipoiseError(
                f"{place} exists already.",
                expected="a folder without it.",
                remedy="choose another --out, or overwrite it with --replace.",
            )


def pack(files: Mapping[str, bytes]) -> bytes:
    """An archive of files, by their path in it; the same files give the same bytes."""
    archive = BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as folder:
        for path, content in files.items():
            entry = ZipInfo(path, ZIP_DATE)
            entry.compress_type = ZIP_DEFLATED
            folder.writestr(entry, content)
    return archive.getvalue()


def write_files(files: Mapping[Path, bytes], *, folders: Sequence[Path] = ()) -> None:
    """Write files, each beside its place and then moved there.

    Parameters
    ----------
    files : mapping of Path to bytes
        Folders are made. A file that was there is replaced.
    folders : sequence of Path
        Folders that hold nothing but these files: one that was there is replaced as a
        whole, so that nothing of an older report is left in it.

    Raises
    ------
    EquipoiseError
        If they cannot be written.
    """
    try:
        for folder in folders:
            own = {p: c for p, c in files.items() if p.is_relative_to(folder)}
            _write_folder(folder, own)
        for place, content in files.items():
            if not any(place.is_relative_to(folder) for folder in folders):
                _write_file(place, content)
    except OSError as error:
        place = Path(error.filename or next(iter(files), Path()))
        # At fault is a folder of the files, or the one that a file should be in.
        of_files = {parent for each in files for parent in each.parents}
        raise EquipoiseError(
            gettext(
                "The files could not be written to {folder}: {fault}.",
                folder=place if place in of_files else place.parent,
                fault=error.strerror or error,
            ),
            expected=gettext("a writable folder with room."),
            remedy=gettext("free some space, or choose another folder."),
        ) from None


def _write_file(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o666 & ~_mask())
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _write_folder(folder: Path, files: Mapping[Path, bytes]) -> None:
    """Write a folder beside its place, and move it there when it is whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        new, old = made / "new", made / "old"
        new.mkdir()
        for place, content in files.items():
            _write_file(new / place.relative_to(folder), content)
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            # The older report comes back.
            if old.exists():
                old.rename(folder)
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
