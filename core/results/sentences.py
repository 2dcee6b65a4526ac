"""Sentences and notes on a comparison: the one place where verdicts are worded."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from core.evaluation import verdicts
from core.evaluation.comparison import Comparison
from core.evaluation.comparison_rows import DETECTABLE, PLANNED_SEEDS, STUDY_FAMILY
from core.evaluation.gaps import REWARDS_LEVELLING_DOWN, line_info
from core.evaluation.metrics import MetricInfo, in_unit, metric_info
from core.evaluation.verdicts import SMALL_GROUP, speaks_of_model
from core.language import N_, gettext, in_form, ngettext
from core.results.numbers import telling_digits, with_unit, write
from core.tasks import Task
from core.text import clauses

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
# So many times what does not matter is more than methods ever differ by.
_BEYOND_MARGINS = 100.0
_OF_MODEL = {
    verdicts.BETTER: N_("this trained model is better"),
    verdicts.WORSE: N_("this trained model is worse"),
    verdicts.EQUIVALENT: N_("this trained model is equivalent"),
    verdicts.DIFFERS: N_("this trained model differs"),
}


def verdict_words(row: Mapping[Any, Any] | pd.Series) -> str:
    """A verdict in words; it says whether it is about one trained model.

    ``row`` has ``verdict`` and ``scope``.
    """
    verdict = str(row["verdict"])
    said = _OF_MODEL.get(verdict, verdict) if speaks_of_model(row) else verdict
    return gettext(said)


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
    first = gettext("One trained model of each method is compared here.")
    return f"{first} {sentence}"


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
    said = _row_sentence(
        row, info, _who(row, info, label), level, elsewhere=elsewhere, against=against
    )
    # In a language that names the metric first, it begins the sentence.
    return f"{said[:1].upper()}{said[1:]}" if said.startswith(info.phrase) else said


def _who(row: Mapping[Any, Any] | pd.Series, info: MetricInfo, label: str) -> str:
    """A method and its metric, as the subject of a sentence."""
    owner = possessive(label or str(row["method"]))
    if group := row["group"]:
        return gettext(
            "{owner} {metric} in the group {group}",
            owner=owner,
            metric=info.phrase,
            group=group,
        )
    return gettext("{owner} {metric}", owner=owner, metric=info.phrase)


def _row_sentence(
    row: Mapping[Any, Any] | pd.Series,
    info: MetricInfo,
    who: str,
    level: float,
    *,
    elsewhere: str,
    against: str,
) -> str:
    base = possessive(against or gettext("the baseline"))
    if math.isnan(row["mean"]):
        return gettext("{who} is not defined: no such image here.", who=who)
    if row["verdict"] == verdicts.BASELINE:
        return gettext(
            "{who} is {value} ({level} interval {low} to {high}).",
            who=who,
            value=info.format(row["mean"], unit=True),
            level=plain_percent(level),
            low=info.format(row["low"]),
            high=info.format(row["high"]),
        )
    if row["note"] == verdicts.TOO_FEW:
        return ngettext(
            "{who} rests on {count} image: too few to tell.",
            "{who} rests on {count} images: too few to tell.",
            row["n"],
            who=who,
        )
    if row["verdict"] == verdicts.UNTESTED:
        whose = gettext("that in {place}", place=elsewhere) if elsewhere else base
        if not row["note"]:
            return gettext(
                "{who} cannot be compared with {whose} here.", who=who, whose=whose
            )
        return gettext(
            "{who} cannot be compared with {whose} here: {why}.",
            who=who,
            whose=whose,
            why=gettext(row["note"]),
        )
    whose = gettext("in {place}", place=elsewhere) if elsewhere else base
    return _difference_text(row, info, who, whose, level)


def possessive(name: str) -> str:
    """A name as the owner of what follows: "LMF's", "INS weights'"."""
    if name.endswith("s"):
        return gettext("{name}'", name=name)
    return gettext("{name}'s", name=name)


def plain_percent(share: float) -> str:
    """A share of 1 with the digits that it has, and a plain blank: "95 %", "99.5 %"."""
    return gettext("{size} %", size=in_form(f"{100 * share:g}"))


def p_text(p: float) -> str:
    """A p-value for the middle of a sentence: "= 0.030", "< 0.001"."""
    if p < 0.001:
        return in_form("< 0.001")
    return in_form(f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}")


def _difference_text(
    row: Mapping[Any, Any] | pd.Series,
    info: MetricInfo,
    who: str,
    whose: str,
    level: float,
) -> str:
    info = telling_digits(row, info)
    delta, size = row["delta"], info.format(abs(row["delta"]))
    fields = {
        "who": who,
        "whose": whose,
        "amount": in_unit(size, info.plain_difference_unit, delta),
        "numbers": _interval_and_p(row, info, level),
        "conclusion": _conclusion(row, info),
    }
    if info.rounded(delta) == 0:
        del fields["amount"]
        return gettext(
            "{who} is the same as {whose} to the digits shown {numbers}: {conclusion}.",
            **fields,
        )
    if info.direction == "zero":
        if delta < 0:
            return gettext(
                "{who} is {amount} nearer to zero than {whose} {numbers}:"
                " {conclusion}.",
                **fields,
            )
        return gettext(
            "{who} is {amount} farther from zero than {whose} {numbers}: {conclusion}.",
            **fields,
        )
    if delta < 0:
        return gettext(
            "{who} is {amount} lower than {whose} {numbers}: {conclusion}.", **fields
        )
    return gettext(
        "{who} is {amount} higher than {whose} {numbers}: {conclusion}.", **fields
    )


_SPANS = {
    False: (
        N_("{low} to {high} lower"),
        N_("{low} lower to {high} higher"),
        N_("{low} to {high} higher"),
    ),
    True: (
        N_("{low} to {high} nearer to zero"),
        N_("{low} nearer to zero to {high} farther from zero"),
        N_("{low} to {high} farther from zero"),
    ),
}
"""An interval of a difference below 0, around it and above it; of signless sizes."""


def _interval_and_p(
    row: Mapping[Any, Any] | pd.Series, info: MetricInfo, level: float
) -> str:
    delta, low, high = row["delta"], row["delta_low"], row["delta_high"]
    below, around, above = _SPANS[info.direction == "zero"]
    if low < 0 < high:
        said, ends = around, (-low, high)
    else:
        first, last = sorted((abs(low), abs(high)))
        said, ends = below if delta < 0 else above, (first, last)
    span = gettext(said, low=info.format(ends[0]), high=info.format(ends[1]))
    return gettext(
        "({level} interval {span}; p {p})",
        level=plain_percent(level),
        span=span,
        p=p_text(row["p"]),
    )


def _conclusion(row: Mapping[Any, Any] | pd.Series, info: MetricInfo) -> str:
    verdict = str(row["verdict"])
    if verdict == verdicts.INCONCLUSIVE:
        said = gettext("the data cannot tell")
    elif verdict == verdicts.EQUIVALENT:
        if row["delta_low"] == row["delta_high"] == 0:
            return gettext("no difference at all")
        size, unit = info.format(row["margin"]), info.plain_difference_unit
        said = gettext(
            "{verdict}, for less than {margin} does not matter",
            verdict=verdict_words(row),
            margin=in_unit(size, unit, row["margin"]),
        )
    else:
        said = verdict_words(row)
    is_near = row["note"] == verdicts.BORDERLINE
    return gettext("{verdict} (borderline)", verdict=said) if is_near else said


def reading_notes(
    comparison: Comparison, keys: Iterable[str], tasks: tuple[Task, ...] = ()
) -> tuple[str, ...]:
    """Explain values, intervals and verdicts, and which differences do not matter.

    ``keys`` are the metrics that are shown, whose margins are named.
    """
    to = compared_with(comparison)
    if comparison.has_one_seed:
        value = gettext(
            "The value of the one seed and its interval; then the difference to {to},"
            " its interval and the verdict on it.",
            to=to,
        )
    else:
        value = gettext(
            "The mean over the seeds and its interval; then the difference to {to}, its"
            " interval and the verdict on it.",
            to=to,
        )
    meaning = (
        gettext("▲ better, ▼ worse: the interval of the difference leaves out 0."),
        _equivalence(comparison, keys, tasks),
        gettext("○ inconclusive: the data cannot tell."),
        gettext(
            "These intervals and p are corrected over the methods, and not over the"
            " metrics: with many metrics, some verdict may be chance."
        ),
    )
    return value, " ".join(filter(None, meaning))


def compared_with(
    comparison: Comparison, labels: Mapping[str, str] | None = None
) -> str:
    """The baseline of each method in words; by its label if ``labels`` are given."""
    if comparison.counterparts is not None:
        return gettext(
            "the same method in {place}", place=comparison.counterparts.where
        )
    return gettext("the baseline") if labels is None else labels[comparison.baseline]


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
    return gettext(
        "≈ equivalent: it lies within the margin that does not matter ({margins}).",
        margins=", ".join(margins),
    )


def comparison_notes(
    comparison: Comparison, labels: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Notes that a reader needs before trusting the verdicts.

    ``labels`` are what a reader sees for each method; its name otherwise.
    """
    interval = gettext(
        "Intervals are at {level} over {count} test images; those of the differences"
        " hold for all methods at once, metric by metric.",
        level=plain_percent(comparison.level),
        count=comparison.rows,
    )
    about = (
        gettext(
            "The interval of a single number is for the method, trained anew, on new"
            " images."
        )
        if comparison.anew and not comparison.has_one_seed
        else gettext(
            "The interval of a single number is for these models on new images."
        )
    )
    notes = [
        interval,
        about,
        *seed_notes(comparison, labels),
        *family_notes(comparison, labels),
    ]
    if comparison.by_strata:
        notes.append(
            gettext(
                "The test set was drawn by {strata} strata, and is resampled within"
                " these.",
                strata=comparison.by_strata,
            )
        )
    if comparison.rows < SMALL_GROUP:
        notes.append(
            gettext(
                "Fewer than {least} images: too few for any verdict.", least=SMALL_GROUP
            )
        )
    if near := int((comparison.cells["note"] == verdicts.BORDERLINE).sum()):
        notes.append(
            ngettext(
                "{count} verdict is borderline: other resamples of the images might"
                " change it.",
                "{count} verdicts are borderline: other resamples of the images might"
                " change them.",
                near,
            )
        )
    return tuple(notes)


