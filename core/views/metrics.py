"""The metric that a view shows: the one asked for, or the study's own first choice."""

from collections.abc import Iterable

from core.errors import NothingToShow
from core.evaluation.comparison import Comparison
from core.evaluation.metrics import MetricInfo, headline_keys, metric_info
from core.language import gettext
from core.results.tables import distinct_metrics
from core.text import strong
from core.views.study_view import StudyView


def in_order_of_choice(view: StudyView, available: Iterable[str]) -> list[str]:
    """Metrics, those that the study puts first before the others."""
    known = dict.fromkeys(available)
    chosen = [name for name in view.study.headline if name in known]
    return list(dict.fromkeys((*chosen, *known)))


def metric_of(view: StudyView, comparison: Comparison, name: str = "") -> MetricInfo:
    """The metric that a view asks for by name; the study's first where it names none.

    Raises
    ------
    NothingToShow
        If there is no such metric of these runs.
    """
    known = in_order_of_choice(view, comparison.table["metric"])
    if name and name not in known:
        raise NothingToShow(
            gettext(
                "The study {study} has no metric {metric}.",
                study=strong(view.title),
                metric=strong(name),
            )
        )
    return metric_info(name or known[0], view.tasks)


def headline_metrics(view: StudyView) -> list[MetricInfo]:
    """The metrics that a study is judged by."""
    keys = headline_keys(view.tasks, view.study.headline)
    return [metric_info(key, view.tasks) for key in keys]


def distinct_headline(view: StudyView, comparison: Comparison) -> list[MetricInfo]:
    """As ``headline_metrics``, one of those that have equal numbers here."""
    keys = list(headline_keys(view.tasks, view.study.headline))
    groups = distinct_metrics(comparison, keys)
    return [metric_info(group[0], view.tasks) for group in groups]
