"""Views of how every method does against the baseline: all metrics, then one."""

import math
from collections.abc import Sequence

import pandas as pd

from core.errors import NothingToShow
from core.evaluation.comparison import Comparison
from core.evaluation.metrics import MetricInfo, in_unit
from core.evaluation.verdicts import BASELINE
from core.language import N_, gettext, ngettext
from core.models.known_backbones import backbone_label
from core.plots import overview as plots
from core.plots.age import noise_floor_of
from core.plots.headline import plot_headline
from core.results.frame import table_frame
from core.results.sentences import comparison_notes, verdict_sentence
from core.results.tables import leaderboard, metric_detail
from core.runs import data_report
from core.tasks import Regression
from core.text import BREAK, number, strong
from core.views.caching import cached
from core.views.cost import Costs, load_costs
from core.views.drawing import Drawn, Numbers, draws, share_width
from core.views.loads import load_comparison
from core.views.metrics import distinct_headline, headline_metrics, metric_of
from core.views.study_view import StudyView

OWN_MARGIN = -1.0
"""In place of a margin: the one that the study has."""


@draws("headline", N_("Every method against the baseline, as a picture"))
def draw_headline(view: StudyView) -> Drawn:
    """Difference of every method to the baseline on the headline metrics."""
    if len(view.methods) < 2:
        raise NothingToShow(_alone(view))
    comparison = load_comparison(view)
    infos = distinct_headline(view, comparison)
    return Drawn(
        title=gettext("Against the baseline"),
        name=f"{view.study.name}-headline",
        takeaway=_tally(view, comparison),
        figures={
            info.label: plot_headline(comparison.table, info, view.look)
            for info in infos
        },
        data=comparison.table,
        note=gettext(
            "Difference to the baseline with the 95 % interval that holds for all "
            "methods at once; the most favourable first. ▲ better, ▼ worse, "
            "≈ equivalent, ○ inconclusive. Shaded: differences that do not matter."
        ),
        column_width=share_width(len(infos), 300),
        claims=_verdicts(view, comparison, infos, _compared(view)),
    )


@draws("leaderboard", N_("The headline metrics of every method, in numbers"))
def draw_leaderboard(view: StudyView, *, order: str = "") -> Drawn:
    """The headline metrics in numbers, in the study's order or by one metric."""
    comparison = load_comparison(view)
    methods = methods_by(view, order)
    board = leaderboard(
        comparison,
        [info.key for info in headline_metrics(view)],
        {method: view.labels[method] for method in methods},
        view.tasks,
        part="score",
    )
    signs = gettext(
        "Mean over the seeds [95 % interval] and verdict against the baseline; ↓ lower "
        "is better, ↑ higher is better."
    )
    if comparison.has_one_seed:
        signs = gettext(
            "One seed, no sd [95 % interval] and verdict against the baseline; ↓ lower "
            "is better, ↑ higher is better."
        )
    said = _tally(view, comparison)
    if order:
        info = metric_of(view, comparison, order)
        against = load_comparison(view, reference=methods[0]).table
        said = plots.best_takeaway(against, info, view.look, methods[0])
    return Drawn(
        title=gettext("Leaderboard"),
        name=f"{view.study.name}-leaderboard",
        takeaway=said,
        data=comparison.table,
        numbers=Numbers(
            table_frame(board),
            said,
            note=BREAK.join(
                [
                    signs,
                    *board.notes,
                    " ".join(comparison_notes(comparison, view.labels)),
                ]
            ),
        ),
    )


@draws("differences", N_("Difference of every method to the baseline, on one metric"))
def draw_differences(
    view: StudyView, *, metric: str = "", margin: float = OWN_MARGIN
) -> Drawn:
    """Difference on one metric, with the margin that does not matter (0 for none)."""
    comparison, info = judged(view, metric, margin)
    table = comparison.table
    return Drawn(
        title=gettext("Difference to the baseline"),
        name=f"{view.study.name}-differences",
        takeaway=plots.differences_takeaway(table, info, view.look),
        figures={info.label: plots.plot_differences(table, info, view.look)},
        data=plots.rows_of(table, info.key).reset_index(),
        note=gettext(
            "On the same test images; bars are 95 % intervals that hold for all "
            "methods at once. Shaded: differences that do not matter."
        ),
        claims=_verdicts(view, comparison, [info], _compared(view)),
    )


@draws("detectable", N_("How many seeds it would take to settle each difference"))
def draw_detectable(
    view: StudyView, *, metric: str = "", margin: float = OWN_MARGIN
) -> Drawn:
    """The smallest difference that the study could have found, beside the one seen."""
    comparison, info = judged(view, metric, margin)
    table = comparison.table
    return Drawn(
        title=gettext("How many seeds would it take?"),
        name=f"{view.study.name}-detectable",
        takeaway=plots.detectable_takeaway(table, info, view.look),
        figures={info.label: plots.plot_detectable(table, info, view.look)},
        data=plots.rows_of(table, info.key).reset_index(),
        note=gettext(
            "Smallest detectable: the difference that this study would have found in "
            "four of five repetitions (80 % power). Seeds needed: seeds of both "
            "methods with which the difference seen here would be found as often, were "
            "it the true one."
        ),
    )


