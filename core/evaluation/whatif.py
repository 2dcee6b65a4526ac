"""What-if: other thresholds on the scores of one class, and what they would change.

Scores are counted once, by group, truth and threshold. Every rate at every threshold
then follows from the counts, exactly at the thresholds of the grid, without looking at
an image again. Thresholds are chosen on validation: ``choose`` refuses the test split;
``ScoreCounts.at`` shows on any split what a choice does there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from core.data.manifest import TEST
from core.errors import EquipoiseError
from core.evaluation.alignment import AlignedPredictions, align_predictions
from core.evaluation.formulas import class_rate, ratio
from core.evaluation.gaps import FAIR_PENALTY
from core.evaluation.grouping import Grouping, group_images
from core.evaluation.metrics import CLASS_RATES
from core.evaluation.resampling import BLOCK, Doubles, Flags, Floats, Integers
from core.evaluation.verdicts import SMALL_GROUP
from core.language import gettext, in_form
from core.tasks import Classification, Regression, Task

Constraint = Literal[
    "none", "demographic_parity", "equal_opportunity", "equalized_odds"
]
CONSTRAINTS: dict[Constraint, tuple[str, ...]] = {
    "none": (),
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("recall",),
    "equalized_odds": ("recall", "false_positive_rate"),
}
"""Rates whose largest difference between groups each constraint keeps small."""
STEPS = 1_000
"""Steps of the grid: thresholds are 0, 1 / STEPS, ..., 1."""
MAX_LEVELS = 400
"""Levels of each rate that the search for equalized odds tries."""


@dataclass(frozen=True)
class ScoreCounts:
    """How many images score at least each threshold, by group and truth.

    Parameters
    ----------
    task : str
    positive : str
        The class that is decided on, against the rest.
    split : str
        Split of the images, empty where the tables do not say.
    grouping : Grouping
    thresholds : float64 array, shape (STEPS + 1,)
        An image is taken for positive if its score is at least the threshold.
    at_least : dict of float64 arrays, shape (groups, 2, STEPS + 1)
        By method: images of the negative and of the positive truth that reach each
        threshold, as a mean over the seeds. Groups without an image have zeros.
    seeds : dict of int
        How many seeds of each method.
    without : tuple of str
        Methods that have no probabilities, and are left out.
    """

    task: str
    positive: str
    split: str
    grouping: Grouping
    thresholds: Doubles
    at_least: dict[str, Doubles]
    seeds: dict[str, int]
    without: tuple[str, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods with probabilities, in the order given."""
        return tuple(self.at_least)

    @cached_property
    def support(self) -> Doubles:
        """Images of negative and positive truth, shape (groups, 2)."""
        first = next(iter(self.at_least.values()))
        return np.asarray(first[:, :, 0])

    def place(self, threshold: float) -> int:
        """Place on the grid of the threshold nearest to one.

        Raises
        ------
        EquipoiseError
            If it is outside 0..1.
        """
        if not 0 <= threshold <= 1:
            raise EquipoiseError(
                gettext("The threshold is {threshold}.", threshold=str(threshold)),
                expected=gettext("a number from 0 to 1."),
            )
        return round(threshold * STEPS)

    def at(
        self,
        method: str,
        thresholds: float | Mapping[str, float],
        *,
        include_small: bool = False,
    ) -> "Outcome":
        """The rates of one common threshold, or of one threshold for each group.

        It is taken to the nearest of the grid. Groups in which a rate rests on fewer
        than ``SMALL_GROUP`` images count in its gap only with ``include_small``.

        Raises
        ------
        EquipoiseError
            If the method has no probabilities, a group has no threshold, or one is
            outside 0..1.
        """
        names = self.grouping.names
        if isinstance(thresholds, Mapping):
            missing = [name for name in names if name not in thresholds]
            if missing:
                raise EquipoiseError(
                    gettext(
                        "There is no threshold for {groups}.", groups=", ".join(missing)
                    ),
                    expected=gettext("one for each group."),
                )
            places = np.array([self.place(thresholds[name]) for name in names])
        else:
            places = np.full(len(names), self.place(thresholds))
        reached = self.reached(method)[np.arange(len(names)), :, places]
        rates = _rates(reached[..., None], self.support)
        return Outcome(
            method=method,
            names=names,
            thresholds=self.thresholds[places],
            rates={name: values[:, 0] for name, values in rates.within.items()},
            overall={name: float(values[0]) for name, values in rates.overall.items()},
            gaps={
                name: float(values[0])
                for name, values in _gaps(rates, include_small).items()
            },
            n=self.support.sum(axis=1),
        )

    def curve(self, method: str, *, include_small: bool = False) -> pd.DataFrame:
        """Quality and gaps at every common threshold, one row a threshold of the grid.

        Columns ``threshold``, of all images ``accuracy`` and ``metrics.CLASS_RATES``,
        and the gaps of ``Outcome``.
        """
        rates = _rates(self.reached(method), self.support)
        columns = {"threshold": self.thresholds, **rates.overall}
        return pd.DataFrame(columns | _gaps(rates, include_small))

    def reached(self, method: str) -> Doubles:
        """The method's part of ``at_least``.

        Raises
        ------
        EquipoiseError
            If it has no probabilities.
        """
        if method not in self.at_least:
            raise EquipoiseError(
                gettext(
                    "'{method}' has no probabilities of '{label}'.",
                    method=method,
                    label=self.positive,
                ),
                expected=gettext(
                    "one of {names}.",
                    names=", ".join(self.methods) or gettext("(none)"),
                ),
                remedy=gettext("choose another method, or import its probabilities."),
            )
        return self.at_least[method]


