"""Train: start a training or a search, see what it costs, and watch it."""

import streamlit as st

from core.errors import EquipoiseError
from core.host_check import TRAINING_VARIABLE, may_train
from core.language import N_, gettext
from core.text import code, to_markdown
from core.training.plan import save_study
from core.training.queue import new_job, submit
from core.training.worker import ensure_worker
from pages.shell.address import read_address, run_page
from pages.shell.choose import choose
from pages.shell.show import open_card, show_error, stop_with
from pages.train.cost import show_cost
from pages.train.jobs import show_jobs
from pages.train.settings import Plan, choose_plan, choose_study, describe_missing

WAYS = {"train": N_("Train methods"), "search": N_("Search settings")}
TITLE = N_("Train")


def main() -> None:
    """Choose, see what it costs, start; below, the jobs."""
    st.title(gettext(TITLE), anchor=False)
    st.markdown(
        gettext(
            "From a study to a finished comparison: in processes of its own, which go "
            "on when you close this page."
        )
    )
    if not may_train(st.get_option("server.address")):
        stop_with(
            gettext(
                "Others can reach this server, and training spends its machine: it is "
                "off here. Who runs the server switches it on with {setting}.",
                setting=code(f"{TRAINING_VARIABLE}=on"),
            )
        )
    read_address(TITLE)
    way = choose(
        gettext("What would you like to do?"),
        list(WAYS),
        labels=lambda way: gettext(WAYS[way]),
        key="train_way",
        parameter="way",
        is_segmented=True,
    )
    if way == "train":
        show_training()
    else:
        # Optuna is loaded where it is asked for alone.
        from pages.train.search import show_search_form

        show_search_form()
    show_jobs()


def show_training() -> None:
    """Choose what is trained, see what it costs, and start it."""
    form, beside = st.columns([3, 2], gap="medium")
    with form, open_card(gettext("What is trained"), key="train_card"):
        plan = choose_plan(choose_study())
    if plan is None:
        return
    with beside, open_card(gettext("What it costs"), key="train_cost_card"):
        st.markdown(to_markdown(describe_missing(plan)))
        show_cost(plan)
        can_start = bool(plan.missing.to_train)
        st.button(
            gettext("Start training"),
            key="train_start",
            # A primary button that is off cannot be read.
            type="primary" if can_start else "secondary",
            icon=":material/play_arrow:",
            disabled=not can_start,
            on_click=_start,
            args=(plan,),
        )
        if fault := st.session_state.pop("train_fault", None):
            show_error(fault)


def _start(plan: Plan) -> None:
    try:
        if plan.is_new:
            save_study(plan.study)
        submit(
            new_job("training", plan.study, pairs=plan.missing.to_train, data=plan.data)
        )
        ensure_worker()
        st.toast(gettext("The job is in the queue."), icon=":material/check:")
    except EquipoiseError as error:
        st.session_state["train_fault"] = error


run_page(main)
