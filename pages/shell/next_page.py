"""Where a person goes on: to train a study that was just made."""

from pathlib import Path

import streamlit as st

from core.language import gettext
from core.text import code, to_markdown

TRAIN = "pages/train/page.py"
_ROOT = Path(__file__).parents[2]


def link_to_training(study: str) -> None:
    """Say how a study is trained: on the page Train if there is one, or by command."""
    if (_ROOT / TRAIN).is_file():
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
