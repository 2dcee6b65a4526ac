"""``equipoise methods``: every remedy, and where it helps."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from core.commands.comparison import headline_there, load_runs
from core.commands.console import stdout, warn_of
from core.commands.studies import count_runs
from core.errors import EquipoiseError


def methods(
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown table.")
    ] = False,
) -> None:
    """List every remedy: its task, its paper, where it helps in trained studies."""
    from core.evaluation.metrics import headline_keys
    from core.report import Outcome, methods_markdown, methods_table
    from core.runs import list_studies
    from core.study import load_study, shipped_studies

    outcomes = []
    for name in list_studies():
        try:
            runs = load_runs(name)
            comparison, study, info = runs.compare(), runs.study, runs.info
            own = headline_there(comparison.table, study, info.tasks)
        except EquipoiseError as error:
            warn_of([str(error)])
            continue
        keys = tuple(own) or headline_keys(info.tasks)
        outcomes.append(Outcome(study, comparison, info.tasks, keys))
    shipped = map(load_study, shipped_studies())
    untrained = [study for study in shipped if not count_runs(study.name)]
    if as_markdown:
        sys.stdout.write(methods_markdown(outcomes, untrained) + "\n")
        return
    shown = methods_table(outcomes, untrained)
    table = Table(*shown.columns, box=None, pad_edge=False)
    for row in shown.to_numpy().tolist():
        table.add_row(*(escape(cell.replace("<br>", "\n").strip("`")) for cell in row))
    stdout().print(table)
