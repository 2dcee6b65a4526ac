"""Claims on a study's methods: proposed from the numbers, and checked against them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import pandas as pd

from core.errors import EquipoiseError, NothingToShow
from core.evaluation import verdicts
from core.evaluation.comparison import Comparison
from core.evaluation.fairness_views import (
    FairnessView,
    fairness_views,
    group_features,
)
from core.evaluation.gaps import EQUALIZED_ODDS, line_info
from core.evaluation.metrics import MetricInfo, headline_keys, split_key
from core.evaluation.verdicts import speaks_of_model
from core.language import N_, gettext
from core.results.findings import findings, gap_findings
from core.results.numbers import between
from core.results.sentences import plain_percent, possessive, row_info, verdict_sentence
from core.story.claim_reading import (
    EVERY,
    Amount,
    Measured,
    Statement,
    read_statements,
)
from core.story.claim_words import OF_ALL, Kind
from core.text import to_plain
from core.views.drawing import Drawn
from core.views.loads import load_comparison, load_metrics
from core.views.study_view import StudyView


class Status(StrEnum):
    """What the numbers say of a claim."""

    SUPPORTED = "supported"
    INCONCLUSIVE = "inconclusive"
    CONTRADICTED = "contradicted"
    NOT_CHECKED = "not checked"


_WORST_FIRST = (
    Status.CONTRADICTED,
    Status.INCONCLUSIVE,
    Status.SUPPORTED,
    Status.NOT_CHECKED,
)
# Names of views of groups begin so.
_OF_GROUPS = ("fairness", "group-map", "what-if")
_MARKS = {
    Status.SUPPORTED: N_("✓ The numbers bear this claim out."),
    Status.INCONCLUSIVE: N_("○ The numbers do not settle this claim."),
    Status.CONTRADICTED: N_("✕ The numbers contradict this claim."),
    Status.NOT_CHECKED: "",
}
NOTHING_RECOGNISED = N_(
    "No statement on the methods of this study was recognised in this claim, so it was"
    " not checked against the numbers."
)
ONE_TRAINING = N_(
    "One trained model of each method was compared: how the methods do when they are"
    " trained anew is unknown."
)


@dataclass(frozen=True)
class CheckedStatement:
    """One statement of a claim, and what the numbers say of it.

    Parameters
    ----------
    status : Status
    reason : str
        One or two whole sentences with the numbers.
    """

    status: Status
    reason: str


@dataclass(frozen=True)
class ClaimCheck:
    """What the numbers of a study say of a claim.

    Parameters
    ----------
    status : Status
        The worst of its statements': a claim is contradicted if one of them is.
    reason : str
        That of the statement that decides, or why nothing was checked.
    statements : tuple of CheckedStatement
        All that were recognised, the worst first.
    """

    status: Status
    reason: str
    statements: tuple[CheckedStatement, ...] = ()

    @property
    def mark(self) -> str:
        """What stands beside the claim: one sentence; empty where none was checked."""
        return gettext(_MARKS[self.status])

    @property
    def needs_mark(self) -> bool:
        """Whether a reader is told: it is contradicted, or the data cannot tell."""
        return self.status in (Status.CONTRADICTED, Status.INCONCLUSIVE)

    @property
    def warning(self) -> str:
        """Mark and reason where a reader must be told, as exports write them."""
        return f"{self.mark} {self.reason}" if self.needs_mark else ""


def check_claim(text: str, view: StudyView) -> ClaimCheck:
    """Check what a person claims against the comparisons of a study.

    Parameters
    ----------
    text : str
        In English or French, with the methods and metrics by name, label or usual word.
    view : StudyView
        Its seeds count, and its baseline is what a method is compared with where the
        claim names nothing else.

    Returns
    -------
    ClaimCheck
        "supported" where the verdicts say the same, "contradicted" where one says the
        opposite or a number lies outside its interval, "inconclusive" where the data
        cannot tell or speak of one trained model and the claim of the method.
    """
    checked: list[CheckedStatement] = []
    for statement in read_statements(text, view):
        try:
            checked += _check(statement, view)
        except EquipoiseError as error:
            said = to_plain(error.problem)
            checked.append(CheckedStatement(Status.NOT_CHECKED, said))
    if not checked:
        return ClaimCheck(Status.NOT_CHECKED, gettext(NOTHING_RECOGNISED))
    ranked = sorted(
        dict.fromkeys(checked), key=lambda each: _WORST_FIRST.index(each.status)
    )
    return ClaimCheck(ranked[0].status, ranked[0].reason, tuple(ranked))


def propose_claims(view: StudyView, drawn: Drawn, metric: str = "") -> tuple[str, ...]:
    """Propose claims for a slide that the numbers bear out, the certain ones first.

    Parameters
    ----------
    view : StudyView
    drawn : Drawn
        The view that the slide shows: its own claims come first.
    metric : str
        What the claims are about; by default what was drawn, else the headline metrics.

    Returns
    -------
    tuple of str
        Whole sentences with interval and verdict. Where no difference was found, one
        says so with the smallest difference that would have been.

    Raises
    ------
    EquipoiseError
        If the methods cannot be compared: without a run of the baseline, say.
    """
    said = [to_plain(claim) for claim in drawn.claims]
    for measured in _measured_of(view, drawn, metric):
        said += _proposed(view, measured)
    return tuple(dict.fromkeys(said)) or (to_plain(drawn.takeaway),)


def _measured_of(view: StudyView, drawn: Drawn, metric: str) -> tuple[Measured, ...]:
    """What a drawn view is about, as far as its parameters or its data tell."""
    key = metric or str(drawn.parameters.get("metric", ""))
    if not key and drawn.data is not None and "metric" in drawn.data:
        shown = drawn.data["metric"].astype(str).unique()
        key = shown[0] if len(shown) == 1 else ""
    task = drawn.parameters.get("task")
    known = group_features(view.tasks, tuple(view.dataset.sensitive_features))
    chosen = drawn.parameters.get("features", ())
    features = tuple(each for each in chosen if each in known)
    if key:
        return (Measured(key, "difference" if features else "", "", features),)
    if known and drawn.view.startswith(_OF_GROUPS):
        sensitive = tuple(view.dataset.sensitive_features)
        usual = fairness_views(view.study, view.tasks, sensitive)
        own = [each for each in usual if each.task == task] or list(usual[:1])
        return tuple(
            Measured(each.metric, "difference", "", features or each.features)
            for each in own
        )
    headline = headline_keys(view.tasks, view.study.headline)
    mine = [each for each in headline if split_key(each)[0] == task]
    return tuple(map(Measured, mine or headline))


def _proposed(view: StudyView, measured: Measured) -> Iterator[str]:
    comparison = _comparison(view, measured)
    shown = [m for m in view.methods if m in comparison.references]
    rows = [_row(view, comparison, method, measured) for method in shown]
    certain = [row for row in rows if row["verdict"] in verdicts.CERTAIN]
    same = [row for row in rows if row["verdict"] == verdicts.EQUIVALENT]
    for row in (*certain, *same):
        yield _sentence(row, view, comparison)
    labels = {m: view.labels[m] for m in view.methods if m in comparison.seeds}
    if measured.measure:
        if not certain:
            yield from gap_findings(comparison, measured.metric, labels, view.tasks)
    else:
        yield from findings(comparison, [measured.metric], labels, view.tasks)


def _comparison(
    view: StudyView, measured: Measured, *, reference: str = ""
) -> Comparison:
    """The comparison that a number is in; with the baseline the one of the pages."""
    if not measured.features:
        found = load_comparison(view, reference=reference)
        if measured.metric in set(found.table["metric"]):
            return found
    keys = [measured.metric]
    if (odds := f".{EQUALIZED_ODDS}") in measured.metric:
        rates = ("recall", "false_positive_rate")
        keys = [measured.metric.replace(odds, f".{rate}") for rate in rates]
    # All tasks: groups may be the bins of another one.
    return load_metrics(
        view, view.tasks, keys, reference=reference, by=measured.features
    )


def _row(
    view: StudyView, comparison: Comparison, method: str, measured: Measured
) -> pd.Series:
    """The row of a method.

    Raises
    ------
    NothingToShow
        If it has no run with the chosen seeds, or there is no such group or gap.
    """
    try:
        return comparison.row(method, *measured[:3])
    except KeyError:
        info = line_info(measured.metric, measured.measure, view.tasks)
        raise NothingToShow(
            gettext(
                "There is no {metric} of {method} with the chosen seeds.",
                metric=info.phrase,
                method=view.labels[method],
            )
        ) from None


class _Pair(NamedTuple):
    """A method beside another: the row of one of them in a comparison with the other.

    ``mirrored`` says that the row is that of the method compared with.
    """

    comparison: Comparison
    row: pd.Series
    mirrored: bool


def _check(statement: Statement, view: StudyView) -> Iterator[CheckedStatement]:
    yield from _check_said(statement, view)
    if statement.is_only:
        yield from _check_others(statement, view)


def _check_others(statement: Statement, view: StudyView) -> Iterator[CheckedStatement]:
    """Other methods of which the same holds that was said of one only."""
    named = {*statement.subjects, *statement.references}
    others = tuple(m for m in view.references if m not in named)
    same = replace(statement, subjects=others, amounts=(), is_only=False)
    for each in _check_said(same, view):
        if each.status is Status.SUPPORTED:
            said = gettext("The same holds for another method.")
            yield CheckedStatement(Status.CONTRADICTED, f"{said} {each.reason}")


def _check_said(statement: Statement, view: StudyView) -> Iterator[CheckedStatement]:
    for measured in statement.measured:
        for subject, reference in _pairs(statement, view):
            if statement.kind is Kind.VALUE:
                yield from _check_values(statement, view, measured, subject)
                continue
            by_subject = statement.kind in OF_ALL or EVERY in statement.references
            pair = _pair(view, subject, reference, measured, by_subject=by_subject)
            yield _check_pair(statement, view, measured, pair)
            yield from _check_amounts(statement, view, measured, pair)


def _pairs(statement: Statement, view: StudyView) -> Iterator[tuple[str, str]]:
    """Each method that something is said of, with what it is compared with."""
    named = statement.references
    for subject in statement.subjects:
        if subject == EVERY:
            own = [m for m in view.methods if m not in named and m in view.references]
        else:
            own = [subject]
        for method in own:
            others = [r for r in named if r not in (EVERY, method)]
            if EVERY in named or statement.kind in OF_ALL:
                others = [m for m in view.methods if m != method]
            usual = view.references.get(method, "")
            if statement.kind is Kind.VALUE:
                others = [usual]
            for other in others or filter(None, [usual]):
                yield method, other


def _pair(
    view: StudyView,
    subject: str,
    reference: str,
    measured: Measured,
    *,
    by_subject: bool,
) -> _Pair:
    """Two methods side by side, in the comparison of the pages where they are in it."""
    usual = view.references
    if usual.get(subject) == reference:
        comparison = _comparison(view, measured)
        return _Pair(comparison, _row(view, comparison, subject, measured), False)
    if usual.get(reference) == subject:
        comparison = _comparison(view, measured)
        return _Pair(comparison, _row(view, comparison, reference, measured), True)
    if by_subject:
        comparison = _comparison(view, measured, reference=subject)
        return _Pair(comparison, _row(view, comparison, reference, measured), True)
    comparison = _comparison(view, measured, reference=reference)
    return _Pair(comparison, _row(view, comparison, subject, measured), False)


_S, _I, _C = Status.SUPPORTED, Status.INCONCLUSIVE, Status.CONTRADICTED
# By what is said: what the verdicts better, worse, equivalent and inconclusive make of
# it.
_JUDGED: dict[Kind, tuple[Status, Status, Status, Status]] = {
    Kind.BETTER: (_S, _C, _C, _I),
    Kind.WORSE: (_C, _S, _C, _I),
    Kind.NOT_BETTER: (_C, _S, _S, _I),
    Kind.NOT_WORSE: (_S, _C, _S, _I),
    Kind.SAME: (_C, _C, _S, _I),
    Kind.DIFFERENT: (_S, _S, _C, _I),
    Kind.OPEN: (_C, _C, _S, _S),
    Kind.NOT_FOUND_BETTER: (_C, _S, _S, _S),
    Kind.NOT_FOUND_WORSE: (_S, _C, _S, _S),
    Kind.BEST: (_S, _C, _C, _I),
    Kind.WORST: (_C, _S, _C, _I),
}
_VERDICTS = (
    verdicts.BETTER,
    verdicts.WORSE,
    verdicts.EQUIVALENT,
    verdicts.INCONCLUSIVE,
)
_SWAPPED = {verdicts.BETTER: verdicts.WORSE, verdicts.WORSE: verdicts.BETTER}
# Said of the number itself: what it means where lower is better.
_OF_NUMBER = {
    Kind.LOWER: Kind.BETTER,
    Kind.HIGHER: Kind.WORSE,
    Kind.NOT_LOWER: Kind.NOT_BETTER,
    Kind.NOT_HIGHER: Kind.NOT_WORSE,
    Kind.NOT_FOUND_LOWER: Kind.NOT_FOUND_BETTER,
    Kind.NOT_FOUND_HIGHER: Kind.NOT_FOUND_WORSE,
    Kind.LOWEST: Kind.BEST,
    Kind.HIGHEST: Kind.WORST,
}
# These hold of a number that is certainly lower.
_DOWN = (Kind.LOWER, Kind.NOT_HIGHER, Kind.NOT_FOUND_HIGHER, Kind.LOWEST)
_OPPOSITE = {
    Kind.BETTER: Kind.WORSE,
    Kind.NOT_BETTER: Kind.NOT_WORSE,
    Kind.NOT_FOUND_BETTER: Kind.NOT_FOUND_WORSE,
    Kind.BEST: Kind.WORST,
}
_OPPOSITE |= {other: kind for kind, other in _OPPOSITE.items()}


def _meaning(kind: Kind, info: MetricInfo) -> Kind:
    """Better or worse, where a number is said to be lower or higher."""
    meant = _OF_NUMBER.get(kind, kind)
    is_turned = kind in _OF_NUMBER and info.direction == "higher"
    return _OPPOSITE[meant] if is_turned else meant


def _check_pair(
    statement: Statement, view: StudyView, measured: Measured, pair: _Pair
) -> CheckedStatement:
    row = pair.row
    info = row_info(row, view.tasks)
    said = _sentence(row, view, pair.comparison)
    if measured.measure:
        task = split_key(measured.metric)[0]
        groups = FairnessView(task, measured.features, measured.metric)
        whose = gettext(
            "The groups are those of {groups}.", groups=groups.crossing_in_words
        )
        said = f"{said} {whose}"
    status = _judge(statement.kind, row, info, mirrored=pair.mirrored)
    of_method = not statement.of_model and statement.kind not in _OF_DATA
    if status is Status.SUPPORTED and of_method and speaks_of_model(row):
        said = f"{said} {gettext(ONE_TRAINING)}"
        return CheckedStatement(Status.INCONCLUSIVE, said)
    return CheckedStatement(status, said)


# What is said of the data holds for them, whatever they speak of.
_OF_DATA = (Kind.OPEN, Kind.NOT_FOUND_BETTER, Kind.NOT_FOUND_WORSE)


def _judge(kind: Kind, row: pd.Series, info: MetricInfo, *, mirrored: bool) -> Status:
    verdict = str(row["verdict"])
    if verdict == verdicts.DIFFERS:
        return _judge_number(kind, row["delta"] * (-1 if mirrored else 1))
    verdict = _SWAPPED.get(verdict, verdict) if mirrored else verdict
    if verdict not in _VERDICTS:
        return Status.INCONCLUSIVE
    judged = _JUDGED.get(_meaning(kind, info))
    return judged[_VERDICTS.index(verdict)] if judged else Status.INCONCLUSIVE


def _judge_number(kind: Kind, delta: float) -> Status:
    """Of a metric with no better side: whether it is lower or higher, as was said."""
    if kind is Kind.DIFFERENT:
        return Status.SUPPORTED
    if kind in (Kind.SAME, Kind.OPEN):
        return Status.CONTRADICTED
    if kind not in _OF_NUMBER:
        return Status.INCONCLUSIVE
    return Status.SUPPORTED if (delta < 0) == (kind in _DOWN) else Status.CONTRADICTED


def _sentence(row: pd.Series, view: StudyView, comparison: Comparison) -> str:
    method = str(row["method"])
    pairs = comparison.counterparts
    compared = comparison.references.get(method, "")
    is_usual = compared == view.study.baseline or pairs is not None
    return verdict_sentence(
        row,
        label=view.labels[method],
        level=comparison.level,
        tasks=view.tasks,
        elsewhere="" if pairs is None else pairs.where,
        against="" if is_usual else view.labels.get(compared, ""),
    )


def _check_amounts(
    statement: Statement, view: StudyView, measured: Measured, pair: _Pair
) -> Iterator[CheckedStatement]:
    """Numbers of a comparison that lie outside the intervals."""
    info = row_info(pair.row, view.tasks)
    for amount in statement.amounts:
        value = _in_units(amount, info)
        if value is None:
            continue
        if not amount.is_difference:
            found = _wrong_value(amount, value, view, measured, pair.comparison)
        else:
            found = _wrong_difference(statement.kind, amount, value, info, pair)
            if found and amount.is_either:
                either = _wrong_value(amount, value, view, measured, pair.comparison)
                found = found if either else None
        if found:
            yield CheckedStatement(Status.CONTRADICTED, found)


def _check_values(
    statement: Statement, view: StudyView, measured: Measured, subject: str
) -> Iterator[CheckedStatement]:
    comparison = _comparison(view, measured)
    for amount in statement.amounts:
        if amount.method not in (subject, "") or subject not in comparison.seeds:
            continue
        row = _row(view, comparison, subject, measured)
        info = row_info(row, view.tasks)
        value = _in_units(amount, info)
        if value is None:
            continue
        if wrong := _wrong_value(amount, value, view, measured, comparison):
            yield CheckedStatement(Status.CONTRADICTED, wrong)
        else:
            said = _value_sentence(row, view, comparison, info)
            yield CheckedStatement(Status.SUPPORTED, said)


def _in_units(amount: Amount, info: MetricInfo) -> tuple[float, float] | None:
    """Ends of a number, as it was rounded, as the tables hold it; None if unlike it."""
    is_per_cent = info.unit == "%"
    in_unit = bool(info.unit) and not is_per_cent
    if amount.unit == "own":
        scale = 1.0 if in_unit else None
    elif amount.unit == "points":
        scale = None if in_unit else 0.01
    elif amount.unit == "%":
        # Of a difference nobody knows whether points or shares of it are meant.
        scale = None if in_unit or amount.is_difference else 0.01
    elif amount.places == 0:
        scale = None
    elif is_per_cent:
        scale = 0.01
    else:
        scale = 1.0 if in_unit or abs(amount.value) <= 1 else None
    if scale is None:
        return None
    half = 0.5 * 10.0**-amount.places
    return (amount.value - half) * scale, (amount.value + half) * scale


def _wrong_difference(
    kind: Kind,
    amount: Amount,
    value: tuple[float, float],
    info: MetricInfo,
    pair: _Pair,
) -> str | None:
    row = pair.row
    ends = float(row["delta_low"]), float(row["delta_high"])
    if not all(map(math.isfinite, ends)) or info.direction == "none":
        return None
    meant = _meaning(kind, info)
    if meant not in (Kind.BETTER, Kind.WORSE):
        return None
    if amount.value < 0:
        value = -value[1], -value[0]
    is_up = (meant is Kind.BETTER) == (info.direction == "higher")
    low, high = value if is_up != pair.mirrored else (-value[1], -value[0])
    if low <= ends[1] and high >= ends[0]:
        return None
    level = plain_percent(pair.comparison.level)
    span = f"{between(info, *ends, signed=True)} {info.difference_unit}".strip()
    return gettext(
        "The claim says {amount}, but the {level} interval of the difference in"
        " {metric} is {span}.",
        amount=amount.text,
        level=level,
        metric=info.phrase,
        span=span,
    )


def _wrong_value(
    amount: Amount,
    value: tuple[float, float],
    view: StudyView,
    measured: Measured,
    comparison: Comparison,
) -> str | None:
    if amount.method not in comparison.seeds:
        return None
    row = _row(view, comparison, amount.method, measured)
    low, high = float(row["low"]), float(row["high"])
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    if value[0] <= high and value[1] >= low:
        return None
    said = gettext(
        "The claim says {amount}, which the interval leaves out.", amount=amount.text
    )
    value_said = _value_sentence(row, view, comparison, row_info(row, view.tasks))
    return f"{said} {value_said}"


def _value_sentence(
    row: pd.Series, view: StudyView, comparison: Comparison, info: MetricInfo
) -> str:
    return gettext(
        "{whose} {metric} is {value} ({level} interval {low} to {high}).",
        whose=possessive(view.labels[str(row["method"])]),
        metric=info.phrase,
        value=info.format(row["mean"], unit=True),
        level=plain_percent(comparison.level),
        low=info.format(row["low"]),
        high=info.format(row["high"]),
    )
