"""A file that a person brings: read once, and kept for their session alone."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.importing.file_findings import PredictionsError
from core.importing.reading import RawTable, read_file
from core.language import gettext, language
from core.runs import user_store
from core.text import code, emphasis, strong, to_markdown
from pages.shell.findings import show_findings
from pages.shell.upload_key import upload_key

MAX_UPLOAD_MB = 500
# One entry for each: what was read last, what was made of it last, and how many
# imports there were: after each the place for the file is an empty one.
READ, MADE, TIMES = "import_read", "import_made", "import_times"


def choose_file(key: str, *, help_text: str, written: str) -> RawTable | None:
    """Let a person choose a file; None where there is none, or it cannot be read.

    Parameters
    ----------
    key : str
    help_text : str
    written : str
        What of it is kept once it is imported.
    """
    upload = st.file_uploader(
        gettext("CSV or Parquet file"),
        type=["csv", "tsv", "txt", "gz", "parquet", "pq"],
        max_upload_size=MAX_UPLOAD_MB,
        key=upload_key(f"{key}_{st.session_state.get(TIMES, 0)}"),
        help=help_text,
    )
    st.caption(
        to_markdown(
            gettext(
                "The file stays in your session until you press {button}. Then this is "
                "written to the user's store of this app ({store}), where everybody "
                "who can open the app sees it: {written}; of the file its name, its "
                "SHA-256, how many rows it has, and which columns were read. Nothing "
                "else of it is kept.",
                button=emphasis(gettext("Import")),
                store=code(user_store()),
                written=written,
            )
        )
    )
    if upload is None:
        st.session_state.pop(READ, None)
        st.session_state.pop(MADE, None)
        return None
    kept = st.session_state.get(READ)
    # What is wrong with a file is said in the reader's language.
    if kept is None or (kept[0], kept[2]) != (upload.file_id, language()):
        with st.spinner(to_markdown(gettext("Reading {name}…", name=upload.name))):
            st.session_state[READ] = (upload.file_id, _read(upload), language())
    raw = st.session_state[READ][1]
    if isinstance(raw, PredictionsError):
        show_faults(raw, upload.name)
        return None
    return raw


def show_faults(error: PredictionsError, name: str) -> None:
    """Everything that is wrong with a file."""
    nothing = gettext("Nothing was written.")
    st.markdown(to_markdown(f"{strong(error.heading)} {nothing}"))
    show_findings(error.findings, name=f"{name}-faults")


def make_once(asked: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """What ``make`` gives for what is asked of this file; or the fault it raises.

    Kept for this session, so that a rerun does not check a large file again.
    """
    key = (st.session_state[READ][0], language(), *asked)
    kept = st.session_state.get(MADE)
    if kept is None or kept[0] != key:
        with st.spinner(gettext("Checking…")):
            try:
                made = make()
            except PredictionsError as error:
                made = error
        st.session_state[MADE] = (key, made)
    return st.session_state[MADE][1]


def forget() -> None:
    """Let go of what was made: what is in the store may have changed."""
    st.session_state.pop(MADE, None)


def finish(study: str, label: str) -> None:
    """Remember what was imported, let go of the file, and begin again."""
    st.session_state["import_done"] = (study, label)
    st.session_state[TIMES] = st.session_state.get(TIMES, 0) + 1
    st.session_state.pop(READ, None)
    forget()
    st.rerun()


def _read(upload: Any) -> RawTable | PredictionsError:
    try:
        return read_file(upload.getvalue(), name=upload.name)
    except PredictionsError as error:
        return error
