"""Methods against the baseline: every metric with its uncertainty and a verdict."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.alignment import AlignedPredictions, RunKey, align_predictions
from core.evaluation.classification import (
    classification_metrics,
    counted_cells,
    resampled_cells,
)
from core.evaluation.intervals import (
    MAX_WEIGHTED_ROWS,
    RESAMPLES,
    Differences,
    Floats,
    Integers,
    RunDraws,
    holm,
    normal_sums,
    one_thread,
    paired_differences,
    percentile_interval,
    resample_weights,
    weighted_sums,
)
from core.evaluation.metrics import (
    MetricInfo,
    metric_info,
    metric_keys,
    shot_groups,
    split_key,
    top_k,
    unknown_metric,
)
from core.evaluation.ranking import rank_features, ranking_metrics, smallest_side
from core.evaluation.regression import (
    regression_metrics,
    resampled_errors,
    summed_errors,
)
from core.tasks import Classification, Regression, Task

TrainingCounts = Mapping[str, Mapping[str, int]]
SMALL_GROUP = 20
"""Images below which no verdict is given: the bootstrap cannot be trusted there."""
COLUMNS = (
    "method",
    "metric",
    "mean",
    "sd",
    "low",
    "high",
    "n",
    "seeds",
    "shared_seeds",
    "reference",
    "delta",
    "delta_low",
    "delta_high",
    "p",
    "p_holm",
    "verdict",
)


@dataclass(frozen=True)
class Comparison:
    """Every method of a study against its baseline.

    Parameters
    ----------
    table : DataFrame
        Long: one row a method and metric, methods in the order given, with

        - ``mean``, ``sd``: over the seeds (``sd`` NaN with one seed);
        - ``low``, ``high``: percentile interval of ``mean`` over test images, the
          trained models held fixed;
        - ``n``: images the metric rests on, of an area under the ROC curve those of
          the smallest class or rest that is ranked; ``seeds``: how many;
        - ``shared_seeds``: how many of them the baseline has too; ``reference``: the
          baseline's mean over these, or where there is none, over all of its own;
        - ``delta``: mean over the same seeds minus ``reference``, for a metric that is
          best at zero (bias) of their sizes without sign; ``delta_low``,
          ``delta_high``: its interval over images and seeds; NaN for the baseline;
        - ``p``: two-sided; ``p_holm``: corrected over the methods of one metric;
        - ``verdict``: ``baseline``, ``better``, ``worse`` or ``inconclusive``.
    baseline : str
    level : float
        Of the intervals.
    rows : int
        Test images.
    seeds : dict of tuples
        Seeds of each method.
    runs : DataFrame
        Every metric of every run: ``method`` and ``seed`` as index, a column a metric.
    """

    table: pd.DataFrame
    baseline: str
    level: float
    rows: int
    seeds: dict[str, tuple[int, ...]]
    runs: pd.DataFrame

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods in the order given."""
        return tuple(self.seeds)

    @property
    def has_one_seed(self) -> bool:
        """Whether no method has a second seed, so that there is no sd over seeds."""
        return all(len(seeds) == 1 for seeds in self.seeds.values())

    def shared_seeds(self, method: str) -> tuple[int, ...]:
        """Seeds that a method and the baseline both have: its difference is of these.

        Empty where they have none in common: the difference is then that of the means
        over all seeds of each.
        """
        return _shared(self.seeds[method], self.seeds[self.baseline])

    def row(self, method: str, metric: str) -> pd.Series:
        """One method's row of one metric.

        Raises
        ------
        KeyError
            If the comparison has no such method or metric.
        """
        table = self.table
        found = table[(table["method"] == method) & (table["metric"] == metric)]
        if found.empty:
            raise KeyError((method, metric))
        return found.iloc[0]

    def notes(self, labels: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """What a reader should know before trusting the verdicts.

        ``labels`` are what a reader sees for each method; its name otherwise.
        """
        notes = [
            f"Intervals are at {self.level:.0%} over {self.rows:,} test images;"
            " p-values are corrected for the number of methods (Holm).",
            *self.seed_notes(labels),
        ]
        if self.rows < SMALL_GROUP:
            notes.append(
                f"Fewer than {SMALL_GROUP} images: too few for any verdict but"
                " inconclusive."
            )
        return tuple(notes)

    def seed_notes(self, labels: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Which differences stand on few seeds, or on none that both methods have.

        Parameters
        ----------
        labels : mapping, optional
            What a reader sees for each method; its name otherwise.
        """
        return seed_notes(self.seeds, self.baseline, labels)

    def as_dict(
        self, study: str, cost: Mapping[str, Mapping[str, float | None]] | None = None
    ) -> dict[str, Any]:
        """The comparison as plain values, ready for JSON.

        Parameters
        ----------
        study : str
            Name of the study.
        cost : mapping, optional
            By method, such as parameters, training seconds, inference milliseconds.

        Returns
        -------
        dict
            ``{"study", "baseline", "methods": [{"name", "seeds", "metrics", "cost"}]}``
            where ``seeds`` lists the seeds, each metric has ``mean``, ``sd``,
            ``ci`` and ``delta`` (``mean``, ``ci``, ``p`` after Holm, ``verdict``;
            None for the baseline), and what is undefined is None. ``shared_seeds``
            are those that the differences stand on.
        """
        methods = []
        for method, part in self.table.groupby("method", sort=False):
            name = str(method)
            metrics = {
                row["metric"]: _metric_dict(row) for row in part.to_dict("records")
            }
            own = {k: _plain(v) for k, v in (cost or {}).get(name, {}).items()}
            shared = list(self.shared_seeds(name))
            entry = {"name": name, "seeds": list(self.seeds[name])}
            entry["shared_seeds"] = shared
            methods.append({**entry, "metrics": metrics, "cost": own})
        return {"study": study, "baseline": self.baseline, "methods": methods}


def _shared(seeds: Sequence[int], others: Sequence[int]) -> tuple[int, ...]:
    return tuple(seed for seed in seeds if seed in others)


def seed_notes(
    seeds: Mapping[str, Sequence[int]],
    baseline: str,
    labels: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Which differences stand on few seeds, or on none that both methods have.

    Parameters
    ----------
    seeds : mapping of str to sequence of int
        Seeds of each method.
    baseline : str
    labels : mapping, optional
        What a reader sees for each method; its name otherwise.
    """
    said = dict(labels or {})
    of_baseline = seeds[baseline]
    fewer: dict[tuple[int, ...], list[str]] = {}
    single = []
    for method, own in seeds.items():
        name = said.get(method, method)
        shared = _shared(own, of_baseline)
        if len(own) == 1:
            single.append(name)
        if set(shared) != {*own, *of_baseline}:
            fewer.setdefault(shared, []).append(name)
    notes = []
    if single:
        whose = "every method"
        if len(single) < len(seeds):
            whose = "; ".join(single)
        notes.append(
            f"One seed only for {whose}: how much another training would differ is"
            " unknown and not in the intervals."
        )
    for shared, names in fewer.items():
        notes.append(_seeds_sentence(shared, names, of_baseline))
    return tuple(notes)


def _seeds_sentence(
    shared: Sequence[int], names: Sequence[str], of_baseline: Sequence[int]
) -> str:
    """Which seeds the differences of some methods stand on, fewer than there are."""
    who = "; ".join(names)
    if not shared:
        return (
            f"No seed in common with the baseline for {who}: what is compared are the"
            " means over all seeds of each."
        )
    listed = f"seed{'s' if len(shared) > 1 else ''} {', '.join(map(str, shared))}"
    every = ", ".join(map(str, of_baseline))
    return (
        f"Compared on {listed} alone, which both have (the baseline has {every}):"
        f" {who}. The difference so need not be that of the means shown."
    )


def _metric_dict(row: Mapping[Any, Any]) -> dict[str, Any]:
    delta = {
        "mean": _plain(row["delta"]),
        "ci": [_plain(row["delta_low"]), _plain(row["delta_high"])],
        "p": _plain(row["p_holm"]),
        "verdict": row["verdict"],
    }
    return {
        "mean": _plain(row["mean"]),
        "sd": _plain(row["sd"]),
        "ci": [_plain(row["low"]), _plain(row["high"])],
        "delta": None if row["verdict"] == "baseline" else delta,
    }


def _plain(value: float | None) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    whole = isinstance(value, int | np.integer)
    return int(value) if whole else float(value)


@dataclass(frozen=True)
class MetricDraws:
    """Every metric of every run, as it is and under the resamples.

    Parameters
    ----------
    keys : tuple of str
    n : int array, shape (metrics,)
        Images that each metric rests on.
    values : float64 array, shape (metrics, columns)
    draws : float array, shape (metrics, columns, resamples)
    """

    keys: tuple[str, ...]
    n: Integers
    values: NDArray[np.float64]
    draws: Floats

    def of(self, columns: list[int]) -> RunDraws:
        """The part of a method, whose runs are ``columns``."""
        return RunDraws(self.values[:, columns], self.draws[:, columns])


def compare(
    tables: Mapping[tuple[str, int], pd.DataFrame],
    tasks: Sequence[Task],
    baseline: str,
    *,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    rng_seed: int = 0,
    training_counts: TrainingCounts | None = None,
    further: Sequence[str] = (),
    trainings: Mapping[RunKey, str] | None = None,
) -> Comparison:
    """Compare methods with the baseline on the same test images.

    Parameters
    ----------
    tables : mapping of (method, seed) to DataFrame
        Predictions of the test split, or of any part of it; all of the same images.
    tasks : sequence of Task
    baseline : str
        Method that the others are compared with.
    resamples : int
        Bootstrap resamples of the images.
    level : float, in (0, 1)
        Of the intervals; a verdict needs a corrected p below ``1 - level``.
    rng_seed : int
        Seed of the resamples.
    training_counts : mapping of task to mapping of class to int, optional
        Training images of each class, for the accuracy of the shot groups.
    further : sequence of str
        Keys of metrics beyond ``metrics.metric_keys``: top-k accuracy of another k.
    trainings : mapping of (method, seed) to str, optional
        What the training of each run is known by (``runs.training_keys``): a method
        whose runs are of the baseline's own trainings is compared seed by seed.

    Returns
    -------
    Comparison

    Raises
    ------
    EquipoiseError
        If the tables cannot be compared; the message names the method. Or if a
        further metric is not of this study.

    Notes
    -----
    A method's metric is the mean over its seeds; its difference to the baseline is
    taken on the seeds that both have, so that methods of fewer seeds are not compared
    with trainings that they had no counterpart of. Where there is no such seed it is
    that of the means over all seeds of each. What the interval of a difference
    holds is said at ``intervals.paired_differences``; how resamples are drawn, at
    the top of ``intervals``. Classes and bins that a resample misses are left out of
    it. A verdict other than ``inconclusive`` also needs ``SMALL_GROUP`` images.
    A method compared with an equal copy of the baseline is inconclusive, with p 1.
    """
    aligned = align_predictions(tables, tasks, baseline)
    drawn = draw_metrics(
        aligned,
        tasks,
        baseline,
        resamples=resamples,
        rng_seed=rng_seed,
        training_counts=training_counts,
        further=further,
    )
    others = [method for method in aligned.methods if method != baseline]
    lower, sizes = _directions(drawn.keys)
    differences: dict[str, Differences] = {}
    for method in others:
        own, reference = shared_columns(aligned, method, baseline)
        differences[method] = paired_differences(
            without_sign(drawn.of(own), sizes),
            without_sign(drawn.of(reference), sizes),
            drawn.n,
            level=level,
            same_trainings=same_trainings(aligned, method, baseline, trainings or {}),
        )
    shape = (len(others), len(drawn.keys))
    p = np.array([differences[method].p for method in others]).reshape(shape)
    corrected = dict(zip(others, holm(p), strict=True))
    parts = []
    for method in aligned.methods:
        part = _summary(method, drawn, aligned, level, baseline)
        if method in differences:
            words = verdicts(
                differences[method], corrected[method], drawn.n, lower, level
            )
            part = _with_difference(part, differences[method], corrected[method])
            part["verdict"] = words
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)[list(COLUMNS)]
    seeds = {method: aligned.seeds_of(method) for method in aligned.methods}
    columns = pd.MultiIndex.from_tuples(aligned.runs, names=["method", "seed"])
    runs = pd.DataFrame(drawn.values.T, index=columns, columns=list(drawn.keys))
    return Comparison(table, baseline, level, aligned.rows, seeds, runs)


def draw_metrics(
    aligned: AlignedPredictions,
    tasks: Sequence[Task],
    baseline: str,
    *,
    resamples: int = RESAMPLES,
    rng_seed: int = 0,
    training_counts: TrainingCounts | None = None,
    further: Sequence[str] = (),
) -> MetricDraws:
    """Compute every metric of every run, as it is and under the same resamples."""
    names = {
        task.name: _names(task, (training_counts or {}).get(task.name), further)
        for task in tasks
    }
    _check_further(further, names)
    with one_thread():
        return _draw_metrics(
            aligned, tasks, baseline, resamples, rng_seed, training_counts or {}, names
        )


def _names(
    task: Task, counts: Mapping[str, int] | None, further: Sequence[str]
) -> tuple[str, ...]:
    """Names of a task's metrics, without the task; further ones at the end."""
    keys = list(metric_keys(task, counts))
    if not isinstance(task, Regression):
        for key in further:
            name, metric, _ = split_key(key)
            k = top_k(metric)
            if name == task.name and k is not None and k <= len(task.classes):
                keys.append(key)
    return tuple(dict.fromkeys(key.removeprefix(f"{task.name}.") for key in keys))


def _check_further(
    further: Sequence[str], names: Mapping[str, tuple[str, ...]]
) -> None:
    known = [f"{task}.{name}" for task, own in names.items() for name in own]
    for key in further:
        if key not in known:
            raise unknown_metric(
                key,
                known,
                study="this study",
                besides=", or the top-k accuracy of another k, at most the number of"
                " classes",
            )


def _draw_metrics(
    aligned: AlignedPredictions,
    tasks: Sequence[Task],
    baseline: str,
    resamples: int,
    rng_seed: int,
    training_counts: TrainingCounts,
    names: Mapping[str, tuple[str, ...]],
) -> MetricDraws:
    rng = np.random.default_rng(rng_seed)
    weights = None
    if aligned.rows <= MAX_WEIGHTED_ROWS:
        weights = resample_weights(aligned.rows, resamples, rng)
    keys: list[str] = []
    n: list[int] = []
    values: list[Floats] = []
    draws: list[Floats] = []
    for task in tasks:
        drawing = _Drawing(aligned, baseline, weights, resamples, rng, rng_seed)
        if isinstance(task, Regression):
            sizes, here, there = _regression(drawing, task)
        else:
            own = training_counts.get(task.name)
            sizes, here, there = _classification(drawing, task, own, names[task.name])
        for name in names[task.name]:
            keys.append(f"{task.name}.{name}")
            n.append(sizes[name])
            values.append(here[name][:, 0])
            draws.append(there[name].astype(np.float32, copy=False))
    columns = len(aligned.runs)
    return MetricDraws(
        tuple(keys),
        np.array(n, np.int64),
        np.array(values, np.float64).reshape(-1, columns),
        np.array(draws, np.float32).reshape(-1, columns, resamples),
    )


@dataclass(frozen=True)
class _Drawing:
    """What the metrics of one task are drawn with."""

    aligned: AlignedPredictions
    baseline: str
    weights: Floats | None
    resamples: int
    rng: np.random.Generator
    rng_seed: int


# By a metric's name: images that it rests on, of the data, of the resamples.
_TaskMetrics = tuple[dict[str, int], dict[str, Floats], dict[str, Floats]]


def _regression(drawing: _Drawing, task: Regression) -> _TaskMetrics:
    aligned = drawing.aligned
    y_true = aligned.truth[task.name].astype(np.float64)
    y_pred = aligned.predictions[task.name].astype(np.float64)
    here = summed_errors(y_true, y_pred, task, np.ones((aligned.rows, 1)))
    there = resampled_errors(
        y_true,
        y_pred,
        task,
        weights=drawing.weights,
        resamples=drawing.resamples,
        rng=drawing.rng,
    )
    metrics = regression_metrics(here, task)
    counts = here.counts[:, 0].astype(int).tolist()
    parts = dict(zip(task.bin_labels, counts, strict=True))
    sizes = _sizes(task, metrics, parts, aligned.rows)
    return sizes, metrics, regression_metrics(there, task)


def _sizes(
    task: Task, names: Iterable[str], parts: Mapping[str, int], rows: int
) -> dict[str, int]:
    """Images that each metric rests on: those of its bin, class or group, or all."""
    return {
        name: parts.get(split_key(f"{task.name}.{name}")[2], rows) for name in names
    }


def _classification(
    drawing: _Drawing,
    task: Classification,
    training_counts: Mapping[str, int] | None,
    names: Sequence[str],
) -> _TaskMetrics:
    aligned = drawing.aligned
    labels = aligned.truth[task.name].astype(np.int64)
    predicted = aligned.predictions[task.name].astype(np.int64)
    cells = counted_cells(labels, predicted, len(task.classes))
    resampled = resampled_cells(
        labels,
        predicted,
        len(task.classes),
        weights=drawing.weights,
        baseline=aligned.columns_of(drawing.baseline)[0],
        one_seed=len(aligned.runs) == len(aligned.methods),
        resamples=drawing.resamples,
        rng=drawing.rng,
    )
    support = cells.support[:, 0].astype(int)
    parts = dict(zip(task.classes, support.tolist(), strict=True))
    groups = shot_groups(task.classes, training_counts) if training_counts else {}
    for name, members in groups.items():
        parts[name] = int(support[list(members)].sum())
    ranked_here, ranked_there = _ranking(drawing, task, names)
    here = classification_metrics(cells, task, training_counts) | ranked_here
    there = classification_metrics(resampled, task, training_counts) | ranked_there
    sizes = _sizes(task, here, parts, aligned.rows)
    sizes["auc"] = smallest_side(labels, task)
    return sizes, here, there


def _ranking(
    drawing: _Drawing, task: Classification, names: Sequence[str]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """AUC and top-k accuracy of the data, and of the resamples."""
    aligned = drawing.aligned
    labels = aligned.truth[task.name].astype(np.int64)
    tops = [k for k in map(top_k, names) if k is not None]
    features = rank_features(labels, aligned.probabilities[task.name], task, tops)
    once = np.ones((aligned.rows, 1))
    classes = len(task.classes)
    here = weighted_sums(features.values, labels, classes, once)
    if drawing.weights is not None:
        there = weighted_sums(features.values, labels, classes, drawing.weights)
    else:
        # Draws of its own: the other metrics stay those they were without it.
        rng = np.random.default_rng([drawing.rng_seed, 1])
        there = normal_sums(features.values, labels, classes, drawing.resamples, rng)
    return ranking_metrics(here, features), ranking_metrics(there, features)


def _directions(
    keys: tuple[str, ...],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where less is better, and where the size without sign is compared."""
    directions = [metric_info(key).direction for key in keys]
    lower = np.array([direction != "higher" for direction in directions], bool)
    return lower, np.array([direction == "zero" for direction in directions], bool)


def without_sign(runs: RunDraws, sizes: NDArray[np.bool_]) -> RunDraws:
    """Turn metrics that are best at zero into their sizes; ``sizes`` says which."""
    # The sign of the estimate, for every draw: taking each draw's own sign would fold
    # the draws at zero and make the interval too short there.
    sign = np.where(sizes & (runs.values.mean(axis=1) < 0), -1.0, 1.0)
    return runs.signed(sign)


def shared_columns(
    aligned: AlignedPredictions, method: str, baseline: str
) -> tuple[list[int], list[int]]:
    """Runs of a method and of the baseline, with the seeds that both have, or all."""
    shared = _shared(aligned.seeds_of(method), aligned.seeds_of(baseline))
    own, reference = (aligned.columns_of(name, shared) for name in (method, baseline))
    return own, reference


def same_trainings(
    aligned: AlignedPredictions,
    method: str,
    baseline: str,
    trainings: Mapping[RunKey, str],
) -> bool:
    """Whether a method answers from the baseline's own trainings, seed by seed."""
    shared = _shared(aligned.seeds_of(method), aligned.seeds_of(baseline))
    pairs = [(trainings.get((m, s)) for m in (method, baseline)) for s in shared]
    return bool(pairs) and all(own == other is not None for own, other in pairs)


def _summary(
    method: str,
    drawn: MetricDraws,
    aligned: AlignedPredictions,
    level: float,
    baseline: str,
) -> pd.DataFrame:
    reference = drawn.of(shared_columns(aligned, method, baseline)[1])
    shared = _shared(aligned.seeds_of(method), aligned.seeds_of(baseline))
    runs = drawn.of(aligned.columns_of(method))
    seeds = runs.values.shape[1]
    mean = runs.values.mean(axis=1)
    low, high = percentile_interval(runs.draws.mean(axis=1), level)
    undefined = np.isnan(mean)
    return pd.DataFrame(
        {
            "method": method,
            "metric": list(drawn.keys),
            "mean": mean,
            "sd": runs.values.std(axis=1, ddof=1) if seeds > 1 else np.nan,
            "low": np.where(undefined, np.nan, low),
            "high": np.where(undefined, np.nan, high),
            "n": drawn.n,
            "seeds": seeds,
            "shared_seeds": len(shared),
            "reference": reference.values.mean(axis=1),
            "delta": np.nan,
            "delta_low": np.nan,
            "delta_high": np.nan,
            "p": np.nan,
            "p_holm": np.nan,
            "verdict": "baseline",
        }
    )


def _with_difference(
    part: pd.DataFrame, difference: Differences, corrected: NDArray[np.float64]
) -> pd.DataFrame:
    return part.assign(
        delta=difference.delta,
        delta_low=difference.low,
        delta_high=difference.high,
        p=difference.p,
        p_holm=corrected,
    )


def verdicts(
    difference: Differences,
    corrected: NDArray[np.float64],
    n: Integers,
    lower: NDArray[np.bool_],
    level: float,
) -> NDArray[np.str_]:
    """Say ``better``, ``worse`` or ``inconclusive`` of every difference.

    Parameters
    ----------
    difference : Differences
    corrected : float64 array
        P-values after Holm's correction; NaN is inconclusive.
    n : int array
        Images that each metric rests on.
    lower : bool array
        Where less is better.
    level : float, in (0, 1)
    """
    certain = (corrected < 1 - level) & (n >= SMALL_GROUP)
    better = np.where(lower, difference.delta < 0, difference.delta > 0)
    return np.where(certain, np.where(better, "better", "worse"), "inconclusive")


def verdict_sentence(
    row: Mapping[str, Any] | pd.Series,
    *,
    label: str = "",
    level: float = 0.95,
    tasks: tuple[Task, ...] = (),
) -> str:
    """Say one row of a comparison in a plain sentence.

    Parameters
    ----------
    row : mapping or Series
        A row of ``Comparison.table``.
    label : str, optional
        The method's label; its name otherwise.
    level : float
        Level of the comparison's intervals.
    tasks : tuple of Task, optional
        For labels and units.

    Returns
    -------
    str
        Such as "DenseWeight's age MAE is 0.21 years lower than the baseline's (95 %
        interval 0.05 to 0.37 lower; p = 0.030): better.", where p is Holm's.
    """
    info = metric_info(str(row["metric"]), tasks)
    who = f"{possessive(label or str(row['method']))} {info.phrase}"
    if math.isnan(row["mean"]):
        return f"{who} is not defined: no such image here."
    if row["verdict"] == "baseline":
        value = info.format(row["mean"], unit=True)
        span = f"{info.format(row['low'])} to {info.format(row['high'])}"
        return f"{who} is {value} ({_percent(level)} interval {span})."
    return difference_sentence(row, info, who, level)


def possessive(name: str) -> str:
    """A name as the owner of what follows: "LMF's", "INS weights'"."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def difference_sentence(
    row: Mapping[str, Any] | pd.Series, info: MetricInfo, who: str, level: float
) -> str:
    """Say how something of a method differs from the baseline's.

    Parameters
    ----------
    row : mapping or Series
        With ``mean``, ``n``, ``delta``, ``delta_low``, ``delta_high``, ``p``,
        ``p_holm`` and ``verdict``.
    info : MetricInfo
        For unit, digits and direction.
    who : str
        Subject of the sentence, such as "DenseWeight's age MAE".
    level : float
        Of the interval.
    """
    if math.isnan(row["mean"]):
        return f"{who} is not defined: no such image here."
    if row["n"] < SMALL_GROUP:
        return f"{who} rests on {_images(row['n'])}: too few to tell."
    if not math.isfinite(row["p_holm"]):
        return f"{who} cannot be compared with the baseline's here."
    return f"{who} {_difference_text(row, info, level)}"


def _difference_text(
    row: Mapping[str, Any] | pd.Series, info: MetricInfo, level: float
) -> str:
    closer = ("nearer to zero", "farther from zero")
    down, up = closer if info.direction == "zero" else ("lower", "higher")
    delta, low, high = row["delta"], row["delta_low"], row["delta_high"]
    size = info.format(abs(delta))
    if float(size) == 0:
        size_text = "the same as the baseline's to the digits shown"
    else:
        amount = f"{size} {info.difference_unit}".strip()
        size_text = f"{amount} {down if delta < 0 else up} than the baseline's"
    if low < 0 < high:
        span = f"{info.format(-low)} {down} to {info.format(high)} {up}"
    else:
        ends = sorted((abs(low), abs(high)))
        way = down if delta < 0 else up
        span = f"{info.format(ends[0])} to {info.format(ends[1])} {way}"
    numbers = f"({_percent(level)} interval {span}; p {_p_text(row['p_holm'])})"
    if row["verdict"] == "inconclusive" and row["p"] < 1 - level:
        return f"is {size_text} {numbers}: not certain with this many methods tried."
    if row["verdict"] == "inconclusive":
        return f"is {size_text} {numbers}: the data cannot tell."
    return f"is {size_text} {numbers}: {row['verdict']}."


def _percent(level: float) -> str:
    return f"{100 * level:g} %"


def _p_text(p: float) -> str:
    if p < 0.001:
        return "< 0.001"
    return f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def _images(n: int) -> str:
    return f"{n} image" if n == 1 else f"{n} images"
