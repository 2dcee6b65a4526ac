"""The view of a metric in every crossing of two features."""

from collections.abc import Sequence
from dataclasses import replace

from core.errors import ViewError
from core.evaluation.metrics import MetricInfo
from core.evaluation.verdicts import SMALL_GROUP
from core.language import N_, gettext
from core.plots import group_map as plots
from core.plots.formatting import feature_label
from core.plots.look import SMALL_SIGN
from core.views.drawing import Drawn, draws
from core.views.groups import (
    Question,
    known_features,
    load_groups,
    metric_question,
)
from core.views.study_view import StudyView
from core.views.view_arguments import method_asked


@draws("group-map", N_("A metric in every crossing of two features"))
def draw_group_map(
    view: StudyView,
    *,
    task: str = "",
    features: tuple[str, ...] = (),
    metric: str = "",
    method: str = "",
    across: str = "",
    change: bool = False,
    small: bool = False,
) -> Drawn:
    """Heat map of one method in every crossing, or of all in the groups of a feature.

    A single feature is crossed with ``across``; every method is drawn where there is no
    other. With ``change``, its difference to the method compared with.
    """
    question, info = metric_question(view, task, features, metric, small=small)
    others = features_across(view, question)
    crossed = question.features
    if others:
        crossed = (*crossed, _other_feature(across, others))
    comparison = load_groups(view, replace(question, features=crossed), (info.key,))
    names = {name: feature_label(name, view.tasks) for name in known_features(view)}
    if len(crossed) > 1:
        shown = method_asked(view, method, view.baseline)
        cells = plots.map_cells(comparison, info, shown)
        titles = plots.axes_of(crossed, names)
        label = view.labels[shown]
        takeaway = plots.map_takeaway(cells, info, label, change=change)
    else:
        cells = plots.map_methods(comparison, info, view.look)
        titles = "", names[crossed[0]]
        takeaway = plots.methods_takeaway(cells, info, names[crossed[0]])
    figure = plots.plot_group_map(cells, info, titles=titles, change=change)
    signs = gettext(
        "n: test images of the cell; {sign}: the value rests on fewer than {few} of "
        "them. A dash: no image, or undefined.",
        sign=SMALL_SIGN,
        few=SMALL_GROUP,
    )
    return Drawn(
        title=title_of(info, is_crossed=len(crossed) > 1),
        name=f"{view.study.name}-{info.key}-map",
        takeaway=takeaway,
        figures={info.label: figure},
        data=cells,
        note=f"{plots.map_note(info, change=change)} {signs}",
    )


def _other_feature(name: str, others: list[str]) -> str:
    if name and name not in others:
        raise ViewError(
            gettext("The groups cannot be crossed with '{name}'.", name=name),
            expected=gettext("one of {names}.", names=", ".join(others)),
            remedy=gettext("correct the name, or leave it out."),
        )
    return name or usual_across(others)


def usual_across(others: Sequence[str]) -> str:
    """A bin comes last among the features, and is what a map is mostly read across."""
    return others[-1]


def title_of(metric: MetricInfo, *, is_crossed: bool) -> str:
    """Heading of the view."""
    if is_crossed:
        return gettext("{metric}: every crossing", metric=metric.label)
    return gettext("{metric}: every method in every group", metric=metric.label)


def features_across(view: StudyView, question: Question) -> list[str]:
    """What a single feature can be crossed with; empty where several are chosen."""
    if len(question.features) > 1:
        return []
    return [name for name in known_features(view) if name not in question.features]
