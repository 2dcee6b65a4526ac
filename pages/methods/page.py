"""Methods: what each remedy does to one image and to every class, to be played with."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.data.long_tail import class_counts
from core.errors import EquipoiseError
from core.language import N_, gettext, in_form, ngettext
from core.methods import curves
from core.methods.entry import GROUPS, PARTS, Entry, Value
from core.methods.formula_text import said_formula
from core.methods.registry import TAKES_GROUPS
from core.plots import methods as plots
from core.plots.look import Look, method_styles
from core.tasks import Regression, Task
from core.text import listed, strong, to_list, to_markdown
from core.views.caching import manifest_fingerprint
from core.views.loads import load_training_rows
from core.views.methods import users_of_entries, usual_of
from core.views.study_view import StudyView
from pages.methods.classes import show_classes, show_targets
from pages.methods.images import show_error_curves, show_probability_curves
from pages.methods.parameters import (
    is_moved,
    movable,
    reset,
    show_parameters,
    take_parameters,
    values_of,
    write_parameters,
)
from pages.methods.play import Play
from pages.methods.schedule import show_schedule
from pages.shell.address import fragment, run_page, this_address
from pages.shell.choose import choose, choose_several, choose_task
from pages.shell.engine import load_engine
from pages.shell.show import show_error, stop_with
from pages.shell.study_bar import study_bar

# A picture that tells something at once: a loss that looks at what is easy, and one
# that looks away from what is hopeless.
FIRST = {
    "multiclass": ("cross-entropy", "focal", "hmloss"),
    "binary": ("binary-cross-entropy", "binary-focal", "hmloss"),
    "regression": ("absolute-error", "balanced-mse", "denseweight", "lds"),
}
KINDS = ("multiclass", "binary", "regression")
LOSS, CLASSES, SCHEDULE = "loss", "classes", "schedule"
VIEW_LABELS = {
    LOSS: N_("Loss and gradient"),
    CLASSES: N_("Margins and weights"),
    SCHEDULE: N_("Schedule"),
}
# Stand in where a study has no split yet and its options name no ratio.
STAND_IN_IMAGES, STAND_IN_RATIO = 50_000, 100.0
# Parts that a view draws: for classes, and for a number. A schedule is of the study.
DRAWN = {
    LOSS: (("loss", "weights"), ("loss",)),
    CLASSES: (
        ("loss", "weights", "sampler", "adjustment"),
        ("weights", "features"),
    ),
    SCHEDULE: ((), ()),
}
# Parts that look at groups of images: no picture of one image or class shows them.
UNSEEN = ("objective", "decision")
# What each view draws: for classes, and for a number.
VIEWS = {
    LOSS: (show_probability_curves, show_error_curves),
    CLASSES: (show_classes, show_targets),
    SCHEDULE: (show_schedule, show_schedule),
}


def main() -> None:
    """Choose a study, a task and methods; then play."""
    view = study_bar(
        N_("What does a method change?"),
        lead=N_("Choose methods, move their sliders, and see what training would do."),
        needs_runs=False,
        filters=False,
    )
    if not view.study.is_trained:
        stop_with(
            gettext(
                "{study} was made of a table of predictions: there are no training "
                "images that a method could change. Choose another study above.",
                study=strong(gettext(view.study.title)),
            )
        )
    asked = _asked_methods()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        task = _choose_task(view, asked)
        entries = _in_order(curves.entries_of(task))
        chosen = _choose_methods(entries, task, asked)
    if not chosen:
        stop_with(
            gettext(
                "No method is chosen. Choose one above: {method} is what training "
                "minimises without a remedy.",
                method=strong(gettext("Cross-entropy")),
            )
        )
    # Before the file is read: one that changes meanwhile is then read again.
    source = manifest_fingerprint(view.study.name)
    counts, targets = _training_data(view, task)
    usual = usual_of(view, task).name
    labels = {name: gettext(entry.label) for name, entry in entries.items()}
    names = tuple(entries)
    every = Look(names, method_styles(names, usual), labels, usual)
    with st.spinner(gettext("Loading the functions that train; this is once…")):
        load_engine()
    _play(Play(view, task, chosen, every, counts, targets, source))


def _in_order(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Entries by what they change, which also fixes their colours."""
    parts = list(PARTS)
    names = sorted(entries, key=lambda name: parts.index(entries[name].part))
    return {name: entries[name] for name in names}