@dataclass(frozen=True)
class Outcome:
    """The rates that thresholds give.

    Parameters
    ----------
    method : str
    names : tuple of str
        Groups.
    thresholds : float64 array, shape (groups,)
    rates : dict of float64 arrays, shape (groups,)
        ``accuracy`` and ``metrics.CLASS_RATES`` of each group, NaN where one is not
        defined; over the seeds the mean, of precision and F1 that of pooled counts.
    overall : dict of float
        The same of all images.
    gaps : dict of float
        ``<rate>_difference`` and ``<rate>_ratio`` of every rate,
        ``demographic_parity_...``, ``equal_opportunity_...`` and
        ``equalized_odds_...``, and ``fair_metric``; NaN with fewer than two groups.
    n : float64 array, shape (groups,)
        Images.
    """

    method: str
    names: tuple[str, ...]
    thresholds: Doubles
    rates: dict[str, Doubles]
    overall: dict[str, float]
    gaps: dict[str, float]
    n: Doubles

    @property
    def groups(self) -> pd.DataFrame:
        """One row a group: ``group``, ``n``, ``threshold`` and its rates."""
        head = {"group": self.names, "n": self.n, "threshold": self.thresholds}
        return pd.DataFrame({**head, **self.rates})


@dataclass(frozen=True)
class Choice:
    """Thresholds that were chosen on validation.

    Parameters
    ----------
    method : str
    constraint : {"none", "demographic_parity", "equal_opportunity", "equalized_odds"}
    most : float
        Largest difference between the groups that was allowed.
    thresholds : dict of float
        By group; equal for all where the threshold is common.
    accuracy, gap : float
        On validation; the gap is that of the constraint, NaN for ``"none"``.
    common : bool
        Whether all groups share the threshold.
    unconstrained : tuple of str
        Groups too small on validation for the constraint to hold them to anything: with
        thresholds of their own, they have ``fallback``.
    fallback : float
        The best common threshold without a constraint.
    """

    method: str
    constraint: Constraint
    most: float
    thresholds: dict[str, float]
    accuracy: float
    gap: float
    common: bool
    unconstrained: tuple[str, ...]
    fallback: float

    def on(self, counts: ScoreCounts, *, include_small: bool = False) -> Outcome:
        """The rates of the choice on another split; unseen groups use ``fallback``."""
        thresholds = {
            name: self.thresholds.get(name, self.fallback)
            for name in counts.grouping.names
        }
        return counts.at(self.method, thresholds, include_small=include_small)


