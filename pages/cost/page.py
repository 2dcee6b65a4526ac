"""Cost: what each method takes, and whether paying more buys a real difference."""

from collections.abc import Iterable

import pandas as pd
import streamlit as st

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
from core.plots import cost as plots
from core.text import BREAK, to_markdown
from core.views.loads import load_comparison
from core.views.study_view import StudyView
from pages.shell.address import run_page
from pages.shell.choose import choose, choose_whether
from pages.shell.notices import is_alone, leave_out_damaged
from pages.shell.show import (
    names_column,
    open_card,
    show_chart,
    show_static_table,
    show_table,
)
from pages.shell.study_bar import choose_metric, study_bar

FIRST = "training_seconds"
FRONT = """
A method is **on the front** if none of the others is at least as cheap and at least as
good. That is by the **point estimates**: costs within 2 % count as equal, and a method
may be on it by a lead that other test images, or another training, would take away.
The same images chose the front, which flatters its members. So each step along it is
tested as everywhere: on the same images, with the spread over the seeds, and with an
interval that holds for all methods at once, against the baseline where it is one of the
two, and against the cheaper one otherwise. A method off the front has no verdict by
that: see Overview.
"""


def main() -> None:
    """Choose a metric and a cost; set one against the other."""
    view = study_bar(
        "Is it worth its cost?",
        lead="What each method takes to train, to keep and to answer, and whether the "
        "dearer one is really better.",
        beside=True,
    )
    view = leave_out_damaged(view)
    comparison = load_comparison(view)
    per_run = run_costs(view.chosen_runs)
    costs = cost_table(per_run)
    if mixed := mixed_runs_note(per_run, view.labels):
        st.warning(to_markdown(mixed), icon=":material/balance:")
    if differing := budget_note(per_run, view.labels):
        st.info(to_markdown(differing), icon=":material/balance:")
    if unknown := unknown_note(per_run, view.labels):
        st.info(to_markdown(unknown), icon=":material/upload_file:")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = choose_metric(view, comparison.table["metric"], key="cost_metric")
        cost = _choose_cost()
    points = cost_points(comparison, costs, metric, cost, view.methods)
    if not is_alone(view):
        _front(view, comparison, per_run, costs, points, metric, cost)
    _every_cost(view, comparison, costs, per_run, points, metric)


def _choose_cost() -> CostInfo:
    key = choose(
        "Cost",
        list(COSTS),
        default=FIRST,
        labels=lambda key: COSTS[key].label,
        key="cost_cost",
        parameter="cost",
        width=420,
    )
    return COSTS[key]


def _front(
    view: StudyView,
    comparison: Comparison,
    per_run: pd.DataFrame,
    costs: pd.DataFrame,
    points: pd.DataFrame,
    metric: MetricInfo,
    cost: CostInfo,
) -> None:
    """Quality against the chosen cost, and what each step along the front buys."""
    if len(points) < 2:
        st.info(
            to_markdown(
                f"Fewer than two of these methods have both {metric.label} and a known "
                f"{cost.label.lower()}, so there is nothing to set against each other. "
                "Choose another cost or metric; the table below shows what is known."
            ),
            icon=":material/info:",
        )
        return
    steps = tuple(
        compute_step(pair, points, _compared(view, comparison, pair), metric.key)
        for pair in step_pairs(points)
    )
    elsewhere = tuple(
        step
        for step in steps
        if cost.timed_by and not are_timed_alike(costs, (step.cheaper, step.dearer))
    )
    if cost.timed_by and per_run["hardware"].nunique() > 1:
        st.warning(
            to_markdown(machine_note(per_run, view.labels)), icon=":material/timer:"
        )
    spread = widest_spread(per_run, cost)
    notes = [
        spread.sentence() if spread else "",
        "Bars: 95 % intervals over the test images."
        + (
            " Dashed: the front, by the point estimates."
            if points["on_front"].sum() > 1
            else ""
        )
        + " A letter beside a sign is that of the legend. Signs that would cover each "
        "other are moved apart sideways, by a twentieth of the axis at most; the table "
        "has the numbers.",
        f"{metric.label}: {metric.explanation}",
        f"{cost.label}: {cost.explanation}",
        plots.left_out_note(points, view.look, cost),
    ]
    with open_card(f"{metric.label} against {cost.label.lower()}") as card:
        logarithmic = _choose_logarithm(points, cost)
        show_chart(
            plots.plot_cost(
                points,
                plots.seed_points(comparison, per_run, metric, cost),
                metric,
                cost,
                view.look,
                logarithmic=logarithmic,
            ),
            name=f"{view.study.name}-cost",
            takeaway=plots.front_takeaway(
                points,
                steps,
                metric,
                cost,
                view.labels,
                spread=spread,
                elsewhere=elsewhere,
            ),
            data=points.reset_index(),
            note=BREAK.join(filter(None, notes)),
            card=card,
        )
    _steps(view, steps, elsewhere, points, metric, cost)


