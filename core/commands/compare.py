"""``equipoise compare``: a study's methods beside its baseline."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from core.commands.comparison import compare_runs, headline_there
from core.commands.console import number_text, print_json, stdout
from core.commands.options import JsonOption, StudyArgument
from core.commands.studies import load_chosen_study

if TYPE_CHECKING:
    import pandas as pd

    from core.data.manifest import DatasetInfo
    from core.evaluation.metrics import MetricInfo
    from core.study import Study
    from core.tasks import Task


def compare(
    study: StudyArgument,
    as_json: JsonOption = False,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC",
            help="Metric to show, such as age.mae[0-9] or label.top_3_accuracy; may be "
            "given several times.",
        ),
    ] = None,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown table.")
    ] = False,
    with_cost: Annotated[
        bool,
        typer.Option("--cost", help="Print every cost too; JSON always holds them."),
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help="Compare with this method, in place of the study's baseline.",
        ),
    ] = None,
) -> None:
    """Compare a study's methods with its baseline, on the test images.

    Numbers that others published stand below, labelled as theirs.
    """
    from core.evaluation.cost import cost_table, means_by_method, settings_by_method
    from core.evaluation.published import published_records, published_table

    name = load_chosen_study(study).name if study.endswith(".toml") else study
    comparison, per_run, chosen, info = compare_runs(name, metric or (), against)
    costs = cost_table(per_run)
    cost = means_by_method(costs)
    # Others' changes are to their own baseline, and so are ours beside them.
    own = comparison if against is None else compare_runs(name, metric or ())[0]
    theirs = published_table(chosen.published, own.table, chosen.baseline)
    if as_json:
        answer = comparison.as_dict(chosen.name, cost)
        settings = settings_by_method(costs)
        for entry in answer["methods"]:
            entry["settings"] = settings[entry["name"]]
        published = published_records(theirs)
        print_json({**answer, "published": published, "notice": chosen.notice})
        return
    keys = _metrics_to_show(comparison.table, metric, chosen, info.tasks)
    if as_markdown:
        from core.report import cost_markdown, markdown_table, published_markdown

        sys.stdout.write(markdown_table(comparison, chosen, info.tasks, keys) + "\n")
        labels = {key: table.label for key, table in chosen.methods.items()}
        notes = comparison.seed_notes(labels)
        if comparison.baseline != chosen.baseline:
            notes = (_against_note(comparison.baseline, chosen), *notes)
        if notes:
            sys.stdout.write(f"\n{' '.join(notes)}\n")
        if with_cost:
            sys.stdout.write(f"\n{cost_markdown(costs, chosen)}\n")
        if not theirs.empty:
            text = published_markdown(theirs, info.tasks, chosen)
            sys.stdout.write(f"\n{text}\n")
        return
    out = stdout()
    out.print(_leaderboard(comparison.table, keys, cost, chosen, info))
    over = "One seed, no sd" if comparison.has_one_seed else "Mean and sd over seeds"
    out.print(
        f"{over}, 95 % interval below; then the paired difference to the baseline, on "
        "the seeds that both have, and its verdict (p corrected by Holm over the "
        "methods).",
        style="dim",
    )
    if comparison.baseline != chosen.baseline:
        out.print(_against_note(comparison.baseline, chosen), style="dim")
    for note in (*comparison.notes()[1:], *_cost_notes(per_run, chosen)):
        out.print(escape(note), style="dim")
    if with_cost:
        _print_cost(costs, chosen)
    if not theirs.empty:
        _print_published(theirs, chosen, info)


def _metrics_to_show(
    table: pd.DataFrame,
    asked: Sequence[str] | None,
    study: Study,
    tasks: Sequence[Task],
) -> list[str]:
    """The metrics asked for, or the study's headline, or the first of each task."""
    from core.evaluation.metrics import headline_keys, unknown_metric

    known = dict.fromkeys(table["metric"])
    for metric in asked or ():
        if metric not in known:
            raise unknown_metric(metric, known, study=f"study '{study.name}'")
    if asked:
        return list(asked)
    own = headline_there(table, study, tasks)
    return own or [headline_keys((task,))[0] for task in tasks]


