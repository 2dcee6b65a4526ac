"""Overview: which method helps, by how much, at what cost, and how certain that is."""

import math
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.evaluation.cost import COSTS
from core.evaluation.metrics import MetricInfo
from core.evaluation.resampling import RESAMPLES
from core.evaluation.verdicts import MOST_UNDEFINED, SMALL_GROUP
from core.language import N_, gettext
from core.plots.search import searched_methods
from core.text import percent, to_list, to_markdown
from core.views import overview, published, search, stability
from core.views.cost import draw_quality_cost, load_costs
from core.views.loads import load_comparison
from core.views.metrics import headline_metrics
from core.views.study_view import StudyView
from core.views.two_studies import draw_study_differences
from pages.shell.address import (
    CHANGED,
    open_errors,
    run_page,
    saying_what_is_missing,
    this_address,
)
from pages.shell.choose import choose, number_in
from pages.shell.notices import is_alone, leave_out_damaged
from pages.shell.show import open_card, show_numbers, show_view
from pages.shell.study_bar import choose_metric, study_bar

COSTS_SHOWN = ("training_seconds", "inference_ms", "parameters")
VERDICTS = N_("""
Each method is compared with the baseline on the **same test images**: the difference is
that of the two means over all seeds. Two sources of chance count: which test images
were drawn (they are drawn again {resamples} times, the same draw for all methods) and
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
- :gray[**– no verdict**]: fewer than {few} images, or undefined in more than {most} of
  the draws.

The interval of a single number answers for the method, trained anew, on new images.
""")


def main() -> None:
    """Choose, compare, show."""
    view = study_bar(
        N_("Which remedy should I trust?"),
        lead=N_(
            "Every method of a study against its baseline, or another of your choice, "
            "each difference with its uncertainty."
        ),
        beside=True,
    )
    view = leave_out_damaged(view)
    _notices(view)
    if len(view.methods) > 1:
        show_view(overview.draw_headline(view))
    _leaderboard(view)
    if view.two is not None:
        with saying_what_is_missing():
            show_view(draw_study_differences(view))
    with st.expander(gettext("What the verdicts mean"), icon=":material/help:"):
        st.markdown(
            gettext(
                VERDICTS,
                resamples=RESAMPLES,
                few=SMALL_GROUP,
                most=percent(MOST_UNDEFINED),
            )
        )
    detail = st.container()
    # While stability is computed the browser draws the table. The charts of one metric
    # need nothing more: if they came first, the table would wait for all of them.
    if view.study.is_trained:
        _stability(view)
    with detail:
        if not is_alone(view):
            _one_metric(view)
            _published(view)
    if view.study.search.trials:
        _search(view)


def _notices(view: StudyView) -> None:
    """What the models were trained from and on, and how sure the labels are."""
    if mixed := load_costs(view).mixed:
        st.warning(to_markdown(mixed), icon=":material/balance:")
    st.caption(to_markdown(overview.study_facts(view)))


def _leaderboard(view: StudyView) -> None:
    """The headline metrics in numbers, and the way to the images behind them."""
    with open_card(gettext("Leaderboard")) as card:
        order = _choose_order(view, headline_metrics(view))
        drawn = overview.draw_leaderboard(view, order=order.key if order else "")
        if order is None and len(view.methods) > 1:
            # The picture above has said how many differences are certain.
            said = gettext("The numbers behind the picture.")
            drawn = replace(drawn, takeaway=said)
        show_view(drawn, card=card)
        methods = overview.methods_by(view, order.key if order else "")
        _offer_changes(view, methods, order)


def _choose_order(view: StudyView, metrics: Sequence[MetricInfo]) -> MetricInfo | None:
    """The metric that the methods are sorted by; None is the study's own order."""
    infos = {info.key: info for info in metrics}
    if len(view.methods) < 2:
        return None
    order = choose(
        gettext("Order"),
        ["", *infos],
        labels=lambda key: (
            gettext("{metric}, best first", metric=infos[key].label)
            if key
            else gettext("The study's order")
        ),
        key=f"overview_order_{view.study.name}",
        parameter="order",
        what=N_("metric"),
        width=320,
    )
    return infos.get(order)


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
        st.markdown(gettext("What changed, image by image:"), width="content")
        for method in compared:
            if st.button(
                to_markdown(view.labels[method]),
                key=f"overview_changed_{view.study.name}_{method}",
                icon=":material/compare:",
                type="tertiary",
            ):
                pair = {"to": method, "from": references[method]}
                open_errors(view.study.name, first=CHANGED, **pair, **task)


