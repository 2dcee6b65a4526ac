"""How often conformal intervals hold the truth, and how wide they are: by group.

Each interval is that of ``conformal.conformal_offsets`` about a prediction, fitted on
validation images. It promises its coverage over all images like these, and of the bins
of the prediction; of a group, or of an age that is true, it promises nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evaluation.alignment import RunKey, align_predictions
from core.evaluation.comparison import strata_codes
from core.evaluation.conformal import COVERAGE, conformal_offsets
from core.evaluation.grouping import ALL_IMAGES, group_images
from core.evaluation.intervals import wilson
from core.evaluation.resampling import LEVEL, Doubles, Flags, Integers, Resampler
from core.evaluation.student_t import student_quantile
from core.evaluation.variance import (
    TrainingVariance,
    distinct_trainings,
    name_trainings,
    pool_variances,
    satterthwaite,
    seed_terms,
    undefined_ratios,
)
from core.tasks import Regression, Task

PREDICTION, TRUTH = "prediction", "truth"
"""Parts by the bin of the number itself, beside sensitive features."""
COLUMNS = (
    *("method", "part", "group", "coverage", "low", "high"),
    *("width", "images", "seeds", "verdict"),
)
TOO_LOW, TOO_HIGH = "too low", "too high"
Strata = Mapping[str, tuple[Sequence[str], Sequence[str]]]


def conformal_coverage(
    validation: Mapping[RunKey, pd.DataFrame],
    test: Mapping[RunKey, pd.DataFrame],
    task: Regression,
    *,
    features: Sequence[str] = (),
    tasks: Sequence[Task] = (),
    strata: Strata | None = None,
    trainings: Mapping[RunKey, str] | None = None,
) -> pd.DataFrame:
    """Coverage and width of the intervals on the test images, in parts of them.

    Parameters
    ----------
    validation, test : mapping of (method, seed) to DataFrame
        Predictions of the two splits; a method without the first is left out.
    task : Regression
    features : sequence of str
        Sensitive features whose groups are looked at. Those that the tables lack are
        left out.
    tasks : sequence of Task
        Order the groups of a feature that is a task too.
    strata
        As for ``conformal_offsets``; the test images were drawn by them.
    trainings : mapping of (method, seed) to str, optional
        What the training of each run is known by, so that each counts once.

    Returns
    -------
    DataFrame
        One row a method, part and group. ``part`` is empty for all images, else
        ``PREDICTION``, ``TRUTH`` (bins of the number) or a feature. ``coverage`` is the
        share of intervals that hold the truth, as a mean over the ``seeds``, with its
        95 % interval ``low`` to ``high``; ``width`` the mean width within the range of
        the task, in its unit; ``images`` those of the group, in a bin of the prediction
        as a mean over the seeds; ``verdict``, ``TOO_LOW`` or ``TOO_HIGH`` where the
        coverage is certainly not what was promised, else empty.

    Notes
    -----
    The interval is Wilson's, over images and seeds, as that of any share of images
    (``intervals.single_interval``): a method of one seed has the pooled variance of the
    other trainings. The variance over images is that of the linearised shares, and not
    the bootstrap's; within strata of n images it is n / (n - 1) times their spread. A
    verdict takes a wider interval, corrected over all methods and groups of the part
    (Bonferroni): the worst of many groups is low by chance.
    """
    offsets = conformal_offsets(validation, test, task, strata=strata)
    methods = offsets["method"].unique()
    shares: dict[tuple[str, str], _Shares] = {}
    seeds = {}
    for method in methods:
        keys = sorted(key for key in test if key[0] == method and key in validation)
        tables = {key: test[key] for key in keys}
        found = _hold(tables, task, offsets[offsets["method"] == method])
        design = _design(strata, method, found.held.shape[1])
        for part in _groupings(tables[keys[0]], task, found, features, tasks):
            shares[method, part.part] = _shares(found, part, design)
        seeds[method] = len(keys)
    runs = [key for key in test if key[0] in seeds and key in validation]
    telling = distinct_trainings(seeds, name_trainings(runs, trainings or {}))
    parts = [
        _coverage(own, _pool(shares, telling, part, own.names), len(methods)).assign(
            method=method, part=part, seeds=seeds[method]
        )
        for (method, part), own in shares.items()
    ]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _design(strata: Strata | None, method: str, rows: int) -> Integers | None:
    """Stratum of each test image; None if they were not drawn by strata."""
    if not strata or method not in strata:
        return None
    return Resampler(rows, 0, design=strata_codes(strata[method][1], rows)).strata


@dataclass(frozen=True)
class _Intervals:
    """The intervals of one method's seeds, arrays of shape (seeds, images)."""

    held: Flags
    width: Doubles
    places: Integers


