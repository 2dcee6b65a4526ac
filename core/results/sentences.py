"""Sentences and notes on a comparison: the one place where verdicts are worded."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from core.evaluation import verdicts
from core.evaluation.comparison import Comparison
from core.evaluation.comparison_rows import DETECTABLE, PLANNED_SEEDS, STUDY_FAMILY
from core.evaluation.gaps import REWARDS_LEVELLING_DOWN, line_info
from core.evaluation.metrics import MetricInfo, metric_info
from core.evaluation.verdicts import SMALL_GROUP, speaks_of_model
from core.results.numbers import telling_digits, with_unit, write
from core.tasks import Task

NAMED = 6
"""Small groups that a note names."""

Tone = Literal["", "good", "bad", "same", "other", "faint"]

# One meaning, one sign: never colour alone.
SIGNS = {
    verdicts.BETTER: "▲",
    verdicts.WORSE: "▼",
    verdicts.EQUIVALENT: "≈",
    verdicts.DIFFERS: "◆",
    verdicts.INCONCLUSIVE: "○",
    verdicts.UNTESTED: "–",
    verdicts.BASELINE: "",
}
TONES: dict[str, Tone] = {
    verdicts.BETTER: "good",
    verdicts.WORSE: "bad",
    verdicts.EQUIVALENT: "same",
    verdicts.DIFFERS: "other",
    verdicts.INCONCLUSIVE: "faint",
    verdicts.UNTESTED: "faint",
    verdicts.BASELINE: "",
}
# One trained model was tested, and how its method does when trained anew is unknown.
_OF_MODEL = {
    verdicts.BETTER: "this trained model is better",
    verdicts.WORSE: "this trained model is worse",
    verdicts.EQUIVALENT: "this trained model is equivalent",
    verdicts.DIFFERS: "this trained model differs",
}


def verdict_words(row: Mapping[Any, Any] | pd.Series) -> str:
    """A verdict in words; it says whether it is about one trained model.

    ``row`` has ``verdict`` and ``scope``.
    """
    verdict = str(row["verdict"])
    return _OF_MODEL.get(verdict, verdict) if speaks_of_model(row) else verdict


def verdict_text(row: Mapping[Any, Any] | pd.Series) -> str:
    """A verdict with its sign: "▲ better", "▼ this trained model is worse".

    ``row`` has ``verdict`` and ``scope``.
    """
    return f"{SIGNS[str(row['verdict'])]} {verdict_words(row)}".strip()


def about_models(sentence: str, rows: pd.DataFrame) -> str:
    """Say of a sentence that it is about trained models, where its verdicts are.

    ``rows`` are those of ``Comparison.cells`` that it speaks of.
    """
    if "scope" not in rows or not (rows["scope"] == verdicts.MODEL).any():
        return sentence
    return f"One trained model of each method is compared here. {sentence}"


def row_info(
    row: Mapping[Any, Any] | pd.Series, tasks: tuple[Task, ...] = ()
) -> MetricInfo:
    """Name, unit and direction of the metric of a row of ``Comparison.cells``."""
    return line_info(str(row["metric"]), str(row["measure"]), tasks)


def verdict_sentence(
    row: Mapping[Any, Any] | pd.Series,
    *,
    label: str = "",
    level: float = 0.95,
    tasks: tuple[Task, ...] = (),
    elsewhere: str = "",
    against: str = "",
) -> str:
    """Say one row of a comparison in a plain sentence.

    Parameters
    ----------
    row : mapping or Series
        A row of ``Comparison.cells``: a metric of all images or of a group, or a gap.
    label : str, optional
        The method's label; its name otherwise.
    level : float
        Level of the comparison's intervals.
    tasks : tuple of Task, optional
        For labels and units.
    elsewhere : str
        Where the method's counterpart is that it is compared with, such as another
        study; empty of one baseline for all.
    against : str
        Label of the method compared with, where it is not called the baseline.

    Returns
    -------
    str
        Such as "DenseWeight's age MAE is 0.21 years lower than the baseline's (95 %
        interval 0.05 to 0.37 lower; p = 0.030): better."
    """
    info = row_info(row, tasks)
    where = f" in the group {row['group']}" if row["group"] else ""
    who = f"{possessive(label or str(row['method']))} {info.phrase}{where}"
    base = possessive(against) if against else "the baseline's"
    if math.isnan(row["mean"]):
        return f"{who} is not defined: no such image here."
    if row["verdict"] == verdicts.BASELINE:
        value = info.format(row["mean"], unit=True)
        span = f"{info.format(row['low'])} to {info.format(row['high'])}"
        return f"{who} is {value} ({percent(level)} interval {span})."
    if row["note"] == verdicts.TOO_FEW:
        n = int(row["n"])
        images = "1 image" if n == 1 else f"{n} images"
        return f"{who} rests on {images}: too few to tell."
    if row["verdict"] == verdicts.UNTESTED:
        why = f": {row['note']}" if row["note"] else ""
        whose = f"that in {elsewhere}" if elsewhere else base
        return f"{who} cannot be compared with {whose} here{why}."
    whose = f"in {elsewhere}" if elsewhere else base
    return f"{who} {_difference_text(row, info, level, whose)}"


def possessive(name: str) -> str:
    """A name as the owner of what follows: "LMF's", "INS weights'"."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def percent(level: float) -> str:
    """A level as a reader sees it: "95 %"."""
    return f"{100 * level:g} %"


