"""Why the Fair metric changed: who gained and who lost against the baseline."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from core.evaluation.comparison import Comparison
from core.evaluation.verdicts import BETTER, WORSE

_CHANGE = {
    "delta": "delta",
    "low": "delta_low",
    "high": "delta_high",
    "verdict": "verdict",
}
"""Facts of a change, and their columns in ``Comparison.cells``."""
LEVELLING_COLUMNS = (
    *("method", "scope", "fair", "reference"),
    *(f"fair_{name}" for name in _CHANGE),
    "mean_delta",
    *(f"{which}_{name}" for which in ("best", "worst") for name in ("group", *_CHANGE)),
    *("reason", "certain"),
)
EQUAL = 1e-9
"""Change of an accuracy that is none but for rounding."""
LEVELLED_DOWN = "levelled down"
WORST_GAINED = "worst group gained"
BEST_PAID = "worst group gained, best group lost"
OTHERWISE = "neither the best nor the worst group explains it"
NO_RISE = "did not rise"


def levelling(comparison: Comparison) -> pd.DataFrame:
    """Explain each method's change of the Fair metric by the groups' accuracies.

    Returns
    -------
    DataFrame
        One row a method that is compared, with ``LEVELLING_COLUMNS``: ``scope``
        of its verdicts; ``fair`` and ``reference``, the Fair metric of the method and
        the baseline, and its change; ``mean_delta``, the mean change of the groups; the
        best and the worst group of the baseline and their changes; ``reason``, one of
        ``LEVELLED_DOWN``, ``WORST_GAINED``, ``BEST_PAID``, ``OTHERWISE`` and
        ``NO_RISE``; ``certain``: whether the verdicts bear the reason out. Empty
        without an accuracy or without two groups.

    Notes
    -----
    The reason is by the point estimates. It is certain if the Fair metric is
    ``better``, and the groups that the reason names are ``better`` or ``worse``.
    """
    gaps = comparison.gaps
    rows = []
    for fair in gaps[gaps["measure"] == "fair_metric"].to_dict("records"):
        reference = comparison.references.get(fair["method"])
        if reference is None:
            continue
        base = comparison.row(reference, fair["metric"], "fair_metric")
        if base["groups"] < 2:
            continue
        groups = comparison.groups[comparison.groups["metric"] == fair["metric"]]
        own, theirs = (
            groups[groups["method"] == method].set_index("group")
            for method in (fair["method"], reference)
        )
        # Groups that count in the baseline's gap.
        counted = (theirs["images"] > 0) & (~theirs["small"] | comparison.include_small)
        rows.append(_levelling_row(fair, own, base, list(theirs.index[counted])))
    return pd.DataFrame(rows, columns=list(LEVELLING_COLUMNS))


def _levelling_row(
    fair: Mapping[Any, Any], own: pd.DataFrame, base: pd.Series, counted: list[str]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "method": fair["method"],
        "scope": fair["scope"],
        "fair": fair["mean"],
        "reference": base["mean"],
        **{f"fair_{name}": fair[column] for name, column in _CHANGE.items()},
        "mean_delta": own.loc[counted, "delta"].mean(),
    }
    for which, group in (("best", base["highest"]), ("worst", base["lowest"])):
        change = own.loc[group]
        row[f"{which}_group"] = group
        row |= {f"{which}_{name}": change[of] for name, of in _CHANGE.items()}
    best_lost, worst_gained = row["best_delta"] < -EQUAL, row["worst_delta"] > EQUAL
    borne_out = row["fair_verdict"] == BETTER
    if not row["fair_delta"] > EQUAL:
        reason, borne_out = NO_RISE, row["fair_verdict"] == WORSE
    elif worst_gained:
        reason = BEST_PAID if best_lost else WORST_GAINED
        borne_out &= row["worst_verdict"] == BETTER
        borne_out &= not best_lost or row["best_verdict"] == WORSE
    elif best_lost:
        reason = LEVELLED_DOWN
        borne_out &= row["best_verdict"] == WORSE
    else:
        reason, borne_out = OTHERWISE, False
    return {**row, "reason": reason, "certain": bool(borne_out)}
