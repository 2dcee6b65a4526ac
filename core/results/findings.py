"""Findings of a comparison, in plain sentences that follow from its verdicts alone."""

import math
from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from core import text
from core.evaluation import verdicts
from core.evaluation.comparison import Comparison
from core.evaluation.comparison_rows import STUDY_FAMILY
from core.evaluation.gaps import gap_info
from core.evaluation.metrics import MetricInfo, metric_info
from core.evaluation.verdicts import speaks_of_model
from core.results.numbers import with_unit, write
from core.results.sentences import verdict_sentence
from core.results.tables import Labels, distinct_metrics
from core.tasks import Task

Rows = Sequence[pd.Series]


def findings(
    comparison: Comparison,
    keys: Iterable[str],
    labels: Labels,
    tasks: tuple[Task, ...] = (),
) -> tuple[str, ...]:
    """Say for each metric which methods differ from their baseline.

    And what is open. A sentence a metric and family of methods. Metrics that are equal
    by design share one sentence. Empty with the baseline alone. ``labels`` are the
    labels of the methods for a reader, in order.

    Notes
    -----
    A difference is only claimed where the verdict is ``better``, ``worse``, ``differs``
    or ``equivalent``, and in a range of the differences that are shown.
    """
    others = [m for m in labels if m in comparison.references]
    against = _Against(comparison)
    families: dict[str, list[str]] = {}
    for method in others:
        families.setdefault(comparison.families[method], []).append(method)
    said = []
    for group in distinct_metrics(comparison, keys):
        infos = [metric_info(key, tasks) for key in group]
        what = listed([info.phrase for info in infos])
        for family, methods in families.items():
            rows = [comparison.row(method, group[0]) for method in methods]
            apart = "" if family == STUDY_FAMILY else f" ({family})"
            parts = " ".join(_sentences(rows, infos[0], labels, against))
            said.append(f"{what[:1].upper()}{what[1:]}{apart}: {parts}")
    return tuple(said)


class _Against:
    """The method or methods compared with, in the words of a sentence."""

    def __init__(self, comparison: Comparison) -> None:
        pairs = comparison.counterparts
        self.where = "" if pairs is None else pairs.where

    def subject(self, number: int, *, of_model: bool) -> str:
        """The baseline of so many methods or trained models, in words."""
        if not self.where:
            return "the baseline's" if of_model else "the baseline"
        own = "its counterpart" if number == 1 else "their counterparts"
        return f"{own} in {self.where}"

    @property
    def gap(self) -> str:
        """The baseline whose gap a gap is compared with."""
        return f"that in {self.where}" if self.where else "the baseline's"


def _sentences(
    rows: Rows, info: MetricInfo, labels: Labels, against: _Against
) -> Iterator[str]:
    for verdict in _WORDS:
        for of_model in (False, True):
            own = [
                row
                for row in rows
                if row["verdict"] == verdict and speaks_of_model(row) == of_model
            ]
            if own:
                base = against.subject(len(own), of_model=of_model)
                said = f"{_who(own, labels)} {_WORDS[verdict].format(base)}"
                yield f"{said}{_by_how_much(own, verdict, info)}."
    unsure = [row for row in rows if row["verdict"] == verdicts.INCONCLUSIVE]
    if unsure:
        yield _open(unsure, len(rows), info, labels, against)
    untested = [row for row in rows if row["verdict"] == verdicts.UNTESTED]
    if untested:
        yield f"There is no verdict on {_names(untested, labels)}."


def _by_how_much(rows: Rows, verdict: str, info: MetricInfo) -> str:
    if verdict != verdicts.EQUIVALENT:
        return f", by {_amount([abs(row['delta']) for row in rows], info)}"
    margin = rows[0]["margin"]
    if math.isnan(margin):
        return ": there is no difference"
    return f": less than {_amount([margin], info)} does not matter"


_WORDS = {
    verdicts.BETTER: "better than {}",
    verdicts.WORSE: "worse than {}",
    verdicts.DIFFERS: "different from {}",
    verdicts.EQUIVALENT: "equivalent to {}",
}


