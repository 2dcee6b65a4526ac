"""Every remedy of the registry, and where it helps in the studies that have runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.evaluation.comparison import Comparison
from core.evaluation.metrics import metric_info
from core.evaluation.verdicts import BETTER, EQUIVALENT, WORSE, speaks_of_model
from core.language import gettext
from core.methods.entries import ENTRIES
from core.methods.entry import PARTS
from core.results.cells import Text
from core.results.tables import Column, Table, distinct_metrics
from core.study import Study
from core.tasks import Task
from core.text import clauses


@dataclass(frozen=True)
class Outcome:
    """A study with its comparison, and the metrics to judge by."""

    study: Study
    comparison: Comparison
    tasks: tuple[Task, ...]
    keys: tuple[str, ...]


def remedies_table(
    outcomes: Sequence[Outcome], untrained: Sequence[Study] = ()
) -> Table:
    """A row a remedy: its task, its paper, and the verdicts on it.

    Studies without runs, ``untrained``, are named where no run tells of a remedy.
    """
    rows = tuple(
        (
            Text(entry.name, is_code=True),
            Text(gettext(entry.label)),
            Text(gettext(PARTS[entry.part].kind)),
            Text(", ".join(entry.task_kinds)),
            Text(entry.paper),
            Text(_where_it_helps(entry.name, outcomes, untrained)),
        )
        for entry in ENTRIES.values()
    )
    headings = (
        gettext("Name"),
        gettext("Method"),
        gettext("Kind"),
        gettext("Task"),
        gettext("Paper"),
        gettext("Where it helps"),
    )
    return Table("", tuple(Column(h, align="left") for h in headings), rows)


def _where_it_helps(
    entry: str, outcomes: Sequence[Outcome], untrained: Sequence[Study]
) -> str:
    """Verdicts on the methods that use this entry and nothing else."""
    said = [
        f"{method} ({outcome.study.name}): {_verdicts_in_words(outcome, method)}"
        for outcome in outcomes
        for method in _methods_of(entry, outcome.study)
        if method in outcome.comparison.methods
    ]
    if said:
        return "\n".join(said)
    studies = (*(outcome.study for outcome in outcomes), *untrained)
    waiting = [study.name for study in studies if _methods_of(entry, study)]
    if waiting:
        return gettext("in {studies}, not trained yet", studies=", ".join(waiting))
    return gettext("in no study by itself")


def _methods_of(entry: str, study: Study) -> list[str]:
    """Methods of a study that use this entry and nothing else."""
    return [name for name, table in study.methods.items() if set(table.use) == {entry}]


def _verdicts_in_words(outcome: Outcome, method: str) -> str:
    found: dict[str, list[str]] = {}
    of_model = False
    for key, *_ in distinct_metrics(outcome.comparison, outcome.keys):
        row = outcome.comparison.row(method, key)
        of_model |= speaks_of_model(row)
        phrase = metric_info(key, outcome.tasks).phrase
        found.setdefault(str(row["verdict"]), []).append(phrase)
    parts = [
        gettext(
            "{verdict} on {metrics}",
            verdict=gettext(verdict),
            metrics=", ".join(found[verdict]),
        )
        for verdict in (BETTER, WORSE, EQUIVALENT)
        if verdict in found
    ]
    said = clauses(parts) if parts else gettext("none certain")
    # The result of the method trained anew is unknown.
    return (
        gettext("{verdicts} (this trained model)", verdicts=said) if of_model else said
    )
