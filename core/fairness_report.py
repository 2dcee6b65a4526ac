"""What groups differ by, as text that a terminal, a paper or a README can take."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from core.evaluation.fairness import ALL_IMAGES, GroupComparison, change_sentence
from core.evaluation.fairness_views import FairnessView
from core.evaluation.gaps import REWARDS_LEVELLING_DOWN, gap_info
from core.evaluation.metrics import MetricInfo, metric_info
from core.evaluation.published_by_group import rises_while_all_fall
from core.report import PUBLISHED_NOTE, method_labels, text_markdown
from core.study import Study
from core.tasks import Task
from core.text import document_markdown

COMPUTED = "computed from their accuracies"
"""Of a Fair metric that others did not report themselves."""
_SHOWN_GAPS = {"difference": "Difference ↓", "fair_metric": "Fair metric ↑"}


def fairness_text(
    comparison: GroupComparison, metric: str, study: Study, tasks: tuple[Task, ...]
) -> pd.DataFrame:
    """What groups differ by, in words: a row a method in the study's order.

    Parameters
    ----------
    comparison : GroupComparison
    metric : str
        One of its metrics.
    study : Study
        Gives the order and the labels of the methods.
    tasks : tuple of Task
        Give the metrics their units.

    Returns
    -------
    DataFrame
        Columns Method, the two groups that are farthest apart, their difference, and
        of an accuracy the Fair metric. Below each value its interval; below a gap, how
        much it is changed against the baseline, with the verdict.
    """
    info = metric_info(metric, tasks)
    gaps = comparison.gaps[comparison.gaps["metric"] == metric]
    gaps = gaps.set_index(["measure", "method"])
    groups = comparison.groups[comparison.groups["metric"] == metric]
    groups = groups.set_index(["method", "group"])
    changes = _changes(comparison)
    rows = []
    for method, label in method_labels(study, comparison.methods).items():
        row = {"Method": label}
        for end, heading in _ends(info).items():
            name = gaps.loc[("difference", method), end]
            row[heading] = "–"
            if name:
                row[heading] = _valued(groups.loc[(method, name)], info, name)
        for measure, heading in _SHOWN_GAPS.items():
            if (measure, method) in gaps.index:
                own = gap_info(metric, measure, tasks)
                cell = _valued(gaps.loc[(measure, method)], own)
                change = _change(changes.get((method, "", metric, measure)), own)
                row[heading] = f"{cell}\n{change}".rstrip()
        rows.append(row)
    return pd.DataFrame(rows)


def _ends(info: MetricInfo) -> dict[str, str]:
    """What the groups with the lowest and highest value are called, the worst first."""
    if info.direction == "higher":
        return {"lowest": "Worst group", "highest": "Best group"}
    if info.direction == "lower":
        return {"highest": "Worst group", "lowest": "Best group"}
    return {"lowest": "Lowest group", "highest": "Highest group"}


def _changes(comparison: GroupComparison) -> dict[tuple[str, ...], dict[str, Any]]:
    """Rows of the differences by method, group, metric and measure."""
    return {
        tuple(row[key] for key in ("method", "group", "metric", "measure")): row
        for row in comparison.differences.to_dict("records")
    }


def _valued(row: pd.Series, info: MetricInfo, name: str = "") -> str:
    """A value and its interval; that of a named group on two lines."""
    if row["value"] != row["value"]:
        return "–"
    value, low, high = (info.format(row[key]) for key in ("value", "low", "high"))
    return f"{name} {value}\n[{low}, {high}]" if name else f"{value} [{low}, {high}]"


def _change(row: Mapping[str, Any] | None, info: MetricInfo) -> str:
    """The change against the baseline with its verdict; of the baseline nothing."""
    if row is None:
        return ""
    if row["delta"] != row["delta"]:
        return "–"
    delta, low, high = (
        info.format(row[key], signed=True)
        for key in ("delta", "delta_low", "delta_high")
    )
    return f"{delta} [{low}, {high}] {row['verdict']}"


def groups_text(
    comparison: GroupComparison, metric: str, study: Study, tasks: tuple[Task, ...]
) -> pd.DataFrame:
    """A metric in every group, in words: a row a group and method.

    Returns
    -------
    DataFrame
        Columns Group, Images (those that the metric rests on, of all where these are
        more), Method, Value, "95 % interval", "Against the baseline".
    """
    info = metric_info(metric, tasks)
    labels = method_labels(study, comparison.methods)
    overall = comparison.overall.assign(group=ALL_IMAGES)
    table = pd.concat([overall, comparison.groups], ignore_index=True)
    table = table[table["metric"] == metric].set_index(["group", "method"])
    changes = _changes(comparison)
    rows = []
    for group in (ALL_IMAGES, *comparison.grouping.names):
        for method, label in labels.items():
            row = table.loc[(group, method)]
            known = row["value"] == row["value"]
            images, of = f"{row['n']:,}", f"{row['of']:,.0f}"
            rows.append(
                {
                    "Group": group or "all images",
                    "Images": images if of == images else f"{of} of {images}",
                    "Method": label,
                    "Value": info.format(row["value"]),
                    "95 % interval": f"{info.format(row['low'])} to "
                    f"{info.format(row['high'])}"
                    if known
                    else "–",
                    "Against the baseline": _change(
                        changes.get((method, group, metric, "")), info
                    ),
                }
            )
    return pd.DataFrame(rows)


def further_gaps_text(
    comparison: GroupComparison, study: Study, tasks: tuple[Task, ...]
) -> pd.DataFrame:
    """The gaps that ``fairness_text`` leaves out: ratios, and equalized odds.

    Returns
    -------
    DataFrame
        Columns Gap, Method, Value, Lowest, Highest (groups) and "Against the baseline".
    """
    labels = method_labels(study, comparison.methods)
    changes = _changes(comparison)
    own = set(comparison.groups["metric"])
    rows = []
    for (metric, measure), part in comparison.gaps.groupby(
        ["metric", "measure"], sort=False
    ):
        if metric in own and measure in _SHOWN_GAPS:
            continue
        info = gap_info(metric, measure, tasks)
        unit = f", {info.unit}" if info.unit else ""
        by_method = part.set_index("method")
        for method, label in labels.items():
            row = by_method.loc[method]
            rows.append(
                {
                    "Gap": info.label + unit,
                    "Method": label,
                    "Value": _valued(row, info),
                    "Lowest": row["lowest"] or "–",
                    "Highest": row["highest"] or "–",
                    "Against the baseline": _change(
                        changes.get((method, "", metric, measure)), info
                    ),
                }
            )
    return pd.DataFrame(rows)


def certain_changes(
    comparison: GroupComparison, metric: str, study: Study, tasks: tuple[Task, ...]
) -> tuple[str, ...]:
    """Sentences on the gaps that certainly differ from the baseline's, or that none do.

    Of the gaps that ``fairness_text`` shows; empty with the baseline alone.
    """
    table = comparison.differences
    table = table[(table["metric"] == metric) & table["measure"].isin(_SHOWN_GAPS)]
    if table.empty:
        return ()
    if table["p_holm"].isna().all():
        return ("There is no gap to compare: it needs two groups of enough images.",)
    labels = method_labels(study, comparison.methods)
    certain = table[table["verdict"].isin(["better", "worse"])].to_dict("records")
    order = list(labels)
    said = tuple(
        change_sentence(
            row, label=labels[row["method"]], level=comparison.level, tasks=tasks
        )
        for row in sorted(certain, key=lambda row: order.index(row["method"]))
    )
    return said or ("No method's gap certainly differs from the baseline's.",)


def fairness_markdown(
    comparisons: Mapping[tuple[FairnessView, ...], GroupComparison],
    study: Study,
    tasks: tuple[Task, ...],
    *,
    with_groups: bool = False,
    said: Sequence[str] = (),
) -> str:
    """Views within groups as Markdown: a table each, sentences, and notes at the end.

    ``with_groups`` adds every group, and every gap; notes that are ``said`` already
    are left out.
    """
    parts: list[str] = []
    for views, comparison in comparisons.items():
        for view in views:
            parts.append(f"**{document_markdown(view.title(tasks))}**")
            parts.append(
                text_markdown(fairness_text(comparison, view.metric, study, tasks))
            )
            sentences = certain_changes(comparison, view.metric, study, tasks)
            parts.append("\n".join(f"- {sentence}" for sentence in sentences))
            if with_groups:
                shown = groups_text(comparison, view.metric, study, tasks)
                parts.append(text_markdown(shown, numbers_from=3))
        if with_groups:
            shown = further_gaps_text(comparison, study, tasks)
            parts.append(text_markdown(shown, numbers_from=2))
    notes = fairness_notes(comparisons.values(), study)
    parts.append(" ".join(note for note in notes if note not in said))
    return "\n\n".join(filter(None, parts))


def fairness_notes(
    comparisons: Iterable[GroupComparison], study: Study
) -> tuple[str, ...]:
    """What a reader should know of several comparisons within groups, each once."""
    return tuple(
        dict.fromkeys(
            note
            for comparison in comparisons
            for note in comparison.notes(method_labels(study, comparison.methods))
        )
    )


def published_by_group_text(
    table: pd.DataFrame, study: Study, tasks: tuple[Task, ...]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Published numbers of groups beside ours, in words, and the sources.

    Parameters
    ----------
    table : DataFrame
        From ``published_by_group.published_by_group_table``.
    study : Study
        Gives the labels of the methods.
    tasks : tuple of Task
        Give the metrics their labels and units.

    Returns
    -------
    DataFrame
        Columns Method, Metric, Group, Ours, "95 % interval", Published, Source: the
        number of the source among those returned.
    tuple of str
        The sources, the first one numbered 1.
    """
    sources = tuple(dict.fromkeys(table["source"]))
    labels = method_labels(study, dict.fromkeys(table["method"]))
    rows = []
    for row in table.to_dict("records"):
        metric, measure = row["metric"], row["measure"]
        info = gap_info(metric, measure, tasks) if measure else None
        info = info or metric_info(metric, tasks)
        unit = f" ({info.unit})" if info.unit else ""
        low, high = info.format(row["low"]), info.format(row["high"])
        computed = "" if row["reported"] else f" ({COMPUTED})"
        rows.append(
            {
                "Method": labels[row["method"]],
                "Metric": f"{info.label}{unit} by {row['feature'].replace('_', ' ')}",
                "Group": row["group"] or "–",
                "Ours": info.format(row["ours"]),
                "95 % interval": f"{low} to {high}" if low != "–" else "–",
                "Published": f"{info.format(row['theirs'])}{computed}",
                "Source": str(sources.index(row["source"]) + 1),
            }
        )
    return pd.DataFrame(rows), sources


def published_by_group_notes(table: pd.DataFrame, study: Study) -> tuple[str, ...]:
    """What may not be concluded from published numbers of groups, and what they show.

    Where a Fair metric of theirs is higher than their baseline's while the accuracy of
    every group that they report is lower, that is said.
    """
    labels = method_labels(study, dict.fromkeys(table["method"]))
    rises = [
        f"In the published numbers the Fair metric of {labels[method]} is higher than "
        f"that of {labels[study.baseline]}, and the accuracy of every group that they "
        "report lower. "
        f"{REWARDS_LEVELLING_DOWN}"
        for method in rises_while_all_fall(table, study.baseline)
    ]
    return tuple(filter(None, (*rises, PUBLISHED_NOTE, study.notice)))


def published_by_group_markdown(
    table: pd.DataFrame, study: Study, tasks: tuple[Task, ...]
) -> str:
    """The same as Markdown: table, sources, what it is not."""
    shown, sources = published_by_group_text(table, study, tasks)
    listed = "\n".join(
        f"{i}. {document_markdown(source)}" for i, source in enumerate(sources, start=1)
    )
    notes = " ".join(published_by_group_notes(table, study))
    return "\n\n".join((text_markdown(shown, numbers_from=3), listed, notes))
