"""Numbers that others published, beside ours."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.errors import StudyError
from core.evaluation.metrics import metric_info
from core.study import Published

COLUMNS = (
    *("method", "metric", "kind", "theirs"),
    *("ours", "low", "high", "verdict", "source"),
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
            f"The published {info.phrase} of '{item.method}' is {value:g}.",
            expected="a share from 0 to 1, such as 0.231 for 23.1 %.",
            remedy="mend its `value` under [[published]] in the study's file.",
        )
