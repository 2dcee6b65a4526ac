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
from core.language import gettext, ngettext
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
            parts = " ".join(_sentences(rows, infos[0], labels, against))
            metric = f"{what[:1].upper()}{what[1:]}"
            if family == STUDY_FAMILY:
                line = gettext("{metric}: {findings}", metric=metric, findings=parts)
            else:
                line = gettext(
                    "{metric} ({family}): {findings}",
                    metric=metric,
                    family=gettext(family),
                    findings=parts,
                )
            said.append(line)
    return tuple(said)


class _Against:
    """The method or methods compared with, in the words of a sentence."""

    def __init__(self, comparison: Comparison) -> None:
        pairs = comparison.counterparts
        self.where = "" if pairs is None else pairs.where

    def subject(self, number: int, *, of_model: bool) -> str:
        """The baseline of so many methods or trained models, in words."""
        if not self.where:
            return gettext("the baseline's") if of_model else gettext("the baseline")
        return ngettext(
            "its counterpart in {place}",
            "their counterparts in {place}",
            number,
            place=self.where,
        )

    @property
    def gap(self) -> str:
        """The baseline whose gap a gap is compared with."""
        if self.where:
            return gettext("that in {place}", place=self.where)
        return gettext("the baseline's")


def _sentences(
    rows: Rows, info: MetricInfo, labels: Labels, against: _Against
) -> Iterator[str]:
    for verdict in (*verdicts.CERTAIN, verdicts.EQUIVALENT):
        for of_model in (False, True):
            own = [
                row
                for row in rows
                if row["verdict"] == verdict and speaks_of_model(row) == of_model
            ]
            if own:
                base = against.subject(len(own), of_model=of_model)
                yield _certain(own, info, _names(own, labels), base)
    unsure = [row for row in rows if row["verdict"] == verdicts.INCONCLUSIVE]
    if unsure:
        yield _open(unsure, len(rows), info, labels, against)
    untested = [row for row in rows if row["verdict"] == verdicts.UNTESTED]
    if untested:
        names = _names(untested, labels)
        yield gettext("There is no verdict on {methods}.", methods=names)


def _certain(rows: Rows, info: MetricInfo, methods: str, base: str) -> str:
    """Say of methods of one verdict how they differ from their baseline.

    Where their models are all that was tested, it is said of these.
    """
    n, verdict = len(rows), rows[0]["verdict"]
    of_model = speaks_of_model(rows[0])
    if verdict == verdicts.EQUIVALENT:
        return _equivalent(rows, info, methods, base)
    fields = {
        "methods": methods,
        "base": base,
        "amount": _amount([abs(row["delta"]) for row in rows], info),
    }
    if verdict == verdicts.BETTER:
        if of_model:
            return ngettext(
                "The trained model of {methods} is better than {base}, by {amount}.",
                "The trained models of {methods} are better than {base}, by {amount}.",
                n,
                **fields,
            )
        return ngettext(
            "{methods} is better than {base}, by {amount}.",
            "{methods} are better than {base}, by {amount}.",
            n,
            **fields,
        )
    if verdict == verdicts.WORSE:
        if of_model:
            return ngettext(
                "The trained model of {methods} is worse than {base}, by {amount}.",
                "The trained models of {methods} are worse than {base}, by {amount}.",
                n,
                **fields,
            )
        return ngettext(
            "{methods} is worse than {base}, by {amount}.",
            "{methods} are worse than {base}, by {amount}.",
            n,
            **fields,
        )
    if of_model:
        return ngettext(
            "The trained model of {methods} is different from {base}, by {amount}.",
            "The trained models of {methods} are different from {base}, by {amount}.",
            n,
            **fields,
        )
    return ngettext(
        "{methods} is different from {base}, by {amount}.",
        "{methods} are different from {base}, by {amount}.",
        n,
        **fields,
    )


