"""Results as text that a paper or a README can take."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from core.evaluation.compare import Comparison
from core.evaluation.cost import COSTS, SETTINGS, CostInfo
from core.evaluation.metrics import MetricInfo, metric_info
from core.evaluation.published import VALUE
from core.methods.entries import ENTRIES
from core.methods.entry import PARTS
from core.study import Study
from core.tasks import Task
from core.text import document_markdown

PUBLISHED_NOTE = (
    "Published numbers are their authors', with their own budget and data as the source"
    " says; they stand beside ours for orientation, and no difference between the two"
    " is claimed."
)


def method_labels(study: Study, methods: Iterable[str]) -> dict[str, str]:
    """What a reader sees for each method, in the study's order; others after it."""
    there = list(methods)
    order = [name for name in study.methods if name in there]
    order += [name for name in there if name not in order]
    tables = study.methods
    return {name: tables[name].label if name in tables else name for name in order}


def markdown_table(
    comparison: Comparison, study: Study, tasks: tuple[Task, ...], keys: Sequence[str]
) -> str:
    """The comparison as a Markdown table, a row a method in the study's order.

    Parameters
    ----------
    comparison : Comparison
    study : Study
        Gives the order and the labels of the methods.
    tasks : tuple of Task
        Give the metrics their labels.
    keys : sequence of str
        Metrics, a column each, such as "age.mae".

    Returns
    -------
    str
        In each cell the mean over seeds with its interval; below, the difference to
        the baseline with its interval, and the verdict.
    """
    infos = [metric_info(key, tasks) for key in keys]
    headings = ["Method", *(document_markdown(_heading(info)) for info in infos)]
    methods = [name for name in study.methods if name in comparison.methods]
    rows = [
        [
            document_markdown(study.method(name).label),
            *(_cell(comparison, name, info) for info in infos),
        ]
        for name in methods
    ]
    return _markdown([headings, ["---", *("---:" for _ in infos)], *rows])


def text_markdown(table: pd.DataFrame, numbers_from: int = 1) -> str:
    """A table of texts as Markdown; lines of a cell stay lines.

    Columns from ``numbers_from`` on stand to the right.
    """
    if table.empty:
        return ""
    rule = ["---"] * numbers_from + ["---:"] * (len(table.columns) - numbers_from)
    cells = table.map(_cell_of_lines).to_numpy().tolist()
    return _markdown([list(map(document_markdown, table.columns)), rule, *cells])


def _cell_of_lines(text: str) -> str:
    return "<br>".join(map(document_markdown, text.split("\n")))


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _heading(info: MetricInfo) -> str:
    arrow = {"lower": " ↓", "higher": " ↑", "zero": ""}[info.direction]
    unit = f", {info.unit}" if info.unit else ""
    return f"{info.label}{unit}{arrow}"


def _cell(comparison: Comparison, method: str, info: MetricInfo) -> str:
    row = comparison.row(method, info.key)
    value = info.format(row["mean"])
    cell = f"**{value}** [{info.format(row['low'])}, {info.format(row['high'])}]"
    if method == comparison.baseline:
        return cell
    delta, low, high = (
        info.format(row[name], signed=True)
        for name in ("delta", "delta_low", "delta_high")
    )
    return f"{cell}<br>{delta} [{low}, {high}] {row['verdict']}"


def cost_text(costs: pd.DataFrame, study: Study) -> tuple[pd.DataFrame, str]:
    """What each method costs, in words: a row a method in the study's order.

    Parameters
    ----------
    costs : DataFrame
        From ``cost.cost_table``.
    study : Study
        Gives the order and the labels of the methods.

    Returns
    -------
    DataFrame
        Column Method, one a cost with mean and standard deviation over the runs, and
        one for each setting that is not the same for all.
    str
        The settings that all share.
    """
    methods = [name for name in study.methods if name in costs.index]
    costs = costs.loc[methods]
    columns = {"Method": [study.method(name).label for name in methods]}
    for info in COSTS.values():
        spreads = costs[f"{info.key}_sd"]
        columns[info.heading] = [
            info.format(mean) + _spread(spread, info)
            for mean, spread in zip(costs[info.key], spreads, strict=True)
        ]
    shared, machines = [], ""
    for key, name in SETTINGS.items():
        values = costs[key].replace("", "–")
        if values.nunique() == 1:
            shared.append(f"{name} {values.iloc[0]}")
        elif key == "hardware":
            # Too long for a cell: numbered, and named below.
            places, names = pd.factorize(values)
            columns["Machine"] = [str(place + 1) for place in places]
            named = [
                f"{place} is {'unknown' if name == '–' else name}"
                for place, name in enumerate(names, start=1)
            ]
            machines = f" Machine {'; '.join(named)}."
        else:
            columns[name.capitalize()] = values.tolist()
    text = f"For all: {'; '.join(shared)}." if shared else ""
    return pd.DataFrame(columns), f"{text}{machines}".strip()


def _spread(spread: float, info: CostInfo) -> str:
    text = info.format(spread)
    # A spread that rounds to nothing, as that of a number of parameters, is none.
    return "" if not text.strip("0.–") else f" ± {text}"