def fairness_notes(
    comparison: Comparison, labels: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """The same for a comparison within groups, with notes on groups and gaps."""
    notes = [*comparison_notes(comparison, labels), *_small_group_notes(comparison)]
    if comparison.groups["mean"].isna().any():
        notes.append(
            gettext(
                "A dash is undefined: there is no image that the metric could be"
                " computed of."
            )
        )
    if (comparison.gaps["measure"] == "fair_metric").any():
        notes.append(gettext(REWARDS_LEVELLING_DOWN))
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
        listed = clauses(small[:NAMED])
        if more := len(small[NAMED:]):
            listed = gettext("{names}; and {count} more", names=listed, count=more)
        notes.append(
            gettext(
                "Fewer than {least} images: {groups}. No verdict is given there.",
                least=SMALL_GROUP,
                groups=listed,
            )
        )
    if comparison.include_small and comparison.groups["small"].any():
        notes.append(
            gettext(
                "Groups on fewer than {least} images count in the gaps: one of them"
                " alone may decide a gap by chance.",
                least=SMALL_GROUP,
            )
        )
    elif comparison.groups["small"].any():
        notes.append(
            gettext(
                "A gap leaves out the groups where its metric rests on fewer than"
                " {least} images (of a recall, images of the class; of a precision,"
                " those predicted as it) in any run of the method.",
                least=SMALL_GROUP,
            )
        )
    if (comparison.gaps["groups"] < 2).any():
        notes.append(
            gettext("A gap needs two groups of enough images; else it is a dash.")
        )
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
            gettext(
                "One seed for every method: the verdicts are about these trained"
                " models. How much another training would differ is unknown."
            ),
        )
    return (
        gettext(
            "One seed for {methods}: how much another training would differ is taken"
            " from the methods that have several.",
            methods=_listed(single, labels),
        ),
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
        ngettext(
            "{methods}: a family of its own ({family}), so that the verdicts of the"
            " study's methods stay as they are.",
            "{methods}: a family of their own ({family}), so that the verdicts of the"
            " study's methods stay as they are.",
            len(names),
            methods=_listed(names, labels),
            family=gettext(family),
        )
        for family, names in others.items()
    )


