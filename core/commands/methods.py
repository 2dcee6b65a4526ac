"""``equipoise methods``: every remedy, and where it helps."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from core.commands.console import stdout, warn_of
from core.commands.studies import count_runs
from core.errors import EquipoiseError


def methods(
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown table.")
    ] = False,
) -> None:
    """List every remedy: its task, its paper, where it helps in trained studies."""
    from core.results.console import print_table
    from core.results.markdown import table_markdown
    from core.results.methods_table import Outcome, remedies_table
    from core.results.study_runs import load_study_runs
    from core.runs import list_studies
    from core.study import load_study, shipped_studies

    outcomes = []
    for name in list_studies():
        try:
            runs = load_study_runs(name)
            comparison = runs.compare()
            keys, problems = runs.headline(comparison)
        except EquipoiseError as error:
            warn_of([str(error)])
            continue
        warn_of((*runs.problems, *problems))
        outcomes.append(Outcome(runs.study, comparison, runs.info.tasks, tuple(keys)))
    shipped = map(load_study, shipped_studies())
    untrained = [study for study in shipped if not count_runs(study.name)]
    table = remedies_table(outcomes, untrained)
    if as_markdown:
        sys.stdout.write(table_markdown(table) + "\n")
    else:
        print_table(table, stdout())
