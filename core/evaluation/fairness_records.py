"""A comparison within groups as plain values."""

from collections.abc import Mapping
from typing import Any

from core.evaluation.fairness import ALL_IMAGES, GroupComparison

Changes = dict[tuple[str, str, str, str], dict[str, Any]]


def fairness_record(
    comparison: GroupComparison, labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A comparison within groups as plain values; NaN where nothing is defined.

    Parameters
    ----------
    comparison : GroupComparison
    labels : mapping, optional
        What a reader sees for each method in the notes; its name otherwise.

    Returns
    -------
    dict
        ``{"features", "baseline", "level", "images", "groups", "methods", "notes"}``.
        Each of the ``groups`` has its ``name``, its ``images`` and its group of every
        feature. Each of the ``methods`` has ``metrics``: by key, of ``all`` images and
        ``by_group``, the ``value``, its ``ci``, how many images it ``rests_on``, and
        the ``delta`` to the baseline, None for the baseline itself; and ``gaps``, each
        with ``metric``, ``measure``, ``value``, ``ci``, ``delta``, the groups that are
        ``lowest``, ``highest`` and ``worst``, and how many ``groups`` count.
    """
    grouping = comparison.grouping
    changes: Changes = {
        (row["method"], row["metric"], row["measure"], row["group"]): row
        for row in comparison.differences.to_dict("records")
    }
    metrics = _metrics(comparison, changes)
    gaps = _gaps(comparison, changes)
    return {
        "features": list(grouping.levels.columns),
        "baseline": comparison.baseline,
        "level": comparison.level,
        "images": comparison.rows,
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
        "notes": list(comparison.notes(labels)),
    }


def _metrics(
    comparison: GroupComparison, changes: Changes
) -> dict[str, dict[str, dict[str, Any]]]:
    """By method and metric: all images, and every group."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in comparison.overall.to_dict("records"):
        whole = _entry(row, changes, "", ALL_IMAGES)
        own = found.setdefault(row["method"], {})
        own[row["metric"]] = {"all": whole, "by_group": {}}
    for row in comparison.groups.to_dict("records"):
        entry = _entry(row, changes, "", row["group"])
        found[row["method"]][row["metric"]]["by_group"][row["group"]] = entry
    return found


def _gaps(
    comparison: GroupComparison, changes: Changes
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in comparison.gaps.to_dict("records"):
        ends = {key: row[key] or None for key in ("lowest", "highest", "worst")}
        entry = _entry(row, changes, row["measure"], ALL_IMAGES)
        found.setdefault(row["method"], []).append(
            {"metric": row["metric"], "measure": row["measure"]}
            | entry
            | ends
            | {"groups": row["groups"]}
        )
    return found


def _entry(
    row: Mapping[Any, Any], changes: Changes, measure: str, group: str
) -> dict[str, Any]:
    """Value, interval and change; within a group also the images that it rests on."""
    change = changes.get((row["method"], row["metric"], measure, group))
    entry = {"value": row["value"], "ci": [row["low"], row["high"]]}
    if "of" in row:
        entry["rests_on"] = row["of"]
    entry["delta"] = change and {
        "mean": change["delta"],
        "ci": [change["delta_low"], change["delta_high"]],
        "p": change["p_holm"],
        "verdict": change["verdict"],
    }
    return entry
