"""Errors: hard classes, the images behind them, corrupted images, labels."""

from collections.abc import Collection, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.evaluation.answers import categories_of
from core.language import N_, gettext
from core.tasks import Regression, Task
from core.views.answers import load_errors, methods_with_runs, usual_method
from core.views.study_view import StudyView
from pages.errors.changed import show_changed
from pages.errors.gallery import show_images
from pages.errors.label_errors import show_label_errors
from pages.errors.meaning import show_meaning
from pages.errors.rates import show_bins, show_classes
from pages.errors.robustness import show_robustness
from pages.shell.address import CHANGED, Address, run_page, this_address
from pages.shell.choose import choose, choose_task
from pages.shell.notices import leave_out_damaged
from pages.shell.study_bar import study_bar


def main() -> None:
    """Choose a task and a method; show its errors, the images, and what labels mean."""
    view = study_bar(
        N_("Where do the methods fail?"),
        lead=N_(
            "The hardest classes, what they are taken for, and the images behind the "
            "numbers."
        ),
        beside=True,
    )
    view = leave_out_damaged(view)
    methods = methods_with_runs(view)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # The task with the most classes first, as on Classification.
        task = choose_task(
            sorted(view.tasks, key=lambda t: (t.kind == "regression", -_size(t))),
            key=f"errors_task_{view.study.name}",
        )
        method = _choose_method(view, methods)
    found = load_errors(view, task)
    rates, images, changed = _places()
    with rates:
        if isinstance(task, Regression):
            show_bins(view, task, method)
        else:
            show_classes(view, task, method, found)
    with images:
        show_images(view, method, found)
    with changed:
        show_changed(view, found)
    show_robustness(view, task)
    show_label_errors(view, task)
    show_meaning(view, task)


def _places() -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Where rates, images and changes go: first what a link is about."""
    address, key = this_address(), "errors_first"
    if address.is_new and address.sent is None:
        of_images = _is_of_images(address.asked)
        st.session_state[key] = "images" if of_images else _asked_first(address)
    # Whoever clears these filters looks at the rates again.
    elif st.session_state.get(key) == "images" and not _is_of_images(st.query_params):
        st.session_state[key] = ""
    first = st.session_state.get(key, "")
    address.choose("first", (first,) if first == CHANGED else ())
    names = ["rates", "images", CHANGED]
    names.sort(key=lambda name: name != first)
    places = {name: st.container() for name in names}
    return places["rates"], places["images"], places[CHANGED]


def _asked_first(address: Address) -> str:
    """What a link puts first, beside images."""
    (wanted,) = (address.take("first") or ("",))[:1]
    if wanted not in ("", CHANGED):
        address.name_unknown(gettext("part"), wanted)
        return ""
    return wanted


def _is_of_images(parameters: Collection[str]) -> bool:
    """Whether an address is about one confusion, or the images of some groups."""
    return "where" in parameters or {"truth", "predicted"} <= set(parameters)


def _size(task: Task) -> int:
    return len(categories_of(task))


def _choose_method(view: StudyView, methods: Sequence[str]) -> str:
    """The method whose errors are looked at."""
    return choose(
        gettext("Errors of"),
        methods,
        default=usual_method(view),
        labels=view.labels,
        key=f"errors_method_{view.study.name}",
        parameter="method",
        spelled_out=True,
        always=True,
        width=320,
    )


run_page(main)
