"""Overview: which method helps, by how much, at what cost, and how certain that is."""

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.evaluation.comparison import Comparison
from core.evaluation.cost import (
    COSTS,
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
from core.evaluation.metrics import (
    MetricInfo,
    headline_keys,
    metric_info,
    stability_keys,
)
from core.evaluation.pareto import cost_points
from core.evaluation.published import CHANGE, VALUE, published_table
from core.evaluation.resampling import RESAMPLES
from core.evaluation.verdicts import MOST_UNDEFINED, SMALL_GROUP
from core.plots import overview as plots
from core.plots import search as search_plots
from core.plots import stability as stability_plots
from core.plots.age import noise_floor_of
from core.plots.cost import (
    VERY_WIDE,
    cost_ratio,
    paid_takeaway,
    plot_cost,
    seed_points,
)
from core.plots.headline import plot_headline
from core.plots.look import method_styles
from core.results.frame import table_frame
from core.results.published import PUBLISHED_NOTE, beside_published
from core.results.sentences import comparison_notes, verdict_sentence
from core.results.tables import distinct_metrics, leaderboard, metric_detail
from core.runs import data_report
from core.study import Search
from core.tasks import Regression
from core.text import BREAK, code, number, plural, to_list, to_markdown
from core.views.loads import load_comparison, load_stability
from core.views.study_view import StudyView
from pages.shell.address import CHANGED, open_errors, run_page, this_address
from pages.shell.choose import choose, number_in
from pages.shell.notices import is_alone, leave_out_damaged
from pages.shell.show import (
    Card,
    open_card,
    show_chart,
    show_charts,
    show_static_table,
    show_table,
)
from pages.shell.study_bar import choose_metric, study_bar
from pages.shell.two_studies import show_differences

COSTS_SHOWN = ("training_seconds", "inference_ms", "parameters")
VERDICTS = f"""
Each method is compared with the baseline on the **same test images**: the difference is
that of the two means over all seeds. Two sources of chance count: which test images
were drawn (they are drawn again {RESAMPLES:,} times, the same draw for all methods) and
how training went (the spread over the seeds). A method of one seed takes that spread
from the methods that have several. Where no method has two seeds, a verdict speaks of
**this trained model** and not of the method.

The 95 % interval of a difference holds for **all methods at once**, since among many
comparisons some look good by chance. The family is the methods of one metric; the
metrics are not corrected for one another. The verdict is read off that interval:

- :green[**▲ better**] or :red[**▼ worse**]: it leaves out 0.
- :blue[**≈ equivalent**]: it lies within the margin that does not matter, given with
  each metric. The method may differ, but not by an amount worth having.
- :gray[**○ inconclusive**]: neither. These images and seeds cannot tell the method from
  the baseline, which does not show that the two are equal.
- :gray[**– no verdict**]: fewer than {SMALL_GROUP} images, or undefined in more than
  {MOST_UNDEFINED:.0%} of the draws.

The interval of a single number answers for the method, trained anew, on new images.
"""


def main() -> None:
    """Choose, compare, show."""
    view = study_bar(
        "Which remedy should I trust?",
        lead="Every method of a study against its baseline, or another of your choice, "
        "each difference with its uncertainty.",
        beside=True,
    )
    view = leave_out_damaged(view)
    comparison = load_comparison(view)
    _notices(view, comparison.table)
    tally = _tally(view, comparison)
    if len(view.methods) > 1:
        _headline(view, comparison, tally)
        tally = "The numbers behind the picture."
    _leaderboard(view, comparison, tally)
    if view.two is not None:
        show_differences(view.two)
    with st.expander("What the verdicts mean", icon=":material/help:"):
        st.markdown(VERDICTS)
    if not is_alone(view):
        _one_metric(view, comparison)
        trained = {run.method for run in view.runs}
        if view.study.published and view.study.baseline in trained:
            # Others' changes are to their own baseline, and so are ours beside them.
            own = load_comparison(view, reference=view.study.baseline)
            _published(view, own.table)
    if view.study.is_trained:
        _stability(view)
    if view.study.search.trials:
        _search(view)


def _notices(view: StudyView, comparison: pd.DataFrame) -> None:
    """What the models were trained from and on, and how sure the labels are."""
    study = view.study
    costs = run_costs(view.chosen_runs)
    if mixed := mixed_runs_note(costs, view.labels):
        st.warning(to_markdown(mixed), icon=":material/balance:")
    test = plural(int(comparison["n"].max()), "test image")
    made = _made_with(view, costs)
    lines = [f"{view.dataset.title}: {test}, {view.seeds_text}{made}"]
    report = data_report(study.name)
    for task in view.tasks:
        floor = isinstance(task, Regression) and noise_floor_of(report, task)
        if floor:
            lines.append(
                f"The labels are noisy: two labels of one photo differ by "
                f"{number(floor, 1)} {task.unit} of {task.label.lower()} on average."
            )
    lines += [unknown_note(costs, view.labels), study.notice or view.dataset.notice]
    st.caption(to_markdown(BREAK.join(filter(None, lines))))


def _made_with(view: StudyView, costs: pd.DataFrame) -> str:
    """Backbone, image size and budget: what all methods share, or how they differ."""
    if differing := budget_note(costs, view.labels):
        return f". {differing}"
    if not view.study.is_trained:
        return "."
    model = view.study.model
    epochs = costs["epochs"].max()
    return (
        f", {model.backbone} at {model.image_size} px, trained from "
        f"{_trained_from(costs)} for up to "
        f"{f'{epochs:g}' if epochs == epochs else '?'} epochs."
    )


def _trained_from(costs: pd.DataFrame) -> str:
    """What all methods began from, of those that say it."""
    known = costs["trained_from"].dropna()
    weights = known.iloc[0] if len(known) else "unknown weights"
    return "ImageNet weights" if weights == "imagenet" else weights


def _headline(view: StudyView, comparison: Comparison, said: str) -> None:
    """Every method against the baseline on the headline metrics, as a picture."""
    infos = [
        metric_info(group[0], view.tasks)
        for group in distinct_metrics(comparison, _headline_keys(view))
    ]
    show_charts(
        {
            info.label: plot_headline(comparison.table, info, view.look)
            for info in infos
        },
        name=f"{view.study.name}-headline",
        title="Against the baseline",
        takeaway=said,
        data=comparison.table,
        note="Difference to the baseline with the 95 % interval that holds for all "
        "methods at once; the most favourable first. ▲ better, ▼ worse, ≈ equivalent, "
        "○ inconclusive. Shaded: differences that do not matter.",
        column_width=300,
    )


def _headline_keys(view: StudyView) -> list[str]:
    return list(headline_keys(view.tasks, view.study.headline))


def _tally(view: StudyView, comparison: Comparison) -> str:
    """How many differences on the headline metrics are certain."""
    counted = [
        metric_info(group[0], view.tasks)
        for group in distinct_metrics(comparison, _headline_keys(view))
    ]
    return plots.leaderboard_takeaway(comparison.table, counted, view.look)


def _leaderboard(view: StudyView, comparison: Comparison, said: str) -> None:
    """The headline metrics in numbers; ``said`` leads where no order is chosen."""
    metrics = [metric_info(key, view.tasks) for key in _headline_keys(view)]
    with st.container(border=True):
        st.subheader("Leaderboard", anchor=False)
        order = _choose_order(view, metrics)
        ordered, best = _sorted(view, comparison.table, order)
        labels = {method: view.labels[method] for method in ordered}
        board = leaderboard(
            comparison, [info.key for info in metrics], labels, view.tasks, part="score"
        )
        over = "One seed, no sd" if comparison.has_one_seed else "Mean over the seeds"
        show_static_table(
            table_frame(board),
            name=f"{view.study.name}-leaderboard",
            takeaway=best or said,
            download=comparison.table,
            note=BREAK.join(
                [
                    f"{over} [95 % interval] and verdict against the baseline; ↓ lower "
                    "is better, ↑ higher is better.",
                    *board.notes,
                ]
            ),
        )
        _offer_changes(view, ordered, order)
        st.caption(to_markdown(" ".join(comparison_notes(comparison, view.labels))))


def _offer_changes(
    view: StudyView, methods: Sequence[str], order: MetricInfo | None
) -> None:
    """The way from each row to the images that its method changes."""
    references = view.references
    compared = [method for method in methods if references.get(method) in view.methods]
    if not compared:
        return
    # The task that the rows are ordered by; by itself Errors shows its usual one.
    task = {} if order is None else {"task": order.task}
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.markdown("What changed, image by image:", width="content")
        for method in compared:
            if st.button(
                to_markdown(view.labels[method]),
                key=f"overview_changed_{view.study.name}_{method}",
                icon=":material/compare:",
                type="tertiary",
            ):
                pair = {"to": method, "from": references[method]}
                open_errors(view.study.name, first=CHANGED, **pair, **task)


def _choose_order(view: StudyView, metrics: Sequence[MetricInfo]) -> MetricInfo | None:
    """The metric that the methods are sorted by; None is the study's own order."""
    infos = {info.key: info for info in metrics}
    if len(view.methods) < 2:
        return None
    order = choose(
        "Order",
        ["", *infos],
        labels=lambda key: (
            f"{infos[key].label}, best first" if key else "The study's order"
        ),
        key=f"overview_order_{view.study.name}",
        parameter="order",
        what="metric",
        width=320,
    )
    return infos.get(order)


def _sorted(
    view: StudyView, comparison: pd.DataFrame, info: MetricInfo | None
) -> tuple[Sequence[str], str]:
    """The methods in the order chosen, and what can be said of the first."""
    if info is None:
        return view.methods, ""
    order = plots.best_first(comparison, info, view.methods)
    against = load_comparison(view, reference=order[0]).table
    said = plots.best_takeaway(against, info, view.look, order[0])
    return order, said


def _one_metric(view: StudyView, comparison: Comparison) -> None:
    """One metric of the reader's choice: difference, then quality against cost."""
    table = comparison.table
    st.header("One metric in detail", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        info = choose_metric(view, table["metric"], key="overview_metric")
        comparison = _with_margin(view, comparison, info)
    key, table = info.key, comparison.table
    st.caption(to_markdown(info.explanation))
    # Of a table of predictions no cost is known, so there is nothing beside it.
    left, *right = st.columns(2) if view.study.is_trained else [st.container()]
    with left:
        show_chart(
            plots.plot_differences(table, info, view.look),
            name=f"{view.study.name}-differences",
            title="Difference to the baseline",
            takeaway=plots.differences_takeaway(table, info, view.look),
            data=plots.rows_of(table, key).reset_index(),
            note="On the same test images; bars are 95 % intervals that hold for all "
            "methods at once. Shaded: differences that do not matter.",
        )
    for place in right:
        with place:
            _cost(view, comparison, info)
    show_chart(
        plots.plot_detectable(table, info, view.look),
        name=f"{view.study.name}-detectable",
        title="How many seeds would it take?",
        takeaway=plots.detectable_takeaway(table, info, view.look),
        data=plots.rows_of(table, key).reset_index(),
        note="Smallest detectable: the difference that this study would have found in "
        "four of five repetitions (80 % power). Seeds needed: seeds of both methods "
        "with which the difference seen here would be found as often, were it the true "
        "one.",
    )
    shown = {method: view.labels[method] for method in view.methods}
    with st.expander("In numbers", icon=":material/table:"):
        detail = metric_detail(comparison, key, shown, view.tasks)
        show_static_table(
            table_frame(detail),
            name=f"{view.study.name}-metric",
            takeaway=f"{info.label} of each method.",
            download=plots.rows_of(table, key).reset_index(),
            note=" ".join(detail.notes),
        )
        pairs = comparison.counterparts
        sentences = (
            verdict_sentence(
                comparison.row(method, key),
                label=view.labels[method],
                level=comparison.level,
                tasks=view.tasks,
                elsewhere=pairs.where if pairs else "",
            )
            for method in view.methods
        )
        st.markdown(to_list(sentences))


def _with_margin(
    view: StudyView, comparison: Comparison, info: MetricInfo
) -> Comparison:
    """Let the reader say which difference does not matter, and judge by it."""
    usual = comparison.margin(info.key) * info.factor
    unit = f" ({info.difference_unit})" if info.difference_unit else ""
    key = f"overview_margin_{view.study.name}_{info.key}"
    start = None if math.isnan(usual) else usual
    asked = this_address().take("margin")
    if asked is not None:
        found = number_in(asked[0], 0, math.inf) if asked else start
        if asked and found is None:
            this_address().name_unknown("margin", asked[0])
        st.session_state[key] = start if found is None else found
    chosen = st.number_input(
        to_markdown(f"Margin that does not matter{unit}"),
        min_value=0.0,
        **({} if key in st.session_state else {"value": start}),
        step=10.0**-info.digits,
        format=f"%.{info.digits}f",
        key=key,
        placeholder="none",
        persist_state="session",
        width=280,
        help="A method whose whole interval lies within this margin around 0 is "
        "equivalent to the baseline. The study may give its own.",
    )
    this_address().choose("margin", () if chosen == start else (f"{chosen or 0:g}",))
    margins = {**view.study.margins, info.key: (chosen or math.nan) / info.factor}
    return comparison.with_margins(margins, view.tasks)


def _cost(view: StudyView, comparison: Comparison, info: MetricInfo) -> None:
    with open_card("Quality against cost") as card:
        _show_cost(view, comparison, info, _choose_cost(), card)


def _show_cost(
    view: StudyView,
    comparison: Comparison,
    info: MetricInfo,
    cost: CostInfo,
    card: Card,
) -> None:
    per_run = run_costs(view.chosen_runs)
    costs = cost_table(per_run)
    points = cost_points(comparison, costs, info, cost, view.methods)
    spread = widest_spread(per_run, cost)
    notes = [
        "Bars are 95 % intervals; cost is the mean over the runs. The Cost page has "
        "every cost, and what a dearer method buys.",
        spread.sentence() if spread else "",
        machine_note(per_run, view.labels) if cost.timed_by else "",
    ]
    show_chart(
        plot_cost(
            points,
            seed_points(comparison, per_run, info, cost),
            info,
            cost,
            view.look,
            logarithmic=cost_ratio(points) >= VERY_WIDE,
        ),
        name=f"{view.study.name}-cost",
        takeaway=paid_takeaway(
            points,
            cost,
            view.labels,
            comparison.references,
            spread=spread,
            is_elsewhere=bool(cost.timed_by)
            and not are_timed_alike(costs, tuple(points.index)),
        ),
        data=costs.reset_index(),
        note=" ".join(filter(None, notes)),
        card=card,
    )


def _choose_cost() -> CostInfo:
    key = choose(
        "Cost",
        COSTS_SHOWN,
        labels=lambda key: COSTS[key].label,
        key="overview_cost",
        parameter="cost",
        is_segmented=True,
        label_visibility="collapsed",
    )
    return COSTS[key]


def _published(view: StudyView, comparison: pd.DataFrame) -> None:
    table = published_table(view.study.published, comparison, view.study.baseline)
    table = table[~table["method"].isin(view.labels.keys() - {*view.methods})]
    if table.empty:
        return
    st.header("What others published", anchor=False)
    # Others may have published a method of the study that has no run here.
    listed = {name: method.label for name, method in view.study.methods.items()}
    labels = {**listed, **view.labels}
    infos = {key: metric_info(key, view.tasks) for key in table["metric"]}
    for key, rows in table[table["kind"] == VALUE].groupby("metric", sort=False):
        info = infos[str(key)]
        show_chart(
            plots.plot_published_values(rows, info, view.look.called(labels)),
            name=f"{view.study.name}-published-{info.name}",
            title=f"{info.label}: published beside ours",
            takeaway=plots.published_values_takeaway(rows, info),
            data=rows,
            note=f"{_theirs(rows)} Ours: mean over the seeds with 95 % interval over "
            f"the test images. {view.study.notice}",
        )
    changes = table[table["kind"] == CHANGE]
    if not changes.empty:
        show_chart(
            plots.plot_published_changes(changes, infos, view.look.called(labels)),
            name=f"{view.study.name}-published",
            title="Their changes beside ours",
            takeaway=plots.published_changes_takeaway(changes),
            data=changes,
            note=f"{_theirs(changes)} Ours: this study, 95 % interval of the paired "
            "difference over the baseline's mean.",
        )
    with st.expander("In numbers", icon=":material/table:"):
        shown, sources = beside_published(table, labels, view.tasks)
        show_static_table(
            table_frame(shown),
            name=f"{view.study.name}-published-table",
            takeaway=PUBLISHED_NOTE,
            download=table,
            note=BREAK.join(f"{i}: {text}" for i, text in enumerate(sources, start=1)),
        )


def _theirs(table: pd.DataFrame) -> str:
    sources = "; ".join(dict.fromkeys(table["source"]))
    return f"Theirs: {sources}, on their split, with no interval given."


def _stability(view: StudyView) -> None:
    """How far the answers to each task move when an image is harmlessly changed."""
    st.header("How far does an answer move?", anchor=False)
    comparison = load_stability(view, by_change=True)
    if comparison is None:
        how = code(f"equipoise stability {view.study.name}")
        st.info(
            to_markdown(
                "How far answers move under harmless changes was not measured for "
                f"these runs. {how} measures it for your own runs with a model."
            ),
            icon=":material/info:",
        )
        return
    infos = {
        task.label: metric_info(key, view.tasks)
        for task, key in zip(view.tasks, stability_keys(view.tasks), strict=True)
    }
    info = infos[
        choose(
            "Task",
            list(infos),
            key=f"overview_stability_{view.study.name}",
            parameter="moved",
            is_segmented=True,
            label_visibility="collapsed",
        )
    ]
    st.caption(to_markdown(info.explanation))
    table = comparison.table
    images = plural(int(table["n"].max()), "test image")
    notes = [
        f"Lower is better; {images}. Bars are 95 % intervals over images and seeds.",
        stability_plots.unmeasured_note(table, info, view.look),
    ]
    show_chart(
        stability_plots.plot_instability(table, info, view.look),
        name=f"{view.study.name}-stability",
        title="Over all changes",
        takeaway=stability_plots.instability_takeaway(table, info, view.look),
        data=stability_plots.instability_frame(table, info),
        note=" ".join(filter(None, notes)),
    )
    with st.container(border=True):
        st.subheader("Under each change", anchor=False)
        show_static_table(
            stability_plots.tabulate_changes(table, info, view.look),
            name=f"{view.study.name}-stability-changes",
            takeaway=stability_plots.worst_takeaway(table, info, view.methods),
            download=stability_plots.instability_frame(table, info),
            note=f"In {'per cent' if info.unit == '%' else info.unit}, mean over the "
            "seeds. Worst: each image under the change that moves its answer most.",
        )


def _search(view: StudyView) -> None:
    st.header("How the settings were chosen", anchor=False)
    search = view.study.search
    if searched := search_plots.searched_methods(search):
        _tries(view, searched)
    with st.expander("Everything that was tried", icon=":material/experiment:"):
        takeaway = search_plots.search_takeaway(search)
        st.markdown(to_markdown(takeaway))
        show_table(
            search_plots.search_table(search, view.tasks, view.labels),
            name=f"{view.study.name}-search",
            alt=takeaway,
            note="Judged on the validation images alone; the test images were not "
            "looked at. ● is what the study uses.",
        )


def _tries(view: StudyView, searched: Sequence[str]) -> None:
    """The search of one method of the reader's choice."""
    search, tasks = view.study.search, view.tasks
    listed = {name: method.label for name, method in view.study.methods.items()}
    labels = {**listed, **view.labels}
    method = choose(
        "Method",
        searched,
        labels=lambda name: labels.get(name, name),
        key=f"overview_search_{view.study.name}",
        parameter="tries",
        always=True,
        width=320,
    )
    label = labels.get(method, method)
    # A method of the search need not have runs.
    own = list(dict.fromkeys((*view.study.methods, method)))
    styles = {**method_styles(own, view.study.baseline), **view.styles}
    tried = search_plots.trials_of(search, method)
    shares = search_plots.importance_shares(search, method, tasks)
    frame = search_plots.trials_frame(tried, tasks)
    left, *right = st.columns(2) if shares else [st.container()]
    with left:
        show_chart(
            search_plots.plot_trials(frame, styles[method]),
            name=f"{view.study.name}-tries",
            title="Every try",
            takeaway=search_plots.trials_takeaway(tried, label),
            data=frame,
            note=_how_judged(search),
        )
    for place in right:
        with place:
            show_chart(
                search_plots.plot_importance(shares, styles[method]),
                name=f"{view.study.name}-importance",
                title="Which settings mattered",
                takeaway=search_plots.importance_takeaway(shares, tried, label),
                data=pd.DataFrame({"setting": list(shares), "share": shares.values()}),
                note="Share of the variance of the skill that a setting explains in "
                "a random forest over the complete tries (fANOVA, as Optuna has it). "
                "From few tries it is a hint.",
            )


def _how_judged(search: Search) -> str:
    seed = "" if search.seed is None else f" with seed {search.seed}, no run's own"
    return (
        "Skill: 0 is as good as one answer for all validation images, 1 is perfect; "
        "the mean over the tasks, each by its headline metrics. Every try was trained"
        f"{seed}, and judged on validation images alone. The best of many tries looks "
        "better than it is: no verdict rests on it. Pruned: stopped early, as it was "
        "behind the median of earlier tries."
    )


run_page(main)