def _asked_methods() -> tuple[str, ...]:
    """Methods that a new address names; says which do not exist."""
    asked = this_address().take("method") or ()
    known = {*curves.USUAL, *curves.ENTRIES}
    for name in asked:
        if name not in known:
            this_address().name_unknown(gettext("method"), name)
    return tuple(name for name in asked if name in known)


def _choose_task(view: StudyView, asked: Sequence[str]) -> Task:
    """Let the reader choose; an address chooses the task that its methods fit."""
    tasks = sorted(view.tasks, key=lambda task: KINDS.index(task.kind))
    fitting = [
        task.name
        for task in tasks
        if any(method in curves.entries_of(task) for method in asked)
    ]
    key = f"methods_task_{view.study.name}"
    if fitting and "task" not in this_address().asked:
        this_address().take("task")
        st.session_state[key] = fitting[0]
    return choose_task(tasks, key=key)


def _choose_methods(
    entries: Mapping[str, Entry], task: Task, asked: Sequence[str]
) -> tuple[Entry, ...]:
    """Let the reader choose by what they change; keep the address in step."""
    asked = [name for name in asked if name in entries]
    chosen: list[str] = []
    with st.popover(gettext("Choose methods"), icon=":material/add_circle:", width=240):
        for part, label in PARTS.items():
            names = [name for name, entry in entries.items() if entry.part == part]
            if not names:
                continue
            key = f"methods_{part}_{task.kind}"
            if asked:
                st.session_state[key] = [name for name in names if name in asked]
            chosen += choose_several(
                gettext(label.title),
                names,
                default=[name for name in names if name in FIRST[task.kind]],
                labels=lambda name: gettext(entries[name].label),
                key=key,
                help=gettext(label.decides),
                wrap=True,
            )
    this_address().choose("method", chosen)
    return tuple(entries[name] for name in entries if name in chosen)


