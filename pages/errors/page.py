"""Errors: which classes are hard, the images behind it, and what a label means."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.evaluation.answers import categories_of
from core.tasks import Regression, Task
from core.text import emphasis, to_markdown
from pages.errors.gallery import show_images
from pages.errors.meaning import show_meaning
from pages.errors.rates import show_bins, show_classes
from pages.shell.address import Asked, preset, read_address, write_address
from pages.shell.answers import load_errors
from pages.shell.show import stop_with
from pages.shell.study_bar import StudyView, study_bar
from pages.shell.tables import leave_out_damaged


def main() -> None:
    """Choose a task and a method; show its errors, the images, and what labels mean."""
    view = study_bar(
        "Where do the methods fail?",
        lead="The hardest classes, what they are taken for, and the images behind the "
        "numbers.",
        beside=True,
    )
    view = leave_out_damaged(view)
    if not view.chosen_runs:
        stop_with(
            "No shown method has a run with the chosen seeds. Choose other seeds or "
            f"methods under {emphasis('Methods and seeds')}."
        )
    asked = read_address()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        task = _choose_task(view, asked)
        method = _choose_method(view, asked)
    found = load_errors(view, task)
    rates, images = _places(asked)
    with rates:
        if isinstance(task, Regression):
            show_bins(view, task, method, found)
        else:
            show_classes(view, task, method, found)
    with images:
        shown = show_images(view, method, found, asked)
    show_meaning(view, task)
    write_address({"task": [task.name], "method": [method], **shown}, asked)


def _places(asked: Asked) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Where the rates go and where the images: first what a link is about."""
    if asked.is_new:
        pair = asked.get("truth") and asked.get("predicted")
        st.session_state["errors_images_first"] = bool(pair)
    first, second = st.container(), st.container()
    if st.session_state.get("errors_images_first"):
        return second, first
    return first, second


def _choose_task(view: StudyView, asked: Asked) -> Task:
    # The task with the most classes first, as on Classification.
    ordered = sorted(
        view.tasks, key=lambda task: (task.kind == "regression", -_size(task))
    )
    tasks = {task.name: task for task in ordered}
    key = f"errors_task_{view.study.name}"
    names = list(tasks)
    preset(
        key,
        names,
        asked=asked,
        wanted=asked.get("task"),
        what="task",
        default=names[0],
    )
    if len(tasks) == 1:
        return ordered[0]
    chosen = st.segmented_control(
        "Task",
        names,
        required=True,
        format_func=lambda name: to_markdown(tasks[name].label),
        key=key,
        persist_state="session",
    )
    return tasks[chosen]


def _size(task: Task) -> int:
    return len(categories_of(task))


def _choose_method(view: StudyView, asked: Asked) -> str:
    """The method whose errors are looked at, among those with a chosen run."""
    methods = _methods(view)
    # Beside another study, the chosen study's own method comes first.
    baseline = next(iter(view.references)) if view.has_counterparts else view.baseline
    key = f"errors_method_{view.study.name}"
    preset(
        key,
        methods,
        asked=asked,
        wanted=asked.get("method"),
        what="method",
        default=baseline if baseline in methods else methods[0],
    )
    return st.selectbox(
        "Errors of",
        methods,
        format_func=view.labels.__getitem__,
        key=key,
        persist_state="session",
        width=320,
    )


def _methods(view: StudyView) -> Sequence[str]:
    trained = {run.method for run in view.chosen_runs}
    return [method for method in view.methods if method in trained]


main()
