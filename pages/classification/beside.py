"""A chart and its differences to the baseline side by side, the numbers below both."""

from collections.abc import Sequence

import streamlit as st

from core.views.drawing import Drawn
from pages.shell.show import show_numbers, show_view


def show_beside(
    drawn: Drawn, differences: Drawn | None, widths: Sequence[int] = (1, 1)
) -> None:
    """Show a view, its differences to the right if there are any, and its numbers."""
    if differences is None:
        show_view(drawn)
        return
    left, right = st.columns(widths)
    with left:
        show_view(drawn, with_numbers=False)
    with right:
        show_view(differences)
    show_numbers(drawn)
