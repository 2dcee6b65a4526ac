"""A story: one small TOML file, read, checked and written."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import StoryError
from core.language import gettext
from core.study import explain_faults
from core.study_toml import toml_text
from core.views.catalog import draw_view
from core.views.drawing import Drawn
from core.views.studies import open_study
from core.views.study_view import StudyView

SCHEMA: Literal[1] = 1
TEXT, PHOTO = "text", "photo"
"""Slides that are no view: words with a picture, and the live predictor."""

_SAID_BY_SLIDE = ("claim", "title", "text", "notes")
_Value = str | bool | int | float | tuple[str, ...]


class _Table(BaseModel):
    """A table of the file: frozen, no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Slide(_Table):
    """One slide.

    Parameters
    ----------
    view : str
        Name of a view (``core.views.catalog``), or "text", or "photo".
    claim : str
        The one thing that the slide says, as the person wrote it; empty where the
        view's own takeaway stands.
    title : str
        Heading; empty where the view's own stands.
    text : str
        Words of a text slide, in Markdown.
    picture : str
        Picture of a text slide: a path beside the story's file.
    notes : str
        What the speaker sees, and the jury does not.
    study : str
        Another study than the story's own.
    methods, seeds, baseline, beside
        As the bar at the head of a page chooses them. Where they are empty, the slide
        shows all methods and seeds, against the study's own baseline, without another
        study.
    parameters : mapping
        Of the view.
    """

    view: str
    claim: str = ""
    title: str = ""
    text: str = ""
    picture: str = ""
    notes: str = ""
    study: str = ""
    methods: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    baseline: str = ""
    beside: str = ""
    parameters: dict[str, _Value] = {}

    @model_validator(mode="after")
    def _has_words_of_its_own(self) -> "Slide":
        if self.view != TEXT and (self.text or self.picture):
            raise ValueError('only a slide with view = "text" has a text or a picture')
        return self

    @property
    def is_view(self) -> bool:
        """Whether it shows a view of a study."""
        return self.view not in (TEXT, PHOTO)


class Story(_Table):
    """A story.

    Parameters
    ----------
    title : str
    study : str
        The study that the slides show, where they name no other.
    author : str
    slides : tuple of Slide
    """

    schema_version: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    title: str
    study: str
    author: str = ""
    slides: tuple[Slide, ...] = ()


def parse_story(text: str, *, origin: str) -> Story:
    """Read a story from the text of its file.

    Raises
    ------
    StoryError
        If it is not TOML, or has an unknown key or a wrong type; the key is named.
    """
    try:
        return Story.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise StoryError(
            gettext("{file} is not valid TOML: {fault}.", file=origin, fault=error),
            expected=gettext("a story, as the page Defense saves one."),
            remedy=gettext("fix the line it names."),
        ) from None
    except ValidationError as error:
        raise StoryError(
            gettext(
                "{file} is not a valid story: {faults}",
                file=origin,
                faults=explain_faults(error),
            ),
            expected=gettext(
                "the keys and types of a story that the page Defense has saved."
            ),
            remedy=gettext("fix these keys, then try again."),
        ) from None


def load_story(path: Path) -> Story:
    """Read a story's file.

    Raises
    ------
    StoryError
        If it cannot be read, or is not a story.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(str(path), error) from None
    return read_story(content, origin=str(path))


def read_story(content: bytes, *, origin: str) -> Story:
    """Read a story from the bytes of its file.

    Raises
    ------
    StoryError
        If it is not text in UTF-8, or not a story.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(origin, error) from None
    return parse_story(text, origin=origin)


def _unreadable(origin: str, error: Exception) -> StoryError:
    return StoryError(
        gettext(
            "The story '{file}' cannot be read: {fault}.", file=origin, fault=error
        ),
        expected=gettext("a TOML file in UTF-8."),
        remedy=gettext("check the path and the file."),
    )


def story_toml(story: Story) -> str:
    """Write a story as TOML, without default values; ``parse_story`` reads it."""
    content = story.model_dump(mode="json", exclude_defaults=True)
    return toml_text({"schema": story.schema_version, **content})


def in_language(story: Story) -> Story:
    """A story of ours in the reader's language; what has no translation stays."""
    slides = tuple(
        slide.model_copy(
            update={part: gettext(getattr(slide, part)) for part in _SAID_BY_SLIDE}
        )
        for slide in story.slides
    )
    return story.model_copy(update={"title": gettext(story.title), "slides": slides})


def open_slide(story: Story, slide: Slide) -> StudyView:
    """The study of a slide, with its methods, seeds and baseline.

    Raises
    ------
    EquipoiseError
        If the study, or something asked of it, is not there.
    """
    return open_study(
        slide.study or story.study,
        methods=slide.methods,
        seeds=slide.seeds,
        baseline=slide.baseline,
        other=slide.beside,
    )


def draw_slide(story: Story, slide: Slide) -> Drawn:
    """Draw the view of a slide; only of one that ``is_view``.

    Raises
    ------
    EquipoiseError
        If the study, the view or a parameter is not there, or has nothing to show.
    """
    return draw_view(slide.view, open_slide(story, slide), slide.parameters)
