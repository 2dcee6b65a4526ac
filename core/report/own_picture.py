"""A person's own picture, written anew: upright, in a format that all files take."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image, ImageOps

from core.data.images import MAX_UPLOAD_BYTES, decode_image, open_picture
from core.errors import EquipoiseError, StoryError
from core.language import gettext
from core.story.story import Slide

Kind = Literal["png", "jpeg"]
LONGEST_SIDE = 3840
"""Pixels of a picture's longer side as it is written: no slide shows more."""
_QUALITY = 90


@dataclass(frozen=True)
class Picture:
    """A picture of a text slide, as files have it.

    Parameters
    ----------
    content : bytes
    kind : {"png", "jpeg"}
        Also the ending of its file.
    name : str
        Of the file that it was.
    """

    content: bytes
    kind: Kind
    name: str = ""


def clean_picture(content: bytes, name: str = "") -> Picture:
    """Write a picture anew, as a PNG or a JPEG that says nothing but what it shows.

    Parameters
    ----------
    content : bytes
        A file with a picture.
    name : str
        Of the file, for the sentence that says why it is not taken.

    Returns
    -------
    Picture
        Turned as its camera says, without place, date, camera and other metadata. A
        JPEG stays one; all others are PNG. The same for the same content.

    Raises
    ------
    StoryError
        If it is not a picture, is damaged, or is too large.
    """
    try:
        image = decode_image(content, name=name)
    except EquipoiseError as error:
        raise StoryError(
            error.problem, expected=error.expected, remedy=error.remedy
        ) from None
    with open_picture(io.BytesIO(content), name) as given:
        kind: Kind = "jpeg" if given.format in ("JPEG", "MPO") else "png"
        if given.has_transparency_data:
            # What is transparent stays so: the paper of the slide is behind it.
            image = ImageOps.exif_transpose(given).convert("RGBA")
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    # A copy of the pixels alone carries no metadata along.
    bare = Image.frombytes(image.mode, image.size, image.tobytes())
    written = io.BytesIO()
    bare.save(written, kind, **({"quality": _QUALITY} if kind == "jpeg" else {}))
    return Picture(written.getvalue(), kind, name)


def read_picture(
    slide: Slide, folder: Path | None, pictures: Mapping[str, bytes] | None = None
) -> Picture | None:
    """The picture of a text slide; None where it has none.

    Parameters
    ----------
    slide : Slide
    folder : Path, optional
        Of the story's file.
    pictures : mapping of str to bytes, optional
        Given by name, and not saved yet; they go before those in the folder.

    Raises
    ------
    StoryError
        If it is not a picture, or not in the folder of the story.
    """
    if not slide.picture:
        return None
    given = (pictures or {}).get(slide.picture)
    content = _file_content(slide.picture, folder) if given is None else given
    return clean_picture(content, Path(slide.picture).name)


def _file_content(name: str, folder: Path | None) -> bytes:
    try:
        # A path with a NUL, or with a circle of links, cannot be followed.
        place = None if folder is None else (folder / name).resolve()
        is_inside = (
            folder is not None
            and place is not None
            and place.is_relative_to(folder.resolve())
        )
    except (OSError, ValueError, RuntimeError):
        place, is_inside = None, False
    if place is None or not is_inside:
        raise StoryError(
            gettext(
                "The picture {name} is not in the folder of the story.",
                name=repr(name),
            ),
            expected=gettext("a picture beside the story's file."),
            remedy=gettext("put it there, and correct its path."),
        )
    try:
        with place.open("rb") as file:
            # One byte more than is taken says that it is too large.
            return file.read(MAX_UPLOAD_BYTES + 1)
    except OSError:
        raise StoryError(
            gettext("The picture '{name}' cannot be read.", name=name),
            expected=gettext("a PNG or JPEG file."),
            remedy=gettext("save it anew as one of these, or correct its path."),
        ) from None
