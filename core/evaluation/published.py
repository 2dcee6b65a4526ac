"""Numbers that others published, of all images and by group, beside ours."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.crossing import split_crossing
from core.errors import StudyError
from core.evaluation.comparison import Comparison
from core.evaluation.fairness_views import FairnessView
from core.evaluation.gaps import fair_metric
from core.evaluation.metrics import metric_info
from core.language import gettext
from core.study import Published, PublishedByGroup

COLUMNS = (
    *("method", "metric", "kind", "theirs"),
    *("ours", "low", "high", "verdict", "source"),
)
GROUP_COLUMNS = (
    *("method", "metric", "feature", "group", "measure"),
    *("theirs", "reported", "ours", "low", "high", "source"),
)
FAIR = "fair_metric"
VALUE, CHANGE = "value", "change"


def published_table(
    published: Sequence[Published], comparison: pd.DataFrame, baseline: str
) -> pd.DataFrame:
    """Published numbers beside ours from ``Comparison.table``.

    The baseline is that of our study; theirs is their own.

    Returns
    -------
    DataFrame
        With ``COLUMNS``. For kind ``value`` the numbers are those of the metric, and
        ``verdict`` is empty: ours is not tested against theirs. For kind ``change``
        they are per cent of the own baseline. NaN where this study has no such method
        or metric.

    Raises
    ------
    StudyError
        If a value that is shown in per cent is not a share.
    EquipoiseError
        If there is no such metric at all.

    Notes
    -----
    Our interval of a value is that of ``Comparison.table``; of a change, that of the
    difference over the baseline's mean, taken as known.
    """
    index = comparison.set_index(["method", "metric"])
    rows: list[dict[str, Any]] = []
    for item in published:
        row: dict[str, Any] = {"method": item.method, "metric": item.metric}
        row |= {"kind": VALUE, "theirs": item.value, "verdict": ""}
        if item.value is None:
            row |= {"kind": CHANGE, "theirs": item.change_percent}
        else:
            _check_share(item, item.value)
        key, base = (item.method, item.metric), (baseline, item.metric)
        if key in index.index and base in index.index:
            row |= _ours(index.loc[key], index.loc[base], row["kind"])
        rows.append({**row, "source": item.source})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(("ours", "low", "high"), np.float64))


def _ours(row: pd.Series, baseline: pd.Series, kind: str) -> dict[str, Any]:
    if kind == VALUE:
        return {"ours": row["mean"], "low": row["low"], "high": row["high"]}
    names = {"ours": "delta", "low": "delta_low", "high": "delta_high"}
    scaled = {name: 100 * row[of] / baseline["mean"] for name, of in names.items()}
    return {**scaled, "verdict": row["verdict"]}


def _check_share(item: Published, value: float) -> None:
    info = metric_info(item.metric)
    if info.factor == 100 and not 0 <= value <= 1:
        raise StudyError(
            gettext(
                "The published {metric} of '{method}' is {value}.",
                metric=info.phrase,
                method=item.method,
                value=format(value, "g"),
            ),
            expected=gettext("a share from 0 to 1, such as 0.231 for 23.1 %."),
            remedy=gettext("fix its `value` under [[published]] in the study's file."),
        )


def published_views(published: Sequence[PublishedByGroup]) -> tuple[FairnessView, ...]:
    """Views of our results that are needed beside the published numbers of groups."""
    views = []
    for item in published:
        metric, _ = _metric_and_measure(item)
        features = split_crossing(item.feature)
        views.append(FairnessView(metric.partition(".")[0], features, metric))
    return tuple(dict.fromkeys(views))


def published_by_group_table(
    published: Sequence[PublishedByGroup], ours: Iterable[Comparison] = ()
) -> pd.DataFrame:
    """Published numbers of groups, and of gaps between them, beside ours.

    Ours are the comparisons of ``published_views``, or more; without them theirs stand
    alone.

    Returns
    -------
    DataFrame
        One row a number, with ``GROUP_COLUMNS``: ``group`` is "" between them,
        ``measure`` "" in a group and else "fair_metric"; whether they ``reported`` it;
        ours NaN where this study has no such method or group. If a source reported the
        accuracy of at least two groups but no Fair metric, it is computed from these,
        and ``reported`` is False.

    Raises
    ------
    StudyError
        If a number between groups is not a Fair metric, or a share is outside 0..1.

    Notes
    -----
    Ours is not tested against theirs: their images and their spread are not known.
    """
    comparisons = list(ours)
    rows = []
    for item in (*published, *_computed(published)):
        metric, measure = _metric_and_measure(item)
        rows.append(
            {
                "method": item.method,
                "metric": metric,
                "feature": item.feature,
                "group": item.group or "",
                "measure": measure,
                "theirs": item.value,
                "reported": item in published,
                **_of_group(item, metric, measure, comparisons),
                "source": item.source,
            }
        )
    table = pd.DataFrame(rows, columns=list(GROUP_COLUMNS))
    methods = list(dict.fromkeys(item.method for item in published))
    order = table["method"].map(methods.index)
    return table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


def _metric_and_measure(item: PublishedByGroup) -> tuple[str, str]:
    """Key of the metric that is measured, and what between the groups, "" in one."""
    task, _, name = item.metric.rpartition(".")
    if item.group is None:
        if name != FAIR:
            fair = f"{task}.{FAIR}"
            raise StudyError(
                gettext(
                    "The published '{metric}' of '{method}' names no group.",
                    metric=item.metric,
                    method=item.method,
                ),
                expected=gettext(
                    "a group, or the metric '{metric}' between the groups.",
                    metric=fair,
                ),
                remedy=gettext(
                    "fix it under [[published_by_group]] in the study's file."
                ),
            )
        return f"{task}.accuracy", FAIR
    info = metric_info(item.metric)
    is_share = not info.unit or info.factor == 100
    if is_share and not 0 <= item.value <= 1:
        raise StudyError(
            gettext(
                "The published {metric} of '{method}' is {value}.",
                metric=info.phrase,
                method=item.method,
                value=format(item.value, "g"),
            ),
            expected=gettext("a share from 0 to 1, such as 0.919."),
            remedy=gettext(
                "fix its `value` under [[published_by_group]] in the study's file."
            ),
        )
    return item.metric, ""


def _computed(published: Sequence[PublishedByGroup]) -> Iterator[PublishedByGroup]:
    """The Fair metric of the accuracies of all groups, where none was reported."""
    names = ("method", "metric", "feature", "source")
    found: dict[tuple[str, ...], list[float]] = {}
    reported = set()
    for item in published:
        task, _, metric = item.metric.rpartition(".")
        key: tuple[str, ...]
        key = (item.method, f"{task}.{FAIR}", item.feature, item.source)
        if item.group is not None and metric == "accuracy":
            found.setdefault(key, []).append(item.value)
        elif item.group is None and metric == FAIR:
            reported.add(key)
    for key, accuracies in found.items():
        if len(accuracies) > 1 and key not in reported:
            own = dict(zip(names, key, strict=True))
            yield PublishedByGroup(**own, value=fair_metric(accuracies))


def _of_group(
    item: PublishedByGroup, metric: str, measure: str, comparisons: Sequence[Comparison]
) -> dict[str, float]:
    """Ours of one number, with its interval."""
    for comparison in comparisons:
        if comparison.grouping.feature != item.feature:
            continue
        table = comparison.gaps if measure else comparison.groups
        same = (table["method"] == item.method) & (table["metric"] == metric)
        same &= table["measure"] == measure if measure else table["group"] == item.group
        if same.any():
            row = table[same].iloc[0]
            return {"ours": row["mean"], "low": row["low"], "high": row["high"]}
    return {"ours": np.nan, "low": np.nan, "high": np.nan}


def rises_while_all_fall(table: pd.DataFrame, baseline: str) -> tuple[str, ...]:
    """Methods whose published Fair metric is higher, and every accuracy given lower.

    ``table`` is from ``published_by_group_table``; the published numbers of each method
    are compared with those of ``baseline``.
    """
    found = []
    for method in dict.fromkeys(table["method"]):
        own, base = (_theirs(table, name) for name in (method, baseline))
        accuracies = {key for key in own if key[-1] != FAIR}
        fair = {key for key in own if key[-1] == FAIR} & set(base)
        if (
            len(accuracies) > 1
            and accuracies <= set(base)
            and all(own[key] < base[key] for key in accuracies)
            and any(own[key] > base[key] for key in fair)
        ):
            found.append(method)
    return tuple(found)


def _theirs(table: pd.DataFrame, method: str) -> Mapping[tuple[str, ...], float]:
    """Their accuracies and Fair metrics of one method."""
    own = table[(table["method"] == method) & table["metric"].str.endswith(".accuracy")]
    return {
        (row["metric"], row["feature"], row["group"], row["measure"]): row["theirs"]
        for row in own.to_dict("records")
    }
