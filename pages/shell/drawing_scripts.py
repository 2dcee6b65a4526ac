"""The scripts that draw charts and tables: asked for before these are there."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

_ARE_ASKED_FOR = "drawing_scripts_are_asked_for"
_HIDDEN = {"visible": False}
_EMPTY_CHART = {
    "data": [{"type": "scatter"}],
    "layout": {
        "height": 10,
        "margin": dict.fromkeys("lrtb", 0),
        "xaxis": _HIDDEN,
        "yaxis": _HIDDEN,
    },
}


@contextmanager
def fetching_drawing_scripts() -> Iterator[None]:
    """Let the browser fetch the scripts while the first chart is computed.

    Streamlit's page asks for each when an element that needs it arrives: Plotly's is
    5 MB, and the element waits in grey until the browser has a moment for it, which on
    a page of charts is late. So an empty chart and an empty table arrive first. The
    style sheet hides them, and they are gone when the page is whole.
    """
    place = st.container(key="drawing_scripts").empty()
    if _ARE_ASKED_FOR not in st.session_state:
        st.session_state[_ARE_ASKED_FOR] = True
        with place.container():
            st.plotly_chart(_EMPTY_CHART, config={"staticPlot": True})
            st.table([])
    yield
    place.empty()
