"""The tables that ``equipoise compare`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from core.commands.console import (
    coloured_verdict,
    number_text,
    print_dim,
    print_table,
    stdout,
)

if TYPE_CHECKING:
    import pandas as pd

    from core.data.manifest import DatasetInfo
    from core.evaluation.compare import Comparison
    from core.evaluation.fairness import GroupComparison
    from core.evaluation.fairness_views import FairnessView
    from core.evaluation.metrics import MetricInfo
    from core.study import Study
    from core.tasks import Task

FAIRNESS_READING = (
    "The two groups that are farthest apart, each with its 95 % interval. A gap's "
    "interval holds for whichever groups are farthest apart; below it, the paired "
    "difference to the baseline's gap, and its verdict (p corrected by Holm over the "
    "methods)."
)


def print_leaderboard(
    comparison: Comparison,
    keys: Sequence[str],
    costs: pd.DataFrame,
    study: Study,
    dataset: DatasetInfo,
) -> None:
    """Methods as rows, in the study's order; metrics and costs as columns."""
    from core.evaluation.cost import means_by_method
    from core.evaluation.metrics import metric_info
    from core.report import method_labels

    table, cost = comparison.table, means_by_method(costs)
    board = Table(title=escape(study.title), title_justify="left")
    # Folded and not cut: a key is there to be typed.
    board.add_column("Method", overflow="fold")
    infos = [metric_info(key, dataset.tasks) for key in keys]
    for info in infos:
        unit = f" ({info.unit})" if info.unit else ""
        board.add_column(escape(info.label + unit), justify="right")
    for heading in ("Parameters", "Training s", "Inference ms"):
        board.add_column(heading, justify="right")
    rows = {(row["method"], row["metric"]): row for _, row in table.iterrows()}
    for method, label in method_labels(study, comparison.methods).items():
        spent = cost.get(method, {})
        board.add_row(
            f"{escape(label)}\n[dim]{escape(method)}[/dim]",
            *(_cell(rows.get((method, info.key)), info) for info in infos),
            number_text(spent.get("parameters"), 0),
            number_text(spent.get("training_seconds"), 0),
            number_text(spent.get("inference_ms"), 2),
            end_section=True,
        )
    stdout().print(board)
    over = "One seed, no sd" if comparison.has_one_seed else "Mean and sd over seeds"
    print_dim(
        f"{over}, 95 % interval below; then the paired difference to the baseline, on "
        "the seeds that both have, and its verdict (p corrected by Holm over the "
        "methods)."
    )


def _cell(row: pd.Series | None, info: MetricInfo) -> str:
    """Mean, spread and interval; below, the difference to the baseline."""
    if row is None:
        return "-"

    def write(name: str, *, sign: bool = False) -> str:
        return number_text(row[name] * info.factor, info.digits, sign=sign)

    spread = f" ± {write('sd')}" if row["sd"] == row["sd"] else ""
    lines = [write("mean") + spread, f"{write('low')} to {write('high')}"]
    verdict = str(row["verdict"])
    if verdict == "baseline":
        lines.append("baseline")
    else:
        delta, low, high = (
            write(name, sign=True) for name in ("delta", "delta_low", "delta_high")
        )
        lines.append(f"{delta} ({low} to {high})")
        lines.append(coloured_verdict(verdict))
    return "\n".join(lines)


def cost_notes(per_run: pd.DataFrame, labels: Mapping[str, str]) -> Iterator[str]:
    """What a reader should know of the budgets and the times."""
    from core.evaluation.cost import (
        COSTS,
        budget_note,
        machine_note,
        mixed_runs_note,
        unknown_note,
        widest_spread,
    )

    notes = (mixed_runs_note, budget_note, unknown_note)
    yield from filter(None, (note(per_run, labels) for note in notes))
    yield machine_note(per_run, labels)
    for key in ("training_seconds", "inference_ms"):
        if spread := widest_spread(per_run, COSTS[key]):
            yield spread.sentence()


def print_fairness(
    comparisons: Mapping[tuple[FairnessView, ...], GroupComparison],
    study: Study,
    tasks: tuple[Task, ...],
    *,
    with_groups: bool,
    said: Sequence[str],
) -> None:
    """What groups differ by, a table a view; with every group if asked for.

    Notes that are ``said`` already are not said again.
    """
    from core.fairness_report import (
        certain_changes,
        fairness_notes,
        fairness_text,
        further_gaps_text,
        groups_text,
    )

    out = stdout()
    for views, comparison in comparisons.items():
        for view in views:
            title = view.title(tasks)
            out.print()
            shown = fairness_text(comparison, view.metric, study, tasks)
            print_table(shown, title, left=shown.columns[:3], box=box.SIMPLE)
            for sentence in certain_changes(comparison, view.metric, study, tasks):
                out.print(escape(sentence))
            if with_groups:
                every = groups_text(comparison, view.metric, study, tasks)
                _print_blocks(every, f"{title}: every group", ("Group", "Images"))
        gaps = further_gaps_text(comparison, study, tasks)
        if with_groups and not gaps.empty:
            _print_blocks(
                gaps, f"Further gaps by {views[0].crossing_in_words}", ("Gap",)
            )
    out.print()
    for note in (FAIRNESS_READING, *fairness_notes(comparisons.values(), study)):
        if note not in said:
            print_dim(note)


def _print_blocks(texts: pd.DataFrame, title: str, heads: Sequence[str]) -> None:
    """Print a table in blocks of rows that are of one thing, which is named once."""
    head = texts[heads[0]]
    shown = texts.astype(dict.fromkeys(heads, object))
    shown.loc[head == head.shift(), list(heads)] = ""
    out = stdout()
    out.print()
    left = (heads[0], "Method", "Lowest", "Highest")
    print_table(shown, title, left=left, box=box.SIMPLE)


def print_cost(costs: pd.DataFrame, study: Study) -> None:
    """Every cost of every method, and what all methods share."""
    from core.report import cost_text

    shown, shared = cost_text(costs, study)
    stdout().print()
    print_table(shown, "What each method costs", left=("Method",))
    print_dim(shared)


def print_published(theirs: pd.DataFrame, study: Study, dataset: DatasetInfo) -> None:
    """Ours beside the published numbers, with sources and what may not be concluded."""
    from core.report import PUBLISHED_NOTE, method_labels, published_text

    labels = method_labels(study, study.methods)
    shown, sources = published_text(theirs, dataset.tasks, labels)
    _print_with_sources(shown, "Ours beside the published numbers", sources)
    note = " ".join(filter(None, (PUBLISHED_NOTE, study.notice)))
    stdout().print(escape(note))


def print_published_by_group(
    theirs: pd.DataFrame, study: Study, dataset: DatasetInfo
) -> None:
    """The same of what others published of groups."""
    from core.fairness_report import (
        published_by_group_notes,
        published_by_group_text,
    )

    shown, sources = published_by_group_text(theirs, study, dataset.tasks)
    _print_with_sources(shown, "Ours beside the published numbers of groups", sources)
    for note in published_by_group_notes(theirs, study):
        stdout().print(escape(note))


def _print_with_sources(
    shown: pd.DataFrame, title: str, sources: Sequence[str]
) -> None:
    out = stdout()
    out.print()
    print_table(shown, title, left=("Method", "Metric", "Group", "Source"))
    for number, source in enumerate(sources, start=1):
        out.print(escape(f"{number}: {source}"))