def p_text(p: float) -> str:
    """A p-value for the middle of a sentence: "= 0.030", "< 0.001"."""
    if p < 0.001:
        return "< 0.001"
    return f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def _difference_text(
    row: Mapping[Any, Any] | pd.Series, info: MetricInfo, level: float, whose: str
) -> str:
    closer = ("nearer to zero", "farther from zero")
    down, up = closer if info.direction == "zero" else ("lower", "higher")
    delta, low, high = row["delta"], row["delta_low"], row["delta_high"]
    info = telling_digits(row, info)
    size = info.format(abs(delta))
    if float(size) == 0:
        said = f"is the same as {whose} to the digits shown"
    else:
        amount = f"{size} {info.difference_unit}".strip()
        said = f"is {amount} {down if delta < 0 else up} than {whose}"
    if low < 0 < high:
        span = f"{info.format(-low)} {down} to {info.format(high)} {up}"
    else:
        ends = sorted((abs(low), abs(high)))
        way = down if delta < 0 else up
        span = f"{info.format(ends[0])} to {info.format(ends[1])} {way}"
    numbers = f"({percent(level)} interval {span}; p {p_text(row['p'])})"
    return f"{said} {numbers}: {_conclusion(row, info)}."


def _conclusion(row: Mapping[Any, Any] | pd.Series, info: MetricInfo) -> str:
    verdict = str(row["verdict"])
    if verdict == verdicts.INCONCLUSIVE:
        said = "the data cannot tell"
    elif verdict == verdicts.EQUIVALENT:
        if row["delta_low"] == row["delta_high"] == 0:
            return "no difference at all"
        unit = info.difference_unit
        margin = f"{info.format(row['margin'])} {unit}".strip()
        subject = "this trained model is equivalent" * speaks_of_model(row)
        said = f"{subject or 'equivalent'}, for less than {margin} does not matter"
    else:
        said = verdict_words(row)
    return f"{said} (borderline)" if row["note"] == verdicts.BORDERLINE else said


def reading_notes(
    comparison: Comparison, keys: Iterable[str], tasks: tuple[Task, ...] = ()
) -> tuple[str, ...]:
    """Explain values, intervals and verdicts, and which differences do not matter.

    ``keys`` are the metrics that are shown, whose margins are named.
    """
    one = comparison.has_one_seed
    to = compared_with(comparison)
    value = "The value of the one seed" if one else "The mean over the seeds"
    meaning = (
        "▲ better, ▼ worse: the interval of the difference leaves out 0."
        f"{_equivalence(comparison, keys, tasks)} ○ inconclusive: the data cannot tell."
        " These intervals and p are corrected over the methods, and not over the"
        " metrics: with many metrics, some verdict may be chance."
    )
    return (
        f"{value} and its interval; then the difference to {to}, its interval"
        " and the verdict on it.",
        meaning,
    )


def compared_with(
    comparison: Comparison, labels: Mapping[str, str] | None = None
) -> str:
    """The baseline of each method in words; by its label if ``labels`` are given."""
    if comparison.counterparts is not None:
        return f"the same method in {comparison.counterparts.where}"
    return "the baseline" if labels is None else labels[comparison.baseline]


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


