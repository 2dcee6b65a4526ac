"""Thumbnails of test images on a page, where pictures may be shown."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from core.data.picture_paths import DATA_VARIABLE, own_copy
from core.errors import EquipoiseError
from core.host_check import is_own_machine
from core.study import Study
from core.text import code, strong
from core.views import pictures
from core.views.study_view import StudyView
from pages.shell.show import show_error


def why_no_pictures(view: StudyView) -> str:
    """Why the pictures of a study cannot be shown; empty if they can be."""
    if not view.dataset.has_pictures:
        return (
            f"{strong(view.study.title)} was made of a table of predictions: it has no "
            "pictures."
        )
    if view.dataset.generated or _copy(view.study) is not None:
        return ""
    return (
        f"Pictures of {view.dataset.title} are not shown: they may not be passed on, "
        "and a page that others can open does that. To see your own copy, on your own "
        "machine alone, start the app with "
        f"{code(f'{DATA_VARIABLE}=FOLDER equipoise app')} and have the copy in "
        f"{code(f'FOLDER/{view.study.dataset.name}')}."
    )


def find_paths(view: StudyView, image_ids: Sequence[str]) -> Mapping[str, str]:
    """Where the pictures of these images are, by id; says so if they cannot be had."""
    copy = None if view.dataset.generated else _copy(view.study)
    try:
        return pictures.find_paths(view, image_ids, copy)
    except EquipoiseError as error:
        show_error(error)
        return {}


def load_thumbnails(view: StudyView, image_ids: Sequence[str]) -> dict[str, bytes]:
    """Pictures of these images as PNG, by id; those that cannot be had are left out."""
    return pictures.load_thumbnails(view.study, find_paths(view, image_ids), image_ids)


def _copy(study: Study) -> Path | None:
    """The person's own copy, where nobody else can open the page."""
    if not is_own_machine(st.get_option("server.address")):
        return None
    return own_copy(study)