def _one_metric(view: StudyView) -> None:
    """One metric of the reader's choice: difference, then quality against cost."""
    comparison = load_comparison(view)
    st.header(gettext("One metric in detail"), anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        info = choose_metric(view, comparison.table["metric"], key="overview_metric")
        margin = _choose_margin(view, info, overview.own_margin(comparison, info))
    st.caption(to_markdown(info.explanation))
    chosen = {"metric": info.key, "margin": margin}
    # Of a table of predictions no cost is known, so there is nothing beside it.
    left, *right = st.columns(2) if view.study.is_trained else [st.container()]
    with left:
        show_view(overview.draw_differences(view, **chosen))
    for place in right:
        with place, open_card(gettext("Quality against cost")) as card:
            cost = _choose_cost()
            show_view(draw_quality_cost(view, metric=info.key, cost=cost), card=card)
    show_view(overview.draw_detectable(view, **chosen))
    with st.expander(gettext("In numbers"), icon=":material/table:"):
        drawn = overview.draw_metric_in_numbers(view, **chosen)
        show_numbers(drawn)
        st.markdown(to_list(drawn.claims))


def _choose_margin(view: StudyView, info: MetricInfo, start: float | None) -> float:
    """Let the reader say which difference does not matter; 0 for none."""
    label = gettext("Margin that does not matter")
    if info.difference_unit:
        label = f"{label} ({info.difference_unit})"
    key = f"overview_margin_{view.study.name}_{info.key}"
    asked = this_address().take("margin")
    if asked is not None:
        found = number_in(asked[0], 0, math.inf) if asked else start
        if asked and found is None:
            this_address().name_unknown(N_("margin"), asked[0])
        st.session_state[key] = start if found is None else found
    chosen = st.number_input(
        to_markdown(label),
        min_value=0.0,
        **({} if key in st.session_state else {"value": start}),
        step=10.0**-info.digits,
        format=f"%.{info.digits}f",
        key=key,
        placeholder=gettext("none"),
        persist_state="session",
        width=280,
        help=gettext(
            "A method whose whole interval lies within this margin around 0 is "
            "equivalent to the baseline. The study may give its own."
        ),
    )
    is_own = chosen == start
    this_address().choose("margin", () if is_own else (f"{chosen or 0:g}",))
    return overview.OWN_MARGIN if is_own else chosen or 0.0


def _choose_cost() -> str:
    return choose(
        gettext("Cost"),
        COSTS_SHOWN,
        labels=lambda key: COSTS[key].label,
        key="overview_cost",
        parameter="cost",
        what=N_("cost"),
        is_segmented=True,
        label_visibility="collapsed",
    )


def _published(view: StudyView) -> None:
    """What others published, where they published anything of these methods."""
    if published.load_published(view).empty:
        return
    st.header(gettext("What others published"), anchor=False)
    for metric in published.metrics_with_values(view):
        show_view(published.draw_published_values(view, metric=metric))
    if published.has_changes(view):
        show_view(published.draw_published_changes(view))
    with st.expander(gettext("In numbers"), icon=":material/table:"):
        show_numbers(published.draw_published_in_numbers(view))


def _stability(view: StudyView) -> None:
    """How far the answers to each task move when an image is harmlessly changed."""
    st.header(gettext("How far does an answer move?"), anchor=False)
    with saying_what_is_missing():
        stability.load_moves(view)
        labels = {task.label: task.name for task in view.tasks}
        label = choose(
            gettext("Task"),
            list(labels),
            labels=gettext,
            key=f"overview_stability_{view.study.name}",
            parameter="moved",
            what=N_("task"),
            is_segmented=True,
            label_visibility="collapsed",
        )
        task = labels[label]
        st.caption(to_markdown(stability.move_of(view, task).explanation))
        show_view(stability.draw_stability(view, task=task))
        show_view(stability.draw_stability_by_change(view, task=task))


def _search(view: StudyView) -> None:
    """How the settings were chosen, for one method of the reader's choice."""
    st.header(gettext("How the settings were chosen"), anchor=False)
    if searched := searched_methods(view.study.search):
        method = choose(
            gettext("Method"),
            searched,
            labels=lambda name: search.label_of(view, name),
            key=f"overview_search_{view.study.name}",
            parameter="tries",
            what=N_("method"),
            always=True,
            width=320,
        )
        is_known = bool(search.importance_of(view, method))
        left, *right = st.columns(2) if is_known else [st.container()]
        with left:
            show_view(search.draw_trials(view, method=method))
        for place in right:
            with place:
                show_view(search.draw_importance(view, method=method))
    with st.expander(
        gettext("Everything that was tried"), icon=":material/experiment:"
    ):
        drawn = search.draw_search_table(view)
        st.markdown(to_markdown(drawn.takeaway))
        show_numbers(drawn)


run_page(main)
