"""Methods side by side in the groups of sensitive features, with their uncertainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import EquipoiseError
from core.evaluation.alignment import AlignedPredictions, RunKey, align_predictions
from core.evaluation.compare import (
    SMALL_GROUP,
    difference_sentence,
    possessive,
    same_trainings,
    seed_notes,
    shared_columns,
    verdicts,
    without_sign,
)
from core.evaluation.gaps import (
    REWARDS_LEVELLING_DOWN,
    Gap,
    GapRuns,
    gap_info,
    gap_interval,
    gaps_of,
    measure_gap,
)
from core.evaluation.groups import (
    GroupDraws,
    Grouping,
    GroupIntervals,
    GroupMetrics,
    group_images,
)
from core.evaluation.intervals import (
    LEVEL,
    RESAMPLES,
    Differences,
    Integers,
    RunDraws,
    holm,
    one_thread,
    paired_differences,
)
from core.evaluation.metrics import group_metric_keys, metric_info
from core.tasks import Task

ALL_IMAGES = ""
"""Group of the rows about all images together, and about a gap."""
NAMED = 6
"""Small groups that a note names."""
GROUP_COLUMNS = (
    "method",
    "feature",
    "group",
    "n",
    "metric",
    "of",
    "value",
    "low",
    "high",
    "small",
)
GAP_COLUMNS = (
    "method",
    "feature",
    "metric",
    "measure",
    "value",
    "low",
    "high",
    "lowest",
    "highest",
    "worst",
    "groups",
)
DIFFERENCE_COLUMNS = (
    "method",
    "feature",
    "group",
    "metric",
    "measure",
    "n",
    "mean",
    "reference",
    "delta",
    "delta_low",
    "delta_high",
    "p",
    "p_holm",
    "verdict",
)
LEVELLING_COLUMNS = (
    "method",
    "fair",
    "reference",
    "fair_delta",
    "fair_low",
    "fair_high",
    "fair_verdict",
    "mean_delta",
    "best_group",
    "best_delta",
    "best_low",
    "best_high",
    "best_verdict",
    "worst_group",
    "worst_delta",
    "worst_low",
    "worst_high",
    "worst_verdict",
    "reason",
    "certain",
)
EQUAL = 1e-9
"""Change of an accuracy that is none but for rounding."""
LEVELLED_DOWN = "levelled down"
WORST_GAINED = "worst group gained"
BEST_PAID = "worst group gained, best group lost"
OTHERWISE = "neither the best nor the worst group explains it"
NO_RISE = "did not rise"


@dataclass(frozen=True)
class GroupComparison:
    """Every method in every group, what the groups differ by, and between methods.

    Parameters
    ----------
    groups : DataFrame
        Long: one row a method, metric and group, with

        - ``n``: images of the group; ``of``: those that the metric rests on, of a
          recall the images of its class, of an area under the ROC curve those of the
          smaller side, mean over the seeds;
        - ``value``: mean over the seeds, NaN where it is not defined because its
          denominator is 0; ``low``, ``high``: its interval over test images;
        - ``small``: whether it rests on fewer than ``SMALL_GROUP`` images in any run of
          the method.

        A crossing without an image is here too, with ``n`` 0.
    overall : DataFrame
        The same of all images together, without ``group``.
    gaps : DataFrame
        One row a method and gap: ``metric``, ``measure`` (see ``gaps.Gap``),
        ``value``, ``low``, ``high``, the groups with the ``lowest`` and ``highest``
        value of the metric and the ``worst`` of the two ("" where no side is better or
        there is no gap), and how many ``groups`` count.
    differences : DataFrame
        One row a method other than the baseline and thing compared: a metric in a
        ``group`` (``measure`` ""), one of all images (``group`` "" too), or a gap
        (``measure`` as in ``gaps``): ``n`` images that it rests on (the fewest;
        of a ratio of shares those that the lower share counts), ``mean`` and
        ``reference`` over the seeds that both have, ``delta`` with ``delta_low`` and
        ``delta_high``, ``p``, ``p_holm`` (over the methods) and ``verdict``:
        ``better``, ``worse`` or ``inconclusive``, and of a metric without a better
        side ``differs`` or ``inconclusive``.
    grouping : Grouping
    baseline : str
    level : float
    rows : int
        Test images.
    seeds : dict of tuples
        Seeds of each method.
    include_small : bool
        Whether groups on fewer than ``SMALL_GROUP`` images count in the gaps.
    """

    groups: pd.DataFrame
    overall: pd.DataFrame
    gaps: pd.DataFrame
    differences: pd.DataFrame
    grouping: Grouping
    baseline: str
    level: float
    rows: int
    seeds: dict[str, tuple[int, ...]]
    include_small: bool

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods in the order given."""
        return tuple(self.seeds)

    def gap(self, method: str, metric: str, measure: str) -> pd.Series:
        """The one row of ``gaps`` of a method.

        Raises
        ------
        KeyError
            If there is none.
        """
        return self._gap_rows.loc[(method, metric, measure)]

    def change(
        self, method: str, metric: str, measure: str = "", group: str = ALL_IMAGES
    ) -> pd.Series | None:
        """The one row of ``differences``; None of the baseline, which has none."""
        key = method, metric, measure, group
        rows = self._difference_rows
        return rows.loc[key] if key in rows.index else None

    @cached_property
    def _gap_rows(self) -> pd.DataFrame:
        return self.gaps.set_index(["method", "metric", "measure"], drop=False)

    @cached_property
    def _difference_rows(self) -> pd.DataFrame:
        keys = ["method", "metric", "measure", "group"]
        return self.differences.set_index(keys, drop=False)

    def notes(self, labels: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """What a reader should know before trusting the table.

        ``labels`` are what a reader sees for each method; its name otherwise.
        """
        notes = [
            f"Intervals are at {self.level:.0%} over {self.rows:,} test images;"
            " p-values are corrected for the number of methods (Holm).",
            *seed_notes(self.seeds, self.baseline, labels),
            *self._small_notes(),
        ]
        if self.groups["value"].isna().any():
            notes.append(
                "A dash is undefined: there is no image that the metric could be"
                " computed of."
            )
        if (self.gaps["measure"] == "fair_metric").any():
            notes.append(REWARDS_LEVELLING_DOWN)
        return tuple(notes)

    def _small_notes(self) -> list[str]:
        counts = self.grouping.counts
        small = [
            f"{name} ({count})"
            for name, count in zip(self.grouping.names, counts, strict=True)
            if 0 < count < SMALL_GROUP
        ]
        notes = []
        if small:
            more = len(small) - NAMED
            listed = "; ".join(small[:NAMED]) + (f"; and {more} more" * (more > 0))
            notes.append(
                f"Fewer than {SMALL_GROUP} images: {listed}. No verdict is given there."
            )
        if self.include_small and self.groups["small"].any():
            notes.append(
                f"Groups on fewer than {SMALL_GROUP} images count in the gaps: one of"
                " them alone may decide a gap by chance."
            )
        elif self.groups["small"].any():
            notes.append(
                f"A gap leaves out the groups where its metric rests on fewer than"
                f" {SMALL_GROUP} images (of a recall, images of the class; of a"
                " precision, those predicted as it) in any run of the method."
            )
        if (self.gaps["groups"] < 2).any():
            notes.append("A gap needs two groups of enough images; else it is a dash.")
        return notes

    def levelling(self) -> pd.DataFrame:
        """Why the Fair metric changed: who gained and who lost against the baseline.

        Returns
        -------
        DataFrame
            One row a method other than the baseline: ``fair`` and ``reference`` (the
            Fair metric of the method and the baseline), ``fair_delta``, ``fair_low``,
            ``fair_high``, ``fair_verdict``; ``mean_delta``, the mean change of the
            groups; ``best_group`` and ``worst_group`` of the baseline, and of each
            ``_delta``, ``_low``, ``_high`` and ``_verdict``; ``reason``, one of
            ``LEVELLED_DOWN``, ``WORST_GAINED``, ``BEST_PAID``, ``OTHERWISE`` and
            ``NO_RISE``; ``certain``: whether the verdicts bear the reason out.
            Empty without an accuracy or without two groups.

        Notes
        -----
        The reason is by the point estimates. It is certain if the Fair metric is
        ``better``, and the groups that the reason names are ``better`` or ``worse``.
        """
        table = self.differences
        rows = []
        for row in table[table["measure"] == "fair_metric"].to_dict("records"):
            own = table[
                (table["method"] == row["method"])
                & (table["metric"] == row["metric"])
                & (table["measure"] == "")
            ].set_index("group")
            base = self.gaps[
                (self.gaps["method"] == self.baseline)
                & (self.gaps["metric"] == row["metric"])
                & (self.gaps["measure"] == "fair_metric")
            ].iloc[0]
            if base["groups"] >= 2:
                counted = self._counted(str(row["metric"]))
                rows.append(_levelling_row(row, own, base, counted))
        return pd.DataFrame(rows, columns=list(LEVELLING_COLUMNS))

    def _counted(self, metric: str) -> list[str]:
        rows = self.groups[
            (self.groups["method"] == self.baseline)
            & (self.groups["metric"] == metric)
            & (self.groups["n"] > 0)
        ]
        return list(rows.loc[~rows["small"] | self.include_small, "group"])


def _levelling_row(
    fair: Mapping[Any, Any], own: pd.DataFrame, base: pd.Series, counted: list[str]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "method": fair["method"],
        "fair": fair["mean"],
        "reference": fair["reference"],
        "fair_delta": fair["delta"],
        "fair_low": fair["delta_low"],
        "fair_high": fair["delta_high"],
        "fair_verdict": fair["verdict"],
        "mean_delta": own.loc[counted, "delta"].mean(),
    }
    for which, group in (("best", base["highest"]), ("worst", base["lowest"])):
        change = own.loc[group]
        row[f"{which}_group"] = group
        row[f"{which}_delta"] = change["delta"]
        row[f"{which}_low"] = change["delta_low"]
        row[f"{which}_high"] = change["delta_high"]
        row[f"{which}_verdict"] = change["verdict"]
    best_lost, worst_gained = row["best_delta"] < -EQUAL, row["worst_delta"] > EQUAL
    borne_out = row["fair_verdict"] == "better"
    if not row["fair_delta"] > EQUAL:
        reason, borne_out = NO_RISE, row["fair_verdict"] == "worse"
    elif worst_gained:
        reason = BEST_PAID if best_lost else WORST_GAINED
        borne_out &= row["worst_verdict"] == "better"
        borne_out &= not best_lost or row["best_verdict"] == "worse"
    elif best_lost:
        reason = LEVELLED_DOWN
        borne_out &= row["best_verdict"] == "worse"
    else:
        reason, borne_out = OTHERWISE, False
    return {**row, "reason": reason, "certain": bool(borne_out)}


def compare_groups(
    tables: Mapping[tuple[str, int], pd.DataFrame],
    tasks: Sequence[Task],
    baseline: str,
    *,
    task: str,
    features: Sequence[str],
    metrics: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    rng_seed: int = 0,
    include_small: bool = False,
    trainings: Mapping[RunKey, str] | None = None,
    aligned: AlignedPredictions | None = None,
) -> GroupComparison:
    """Compare methods within and between the groups of sensitive features.

    Parameters
    ----------
    tables : mapping of (method, seed) to DataFrame
        Predictions of the test split, or of any part of it; all of the same images.
        The groups are those of the baseline's first table.
    tasks : sequence of Task
    baseline : str
        Method that the others are compared with.
    task : str
        Name of the task that is looked at.
    features : sequence of str
        One sensitive feature, or several to be crossed; ``"<task>_bin"`` is the bin
        of a regression's truth, such as ``"age_bin"``.
    metrics : sequence of str, optional
        Keys, of ``metrics.group_metric_keys``; by default all of them.
    resamples, level, rng_seed
        As in ``compare.compare``.
    include_small : bool
        Whether groups in which a metric rests on fewer than ``SMALL_GROUP`` images
        count in its gaps. A gap decided by three images is no finding.
    trainings : mapping of (method, seed) to str, optional
        As in ``compare.compare``.
    aligned : AlignedPredictions, optional
        What ``align_predictions`` gave for these tables, this baseline and this task:
        of a million images it takes as long as all else, and serves every question.

    Returns
    -------
    GroupComparison

    Raises
    ------
    EquipoiseError
        If there is no such task, feature or metric, there are too many groups, or the
        tables do not match.

    Notes
    -----
    Metrics are fairlearn's and scikit-learn's. Differences between methods are paired,
    as in ``compare.compare``, and stand on the seeds that both have. A gap's is that
    of the groups which are lowest and highest in each of the two methods. Intervals
    within groups: ``groups.GroupDraws.intervals``; of gaps: ``gaps.gap_interval``.
    """
    names = {one.name: one for one in tasks}
    if task not in names:
        raise EquipoiseError(
            f"There is no task '{task}' in this study.",
            expected=f"one of {', '.join(names)}.",
            remedy="choose one of these.",
        )
    aligned = aligned or align_predictions(tables, [names[task]], baseline)
    reference = next(run for run in aligned.runs if run[0] == baseline)
    grouping = group_images(tables[reference], tasks, features)
    keys = tuple(dict.fromkeys(metrics or group_metric_keys(names[task])))
    with one_thread():
        computed = GroupMetrics(aligned, names[task], grouping, resamples, rng_seed)
        drawn = {key: computed.metric(key) for key in keys}
        comparing = _Comparing(
            aligned, grouping, baseline, level, include_small, trainings or {}
        )
        intervals = {
            (key, method): one.intervals(aligned.columns_of(method), level=level)
            for key, one in drawn.items()
            for method in aligned.methods
        }
        within = [
            comparing.group_rows(drawn[k], m, i) for (k, m), i in intervals.items()
        ]
        gaps, differences = [], [comparing.group_changes(drawn[key]) for key in keys]
        for gap in gaps_of(keys):
            parts = [drawn[key] for key in gap.parts]
            gaps += comparing.gap_rows(gap, parts, intervals)
            differences.append(comparing.gap_changes(gap, parts))
    table = pd.concat(within, ignore_index=True)
    overall = table[table["group"] == ALL_IMAGES].drop(columns="group")
    return GroupComparison(
        groups=table[table["group"] != ALL_IMAGES].reset_index(drop=True),
        overall=overall.reset_index(drop=True),
        gaps=pd.DataFrame(gaps, columns=list(GAP_COLUMNS)),
        differences=pd.concat(differences, ignore_index=True),
        grouping=grouping,
        baseline=baseline,
        level=level,
        rows=aligned.rows,
        seeds={method: aligned.seeds_of(method) for method in aligned.methods},
        include_small=include_small,
    )


@dataclass(frozen=True)
class _Comparing:
    """What the rows of a comparison are made with."""

    aligned: AlignedPredictions
    grouping: Grouping
    baseline: str
    level: float
    include_small: bool
    trainings: Mapping[RunKey, str]

    @property
    def others(self) -> list[str]:
        return [method for method in self.aligned.methods if method != self.baseline]

    def expand(self, values: NDArray[Any], empty: Any = np.nan) -> NDArray[Any]:
        """Values of the groups with images to all groups, the last for all images."""
        found = np.full(len(self.grouping.levels) + 1, empty, dtype=values.dtype)
        found[self.grouping.present] = values[:-1]
        found[-1] = values[-1]
        return found

    def group_rows(
        self, drawn: GroupDraws, method: str, intervals: GroupIntervals
    ) -> pd.DataFrame:
        low, high = intervals.bounds()
        columns = {
            "method": method,
            "feature": self.grouping.feature,
            "group": [*self.grouping.names, ALL_IMAGES],
            "n": [*self.grouping.counts, self.aligned.rows],
            "metric": drawn.key,
            "of": self.expand(intervals.rests, 0),
            "value": self.expand(intervals.value),
            "low": self.expand(low),
            "high": self.expand(high),
            "small": self.expand(
                _is_small(drawn, self.aligned.columns_of(method)), True
            ),
        }
        return pd.DataFrame(columns)[list(GROUP_COLUMNS)]

    def group_changes(self, drawn: GroupDraws) -> pd.DataFrame:
        """Every group of every method against the baseline."""
        pairs, sizes = {}, {}
        for method in self.others:
            own, reference = shared_columns(self.aligned, method, self.baseline)
            pairs[method] = drawn.of(own), drawn.of(reference)
            fewest = drawn.rests[:, [*own, *reference]].min(axis=1)
            sizes[method] = fewest.astype(np.int64)
        table = self._changes(pairs, sizes, metric_info(drawn.key).direction)
        names = [self.grouping.names[place] for place in self.grouping.present]
        table["group"] = [*names, ALL_IMAGES] * len(self.others)
        return self._labelled(table, drawn.key, "")

    def counted(self, drawn: GroupDraws, columns: list[int]) -> Integers:
        """Groups that count in a gap of these runs.

        Where a metric rests on what is predicted, as precision does, a method that
        predicts hardly anything has no gap; those of the others stay.
        """
        defined = ~np.isnan(drawn.values[:-1][:, columns]).any(axis=1)
        large = ~_is_small(drawn, columns)[:-1]
        return np.flatnonzero(defined & (self.include_small | large))

    def gap_rows(
        self,
        gap: Gap,
        parts: Sequence[GroupDraws],
        intervals: Mapping[tuple[str, str], GroupIntervals],
    ) -> list[tuple[Any, ...]]:
        rows = []
        for method in self.aligned.methods:
            columns = self.aligned.columns_of(method)
            counted = [self.counted(drawn, columns) for drawn in parts]
            found = measure_gap(gap, parts, counted, columns)
            own = [intervals[key, method] for key in gap.parts]
            low, high = gap_interval(gap, own, counted)
            names = self._ends(found, gap.parts[found.part])
            groups = len(counted[found.part])
            span = (low, high) if np.isfinite(found.value) else (np.nan, np.nan)
            head = (method, self.grouping.feature, gap.metric, gap.measure)
            rows.append((*head, found.value, *span, *names, groups))
        return rows

    def _ends(self, found: GapRuns, key: str) -> tuple[str, str, str]:
        """Names of the lowest, the highest and the worst group."""
        if found.lowest < 0:
            return "", "", ""
        present, names = self.grouping.present, self.grouping.names
        lowest, highest = names[present[found.lowest]], names[present[found.highest]]
        direction = metric_info(key).direction
        worst = {"higher": lowest, "lower": highest}.get(direction, "")
        return lowest, highest, worst

    def gap_changes(self, gap: Gap, parts: Sequence[GroupDraws]) -> pd.DataFrame:
        """One gap of every method against the baseline's."""
        pairs, sizes = {}, {}
        for method in self.others:
            columns = shared_columns(self.aligned, method, self.baseline)
            # The same groups in both, or the difference would be theirs.
            together = [*columns[0], *columns[1]]
            counted = [self.counted(drawn, together) for drawn in parts]
            both = [measure_gap(gap, parts, counted, own) for own in columns]
            pairs[method] = both[0].runs, both[1].runs
            fewest = [
                _fewest(gap, one, parts, own)
                for one, own in zip(both, columns, strict=True)
            ]
            sizes[method] = np.array([min(fewest)], np.int64)
        direction = gap_info(gap.metric, gap.measure).direction
        table = self._changes(pairs, sizes, direction)
        table["group"] = ALL_IMAGES
        return self._labelled(table, gap.metric, gap.measure)

    def _changes(
        self,
        pairs: Mapping[str, tuple[RunDraws, RunDraws]],
        sizes: Mapping[str, Integers],
        direction: str,
    ) -> pd.DataFrame:
        found: dict[str, Differences] = {}
        for method, (own, reference) in pairs.items():
            signless = np.full(len(own.values), direction == "zero")
            found[method] = paired_differences(
                without_sign(own, signless),
                without_sign(reference, signless),
                sizes[method],
                level=self.level,
                same_trainings=same_trainings(
                    self.aligned, method, self.baseline, self.trainings
                ),
            )
        if not found:
            return pd.DataFrame(columns=list(DIFFERENCE_COLUMNS))
        corrected = holm(np.array([one.p for one in found.values()]))
        parts = []
        for (method, one), p_holm in zip(found.items(), corrected, strict=True):
            lower = np.full(len(p_holm), direction != "higher")
            words = verdicts(one, p_holm, sizes[method], lower, self.level)
            if direction == "none":
                words = np.where(words == "inconclusive", words, "differs")
            columns = {
                "method": method,
                "n": sizes[method],
                "mean": pairs[method][0].values.mean(axis=1),
                "reference": pairs[method][1].values.mean(axis=1),
                "delta": one.delta,
                "delta_low": one.low,
                "delta_high": one.high,
                "p": one.p,
                "p_holm": p_holm,
                "verdict": words,
            }
            parts.append(pd.DataFrame(columns))
        return pd.concat(parts, ignore_index=True)

    def _labelled(self, table: pd.DataFrame, metric: str, measure: str) -> pd.DataFrame:
        labelled = table.assign(
            feature=self.grouping.feature, metric=metric, measure=measure
        )
        return labelled[list(DIFFERENCE_COLUMNS)]


def _fewest(
    gap: Gap, found: GapRuns, parts: Sequence[GroupDraws], columns: list[int]
) -> float:
    """Images that the smaller of the two groups of a gap rests on; 0 without a gap.

    A ratio of shares rests on the images that they count: with 1 image of 80 against
    2, half is by chance, and with none the bootstrap would call it certain.
    """
    if found.lowest < 0:
        return 0.0
    drawn, ends = parts[found.part], [found.lowest, found.highest]
    rests = drawn.rests[:, columns].min(axis=1)[ends]
    if gap.measure == "ratio" and drawn.is_share:
        rests = rests * drawn.values[ends][:, columns].mean(axis=1)
    return float(rests.min())


def _is_small(drawn: GroupDraws, columns: list[int]) -> NDArray[np.bool_]:
    return np.asarray(drawn.rests[:, columns].min(axis=1) < SMALL_GROUP)


def change_sentence(
    row: Mapping[str, Any] | pd.Series,
    *,
    label: str = "",
    level: float = LEVEL,
    tasks: tuple[Task, ...] = (),
) -> str:
    """Say one row of ``GroupComparison.differences`` in a plain sentence.

    Parameters
    ----------
    row : mapping or Series
    label : str, optional
        The method's label; its name otherwise.
    level : float
        Level of the comparison's intervals.
    tasks : tuple of Task, optional
        For labels and units.
    """
    metric, measure = str(row["metric"]), str(row["measure"])
    info = gap_info(metric, measure, tasks) if measure else metric_info(metric, tasks)
    where = f" in the group {row['group']}" if row["group"] else ""
    who = f"{possessive(label or str(row['method']))} {info.phrase}{where}"
    return difference_sentence(row, info, who, level)
