"""How a table of results is read: said once for all of its cells."""

from collections.abc import Iterable

from core.evaluation.comparison import Comparison
from core.evaluation.metrics import metric_info
from core.results.numbers import with_unit
from core.tasks import Task


def reading_notes(
    comparison: Comparison, keys: Iterable[str], tasks: tuple[Task, ...] = ()
) -> tuple[str, ...]:
    """What values, intervals and verdicts mean, and which differences do not matter.

    ``keys`` are the metrics that are shown, whose margins are named.
    """
    one = comparison.has_one_seed
    value = "The value of the one seed" if one else "The mean over the seeds"
    verdicts = (
        "▲ better, ▼ worse: the interval of the difference leaves out 0."
        f"{_equivalence(comparison, keys, tasks)} ○ inconclusive: the data cannot tell."
        " These intervals and p are corrected over the methods, and not over the"
        " metrics: with many metrics, some verdict may be chance."
    )
    return (
        f"{value} and its interval; then the difference to the baseline, its interval"
        " and the verdict on it.",
        verdicts,
    )


def _equivalence(
    comparison: Comparison, keys: Iterable[str], tasks: tuple[Task, ...]
) -> str:
    known = {key: comparison.margin(key) for key in dict.fromkeys(keys)}
    infos = {key: metric_info(key, tasks) for key in known}
    margins = [
        f"{infos[key].phrase} {with_unit(infos[key], margin)}"
        for key, margin in known.items()
        if margin == margin
    ]
    if not margins:
        return ""
    return (
        " ≈ equivalent: it lies within the margin that does not matter"
        f" ({', '.join(margins)})."
    )
