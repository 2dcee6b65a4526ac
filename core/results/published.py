"""Published numbers beside ours, as tables with their sources."""

from collections.abc import Sequence

import pandas as pd

from core.evaluation.gaps import REWARDS_LEVELLING_DOWN, gap_info
from core.evaluation.metrics import MetricInfo, metric_info
from core.evaluation.published import CHANGE, rises_while_all_fall
from core.results.cells import Text
from core.results.numbers import UNKNOWN, write
from core.results.tables import Column, Labels, Table, method_labels
from core.study import Study
from core.tasks import Task

PUBLISHED_NOTE = (
    "Published numbers are their authors', with their own budget and data as the source"
    " says; they stand beside ours for orientation, and no difference between the two"
    " is claimed."
)
COMPUTED = "computed from their accuracies"
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
        computed = "" if row.get("reported", True) else f" ({COMPUTED})"
        cells = [
            labels.get(row["method"], row["method"]),
            _metric(row, info),
            *([row["group"] or UNKNOWN] if by_group else []),
            write(info, row["ours"], signed=signed),
            _span(info, row, signed=signed),
            f"{write(info, row['theirs'], signed=signed)}{computed}",
            f"{sources.index(row['source']) + 1}",
        ]
        rows.append(tuple(map(Text, cells)))
    left = ("Method", "Metric", *(("Group",) if by_group else ()))
    columns = (
        *(Column(name, align="left") for name in left),
        *map(Column, ("Ours", "95 % interval", "Published")),
        # The number of a source is its name.
        Column("Source", align="left"),
    )
    return Table(title, columns, tuple(rows)), sources


def _span(info: MetricInfo, row: dict[str, float], *, signed: bool) -> str:
    ends = [write(info, row[end], signed=signed) for end in ("low", "high")]
    return UNKNOWN if UNKNOWN in ends else " to ".join(ends)


def _info(row: dict[str, object], tasks: tuple[Task, ...]) -> MetricInfo:
    metric, measure = str(row["metric"]), str(row.get("measure") or "")
    if measure:
        return gap_info(metric, measure, tasks)
    info = metric_info(metric, tasks)
    if row.get("kind") != CHANGE:
        return info
    label = f"{info.label}, change"
    return MetricInfo(info.key, label, "%", info.direction, 1, info.explanation)


def _metric(row: dict[str, object], info: MetricInfo) -> str:
    unit = f" ({info.unit})" if info.unit else ""
    by = f" by {str(row['feature']).replace('_', ' ')}" if "feature" in row else ""
    return f"{info.label}{unit}{by}"


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
            f"In the published numbers the Fair metric of {labels[method]} is higher"
            f" than that of {labels[study.baseline]}, and the accuracy of every group"
            f" that they report lower. {REWARDS_LEVELLING_DOWN}"
            for method in rises_while_all_fall(theirs, study.baseline)
        ]
    return tuple(filter(None, (*rises, PUBLISHED_NOTE, study.notice)))
