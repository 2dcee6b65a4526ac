"""Results as plain values, ready for JSON; None where nothing is defined."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.evaluation.comparison import Comparison
from core.evaluation.comparison_rows import DETECTABLE
from core.evaluation.published import VALUE
from core.evaluation.verdicts import BASELINE
from core.results.run_settings import ALIKE, TOGETHER
from core.results.sentences import fairness_notes
from core.results.two_studies import TwoStudies

Record = dict[str, Any]


def comparison_record(
    comparison: Comparison,
    study: str,
    costs: Mapping[str, Mapping[str, float | None]] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> Record:
    """A comparison over all images; ``costs`` and ``settings`` are by method.

    Returns
    -------
    dict
        ``{"study", "baseline", "level", "images", "methods"}``. Each of the ``methods``
        has ``name``, the method that it is ``against`` (None of a baseline), ``seeds``,
        ``family``, ``metrics``, ``cost`` and ``settings``; each metric ``mean``,
        ``sd``, ``ci``, ``n`` and ``delta``, which is None for the baseline and
        otherwise has ``mean``, ``ci``, ``p``, ``verdict``, ``scope``, ``note``,
        ``margin``, ``smallest_detectable``, ``seed_share``, ``seeds_needed``,
        ``detectable_with_3`` (``_5``, ``_10``) and ``only_more_images``: whether no
        number of seeds would settle it.
    """
    metrics: dict[str, dict[str, Record]] = {name: {} for name in comparison.methods}
    for row in comparison.table.to_dict("records"):
        metrics[row["method"]][row["metric"]] = {
            "mean": plain(row["mean"]),
            "sd": plain(row["sd"]),
            "ci": _ends(row, "low", "high"),
            "n": row["n"],
            "delta": _delta(row),
        }
    methods = [
        {
            "name": name,
            "against": comparison.references.get(name),
            "seeds": list(seeds),
            "family": comparison.families[name],
            "metrics": metrics[name],
            "cost": {k: plain(v) for k, v in (costs or {}).get(name, {}).items()},
            "settings": dict((settings or {}).get(name, {})),
        }
        for name, seeds in comparison.seeds.items()
    ]
    return {"study": study, **_head(comparison), "methods": methods}


def _head(comparison: Comparison) -> Record:
    return {
        "baseline": comparison.baseline,
        "level": comparison.level,
        "images": comparison.rows,
    }


def fairness_record(
    comparison: Comparison, labels: Mapping[str, str] | None = None
) -> Record:
    """A comparison within groups; ``labels`` name the methods in the notes.

    Returns
    -------
    dict
        ``{"features", "baseline", "level", "images", "groups", "methods", "notes"}``.
        Each of the ``groups`` has its ``name``, its ``images`` and its group of every
        feature. Each of the ``methods`` has ``metrics``: by key, of ``all`` images and
        ``by_group``, the ``value``, its ``ci``, how many images it ``rests_on``, and
        the ``delta`` as in ``comparison_record``; and ``gaps``, each with ``metric``,
        ``measure``, ``value``, ``ci``, ``delta``, the groups that are ``lowest``,
        ``highest`` and ``worst``, and how many ``groups`` count.
    """
    grouping = comparison.grouping
    metrics: dict[str, dict[str, Record]] = {name: {} for name in comparison.methods}
    gaps: dict[str, list[Record]] = {name: [] for name in comparison.methods}
    for row in comparison.cells.to_dict("records"):
        entry = _entry(row)
        if row["measure"]:
            ends = {key: row[key] or None for key in ("lowest", "highest", "worst")}
            named = {"metric": row["metric"], "measure": row["measure"]}
            gaps[row["method"]].append(named | entry | ends | {"groups": row["groups"]})
            continue
        entry["rests_on"] = row["n"]
        both = metrics[row["method"]].setdefault(row["metric"], {"by_group": {}})
        if row["group"]:
            both["by_group"][row["group"]] = entry
        else:
            both["all"] = entry
    return {
        "features": list(grouping.levels.columns),
        **_head(comparison),
        "groups": [
            {"name": name, "images": int(count), "features": features}
            for name, count, features in zip(
                grouping.names,
                grouping.counts,
                grouping.levels.to_dict("records"),
                strict=True,
            )
        ],
        "methods": [
            {
                "name": name,
                "seeds": list(seeds),
                "metrics": metrics[name],
                "gaps": gaps[name],
            }
            for name, seeds in comparison.seeds.items()
        ],
        "notes": list(fairness_notes(comparison, labels)),
    }


def two_studies_record(two: TwoStudies) -> Record:
    """The images that two studies share, and the settings in which they differ.

    Returns
    -------
    dict
        ``{"study", "title", "test_images", "differences", "note"}``. The
        ``test_images`` have how many are ``shared``, how many are ``of`` each study,
        and of each how many the other was ``trained_on``. Each of the ``differences``
        has ``setting``, its value in either study by the study's name, and its
        ``methods``, None for all that both studies have.
    """
    own, other = two.names
    shared = two.shared
    return {
        "study": other,
        "title": two.other.title,
        "test_images": {
            "shared": len(shared.ids),
            "of": dict(zip(two.names, shared.test_images, strict=True)),
            "trained_on": dict(zip(two.names, shared.trained_on, strict=True)),
        },
        "differences": [
            {
                "setting": one.setting,
                own: one.own,
                other: one.other,
                "methods": list(one.methods) or None,
            }
            for one in two.differing
        ],
        "note": TOGETHER if two.differing else ALIKE,
    }


def published_records(theirs: pd.DataFrame) -> list[Record]:
    """Rows of ``published.published_table``, or of the one by group.

    The numbers of a change are under ``change_percent``, all others under ``value``.
    """
    records = []
    for row in theirs.to_dict("records"):
        name = "value" if row.get("kind", VALUE) == VALUE else "change_percent"
        published = {name: plain(row["theirs"]), "source": row["source"]}
        record = {"method": row["method"], "metric": row["metric"]}
        if "group" in row:
            record["feature"] = row["feature"]
            record |= {key: row[key] or None for key in ("group", "measure")}
            published["reported"] = bool(row["reported"])
        ours = {name: plain(row["ours"]), "ci": _ends(row, "low", "high")}
        records.append(record | {"published": published, "ours": ours})
    return records


def _entry(row: Mapping[Any, Any]) -> Record:
    ends = _ends(row, "low", "high")
    return {"value": plain(row["mean"]), "ci": ends, "delta": _delta(row)}


def _delta(row: Mapping[Any, Any]) -> Record | None:
    """The difference to the baseline; None for the baseline itself."""
    if row["verdict"] == BASELINE:
        return None
    planning = ("smallest_detectable", "seed_share", "seeds_needed", *DETECTABLE)
    return {
        "mean": plain(row["delta"]),
        "ci": _ends(row, "delta_low", "delta_high"),
        "p": plain(row["p"]),
        "verdict": row["verdict"],
        "scope": row["scope"],
        "note": row["note"],
        **{name: plain(row[name]) for name in ("margin", *planning)},
        "only_more_images": bool(np.isinf(row["seeds_needed"])),
    }


def _ends(row: Mapping[Any, Any], low: str, high: str) -> list[float | int | None]:
    return [plain(row[low]), plain(row[high])]


def plain(value: float | None) -> float | int | None:
    """A number of Python's own; None where it is undefined or infinite."""
    if value is None or not math.isfinite(value):
        return None
    whole = isinstance(value, int | np.integer)
    return int(value) if whole else float(value)
