"""What of Streamlit, Keras and Python's memory is changed for the process, and why."""

import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any

import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.state.session_state import WStates, _is_stale_widget

from core import freed_memory

# The number of this setting in glibc's malloc.h, and how many heaps there may be.
M_ARENA_MAX = -8
HEAPS = 2


def take_pages_from_navigation() -> None:
    """Let ``st.navigation`` alone say what the pages are; called as the server starts.

    Until it has run once, Streamlit takes a folder named ``pages`` for its older kind
    of app, and a link to a page that is opened first ends on the main page.
    ``st.navigation`` sets the same switch, too late for the first visit
    (https://github.com/streamlit/streamlit/pull/8673).
    """
    PagesManager.uses_pages_directory = False


def share_the_heap() -> None:
    """Let Arrow and all visits allocate from few heaps; called as the server starts.

    Arrow's own allocator keeps what a table took while it was drawn. glibc makes up to
    eight heaps a core for threads, each visit is a thread of its own, and what is kept
    for all visitors then lies between the gaps of all these heaps. A variable of the
    environment that says otherwise is left as it is.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if freed_memory.has_glibc() and "MALLOC_ARENA_MAX" not in os.environ:
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, HEAPS)


def forget_widgets_that_are_gone() -> None:
    """Let a session forget widgets that no page shows any more; as the server starts.

    Streamlit drops their values and keeps the rest: options, callbacks, and what these
    hold. Thirty visitors who opened ten result pages each left 7,100 widgets. A widget
    that is shown again is described again. No issue of theirs is known to us.
    """
    remove = WStates.remove_stale_widgets
    if hasattr(remove, "__wrapped__"):
        return

    @wraps(remove)
    def remove_whole(states: WStates, active: frozenset[str], parts: Any) -> None:
        remove(states, active, parts)
        states.widget_metadata = {
            name: metadata
            for name, metadata in states.widget_metadata.items()
            # What a component sends is never in the list of active widgets. Without
            # it, no key turns a slide.
            if metadata.value_type == "json_trigger_value"
            or not _is_stale_widget(metadata, active, parts)
        }

    WStates.remove_stale_widgets = remove_whole


def look_through_packages_once() -> None:
    """Let ``AppTest`` look through the installed packages once, as a server does.

    It looks for components at each page that it opens: a tenth of a second, and two
    fifths of what a visit takes. No issue of theirs is known to us.
    """
    scan = manifest_scanner.scan_component_manifests
    if not hasattr(scan, "cache_info"):
        manifest_scanner.scan_component_manifests = cache(scan)


@contextmanager
def importing() -> Iterator[None]:
    """Import without collecting garbage, and keep it out of every later collection.

    Each full collection looks at all objects, with TensorFlow about 600,000 that stay,
    and no page is drawn meanwhile. Importing alone causes several.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def give_memory_back() -> None:
    """Give the memory back that a visit of the server has freed.

    Each visit runs in a thread of its own, and glibc keeps what its heaps have freed.
    With both, the server held 435 MB after every result page, where it held 625 MB. A
    threshold from which glibc gives back by itself makes each large array a new
    mapping: the first photo then took two seconds longer.
    """
    if st.runtime.exists():
        freed_memory.give_memory_back()


def leave_a_core_to_pages() -> None:
    """Import Keras, and let TensorFlow compute on all cores but one.

    Pages of other visitors are drawn while a photo is answered. On two cores a photo
    also takes a quarter less of the processor, since no thread waits for another. A
    variable of the environment that says otherwise is followed. Processes that are
    started later, such as trainings, choose for themselves.
    """
    # Not imported as the server starts, which it would slow down.
    from core.predictor import available_cores

    count = str(max(1, available_cores() - 1))
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    mine = {name: count for name in names if name not in os.environ}
    os.environ.update(mine)
    try:
        import keras

        # TensorFlow reads the variables when it first computes.
        keras.ops.zeros(())
    finally:
        for name in mine:
            os.environ.pop(name, None)


def keep_keras_session() -> None:
    """Keep Keras's session from one run of a page to the next.

    Streamlit clears it after every run, since models of TensorFlow 1 needed it
    (https://github.com/streamlit/streamlit/issues/939). The graphs of cached models are
    then optimized again, which takes seconds at each photo, and a fifth of a second
    goes into collecting garbage at each move of a slider.
    """
    import keras

    keras.backend.clear_session = lambda *, free_memory=True: None
