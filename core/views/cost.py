"""Views of what a method costs, and of what a dearer one buys."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from core.errors import NothingToShow, ViewError
from core.evaluation.comparison import Comparison
from core.evaluation.cost import (
    COSTS,
    SETTINGS,
    CostInfo,
    are_timed_alike,
    budget_note,
    cost_table,
    machine_note,
    mixed_runs_note,
    run_costs,
    unknown_note,
    widest_spread,
)
from core.evaluation.metrics import MetricInfo
from core.evaluation.pareto import (
    Step,
    compute_step,
    cost_points,
    reference_of,
    step_pairs,
)
from core.language import N_, gettext
from core.plots import cost as plots
from core.plots.overview import axis_title
from core.text import BREAK, strong
from core.views.caching import cached
from core.views.drawing import Column, Drawn, Numbers, draws
from core.views.loads import load_comparison
from core.views.metrics import metric_of
from core.views.study_view import StudyView

FIRST = "training_seconds"
"""The cost that is shown where none is chosen."""
Scale = Literal["automatic", "linear", "logarithmic"]


@dataclass(frozen=True)
class Costs:
    """What the runs of the shown methods cost, and what must be said of it.

    Parameters
    ----------
    per_run : DataFrame
        From ``run_costs``.
    table : DataFrame
        From ``cost_table``.
    mixed, differing, unknown, machines : str
        Runs of one method with different budgets; settings in which methods differ;
        methods of which only predictions are known; where times were measured. Empty
        where there is nothing to say.
    """

    per_run: pd.DataFrame
    table: pd.DataFrame
    mixed: str
    differing: str
    unknown: str
    machines: str


@dataclass(frozen=True)
class Front:
    """Quality against one cost, and the steps along the front.

    Parameters
    ----------
    metric : MetricInfo
    cost : CostInfo
    points : DataFrame
        From ``cost_points``.
    steps : tuple of Step
        Between neighbours on the front, then between its ends.
    elsewhere : tuple of Step
        Those whose two methods were timed on different machines.
    """

    metric: MetricInfo
    cost: CostInfo
    points: pd.DataFrame
    steps: tuple[Step, ...]
    elsewhere: tuple[Step, ...]

    @property
    def title(self) -> str:
        """What is set against what."""
        return gettext(
            "{metric} against {cost}",
            metric=self.metric.label,
            cost=self.cost.label.lower(),
        )

    @property
    def is_wide(self) -> bool:
        """Whether a logarithmic axis of the cost is worth a choice."""
        return plots.cost_ratio(self.points) >= plots.WIDE

    @property
    def is_very_wide(self) -> bool:
        """Whether the axis of the cost is logarithmic unasked."""
        return plots.cost_ratio(self.points) >= plots.VERY_WIDE


@draws("quality-cost", N_("Quality against one cost, and what a certain gain costs"))
def draw_quality_cost(view: StudyView, *, metric: str = "", cost: str = FIRST) -> Drawn:
    """One metric against one cost, as Overview shows it beside the differences."""
    comparison, costs = load_comparison(view), load_costs(view)
    info, spent = metric_of(view, comparison, metric), cost_of(cost)
    if not view.study.is_trained:
        raise NothingToShow(
            gettext(
                "The study {study} was made of a table of predictions, so no cost is "
                "known.",
                study=strong(view.title),
            )
        )
    points = cost_points(comparison, costs.table, info, spent, view.methods)
    spread = widest_spread(costs.per_run, spent)
    notes = [
        gettext(
            "Bars are 95 % intervals; cost is the mean over the runs. The Cost page "
            "has every cost, and what a dearer method buys."
        ),
        spread.sentence() if spread else "",
        costs.machines if spent.timed_by else "",
    ]
    return Drawn(
        title=gettext("Quality against cost"),
        name=f"{view.study.name}-cost",
        takeaway=plots.paid_takeaway(
            points,
            spent,
            view.labels,
            comparison.references,
            spread=spread,
            is_elsewhere=bool(spent.timed_by)
            and not are_timed_alike(costs.table, tuple(points.index)),
        ),
        figures={
            info.label: plots.plot_cost(
                points,
                plots.seed_points(comparison, costs.per_run, info, spent),
                info,
                spent,
                view.look,
                logarithmic=plots.cost_ratio(points) >= plots.VERY_WIDE,
            )
        },
        data=costs.table.reset_index(),
        note=" ".join(filter(None, notes)),
    )


@draws("pareto", N_("Quality against one cost, with the front drawn"))
def draw_pareto(
    view: StudyView,
    *,
    metric: str = "",
    cost: str = FIRST,
    scale: Scale = "automatic",
) -> Drawn:
    """One metric against one cost, and which methods no other beats in both."""
    front = load_front(view, metric, cost)
    info, spent, points = front.metric, front.cost, front.points
    per_run = load_costs(view).per_run
    spread = widest_spread(per_run, spent)
    drawn = [gettext("Bars: 95 % intervals over the test images.")]
    if points["on_front"].sum() > 1:
        drawn.append(gettext("Dashed: the front, by the point estimates."))
    drawn.append(
        gettext(
            "A letter beside a sign is that of the legend. Signs that would cover each "
            "other are moved apart sideways, by a twentieth of the axis at most; the "
            "table has the numbers."
        )
    )
    notes = [
        spread.sentence() if spread else "",
        " ".join(drawn),
        gettext("{name}: {value}", name=info.label, value=info.explanation),
        gettext("{name}: {value}", name=spent.label, value=spent.explanation),
        plots.left_out_note(points, view.look, spent),
    ]
    seeds = plots.seed_points(load_comparison(view), per_run, info, spent)
    is_logarithmic = front.is_very_wide if scale == "automatic" else scale != "linear"
    return Drawn(
        title=front.title,
        name=f"{view.study.name}-cost",
        takeaway=plots.front_takeaway(
            points,
            front.steps,
            info,
            spent,
            view.labels,
            spread=spread,
            elsewhere=front.elsewhere,
        ),
        figures={
            front.title: plots.plot_cost(
                points, seeds, info, spent, view.look, logarithmic=is_logarithmic
            )
        },
        data=points.reset_index(),
        note=BREAK.join(filter(None, notes)),
    )


@draws("front-steps", N_("What each step along the front of quality and cost buys"))
def draw_front_steps(view: StudyView, *, metric: str = "", cost: str = FIRST) -> Drawn:
    """The dearer method minus the cheaper, for each step along the front."""
    front = load_front(view, metric, cost)
    if not front.steps:
        raise NothingToShow(
            gettext(
                "In the study {study} one method alone is on the front of {metric} and "
                "{cost}, so there is no step along it.",
                study=strong(view.title),
                metric=front.metric.label,
                cost=front.cost.label.lower(),
            )
        )
    said = plots.steps_takeaway(front.steps, front.metric, view.labels)
    return Drawn(
        title=gettext("What each step along the front buys"),
        name=f"{view.study.name}-steps",
        takeaway=said,
        data=pd.DataFrame(list(front.steps)),
        numbers=Numbers(
            plots.steps_table(
                front.steps,
                front.points,
                front.metric,
                front.cost,
                view.labels,
                elsewhere=front.elsewhere,
            ),
            said,
            note=gettext(
                "Neighbours, then the two ends: the dearer minus the cheaper, with its "
                "95 % interval, which holds for all methods at once."
            ),
        ),
    )


@draws("cost", N_("Every cost of every method, in numbers"))
def draw_costs(view: StudyView, *, metric: str = "", cost: str = FIRST) -> Drawn:
    """What each method takes to train, to keep and to answer; and its place."""
    comparison, costs = load_comparison(view), load_costs(view)
    info = metric_of(view, comparison, metric)
    points = cost_points(comparison, costs.table, info, cost_of(cost), view.methods)
    frame = plots.costs_frame(costs.table, points, comparison.table, info, view.look)
    said = gettext(
        "What each of {count} methods costs: parameters, training and inference time, "
        "size, and what it was made with.",
        count=len(frame),
    )
    return Drawn(
        title=gettext("Every cost in numbers"),
        name=f"{view.study.name}-costs",
        takeaway=costs.machines or said,
        data=costs.table.reset_index(),
        numbers=Numbers(
            frame,
            said,
            note=gettext(
                "Means over the runs, ± their standard deviation; – is unknown. What "
                "was measured, and how, is said where the pointer rests on a heading."
            ),
            is_long=True,
            columns=_columns(info),
            is_whole=True,
        ),
    )


@cached(entries=32, outlives=True)
def load_costs(view: StudyView) -> Costs:
    """What the runs of the shown methods cost."""
    per_run, labels = run_costs(view.chosen_runs), view.labels
    return Costs(
        per_run,
        cost_table(per_run),
        mixed_runs_note(per_run, labels),
        budget_note(per_run, labels),
        unknown_note(per_run, labels),
        machine_note(per_run, labels),
    )


@cached(entries=64, outlives=True)
def load_front(view: StudyView, metric: str = "", cost: str = FIRST) -> Front:
    """Quality against one cost, and the steps along the front.

    Raises
    ------
    NothingToShow
        If fewer than two methods have both.
    """
    comparison, costs = load_comparison(view), load_costs(view).table
    info, spent = metric_of(view, comparison, metric), cost_of(cost)
    points = cost_points(comparison, costs, info, spent, view.methods)
    if len(points) < 2:
        raise NothingToShow(
            gettext(
                "Fewer than two of these methods have both {metric} and a known "
                "{cost}, so there is nothing to set against each other. Choose another "
                "cost or metric.",
                metric=info.label,
                cost=spent.label.lower(),
            )
        )
    steps = tuple(
        compute_step(pair, points, _compared(view, comparison, pair), info.key)
        for pair in step_pairs(points)
    )
    elsewhere = tuple(
        step
        for step in steps
        if spent.timed_by and not are_timed_alike(costs, (step.cheaper, step.dearer))
    )
    return Front(info, spent, points, steps, elsewhere)


def cost_of(name: str) -> CostInfo:
    """The cost of that name.

    Raises
    ------
    ViewError
        If there is none.
    """
    if name not in COSTS:
        raise ViewError(
            gettext("There is no cost '{name}'.", name=name),
            expected=gettext("one of {names}.", names=", ".join(COSTS)),
            remedy=gettext("correct it, or leave it out for '{usual}'.", usual=FIRST),
        )
    return COSTS[name]


def _compared(
    view: StudyView, comparison: Comparison, pair: tuple[str, str]
) -> Comparison:
    reference = reference_of(pair, comparison.baseline)
    if reference == comparison.baseline and comparison.counterparts is None:
        return comparison
    return load_comparison(view, reference=reference)


def _columns(metric: MetricInfo) -> dict[str, Column]:
    """Decimals and explanations of the table."""
    columns = {
        gettext("Method"): Column(is_name=True),
        gettext("Front"): Column(
            explanation=gettext(
                "Its place on the front of the metric and the cost chosen above."
            )
        ),
        axis_title(metric): Column(metric.digits, metric.explanation),
    }
    for info in COSTS.values():
        columns[info.heading] = Column(info.digits, info.explanation)
        columns[plots.spread_heading(info)] = Column(
            info.digits,
            gettext(
                "Standard deviation of {cost} over the runs.", cost=info.label.lower()
            ),
        )
    return columns | {plots.setting_heading(key): Column() for key in SETTINGS}
