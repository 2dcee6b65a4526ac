"""The what-if of the Fairness page: thresholds moved by hand, and what follows."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.errors import EquipoiseError, NothingToShow
from core.evaluation.whatif import ScoreCounts
from core.language import N_, gettext
from core.plots import whatif as plots
from core.plots.whatif import Mark
from core.tasks import Classification, Regression
from core.text import to_markdown
from core.views import whatif
from core.views.groups import Question
from core.views.study_view import StudyView
from core.views.whatif import USUAL
from pages.shell.address import fragment, this_address
from pages.shell.choose import choose, choose_number, number_in, slider_format
from pages.shell.show import open_card, saying_why_not, show_view

MOST_SLIDERS = 8
COMMON, OWN = "common", "own"
KINDS = {COMMON: N_("One for all"), OWN: N_("One for each group")}
STEP = 0.001
GAP_KEY = "fairness_whatif_gap"


def show_whatif(view: StudyView, question: Question) -> None:
    """Let a threshold be moved; nothing where the task has no classes."""
    task = question.task
    if isinstance(task, Regression):
        return
    st.subheader(gettext("What if the threshold were different?"), anchor=False)
    positive = _choose_class(view, task)
    try:
        counts = whatif.load_counts(view, question, positive)
    except NothingToShow as reason:
        st.info(to_markdown(reason.problem), icon=":material/info:")
    except EquipoiseError as error:
        # Labels alone are predictions too: that is no fault of the reader's.
        st.info(to_markdown(str(error)), icon=":material/info:")
    else:
        _play(view, question, counts)


def _choose_class(view: StudyView, task: Classification) -> str:
    if task.kind == "binary":
        return whatif.usual_class(task)
    return choose(
        gettext("Class that is decided on, against the rest"),
        task.classes,
        default=whatif.usual_class(task),
        key=f"fairness_whatif_class_{view.study.name}_{task.name}",
        parameter="class",
        width=420,
    )


# A fragment: a moved slider draws this part again and nothing else of the page.
@fragment
def _play(view: StudyView, question: Question, counts: ScoreCounts) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        method, gap, most, common = _controls(view, counts)
    marks, _ = whatif.load_marks(view, question, counts, method, most, common=common)
    prefix = whatif.name_of(view, question, counts.positive)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _offer_marks(prefix, counts, marks, common=common)
    asked = {
        **question.parameters,
        "positive": counts.positive,
        "method": method,
        "thresholds": _sliders(prefix, counts, common=common),
    }
    with saying_why_not(), open_card() as card:
        show_view(whatif.draw_whatif(view, **asked, gap=gap, most=most), card=card)
        show_view(whatif.draw_whatif_groups(view, **asked), card=card)


def _controls(view: StudyView, counts: ScoreCounts) -> tuple[str, str, float, bool]:
    """Method, gap of the chart, largest gap allowed, and whether one threshold."""
    method = choose(
        gettext("Method"),
        [method for method in view.methods if method in counts.methods],
        labels=view.labels,
        key=f"fairness_whatif_method_{view.study.name}",
        parameter="method",
        always=True,
        width=300,
    )
    gap = choose(
        gettext("Gap drawn"),
        list(plots.GAPS),
        labels=lambda name: gettext(plots.GAPS[name]),
        key=GAP_KEY,
        parameter="drawn",
        what=gettext("gap"),
        width=300,
    )
    most = choose_number(
        gettext("Largest gap allowed"),
        0.0,
        1.0,
        whatif.MOST,
        key="fairness_whatif_most",
        parameter="most",
        draw=st.number_input,
        step=0.01,
        width=180,
        help=gettext("What the marked points were held to, on the validation images."),
    )
    if len(counts.grouping.present) > MOST_SLIDERS:
        st.caption(
            to_markdown(
                gettext(
                    "{count} groups share one threshold: each its own is for at most "
                    "{most}. Choose fewer features for that.",
                    count=len(counts.grouping.present),
                    most=MOST_SLIDERS,
                )
            )
        )
        return method, gap, most, True
    kind = choose(
        gettext("Threshold"),
        [COMMON, OWN],
        labels=lambda name: gettext(KINDS[name]),
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
    groups = [""] if common else whatif.groups_of(counts)

    def move(thresholds: Mapping[str, float], gap: str = "") -> None:
        for group in groups:
            st.session_state[_slider_key(prefix, group)] = thresholds[group]
        if gap:
            # What the constraint keeps small is what is drawn and told then.
            st.session_state[GAP_KEY] = gap

    st.button(
        gettext("0.5 for all") if common else gettext("0.5 each"),
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
            gettext(plots.CONSTRAINT_LABELS[mark.choice.constraint]),
            key=f"{prefix}_set_{mark.choice.constraint}",
            on_click=move,
            args=[
                shared if common else found,
                plots.CONSTRAINT_GAPS.get(mark.choice.constraint, ""),
            ],
            type="tertiary",
            icon=":material/my_location:",
            help=gettext(
                "Set the thresholds to what was chosen on the validation images."
            ),
        )


def _sliders(prefix: str, counts: ScoreCounts, *, common: bool) -> tuple[str, ...]:
    """The thresholds as the views take them: one, or one for each group."""
    if common:
        value = choose_number(
            gettext("Threshold"),
            0.0,
            1.0,
            USUAL,
            key=_slider_key(prefix, ""),
            parameter="threshold",
            step=STEP,
            format=slider_format("%.3f"),
        )
        return (f"{value:g}",)
    groups = whatif.groups_of(counts)
    _take_thresholds(prefix, groups)
    with st.grid("auto", min_column_width=300):
        own = {group: _slider(prefix, group) for group in groups}
    said = {group: f"{group}:{value:g}" for group, value in own.items()}
    moved = [said[group] for group, value in own.items() if value != USUAL]
    this_address().choose("threshold", moved)
    return tuple(said.values())


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
            this_address().name_unknown(gettext("threshold"), one)
    for group, value in found.items():
        st.session_state[_slider_key(prefix, group)] = value


def _slider(prefix: str, group: str) -> float:
    label = gettext("Threshold, {group}", group=group)
    return choose_number(
        label,
        0.0,
        1.0,
        USUAL,
        key=_slider_key(prefix, group),
        step=STEP,
        format=slider_format("%.3f"),
    )