def count_scores(
    tables: Mapping[tuple[str, int], pd.DataFrame],
    tasks: Sequence[Task],
    baseline: str,
    *,
    task: str,
    features: Sequence[str],
    positive: str = "",
    aligned: AlignedPredictions | None = None,
) -> ScoreCounts:
    """Count the scores of every method once, for all thresholds.

    Parameters
    ----------
    tables : mapping of (method, seed) to DataFrame
        Predictions of one split, with probabilities; all of the same images.
    tasks : sequence of Task
    baseline : str
        A method; the groups are those of its first table.
    task : str
        Name of a task with classes.
    features, aligned
        As in ``comparison.compare_runs``.
    positive : str, optional
        The class that is decided on; by default the positive one of two.

    Raises
    ------
    EquipoiseError
        If the task has no such class, no method has probabilities, or the tables do not
        match.
    """
    own = _classified(tasks, task, positive)
    positive = positive or own.classes[1]
    aligned = aligned or align_predictions(tables, [own], baseline)
    reference = next(run for run in aligned.runs if run[0] == baseline)
    table = tables[reference]
    grouping = group_images(table, tasks, features)
    label = own.classes.index(positive)
    truth = aligned.truth[own.name].astype(np.int64) == label
    cells = grouping.codes * 2 + truth
    counts: dict[str, Doubles] = {}
    for method in aligned.methods:
        given = aligned.probabilities_of(own.name, method)
        if given is not None:
            groups = len(grouping.levels)
            parts = [_reaching(values[:, label], cells, groups) for values in given]
            counts[method] = np.mean(parts, axis=0)
    if not counts:
        columns = f"{own.name}_p_<class>"
        raise EquipoiseError(
            gettext(
                "No method has probabilities of '{label}', so there is no threshold to"
                " move.",
                label=positive,
            ),
            expected=gettext("predictions with columns {columns}.", columns=columns),
            remedy=gettext("import predictions with probabilities."),
        )
    splits = table["split"].unique() if "split" in table else []
    return ScoreCounts(
        task=own.name,
        positive=positive,
        split=str(splits[0]) if len(splits) == 1 else "",
        grouping=grouping,
        thresholds=_grid(),
        at_least=counts,
        seeds={method: len(aligned.seeds_of(method)) for method in counts},
        without=tuple(m for m in aligned.methods if m not in counts),
    )


def _classified(tasks: Sequence[Task], name: str, positive: str) -> Classification:
    for task in tasks:
        if task.name != name or isinstance(task, Regression):
            continue
        if positive in task.classes or (not positive and task.kind == "binary"):
            return task
        raise EquipoiseError(
            gettext(
                "The task '{task}' has no class '{label}' to decide on.",
                task=name,
                label=positive,
            ),
            expected=gettext("one of {names}.", names=", ".join(task.classes)),
            remedy=gettext("choose the class that is set against the rest."),
        )
    named = [task.name for task in tasks if not isinstance(task, Regression)]
    raise EquipoiseError(
        gettext("There is no task '{task}' with classes.", task=name),
        expected=gettext(
            "one of {names}.",
            names=", ".join(named) or gettext("(none in this study)"),
        ),
    )


def _grid() -> Doubles:
    return np.arange(STEPS + 1) / STEPS


