"""Views of how a study's settings were chosen: every try, and what mattered."""

import pandas as pd

from core.errors import NothingToShow
from core.language import N_, gettext
from core.plots import search as plots
from core.plots.look import MethodStyle, method_styles
from core.study import Search
from core.text import strong
from core.views.drawing import Drawn, Numbers, draws
from core.views.study_view import StudyView


@draws("search-trials", N_("Every try of the search for one method's settings"))
def draw_trials(view: StudyView, *, method: str = "") -> Drawn:
    """The skill of every try of a method, the first searched where none is named."""
    search, method = view.study.search, _searched(view, method)
    tried = plots.trials_of(search, method)
    frame = plots.trials_frame(tried, view.tasks)
    label = label_of(view, method)
    return Drawn(
        title=gettext("Every try"),
        name=f"{view.study.name}-tries",
        takeaway=plots.trials_takeaway(tried, label),
        figures={label: plots.plot_trials(frame, _style(view, method))},
        data=frame,
        note=_how_judged(search),
    )


@draws("search-importance", N_("Which settings mattered in the search for one method"))
def draw_importance(view: StudyView, *, method: str = "") -> Drawn:
    """The share of the differences in skill that each setting explains."""
    search, method = view.study.search, _searched(view, method)
    shares, label = importance_of(view, method), label_of(view, method)
    if not shares:
        raise NothingToShow(
            gettext(
                "It is not known which settings of {method} mattered in the search of "
                "{study}.",
                method=strong(label),
                study=strong(view.title),
            )
        )
    tried = plots.latest_of(plots.trials_of(search, method))
    return Drawn(
        title=gettext("Which settings mattered"),
        name=f"{view.study.name}-importance",
        takeaway=plots.importance_takeaway(shares, tried, label),
        figures={label: plots.plot_importance(shares, _style(view, method))},
        data=pd.DataFrame({"setting": list(shares), "share": shares.values()}),
        note=gettext(
            "Share of the variance of the skill that a setting explains in a random "
            "forest over the complete tries (fANOVA, as Optuna has it). From few tries "
            "it is a hint."
        ),
    )


@draws("search-table", N_("Every setting that was tried, in numbers"))
def draw_search_table(view: StudyView) -> Drawn:
    """Everything that was tried: a row a try, a column a metric."""
    search = view.study.search
    if not search.trials:
        raise NothingToShow(_unsearched(view))
    said = plots.search_takeaway(search)
    return Drawn(
        title=gettext("Everything that was tried"),
        name=f"{view.study.name}-search",
        takeaway=said,
        numbers=Numbers(
            plots.search_table(search, view.tasks, view.labels),
            said,
            note=gettext(
                "Judged on the validation images alone; the test images were not "
                "looked at. ● is what the study uses."
            ),
            is_long=True,
            download=plots.search_data(search, view.tasks, view.labels),
        ),
    )


def importance_of(view: StudyView, method: str) -> dict[str, float]:
    """Share of each setting of a method; empty where nothing is known of it."""
    return plots.importance_shares(view.study.search, method, view.tasks)


def label_of(view: StudyView, method: str) -> str:
    """Label of a method of the search, which need not have runs."""
    listed = {name: table.label for name, table in view.study.methods.items()}
    return {**listed, **view.labels}.get(method, method)


def _searched(view: StudyView, method: str) -> str:
    """The method that is asked for; the first that was searched where none is."""
    known = plots.searched_methods(view.study.search)
    if not known:
        raise NothingToShow(_unsearched(view))
    if method and method not in known:
        raise NothingToShow(
            gettext(
                "The study {study} was not searched for settings of {method}.",
                study=strong(view.title),
                method=strong(label_of(view, method)),
            )
        )
    return method or known[0]


def _style(view: StudyView, method: str) -> MethodStyle:
    own = list(dict.fromkeys((*view.study.methods, method)))
    return {**method_styles(own, view.study.baseline), **view.styles}[method]


def _unsearched(view: StudyView) -> str:
    return gettext(
        "The study {study} has no search for its settings.", study=strong(view.title)
    )


def _how_judged(search: Search) -> str:
    trained = gettext("Every try was trained, and judged on validation images alone.")
    if search.seed is not None:
        trained = gettext(
            "Every try was trained with seed {seed}, no run's own, and judged on "
            "validation images alone.",
            seed=str(search.seed),
        )
    return " ".join(
        [
            gettext(
                "Skill: 0 is as good as one answer for all validation images, 1 is "
                "perfect; the mean over the tasks, each by its headline metrics."
            ),
            trained,
            gettext(
                "The best of many tries looks better than it is: no verdict rests on "
                "it. Pruned: stopped early, as it was behind the median of earlier "
                "tries."
            ),
        ]
    )
