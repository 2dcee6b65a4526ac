"""Published numbers beside ours, as tables with their sources."""

from collections.abc import Sequence

import pandas as pd

from core.evaluation.gaps import REWARDS_LEVELLING_DOWN, gap_info
from core.evaluation.metrics import MetricInfo, metric_info
from core.evaluation.published import CHANGE, rises_while_all_fall
from core.language import N_, gettext
from core.results.cells import Text
from core.results.numbers import UNKNOWN, write
from core.results.sentences import plain_percent
from core.results.tables import Column, Labels, Table, method_labels
from core.study import Study
from core.tasks import Task

PUBLISHED_NOTE = N_(
    "Published numbers are their authors', with their own budget and data as the source"
    " says; they stand beside ours for orientation, and no difference between the two"
    " is claimed."
)
COMPUTED = N_("computed from their accuracies")
"""Marks a Fair metric that others did not report themselves."""


def beside_published(
    theirs: pd.DataFrame,
    labels: Labels,
    tasks: tuple[Task, ...] = (),
    *,
    title: str = "",
) -> tuple[Table, tuple[str, ...]]:
    """Our numbers beside published ones, and the sources, numbered from 1.

    ``theirs`` is from ``published.published_table`` or
    ``published.published_by_group_table``; ``labels`` are the labels of methods for a
    reader; the default is the name. The columns: method, metric, the group where there
    are groups, ours with its interval, theirs, and the number of the source.
    """
    sources = tuple(dict.fromkeys(theirs["source"]))
    by_group = "group" in theirs
    rows = []
    for row in theirs.to_dict("records"):
        info, signed = _info(row, tasks), row.get("kind") == CHANGE
        published = write(info, row["theirs"], signed=signed)
        if not row.get("reported", True):
            published = f"{published} ({gettext(COMPUTED)})"
        cells = [
            labels.get(row["method"], row["method"]),
            _metric(row, info),
            *([row["group"] or UNKNOWN] if by_group else []),
            write(info, row["ours"], signed=signed),
            _span(info, row, signed=signed),
            published,
            f"{sources.index(row['source']) + 1}",
        ]
        rows.append(tuple(map(Text, cells)))
    left = (
        gettext("Method"),
        gettext("Metric"),
        *((gettext("Group"),) if by_group else ()),
    )
    columns = (
        *(Column(name, align="left") for name in left),
        Column(gettext("Ours")),
        Column(gettext("{level} interval", level=plain_percent(0.95))),
        Column(gettext("Published")),
        # The number of a source is its name.
        Column(gettext("Source"), align="left"),
    )
    return Table(title, columns, tuple(rows)), tuple(map(gettext, sources))


def _span(info: MetricInfo, row: dict[str, float], *, signed: bool) -> str:
    ends = [write(info, row[end], signed=signed) for end in ("low", "high")]
    if UNKNOWN in ends:
        return UNKNOWN
    return gettext("{low} to {high}", low=ends[0], high=ends[1])


def _info(row: dict[str, object], tasks: tuple[Task, ...]) -> MetricInfo:
    metric, measure = str(row["metric"]), str(row.get("measure") or "")
    if measure:
        return gap_info(metric, measure, tasks)
    info = metric_info(metric, tasks)
    if row.get("kind") != CHANGE:
        return info
    return _ChangeInfo(info.key, info.task_label, "%", info.direction, 1)


class _ChangeInfo(MetricInfo):
    """A change of a metric in per cent of the baseline's value."""

    @property
    def label(self) -> str:
        """Label for headings, such as ``"Age MAE, change"``."""
        return gettext("{metric}, change", metric=super().label)


def _metric(row: dict[str, object], info: MetricInfo) -> str:
    metric = f"{info.label} ({info.unit})" if info.unit else info.label
    if "feature" not in row:
        return metric
    feature = str(row["feature"]).replace("_", " ")
    return gettext("{metric} by {feature}", metric=metric, feature=feature)


def published_notes(study: Study, theirs: pd.DataFrame | None = None) -> Sequence[str]:
    """Notes on published numbers: their limits, and what they show.

    ``theirs`` are published numbers of groups. A note says where a published Fair
    metric is higher than its baseline's although the published accuracy of every group
    is lower.
    """
    rises = []
    if theirs is not None:
        labels = method_labels(study, dict.fromkeys(theirs["method"]))
        rises = [
            gettext(
                "In the published numbers the Fair metric of {method} is higher than"
                " that of {baseline}, and the accuracy of every group that they report"
                " lower. {warning}",
                method=labels[method],
                baseline=labels[study.baseline],
                warning=gettext(REWARDS_LEVELLING_DOWN),
            )
            for method in rises_while_all_fall(theirs, study.baseline)
        ]
    return tuple(filter(None, (*rises, gettext(PUBLISHED_NOTE), gettext(study.notice))))
