"""The language of the pages: the reader's choice, the address's, or the browser's."""

from string import Template

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.language import ENGLISH, LANGUAGES, gettext, speak_as

PARAMETER = "lang"
# What Streamlit itself writes in English: a button's word, how large a file may be, and
# how many pages a narrow window leaves out.
_STREAMLITS = """<style>
[data-testid="stFileUploaderDropzone"] button p, .rc-overflow-item-rest button p {
  font-size: 0;
}
[data-testid="stFileUploaderDropzone"] button p::after {
  content: "$choose"; font-size: 0.875rem;
}
.rc-overflow-item-rest button p::after {content: "$others"; font-size: 0.875rem}
[data-testid="stFileUploaderDropzoneInstructions"] {display: none !important}
</style>"""
# What it says while the server does not answer: of itself, and of the internet. Its
# dialog is the one whose title is text alone.
_LOST = """<style>
body:has(.stApp:not([data-test-connection-state="CONNECTED"])) {
  [data-testid="stDialog"] [slot="title"]:not(:has(*)) {
    font-size: 0;
    &::after {content: "$title"; font-size: 1.5rem}
    & + * {font-size: 0}
    & + *::after {content: "$said"; font-size: 1rem}
  }
  [data-testid="stConnectionStatus"] label {
    font-size: 0;
    &::after {content: "$connecting"; font-size: 0.875rem}
  }
}
</style>"""
_STATE, _ASKED, _WIDGET = "language", "language_asked", "language_choice"


def reader_language() -> str:
    """What the one who has the page open reads; English outside of a visit."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return ENGLISH
    chosen = st.session_state.get(_STATE)
    return str(chosen) if chosen in LANGUAGES else _of_browser()


speak_as(reader_language)


def choose_language(*, is_offered: bool = True) -> None:
    """Take up the language that the address asks for, and offer the others.

    Parameters
    ----------
    is_offered : bool
        Whether the switch is drawn.
    """
    asked = st.query_params.get(PARAMETER, "")
    # Once: from then on the reader decides.
    if asked != st.session_state.get(_ASKED):
        st.session_state[_ASKED] = asked
        if asked in LANGUAGES:
            st.session_state[_STATE] = asked
    if not is_offered:
        return
    st.session_state[_WIDGET] = reader_language()
    with st.container(key="language"):
        st.segmented_control(
            gettext("Language"),
            list(LANGUAGES),
            format_func=str.upper,
            required=True,
            key=_WIDGET,
            label_visibility="collapsed",
            help=" · ".join(LANGUAGES.values()),
            on_change=_take_choice,
        )


def say_what_streamlit_says() -> None:
    """Put the reader's words in place of Streamlit's own, which are English."""
    if reader_language() != ENGLISH:
        _say(
            _STREAMLITS,
            choose=gettext("Choose a file"),
            others=gettext("Other pages"),
        )
    _say(
        _LOST,
        title=gettext("Connection lost"),
        said=gettext(
            "The app does not answer. This page comes back by itself as soon as it "
            "does. What was saved is still there; a file that was not imported or kept "
            "yet must be chosen again."
        ),
        connecting=gettext("Connecting…"),
    )


def _say(style: str, **words: str) -> None:
    """Add a style with words in it."""
    said = {name: word.replace('"', r"\"") for name, word in words.items()}
    st.html(Template(style).substitute(said))


def language_in_address() -> dict[str, str]:
    """The parameter of an address that holds the language; none for the browser's."""
    now = reader_language()
    return {} if now == _of_browser() else {PARAMETER: now}


def _take_choice() -> None:
    chosen = st.session_state[_WIDGET]
    st.session_state[_STATE] = st.session_state[_ASKED] = chosen
    st.query_params[PARAMETER] = chosen


def _of_browser() -> str:
    first = (st.context.locale or ENGLISH).partition("-")[0].lower()
    return first if first in LANGUAGES else ENGLISH
