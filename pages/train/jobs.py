"""Train: the jobs of the queue, live, with their buttons."""

from collections import Counter
from collections.abc import Callable

import streamlit as st

from core.errors import EquipoiseError
from core.language import N_, gettext, ngettext
from core.text import clauses, code, strong, to_list, to_markdown, to_plain
from core.training.live import RunProgress
from core.training.queue import (
    MOST_AT_ONCE,
    Job,
    JobStatus,
    delete,
    doing_now,
    go_on,
    list_jobs,
    log_of,
    progress_of,
    read_slots,
    seconds_left,
    set_slots,
    stop,
)
from core.training.worker import ensure_worker
from core.views.jobs import (
    curve_title,
    curves_of,
    draw_job_curves,
    duration_text,
    job_history,
    moment_text,
    run_text,
)
from pages.shell.show import saying_why_not, show_error

# Seconds between two looks while something is at work, and otherwise.
LIVE_S, IDLE_S = 1.5, 6.0
# What a reader sees of a state: words, colour and sign.
STATES = {
    "waiting": (N_("waiting"), "blue", ":material/hourglass_empty:"),
    "running": (N_("at work"), "violet", ":material/model_training:"),
    "stopping": (N_("stopping"), "orange", ":material/stop_circle:"),
    "stopped": (N_("stopped"), "orange", ":material/pause_circle:"),
    "finished": (N_("finished"), "green", ":material/check_circle:"),
    "failed": (N_("failed"), "red", ":material/error:"),
}
LOG_LINES, WHOLE_LOG = 24, 100_000
SHOWN = 8
_REPORTED = "train_reported"


def show_jobs() -> None:
    """All jobs, the newest first; looked at again and again while it is open."""
    active = any(not each.is_over for each in list_jobs())
    st.fragment(_show_jobs, run_every=LIVE_S if active else IDLE_S)()


def _show_jobs() -> None:
    with saying_why_not():
        jobs = list_jobs()
        if any(each.state == "waiting" for each in jobs):
            ensure_worker()
        with st.container(
            horizontal=True, vertical_alignment="center", key="train_jobs_head"
        ):
            st.subheader(gettext("Jobs"), anchor=False)
            _choose_slots()
        if said := st.session_state.get(_REPORTED):
            show_error(said)
        if not jobs:
            st.info(
                gettext(
                    "Nothing was trained here yet. A job that you start above shows "
                    "its progress here, also after you close this page."
                ),
                icon=":material/info:",
            )
            return
        for status in jobs[:SHOWN]:
            _show_job(status)
        if older := jobs[SHOWN:]:
            with st.expander(
                ngettext("{count} earlier job", "{count} earlier jobs", len(older)),
                key="train_older",
            ):
                for status in older:
                    _show_job(status)


def _choose_slots() -> None:
    with st.popover(
        gettext("Queue"), icon=":material/settings:", type="tertiary", key="train_queue"
    ):
        slots = read_slots()
        chosen = st.number_input(
            gettext("Jobs at once"),
            1,
            MOST_AT_ONCE,
            slots,
            key="train_slots",
            help=gettext(
                "Each takes a processor core and its own memory. With more jobs than "
                "cores, all become slower."
            ),
        )
        if chosen != slots:
            set_slots(int(chosen))


def _show_job(status: JobStatus) -> None:
    job = status.job
    words, colour, icon = STATES[status.state]
    with st.container(border=True, key=f"train_job_{job.id}"):
        parts = progress_of(job)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(to_markdown(strong(_title(job))), width="content")
            st.badge(gettext(words), icon=icon, color=colour)
        st.caption(to_markdown(_what(job)))
        if job.kind == "training":
            _show_training(status, parts)
        else:
            _show_search(status)
        if status.state == "failed":
            _show_fault(status)
        _show_buttons(status, parts)
        if st.session_state.get(f"train_look_{job.id}"):
            _show_details(job, parts)


