"""Train: what a training costs, before it is started."""

import os
from datetime import datetime, timedelta

import streamlit as st

from core.errors import EquipoiseError
from core.language import gettext, ngettext
from core.text import clauses, number, to_markdown
from core.training.estimate import (
    Estimate,
    ask_costs,
    estimate,
    forget_faults,
    has_died,
    is_measuring,
    measuring_now,
    read_cost,
)
from core.training.queue import list_jobs, progress_of, seconds_left
from core.views.jobs import duration_text, size_text
from pages.shell.show import saying_why_not, show_error
from pages.train.settings import MEASURE, Plan

# Seconds between two looks while something is being measured.
LIVE_S = 2.0
SHOWN = 4


def show_cost(plan: Plan) -> None:
    """Time, memory and disk of the runs, as far as they were measured."""
    is_asked = st.session_state.pop(MEASURE, False)
    if not plan.missing.to_train:
        return
    if is_asked:
        _measure(plan, list(dict.fromkeys(name for name, _ in plan.missing.to_train)))
    busy = is_measuring(plan.study, plan.data)
    st.fragment(_show_cost, run_every=LIVE_S if busy else None)(plan, busy)


def _show_cost(plan: Plan, was_busy: bool) -> None:
    with saying_why_not():
        study, data, pairs = plan.study, plan.data, plan.missing.to_train
        methods = list(dict.fromkeys(method for method, _ in pairs))
        busy = is_measuring(study, data)
        if was_busy and not busy:
            # Measured by now: the page is drawn anew, and looks no more.
            st.rerun()
        costs = {method: read_cost(study, method, data) for method in methods}
        found = estimate(study, pairs, data)
        if found is not None:
            _show_numbers(plan, found)
        for method, cost in costs.items():
            if cost is not None and not cost.is_known:
                problem, expected, remedy = cost.fault
                said = gettext(
                    "{name}: {value}", name=study.methods[method].label, value=problem
                )
                show_error(EquipoiseError(said, expected=expected, remedy=remedy))
        if busy:
            now = measuring_now(study, data)
            share = now.done / now.total if now.total else 0.0
            st.progress(
                min(1.0, share),
                text=to_markdown(
                    gettext(
                        "Measuring on a few real steps: {what}",
                        what=gettext(now.what)
                        if now.what
                        else gettext("getting ready"),
                    )
                ),
            )
            return
        missing = [m for m, cost in costs.items() if cost is None or not cost.is_known]
        if missing and has_died(study, data):
            st.warning(
                gettext(
                    "The measuring ended without a result: the machine may have too "
                    "little memory for these settings."
                ),
                icon=":material/warning:",
            )
        if missing:
            st.button(
                gettext("Measure the cost"),
                key="train_measure",
                icon=":material/speed:",
                on_click=_measure,
                args=(plan, methods),
                help=gettext(
                    "A process of its own prepares the images and trains a few real "
                    "steps of each method. It takes about a minute, and is kept for "
                    "the next time."
                ),
            )
            if found is None:
                st.caption(
                    gettext("Time, memory and disk are measured before you start.")
                )


def _measure(plan: Plan, methods: list[str]) -> None:
    try:
        forget_faults(plan.study, methods, plan.data)
        ask_costs(plan.study, methods, plan.data)
    except EquipoiseError as error:
        st.session_state["train_fault"] = error


def _show_numbers(plan: Plan, found: Estimate) -> None:
    ahead, is_known = _seconds_ahead()
    with st.container(horizontal=True, gap="medium"):
        st.metric(
            gettext("Time, at most"),
            duration_text(found.seconds),
            help=gettext("If no run stops early; with nothing else on the machine."),
        )
        st.metric(
            gettext("Done"),
            _clock(ahead + found.seconds),
            help=gettext("After the jobs that are in the queue before it.")
            if is_known
            else gettext("Jobs in the queue before it come on top."),
        )
        if found.memory_bytes:
            st.metric(gettext("Memory"), size_text(found.memory_bytes))
        st.metric(
            gettext("Disk"),
            size_text(found.disk_bytes),
            help=gettext("{free} are free.", free=size_text(found.free_bytes)),
        )
    labels = plan.study.methods
    said = [
        gettext(
            "{method}: {seconds} s an epoch",
            method=labels[method].label,
            seconds=number(seconds, 1 if seconds < 10 else 0),
        )
        for method, seconds in found.epoch_s[:SHOWN]
    ]
    if more := len(found.epoch_s) - SHOWN:
        said += [ngettext("{count} more", "{count} more", more)] if more > 0 else []
    if found.measured < found.methods:
        said.append(
            gettext(
                "{measured} of {methods} methods are measured so far",
                measured=found.measured,
                methods=found.methods,
            )
        )
    st.caption(to_markdown(clauses(said)))
    if found.disk_bytes > found.free_bytes:
        st.warning(
            gettext("There is not enough room on the disk."), icon=":material/warning:"
        )
    if found.memory_bytes > _memory() > 0:
        st.warning(
            gettext(
                "This needs more memory than the machine has: choose smaller images, a "
                "smaller backbone or smaller batches."
            ),
            icon=":material/warning:",
        )


def _seconds_ahead() -> tuple[float, bool]:
    """Until the jobs before are done, and whether that is known of all of them."""
    seconds, is_known = 0.0, True
    for each in list_jobs():
        if each.state in ("waiting", "running"):
            left = seconds_left(progress_of(each.job))
            seconds += left or 0.0
            is_known = is_known and left is not None
    return seconds, is_known


def _clock(seconds: float) -> str:
    """When it is, by the server's clock."""
    now = datetime.now().astimezone()
    then = now + timedelta(seconds=seconds)
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M}"


def _memory() -> int:
    """Bytes of memory of the machine; 0 where they are not told."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0
