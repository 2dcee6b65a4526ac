"""Costs of methods, as tables."""

from collections.abc import Iterator

import pandas as pd

from core.evaluation import cost
from core.evaluation.cost import COSTS, SETTINGS, CostInfo
from core.language import gettext
from core.results.cells import Text
from core.results.numbers import UNKNOWN
from core.results.tables import Column, Labels, Table
from core.text import clauses

BESIDE = ("parameters", "training_seconds", "inference_ms")
"""Costs that stand beside the metrics."""


def costs_beside(costs: pd.DataFrame, labels: Labels) -> dict[str, list[Text]]:
    """The few costs that a leaderboard shows: by heading, a cell a method.

    ``costs`` is from ``cost.cost_table``, ``labels`` are those of the leaderboard, in
    order.
    """
    means = costs.reindex(list(labels))
    return {
        COSTS[key].heading: [Text(COSTS[key].format(value)) for value in means[key]]
        for key in BESIDE
    }


def costs_table(costs: pd.DataFrame, labels: Labels, *, title: str = "") -> Table:
    """Every cost of every method, mean and standard deviation over its runs.

    Parameters as in ``costs_beside``. A setting that is not the same for all has a
    column; the notes of the table name the shared settings and explain each cost.
    """
    costs = costs.loc[[method for method in labels if method in costs.index]]
    columns = {
        info.heading: [
            info.format(mean) + _spread(spread, info)
            for mean, spread in zip(
                costs[info.key], costs[f"{info.key}_sd"], strict=True
            )
        ]
        for info in COSTS.values()
    }
    shared, machines = [], ""
    for key, name in SETTINGS.items():
        values = costs[key].replace("", UNKNOWN)
        if values.nunique() == 1:
            shared.append(f"{gettext(name)} {values.iloc[0]}")
        elif key == "hardware":
            # Too long for a cell: numbered, and named below.
            places, names = pd.factorize(values)
            columns[gettext("Machine")] = [str(place + 1) for place in places]
            named = [
                gettext("{place} is unknown", place=place)
                if name == UNKNOWN
                else gettext("{place} is {machine}", place=place, machine=name)
                for place, name in enumerate(names, start=1)
            ]
            machines = gettext("Machine {machines}.", machines=clauses(named))
        else:
            columns[gettext(name).capitalize()] = values.tolist()
    text = gettext("For all: {settings}.", settings=clauses(shared)) if shared else ""
    explained = (
        gettext("{what}: {explanation}", what=info.label, explanation=info.explanation)
        for info in COSTS.values()
    )
    rows = tuple(
        (Text(labels[str(method)], is_name=True), *map(Text, cells))
        for method, *cells in zip(costs.index, *columns.values(), strict=True)
    )
    return Table(
        title,
        (Column(gettext("Method"), align="left"), *map(Column, columns)),
        rows,
        tuple(filter(None, (f"{text} {machines}".strip(), *explained))),
    )


def _spread(spread: float, info: CostInfo) -> str:
    text = info.format(spread)
    # A spread that rounds to 0, as that of a number of parameters, is not shown.
    return "" if not text.strip(f"0.,{UNKNOWN}") else f" ± {text}"


def budget_notes(per_run: pd.DataFrame, labels: Labels) -> Iterator[str]:
    """Settings in which methods differ beside the remedy, from ``cost.run_costs``."""
    notes = (cost.mixed_runs_note, cost.budget_note, cost.unknown_note)
    yield from filter(None, (note(per_run, labels) for note in notes))


def timing_notes(per_run: pd.DataFrame, labels: Labels) -> Iterator[str]:
    """The machines that timed the runs, and how far these times can be trusted."""
    yield cost.machine_note(per_run, labels)
    for key in ("training_seconds", "inference_ms"):
        if spread := cost.widest_spread(per_run, COSTS[key]):
            yield spread.sentence()
