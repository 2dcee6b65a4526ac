"""Views of groups of people: each group, the gaps, and what a smaller gap costs."""

from core.errors import NothingToShow, ViewError
from core.evaluation.fairness_views import quality_of, related_gaps
from core.evaluation.gaps import REWARDS_LEVELLING_DOWN, Gap, gap_info
from core.evaluation.levelling_down import levelling
from core.evaluation.metrics import MetricInfo, metric_info
from core.evaluation.pareto import gap_points
from core.evaluation.published import published_by_group_table, published_views
from core.evaluation.verdicts import SMALL_GROUP
from core.language import N_, gettext
from core.plots import fairness as plots
from core.plots import gaps as gap_plots
from core.plots.formatting import feature_label
from core.results.frame import table_frame
from core.results.published import beside_published, published_notes
from core.results.sentences import about_models, compared_with
from core.results.tables import fairness_table
from core.tasks import Task
from core.text import BREAK, listed, strong
from core.views.drawing import Drawn, Numbers, classification_of, draws
from core.views.groups import Question, load_groups, metric_question, question_of
from core.views.study_view import StudyView


@draws("fairness-groups", N_("A metric in each group of people"))
def draw_groups(
    view: StudyView,
    *,
    task: str = "",
    features: tuple[str, ...] = (),
    metric: str = "",
    small: bool = False,
) -> Drawn:
    """Each group of each method, and how many images it has."""
    question, info = metric_question(view, task, features, metric, small=small)
    comparison = load_groups(view, question, (info.key,))
    feature = feature_label(comparison.grouping.feature, view.tasks)
    shown = comparison.groups[comparison.groups["method"].isin(view.methods)]
    return Drawn(
        title=gettext(
            "{metric} by {feature}",
            metric=info.label,
            feature=feature[:1].lower() + feature[1:],
        ),
        name=f"{view.study.name}-{info.key}-groups",
        takeaway=plots.groups_takeaway(comparison, info, view.look, view.tasks),
        figures={info.label: plots.plot_groups(comparison, info, view.look)},
        data=shown[shown["metric"] == info.key],
        note=gettext(
            "{mean}; bars are 95 % intervals over the test images. Hollow: fewer than "
            "{few} images count, too few to tell. {metric}: {explanation}",
            mean=view.mean_text.capitalize(),
            few=SMALL_GROUP,
            metric=info.label,
            explanation=info.explanation,
        ),
    )


@draws("fairness-gaps", N_("How far apart the groups are"))
def draw_gaps(
    view: StudyView,
    *,
    task: str = "",
    features: tuple[str, ...] = (),
    metric: str = "",
    small: bool = False,
) -> Drawn:
    """What the groups differ by, method by method."""
    question, info = metric_question(view, task, features, metric, small=small)
    comparison = load_groups(view, question, (info.key,))
    gaps = comparison.gaps[comparison.gaps["metric"] == info.key]
    if gaps["mean"].isna().all():
        raise NothingToShow(
            gettext(
                "In the study {study} there are no two groups whose {metric} rests on "
                "{few} images or more, so no gap can be computed.",
                study=strong(gettext(view.study.title)),
                metric=info.phrase,
                few=SMALL_GROUP,
            )
        )
    table = fairness_table(
        comparison,
        info.key,
        {method: view.labels[method] for method in view.methods},
        view.tasks,
        measures=("difference", "ratio", "fair_metric"),
    )
    takeaway = plots.gap_table_takeaway(comparison, info, view.look, view.tasks)
    return Drawn(
        title=gettext("How far apart the groups are"),
        name=f"{view.study.name}-{info.key}-gaps",
        takeaway=takeaway,
        data=gaps[gaps["method"].isin(view.methods)],
        numbers=Numbers(
            table_frame(table),
            takeaway,
            note=gettext(
                "Value [95 % interval] and verdict on its difference to {reference}. "
                "The interval of a difference and its p hold for all methods at once.",
                reference=compared_with(comparison, view.labels),
            ),
        ),
    )


def gaps_beside(metric: MetricInfo, task: Task) -> dict[str, Gap]:
    """The gaps that can be set against quality beside a metric, by name."""
    return {f"{gap.metric} {gap.measure}": gap for gap in related_gaps(metric, task)}


