"""Thumbnails of test images on a page, where pictures may be shown."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.errors import EquipoiseError
from core.host_check import is_own_machine
from core.views import pictures
from core.views.own_copy import show_copies_where
from core.views.pictures import SIDE, why_no_pictures
from core.views.study_view import StudyView
from pages.shell.show import show_error

__all__ = ["SIDE", "find_paths", "load_thumbnails", "why_no_pictures"]

# The person's own copy is shown where nobody else can open the page.
show_copies_where(lambda: is_own_machine(st.get_option("server.address")))


def find_paths(view: StudyView, image_ids: Sequence[str]) -> Mapping[str, str]:
    """Where the pictures of these images are, by id; says so if they cannot be had."""
    try:
        return pictures.find_shown_paths(view, image_ids)
    except EquipoiseError as error:
        show_error(error)
        return {}


def load_thumbnails(view: StudyView, image_ids: Sequence[str]) -> dict[str, bytes]:
    """Pictures of these images as PNG, by id; those that cannot be had are left out."""
    return pictures.load_thumbnails(view.study, find_paths(view, image_ids), image_ids)
