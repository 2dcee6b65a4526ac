"""What of Streamlit, Keras and the allocator is changed for the process, and why."""

import ctypes
import os
import platform

from streamlit.runtime.pages_manager import PagesManager


def take_pages_from_navigation() -> None:
    """Let ``st.navigation`` alone say what the pages are; called as the server starts.

    Until it has run once, Streamlit takes a folder named ``pages`` for its older kind
    of app, and a link to a page that is opened first ends on the main page.
    ``st.navigation`` sets the same switch, too late for the first visit
    (https://github.com/streamlit/streamlit/pull/8673).
    """
    PagesManager.uses_pages_directory = False


# Of glibc's malloc.h: parameters of mallopt.
_TRIM_THRESHOLD, _ARENA_MAX = -1, -8
MB = 1024 * 1024


def return_freed_memory() -> None:
    """Let the server give freed memory back; called as it starts.

    Each visit runs in a thread of its own. glibc gives up to eight of these for each
    core a heap, and Arrow has another allocator besides: both keep what a table took
    while it was drawn. With one heap, and Arrow in it, the server held 465 MB after
    every result page in place of 601 MB. A variable of the environment that says
    otherwise is left as it is.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if platform.libc_ver()[0] != "glibc":
        return
    allocator = ctypes.CDLL(None)
    if "MALLOC_ARENA_MAX" not in os.environ:
        allocator.mallopt(_ARENA_MAX, 1)
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        allocator.mallopt(_TRIM_THRESHOLD, MB)


def keep_keras_session() -> None:
    """Keep Keras's session from one run of a page to the next.

    Streamlit clears it after every run, since models of TensorFlow 1 needed it
    (https://github.com/streamlit/streamlit/issues/939). The graphs of cached models are
    then optimized again, which takes seconds at each photo, and a fifth of a second
    goes into collecting garbage at each move of a slider.
    """
    import keras

    keras.backend.clear_session = lambda *, free_memory=True: None