@dataclass(frozen=True)
class _Grouping:
    """Parts of the images: names, and the place of each, shape (seeds, images)."""

    part: str
    names: tuple[str, ...]
    places: Integers


def _hold(
    tables: Mapping[RunKey, pd.DataFrame], task: Regression, offsets: pd.DataFrame
) -> _Intervals:
    aligned = align_predictions(tables, [task], next(iter(tables))[0])
    predicted = aligned.predictions[task.name].astype(np.float64)
    truth = aligned.truth[task.name].astype(np.float64)
    own = offsets.set_index("bin").loc[list(task.bin_labels)]
    places = task.bin_of(predicted.ravel()).reshape(predicted.shape)
    low, high = (
        predicted + own[end].to_numpy(np.float64)[places] for end in ("low", "high")
    )
    held = (low <= truth) & (truth <= high)
    inside = (np.clip(end, task.minimum, task.maximum) for end in (low, high))
    low, high = inside
    return _Intervals(held, high - low, places)


def _groupings(
    first: pd.DataFrame,
    task: Regression,
    found: _Intervals,
    features: Sequence[str],
    tasks: Sequence[Task],
) -> list[_Grouping]:
    whole = np.zeros(found.held.shape, np.int64)
    parts = [
        _Grouping(ALL_IMAGES, (ALL_IMAGES,), whole),
        _Grouping(PREDICTION, task.bin_labels, found.places),
    ]
    bins = f"{task.name}_bin"
    for feature in (bins, *(name for name in features if name in first)):
        groups = group_images(first, [task, *tasks], [feature])
        places = np.broadcast_to(groups.codes, found.held.shape)
        name = TRUTH if feature == bins else feature
        parts.append(_Grouping(name, groups.names, places))
    return parts


@dataclass(frozen=True)
class _Shares:
    """Coverage of one method in the groups of one part, before any interval.

    ``images``, ``held`` and ``width`` are sums of shape (groups, seeds); the variance
    that the images bring to the mean over the seeds, shape (groups,); ``training`` is
    None with one seed.
    """

    names: tuple[str, ...]
    images: Doubles
    held: Doubles
    width: Doubles
    over_images: Doubles
    training: TrainingVariance | None


@undefined_ratios
def _shares(found: _Intervals, grouping: _Grouping, design: Integers | None) -> _Shares:
    seeds, count = len(found.held), len(grouping.names)
    images, held, width = (  # shape (groups, seeds) each
        np.stack(
            [
                np.bincount(places, weights, minlength=count).astype(np.float64)
                for places, weights in zip(grouping.places, values, strict=True)
            ],
            axis=1,
        )
        for values in (np.ones_like(found.width), found.held, found.width)
    )
    values = held / images
    of_mean, of_runs = _over_images(found.held, grouping.places, values, images, design)
    training = None
    if seeds > 1:
        training = TrainingVariance(
            observed=values.var(axis=1, ddof=1),
            interaction=(of_runs - of_mean) * seeds / (seeds - 1),
            freedom=np.full(count, seeds - 1.0),
        )
    return _Shares(grouping.names, images, held, width, of_mean, training)