def _title(job: Job) -> str:
    if job.kind == "training":
        return gettext(job.study.title)
    return gettext("Search: {study}", study=gettext(job.study.title))


def _what(job: Job) -> str:
    """What was asked for, in one line."""
    begun = moment_text(job.created)
    if job.kind == "search":
        return gettext(
            "{trials} of each of {methods}; asked for {when}.",
            trials=ngettext("{count} try", "{count} tries", job.trials),
            methods=ngettext("{count} method", "{count} methods", len(job.methods)),
            when=begun,
        )
    methods = Counter(method for method, _ in job.pairs)
    seeds = {seed for _, seed in job.pairs}
    return gettext(
        "{study}: {methods}, {seeds}; asked for {when}.",
        study=code(job.study.name),
        methods=ngettext("{count} method", "{count} methods", len(methods)),
        seeds=ngettext("{count} seed", "{count} seeds", len(seeds)),
        when=begun,
    )


def _show_training(status: JobStatus, parts: tuple[RunProgress, ...]) -> None:
    """The bar, and how far each run is."""
    done = sum(part.run is not None for part in parts)
    share = sum(part.share for part in parts) / max(1, len(parts))
    said = [gettext("{done} of {all} runs finished", done=done, all=len(parts))]
    if status.state == "waiting":
        said.append(gettext("place {place} in the queue", place=status.position))
    left = seconds_left(parts)
    if status.state == "running":
        now = doing_now(status.job.id)
        if left is not None:
            said.append(gettext("about {time} left", time=duration_text(left)))
        elif now.total and not any(part.live for part in parts):
            said.append(
                gettext(
                    "{what}: {done} of {all}",
                    what=gettext(now.what),
                    done=now.done,
                    all=now.total,
                )
            )
        else:
            said.append(gettext("getting ready"))
    st.progress(min(1.0, share), text=to_markdown(clauses(said)))
    if status.state == "finished":
        return
    labels = status.job.study.methods
    st.markdown(
        to_list(
            gettext(
                "{method}, seed {seed}: {progress}",
                method=labels[part.method].label,
                seed=str(part.seed),
                progress=run_text(part),
            )
            for part in parts
            if part.live is not None or len(parts) <= SHOWN
        )
    )


def _show_search(status: JobStatus) -> None:
    """How many tries are finished, and what the search is doing now."""
    from pages.train.search import describe_result, describe_tries

    job, now = status.job, doing_now(status.job.id)
    if status.state == "finished":
        st.markdown(to_markdown(describe_result(job)))
        return
    st.markdown(to_markdown(describe_tries(job)))
    if status.state == "running":
        share = now.done / now.total if now.total else 0.0
        said = gettext("getting ready")
        if now.total:
            said = gettext(
                "{what}: {done} of {all}",
                what=gettext(now.what),
                done=now.done,
                all=now.total,
            )
        st.progress(min(1.0, share), text=to_markdown(said))
    elif status.state == "waiting":
        st.caption(gettext("Place {place} in the queue", place=status.position))


def _show_fault(status: JobStatus) -> None:
    problem, expected, remedy = status.fault
    show_error(EquipoiseError(problem, expected=expected, remedy=remedy))


def _show_buttons(status: JobStatus, parts: tuple[RunProgress, ...]) -> None:
    job = status.job
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if status.state in ("waiting", "running"):
            _button(
                status,
                "stop",
                gettext("Stop"),
                ":material/stop:",
                lambda: stop(job.id),
                gettext(
                    "It stops within a batch. What was trained is kept up to the last "
                    "finished epoch, and it can go on from there."
                ),
            )
        if status.state == "stopped":
            _button(
                status, "on", gettext("Go on"), ":material/play_arrow:", _again(job)
            )
            if job.kind == "search":
                _offer_best(status)
        if status.state == "failed":
            _button(status, "on", gettext("Retry"), ":material/replay:", _again(job))
        if status.state == "finished":
            _offer_result(job)
        if status.is_over:
            _offer_deletion(status, parts)
        st.toggle(gettext("Charts and log"), key=f"train_look_{job.id}")


