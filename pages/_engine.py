"""Keras in a page: imported when it is first needed, and left alone afterwards."""

import streamlit as st


@st.cache_resource(show_spinner=False)
def load_engine() -> None:
    """Import Keras, and keep its session from one run of a page to the next.

    Streamlit clears that session after every run: the graphs of cached models are then
    optimized again, which takes seconds at each photo, and a fifth of a second goes
    into collecting garbage at each move of a slider.
    """
    import keras

    keras.backend.clear_session = lambda *, free_memory=True: None
