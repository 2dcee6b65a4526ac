"""Stories of a study: the one that ships with it, and those that people saved."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from itertools import count
from pathlib import Path

from core.errors import StoryError
from core.language import gettext
from core.runs import stores, user_store
from core.story.story import (
    Story,
    in_language,
    load_story,
    parse_story,
    story_toml,
)
from core.study import check_name
from core.views.studies import study_named

FOLDER = "stories"
"""Beside the methods of a study in a store; it holds no ``seed-<n>``, so no method."""
_SUFFIX = ".toml"


@dataclass(frozen=True)
class StoryFile:
    """Where a story is.

    Parameters
    ----------
    study, name : str
        As an address has them.
    path : Path or None
        Its file; None of a story inside the package.
    """

    study: str
    name: str
    path: Path | None

    @property
    def is_shipped(self) -> bool:
        """Whether it came with the program."""
        return self.path is None

    def load(self) -> Story:
        """Read it; a shipped one in the reader's language.

        Raises
        ------
        StoryError
            If it cannot be read, or is not a story.
        """
        if self.path is not None:
            return load_story(self.path)
        source = _shipped() / f"{self.study}{_SUFFIX}"
        text = source.read_text(encoding="utf-8")
        return in_language(parse_story(text, origin=source.name))


def stories_of(study: str) -> tuple[StoryFile, ...]:
    """The stories of a study, the shipped one first, then those saved, by name.

    One that was saved under the name of another takes its place.

    Raises
    ------
    StudyError
        If no study could have that name.
    """
    check_name(study, "study")
    found = {}
    if (_shipped() / f"{study}{_SUFFIX}").is_file():
        found[study] = StoryFile(study, study, None)
    for store in stores():
        for path in sorted((store / study / FOLDER).glob(f"*{_SUFFIX}")):
            if not path.name.startswith("."):
                found[path.stem] = StoryFile(study, path.stem, path)
    return tuple(found.values())


def story_named(study: str, name: str = "") -> StoryFile:
    """The story of that name; the first where none is named.

    Raises
    ------
    StoryError
        If there is none.
    """
    found = {story.name: story for story in stories_of(study)}
    if not name and found:
        return next(iter(found.values()))
    if name not in found:
        raise StoryError(
            gettext(
                "The study '{study}' has no story '{name}'.", study=study, name=name
            )
            if name
            else gettext("The study '{study}' has no story yet.", study=study),
            expected=gettext("one of {names}.", names=", ".join(found))
            if found
            else gettext("at least one story."),
            remedy=gettext("correct the name, or compose one on the page Defense."),
        )
    return found[name]


def save_story(story: Story, name: str) -> StoryFile:
    """Keep a story beside the runs of its study, in the user's own store.

    Parameters
    ----------
    story : Story
    name : str
        Of its file; one of that name is replaced.

    Raises
    ------
    EquipoiseError
        If there is no such study, the name cannot be one of a file, or it cannot be
        written.
    """
    path = _place(story, name)
    with _writing(path):
        _write(story, path)
    return StoryFile(story.study, name, path)


def save_new_story(story: Story, name: str) -> StoryFile:
    """Keep a story beside the runs of its study, in the place of no other.

    Parameters
    ----------
    story : Story
    name : str
        Of its file; with "-2", "-3" and so on where a story has that name.

    Raises
    ------
    EquipoiseError
        As ``save_story`` does.
    """
    # The shipped story has the name of its study.
    taken = {story.study, *(each.name for each in stories_of(story.study))}
    for number in count(1):
        free = name if number == 1 else f"{name}-{number}"
        path = _place(story, free)
        if free in taken:
            continue
        with _writing(path):
            try:
                # Whoever makes the file has the name.
                path.open("x").close()
            except FileExistsError:
                continue
            try:
                _write(story, path)
            except OSError:
                path.unlink(missing_ok=True)
                raise
        return StoryFile(story.study, free, path)
    raise AssertionError("Numbers do not end.")


def story_folder(study: str) -> Path:
    """Where stories of a study are saved, in the user's own store."""
    return user_store() / study / FOLDER


def _place(story: Story, name: str) -> Path:
    study_named(story.study)
    check_name(name, "story")
    return story_folder(story.study) / f"{name}{_SUFFIX}"


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Make the folder of a story's file, and say why it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise StoryError(
            gettext(
                "The story could not be saved to {path}: {fault}.",
                path=path,
                fault=error.strerror or error,
            ),
            expected=gettext("a writable folder with room."),
            remedy=gettext("free some space, or set EQUIPOISE_RUNS to another folder."),
        ) from None


def _write(story: Story, path: Path) -> None:
    """Write the file whole, or not at all."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        beside.write_text(story_toml(story), encoding="utf-8")
        beside.replace(path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _shipped() -> Path:
    return Path(str(resources.files("core") / FOLDER))
