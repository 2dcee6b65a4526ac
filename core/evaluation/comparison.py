"""Methods against the baseline: every metric, in the whole set or within groups.

One engine: all images are a grouping with one group, and every number, interval and
verdict of a page, a command or a report comes from here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from core.errors import EquipoiseError
from core.evaluation.alignment import AlignedPredictions, RunKey, align_predictions
from core.evaluation.comparison_rows import (
    DETECTABLE,
    STUDY_FAMILY,
    Judging,
    Line,
    TaskRows,
)
from core.evaluation.formulas import HITS_ALONE
from core.evaluation.gaps import line_info
from core.evaluation.grouping import ALL_IMAGES, Grouping, group_images
from core.evaluation.metrics import (
    group_metric_keys,
    metric_keys,
    split_key,
    top_k,
    unknown_metric,
)
from core.evaluation.resampled_metrics import TaskDraws
from core.evaluation.resampling import LEVEL, RESAMPLES, Integers, Resampler, one_thread
from core.evaluation.verdicts import BASELINE, decide, margin_of
from core.language import gettext
from core.tasks import Task

MAX_BLOCKS = 8
"""Times as many resamples as usual that a verdict near its bound may take."""
MAX_DRAWS = 100_000_000
"""Images times resamples up to which such a verdict is resampled more."""

TrainingCounts = Mapping[str, Mapping[str, int]]

COLUMNS = (
    *("method", *Line._fields, "images", "n", "small", "seeds"),
    *("mean", "sd", "low", "high", "lowest", "highest", "worst", "groups"),
    *("family", "delta", "delta_low", "delta_high", "p"),
    *("margin", "verdict", "scope", "note"),
    *("smallest_detectable", "seed_share", "seeds_needed", *DETECTABLE),
)


@dataclass(frozen=True)
class Counterparts:
    """A baseline of its own for each method, in place of one for all.

    Parameters
    ----------
    by_method : mapping of str to str
        By method. A counterpart does not have a counterpart itself.
    where : str
        What a reader calls the place of all counterparts, such as another study.
    """

    by_method: Mapping[str, str]
    where: str

    @property
    def first(self) -> str:
        """The first of the counterparts."""
        return next(iter(self.by_method.values()))


Baseline = str | Counterparts
"""The baseline: one method for all, or a counterpart for each."""


def first_baseline(baseline: Baseline) -> str:
    """The baseline, or the first of several."""
    return baseline if isinstance(baseline, str) else baseline.first


@dataclass(frozen=True)
class Comparison:
    """Every method beside a baseline, in the whole set and in groups.

    Parameters
    ----------
    cells : DataFrame
        Long: one row a method and thing that was measured (``metric``, ``measure``,
        ``group``), methods in the order given. ``measure`` is empty for a metric, and
        names what the groups differ by otherwise (``gaps.Gap``); ``group`` is empty for
        all images.

        - ``images``: images of the group; ``n``: those that the metric rests on, of a
          recall the images of its class, of an area under the ROC curve those of the
          smallest class or rest that is ranked (of a gap the fewest of its groups);
          ``small``: whether ``n`` is below ``SMALL_GROUP`` in any run;
        - ``mean``, ``sd``: over the ``seeds`` (``sd`` NaN with one seed); NaN where a
          denominator is 0;
        - ``low``, ``high``: interval of the mean for the method, trained anew, on new
          images, where seeds tell how trainings differ; else for these trained models
          on new images (``anew`` says which was asked for);
        - ``lowest``, ``highest``, ``worst``: groups that a gap lies between, and the
          worse of the two ("" where no side is better); ``groups``: how many count;
        - ``family``: the methods that ``p`` and the interval are corrected over;
        - ``delta``: mean less the baseline's, of a metric that is best at zero (bias)
          the sizes without sign; ``delta_low``, ``delta_high``: the interval that holds
          for all methods of the family at once; ``p``: adjusted alike; NaN for the
          baseline, and where there is no verdict;
        - ``margin``: largest difference that does not matter; ``verdict``: one of
          ``verdicts.VERDICTS``; ``scope``: whether it speaks of the method or of one
          trained model; ``note``: why there is no verdict, or that it is borderline;
        - ``smallest_detectable``: difference that would be found with 80 % power;
          ``seed_share``: part of the variance that stems from the trainings;
          ``seeds_needed``: seeds of each method that would settle ``delta``, infinite
          where only more images would; ``detectable_with_3``, ``_5`` and ``_10``: what
          so many seeds of each method would find with 80 % power.
    baseline : str
        Of all methods; with ``counterparts`` the first of these.
    level : float
        Of the intervals.
    rows : int
        Test images.
    seeds : dict of tuples
        Seeds of each method.
    runs : DataFrame
        Every metric of every run on all images: ``method`` and ``seed`` as index, a
        column a metric.
    grouping : Grouping
    include_small : bool
        Whether groups on fewer than ``SMALL_GROUP`` images count in the gaps.
    anew : bool
        Which question the interval of a single mean answers.
    by_strata : int
        Strata that the test set was drawn by, and so resampled within; 0 if none.
    counterparts : Counterparts, optional
        Where each method has a baseline of its own. Every such baseline has the verdict
        ``baseline``. A method without a counterpart has no verdict.
    """

    cells: pd.DataFrame
    baseline: str
    level: float
    rows: int
    seeds: dict[str, tuple[int, ...]]
    runs: pd.DataFrame
    grouping: Grouping
    include_small: bool
    anew: bool
    by_strata: int
    counterparts: Counterparts | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods in the order given."""
        return tuple(self.seeds)

    @cached_property
    def references(self) -> dict[str, str]:
        """For each compared method, the method that it is compared with."""
        if self.counterparts is not None:
            return dict(self.counterparts.by_method)
        return {m: self.baseline for m in self.seeds if m != self.baseline}

    @cached_property
    def table(self) -> pd.DataFrame:
        """Rows of all images together: one a method and metric."""
        return self._part((self.cells["measure"] == "") & (self.cells["group"] == ""))

    @cached_property
    def groups(self) -> pd.DataFrame:
        """Rows within groups; a crossing without an image is here too, with n 0."""
        return self._part(self.cells["group"] != ALL_IMAGES)

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """Rows of what the groups differ by."""
        return self._part(self.cells["measure"] != "")

    def _part(self, chosen: pd.Series) -> pd.DataFrame:
        return self.cells[chosen].reset_index(drop=True)

    @property
    def has_one_seed(self) -> bool:
        """Whether all methods have one seed, so that there is no sd over seeds."""
        return all(len(seeds) == 1 for seeds in self.seeds.values())

    @property
    def families(self) -> dict[str, str]:
        """Family of each method."""
        pairs = self.cells[["method", "family"]].drop_duplicates("method")
        return dict(zip(pairs["method"], pairs["family"], strict=True))

    def row(
        self, method: str, metric: str, measure: str = "", group: str = ALL_IMAGES
    ) -> pd.Series:
        """One row of ``cells``.

        Raises
        ------
        KeyError
            If there is none.
        """
        return self._by_key.loc[(method, metric, measure, group)]

    @cached_property
    def _by_key(self) -> pd.DataFrame:
        return self.cells.set_index(["method", *Line._fields], drop=False)

    def margin(self, metric: str) -> float:
        """Largest difference of a metric that does not matter; NaN if none is known."""
        return float(self.row(self.baseline, metric)["margin"])

    def with_margins(
        self, margins: Mapping[str, float], tasks: Sequence[Task]
    ) -> "Comparison":
        """The same with other margins, and the verdicts that follow from them."""
        cells = self.cells.copy()
        pairs = zip(cells["metric"], cells["measure"], strict=True)
        infos = [line_info(*pair, tuple(tasks)) for pair in pairs]
        cells["margin"] = [
            np.nan if measure else margin_of(info, margins, tasks)
            for info, measure in zip(infos, cells["measure"], strict=True)
        ]
        names = ("delta_low", "delta_high", "margin")
        low, high, margin = (cells[name].to_numpy(np.float64) for name in names)
        verdicts = decide(low, high, margin, [info.direction for info in infos])
        others = cells["verdict"] != BASELINE
        cells.loc[others, "verdict"] = verdicts[others]
        return replace(self, cells=cells)


