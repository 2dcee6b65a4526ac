"""A bar of how much is done, while somebody waits."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.data.cache import Progress
from core.language import gettext


@contextmanager
def progress_bar(is_shown: bool) -> Iterator[Progress]:
    """A bar of how much is done, there while it is; nothing where it is not shown."""
    if not is_shown:
        yield lambda what, done, of: None
        return
    place = st.empty()
    yield lambda what, done, of: place.progress(
        done / of,
        gettext("{what}: {done} of {of}", what=gettext(what), done=done, of=of),
    )
    place.empty()
