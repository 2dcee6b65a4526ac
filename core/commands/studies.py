"""``equipoise studies``, and how every command finds the study it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from core.commands.console import stdout, warn_of
from core.errors import EquipoiseError

if TYPE_CHECKING:
    from core.study import Study


def studies() -> None:
    """List the shipped studies, your own, others with runs, and the runs of each."""
    from core.runs import list_studies
    from core.study import known_studies

    table = Table("Study", "Title", "Dataset", "Methods", "Seeds", "Runs", box=None)
    for name in dict.fromkeys((*known_studies(), *list_studies())):
        try:
            study = load_chosen_study(name)
        except EquipoiseError as error:
            warn_of([str(error)])
            continue
        table.add_row(
            name,
            escape(study.title),
            study.dataset.name,
            ", ".join(study.methods),
            ", ".join(map(str, study.seeds)),
            str(count_runs(name)),
        )
    stdout().print(table)


def load_chosen_study(name_or_path: str) -> Study:
    """A study that has a file, or one that only its runs tell of."""
    from core.runs import list_studies, study_of_runs
    from core.study import known_studies, load_study

    known = name_or_path.endswith(".toml") or name_or_path in known_studies()
    if not known and name_or_path in list_studies():
        return study_of_runs(name_or_path)
    return load_study(name_or_path)


def count_runs(study: str) -> int:
    """Run folders of a study, without opening them."""
    from core.runs import stores

    folders = {
        place.relative_to(store)
        for store in stores()
        for place in store.glob(f"{study}/*/seed-*/run.json")
    }
    return len(folders)