def _equivalent(rows: Rows, info: MetricInfo, methods: str, base: str) -> str:
    n, margin = len(rows), rows[0]["margin"]
    if speaks_of_model(rows[0]):
        said = ngettext(
            "The trained model of {methods} is equivalent to {base}",
            "The trained models of {methods} are equivalent to {base}",
            n,
            methods=methods,
            base=base,
        )
    else:
        said = ngettext(
            "{methods} is equivalent to {base}",
            "{methods} are equivalent to {base}",
            n,
            methods=methods,
            base=base,
        )
    if math.isnan(margin):
        return gettext("{equivalent}: there is no difference.", equivalent=said)
    return gettext(
        "{equivalent}: less than {margin} does not matter.",
        equivalent=said,
        margin=_amount([margin], info),
    )


def _amount(sizes: Sequence[float], info: MetricInfo) -> str:
    """A size with its unit, or the range of several."""
    low, high = write(info, min(sizes)), with_unit(info, max(sizes))
    if low == write(info, max(sizes)):
        return high
    return gettext("{low} to {high}", low=low, high=high)


def _open(
    rows: Rows, compared: int, info: MetricInfo, labels: Labels, against: _Against
) -> str:
    """How many showed no difference, and what would settle it."""
    base = against.subject(len(rows), of_model=speaks_of_model(rows[0]))
    who = _unsure(rows, compared, labels)
    found = [row["smallest_detectable"] for row in rows]
    found = [size for size in found if math.isfinite(size)]
    if not found:
        return gettext(
            "No difference from {base} was detected for {who}.", base=base, who=who
        )
    remedy = _settled_by([row["seeds_needed"] for row in rows])
    if not remedy:
        return gettext(
            "No difference from {base} was detected for {who}: the smallest difference"
            " found with 80 % power is {amount}.",
            base=base,
            who=who,
            amount=_amount(found, info),
        )
    return gettext(
        "No difference from {base} was detected for {who}: the smallest difference"
        " found with 80 % power is {amount}; what was observed would be settled by"
        " {remedy}.",
        base=base,
        who=who,
        amount=_amount(found, info),
        remedy=remedy,
    )


def _unsure(rows: Rows, compared: int, labels: Labels) -> str:
    """The methods that showed no difference, or how many of them there are."""
    of_model, part = speaks_of_model(rows[0]), len(rows)
    if part == 1:
        method = _names(rows, labels)
        if of_model:
            return gettext("the trained model of {method}", method=method)
        return method
    if part < compared:
        if of_model:
            return gettext(
                "{part} of {whole} trained models", part=part, whole=compared
            )
        return gettext("{part} of {whole} methods", part=part, whole=compared)
    if of_model:
        return gettext("any of the {whole} trained models", whole=compared)
    return gettext("any of the {whole} methods", whole=compared)


def _settled_by(needed: Sequence[float]) -> str:
    """The seeds, or only more images, that would settle the differences observed."""
    seeds = sorted(int(n) for n in needed if math.isfinite(n))
    images = sum(math.isinf(n) for n in needed)
    if not seeds and not images:
        return ""
    is_all = len(seeds) + images == len(needed)
    if not seeds:
        if is_all:
            return gettext("more images alone")
        return gettext("more images alone for {count}", count=images)
    ends = str(seeds[0])
    if seeds[0] != seeds[-1]:
        ends = gettext("{low} to {high}", low=ends, high=str(seeds[-1]))
    if images:
        return gettext(
            "{seeds} seeds of each method for {part} and by more images alone for"
            " {rest}",
            seeds=ends,
            part=len(seeds),
            rest=images,
        )
    if is_all:
        return gettext("{seeds} seeds of each method", seeds=ends)
    return gettext(
        "{seeds} seeds of each method for {count}", seeds=ends, count=len(seeds)
    )


def _names(rows: Rows, labels: Labels) -> str:
    return listed([labels[str(row["method"])] for row in rows])


def listed(names: Sequence[str]) -> str:
    """As ``text.listed``, with semicolons where a name has a comma or an "and"."""
    if len(names) > 1 and any("," in name or " and " in name for name in names):
        return gettext(
            "{names}; and {last_name}",
            names=text.clauses(names[:-1]),
            last_name=names[-1],
        )
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
        return (
            gettext(
                "There is no gap to compare: it needs two groups of enough images."
            ),
        )
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
    none = gettext(
        "No method's gap in {gap} was found to differ from {whose}.",
        gap=what,
        whose=against.gap,
    )
    return said or (none,)


_SHOWN_GAPS = ("difference", "fair_metric")