def _again(job: Job) -> Callable[[], None]:
    def again() -> None:
        go_on(job.id)
        ensure_worker()

    return again


def _button(
    status: JobStatus,
    name: str,
    label: str,
    icon: str,
    act: Callable[[], None],
    help_text: str | None = None,
) -> None:
    st.button(
        label,
        key=f"train_{name}_{status.job.id}",
        icon=icon,
        on_click=_acting,
        args=(act,),
        help=help_text,
    )


def _acting(act: Callable[[], None]) -> None:
    """Do what a button says; what goes wrong is said above the jobs."""
    st.session_state.pop(_REPORTED, None)
    try:
        act()
    except EquipoiseError as error:
        st.session_state[_REPORTED] = error


def _offer_result(job: Job) -> None:
    """Where the finished job is to be seen, or used."""
    if job.kind == "training":
        st.page_link(
            "pages/overview/page.py",
            label=gettext("See the comparison"),
            icon=":material/balance:",
            query_params={"study": job.study.name},
        )
    else:
        st.page_link(
            "pages/train/page.py",
            label=gettext("Train the tuned study"),
            icon=":material/model_training:",
            query_params={"study": job.tuned},
        )


def _offer_best(status: JobStatus) -> None:
    """Of a search that was stopped: the study with the best that it has found."""
    from pages.train.search import best_so_far, take_best

    ending = best_so_far(status)
    if ending is not None:
        _button(
            status,
            "best",
            gettext("Take the best so far"),
            ":material/trophy:",
            lambda: take_best(ending),
            gettext("Writes the tuned study with the tries that are finished."),
        )


def _offer_deletion(status: JobStatus, parts: tuple[RunProgress, ...]) -> None:
    """Delete a job, asked twice: its button opens what is asked."""
    job = status.job
    with st.popover(
        gettext("Delete"), icon=":material/delete:", key=f"train_delete_{job.id}"
    ):
        st.markdown(
            gettext(
                "The job leaves this list, and its unfinished trainings are deleted. "
                "Finished runs stay in the comparison."
            )
        )
        finished = sum(part.run is not None for part in parts)
        with_runs = finished > 0 and st.checkbox(
            ngettext(
                "Delete its {count} finished run too",
                "Delete its {count} finished runs too",
                finished,
            ),
            key=f"train_delete_runs_{job.id}",
        )
        st.button(
            gettext("Delete for good"),
            key=f"train_delete_now_{job.id}",
            on_click=_acting,
            args=(lambda: delete(job, with_runs=bool(with_runs)),),
        )


def _show_details(job: Job, parts: tuple[RunProgress, ...]) -> None:
    """The curves so far, and the log."""
    if job.kind == "search":
        from pages.train.search import show_tries

        show_tries(job)
    history = job_history(parts)
    names = curves_of(history)
    if names:
        name = st.selectbox(
            gettext("Curve"),
            names,
            format_func=lambda name: curve_title(job.study, name),
            key=f"train_curve_{job.id}",
            width=300,
        )
        figure, said = draw_job_curves(job.study, history, name)
        st.plotly_chart(
            figure,
            key=f"train_chart_{job.id}",
            alt=to_plain(said),
            config={"displayModeBar": False},
        )
        st.caption(
            gettext(
                "Thick: validation; thin and dotted: training. Signs: the best epoch "
                "so far."
            )
        )
    text = log_of(job.id, lines=LOG_LINES)
    if not text:
        st.caption(gettext("The log is empty so far."))
        return
    # Lines are folded: what scrolls cannot be reached by keys.
    st.code(text, language=None, wrap_lines=True)
    st.download_button(
        gettext("Log (TXT)"),
        data=lambda: log_of(job.id, lines=WHOLE_LOG),
        file_name=f"{job.study.name}-{job.id}.txt",
        mime="text/plain",
        key=f"train_log_{job.id}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )
