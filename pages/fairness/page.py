"""Fairness: every group of people, method by method, and what a smaller gap costs."""

from collections.abc import Sequence

import streamlit as st

from core.evaluation.comparison import Comparison
from core.evaluation.fairness_views import (
    FairnessView,
    default_features,
    group_features,
    quality_of,
    related_gaps,
)
from core.evaluation.gaps import REWARDS_LEVELLING_DOWN, Gap, gap_info
from core.evaluation.levelling_down import levelling
from core.evaluation.metrics import MetricInfo, group_metric_keys, metric_info
from core.evaluation.pareto import gap_points
from core.evaluation.published import (
    published_by_group_table,
    published_views,
)
from core.evaluation.verdicts import SMALL_GROUP
from core.plots import fairness as plots
from core.plots import gaps as gap_plots
from core.plots.formatting import feature_label
from core.results.frame import table_frame
from core.results.published import beside_published, published_notes
from core.results.sentences import about_models, compared_with, fairness_notes
from core.results.tables import fairness_table
from core.tasks import Regression, Task
from core.text import BREAK, code, listed, strong, to_list, to_markdown
from core.views.study_view import StudyView
from pages.fairness.group_map import show_group_map
from pages.fairness.slices import show_slices
from pages.fairness.tables import Question, load_groups
from pages.fairness.whatif import show_whatif
from pages.shell.address import run_page
from pages.shell.choose import choose, choose_several, choose_task, choose_whether
from pages.shell.notices import is_alone, leave_out_damaged
from pages.shell.show import Card, open_card, show_chart, show_static_table, stop_with
from pages.shell.study_bar import choose_metric, study_bar

MOST_FEATURES = 3
MEANINGS = f"""
- **Difference**: the highest less the lowest group; 0 is parity. **Ratio**: the lowest
  over the highest; 1 is parity.
- **Demographic parity** compares selection rates: who is answered with the positive
  class, rightly or not. **Equal opportunity** compares recalls: who of those that are
  positive is found. **Equalized odds** asks for equal recalls and equal false positive
  rates; the larger gap of the two counts. Definitions are fairlearn's.
- **Fair metric**: the mean accuracy of the groups less twice their largest difference.
  {REWARDS_LEVELLING_DOWN}
- Which gap matters is not a question of statistics: parity of one kind often excludes
  another, and a gap may lie in the labels and not in the method.
"""


def main() -> None:
    """Choose a task, features and a metric; compare the groups."""
    view = study_bar(
        "Is it as good for everyone?",
        lead="A good mean can hide a group that is answered worse. Here each method is "
        "measured group by group, with its uncertainty.",
        needs_runs=False,
        beside=True,
    )
    if not view.runs:
        _published(view, ())
        stop_with(
            f"The study {strong(view.study.title)} has no runs yet. Train it with "
            f"{code(f'equipoise train {view.study.name}')}, then reload this page."
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
            f"Count groups of fewer than {SMALL_GROUP} images",
            key=f"fairness_small_{view.study.name}",
            parameter="small",
            help="Lets them count in the gaps: one of them alone may then decide a gap "
            "by chance.",
        )
    question = Question(task, chosen, small)
    comparison = load_groups(view, question, (metric.key,))
    alone = is_alone(view)
    _groups(view, comparison, metric)
    _gaps(view, comparison, metric)
    if not alone:
        _cost_of_parity(view, question, metric)
    show_group_map(view, question, metric, known)
    show_slices(view, task)
    show_whatif(view, question)
    views = published_views(view.study.published_by_group)
    _published(view, [_compared(view, one) for one in views])
    _notes(view, comparison)


def _features(view: StudyView) -> tuple[str, ...]:
    """Sensitive features that groups may be made of; stops where there are none."""
    known = group_features(view.tasks, tuple(view.dataset.sensitive_features))
    if not known:
        stop_with(
            f"The study {strong(view.study.title)} has no sensitive feature: its "
            "images are not of people in groups. Choose another study above; its "
            "classes are on the Classification page."
        )
    return known