def _training_data(
    view: StudyView, task: Task
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Real class counts, or real targets; a long tail of examples where unknown."""
    rows = load_training_rows(view.study.name)
    known = rows is not None and task.name in rows
    if isinstance(task, Regression):
        if not known:
            command = f"equipoise train {view.study.name}"
            stop_with(
                gettext(
                    "The study {study} has no split here yet, so the histogram of "
                    "{label} is not known. It comes with the first run: `{command}`. "
                    "Or choose another study.",
                    study=strong(gettext(view.study.title)),
                    label=gettext(task.label).lower(),
                    command=command,
                )
            )
        return (), tuple(rows[task.name].astype(float))
    if known:
        counts = rows[task.name].value_counts()
        return tuple(int(counts.get(name, 0)) for name in task.classes), ()
    return _stand_in(view, task.classes), ()


def _stand_in(view: StudyView, classes: Sequence[str]) -> tuple[int, ...]:
    """Class counts as the study asks for, of a dataset as large as CIFAR."""
    options = view.study.dataset.options
    ratio = float(options.get("ratio", STAND_IN_RATIO))
    counts = class_counts(
        len(classes),
        STAND_IN_IMAGES // len(classes),
        ratio,
        options.get("profile", "exponential"),
    ).tolist()
    title, command = gettext(view.study.title), f"equipoise train {view.study.name}"
    asked = in_form(f"{ratio:g}")
    st.info(
        to_markdown(
            ngettext(
                "The study {study} has no split here yet: {count} class from {most} "
                "down to {fewest} images (a ratio of {ratio}) stand in for its own, "
                "until `{command}` makes one.",
                "The study {study} has no split here yet: {count} classes from {most} "
                "down to {fewest} images (a ratio of {ratio}) stand in for its own, "
                "until `{command}` makes one.",
                len(classes),
                study=strong(title),
                most=counts[0],
                fewest=counts[-1],
                ratio=asked,
                command=command,
            )
        ),
        icon=":material/info:",
    )
    return tuple(counts)


@fragment
def _play(play: Play) -> None:
    """All that a slider moves: only this runs again."""
    take_parameters(play.chosen)
    kind = isinstance(play.task, Regression)
    view = choose(
        gettext("View"),
        [v for v in VIEWS if v == SCHEDULE or play.only(*DRAWN[v][kind])],
        labels=lambda name: gettext(VIEW_LABELS[name]),
        key="methods_view",
        parameter="view",
        is_segmented=True,
        label_visibility="collapsed",
    )
    draw = VIEWS[view][kind]
    controls, charts = st.columns([1, 3.4], gap="medium")
    controls = controls.container(border=True, key="methods_controls")
    parts = DRAWN[view][kind]
    if parts:
        with controls:
            _sliders(play.only(*parts))
    with charts:
        try:
            draw(play, controls)
        except EquipoiseError as error:
            show_error(error)
    _say_what_is_not_drawn(play)
    _cards(play)
    write_parameters(play.chosen)


def _say_what_is_not_drawn(play: Play) -> None:
    unseen = play.only(*UNSEEN)
    if unseen:
        st.info(
            to_markdown(
                gettext(
                    "Not drawn: {methods}. What compares the groups of a sensitive "
                    "feature is not seen on one image or class; the formula is below.",
                    methods=listed([gettext(entry.label) for entry in unseen]),
                )
            ),
            icon=":material/info:",
        )


def _sliders(entries: Sequence[Entry]) -> None:
    """The sliders of one method at a time; those of the others stay as they are."""
    shown = {entry.name: entry for entry in entries if movable(entry)}
    if not shown:
        st.caption(gettext("None of the methods drawn here has a slider."))
        return
    name = choose(
        gettext("Sliders of"),
        list(shown),
        default=list(shown)[-1],
        labels=lambda name: gettext(shown[name].label),
        key=f"methods_movable_{'_'.join(shown)}",
        always=True,
        help=gettext("Those of the other methods stay as they are."),
    )
    show_parameters(shown[name])
    moved = [entry for entry in shown.values() if is_moved(entry)]
    st.button(
        gettext("Back to the defaults"),
        icon=":material/restart_alt:",
        key="methods_reset",
        type="tertiary",
        on_click=reset,
        args=(moved,),
        disabled=not moved,
        help=gettext("Of all the methods drawn here."),
    )


def _cards(play: Play) -> None:
    """Formula, source, sentence and traps of each chosen method."""
    st.subheader(gettext("In words and in a study's file"), anchor=False)
    with st.grid("auto", min_column_width=330, gap="medium"):
        for entry in play.chosen:
            with st.container(border=True, key=f"methods_card_{entry.name}"):
                _card(entry, play)


def _card(entry: Entry, play: Play) -> None:
    label, part = gettext(entry.label), gettext(PARTS[entry.part].title)
    st.markdown(f"**{to_markdown(label)}**  :gray-badge[{part}]")
    st.markdown(to_markdown(gettext(entry.summary)))
    # A formula's second half would leave the card.
    for line in said_formula(entry.formula).split(r", \quad"):
        if line.strip():
            st.latex(line.strip())
    if entry.traps:
        heading = gettext("Traps")
        st.markdown(f"**{heading}**")
        st.markdown(to_list(gettext(trap) for trap in entry.traps))
    st.caption(to_markdown(entry.paper))
    if entry.name in curves.USUAL:
        usual = entry == usual_of(play.view, play.task)
        st.caption(
            to_markdown(
                gettext("What a study minimises where it names no loss.")
                if usual
                else gettext("Drawn to compare with: no entry of the registry.")
            )
        )
        return
    users, used_by = users_of_entries().get(entry.name, ()), gettext("Used by")
    with st.expander(gettext("In a study's file"), icon=":material/code:"):
        on, values = _in_a_study(entry, play)
        st.code(plots.toml_of(entry.name, label, on, values), language="toml")
        st.caption(
            f"{used_by}\n\n{to_list(users)}"
            if users
            else gettext("No shipped study uses it.")
        )


def _in_a_study(entry: Entry, play: Play) -> tuple[str, dict[str, Value]]:
    """Where an entry looks in a study's file, and its parameters there."""
    features = play.view.dataset.sensitive_features
    feature, groups = next(iter(features.items()), ("SENSITIVE FEATURE", ("GROUP",)))
    values = values_of(entry)
    if entry.part in TAKES_GROUPS:
        return play.task.name, {GROUPS: feature, **values}
    by_name = [p.name for p in entry.parameters if p not in movable(entry)]
    if by_name:
        return feature, {**values, **dict.fromkeys(by_name, dict.fromkeys(groups, 1.0))}
    return play.task.name, values


run_page(main)
