"""Which story is in work: the one in hand, one of the address, or one from a file."""

from collections.abc import Mapping

import streamlit as st

from core.story.stories import StoryFile, stories_of
from pages.shell.address import this_address
from pages.shell.story import Work, find_work, take_up, work_in_hand


def asked_work() -> Work | None:
    """The story that the address asks for, as a second window or a reload opens it."""
    values = st.query_params
    study = values.get("study", "")
    return _found(study, values.get("draft", ""), values.get("story", ""))


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
    file = known_stories(study).get(name) if name and study else None
    return None if file is None else work_from(file)


def known_stories(study: str) -> Mapping[str, StoryFile]:
    """Stories of a study that are shipped or saved, by name."""
    return {file.name: file for file in stories_of(study)}


def work_from(file: StoryFile) -> Work:
    """A saved or shipped story, to be worked on."""
    return Work(file.story, name=file.name, saved=file.story, folder=file.path.parent)
