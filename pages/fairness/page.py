"""Fairness: every group of people, method by method, and what a smaller gap costs."""

from contextlib import suppress

import streamlit as st

from core.errors import NothingToShow
from core.evaluation.gaps import REWARDS_LEVELLING_DOWN, gap_info
from core.evaluation.metrics import MetricInfo, group_metric_keys
from core.evaluation.verdicts import SMALL_GROUP
from core.language import N_, gettext
from core.plots.formatting import feature_label
from core.results.sentences import fairness_notes
from core.tasks import Task
from core.text import BREAK, code, strong, to_list, to_markdown
from core.views import fairness
from core.views.groups import Question, known_features, load_groups, usual_features
from core.views.loads import require_runs
from core.views.study_view import StudyView
from pages.fairness.group_map import show_group_map
from pages.fairness.slices import show_slices
from pages.fairness.whatif import show_whatif
from pages.shell.address import run_page
from pages.shell.choose import choose, choose_several, choose_task, choose_whether
from pages.shell.notices import is_alone, leave_out_damaged
from pages.shell.show import open_card, saying_why_not, show_view, stop_with
from pages.shell.study_bar import choose_metric, study_bar

MOST_FEATURES = 3
MEANINGS = N_("""
- **Difference**: the highest less the lowest group; 0 is parity. **Ratio**: the lowest
  over the highest; 1 is parity.
- **Demographic parity** compares selection rates: who is answered with the positive
  class, rightly or not. **Equal opportunity** compares recalls: who of those that are
  positive is found. **Equalized odds** asks for equal recalls and equal false positive
  rates; the larger gap of the two counts. Definitions are fairlearn's.
- **Fair metric**: the mean accuracy of the groups less twice their largest difference.
  {levelling_down}
- Which gap matters is not a question of statistics: parity of one kind often excludes
  another, and a gap may lie in the labels and not in the method.
""")


def main() -> None:
    """Choose a task, features and a metric; compare the groups."""
    view = study_bar(
        N_("Is it as good for everyone?"),
        lead=N_(
            "A good mean can hide a group that is answered worse. Here each method is "
            "measured group by group, with its uncertainty."
        ),
        needs_runs=False,
        beside=True,
    )
    if not view.runs:
        with suppress(NothingToShow):
            show_view(fairness.draw_published(view))
        stop_with(
            gettext(
                "The study {study} has no runs yet. Train it with {command}, then "
                "reload this page.",
                study=strong(gettext(view.study.title)),
                command=code(f"equipoise train {view.study.name}"),
            )
        )
    known = _features(view)
    view = leave_out_damaged(view)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        task = choose_task(view.tasks, key=f"fairness_task_{view.study.name}")
        chosen = _choose_features(view, task, known)
        metric = choose_metric(
            view,
            group_metric_keys(task),
            key=f"fairness_metric_{view.study.name}_{task.name}",
        )
        small = choose_whether(
            gettext("Count groups of fewer than {few} images", few=SMALL_GROUP),
            key=f"fairness_small_{view.study.name}",
            parameter="small",
            help=gettext(
                "Lets them count in the gaps: one of them alone may then decide a gap "
                "by chance."
            ),
        )
    require_runs(view, view.baseline)
    question = Question(task, chosen, small)
    asked = {**question.parameters, "metric": metric.key}
    groups = fairness.draw_groups(view, **asked)
    alone = is_alone(view)
    show_view(groups)
    with suppress(NothingToShow):
        _gaps(view, question, metric)
    if not alone:
        _cost_of_parity(view, question, metric)
    show_group_map(view, question, metric)
    show_slices(view, task)
    show_whatif(view, question)
    with suppress(NothingToShow):
        show_view(fairness.draw_published(view))
    _notes(view, question, metric)


def _features(view: StudyView) -> tuple[str, ...]:
    """Sensitive features that groups may be made of; stops where there are none."""
    known = known_features(view)
    if not known:
        stop_with(
            gettext(
                "The study {study} has no sensitive feature: its images are not of "
                "people in groups. Choose another study above; its classes are on the "
                "Classification page.",
                study=strong(gettext(view.study.title)),
            )
        )
    return known


def _choose_features(
    view: StudyView, task: Task, known: tuple[str, ...]
) -> tuple[str, ...]:
    chosen = known
    if len(known) > 1:
        chosen = choose_several(
            gettext("Sensitive features"),
            known,
            default=usual_features(view, task),
            labels=lambda name: feature_label(name, view.tasks),
            key=f"fairness_features_{view.study.name}_{task.name}",
            parameter="features",
            what=gettext("sensitive feature"),
            help=gettext(
                "Look at one first. Several are crossed, and each crossing has fewer "
                "images: at most {most}.",
                most=MOST_FEATURES,
            ),
        )
    if not chosen:
        stop_with(gettext("No sensitive feature is chosen. Choose at least one above."))
    if len(chosen) > MOST_FEATURES:
        stop_with(
            gettext(
                "{count} features are chosen, and crossings of that many hold too few "
                "images each. Choose at most {most}.",
                count=len(chosen),
                most=MOST_FEATURES,
            )
        )
    return chosen


def _choose_gap(view: StudyView, metric: MetricInfo, task: Task) -> str:
    """The gap that is set against quality."""
    gaps = fairness.gaps_beside(metric, task)
    infos = {
        name: gap_info(g.metric, g.measure, view.tasks) for name, g in gaps.items()
    }
    return choose(
        gettext("Gap"),
        list(gaps),
        labels=lambda name: infos[name].label,
        key=f"fairness_gap_{metric.key}",
        parameter="gap",
        width=420,
        help=to_markdown(
            BREAK.join(
                gettext("{name}: {value}", name=strong(i.label), value=i.explanation)
                for i in infos.values()
            )
        ),
    )


def _gaps(view: StudyView, question: Question, metric: MetricInfo) -> None:
    """What the groups differ by, in numbers."""
    drawn = fairness.draw_gaps(view, **question.parameters, metric=metric.key)
    with open_card(drawn.title) as card:
        show_view(drawn, card=card)
        with st.expander(gettext("What these gaps mean"), icon=":material/help:"):
            levelling_down = gettext(REWARDS_LEVELLING_DOWN)
            st.markdown(gettext(MEANINGS, levelling_down=levelling_down))


def _cost_of_parity(view: StudyView, question: Question, metric: MetricInfo) -> None:
    """What a smaller gap costs, and who gains and pays."""
    asked = question.parameters
    with open_card(gettext("What a smaller gap costs")) as card:
        gap = _choose_gap(view, metric, question.task)
        with saying_why_not():
            drawn = fairness.draw_cost(view, **asked, metric=metric.key, gap=gap)
            show_view(drawn, card=card)
    with suppress(NothingToShow):
        show_view(fairness.draw_levelling(view, **asked))


def _notes(view: StudyView, question: Question, metric: MetricInfo) -> None:
    comparison = load_groups(view, question, (metric.key,))
    with st.expander(gettext("How these numbers are made"), icon=":material/info:"):
        st.markdown(to_list(fairness_notes(comparison, view.labels)))


run_page(main)
