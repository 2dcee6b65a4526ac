"""The app's pages, one module a page; modules with an underscore are shared."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

# Until st.navigation has run once in a process, Streamlit takes a folder named pages/
# for its older kind of app: a link to /runs that is opened first after a start would
# run that page without the router. This says so, once, and starts over.
if PagesManager.uses_pages_directory:
    PagesManager.uses_pages_directory = False
    st.rerun()