def comparison_notes(
    comparison: Comparison, labels: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Notes that a reader needs before trusting the verdicts.

    ``labels`` are what a reader sees for each method; its name otherwise.
    """
    interval = (
        f"Intervals are at {percent(comparison.level)} over {comparison.rows:,} test"
        " images; those of the differences hold for all methods at once, metric by"
        " metric."
    )
    anew = comparison.anew and not comparison.has_one_seed
    about = "the method, trained anew," if anew else "these models"
    notes = [
        interval,
        f"The interval of a single number is for {about} on new images.",
        *seed_notes(comparison, labels),
        *family_notes(comparison, labels),
    ]
    if comparison.by_strata:
        notes.append(
            f"The test set was drawn by {comparison.by_strata} strata, and is resampled"
            " within these."
        )
    if comparison.rows < SMALL_GROUP:
        notes.append(f"Fewer than {SMALL_GROUP} images: too few for any verdict.")
    borderline = comparison.cells["note"] == verdicts.BORDERLINE
    if borderline.any():
        count = int(borderline.sum())
        are = "verdict is" if count == 1 else "verdicts are"
        them = "it" if count == 1 else "them"
        notes.append(
            f"{count} {are} borderline: other resamples of the images might change"
            f" {them}."
        )
    return tuple(notes)


def fairness_notes(
    comparison: Comparison, labels: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """The same for a comparison within groups, with notes on groups and gaps."""
    notes = [*comparison_notes(comparison, labels), *_small_group_notes(comparison)]
    if comparison.groups["mean"].isna().any():
        notes.append(
            "A dash is undefined: there is no image that the metric could be computed"
            " of."
        )
    if (comparison.gaps["measure"] == "fair_metric").any():
        notes.append(REWARDS_LEVELLING_DOWN)
    return tuple(notes)


def _small_group_notes(comparison: Comparison) -> list[str]:
    grouping = comparison.grouping
    small = [
        f"{name} ({count})"
        for name, count in zip(grouping.names, grouping.counts, strict=True)
        if 0 < count < SMALL_GROUP
    ]
    notes = []
    if small:
        more = len(small) - NAMED
        listed = "; ".join(small[:NAMED]) + (f"; and {more} more" * (more > 0))
        notes.append(
            f"Fewer than {SMALL_GROUP} images: {listed}. No verdict is given there."
        )
    if comparison.include_small and comparison.groups["small"].any():
        notes.append(
            f"Groups on fewer than {SMALL_GROUP} images count in the gaps: one of them"
            " alone may decide a gap by chance."
        )
    elif comparison.groups["small"].any():
        notes.append(
            f"A gap leaves out the groups where its metric rests on fewer than"
            f" {SMALL_GROUP} images (of a recall, images of the class; of a precision,"
            " those predicted as it) in any run of the method."
        )
    if (comparison.gaps["groups"] < 2).any():
        notes.append("A gap needs two groups of enough images; else it is a dash.")
    return notes


def seed_notes(
    comparison: Comparison, labels: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """How the trainings enter the verdicts of methods of one seed."""
    single = [m for m, seeds in comparison.seeds.items() if len(seeds) == 1]
    if not single:
        return ()
    if comparison.has_one_seed:
        return (
            "One seed for every method: the verdicts are about these trained models."
            " How much another training would differ is unknown.",
        )
    names = _listed(single, labels)
    return (
        f"One seed for {names}: how much another training would differ is taken from"
        " the methods that have several.",
    )


def family_notes(
    comparison: Comparison, labels: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Which methods are corrected apart from the study's own."""
    others: dict[str, list[str]] = {}
    for method, family in comparison.families.items():
        if family != STUDY_FAMILY and method in comparison.references:
            others.setdefault(family, []).append(method)
    return tuple(
        f"{_listed(names, labels)}: a family of {'its' if len(names) == 1 else 'their'}"
        f" own ({family}), so that the verdicts of the study's methods stay as they"
        " are."
        for family, names in others.items()
    )


def _listed(methods: Sequence[str], labels: Mapping[str, str] | None) -> str:
    said = dict(labels or {})
    return "; ".join(said.get(method, method) for method in methods)


def detectable_text(table: pd.DataFrame, info: MetricInfo) -> str:
    """Say which difference of a metric so many seeds of each method would find.

    Takes rows of ``Comparison.cells`` on all images and gives the median over the
    methods, such as "1.6 years with 3 seeds of each method, 0.9 with 5 and 0.7 with
    10"; empty where no seed variance is known.
    """
    rows = table[table["metric"] == info.key]
    known = rows[list(DETECTABLE)].to_numpy(np.float64)
    # A copy of the baseline's answers differs by nothing, with any number of seeds.
    known = known[np.isfinite(known).all(axis=1) & (known > 0).all(axis=1)]
    if not len(known):
        return ""
    first, *more = np.median(known, axis=0)
    seeds, *others = PLANNED_SEEDS
    further = [
        f"{write(info, size)} with {number}"
        for size, number in zip(more, others, strict=True)
    ]
    said = f"{with_unit(info, first)} with {seeds} seeds of each method"
    return f"{', '.join([said, *further[:-1]])} and {further[-1]}"
