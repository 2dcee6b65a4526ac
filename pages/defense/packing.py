"""A story with its pictures in one archive, packed and unpacked."""

from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from pathlib import PurePosixPath
from zipfile import BadZipFile, ZipFile

from core.errors import StoryError
from core.language import gettext
from core.report.output import pack
from core.report.own_picture import Picture, clean_picture, read_picture
from core.story.story import read_story, story_toml
from pages.shell.story import STORY_PICTURES, Work


def own_name(picture: Picture) -> str:
    """A name by its content: that of its file may be another picture's as well."""
    return f"picture-{sha256(picture.content).hexdigest()[:12]}.{picture.kind}"


def has_pictures(work: Work) -> bool:
    """Whether its TOML file alone is not all of it."""
    return any(slide.picture for slide in work.story.slides)


def pack_story(work: Work, stem: str) -> bytes:
    """The story's file and the pictures that it names, each where it names it.

    A picture that cannot be had is left out, and the slide says so, as it did.
    """
    files = {f"{stem}.toml": story_toml(work.story).encode()}
    for slide in work.story.slides:
        path = PurePosixPath(slide.picture)
        if path.is_absolute() or ".." in path.parts:
            continue
        with suppress(StoryError):
            picture = read_picture(slide, work.folder, work.pictures)
            if picture is not None:
                files[slide.picture] = picture.content
    return pack(files)


def unpack_story(content: bytes, origin: str) -> Work:
    """A story of its TOML file, or of an archive with its pictures.

    Raises
    ------
    StoryError
        If it is neither, or the pictures are too large.
    """
    if not content.startswith(b"PK"):
        return Work(read_story(content, origin=origin))
    try:
        with ZipFile(BytesIO(content)) as archive:
            sizes = {each.filename: each.file_size for each in archive.infolist()}
            names = [name for name in sizes if name.endswith(".toml")]
            if len(names) != 1 or sum(sizes.values()) > STORY_PICTURES:
                raise _no_story(origin)
            story = read_story(archive.read(names[0]), origin=names[0])
            shown = {slide.picture for slide in story.slides} & sizes.keys()
            given = {name: archive.read(name) for name in sorted(shown)}
    except (BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError):
        raise _no_story(origin) from None
    pictures = {name: clean_picture(each, name) for name, each in given.items()}
    slides = tuple(
        slide.model_copy(update={"picture": own_name(pictures[slide.picture])})
        if slide.picture in pictures
        else slide
        for slide in story.slides
    )
    return Work(
        story.model_copy(update={"slides": slides}),
        pictures={own_name(each): each.content for each in pictures.values()},
    )


def _no_story(origin: str) -> StoryError:
    return StoryError(
        gettext(
            "The archive '{origin}' is not a story with its pictures.", origin=origin
        ),
        expected=gettext(
            "one TOML file and pictures, at most {count} MiB.",
            count=STORY_PICTURES // 2**20,
        ),
        remedy=gettext(
            "take the story away anew under “Files”, or open its TOML file alone."
        ),
    )
