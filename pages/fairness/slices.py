"""The part of the Fairness page on slices: groups of up to two features."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.evaluation.slice_features import truth_feature
from core.language import gettext
from core.results.slices import slice_parts, slice_text
from core.tasks import Task
from core.views import slices
from core.views.study_view import StudyView
from pages.shell.address import fragment, open_errors
from pages.shell.choose import choose
from pages.shell.show import open_card, saying_why_not, show_view


@fragment
def show_slices(view: StudyView, task: Task) -> None:
    """The worst slices of one method, each with the way to its images."""
    with open_card(slices.title_of(view, task)) as card:
        method = choose(
            gettext("Method"),
            view.methods,
            default=view.baseline,
            labels=view.labels,
            key=f"fairness_slices_method_{view.study.name}",
            parameter="sliced",
            what=gettext("method"),
            always=True,
            width=320,
        )
        with saying_why_not():
            drawn = slices.draw_slices(view, task=task.name, method=method)
            rows = slices.load_worst(view, task, method)
            show_view(
                drawn,
                card=card,
                on_click=lambda _, point: _open(
                    view, task, method, rows.iloc[point["point_index"]]
                ),
            )
            _choose_slice(view, task, method, rows)


def _choose_slice(view: StudyView, task: Task, method: str, rows: pd.DataFrame) -> None:
    """The way to the images of a slice without a mouse."""
    key = f"fairness_slice_{view.study.name}_{task.name}_{method}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = [slice_text(row, view.tasks) for row in rows.to_dict("records")]
        name = st.selectbox(gettext("Slice"), names, key=key, width=420)
        if st.button(
            gettext("Show the images"),
            icon=":material/arrow_forward:",
            key=f"{key}_open",
        ):
            _open(view, task, method, rows.iloc[names.index(name)])


def _open(view: StudyView, task: Task, method: str, row: pd.Series) -> None:
    open_errors(view.study.name, **_filter(task, method, row))


def _filter(
    task: Task, method: str, row: Mapping[Any, Any] | pd.Series
) -> dict[str, str | list[str]]:
    """Parameters of Errors' address that leave the images of a slice."""
    parts = slice_parts(row)
    truth = parts.pop(truth_feature(task), "")
    where = [f"{feature}:{group}" for feature, group in parts.items()]
    chosen: dict[str, str | list[str]] = {"task": task.name, "method": method}
    return chosen | ({"truth": truth} if truth else {}) | {"where": where}