def cost_markdown(costs: pd.DataFrame, study: Study) -> str:
    """The same as Markdown: the table, and what its costs are."""
    table, shared = cost_text(costs, study)
    notes = [f"- {info.label}: {info.explanation}" for info in COSTS.values()]
    return "\n".join([text_markdown(table), "", *filter(None, [shared, ""]), *notes])


def published_text(
    table: pd.DataFrame, tasks: tuple[Task, ...], labels: Mapping[str, str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Ours beside the published numbers, in words, and the sources.

    Parameters
    ----------
    table : DataFrame
        From ``published.published_table``.
    tasks : tuple of Task
        Give the metrics their labels and units.
    labels : mapping
        What a reader sees for each method; its name where there is none.

    Returns
    -------
    DataFrame
        Columns Method, Metric, Ours, "95 % interval", Published, Source: the number
        of the source among those returned.
    tuple of str
        The sources, the first one numbered 1.
    """
    sources = tuple(dict.fromkeys(table["source"]))
    rows = []
    for row in table.to_dict("records"):
        info = metric_info(row["metric"], tasks)
        metric = info.label if row["kind"] == VALUE else f"{info.label}, change"
        write: Callable[[float], str] = (
            info.format if row["kind"] == VALUE else _percent
        )
        known = row["ours"] == row["ours"]
        unit = f" ({info.unit})" if info.unit and row["kind"] == VALUE else ""
        rows.append(
            {
                "Method": labels.get(row["method"], row["method"]),
                "Metric": metric + unit,
                "Ours": write(row["ours"]) if known else "–",
                "95 % interval": f"{write(row['low'])} to {write(row['high'])}"
                if known
                else "–",
                "Published": write(row["theirs"]),
                "Source": str(sources.index(row["source"]) + 1),
            }
        )
    return pd.DataFrame(rows), sources


def _percent(value: float) -> str:
    return f"{value:+.1f} %"


def published_markdown(
    table: pd.DataFrame, tasks: tuple[Task, ...], study: Study
) -> str:
    """Ours beside the published numbers as Markdown: table, sources, what it is not."""
    labels = {name: method.label for name, method in study.methods.items()}
    shown, sources = published_text(table, tasks, labels)
    notes = [
        f"{i}. {document_markdown(source)}" for i, source in enumerate(sources, start=1)
    ]
    ending = " ".join(filter(None, (PUBLISHED_NOTE, study.notice)))
    return "\n".join([text_markdown(shown, numbers_from=2), "", *notes, "", ending])


@dataclass(frozen=True)
class Outcome:
    """A study with its comparison, as ``methods_table`` needs it."""

    study: Study
    comparison: Comparison
    tasks: tuple[Task, ...]
    keys: tuple[str, ...]


def methods_table(
    outcomes: Sequence[Outcome], untrained: Sequence[Study] = ()
) -> pd.DataFrame:
    """Every remedy of the registry, and where it helps.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Of the studies to look at, with their headline metrics.
    untrained : sequence of Study
        Those without runs, named where no run tells of a remedy.

    Returns
    -------
    DataFrame
        Columns Name, Method, Kind, Task, Paper, "Where it helps".
    """
    rows = [
        {
            "Name": f"`{entry.name}`",
            "Method": entry.label,
            "Kind": PARTS[entry.part].kind,
            "Task": ", ".join(entry.task_kinds),
            "Paper": entry.paper,
            "Where it helps": _where_it_helps(entry.name, outcomes, untrained),
        }
        for entry in ENTRIES.values()
    ]
    return pd.DataFrame(rows)


def methods_markdown(
    outcomes: Sequence[Outcome], untrained: Sequence[Study] = ()
) -> str:
    """The same as a Markdown table."""
    table = methods_table(outcomes, untrained)
    rows = table.to_numpy().tolist()
    return _markdown([list(table.columns), ["---"] * len(table.columns), *rows])


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
        return "<br>".join(said)
    studies = (*(outcome.study for outcome in outcomes), *untrained)
    waiting = [study.name for study in studies if _methods_of(entry, study)]
    if waiting:
        return f"in {', '.join(waiting)}, not trained yet"
    return "in no study by itself"


def _methods_of(entry: str, study: Study) -> list[str]:
    """Methods of a study that use this entry and nothing else."""
    return [name for name, table in study.methods.items() if set(table.use) == {entry}]


def _verdicts_in_words(outcome: Outcome, method: str) -> str:
    found: dict[str, list[str]] = {}
    for key in outcome.keys:
        verdict = outcome.comparison.row(method, key)["verdict"]
        found.setdefault(verdict, []).append(metric_info(key, outcome.tasks).phrase)
    parts = [
        f"{verdict} on {', '.join(found[verdict])}"
        for verdict in ("better", "worse")
        if verdict in found
    ]
    said = "; ".join(parts) or "none certain"
    # Its verdicts do not count how much another training would differ.
    alone = len(outcome.comparison.shared_seeds(method)) == 1
    return f"{said} (one seed)" if alone else said