def _listed(methods: Sequence[str], labels: Mapping[str, str] | None) -> str:
    said = dict(labels or {})
    return clauses(said.get(method, method) for method in methods)


def detectable_text(table: pd.DataFrame, info: MetricInfo) -> str:
    """Say which difference of a metric so many seeds of each method would find.

    Takes rows of ``Comparison.cells`` on all images and gives the median over the
    methods, such as "1.6 years with 3 seeds of each method, 0.9 with 5 and 0.7 with
    10"; empty where no seed variance is known. While most runs are still missing,
    little is known of that variance, and a median is beyond any difference there is.
    """
    rows = table[table["metric"] == info.key]
    known = rows[list(DETECTABLE)].to_numpy(np.float64)
    # A copy of the baseline's answers differs by nothing, with any number of seeds.
    known = known[np.isfinite(known).all(axis=1) & (known > 0).all(axis=1)]
    if not len(known):
        return ""
    largest = _BEYOND_MARGINS * float(rows["margin"].iloc[0])
    sizes = [gettext("no difference")] * len(DETECTABLE)
    say: Callable[[MetricInfo, float], str] = with_unit
    for place, size in enumerate(np.median(known, axis=0)):
        if not size > largest:
            sizes[place], say = say(info, size), write
    first, second, third = sizes
    seeds, more, most = PLANNED_SEEDS
    return gettext(
        "{first} with {seeds} seeds of each method, {second} with {more} and {third}"
        " with {most}",
        first=first,
        seeds=seeds,
        second=second,
        more=more,
        third=third,
        most=most,
    )
