"""Cost: what each method takes, and whether paying more buys a real difference."""

import streamlit as st

from core.errors import NothingToShow
from core.evaluation.cost import COSTS
from core.evaluation.pareto import EQUAL_COST
from core.language import N_, gettext
from core.text import percent, to_markdown
from core.views import cost as views
from core.views.loads import load_comparison
from core.views.study_view import StudyView
from pages.shell.address import run_page, saying_what_is_missing
from pages.shell.choose import choose, choose_whether
from pages.shell.notices import is_alone, leave_out_damaged
from pages.shell.show import open_card, show_view
from pages.shell.study_bar import choose_metric, study_bar

FRONT = N_("""
A method is **on the front** if none of the others is at least as cheap and at least as
good. That is by the **point estimates**: costs within {near} count as equal, and a
method may be on it by a lead that other test images, or another training, would take
away.
The same images chose the front, which flatters its members. So each step along it is
tested as everywhere: on the same images, with the spread over the seeds, and with an
interval that holds for all methods at once, against the baseline where it is one of the
two, and against the cheaper one otherwise. A method off the front has no verdict by
that: see Overview.
""")


def main() -> None:
    """Choose a metric and a cost; set one against the other."""
    view = study_bar(
        N_("Is it worth its cost?"),
        lead=N_(
            "What each method takes to train, to keep and to answer, and whether the "
            "dearer one is really better."
        ),
        beside=True,
    )
    view = leave_out_damaged(view)
    known, costs = load_comparison(view).table["metric"], views.load_costs(view)
    if costs.mixed:
        st.warning(to_markdown(costs.mixed), icon=":material/balance:")
    if costs.differing:
        st.info(to_markdown(costs.differing), icon=":material/balance:")
    if costs.unknown:
        st.info(to_markdown(costs.unknown), icon=":material/upload_file:")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = choose_metric(view, known, key="cost_metric").key
        cost = _choose_cost()
    if not is_alone(view):
        with saying_what_is_missing():
            _front(view, metric, cost)
    show_view(views.draw_costs(view, metric=metric, cost=cost))


def _choose_cost() -> str:
    return choose(
        gettext("Cost"),
        list(COSTS),
        default=views.FIRST,
        labels=lambda key: COSTS[key].label,
        key="cost_cost",
        parameter="cost",
        what=N_("cost"),
        width=420,
    )


def _front(view: StudyView, metric: str, cost: str) -> None:
    """Quality against the chosen cost, and what each step along the front buys."""
    costs = views.load_costs(view)
    try:
        front = views.load_front(view, metric, cost)
    except NothingToShow as reason:
        known = gettext("The table below shows what is known.")
        said = f"{reason.problem} {known}"
        st.info(to_markdown(said), icon=":material/info:")
        return
    if front.cost.timed_by and costs.per_run["hardware"].nunique() > 1:
        st.warning(to_markdown(costs.machines), icon=":material/timer:")
    with open_card(front.title) as card:
        drawn = views.draw_pareto(
            view, metric=metric, cost=cost, scale=_choose_scale(front)
        )
        show_view(drawn, card=card)
    if front.steps:
        show_view(views.draw_front_steps(view, metric=metric, cost=cost))
    with st.expander(gettext("What being on the front means"), icon=":material/help:"):
        st.markdown(gettext(FRONT, near=percent(EQUAL_COST - 1)))


def _choose_scale(front: views.Front) -> views.Scale:
    """Whether the cost axis is logarithmic; asked where costs lie far apart."""
    if not front.is_wide:
        return "linear"
    is_logarithmic = choose_whether(
        gettext("Logarithmic cost axis"),
        key=f"cost_logarithm_{front.cost.key}",
        parameter="logarithmic",
        default=front.is_very_wide,
    )
    return "logarithmic" if is_logarithmic else "linear"


run_page(main)
