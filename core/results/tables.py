"""Tables of results: which cells stand where, whatever they are shown with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from core.evaluation.comparison import Comparison
from core.evaluation.gaps import gap_info
from core.evaluation.grouping import ALL_IMAGES
from core.evaluation.metrics import MetricInfo, metric_info, split_key
from core.evaluation.verdicts import INCONCLUSIVE
from core.language import N_, gettext, ngettext
from core.results.cells import ARROWS, Cell, Part, Text, heading
from core.results.numbers import UNKNOWN
from core.results.sentences import detectable_text, plain_percent
from core.study import Study
from core.tasks import Task
from core.text import clauses

Labels = Mapping[str, str]
# Where every class, or every bin, has as many test images, the two are equal.
_BALANCED_FORM = {"mae": "mae_balanced", "accuracy": "balanced_accuracy"}


@dataclass(frozen=True)
class Column:
    """A column: its heading, the part of a cell that it shows, and its alignment."""

    heading: str
    part: Part = "full"
    align: Literal["left", "right"] = "right"


@dataclass(frozen=True)
class Table:
    """Rows of cells under columns.

    Parameters
    ----------
    title : str
    columns : tuple of Column
    rows : tuple of tuples of Cell or Text
        One cell a column.
    notes : tuple of str
        What a reader should know of this table.
    blocks : int
        Leading columns that are the same in rows that belong together, so that a
        terminal need write them once.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell | Text, ...], ...]
    notes: tuple[str, ...] = ()
    blocks: int = 0


def _method_column() -> Column:
    return Column(gettext("Method"), align="left")


def method_labels(study: Study, methods: Iterable[str]) -> dict[str, str]:
    """The label of each method, in the study's order; others after it."""
    there = list(methods)
    order = [name for name in study.methods if name in there]
    order += [name for name in there if name not in order]
    tables = study.methods
    return {name: tables[name].label if name in tables else name for name in order}


def distinct_metrics(
    comparison: Comparison, keys: Iterable[str]
) -> tuple[tuple[str, ...], ...]:
    """Join the metrics that are equal by design, so that they count once.

    In the order given: a metric of all images, and with it its balanced form (MAE and
    balanced MAE, accuracy and balanced accuracy) where every run has the same value of
    both to 1e-9, as on a test set with as many images of every bin or class.
    """
    found: dict[str, tuple[str, ...]] = {}
    for key in dict.fromkeys(keys):
        alike = (first for first in found if _are_equal(comparison, first, key))
        same = next(alike, key)
        found[same] = (*found.get(same, ()), key)
    return tuple(found.values())


def _are_equal(comparison: Comparison, key: str, other: str) -> bool:
    if not _are_forms_of_one(key, other) or other not in comparison.runs:
        return False
    own, values = (comparison.runs[name].to_numpy() for name in (other, key))
    return bool(np.allclose(values, own, rtol=0, atol=1e-9))


def _are_forms_of_one(key: str, other: str) -> bool:
    (task, name, part), (other_task, other_name, other_part) = (
        split_key(key),
        split_key(other),
    )
    forms = (
        _BALANCED_FORM.get(name) == other_name or _BALANCED_FORM.get(other_name) == name
    )
    return task == other_task and forms and not part and not other_part


def leaderboard(
    comparison: Comparison,
    keys: Sequence[str],
    labels: Labels,
    tasks: tuple[Task, ...] = (),
    *,
    title: str = "",
    part: Part = "full",
    beside: Mapping[str, Sequence[Text]] | None = None,
) -> Table:
    """Methods as rows, metrics as columns.

    Parameters
    ----------
    comparison : Comparison
    keys : sequence of str
        Metrics; those that are equal by design are one column.
    labels : mapping of str to str
        What a reader sees of each method that is shown, in order.
    tasks : tuple of Task
        Give the metrics their labels.
    title : str
    part : {"full", "score", "power"}
        "score" leaves the difference out, "power" says what could have been found.
    beside : mapping of str to sequence of Text, optional
        Further columns, such as costs, by heading: a cell a method.
    """
    groups = distinct_metrics(comparison, keys)
    columns = [
        Column(heading(tuple(metric_info(key, tasks) for key in group)), part)
        for group in groups
    ]
    more = dict(beside or {})
    rows = []
    names = _names(comparison, labels, keys=part == "full")
    for place, (method, name) in enumerate(names.items()):
        own = (_cell(comparison, method, group[0], tasks) for group in groups)
        rows.append((name, *own, *(cells[place] for cells in more.values())))
    every = (_method_column(), *columns, *map(Column, more))
    return Table(title, every, tuple(rows), equal_notes(groups, tasks))


def equal_notes(
    groups: Iterable[tuple[str, ...]], tasks: tuple[Task, ...] = ()
) -> tuple[str, ...]:
    """Say which metrics are equal by design (``distinct_metrics``), and count once."""
    pairs = [[metric_info(k, tasks) for k in group] for group in groups if group[1:]]
    return tuple(_equal_note(one, other) for one, other in pairs)


