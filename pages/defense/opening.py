"""Which story is in work: the one in hand, one of the address, or one from a file."""

from dataclasses import replace

import streamlit as st

from core.errors import EquipoiseError
from core.story.stories import StoryFile, story_named
from pages.shell.address import this_address
from pages.shell.story import Work, find_work, take_up, work_in_hand


def asked_work() -> Work | None:
    """The story that the address asks for, as a second window or a reload opens it."""
    values = st.query_params
    study = values.get("study", "")
    work = _found(study, values.get("draft", ""), values.get("story", ""))
    return None if work is None else _in_language(work)


def open_work(study: str) -> Work | None:
    """The story in work of a study, as the page's address or the visitor has it."""
    address = this_address()
    asked = {name: address.take(name) for name in ("draft", "story", "slide")}
    token, name, slide = ((asked[key] or ("",))[0] for key in asked)
    work = _found(study, token, name)
    if name and work is None:
        address.name_unknown("story", name)
    work = work or work_in_hand(study)
    if work is None:
        return None
    work = _in_language(work)
    if slide.isdecimal():
        work = work.at_slide(int(slide) - 1)
    take_up(work)
    return work


def _found(study: str, token: str, name: str) -> Work | None:
    if (work := find_work(token)) is not None and work.story.study == study:
        return work
    mine = work_in_hand(study)
    if mine is not None and name and mine.name == name:
        return mine
    if not name or not study:
        return None
    try:
        return work_from(story_named(study, name))
    except EquipoiseError:
        return None


def _in_language(work: Work) -> Work:
    """A shipped story that nobody has changed, in the language read by now."""
    if not work.name or work.folder is not None or work.is_changed:
        return work
    try:
        file = story_named(work.story.study, work.name)
        story = file.load() if file.is_shipped else work.story
    except EquipoiseError:
        return work
    return replace(work, story=story, saved=story)


def work_from(file: StoryFile) -> Work:
    """A saved or shipped story, to be worked on.

    Raises
    ------
    StoryError
        If its file cannot be read.
    """
    story = file.load()
    folder = None if file.path is None else file.path.parent
    return Work(story, name=file.name, saved=story, folder=folder)