def compare_runs(
    tables: Mapping[RunKey, pd.DataFrame],
    tasks: Sequence[Task],
    baseline: Baseline,
    *,
    by: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
    training_counts: TrainingCounts | None = None,
    trainings: Mapping[RunKey, str] | None = None,
    families: Mapping[str, str] | None = None,
    margins: Mapping[str, float] | None = None,
    design: Sequence[str] | pd.Series | None = None,
    repeats: Sequence[str] | pd.Series | None = None,
    include_small: bool = False,
    anew: bool = True,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    rng_seed: int = 0,
    aligned: AlignedPredictions | None = None,
) -> Comparison:
    """Compare methods with the baseline on the same test images.

    Parameters
    ----------
    tables : mapping of (method, seed) to DataFrame
        Predictions of the test split, or of any part of it; all of the same images.
        Groups and design are those of the baseline's first table.
    tasks : sequence of Task
    baseline : str or Counterparts
        Method that the others are compared with, or of each method its own. The family
        is then the differences of all of them.
    by : sequence of str
        Sensitive features, crossed where there are several; ``"<task>_bin"`` is the bin
        of a number's truth. Without any, all images are one group.
    metrics : sequence of str, optional
        Keys. By default every metric of the tasks (``metrics.metric_keys``), with
        ``by`` those that are usual within groups (``metrics.group_metric_keys``).
    training_counts : mapping of task to mapping of class to int, optional
        Training images of each class, for the accuracy of the shot groups.
    trainings : mapping of (method, seed) to str, optional
        What the training of each run is known by (``runs.training_keys``): a method
        whose runs are of the baseline's own trainings is compared seed by seed.
    families : mapping of str to str, optional
        Family of each method; verdicts are corrected within a family, so that what a
        visitor adds does not change what the study says. One family by default.
    margins : mapping of str to float, optional
        Differences that do not matter, by metric; see ``verdicts.margin_of``.
    design : sequence of str, optional
        Stratum of each image of the baseline's first table, where the test set was
        drawn by strata.
    repeats : sequence of str, optional
        The image that each row of the baseline's first table is about, where an image
        has several rows. Images are then what is drawn, counted and resampled; there is
        no design.
    include_small : bool
        Whether groups in which a metric rests on fewer than ``SMALL_GROUP`` images
        count in its gaps. A gap that three images decide is not a finding.
    anew : bool
        Whether the interval of a single mean is that of the method, trained anew, or
        of these trained models.
    resamples : int
        Bootstrap resamples of the images; a verdict near its bound takes more.
    level : float, in (0, 1)
        Of the intervals.
    rng_seed : int
        Seed of the resamples.
    aligned : AlignedPredictions, optional
        What ``align_predictions`` gave for these tables, this baseline and the tasks
        of the metrics: of a million images it takes as long as all else.

    Raises
    ------
    EquipoiseError
        If there is no such metric or feature, there are too many groups, or the tables
        cannot be compared; the message names the method.

    Notes
    -----
    A method's metric is the mean over its seeds, and its difference is that of the two
    means. ``variance`` explains how images and trainings enter an interval,
    ``resampling`` how images are drawn, and ``verdicts`` what the verdicts mean. The
    interval of a share of images is Wilson's, of any other mean the bootstrap's. Groups
    of a gap: ``gaps.measure_gap``. Where a verdict is within the Monte Carlo error of
    its bound, up to ``MAX_BLOCKS`` times as many resamples are drawn.
    """
    first_of_all = first_baseline(baseline)
    keys = _keys_by_task(tasks, metrics, by, training_counts or {})
    asked = [task for task in tasks if task.name in keys]
    alone = all(map(_needs_hits_alone, keys.values()))
    aligned = aligned or align_predictions(
        tables, asked, first_of_all, labels_alone=alone
    )
    references = _references(aligned, baseline)
    first = tables[next(run for run in aligned.runs if run[0] == first_of_all)]
    grouping = group_images(first, tasks, by)
    strata = None if design is None else strata_codes(design, aligned.rows)
    baselines = {first_of_all, *references.values()}
    judged = _by_family(aligned, baselines, families or {})
    images = aligned.rows
    codes = None
    if repeats is not None:
        codes, names = pd.factorize(np.asarray(repeats, object))
        images, codes = len(names), np.asarray(codes, np.int64)
    resampler = Resampler(images, resamples, rng_seed, design=strata, repeats=codes)
    frames: list[pd.DataFrame] = []
    runs: dict[str, dict[RunKey, float]] = {}
    for family, methods in judged.items():
        # The other families are left out: they do not change the verdicts of this one.
        own = aligned.of_methods({*judged[STUDY_FAMILY], *methods})
        judging = Judging(
            aligned=own,
            tasks=tuple(tasks),
            grouping=grouping,
            references=references,
            baselines=baselines,
            judged=methods,
            family=family,
            level=level,
            include_small=include_small,
            anew=anew,
            trainings=trainings or {},
            margins=margins or {},
        )
        for task in _judge_tasks(judging, keys, resampler, training_counts or {}):
            frames.append(task.frame())
            for key, values in task.values.items():
                found = dict(zip(own.runs, values, strict=True))
                runs[key] = found | runs.get(key, {})
    index = pd.MultiIndex.from_tuples(aligned.runs, names=["method", "seed"])
    return Comparison(
        cells=_in_order(frames, aligned.methods),
        baseline=first_of_all,
        level=level,
        rows=images,
        seeds={method: aligned.seeds_of(method) for method in aligned.methods},
        runs=pd.DataFrame(
            {key: [found[run] for run in index] for key, found in runs.items()}, index
        ),
        grouping=grouping,
        include_small=include_small,
        anew=anew,
        by_strata=0 if strata is None else len(np.unique(strata)),
        counterparts=baseline if isinstance(baseline, Counterparts) else None,
    )