def _choose_features(
    view: StudyView, task: Task, known: tuple[str, ...]
) -> tuple[str, ...]:
    chosen = known
    if len(known) > 1:
        # As `equipoise compare` does: the study's own choice, or one feature first.
        features = tuple(view.dataset.sensitive_features)
        first = default_features(view.study, task, view.tasks, features)
        chosen = choose_several(
            "Sensitive features",
            known,
            default=[name for name in first if name in known] or known[:1],
            labels=lambda name: feature_label(name, view.tasks),
            key=f"fairness_features_{view.study.name}_{task.name}",
            parameter="features",
            what="sensitive feature",
            help="Look at one first. Several are crossed, and each crossing has fewer "
            f"images: at most {MOST_FEATURES}.",
        )
    if not chosen:
        stop_with("No sensitive feature is chosen. Choose at least one above.")
    if len(chosen) > MOST_FEATURES:
        stop_with(
            f"{len(chosen)} features are chosen, and crossings of that many hold too "
            f"few images each. Choose at most {MOST_FEATURES}."
        )
    return chosen


def _choose_gap(view: StudyView, metric: MetricInfo, task: Task) -> Gap:
    """The gap that is set against quality."""
    gaps = {f"{g.metric} {g.measure}": g for g in related_gaps(metric, task)}
    infos = {
        name: gap_info(g.metric, g.measure, view.tasks) for name, g in gaps.items()
    }
    name = choose(
        "Gap",
        list(gaps),
        labels=lambda name: infos[name].label,
        key=f"fairness_gap_{metric.key}",
        parameter="gap",
        width=420,
        help=to_markdown(
            BREAK.join(f"{strong(i.label)}: {i.explanation}" for i in infos.values())
        ),
    )
    return gaps[name]


def _groups(view: StudyView, comparison: Comparison, metric: MetricInfo) -> None:
    """Each group of each method, and how many images it has."""
    feature = feature_label(comparison.grouping.feature, view.tasks)
    shown = comparison.groups[comparison.groups["method"].isin(view.methods)]
    show_chart(
        plots.plot_groups(comparison, metric, view.look),
        name=f"{view.study.name}-{metric.key}-groups",
        title=f"{metric.label} by {feature[:1].lower() + feature[1:]}",
        takeaway=plots.groups_takeaway(comparison, metric, view.look, view.tasks),
        data=shown[shown["metric"] == metric.key],
        note=f"{view.mean_text.capitalize()}; bars are 95 % intervals over the test "
        f"images. Hollow: fewer than {SMALL_GROUP} images count, too few to tell. "
        f"{metric.label}: {metric.explanation}",
    )


def _gaps(view: StudyView, comparison: Comparison, metric: MetricInfo) -> None:
    """What the groups differ by, in numbers."""
    gaps = comparison.gaps[comparison.gaps["metric"] == metric.key]
    if gaps["mean"].isna().all():
        return
    with st.container(border=True):
        st.subheader("How far apart the groups are", anchor=False)
        show_static_table(
            table_frame(
                fairness_table(
                    comparison,
                    metric.key,
                    {method: view.labels[method] for method in view.methods},
                    view.tasks,
                    measures=("difference", "ratio", "fair_metric"),
                )
            ),
            name=f"{view.study.name}-{metric.key}-gaps",
            takeaway=plots.gap_table_takeaway(
                comparison, metric, view.look, view.tasks
            ),
            download=gaps[gaps["method"].isin(view.methods)],
            note="Value [95 % interval] and verdict on its difference to "
            f"{compared_with(comparison, view.labels)}. The interval of a difference "
            "and its p hold for all methods at once.",
        )
        with st.expander("What these gaps mean", icon=":material/help:"):
            st.markdown(MEANINGS)


def _cost_of_parity(view: StudyView, question: Question, metric: MetricInfo) -> None:
    """What a smaller gap costs, and who gains and pays."""
    task = question.task
    quality = metric_info(quality_of(metric, task).key, view.tasks)
    accuracy = [] if isinstance(task, Regression) else [f"{task.name}.accuracy"]
    with open_card("What a smaller gap costs") as card:
        gap = _choose_gap(view, metric, task)
        keys = (quality.key, *gap.parts, *accuracy)
        comparison = load_groups(view, question, keys)
        _trade(view, comparison, metric, quality, gap, card)
    if accuracy:
        _levelling(view, comparison, task)


