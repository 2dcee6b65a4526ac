"""Results as text that a paper or a README can take."""

from collections.abc import Sequence

from core.evaluation.compare import Comparison
from core.evaluation.metrics import MetricInfo, metric_info
from core.study import Study
from core.tasks import Task


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
    headings = ["Method", *(_heading(info) for info in infos)]
    methods = [name for name in study.methods if name in comparison.methods]
    rows = [
        [study.method(name).label, *(_cell(comparison, name, info) for info in infos)]
        for name in methods
    ]
    lines = [headings, ["---", *("---:" for _ in infos)], *rows]
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
