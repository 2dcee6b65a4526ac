"""``equipoise provenance``: where the numbers of a study come from."""

from __future__ import annotations

from core.commands.console import print_json, stdout
from core.commands.options import JsonOption, StudyArgument
from core.commands.studies import load_chosen_study


def provenance(study: StudyArgument, as_json: JsonOption = False) -> None:
    """Say where a study's numbers come from: split, runs, machine, licences.

    The JSON also holds the key and the date of every run. What no run has recorded is
    not guessed.
    """
    from rich.markup import escape
    from rich.table import Table

    from core.story.provenance import provenance_of
    from core.views.studies import open_study

    name = load_chosen_study(study).name if study.endswith(".toml") else study
    found = provenance_of(open_study(name))
    if as_json:
        print_json(found.record())
        return
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for what, value in found.rows:
        table.add_row(escape(what), escape(value))
    stdout().print(table)