def _leaderboard(
    table: pd.DataFrame,
    keys: Sequence[str],
    cost: dict[str, dict[str, float]],
    study: Study,
    dataset: DatasetInfo,
) -> Table:
    """Methods as rows, in the study's order; metrics and costs as columns."""
    from core.evaluation.metrics import metric_info

    board = Table("Method", title=escape(study.title), title_justify="left")
    infos = [metric_info(key, dataset.tasks) for key in keys]
    for info in infos:
        unit = f" ({info.unit})" if info.unit else ""
        board.add_column(escape(info.label + unit), justify="right")
    for heading in ("Parameters", "Training s", "Inference ms"):
        board.add_column(heading, justify="right")
    rows = {(row["method"], row["metric"]): row for _, row in table.iterrows()}
    present = list(dict.fromkeys(table["method"]))
    order = [m for m in study.methods if m in present]
    for method in (*order, *(m for m in present if m not in order)):
        spent = cost.get(method, {})
        board.add_row(
            escape(method),
            *(_cell(rows.get((method, info.key)), info) for info in infos),
            number_text(spent.get("parameters"), 0),
            number_text(spent.get("training_seconds"), 0),
            number_text(spent.get("inference_ms"), 2),
            end_section=True,
        )
    return board


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
        style = {"better": "green", "worse": "red"}.get(verdict, "dim")
        lines.append(f"{delta} ({low} to {high})")
        lines.append(f"[{style}]{verdict}[/{style}]")
    return "\n".join(lines)


def _against_note(method: str, study: Study) -> str:
    label = study.methods[method].label if method in study.methods else method
    return (
        f"Compared with {label} ({method}), in place of the study's baseline "
        f"({study.baseline})."
    )


def _cost_notes(per_run: pd.DataFrame, study: Study) -> Iterator[str]:
    """What a reader should know of the budgets and the times."""
    from core.evaluation.cost import (
        COSTS,
        budget_note,
        machine_note,
        mixed_runs_note,
        unknown_note,
        widest_spread,
    )

    labels = {name: name for name in study.methods}
    notes = (mixed_runs_note, budget_note, unknown_note)
    yield from filter(None, (note(per_run, labels) for note in notes))
    yield machine_note(per_run, labels)
    for key in ("training_seconds", "inference_ms"):
        if spread := widest_spread(per_run, COSTS[key]):
            yield spread.sentence()


def _print_cost(costs: pd.DataFrame, study: Study) -> None:
    """Every cost of every method, and what all methods share."""
    from core.report import cost_text

    shown, shared = cost_text(costs, study)
    board = Table(title="What each method costs", title_justify="left")
    for heading in shown.columns:
        board.add_column(
            heading,
            justify="left" if heading == "Method" else "right",
            overflow="fold",
        )
    for row in shown.to_numpy().tolist():
        board.add_row(*map(escape, row))
    out = stdout()
    out.print()
    out.print(board)
    out.print(escape(shared), style="dim")


def _print_published(theirs: pd.DataFrame, study: Study, dataset: DatasetInfo) -> None:
    """Ours beside the published numbers, with sources and what may not be concluded."""
    from core.report import PUBLISHED_NOTE, published_text

    shown, sources = published_text(theirs, dataset.tasks, {})
    board = Table(title="Ours beside the published numbers", title_justify="left")
    for heading in shown.columns:
        is_text = heading in ("Method", "Metric", "Source")
        board.add_column(heading, justify="left" if is_text else "right")
    for row in shown.to_numpy().tolist():
        board.add_row(*map(escape, row))
    out = stdout()
    out.print()
    out.print(board)
    for number, source in enumerate(sources, start=1):
        out.print(escape(f"{number}: {source}"))
    out.print(escape(" ".join(filter(None, (PUBLISHED_NOTE, study.notice)))))
