"""The what-if of the Fairness page: thresholds moved by hand, and what follows."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.data.manifest import TEST
from core.errors import EquipoiseError
from core.evaluation.verdicts import SMALL_GROUP
from core.evaluation.whatif import ScoreCounts
from core.plots import whatif as plots
from core.plots.look import SMALL_SIGN
from core.plots.whatif import Mark
from core.tasks import Classification, Regression
from core.text import strong, to_markdown
from core.views.study_view import StudyView
from pages.fairness.tables import Question, load_choices, load_scores
from pages.shell.address import fragment, this_address
from pages.shell.choose import choose, choose_number, number_in
from pages.shell.show import show_chart, show_table

MOST_SLIDERS, MOST_ROWS = 8, 12
COMMON, OWN = "common", "own"
KINDS = {COMMON: "One for all", OWN: "One for each group"}
USUAL = 0.5
STEPS = {"step": 0.001, "format": "%.3f"}
GAP_KEY = "fairness_whatif_gap"


def show_whatif(view: StudyView, question: Question) -> None:
    """Let a threshold be moved; nothing where the task has no classes."""
    task = question.task
    if isinstance(task, Regression):
        return
    st.subheader("What if the threshold were different?", anchor=False)
    positive = _choose_class(view, task)
    try:
        counts = load_scores(view, question, positive, TEST)
    except EquipoiseError as error:
        # Labels alone are predictions too: that is no fault of the reader's.
        st.info(to_markdown(str(error)), icon=":material/info:")
        return
    if counts is not None and set(counts.methods) & set(view.methods):
        _play(view, question, counts)
    else:
        st.info(
            "None of the methods shown has probabilities, so there is no threshold to "
            "move.",
            icon=":material/info:",
        )


def _choose_class(view: StudyView, task: Classification) -> str:
    if task.kind == "binary":
        return task.classes[1]
    return choose(
        "Class that is decided on, against the rest",
        task.classes,
        key=f"fairness_whatif_class_{view.study.name}_{task.name}",
        parameter="class",
        width=420,
    )


# A fragment: a moved slider draws this part again and nothing else of the page.
@fragment
def _play(view: StudyView, question: Question, counts: ScoreCounts) -> None:
    small = question.include_small
    with st.container(horizontal=True, vertical_alignment="bottom"):
        method, gap, most, common = _controls(view, counts)
    choices, missing = load_choices(
        view, question, counts.positive, method, most, common=common
    )
    marks = [Mark(one, one.on(counts, include_small=small)) for one in choices]
    # Thresholds set for one class or one crossing say nothing of another.
    asked = (view.study.name, question.task.name, counts.positive, *question.features)
    prefix = f"fairness_whatif_{'_'.join(asked)}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _offer_marks(prefix, counts, marks, common=common)
    thresholds = _sliders(prefix, counts, common=common)
    now = counts.at(method, thresholds, include_small=small)
    usual = counts.at(method, USUAL, include_small=small)
    curve = counts.curve(method, include_small=small)
    notes = [plots.BY_EYE, plots.choices_note(marks), *missing]
    show_chart(
        plots.plot_whatif(curve, now, usual, marks, gap),
        name=f"{prefix}_chart",
        download_title=f"{question.task.label}: accuracy against the gap, by threshold",
        takeaway=plots.whatif_takeaway(now, usual, gap, counts.positive),
        data=curve,
        note=" ".join(filter(None, notes)),
    )
    show_table(
        plots.outcome_table(now, usual),
        name=f"{prefix}_table",
        alt=f"Rates of each group, {counts.positive} answered from the threshold "
        "on, and their change beside 0.5.",
        download=now.groups,
        height="content" if len(now.names) <= MOST_ROWS else "auto",
        note=f"Answered with {strong(counts.positive)} from the threshold on; in "
        f"brackets the change beside 0.5. {SMALL_SIGN}: fewer than {SMALL_GROUP} "
        "images.",
    )


def _controls(view: StudyView, counts: ScoreCounts) -> tuple[str, str, float, bool]:
    """Method, gap of the chart, largest gap allowed, and whether one threshold."""
    method = choose(
        "Method",
        [method for method in view.methods if method in counts.methods],
        labels=view.labels,
        key=f"fairness_whatif_method_{view.study.name}",
        parameter="method",
        always=True,
        width=300,
    )
    gap = choose(
        "Gap drawn",
        list(plots.GAPS),
        labels=plots.GAPS,
        key=GAP_KEY,
        parameter="drawn",
        what="gap",
        width=300,
    )
    most = choose_number(
        "Largest gap allowed",
        0.0,
        1.0,
        0.05,
        key="fairness_whatif_most",
        parameter="most",
        draw=st.number_input,
        step=0.01,
        width=180,
        help="What the marked points were held to, on the validation images.",
    )
    if len(counts.grouping.present) > MOST_SLIDERS:
        st.caption(
            to_markdown(
                f"{len(counts.grouping.present)} groups share one threshold: each its "
                f"own is for at most {MOST_SLIDERS}. Choose fewer features for that."
            )
        )
        return method, gap, most, True
    kind = choose(
        "Threshold",
        [COMMON, OWN],
        labels=KINDS,
        key="fairness_whatif_kind",
        parameter="thresholds",
        is_segmented=True,
    )
    return method, gap, most, kind == COMMON


def _slider_key(prefix: str, group: str) -> str:
    return f"{prefix}_slider_{group}"


def _offer_marks(
    prefix: str, counts: ScoreCounts, marks: Sequence[Mark], *, common: bool
) -> None:
    """Buttons that move the sliders to what a constraint chose on validation."""
    groups = [""] if common else _groups_of(counts)

    def move(thresholds: Mapping[str, float], gap: str = "") -> None:
        for group in groups:
            st.session_state[_slider_key(prefix, group)] = thresholds[group]
        if gap:
            # What the constraint keeps small is what is drawn and told then.
            st.session_state[GAP_KEY] = gap

    st.button(
        "0.5 for all" if common else "0.5 each",
        key=f"{prefix}_reset",
        on_click=move,
        args=[dict.fromkeys(groups, USUAL)],
        type="tertiary",
        icon=":material/restart_alt:",
    )
    for mark in marks:
        found = plots.thresholds_of(mark)
        shared = {"": next(iter(found.values()))}
        st.button(
            plots.CONSTRAINT_LABELS[mark.choice.constraint],
            key=f"{prefix}_set_{mark.choice.constraint}",
            on_click=move,
            args=[
                shared if common else found,
                plots.CONSTRAINT_GAPS.get(mark.choice.constraint, ""),
            ],
            type="tertiary",
            icon=":material/my_location:",
            help="Set the thresholds to what was chosen on the validation images.",
        )


def _groups_of(counts: ScoreCounts) -> list[str]:
    return [counts.grouping.names[place] for place in counts.grouping.present]


def _sliders(
    prefix: str, counts: ScoreCounts, *, common: bool
) -> float | Mapping[str, float]:
    if common:
        return choose_number(
            "Threshold",
            0.0,
            1.0,
            USUAL,
            key=_slider_key(prefix, ""),
            parameter="threshold",
            **STEPS,
        )
    _take_thresholds(prefix, _groups_of(counts))
    own = dict.fromkeys(counts.grouping.names, USUAL)
    with st.grid("auto", min_column_width=300):
        for group in _groups_of(counts):
            own[group] = _slider(prefix, group)
    moved = [f"{group}:{value:g}" for group, value in own.items() if value != USUAL]
    this_address().choose("threshold", moved)
    return own


def _take_thresholds(prefix: str, groups: Sequence[str]) -> None:
    """Set the sliders as a new address has them, each as ``<group>:<threshold>``."""
    asked = this_address().take("threshold")
    if asked is None:
        return
    found = dict.fromkeys(groups, USUAL)
    for one in asked:
        group, _, text = one.rpartition(":")
        value = number_in(text, 0.0, 1.0)
        if group in found and value is not None:
            found[group] = value
        else:
            this_address().name_unknown("threshold", one)
    for group, value in found.items():
        st.session_state[_slider_key(prefix, group)] = value


def _slider(prefix: str, group: str) -> float:
    label = f"Threshold, {group}"
    return choose_number(
        label, 0.0, 1.0, USUAL, key=_slider_key(prefix, group), **STEPS
    )