@draws("metric-in-numbers", N_("One metric of every method, in numbers and sentences"))
def draw_metric_in_numbers(
    view: StudyView, *, metric: str = "", margin: float = OWN_MARGIN
) -> Drawn:
    """One metric of every method with its difference; its claims are the verdicts."""
    comparison, info = judged(view, metric, margin)
    shown = {method: view.labels[method] for method in view.methods}
    detail = metric_detail(comparison, info.key, shown, view.tasks)
    said = gettext("{metric} of each method.", metric=info.label)
    return Drawn(
        title=info.label,
        name=f"{view.study.name}-metric",
        takeaway=said,
        data=plots.rows_of(comparison.table, info.key).reset_index(),
        numbers=Numbers(table_frame(detail), said, note=" ".join(detail.notes)),
        claims=_verdicts(view, comparison, [info], view.methods),
    )


def judged(
    view: StudyView, metric: str = "", margin: float = OWN_MARGIN
) -> tuple[Comparison, MetricInfo]:
    """The comparison and one of its metrics, judged by a margin of the reader's.

    Parameters
    ----------
    view : StudyView
    metric : str
        The study's first where it is empty.
    margin : float
        Difference that does not matter, in the unit that the metric is shown in; 0 for
        none, and the study's own where it is below 0.
    """
    comparison = load_comparison(view)
    info = metric_of(view, comparison, metric)
    if margin < 0:
        return comparison, info
    margins = {**view.study.margins, info.key: (margin or math.nan) / info.factor}
    return comparison.with_margins(margins, view.tasks), info


def own_margin(comparison: Comparison, info: MetricInfo) -> float | None:
    """The study's margin of a metric in the unit that is shown; None without one."""
    margin = comparison.margin(info.key) * info.factor
    return None if math.isnan(margin) else margin


def methods_by(view: StudyView, order: str) -> Sequence[str]:
    """The methods shown, the best on a metric first; in their own order without one."""
    if not order:
        return view.methods
    comparison = load_comparison(view)
    info = metric_of(view, comparison, order)
    return plots.best_first(comparison.table, info, view.methods)


@cached(entries=32, outlives=True)
def study_facts(view: StudyView) -> str:
    """What the models were trained from and on, and how sure the labels are."""
    costs = load_costs(view)
    lines = [_made_with(view, costs)]
    report = data_report(view.study.name)
    for task in view.tasks:
        if isinstance(task, Regression) and (floor := noise_floor_of(report, task)):
            lines.append(
                gettext(
                    "The labels are noisy: two labels of one photo differ by {size} of "
                    "{task} on average.",
                    size=in_unit(number(floor, 1), task.unit, floor),
                    task=gettext(task.label).lower(),
                )
            )
    notice = view.study.notice or view.dataset.notice
    lines += [costs.unknown, gettext(notice)]
    return BREAK.join(filter(None, lines))


def _made_with(view: StudyView, costs: Costs) -> str:
    """Data, and backbone, image size and budget: shared by all, or how they differ."""
    images = int(load_comparison(view).table["n"].max())
    fields = {
        "dataset": gettext(view.dataset.title),
        "images": ngettext("{count} test image", "{count} test images", images),
        "seeds": view.seeds_text,
    }
    if costs.differing or not view.study.is_trained:
        said = gettext("{dataset}: {images}, {seeds}.", **fields)
        return f"{said} {costs.differing}".rstrip()
    model = view.study.model
    epochs = costs.per_run["epochs"].max()
    return gettext(
        "{dataset}: {images}, {seeds}, {backbone} at {size} px, trained from {weights} "
        "for up to {epochs} epochs.",
        backbone=backbone_label(model.backbone),
        size=str(model.image_size),
        weights=_trained_from(costs.per_run),
        epochs=int(epochs) if epochs == epochs else "?",
        **fields,
    )


def _trained_from(per_run: pd.DataFrame) -> str:
    """What all methods began from, of those that say it."""
    known = per_run["trained_from"].dropna()
    if known.empty:
        return gettext("unknown weights")
    match str(known.iloc[0]):
        case "imagenet":
            return gettext("ImageNet weights")
        case "scratch":
            return gettext("scratch")
        case weights:
            return weights


def _tally(view: StudyView, comparison: Comparison) -> str:
    """How many differences on the headline metrics are certain."""
    counted = distinct_headline(view, comparison)
    return plots.leaderboard_takeaway(comparison.table, counted, view.look)


def _compared(view: StudyView) -> list[str]:
    """The methods shown that are compared with another."""
    return [method for method in view.methods if method in view.references]


# Verdicts in the order in which they are told.
_DECIDED = (BASELINE, "better", "worse", "equivalent")


def _verdicts(
    view: StudyView,
    comparison: Comparison,
    infos: Sequence[MetricInfo],
    methods: Sequence[str],
) -> tuple[str, ...]:
    """A sentence a metric and method: its difference, interval and verdict.

    The first is what a slide says where its author says nothing: what is better comes
    first, and what is open last.
    """
    pairs = comparison.counterparts
    found = [
        (method, comparison.row(method, info.key))
        for info in infos
        for method in methods
    ]
    order = {verdict: place for place, verdict in enumerate(_DECIDED)}
    found.sort(key=lambda pair: order.get(pair[1].verdict, len(order)))
    return tuple(
        verdict_sentence(
            row,
            label=view.labels[method],
            level=comparison.level,
            tasks=view.tasks,
            elsewhere=pairs.where if pairs else "",
        )
        for method, row in found
    )


def _alone(view: StudyView) -> str:
    return gettext(
        "The study {study} shows one method only, so there is nothing to compare it "
        "with.",
        study=strong(view.title),
    )