def _references(aligned: AlignedPredictions, baseline: Baseline) -> dict[str, str]:
    """The method that each method is compared with."""
    if isinstance(baseline, str):
        return {method: baseline for method in aligned.methods if method != baseline}
    by_method, known = dict(baseline.by_method), set(aligned.methods)
    counterparts = set(by_method.values())
    wrong = {*by_method, *counterparts} - known | set(by_method) & counterparts
    if wrong:
        raise EquipoiseError(
            gettext(
                "These counterparts cannot be compared: {methods}.",
                methods=", ".join(sorted(wrong)),
            ),
            expected=gettext(
                "methods with predictions, each on one side of the comparison."
            ),
            remedy=gettext(
                "give every method at most one counterpart, and that one none."
            ),
        )
    return by_method


def strata_codes(design: Sequence[str] | pd.Series, rows: int) -> Integers:
    """Codes of the strata that the images were drawn by, for a ``Resampler``.

    ``design`` is as for ``compare_runs``; an int array, shape (rows,).
    """
    names = pd.Series(list(design), dtype=object)
    if len(names) != rows:
        raise EquipoiseError(
            gettext(
                "The design has {strata} strata for {count} images.",
                strata=len(names),
                count=rows,
            ),
            expected=gettext(
                "the stratum of each image of the baseline's first table."
            ),
            remedy=gettext("give the strata of the same images, in the same order."),
        )
    codes = pd.factorize(names, use_na_sentinel=False)[0]
    return np.asarray(codes, np.int64)


