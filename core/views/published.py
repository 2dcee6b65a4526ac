"""Views of what others published beside the study's own numbers."""

import pandas as pd

from core.errors import NothingToShow
from core.evaluation.metrics import MetricInfo, metric_info
from core.evaluation.published import CHANGE, COLUMNS, VALUE, published_table
from core.language import N_, gettext
from core.plots import overview as plots
from core.plots.look import Look
from core.results.frame import table_frame
from core.results.published import PUBLISHED_NOTE, beside_published
from core.text import BREAK, clauses, strong
from core.views.caching import cached
from core.views.drawing import Drawn, Numbers, draws
from core.views.loads import load_comparison
from core.views.study_view import StudyView


@draws("published", N_("Published changes beside the study's own"))
def draw_published_changes(view: StudyView) -> Drawn:
    """What others gained over their baseline, beside the gain over this one."""
    table = load_published(view)
    changes = table[table["kind"] == CHANGE]
    if changes.empty:
        raise NothingToShow(
            gettext(
                "The study {study} names no published change that could stand beside "
                "its own here.",
                study=strong(view.title),
            )
        )
    return Drawn(
        title=gettext("Their changes beside ours"),
        name=f"{view.study.name}-published",
        takeaway=plots.published_changes_takeaway(changes),
        figures={
            gettext("Changes"): plots.plot_published_changes(
                changes, _metrics_of(view, changes), _look(view)
            )
        },
        data=changes,
        note=" ".join(
            [
                _theirs(changes),
                gettext(
                    "Ours: this study, 95 % interval of the paired difference over the "
                    "baseline's mean."
                ),
            ]
        ),
    )


@draws("published-values", N_("Published values of one metric beside the study's own"))
def draw_published_values(view: StudyView, *, metric: str = "") -> Drawn:
    """What others reached on a metric, the first that they give where none is named."""
    known = metrics_with_values(view)
    if not known or (metric and metric not in known):
        raise NothingToShow(
            gettext(
                "The study {study} names no published value that could stand beside "
                "its own here.",
                study=strong(view.title),
            )
        )
    table, info = load_published(view), metric_info(metric or known[0], view.tasks)
    rows = table[(table["kind"] == VALUE) & (table["metric"] == info.key)]
    return Drawn(
        title=gettext("{metric}: published beside ours", metric=info.label),
        name=f"{view.study.name}-published-{info.name}",
        takeaway=plots.published_values_takeaway(rows, info),
        figures={info.label: plots.plot_published_values(rows, info, _look(view))},
        data=rows,
        note=" ".join(
            [
                _theirs(rows),
                gettext(
                    "Ours: mean over the seeds with 95 % interval over the test images."
                ),
                gettext(view.study.notice),
            ]
        ),
    )


@draws(
    "published-in-numbers", N_("Everything published beside the study's own numbers")
)
def draw_published_in_numbers(view: StudyView) -> Drawn:
    """All published values and changes beside ours, with their sources."""
    table = load_published(view)
    if table.empty:
        raise NothingToShow(
            gettext(
                "The study {study} names no published number that could stand beside "
                "its own here.",
                study=strong(view.title),
            )
        )
    shown, sources = beside_published(table, _labels(view), view.tasks)
    return Drawn(
        title=gettext("What others published"),
        name=f"{view.study.name}-published-table",
        takeaway=gettext(PUBLISHED_NOTE),
        data=table,
        numbers=Numbers(
            table_frame(shown),
            gettext(PUBLISHED_NOTE),
            note=BREAK.join(
                gettext("{name}: {value}", name=place, value=source)
                for place, source in enumerate(sources, start=1)
            ),
        ),
    )


@cached(entries=32)
def load_published(view: StudyView) -> pd.DataFrame:
    """What was published of the methods that are not hidden; empty without anything.

    Others' changes are to their own baseline, and so are ours beside them.
    """
    study = view.study
    trained = {run.method for run in view.runs}
    if study.baseline not in trained:
        return pd.DataFrame(columns=COLUMNS)
    own = load_comparison(view, reference=study.baseline).table
    table = published_table(study.published, own, study.baseline)
    return table[~table["method"].isin(view.labels.keys() - {*view.methods})]


def metrics_with_values(view: StudyView) -> list[str]:
    """Metrics of which others published values."""
    table = load_published(view)
    return list(dict.fromkeys(table.loc[table["kind"] == VALUE, "metric"]))


def has_changes(view: StudyView) -> bool:
    """Whether others published changes."""
    return bool((load_published(view)["kind"] == CHANGE).any())


def _labels(view: StudyView) -> dict[str, str]:
    """Labels of all methods: others may have published one that has no run here."""
    listed = {name: method.label for name, method in view.study.methods.items()}
    return {**listed, **view.labels}


def _look(view: StudyView) -> Look:
    return view.look.called(_labels(view))


def _metrics_of(view: StudyView, table: pd.DataFrame) -> dict[str, MetricInfo]:
    return {key: metric_info(key, view.tasks) for key in table["metric"]}


def _theirs(table: pd.DataFrame) -> str:
    sources = clauses(map(gettext, dict.fromkeys(table["source"])))
    return gettext(
        "Theirs: {sources}, on their split, with no interval given.", sources=sources
    )
