"""Numbers that others published, beside ours."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.errors import StudyError
from core.evaluation.metrics import metric_info
from core.study import Published

COLUMNS = (
    "method",
    "metric",
    "kind",
    "theirs",
    "ours",
    "low",
    "high",
    "verdict",
    "source",
)
VALUE, CHANGE = "value", "change"


def published_table(
    published: Sequence[Published], comparison: pd.DataFrame, baseline: str
) -> pd.DataFrame:
    """What others reported beside the same of ours.

    Parameters
    ----------
    published : sequence of Published
    comparison : DataFrame
        ``Comparison.table``.
    baseline : str
        Of our study; theirs is their own.

    Returns
    -------
    DataFrame
        Columns method, metric, kind, theirs, ours, low, high, verdict, source. Of kind
        ``value`` the numbers are those of the metric, and ``verdict`` is empty: ours
        is not tested against theirs. Of kind ``change`` they are per cent of the own
        baseline. NaN where this study has no such method or metric.

    Raises
    ------
    StudyError
        If a value that is shown in per cent is no share.
    EquipoiseError
        If there is no such metric at all.

    Notes
    -----
    Our interval of a value is that of ``Comparison.table``; of a change, that of the
    difference over the baseline's mean, taken as known.
    """
    index = comparison.set_index(["method", "metric"])
    rows: list[dict[str, Any]] = []
    theirs: float | None
    for item in published:
        key = (item.method, item.metric)
        known = key in index.index and (baseline, item.metric) in index.index
        ours: dict[str, Any] = {}
        if item.value is not None:
            kind, theirs = VALUE, _check_share(item, item.value)
            if known:
                ours = _value(index.loc[key])
        else:
            kind, theirs = CHANGE, item.change_percent
            if known:
                ours = _change(index.loc[key], index.loc[(baseline, item.metric)])
        rows.append(
            {
                "method": item.method,
                "metric": item.metric,
                "kind": kind,
                "theirs": theirs,
                **{"ours": np.nan, "low": np.nan, "high": np.nan, "verdict": ""},
                **ours,
                "source": item.source,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _check_share(item: Published, value: float) -> float:
    info = metric_info(item.metric)
    if info.factor == 100 and not 0 <= value <= 1:
        raise StudyError(
            f"The published {info.phrase} of '{item.method}' is {value:g}.",
            expected="a share from 0 to 1, such as 0.231 for 23.1 %.",
            remedy="mend its `value` under [[published]] in the study's file.",
        )
    return value


def _value(row: pd.Series) -> dict[str, Any]:
    return {"ours": row["mean"], "low": row["low"], "high": row["high"]}


def _change(row: pd.Series, baseline: pd.Series) -> dict[str, Any]:
    names = {"ours": "delta", "low": "delta_low", "high": "delta_high"}
    scaled = {name: 100 * row[of] / baseline["mean"] for name, of in names.items()}
    return {**scaled, "verdict": row["verdict"]}