@draws("fairness-cost", N_("What a smaller gap costs"))
def draw_cost(
    view: StudyView,
    *,
    task: str = "",
    features: tuple[str, ...] = (),
    metric: str = "",
    gap: str = "",
    small: bool = False,
) -> Drawn:
    """Gap against quality, with the front; ``gap`` is one of ``gaps_beside``."""
    question, info = metric_question(view, task, features, metric, small=small)
    chosen = _gap_of(info, question.task, gap)
    quality = metric_info(quality_of(info, question.task).key, view.tasks)
    comparison = load_groups(view, question, (quality.key, *chosen.parts))
    about = gap_info(chosen.metric, chosen.measure, view.tasks)
    points = gap_points(comparison, quality, chosen, view.methods)
    if len(points) < 2:
        raise NothingToShow(
            gettext(
                "Fewer than two methods have both {metric} and this gap here. Choose "
                "another gap, or fewer features.",
                metric=quality.label,
            )
        )
    labels = {
        method: label + plots.seeds_mark(comparison, method)
        for method, label in view.labels.items()
        if method in comparison.seeds
    }
    against = compared_with(comparison, view.labels)
    takeaway = gap_plots.gap_quality_takeaway(
        points, quality, about, view.labels, against
    )
    figure = gap_plots.plot_gap_quality(
        points, quality, about, view.look.called(labels)
    )
    return Drawn(
        title=gettext("What a smaller gap costs"),
        name=f"{view.study.name}-{info.key}-front",
        takeaway=about_models(takeaway, comparison.gaps),
        figures={about.label: figure},
        data=points.reset_index(),
        note=gettext(
            "Bars: 95 % intervals over the test images. The front, dashed, joins the "
            "methods that no other beats in both, by the point estimates: other images "
            "may choose others. {gap}: {explanation}",
            gap=about.label,
            explanation=about.explanation,
        ),
    )


def _gap_of(metric: MetricInfo, task: Task, name: str) -> Gap:
    known = gaps_beside(metric, task)
    if name and name not in known:
        raise ViewError(
            gettext(
                "There is no gap '{name}' beside {metric}.",
                name=name,
                metric=metric.phrase,
            ),
            expected=gettext("one of {names}.", names=", ".join(known)),
            remedy=gettext("correct the name, or leave it out."),
        )
    return known[name or next(iter(known))]


@draws("fairness-levelling", N_("Who gained, and who paid for a smaller gap"))
def draw_levelling(
    view: StudyView,
    *,
    task: str = "",
    features: tuple[str, ...] = (),
    small: bool = False,
) -> Drawn:
    """Whether the Fair metric rose because the better group fell."""
    asked = classification_of(view, task)
    question = question_of(view, asked, features, small=small)
    accuracy = f"{asked.name}.accuracy"
    comparison = load_groups(view, question, (accuracy,))
    table = levelling(comparison)
    table = table[table["method"].isin(view.methods)]
    if table.empty:
        raise NothingToShow(
            gettext(
                "The study {study} has no method whose groups can be compared with "
                "those of the baseline.",
                study=strong(gettext(view.study.title)),
            )
        )
    counted = int(comparison.row(view.baseline, accuracy, "fair_metric")["groups"])
    far = gap_plots.far_out(table)
    left_out = listed([view.labels[method] for method in table["method"][far]])
    figure = gap_plots.plot_levelling(table[~far], view.look, two_groups=counted == 2)
    notes = [
        gettext(REWARDS_LEVELLING_DOWN),
        gettext(
            "Differences in accuracy to {reference} with 95 % intervals.",
            reference=compared_with(comparison, view.labels),
        ),
    ]
    if left_out:
        notes.append(
            gettext(
                "Not drawn, for its change would hide all others: {methods}.",
                methods=left_out,
            )
        )
    return Drawn(
        title=gettext("Who gained, and who paid: accuracy"),
        name=f"{view.study.name}-{asked.name}-levelling",
        takeaway=gap_plots.levelling_takeaway(table, view.labels),
        figures={gettext(asked.label): figure},
        data=table,
        note=" ".join(notes),
        numbers=Numbers(
            gap_plots.levelling_table(table, view.labels),
            gettext(
                "Changes against the method compared with: of the Fair metric, and of "
                "its worst and best group."
            ),
        ),
    )


@draws("fairness-published", N_("Groups beside the published numbers"))
def draw_published(view: StudyView) -> Drawn:
    """What others reported of groups, beside ours where there is such a run."""
    study, published = view.study, view.study.published_by_group
    if not published:
        raise NothingToShow(
            gettext(
                "The study {study} has no published numbers of groups.",
                study=strong(gettext(study.title)),
            )
        )
    ours = []
    for one in published_views(published) if view.runs else ():
        question = Question(view.dataset.task(one.task), one.features, False)
        ours.append(load_groups(view, question, (one.metric,)))
    table = published_by_group_table(published, ours)
    named = {name: method.label for name, method in study.methods.items()}
    shown, sources = beside_published(table, {**named, **view.labels}, view.tasks)
    numbered = [
        gettext("{name}: {value}", name=str(place), value=source)
        for place, source in enumerate(sources, start=1)
    ]
    takeaway = " ".join(published_notes(study, table))
    return Drawn(
        title=gettext("Beside the published numbers"),
        name=f"{study.name}-published-groups",
        takeaway=takeaway,
        data=table,
        numbers=Numbers(table_frame(shown), takeaway, note=BREAK.join(numbered)),
    )
