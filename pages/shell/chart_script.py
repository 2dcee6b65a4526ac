"""The script that draws charts: asked for before the first chart is there."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

_IS_ASKED_FOR = "chart_script_is_asked_for"
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
def fetching_chart_script() -> Iterator[None]:
    """Let the browser fetch Plotly while the server computes a visit's first chart.

    Streamlit's page asks for it, 5 MB, when a chart arrives. An empty chart arrives
    first, which the style sheet hides, and is gone when the page is whole.
    """
    place = st.container(key="chart_script").empty()
    if _IS_ASKED_FOR not in st.session_state:
        st.session_state[_IS_ASKED_FOR] = True
        place.plotly_chart(_EMPTY_CHART, config={"staticPlot": True})
    yield
    place.empty()
