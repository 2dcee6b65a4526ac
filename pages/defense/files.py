"""A story as files: saved beside its study, opened from disk, and taken away."""

import re
import unicodedata
from contextlib import suppress
from functools import partial
from operator import methodcaller
from pathlib import Path

import streamlit as st

from core.errors import EquipoiseError, StoryError
from core.language import N_, gettext, in_this_language
from core.report.formats import ALONE, FOLDERS, FORMATS, Options
from core.report.output import pack, write_files
from core.report.report import build_report
from core.story.stories import StoryFile, save_new_story, save_story, story_folder
from core.story.story import Story, story_toml
from core.text import to_markdown
from pages.defense.packing import has_pictures, pack_story, unpack_story
from pages.shell.show import show_error
from pages.shell.story import (
    STORY_PICTURES,
    Work,
    edit,
    find_work,
    take_up,
    work_in_hand,
)
from pages.shell.upload_key import upload_key

# Of each format: what a reader calls it, its icon, and its type.
REPORTS = {
    "pptx": (
        N_("Deck (PPTX)"),
        "slideshow",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    "html": (N_("Page (HTML)"), "public", "text/html"),
    "pdf": (N_("Pages (PDF)"), "picture_as_pdf", "application/pdf"),
    "latex": (N_("Tables and figures (LaTeX)"), "functions", "application/zip"),
    "md": (N_("Tables and figures (Markdown)"), "table", "application/zip"),
}
_NO_LETTERS = re.compile(r"[^a-z0-9]+")
_UPLOADED, _FAULT = "defense_opened", "defense_fault"


def name_for(story: Story) -> str:
    """A name for a story's file, of its title."""
    plain = unicodedata.normalize("NFKD", story.title.lower())
    letters = plain.encode("ascii", "ignore").decode()
    return _NO_LETTERS.sub("-", letters).strip("-")[:56].strip("-") or "story"


def offer_save(work: Work) -> None:
    """Save the story beside its study, where that can be written to."""
    st.button(
        gettext("Save"),
        key="defense_save",
        icon=":material/save:",
        disabled=not work.is_changed,
        on_click=_save,
        args=(work.token,),
        help=gettext(
            "Beside the study, so that the page and `equipoise report` find it."
        ),
    )


def _save(token: str) -> None:
    work = find_work(token)
    if work is None:
        return
    folder = story_folder(work.story.study)
    try:
        # First, so that no story is without what it shows.
        _write_pictures(work, folder)
        file = _write_story(work, folder)
    except EquipoiseError as error:
        st.session_state[_FAULT] = error
        return
    edit(token, methodcaller("saved_as", file.name, work.story, folder))
    said = gettext("Saved as {name}.", name=file.name)
    st.toast(to_markdown(said), icon=":material/save:")


def _write_story(work: Work, folder: Path) -> StoryFile:
    """Replace the file that was opened, as long as it is what was opened."""
    if work.name and work.folder == folder:
        opened = StoryFile(work.story.study, work.name, folder / f"{work.name}.toml")
        with suppress(StoryError):
            if opened.load() == work.saved:
                return save_story(work.story, work.name)
    return save_new_story(work.story, work.name or name_for(work.story))


def _write_pictures(work: Work, folder: Path) -> None:
    """Those that were given on the page, beside the story that shows them."""
    write_files({folder / name: each for name, each in sorted(work.pictures.items())})


def offer_files(work: Work) -> None:
    """What can be taken away of a story; made when it is asked for.

    It is made outside of the reader's visit, and so it is told their language.
    """
    with st.popover(gettext("Files"), icon=":material/download:"):
        stem = work.name or name_for(work.story)
        for name, (label, icon, mime) in REPORTS.items():
            st.download_button(
                gettext(label),
                data=in_this_language(partial(_report, work, name)),
                file_name=f"{stem}-{name}.zip" if name in FOLDERS else f"{stem}.{name}",
                mime=mime,
                key=f"defense_{name}",
                icon=f":material/{icon}:",
                type="tertiary",
                on_click="ignore",
                disabled=not work.story.slides,
            )
        _offer_story(work, stem)


def _offer_story(work: Work, stem: str) -> None:
    """The story itself, with its pictures where it has some."""
    packed = has_pictures(work)
    st.download_button(
        gettext("Story with pictures (ZIP)") if packed else gettext("Story (TOML)"),
        data=partial(pack_story, work, stem)
        if packed
        else partial(story_toml, work.story),
        file_name=f"{stem}.zip" if packed else f"{stem}.toml",
        mime="application/zip" if packed else "application/toml",
        key="defense_toml",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        help=gettext(
            "Opens on this page again. `equipoise report` reads the TOML file in it, "
            "with the pictures beside it."
        )
        if packed
        else gettext("Opens on this page again, and is what `equipoise report` reads."),
    )


def _report(work: Work, name: str) -> bytes:
    """One format of the report; several files in an archive."""
    report = build_report(
        work.story.study, work.story, folder=work.folder, pictures=work.pictures
    )
    files = FORMATS[name](report, Options())
    if name not in FOLDERS:
        return files[ALONE]
    return pack(files)


def show_fault() -> None:
    """Say why a story could not be saved or opened."""
    fault = st.session_state.pop(_FAULT, None)
    if fault is not None:
        show_error(fault)
        st.info(
            gettext(
                "The story is safe in this session: take it away as a TOML file under "
                "“Files”."
            ),
            icon=":material/download:",
        )


def open_file() -> None:
    """Open a story from disk, once for each file."""
    given = st.file_uploader(
        gettext("Open a story (TOML, or ZIP with pictures)"),
        type=["toml", "zip"],
        key=upload_key("defense_file"),
        max_upload_size=STORY_PICTURES // 2**20,
    )
    if given is None or st.session_state.get(_UPLOADED) == given.file_id:
        return
    st.session_state[_UPLOADED] = given.file_id
    try:
        opened = unpack_story(given.getvalue(), given.name)
    except EquipoiseError as error:
        show_error(error)
        return
    before = work_in_hand(opened.story.study)
    take_up(opened if before is None else before.replaced_by(opened))
    st.session_state["study_wanted"] = opened.story.study
    st.rerun()
