"""What of Streamlit and of Keras is changed for the whole process, and why."""

from streamlit.runtime.pages_manager import PagesManager


def take_pages_from_navigation() -> None:
    """Let ``st.navigation`` alone say what the pages are; called as the server starts.

    Until it has run once, Streamlit takes a folder named ``pages`` for its older kind
    of app, and a link to a page that is opened first ends on the main page.
    ``st.navigation`` sets the same switch, too late for the first visit
    (https://github.com/streamlit/streamlit/pull/8673).
    """
    PagesManager.uses_pages_directory = False


def keep_keras_session() -> None:
    """Keep Keras's session from one run of a page to the next.

    Streamlit clears it after every run, since models of TensorFlow 1 needed it
    (https://github.com/streamlit/streamlit/issues/939). The graphs of cached models are
    then optimized again, which takes seconds at each photo, and a fifth of a second
    goes into collecting garbage at each move of a slider.
    """
    import keras

    keras.backend.clear_session = lambda *, free_memory=True: None