def _by_family(
    aligned: AlignedPredictions, baselines: Collection[str], families: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Methods by family; baselines belong to the study's own family."""
    found: dict[str, tuple[str, ...]] = {STUDY_FAMILY: ()}
    for method in aligned.methods:
        family = families.get(method, STUDY_FAMILY)
        name = STUDY_FAMILY if method in baselines else family
        found[name] = (*found.get(name, ()), method)
    return found


def _judge_tasks(
    judging: Judging,
    keys: Mapping[str, Sequence[str]],
    resampler: Resampler,
    training_counts: TrainingCounts,
) -> list[TaskRows]:
    """Rows of every task; verdicts near their bound take more resamples.

    Their number is doubled until no verdict is near, or up to ``MAX_BLOCKS`` times.
    """
    with one_thread():
        found = [
            TaskRows(
                judging,
                TaskDraws(
                    judging.aligned,
                    task,
                    judging.grouping,
                    resampler,
                    training_counts.get(task.name),
                    _tops(keys[task.name]),
                    _needs_hits_alone(keys[task.name]),
                ),
                keys[task.name],
            )
            for task in judging.tasks
            if task.name in keys
        ]
        most = MAX_DRAWS // max(resampler.rows * resampler.resamples, 1)
        if resampler.repeats is not None and not judging.grouping.is_whole:
            most = 1  # the same images in every group: nobody asks for these verdicts
        blocks = 1
        while 2 * blocks <= min(MAX_BLOCKS, most):
            near = [one for one in found if one.is_near]
            if not near:
                break
            for block in range(blocks, 2 * blocks):
                more = replace(resampler, block=block)
                for one in near:
                    one.draw_more(more)
            for one in near:
                one.judge_again()
            blocks *= 2
    return found


def _in_order(frames: Sequence[pd.DataFrame], methods: Sequence[str]) -> pd.DataFrame:
    """Rows of all tasks, by method in the order given."""
    if not frames:
        return pd.DataFrame(columns=list(COLUMNS))
    cells = pd.concat(frames, ignore_index=True)
    order = {method: place for place, method in enumerate(methods)}
    places = cells["method"].map(order).to_numpy()
    cells = cells.iloc[np.argsort(places, kind="stable")]
    return cells.reset_index(drop=True)[list(COLUMNS)]


def _needs_hits_alone(keys: Sequence[str]) -> bool:
    """Whether metrics need nothing but which images are answered rightly."""
    return all(split_key(key)[1] in HITS_ALONE for key in keys)


def _tops(keys: Sequence[str]) -> tuple[int, ...]:
    """The k of each top-k accuracy among some metrics."""
    found = (top_k(split_key(key)[1]) for key in keys)
    return tuple(k for k in found if k is not None)


def _keys_by_task(
    tasks: Sequence[Task],
    metrics: Sequence[str] | None,
    by: Sequence[str],
    training_counts: TrainingCounts,
) -> dict[str, tuple[str, ...]]:
    """Keys that are to be computed of each task that has some."""
    if metrics is None:
        return {
            task.name: group_metric_keys(task)
            if by
            else metric_keys(task, training_counts.get(task.name))
            for task in tasks
        }
    found: dict[str, tuple[str, ...]] = {}
    known = {task.name: task for task in tasks}
    for key in dict.fromkeys(metrics):
        name = split_key(key)[0]
        if name not in known:
            every = [k for task in tasks for k in metric_keys(task)]
            raise unknown_metric(key, every, study=gettext("this study"))
        found[name] = (*found.get(name, ()), key)
    return found
