"""Every view there is, by name."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from core.errors import ViewError
from core.language import gettext
from core.views.drawing import VIEWS, Drawn, View
from core.views.study_view import StudyView

MODULES = (
    "overview",
    "published",
    "stability",
    "search",
    "two_studies",
    "classification",
    "confusions",
    "curves",
    "calibration",
    "temperature_scaling",
    "top_k",
    "age",
    "age_intervals",
    "fairness",
    "group_map",
    "slices",
    "whatif",
    "errors",
    "gallery",
    "changed",
    "robustness",
    "label_errors",
    "label_meaning",
    "cost",
    "methods",
    "data",
    "samplers",
    "preprocessing",
    "runs",
)
"""Modules of ``core.views`` that define views, in the order of the pages."""


def all_views() -> dict[str, View]:
    """Every view by its name, in the order of the pages."""
    for module in MODULES:
        import_module(f"core.views.{module}")
    return VIEWS


def view_named(name: str) -> View:
    """The view of that name.

    Raises
    ------
    ViewError
        If there is none.
    """
    views = all_views()
    if name not in views:
        near = get_close_matches(name, views, n=1)
        raise ViewError(
            gettext("There is no view '{name}'.", name=name),
            expected=gettext("one of {names}.", names=", ".join(views)),
            remedy=gettext("write '{name}'.", name=near[0])
            if near
            else gettext("correct the name."),
        )
    return views[name]


def draw_view(name: str, view: StudyView, parameters: Mapping[str, Any]) -> Drawn:
    """Draw the view of that name with parameters as a story's file gives them.

    Raises
    ------
    ViewError
        If there is no such view, or no such parameter.
    NothingToShow
        If the study has nothing of the kind.
    """
    asked = view_named(name)
    return asked.draw(view, **asked.read(parameters))