def _trade(
    view: StudyView,
    comparison: Comparison,
    metric: MetricInfo,
    quality: MetricInfo,
    gap: Gap,
    card: Card,
) -> None:
    """Gap against quality, with the front."""
    about = gap_info(gap.metric, gap.measure, view.tasks)
    points = gap_points(comparison, quality, gap, view.methods)
    labels = {
        method: label + plots.seeds_mark(comparison, method)
        for method, label in view.labels.items()
        if method in comparison.seeds
    }
    if len(points) < 2:
        st.info(
            to_markdown(
                f"Fewer than two methods have both {quality.label} and this gap here. "
                "Choose another gap, or fewer features."
            ),
            icon=":material/info:",
        )
        return
    show_chart(
        gap_plots.plot_gap_quality(points, quality, about, view.look.called(labels)),
        name=f"{view.study.name}-{metric.key}-front",
        takeaway=about_models(
            gap_plots.gap_quality_takeaway(
                points,
                quality,
                about,
                view.labels,
                compared_with(comparison, view.labels),
            ),
            comparison.gaps,
        ),
        data=points.reset_index(),
        note="Bars: 95 % intervals over the test images. The front, dashed, joins the "
        "methods that no other beats in both, by the point estimates: other images "
        f"may choose others. {about.label}: {about.explanation}",
        card=card,
    )


def _levelling(view: StudyView, comparison: Comparison, task: Task) -> None:
    """Whether the Fair metric rose because the better group fell."""
    table = levelling(comparison)
    table = table[table["method"].isin(view.methods)]
    if table.empty:
        return
    counted = int(
        comparison.row(view.baseline, f"{task.name}.accuracy", "fair_metric")["groups"]
    )
    far = gap_plots.far_out(table)
    left_out = listed([view.labels[method] for method in table["method"][far]])
    show_chart(
        gap_plots.plot_levelling(table[~far], view.look, two_groups=counted == 2),
        name=f"{view.study.name}-{task.name}-levelling",
        title="Who gained, and who paid: accuracy",
        takeaway=gap_plots.levelling_takeaway(table, view.labels),
        data=table,
        note=f"{REWARDS_LEVELLING_DOWN} Differences in accuracy to "
        f"{compared_with(comparison, view.labels)} with 95 % intervals."
        + f" Not drawn, for its change would hide all others: {left_out}."
        * bool(left_out),
    )
    with st.expander("Who gained, in numbers", icon=":material/table:"):
        show_static_table(
            gap_plots.levelling_table(table, view.labels),
            name=f"{view.study.name}-{task.name}-levelling-table",
            takeaway="Changes against the method compared with: of the Fair metric, "
            "and of its worst and best group.",
            download=table,
        )


def _compared(view: StudyView, asked: FairnessView) -> Comparison:
    question = Question(view.dataset.task(asked.task), asked.features, False)
    return load_groups(view, question, (asked.metric,))


def _published(view: StudyView, ours: Sequence[Comparison]) -> None:
    """What others reported of groups, beside ours where there is such a run."""
    published = view.study.published_by_group
    if not published:
        return
    table = published_by_group_table(published, ours)
    named = {name: method.label for name, method in view.study.methods.items()}
    shown, sources = beside_published(table, {**named, **view.labels}, view.tasks)
    numbered = [f"{place}: {source}" for place, source in enumerate(sources, start=1)]
    with st.container(border=True):
        st.subheader("Beside the published numbers", anchor=False)
        show_static_table(
            table_frame(shown),
            name=f"{view.study.name}-published-groups",
            takeaway=" ".join(published_notes(view.study, table)),
            download=table,
            note=BREAK.join(numbered),
        )


def _notes(view: StudyView, comparison: Comparison) -> None:
    with st.expander("How these numbers are made", icon=":material/info:"):
        st.markdown(to_list(fairness_notes(comparison, view.labels)))


run_page(main)
