"""Where a person goes on: to train a study that was just made."""

import streamlit as st

from core.language import gettext
from core.text import code, to_markdown

TRAIN = "pages/train/page.py"


def link_to_training(study: str) -> None:
    """Offer the page that trains a study, and say the command that does."""
    st.page_link(
        TRAIN,
        label=gettext("Train it"),
        icon=":material/play_circle:",
        query_params={"study": study},
    )
    st.caption(
        to_markdown(
            gettext(
                "In a terminal: {command}.", command=code(f"equipoise train {study}")
            )
        )
    )