def _equal_note(one: MetricInfo, other: MetricInfo) -> str:
    if "mae" in (one.name, other.name):
        return gettext(
            "{label} and {other} are equal here, since the test set has as many images"
            " of every bin: they count once.",
            label=one.label,
            other=other.phrase,
        )
    return gettext(
        "{label} and {other} are equal here, since the test set has as many images of"
        " every class: they count once.",
        label=one.label,
        other=other.phrase,
    )


def metric_detail(
    comparison: Comparison,
    key: str,
    labels: Labels,
    tasks: tuple[Task, ...] = (),
) -> Table:
    """One metric in all its numbers, a row a method; parameters as in ``leaderboard``.

    Beside value, difference and verdict: the smallest difference that could have been
    found, how much of the variance stems from the trainings, and the seeds that would
    settle the difference.
    """
    info = metric_info(key, tasks)
    level = plain_percent(comparison.level)
    parts: tuple[tuple[str, Part], ...] = (
        (heading(info), "value"),
        (gettext("{level} interval", level=level), "interval"),
        (gettext("SD over seeds"), "sd"),
        (gettext("Difference"), "delta"),
        (gettext("{level} interval of it", level=level), "delta interval"),
        ("p", "p"),
        (gettext("Verdict"), "verdict"),
        (gettext("Smallest detectable"), "smallest detectable"),
        (gettext("Variance from seeds"), "seed share"),
        (gettext("Settled by"), "seeds needed"),
        (gettext("Images"), "n"),
        (gettext("Seeds"), "seeds"),
    )
    columns = (_method_column(), *(Column(*part) for part in parts))
    rows = tuple(
        (name, *[_cell(comparison, method, key, tasks)] * len(parts))
        for method, name in _names(comparison, labels, marks=False).items()
    )
    return Table("", columns, rows, _rests(comparison.table, key))


def _rests(cells: pd.DataFrame, metric: str) -> tuple[str, ...]:
    """Explain "116 of 300" images, where a table of the metric has such a cell."""
    few = cells[
        (cells["metric"] == metric) & cells["n"].between(1, cells["images"] - 1)
    ]
    if few.empty:
        return ()
    row = few.iloc[0]
    return (
        gettext(
            "{part} of {whole} images: the metric rests on these alone, as a recall"
            " rests on the images of its class.",
            part=row["n"],
            whole=row["images"],
        ),
    )


def seeds_table(
    comparison: Comparison,
    keys: Sequence[str],
    labels: Labels,
    tasks: tuple[Task, ...] = (),
) -> Table:
    """How many seeds would settle what is inconclusive; parameters as in the board.

    A row a method with an inconclusive difference, a column a metric: the smallest
    difference that could have been found, and the seeds that would settle the one
    observed, or that only more images would. Without rows where all is settled.
    """
    board = leaderboard(comparison, keys, labels, tasks, part="power")
    still_open = [
        row
        for row in board.rows
        if any(isinstance(c, Cell) and c.verdict == INCONCLUSIVE for c in row)
    ]
    if comparison.has_one_seed:
        note = gettext(
            "For each inconclusive difference: the smallest one that would have been"
            " found with 80 % power, in the metric's unit; with one seed for every"
            " method, what more seeds would do is unknown."
        )
    elif comparison.counterparts is None:
        note = gettext(
            "For each inconclusive difference: the smallest one that would have been"
            " found with 80 % power, in the metric's unit; then the seeds of each"
            " method, baseline included, that would settle the one observed, or that"
            " only more images would."
        )
    else:
        note = gettext(
            "For each inconclusive difference: the smallest one that would have been"
            " found with 80 % power, in the metric's unit; then the seeds of each"
            " method, counterpart included, that would settle the one observed, or that"
            " only more images would."
        )
    infos = [metric_info(key, tasks) for key, *_ in distinct_metrics(comparison, keys)]
    planned = [
        gettext("{metric} {differences}", metric=info.label, differences=text)
        for info in infos
        if (text := detectable_text(comparison.table, info))
    ]
    if planned:
        more = gettext(
            "A study like this finds differences from (median over methods):"
            " {differences}.",
            differences=clauses(planned),
        )
        note = f"{note} {more}"
    return Table(gettext("How many seeds?"), board.columns, tuple(still_open), (note,))


def fairness_table(
    comparison: Comparison,
    metric: str,
    labels: Labels,
    tasks: tuple[Task, ...] = (),
    *,
    title: str = "",
    measures: Sequence[str] = ("difference", "fair_metric"),
) -> Table:
    """Gaps between groups: a row a method; parameters as in ``leaderboard``.

    The two groups that are farthest apart, the worse first, with their intervals; then
    each gap among ``measures`` that the metric has, and how much it differs from the
    baseline's.
    """
    info = metric_info(metric, tasks)
    gaps = comparison.gaps
    there = set(gaps.loc[gaps["metric"] == metric, "measure"])
    shown = [measure for measure in measures if measure in there]
    ends = _ENDS.get(info.direction, _NO_SIDE)
    rows = []
    for method, name in _names(comparison, labels).items():
        gap = comparison.row(method, metric, "difference")
        groups = [
            _cell(comparison, method, metric, tasks, group=gap[end])
            if gap[end]
            else Text(UNKNOWN)
            for end, _ in ends
        ]
        own = [_cell(comparison, method, metric, tasks, measure) for measure in shown]
        rows.append((name, *groups, *own))
    columns = (
        _method_column(),
        *(Column(gettext(words), "named", "left") for _, words in ends),
        *(Column(_gap_heading(metric, measure, tasks)) for measure in shown),
    )
    return Table(title, columns, tuple(rows))


