"""Defense: a story for the jury, composed of what the pages show, and presented."""

import streamlit as st

from core.language import gettext
from pages.defense.compose import compose
from pages.defense.opening import asked_work
from pages.defense.present import NOTES, PRESENT, present, speak
from pages.shell.address import run_page
from pages.shell.show import stop_with
from pages.shell.story import Work


def main() -> None:
    """Compose a story, present it, or show its notes."""
    if PRESENT in st.query_params:
        present(_asked())
    elif NOTES in st.query_params:
        speak(_asked())
    else:
        compose()


def _asked() -> Work:
    work = asked_work()
    if work is None or not work.story.slides:
        stop_with(
            gettext(
                "There is no such story, or it has no slide. Open the page Defense and "
                "choose one there."
            )
        )
    return work


run_page(main)