def _pool(
    shares: Mapping[tuple[str, str], _Shares],
    telling: Sequence[str],
    part: str,
    names: tuple[str, ...],
) -> TrainingVariance | None:
    """How much trainings vary in these groups, over all that have two seeds."""
    found = (shares[method, part] for method in telling if (method, part) in shares)
    known = [own.training for own in found if own.training and own.names == names]
    return pool_variances(known)


@undefined_ratios
def _coverage(
    own: _Shares, pooled: TrainingVariance | None, methods: int
) -> pd.DataFrame:
    """Coverage in the groups of one part; empty groups are left out."""
    seeds = own.held.shape[1]
    training = own.training or pooled
    mean, n = (own.held / own.images).mean(axis=1), own.images.mean(axis=1)
    low, high = _ends(mean, n, own.over_images, training, seeds, LEVEL)
    looks = methods * max(int((n > 0).sum()), 1)
    corrected = 1 - (1 - LEVEL) / looks
    sure = _ends(mean, n, own.over_images, training, seeds, corrected)
    verdict = np.where(sure[1] < COVERAGE, TOO_LOW, "")
    images = own.images.sum(axis=1)
    table = pd.DataFrame(
        {
            "group": own.names,
            # In a bin that not every seed predicts, of all answers that are in it.
            "coverage": np.where(np.isnan(mean), own.held.sum(axis=1) / images, mean),
            "low": low,
            "high": high,
            "width": own.width.sum(axis=1) / images,
            "images": n,
            "verdict": np.where(sure[0] > COVERAGE, TOO_HIGH, verdict),
        }
    )
    return table[n > 0]


@undefined_ratios
def _over_images(
    held: Flags,
    places: Integers,
    values: Doubles,
    images: Doubles,
    design: Integers | None,
) -> tuple[Doubles, Doubles]:
    """Variance that the images bring to the mean over the seeds, and to one seed.

    Of the linearised shares, by image: several seeds err on the same images.
    """
    seeds, count = len(held), len(values)
    parts = [
        (own - values[place, seed]) / images[place, seed]
        for seed, (own, place) in enumerate(zip(held, places, strict=True))
    ]
    strata = np.zeros(places.shape[1], np.int64) if design is None else design
    sizes = np.bincount(strata)
    # Without strata the whole set is one, in which the parts of a group add up to 0.
    factor = np.ones(1) if design is None else sizes / (sizes - 1)
    cells = places * len(sizes) + strata
    sums = [_by_stratum(*own, count, sizes) for own in zip(cells, parts, strict=True)]
    of_mean, of_runs = np.zeros(count), np.zeros(count)
    for one in range(seeds):
        for other in range(seeds):
            both = places[one] == places[other]
            product = (parts[one] * parts[other])[both]
            squares = _by_stratum(cells[one][both], product, count, sizes)
            found = (squares - sums[one] * sums[other] / sizes) @ factor
            of_mean += found / seeds**2
            of_runs += found / seeds * (one == other)
    return of_mean, of_runs


def _by_stratum(
    cells: Integers, values: Doubles, count: int, sizes: Integers
) -> Doubles:
    """Sums by group and stratum, shape (groups, strata)."""
    found = np.bincount(cells, values, count * len(sizes)).astype(np.float64)
    return found.reshape(count, len(sizes))


def _ends(
    mean: Doubles,
    n: Doubles,
    over_images: Doubles,
    training: TrainingVariance | None,
    seeds: int,
    level: float,
) -> tuple[Doubles, Doubles]:
    """Wilson's interval over images and seeds, as ``intervals.single_interval`` has."""
    trainings, _, spread = seed_terms((training, None), (seeds, 0))
    freedom = satterthwaite(over_images, n, trainings, spread)
    return wilson(
        mean,
        n,
        over_images * n,
        seeds=seeds,
        level=level,
        trainings=trainings,
        reach=student_quantile(freedom, (1 + level) / 2) if training else None,
    )