_ENDS = {
    "higher": (("lowest", N_("Worst group")), ("highest", N_("Best group"))),
    "lower": (("highest", N_("Worst group")), ("lowest", N_("Best group"))),
}
_NO_SIDE = (("lowest", N_("Lowest group")), ("highest", N_("Highest group")))
_MEASURES = {
    "difference": N_("Difference"),
    "ratio": N_("Ratio"),
    "fair_metric": N_("Fair metric"),
}


def _gap_heading(metric: str, measure: str, tasks: tuple[Task, ...]) -> str:
    """A gap without task and metric, which the title names."""
    info = gap_info(metric, measure, tasks)
    unit = f" ({info.unit})" if info.unit else ""
    name = gettext(_MEASURES[measure])
    return f"{name[:1].upper()}{name[1:]}{unit}{ARROWS[info.direction]}"


def groups_table(
    comparison: Comparison,
    metric: str,
    labels: Labels,
    tasks: tuple[Task, ...] = (),
    *,
    title: str = "",
) -> Table:
    """A metric in every group, and in all images: a row a group and method."""
    rows = []
    for group in (ALL_IMAGES, *comparison.grouping.names):
        for method, name in _names(comparison, labels, marks=False).items():
            cell = _cell(comparison, method, metric, tasks, group=group)
            rows.append((Text(group or gettext("all images")), cell, name, *[cell] * 3))
    columns = (
        Column(gettext("Group"), align="left"),
        Column(gettext("Images"), "n"),
        _method_column(),
        Column(heading(metric_info(metric, tasks)), "value"),
        Column(
            gettext("{level} interval", level=plain_percent(comparison.level)),
            "interval",
        ),
        Column(_against(comparison), "change"),
    )
    notes = _rests(comparison.cells, metric)
    return Table(title, columns, tuple(rows), notes, blocks=2)


def further_gaps_table(
    comparison: Comparison,
    labels: Labels,
    tasks: tuple[Task, ...] = (),
    *,
    title: str = "",
) -> Table:
    """The gaps that ``fairness_table`` leaves out: ratios, and equalized odds."""
    own = set(comparison.groups["metric"])
    pairs = comparison.gaps[["metric", "measure"]].drop_duplicates()
    rows = []
    for metric, measure in pairs.itertuples(index=False):
        if metric in own and measure in ("difference", "fair_metric"):
            continue
        what = _plain_heading(gap_info(metric, measure, tasks))
        for method, name in _names(comparison, labels, marks=False).items():
            row = comparison.row(method, metric, measure)
            cell = Cell.from_row(row, tasks)
            low, high = (Text(row[end] or UNKNOWN) for end in ("lowest", "highest"))
            rows.append((Text(what), name, cell, low, high, cell))
    columns = (
        Column(gettext("Gap"), align="left"),
        _method_column(),
        Column(gettext("Value"), "estimate"),
        Column(gettext("Lowest"), align="left"),
        Column(gettext("Highest"), align="left"),
        Column(_against(comparison), "change"),
    )
    return Table(title, columns, tuple(rows), blocks=1)


def _against(comparison: Comparison) -> str:
    if comparison.counterparts is None:
        return gettext("Against the baseline")
    return gettext("Against {place}", place=comparison.counterparts.where)


def _plain_heading(info: MetricInfo) -> str:
    return f"{info.label} ({info.unit})" if info.unit else info.label


def fewer_seeds(comparison: Comparison) -> dict[str, str]:
    """Methods that have fewer seeds than others, and how many, such as "1 seed"."""
    counts = {method: len(seeds) for method, seeds in comparison.seeds.items()}
    most = max(counts.values())
    return {
        method: ngettext("{count} seed", "{count} seeds", count)
        for method, count in counts.items()
        if count < most
    }


def _names(
    comparison: Comparison, labels: Labels, *, marks: bool = True, keys: bool = False
) -> dict[str, Text]:
    """The first cell of each method's row, of those that are compared."""
    few = fewer_seeds(comparison) if marks else {}
    return {
        method: Text(label, few.get(method, ""), method if keys else "", is_name=True)
        for method, label in labels.items()
        if method in comparison.seeds
    }


def _cell(
    comparison: Comparison,
    method: str,
    metric: str,
    tasks: tuple[Task, ...],
    measure: str = "",
    group: str = "",
) -> Cell | Text:
    try:
        row = comparison.row(method, metric, measure, group)
    except KeyError:
        return Text(UNKNOWN)
    return Cell.from_row(row, tasks)