def _who(rows: Rows, labels: Labels) -> str:
    """Methods with their verb; where that is all that was tested, their models."""
    names, are = _names(rows, labels), "is" if len(rows) == 1 else "are"
    if speaks_of_model(rows[0]):
        names = f"The trained model{'s' * (len(rows) > 1)} of {names}"
    return f"{names} {are}"


def _amount(sizes: Sequence[float], info: MetricInfo) -> str:
    """A size with its unit, or the range of several."""
    low, high = write(info, min(sizes)), with_unit(info, max(sizes))
    return high if high.split(" ")[0] == low else f"{low} to {high}"


def _open(
    rows: Rows, compared: int, info: MetricInfo, labels: Labels, against: _Against
) -> str:
    """How many showed no difference, and what would settle it."""
    of_model = speaks_of_model(rows[0])
    if len(rows) == 1:
        who = f"{'the trained model of ' * of_model}{_names(rows, labels)}"
    else:
        what = "trained models" if of_model else "methods"
        who = (
            f"{len(rows)} of {compared}"
            if len(rows) < compared
            else f"any of the {compared}"
        )
        who = f"{who} {what}"
    base = against.subject(len(rows), of_model=of_model)
    said = f"No difference from {base} was detected for {who}"
    found = [row["smallest_detectable"] for row in rows]
    found = [size for size in found if math.isfinite(size)]
    if not found:
        return f"{said}."
    return (
        f"{said}: the smallest difference found with 80 % power is"
        f" {_amount(found, info)}{_settled_by([r['seeds_needed'] for r in rows])}."
    )


def _settled_by(needed: Sequence[float]) -> str:
    """The seeds, or only more images, that would settle the differences observed."""
    seeds = sorted(int(n) for n in needed if math.isfinite(n))
    images = sum(math.isinf(n) for n in needed)
    by = []
    if seeds:
        ends = f"{seeds[0]}" if seeds[0] == seeds[-1] else f"{seeds[0]} to {seeds[-1]}"
        by.append(f"{ends} seeds of each method for {len(seeds)}")
    if images:
        by.append(f"more images alone for {images}")
    if not by:
        return ""
    if len(by) == 1 and len(seeds) + images == len(needed):
        by = [part.rpartition(" for ")[0] for part in by]
    return f"; what was observed would be settled by {' and by '.join(by)}"


def _names(rows: Rows, labels: Labels) -> str:
    return listed([labels[str(row["method"])] for row in rows])


def listed(names: Sequence[str]) -> str:
    """As ``text.listed``, with semicolons where a name has a comma or an "and"."""
    if len(names) > 1 and any("," in name or " and " in name for name in names):
        return f"{'; '.join(names[:-1])}; and {names[-1]}"
    return text.listed(names)


def gap_findings(
    comparison: Comparison, metric: str, labels: Labels, tasks: tuple[Task, ...] = ()
) -> tuple[str, ...]:
    """Say which methods' gaps between groups differ from those of the baseline.

    Or that none does.
    Parameters as in ``findings``; of the gaps that ``tables.fairness_table`` shows.
    Empty with the baseline alone.
    """
    shown = [method for method in labels if method in comparison.seeds]
    against = _Against(comparison)
    gaps = comparison.gaps
    gaps = gaps[(gaps["metric"] == metric) & gaps["measure"].isin(_SHOWN_GAPS)]
    gaps = gaps[gaps["method"].isin(shown) & gaps["method"].isin(comparison.references)]
    if gaps.empty:
        return ()
    if (gaps["verdict"] == verdicts.UNTESTED).all():
        return ("There is no gap to compare: it needs two groups of enough images.",)
    certain = gaps[gaps["verdict"].isin(verdicts.CERTAIN)].to_dict("records")
    said = tuple(
        verdict_sentence(
            row,
            label=labels[row["method"]],
            level=comparison.level,
            tasks=tasks,
            elsewhere=against.where,
        )
        for row in sorted(certain, key=lambda row: shown.index(row["method"]))
    )
    what = gap_info(metric, "difference", tasks).phrase.removesuffix(" difference")
    none = f"No method's gap in {what} was found to differ from {against.gap}."
    return said or (none,)


_SHOWN_GAPS = ("difference", "fair_metric")
