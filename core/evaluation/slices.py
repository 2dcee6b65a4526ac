"""Slices: groups of up to two features in which a method is worse than overall.

Every group of every feature, and every crossing of two, is looked at; the interval of
each difference holds for all of them at once, since the worst of many is bad by chance
alone. The differences are the engine's own contrasts: of a slice to all images, over
the same resamples and seeds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.alignment import AlignedPredictions, RunKey
from core.evaluation.comparison import strata_codes
from core.evaluation.image_errors import image_errors
from core.evaluation.multiple_comparisons import simultaneous
from core.evaluation.resampling import (
    LEVEL,
    MAX_WEIGHTED_ROWS,
    RESAMPLES,
    Doubles,
    Flags,
    Floats,
    Integers,
    Resampler,
    StratumDraws,
    one_thread,
)
from core.evaluation.slice_features import SliceFeatures
from core.evaluation.variance import (
    Contrast,
    RunDraws,
    TrainingVariance,
    compute_contrasts,
    distinct_trainings,
    name_trainings,
    pool_variances,
)
from core.language import N_, gettext
from core.tasks import Regression, Task

FEWEST = 20
"""Images of a slice at the least."""
MOST_SLICES = 1_000
"""Slices that are looked at; the correlation of as many is computed."""
SAME_IMAGES = 0.95
"""Share of images in common from which two slices are one (Jaccard's index)."""
MAX_COMBINATIONS = 4_000
"""Combinations of groups that a set of over ``MAX_WEIGHTED_ROWS`` images is cut into:
each is resampled by itself."""
PARENT = N_("no worse than one feature alone")
NO_INTERVAL = N_("no interval")
TOO_MANY = N_("with it there would be more than 1,000 slices")
TOO_SMALL = N_("no group of 20 images")
_SMALL = 0
"""Code of all groups of a feature that have fewer than ``FEWEST`` images."""
_BLOCK = 256
_Key = tuple[tuple[int, int], ...]
COLUMNS = (
    *("slice", "feature", "group", "second_feature", "second_group", "n", "error"),
    *("delta", "low", "high", "p", "worse", "left_out"),
)


@dataclass(frozen=True)
class SliceSearch:
    """Every slice that was looked at, of one method.

    Parameters
    ----------
    table : DataFrame
        One row a slice, the highest lower bound first.

        - ``slice``: its place among all, the same for every method; ``feature`` and
          ``group``, ``second_feature`` and ``second_group`` (empty for one feature);
        - ``n``: its images; ``error``: its mean error; ``delta``: that less the mean
          error of all images; ``low``, ``high``, ``p``: the interval of ``delta`` and
          its p-value, which hold for all slices at once;
        - ``worse``: whether ``low`` is above 0;
        - ``left_out``: why a list leaves it out; empty if it does not.
    method : str
    overall : float
        Mean error of all images.
    rows : int
        Test images.
    seeds : int
    same : int
        Slices that were not looked at, since another has the same images.
    left_out : dict of str to str
        Features that are not searched, each with the reason.
    """

    table: pd.DataFrame
    method: str
    overall: float
    rows: int
    seeds: int
    same: int
    left_out: dict[str, str]

    @property
    def looked_at(self) -> int:
        """Slices that the intervals are corrected for."""
        return len(self.table)

    @cached_property
    def listed(self) -> pd.DataFrame:
        """Slices without those that say no more than another."""
        return self.table[self.table["left_out"] == ""].reset_index(drop=True)

    @cached_property
    def found(self) -> pd.DataFrame:
        """Those of ``listed`` in which the method is certainly worse."""
        return self.listed[self.listed["worse"]].reset_index(drop=True)


@dataclass(frozen=True)
class _Slices:
    """Slices as sets of combinations of groups.

    Parameters
    ----------
    keys : list of tuple of pairs of int
        Places of feature and group, of one or two features.
    members : bool array, shape (slices, combinations)
    n : int array, shape (slices,)
    combination : int array, shape (rows,)
        Of each image.
    names : list of tuple of str
        Groups of each feature.
    features : tuple of str
    same : dict
        Of slices that were not kept, the place of the one that has their images; None
        for all images.
    left_out : dict of str to str
        Features that are not searched.
    """

    keys: list[_Key]
    members: Flags
    n: Integers
    combination: Integers
    names: list[tuple[str, ...]]
    features: tuple[str, ...]
    same: dict[_Key, int | None]
    left_out: dict[str, str]


def find_slices(
    aligned: AlignedPredictions,
    task: Task,
    features: SliceFeatures,
    methods: Sequence[str] | None = None,
    *,
    trained: Sequence[str] | None = None,
    trainings: Mapping[RunKey, str] | None = None,
    pooled: TrainingVariance | None = None,
    design: Sequence[str] | pd.Series | None = None,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    rng_seed: int = 0,
) -> dict[str, SliceSearch]:
    """Find the slices in which methods are worse than overall.

    Parameters
    ----------
    aligned : AlignedPredictions
        With the task.
    task : Task
    features : SliceFeatures
        Of the same images in the same order.
    methods : sequence of str, optional
        Those to search; all by default.
    trained : sequence of str, optional
        Methods that tell how much a slice varies from training to training; all by
        default.
    trainings : mapping of (method, seed) to str, optional
        What the training of each run is known by, so that each counts once.
    pooled : TrainingVariance, optional
        From ``pool_slices`` with the same arguments, where it is already there.
    design : sequence of str, optional
        Stratum of each image, where the test set was drawn by strata.
    resamples, level, rng_seed
        As in ``comparison.compare_runs``.

    Returns
    -------
    dict of str to SliceSearch
        By method; each is a family of its own.

    Notes
    -----
    An image's error is 0 or 1 for classes and the size of the error for a number; a
    slice's is the mean over its images and the seeds. The difference is to all images,
    and not to those outside: what is left of a slice's error then stands beside the
    number that a reader knows, and the two differences have one sign and one test, as
    the first is the second times the share of images outside.

    Variances and degrees of freedom are those of ``variance.compute_contrasts``, seed
    by seed; the interval and p are those of ``multiple_comparisons.simultaneous`` over
    all slices. Two things differ from methods side by side. The variance over trainings
    is pooled over all ``trained`` methods: of hundreds of slices, some hardly differ
    between three seeds by chance. And the variance over images is at least that of as
    many images drawn from all: 20 images with a common error may all have it by
    chance, and then do not vary.

    Not looked at is a slice with fewer than ``FEWEST`` images, and one that holds the
    same images as an earlier slice or as the whole set (``SAME_IMAGES``). Looked at,
    but left out of a list, is a crossing whose error and lower bound are not both above
    those of each of its features alone, which say as much of more images; and a slice
    without an interval.
    """
    slices = _list_slices(features, aligned.rows)
    resampler = _resampler(aligned.rows, design, resamples, rng_seed)
    is_share = not isinstance(task, Regression)
    asked = aligned.methods if methods is None else methods
    telling = [] if pooled is not None else _telling(aligned, trained, trainings)
    found: dict[str, SliceSearch] = {}
    pairs: dict[str, tuple[RunDraws, RunDraws]] = {}
    variances: dict[str, TrainingVariance] = {}
    with one_thread():
        for method in dict.fromkeys([*asked, *telling]):
            errors = image_errors(aligned, task, aligned.columns_of(method))
            pair = _resample(errors, slices, resampler)
            if method in asked:
                pairs[method] = pair
            if method in telling:
                variances[method] = _training_variance(pair)
        if pooled is None:
            pooled = pool_variances([variances[method] for method in telling])
        for method, pair in pairs.items():
            errors = image_errors(aligned, task, aligned.columns_of(method))
            found[method] = _search(
                slices, method, errors, pair, pooled, level, is_share=is_share
            )
    return {method: found[method] for method in asked}


def pool_slices(
    aligned: AlignedPredictions,
    task: Task,
    features: SliceFeatures,
    *,
    trained: Sequence[str] | None = None,
    trainings: Mapping[RunKey, str] | None = None,
    design: Sequence[str] | pd.Series | None = None,
    resamples: int = RESAMPLES,
    rng_seed: int = 0,
) -> TrainingVariance | None:
    """Pool how much every slice varies from training to training.

    It is the same whichever method is searched, and most of the work of
    ``find_slices``, whose parameters these are.
    """
    slices = _list_slices(features, aligned.rows)
    resampler = _resampler(aligned.rows, design, resamples, rng_seed)
    with one_thread():
        return pool_variances(
            [
                _training_variance(
                    _resample(
                        image_errors(aligned, task, aligned.columns_of(method)),
                        slices,
                        resampler,
                    )
                )
                for method in _telling(aligned, trained, trainings)
            ]
        )


def _resampler(
    rows: int, design: Sequence[str] | pd.Series | None, resamples: int, rng_seed: int
) -> Resampler:
    strata = None if design is None else strata_codes(design, rows)
    return Resampler(rows, resamples, rng_seed, design=strata)


def _telling(
    aligned: AlignedPredictions,
    trained: Sequence[str] | None,
    trainings: Mapping[RunKey, str] | None,
) -> list[str]:
    """Methods whose seeds tell how trainings vary, each training once."""
    asked = aligned.methods if trained is None else trained
    seeds = {m: len(aligned.seeds_of(m)) for m in aligned.methods if m in asked}
    return distinct_trainings(seeds, name_trainings(aligned.runs, trainings or {}))


def _training_variance(pair: tuple[RunDraws, RunDraws]) -> TrainingVariance:
    # The same trained weights: the unit is the difference of each seed.
    inside, overall = pair
    return inside.less(overall).training_variance()


def _list_slices(features: SliceFeatures, rows: int) -> _Slices:
    """Every slice with enough images, those of the same images once."""
    codes, names, left_out = _codes(features, rows)
    combination, first = _combine(codes, rows)
    images = np.bincount(combination, minlength=len(first)).astype(np.float64)
    cells = [own[first] for own in codes]
    keys = list(_candidates(cells, images))
    for f in reversed(range(len(cells))):
        if len(keys) > MOST_SLICES:
            keys = [key for key in keys if f not in dict(key)]
            left_out.setdefault(features.names[f], TOO_MANY)
    members = [np.all([cells[f] == g for f, g in key], axis=0) for key in keys]
    found = np.array(members, bool).reshape(len(keys), len(first))
    same, kept = _same_slices(keys, found, images, rows)
    chosen = found[kept]
    return _Slices(
        keys=[keys[place] for place in kept],
        members=chosen,
        n=np.rint(chosen @ images).astype(np.int64),
        combination=combination,
        names=names,
        features=features.names,
        same=same,
        left_out=left_out,
    )


def _codes(
    features: SliceFeatures, rows: int
) -> tuple[list[Integers], list[tuple[str, ...]], dict[str, str]]:
    """Codes of the groups of each feature that are large enough, from 1.

    A feature that is not searched has the same code everywhere.
    """
    codes, names, left_out, combination = [], [], dict(features.left_out), None
    for feature in features.names:
        column = features.groups[feature].cat
        own = column.codes.to_numpy(np.int64)
        large = np.bincount(own, minlength=len(column.categories)) >= FEWEST
        places = np.where(large, np.cumsum(large), _SMALL)
        new, found = places[own], tuple(column.categories[large])
        if not large.any():
            left_out[feature] = TOO_SMALL
        elif rows > MAX_WEIGHTED_ROWS:
            joined = new if combination is None else combination * len(places) + new
            joined, distinct = pd.factorize(joined)
            if len(distinct) > MAX_COMBINATIONS:
                new, found = np.zeros(rows, np.int64), ()
                left_out[feature] = gettext(
                    "with it, {count} images would be cut into more than {most}"
                    " combinations",
                    count=rows,
                    most=MAX_COMBINATIONS,
                )
            else:
                combination = joined
        codes.append(new)
        names.append(("", *map(str, found)))
    return codes, names, left_out


def _combine(codes: Sequence[Integers], rows: int) -> tuple[Integers, Integers]:
    """Combination of groups of each image, and an image of each combination."""
    combination = np.zeros(rows, np.int64)
    for own in codes:
        joined = combination * (int(own.max()) + 1) + own
        combination = pd.factorize(joined)[0].astype(np.int64)
    first = np.empty(int(combination.max()) + 1, np.int64)
    first[combination[::-1]] = np.arange(rows)[::-1]
    return combination, first


def _candidates(cells: Sequence[Integers], images: Doubles) -> Iterator[_Key]:
    """Keys of all slices with enough images: first of one feature, then of two."""
    sizes = [int(own.max()) + 1 for own in cells]
    for f, size in enumerate(sizes):
        for g in range(1, size):
            yield ((f, g),)
    for f, h in combinations(range(len(cells)), 2):
        counts = np.bincount(
            cells[f] * sizes[h] + cells[h], images, sizes[f] * sizes[h]
        ).reshape(sizes[f], sizes[h])
        for g, k in np.argwhere(counts[1:, 1:] >= FEWEST) + 1:
            yield (f, int(g)), (h, int(k))


def _same_slices(
    keys: Sequence[_Key],
    members: Flags,
    images: Doubles,
    rows: int,
) -> tuple[dict[_Key, int | None], list[int]]:
    """Slices with the images of an earlier one or of all, and the places of the rest.

    The first are mapped to a place among the rest; None is the whole set.
    """
    weighted = members * np.sqrt(images, dtype=np.float32)
    common = weighted @ weighted.T
    n = common.diagonal()
    alike = common >= SAME_IMAGES * (n[:, None] + n[None, :] - common)
    same: dict[_Key, int | None] = {}
    kept: list[int] = []
    for place, key in enumerate(keys):
        if n[place] >= SAME_IMAGES * rows:
            same[key] = None
            continue
        earlier = [one for one, other in enumerate(kept) if alike[place, other]]
        if earlier:
            same[key] = earlier[0]
        else:
            kept.append(place)
    return same, kept


def _search(
    slices: _Slices,
    method: str,
    errors: NDArray[np.float32],
    pair: tuple[RunDraws, RunDraws],
    pooled: TrainingVariance | None,
    level: float,
    *,
    is_share: bool,
) -> SliceSearch:
    overall = float(errors.mean(dtype=np.float64))
    table = pd.DataFrame(columns=list(COLUMNS))
    if slices.keys:
        contrast = _contrast(*pair, slices.n, errors.mean(axis=0), pooled)
        table = _tabulate(slices, pair[0], contrast, level)
        # No error is below 0, and no share above 1.
        table["low"] = table["low"].clip(lower=-overall)
        if is_share:
            table["high"] = table["high"].clip(upper=1 - overall)
    return SliceSearch(
        table=table,
        method=method,
        overall=overall,
        rows=errors.shape[1],
        seeds=len(errors),
        same=len(slices.same),
        left_out=slices.left_out,
    )


def _resample(
    errors: NDArray[np.float32], slices: _Slices, resampler: Resampler
) -> tuple[RunDraws, RunDraws]:
    """Mean errors of slices, and of all images, as they are and under the resamples."""
    members = slices.members
    number, seeds, resamples = len(members), len(errors), resampler.resamples
    sums = np.zeros((number, seeds, resamples), np.float32)
    counts = np.zeros((number, resamples), np.float32)
    totals = np.zeros((number, seeds))
    all_sums = np.zeros((seeds, resamples))
    all_counts = np.zeros(resamples)
    strata = resampler.sums(
        lambda rows: errors[:, rows].T, slices.combination, members.shape[1]
    )
    for block in _blocks(strata):
        own = members[:, [one.stratum for one in block]].astype(np.float32)
        of_sums = np.stack([one.sums for one in block])
        of_counts = np.stack([one.counts for one in block])
        sums += np.tensordot(own, of_sums, axes=1)
        counts += own @ of_counts
        totals += own @ np.stack([one.total for one in block])
        all_sums += of_sums.sum(axis=0)
        all_counts += of_counts.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = sums / counts[:, None, :]
    shape = (number, seeds)
    values = np.broadcast_to(errors.mean(axis=1, dtype=np.float64), shape)
    all_draws = (all_sums / all_counts).astype(np.float32)
    return (
        RunDraws(totals / slices.n[:, None], draws),
        RunDraws(values, np.broadcast_to(all_draws, (*shape, resamples))),
    )


def _blocks(items: Iterator[StratumDraws]) -> Iterator[list[StratumDraws]]:
    block: list[StratumDraws] = []
    for item in items:
        block.append(item)
        if len(block) == _BLOCK:
            yield block
            block = []
    if block:
        yield block


def _contrast(
    inside: RunDraws,
    overall: RunDraws,
    n: Integers,
    errors: Floats,
    pooled: TrainingVariance | None,
) -> Contrast:
    """All slices beside all images; an entry for each slice."""
    runs = {"inside": inside, "overall": overall}
    found = compute_contrasts(runs, "overall", n, paired=["inside"], paired_run=pooled)[
        "inside"
    ]
    rows = len(errors)
    least = errors.var(ddof=1, dtype=np.float64) * (1 / n - 1 / rows)
    return replace(found, over_images=np.maximum(found.over_images, least))


def _tabulate(
    slices: _Slices, inside: RunDraws, contrast: Contrast, level: float
) -> pd.DataFrame:
    family = simultaneous(
        {str(place): _part(contrast, place) for place in range(len(slices.keys))},
        level=level,
    )
    low, high, p = (
        np.array([getattr(one, name)[0] for one in family.values()])
        for name in ("low", "high", "p")
    )
    named = [
        [(slices.features[f], slices.names[f][g]) for f, g in key]
        for key in slices.keys
    ]
    seconds = [(*own[1:], ("", ""))[0] for own in named]
    table = pd.DataFrame(
        {
            "slice": np.arange(len(named)),
            "feature": [own[0][0] for own in named],
            "group": [own[0][1] for own in named],
            "second_feature": [feature for feature, _ in seconds],
            "second_group": [group for _, group in seconds],
            "n": slices.n,
            "error": inside.values.mean(axis=1),
            "delta": contrast.delta,
            "low": low,
            "high": high,
            "p": p,
            "worse": low > 0,
            "left_out": _left_out(slices, contrast.delta, low),
        }
    )
    # At equal bounds, such as none, the larger difference comes first.
    order = np.lexsort((-table["delta"], -table["low"].fillna(-np.inf)))
    return table.iloc[order].reset_index(drop=True)


def _part(contrast: Contrast, place: int) -> Contrast:
    """One slice of a contrast, as a member of a family."""
    one = slice(place, place + 1)
    arrays = ("delta", "over_images", "over_seeds", "freedom", "family_freedom", "n")
    more = ("shared", "interaction", "draws", "undefined")
    return replace(
        contrast,
        **{name: getattr(contrast, name)[one] for name in (*arrays, *more)},
        method_run=None,
    )


def _left_out(slices: _Slices, delta: Doubles, low: Doubles) -> list[str]:
    """Why each slice says no more than another; empty where it does."""
    places = {key: place for place, key in enumerate(slices.keys)}
    # A feature alone that has no interval is compared by its error.
    lowest = np.where(np.isnan(low), -np.inf, low)
    said = []
    for place, key in enumerate(slices.keys):
        alone = [(one,) for one in key] if len(key) > 1 else []
        parents = [places.get(one, slices.same.get(one)) for one in alone]
        is_worse = all(
            delta[place] > delta[parent] and low[place] > lowest[parent]
            for parent in parents
            if parent is not None
        )
        reason = "" if is_worse else PARENT
        said.append(NO_INTERVAL if np.isnan(low[place]) else reason)
    return said