def _reaching(scores: Floats, cells: Integers, groups: int) -> Doubles:
    """Images of each cell that reach each threshold, shape (groups, 2, STEPS + 1)."""
    grid = _grid()
    wide = scores.astype(np.float64)
    place = np.clip((wide * STEPS).astype(np.int64), 0, STEPS)
    # The product is rounded: a score may stand one step beside its place.
    place -= wide < grid[place]
    place += wide >= np.append(grid, np.inf)[place + 1]
    codes = cells * (STEPS + 2) + place + 1  # 0 is below every threshold
    counts = np.bincount(codes, minlength=2 * groups * (STEPS + 2))
    table = counts.reshape(groups, 2, STEPS + 2)[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
    return np.asarray(table[:, :, 1:], np.float64)


@dataclass(frozen=True)
class _Rates:
    """Rates of groups and of all images at several thresholds.

    ``within`` has shape (groups, thresholds), ``rests`` too: images that a rate rests
    on; ``overall`` (thresholds,).
    """

    within: dict[str, Doubles]
    rests: dict[str, Doubles]
    overall: dict[str, Doubles]


def _rates(reached: Floats, support: Floats) -> _Rates:
    """Rates from the images that reach thresholds, shape (groups, 2, thresholds)."""
    within = _rates_of(reached, support[..., None])
    overall = _rates_of(reached.sum(axis=0), support.sum(axis=0)[:, None])
    shape = within["accuracy"].shape
    negative, positive = (support[:, [side]] for side in (0, 1))
    rests = {
        "precision": reached.sum(axis=1),
        "recall": positive,
        "f1": positive,
        "false_negative_rate": positive,
        "false_positive_rate": negative,
    }
    return _Rates(
        within,
        {
            name: np.broadcast_to(rests.get(name, negative + positive), shape)
            for name in within
        },
        overall,
    )


def _rates_of(reached: Floats, support: Floats) -> dict[str, Doubles]:
    negative, positive = support[..., 0, :], support[..., 1, :]
    hits, predicted = reached[..., 1, :], reached.sum(axis=-2)
    total = negative + positive
    right = hits + negative - reached[..., 0, :]
    rates = {"accuracy": ratio(right, total)}
    for name in CLASS_RATES:
        rates[name] = class_rate(name, total, positive, hits, predicted)
    return {name: np.asarray(values, np.float64) for name, values in rates.items()}


_PARITIES = {"demographic_parity": "selection_rate", "equal_opportunity": "recall"}


def _gaps(rates: _Rates, include_small: bool) -> dict[str, Doubles]:
    """Every gap at each threshold, shape (thresholds,)."""
    gaps = {}
    least = 1 if include_small else SMALL_GROUP
    for name, values in rates.within.items():
        counted = np.isfinite(values) & (rates.rests[name] >= least)
        high = np.where(counted, values, -np.inf).max(axis=0)
        low = np.where(counted, values, np.inf).min(axis=0)
        known = counted.sum(axis=0) >= 2
        difference = np.subtract(high, low, where=known, out=np.full(len(high), np.nan))
        gaps[f"{name}_difference"] = difference
        gaps[f"{name}_ratio"] = np.where(known, ratio(low, high), np.nan)
        if name == "accuracy":
            mean = ratio(np.where(counted, values, 0).sum(axis=0), counted.sum(axis=0))
            gaps["fair_metric"] = mean - FAIR_PENALTY * difference
    for parity, name in _PARITIES.items():
        for measure in ("difference", "ratio"):
            gaps[f"{parity}_{measure}"] = gaps[f"{name}_{measure}"]
    for measure, pick in (("difference", np.fmax), ("ratio", np.fmin)):
        names = CONSTRAINTS["equalized_odds"]
        first, second = (gaps[f"{name}_{measure}"] for name in names)
        gaps[f"equalized_odds_{measure}"] = pick(first, second)
    return gaps


def choose(
    validation: ScoreCounts,
    method: str,
    constraint: Constraint,
    *,
    most: float = 0.05,
    common: bool = False,
) -> Choice:
    """Find the thresholds of best accuracy whose groups differ by little.

    Parameters
    ----------
    validation : ScoreCounts
        Of the validation split.
    method : str
    constraint : {"none", "demographic_parity", "equal_opportunity", "equalized_odds"}
        Which rates may differ by at most ``most`` between any two groups.
    most : float, in [0, 1]
    common : bool
        One threshold for all groups, or one for each.

    Returns
    -------
    Choice

    Raises
    ------
    EquipoiseError
        If the counts are of the test split, the constraint does not exist, ``most`` is
        outside 0..1, or no threshold meets the constraint.

    Notes
    -----
    Accuracy is that of all images. A common threshold is found by trying all of the
    grid. One for each group: the groups meet the constraint if their rates lie in one
    window of width ``most``. A rate only falls with the threshold, so that a window
    leaves each group a run of thresholds, of which its best is taken. All windows that
    begin at a rate of some group are tried, which is the exact optimum on the grid; for
    equalized odds windows of both rates are paired, each beginning at one of at most
    ``MAX_LEVELS`` levels: exact up to that many different rates, and beyond within the
    constraint but perhaps not the very best. If accuracies are equal, the thresholds
    nearest to 0.5 are taken. Small groups: see ``Choice.unconstrained``.
    """
    if validation.split == TEST:
        raise EquipoiseError(
            gettext("A threshold must not be chosen on the test split."),
            expected=gettext("predictions of the validation split."),
            remedy=gettext("choose on validation, then show the result on test."),
        )
    if constraint not in CONSTRAINTS:
        raise EquipoiseError(
            gettext("There is no constraint '{name}'.", name=constraint),
            expected=gettext("one of {names}.", names=", ".join(CONSTRAINTS)),
        )
    if not 0 <= most <= 1:
        raise EquipoiseError(
            gettext("The largest difference allowed is {most}.", most=str(most)),
            expected=gettext("a number from 0 to 1."),
        )
    search = _Search(validation, method, CONSTRAINTS[constraint], most)
    places = search.common() if common else search.by_group()
    if places is None:
        raise EquipoiseError(
            gettext(
                "No common threshold keeps the groups within {most} of each other.",
                most=in_form(str(most)),
            )
            if common
            else gettext(
                "No threshold keeps the groups within {most} of each other.",
                most=in_form(str(most)),
            ),
            remedy=gettext("allow a larger difference, or a threshold for each group."),
        )
    thresholds = dict(
        zip(validation.grouping.names, validation.thresholds[places], strict=True)
    )
    names = validation.grouping.names
    return Choice(
        method=method,
        constraint=constraint,
        most=most,
        thresholds={name: float(value) for name, value in thresholds.items()},
        accuracy=validation.at(method, thresholds).overall["accuracy"],
        gap=search.gap(places),
        common=common,
        unconstrained=tuple(names[g] for g in np.flatnonzero(~search.held)),
        fallback=float(validation.thresholds[search.best_common()]),
    )


@dataclass(frozen=True)
class _Search:
    """The search for the thresholds of one constraint."""

    counts: ScoreCounts
    method: str
    constrained: tuple[str, ...]
    most: float

    @cached_property
    def rates(self) -> _Rates:
        return _rates(self.counts.reached(self.method), self.counts.support)

    @cached_property
    def held(self) -> Flags:
        """Groups large enough for a threshold of their own, and for the constraint."""
        names = ("accuracy", *self.constrained)
        rests = np.stack([self.rates.rests[name][:, 0] for name in names])
        return np.asarray((rests >= SMALL_GROUP).all(axis=0))

    @cached_property
    def merit(self) -> Doubles:
        """Images decided rightly, and less than one image for being near to 0.5."""
        reached, support = self.counts.reached(self.method), self.counts.support
        right = reached[:, 1] + support[:, [0]] - reached[:, 0]
        groups, steps = right.shape
        near = 1 - np.abs(np.arange(steps) - STEPS / 2) / STEPS
        # A mean over seeds is a multiple of 1 / seeds.
        smallest = 0.5 / max(self.counts.seeds[self.method], 1) / groups
        return np.asarray(right + near * smallest)

    @cached_property
    def bounded(self) -> list[Doubles]:
        """Rates of the constraint in the constrained groups, (groups, thresholds)."""
        return [self.rates.within[name][self.held] for name in self.constrained]

    def gap(self, places: Integers) -> float:
        """Largest difference that the constraint looks at; NaN if there is none."""
        own = places[self.held]
        values = [rates[np.arange(len(own)), own] for rates in self.bounded]
        return max((float(np.ptp(v)) for v in values if len(v) > 1), default=np.nan)

    def best_common(self) -> int:
        """Best common threshold without any constraint."""
        return int(self.merit.sum(axis=0).argmax())

    def common(self) -> Integers | None:
        groups, steps = self.merit.shape
        allowed = np.ones(steps, bool)
        if self.held.sum() > 1:
            for rates in self.bounded:
                allowed &= np.ptp(rates, axis=0) <= self.most + _ROUNDING
        if not allowed.any():
            return None
        merit = np.where(allowed, self.merit.sum(axis=0), -np.inf)
        return np.full(groups, merit.argmax())

    def by_group(self) -> Integers | None:
        groups = len(self.merit)
        places = np.full(groups, self.best_common())
        if not self.bounded or not self.held.any():
            places[self.held] = self.merit[self.held].argmax(axis=1)
            return places
        merit = _RangeMaximum(self.merit[self.held])
        best, chosen = -np.inf, None
        for first, last in self._windows():
            possible = (first <= last).all(axis=0)
            if not possible.any():
                continue
            found = merit.places(first[:, possible], last[:, possible])
            totals = np.take_along_axis(merit.values, found, axis=1).sum(axis=0)
            if totals.max() > best:
                best, chosen = totals.max(), found[:, totals.argmax()]
        if chosen is None:
            return None
        places[self.held] = chosen
        return places

    def _windows(self) -> Iterator[tuple[Integers, Integers]]:
        """First and last threshold of each group in each window, some at a time."""
        runs: list[tuple[Integers, Integers]] = []
        for rates in self.bounded:
            levels = self._levels(rates)
            runs.append(_runs_within(rates, levels, levels + self.most))
        groups, size = runs[0][0].shape
        if len(runs) == 1:
            whole = np.zeros((groups, 1), np.int64)
            runs.append((whole, whole + STEPS))
        (first, last), (begin, end) = runs
        step = max(1, BLOCK // begin.size)
        for start in range(0, size, step):
            part = slice(start, start + step)
            # Every window of the one rate with every window of the other.
            low = np.maximum(first[:, part, None], begin[:, None])
            high = np.minimum(last[:, part, None], end[:, None])
            yield low.reshape(groups, -1), high.reshape(groups, -1)

    def _levels(self, rates: Doubles) -> Doubles:
        """Rates at which windows begin: all, or some if there are too many."""
        levels = np.unique(rates)
        if len(self.bounded) > 1 and len(levels) > MAX_LEVELS:
            chosen = np.linspace(0, len(levels) - 1, MAX_LEVELS).round().astype(int)
            levels = levels[chosen]
        return levels


_ROUNDING = 1e-12


def _runs_within(
    rates: Doubles, low: Doubles, high: Doubles
) -> tuple[Integers, Integers]:
    """First and last threshold at which each group's falling rate is in each window."""
    steps = rates.shape[1]
    first = [np.searchsorted(-own, -(high + _ROUNDING), side="left") for own in rates]
    last = [np.searchsorted(-own, -(low - _ROUNDING), side="right") for own in rates]
    return np.minimum(np.stack(first), steps), np.stack(last) - 1


class _RangeMaximum:
    """Finds the place of the largest value of a row between two places.

    A sparse table: the best place of every run of 2^k values (Bender and Farach-Colton,
    LATIN 2000); any run is covered by two of them.
    """

    def __init__(self, values: Doubles) -> None:
        self.values = values
        rows, size = values.shape
        best = np.broadcast_to(np.arange(size), (rows, size))
        self._table = [best]
        width = 1
        while 2 * width <= size:
            best = self._better(best[:, :-width], best[:, width:])
            self._table.append(best)
            width *= 2

    def places(self, first: Integers, last: Integers) -> Integers:
        """Places of the maxima, shape of ``first``; both ends count."""
        power = np.log2(last - first + 1).astype(int)
        found = np.empty(first.shape, np.int64)
        rows = np.broadcast_to(np.arange(len(first))[:, None], first.shape)
        for k in np.unique(power):
            chosen = power == k
            row, table = rows[chosen], self._table[k]
            left = table[row, first[chosen]]
            right = table[row, last[chosen] - 2**k + 1]
            is_left = self.values[row, left] >= self.values[row, right]
            found[chosen] = np.where(is_left, left, right)
        return found

    def _better(self, left: ArrayLike, right: ArrayLike) -> Integers:
        here = np.take_along_axis(self.values, np.asarray(left), axis=1)
        there = np.take_along_axis(self.values, np.asarray(right), axis=1)
        return np.where(here >= there, left, right)