def _compared(
    view: StudyView, comparison: Comparison, pair: tuple[str, str]
) -> Comparison:
    reference = reference_of(pair, comparison.baseline)
    if reference == comparison.baseline and comparison.counterparts is None:
        return comparison
    return load_comparison(view, reference=reference)


def _choose_logarithm(points: pd.DataFrame, cost: CostInfo) -> bool:
    """Whether the cost axis is logarithmic; asked where costs lie far apart."""
    ratio = plots.cost_ratio(points)
    return ratio >= plots.WIDE and choose_whether(
        "Logarithmic cost axis",
        key=f"cost_logarithm_{cost.key}",
        parameter="logarithmic",
        default=ratio >= plots.VERY_WIDE,
    )


def _steps(
    view: StudyView,
    steps: tuple[Step, ...],
    elsewhere: tuple[Step, ...],
    points: pd.DataFrame,
    metric: MetricInfo,
    cost: CostInfo,
) -> None:
    if steps:
        with st.container(border=True):
            st.subheader("What each step along the front buys", anchor=False)
            show_static_table(
                plots.steps_table(
                    steps, points, metric, cost, view.labels, elsewhere=elsewhere
                ),
                name=f"{view.study.name}-steps",
                takeaway=plots.steps_takeaway(steps, metric, view.labels),
                download=pd.DataFrame(list(steps)),
                note="Neighbours, then the two ends: the dearer minus the cheaper, "
                "with its 95 % interval, which holds for all methods at once.",
            )
    with st.expander("What being on the front means", icon=":material/help:"):
        st.markdown(FRONT)


def _every_cost(
    view: StudyView,
    comparison: Comparison,
    costs: pd.DataFrame,
    per_run: pd.DataFrame,
    points: pd.DataFrame,
    metric: MetricInfo,
) -> None:
    frame = plots.costs_frame(costs, points, comparison.table, metric, view.look)
    with st.container(border=True):
        st.subheader("Every cost in numbers", anchor=False)
        st.markdown(to_markdown(machine_note(per_run, view.labels)))
        show_table(
            frame,
            name=f"{view.study.name}-costs",
            alt=f"What each of {len(frame)} methods costs: parameters, training and "
            "inference time, size, and what it was made with.",
            column_config=_columns(metric, frame["Method"]),
            download=costs.reset_index(),
            height="content",
            note="Means over the runs, ± their standard deviation; – is unknown. What "
            "was measured, and how, is said where the pointer rests on a heading.",
        )


def _columns(metric: MetricInfo, names: Iterable[str]) -> dict[str, object]:
    """Formats and tooltips of the table."""
    number = st.column_config.NumberColumn
    columns: dict[str, object] = {
        "Method": names_column(names),
        "Front": st.column_config.TextColumn(
            help="Its place on the front of the metric and the cost chosen above."
        ),
        plots.axis_title(metric): number(
            help=metric.explanation, format=f"%.{metric.digits}f"
        ),
    }
    for info in COSTS.values():
        shown = f"%.{info.digits}f"
        columns[info.heading] = number(help=info.explanation, format=shown)
        columns[plots.spread_heading(info)] = number(
            help=f"Standard deviation of {info.label.lower()} over the runs.",
            format=shown,
        )
    for heading in SETTINGS.values():
        columns[heading.capitalize()] = st.column_config.TextColumn()
    return columns


run_page(main)
