"""Files of a report: each written whole or not at all, and over none by accident."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.errors import EquipoiseError


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


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write files, each beside its place and then moved there.

    Folders are made. A file that was there is replaced.
    """
    for place, content in files.items():
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


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
