"""The bootstrap over test images, vectorised: no Python loop over resamples.

Every metric is a function of sums over images, taken within strata of the truth (a
class, or a bin of a number) and of the groups. A resample draws as many images as there
are, with replacement, and so only changes those sums. It is drawn in one of two ways,
and every method and seed sees the same resample:

- up to ``MAX_WEIGHTED_ROWS`` images exactly: how often each image was drawn, as a
  matrix of weights that is multiplied with the images' values;
- beyond, the sums of a large stratum come from the normal distribution with the mean
  and covariance that the bootstrap gives them; those of a small one are drawn exactly.

A test set that was itself drawn by strata, such as ten photos of each gender, ethnicity
and decade, is resampled within these: see ``Resampler.design``.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from core.evaluation.binned_values import BinnedValues

Floats = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Features = Floats | BinnedValues
"""Values of images, shape (images, features)."""

LEVEL = 0.95
RESAMPLES = 2_000
MAX_WEIGHTED_ROWS = 10_000
"""Images up to which every resample is drawn image by image."""
SMALL_STRATUM = 1_000
"""Images up to which the sums of a stratum are drawn image by image in any case."""
BLOCK = 4_000_000
"""Draws of an image that are made at once."""
COUNTED_AT_ONCE = 200_000
"""Draws that are counted at once: their counts stay in the cache of a processor."""
ROWS_AT_ONCE = 8_192
"""Images whose values are multiplied at once: few enough for the processor's cache."""


@dataclass(frozen=True)
class StratumDraws:
    """Sums over the images of one stratum, as they are and under the resamples.

    ``total`` is the sum of each feature in the data, float64, shape (features,), over
    so many ``images``; ``counts``, shape (resamples,), and ``sums``, shape (features,
    resamples), are of the resamples.
    """

    stratum: int
    images: int
    total: Doubles
    counts: Floats
    sums: Floats


@cache
def _threadpools() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep matrix products on one core inside the block.

    They are small here, and on a busy machine the wait for a second thread costs
    many times what it saves.
    """
    with _threadpools().limit(limits=1, user_api="blas"):
        yield


@dataclass(frozen=True)
class Resampler:
    """Draws the images of one test set again.

    Parameters
    ----------
    rows : int
        Images.
    resamples : int
    rng_seed : int
        Seed of the draws.
    block : int
        Further resamples of the same images have the next number.
    design : int array, shape (rows,), or None
        Stratum that each image was drawn from, where the test set was drawn by strata.
    repeats : int array, or None
        The image, from 0 to ``rows`` - 1, of each row of the values that are summed,
        where an image has several, such as its corrupted versions: they are drawn
        together. Of at most ``MAX_WEIGHTED_ROWS`` images.

    Notes
    -----
    Without a design, ``rows`` images are drawn. With one, a stratum of n images gives
    n - 1 draws, each of which counts n / (n - 1) times: drawing n would make the
    variance too small by the factor (n - 1) / n, which for ten images a stratum is a
    tenth (Rao and Wu, Journal of the American Statistical Association 1988). Strata of
    one image are drawn as one stratum, since nothing is known of their variance.
    """

    rows: int
    resamples: int
    rng_seed: int = 0
    block: int = 0
    design: Integers | None = None
    repeats: Integers | None = None

    @property
    def is_exact(self) -> bool:
        """Whether images are drawn one by one, so that sums are of whole images."""
        return self.rows <= MAX_WEIGHTED_ROWS

    @cached_property
    def weights(self) -> NDArray[np.float32] | None:
        """How often each image counts in each resample, shape (rows, resamples).

        None where there are more than ``MAX_WEIGHTED_ROWS`` images.
        """
        if not self.is_exact:
            return None
        rng = self._rng(0)
        if self.strata is None:
            return draw_weights(self.rows, self.rows, self.resamples, rng)
        weights = np.empty((self.rows, self.resamples), np.float32)
        for members in stratum_members(self.strata, int(self.strata.max()) + 1):
            size = len(members)
            drawn = draw_weights(size, _draws_of(size), self.resamples, rng)
            drawn *= self._factor_of(size)
            weights[members] = drawn
        return weights

    def _factor_of(self, size: int) -> np.float32:
        """N / (n - 1), rounded so that all sums of weights are exact in float32.

        A count of images is then the same on every processor, in whatever order it sums
        up, and so is a share of exactly 1. Of 640 images the factor is off by at most
        0.00013, and of 10,000 by 0.002.
        """
        digits = 23 - math.ceil(math.log2(2 * self.rows))
        return np.float32(round(size / _draws_of(size) * 2**digits) / 2**digits)

    def sums(
        self,
        features: Callable[[NDArray[np.intp]], Features],
        strata: Integers,
        num_strata: int,
        *,
        stream: int = 0,
    ) -> Iterator[StratumDraws]:
        """Sum features within one stratum after another, under every resample.

        Sums that are not needed are not kept: with many strata, runs and classes all
        sums together would fill the memory.

        Parameters
        ----------
        features : callable
            Gives the features of some images, shape (images, features).
        strata : int array, shape (rows,)
        num_strata : int
        stream : int
            Tells sums apart that are drawn without weights.

        Yields
        ------
        StratumDraws
            Strata ascending; those without an image are left out.
        """
        rng = self._rng(1 + stream)
        cells = None if self.weights is not None else self._cells(strata, rng)
        for stratum, members in enumerate(stratum_members(strata, num_strata)):
            if not len(members):
                continue
            values = features(members)
            total = _totals(values)
            if cells is None:
                counts, sums = self._weighted_sums(members, values)
            else:
                counts, sums = cells.draw(stratum, members, values, rng)
            yield StratumDraws(stratum, len(members), total, counts, sums)

    def _weighted_sums(
        self, members: NDArray[np.intp], values: Features
    ) -> tuple[Floats, Floats]:
        """Rows and sums of some rows in every resample."""
        assert self.weights is not None
        own = _dense(values).astype(np.float32, copy=False)
        if self.repeats is None:
            part = self.weights[members]
            return part.sum(axis=0), own.T @ part
        # Summed over the rows of each image first: these are few beside the draws.
        images = self.repeats[members]
        rows = np.bincount(images, minlength=self.rows).astype(np.float32)
        by_image = np.zeros((self.rows, own.shape[1]), np.float32)
        np.add.at(by_image, images, own)
        return rows @ self.weights, by_image.T @ self.weights

    @cached_property
    def strata(self) -> Integers | None:
        """The design, where strata of one image are one stratum."""
        if self.design is None:
            return None
        codes = np.unique(self.design, return_inverse=True)[1]
        sizes = np.bincount(codes)
        alone = sizes[codes] < 2
        if alone.sum() == 1:
            # It joins the smallest stratum there is, if there is one.
            alone |= codes == np.argmin(np.where(sizes < 2, self.rows, sizes))
        codes = np.where(alone, len(sizes), codes)
        return np.unique(codes, return_inverse=True)[1].astype(np.int64)

    def _rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.rng_seed, self.block, stream])

    def _cells(self, strata: Integers, rng: np.random.Generator) -> "_Cells":
        design = self.strata
        if design is None:
            design = np.zeros(self.rows, np.int64)
        whole = self.strata is None
        return _Cells(strata, design, self.resamples, rng, whole=whole)


class _Cells:
    """How many images of each cell, stratum x design, every resample has.

    Parameters
    ----------
    strata, design : int arrays, shape (rows,)
    resamples : int
    rng : numpy.random.Generator
    whole : bool
        Whether as many images are drawn as there are.
    """

    def __init__(
        self,
        strata: Integers,
        design: Integers,
        resamples: int,
        rng: np.random.Generator,
        *,
        whole: bool,
    ) -> None:
        self.strata = design
        self._width = int(design.max()) + 1
        keys, sizes = np.unique(strata * self._width + design, return_counts=True)
        drawn = np.empty((resamples, len(keys)), np.int32)
        self._factor = np.ones(self._width, np.float32)
        for stratum in range(self._width):
            own = np.flatnonzero(keys % self._width == stratum)
            total = int(sizes[own].sum())
            draws = total if whole else _draws_of(total)
            self._factor[stratum] = total / draws
            drawn[:, own] = rng.multinomial(draws, sizes[own] / total, resamples)
        self._drawn = {int(key): drawn[:, place] for place, key in enumerate(keys)}

    def draw(
        self,
        stratum: int,
        members: NDArray[np.intp],
        values: Features,
        rng: np.random.Generator,
    ) -> tuple[Floats, Floats]:
        """Images and sums of one stratum in every resample."""
        if self._width == 1:
            return self._draw_cell(stratum, 0, values, rng)
        counts: Floats | float = 0.0
        sums: Floats | float = 0.0
        own = self.strata[members]
        for place in np.unique(own):
            part = self._draw_cell(stratum, int(place), values[own == place], rng)
            counts, sums = counts + part[0], sums + part[1]
        return np.asarray(counts), np.asarray(sums)

    def _draw_cell(
        self, stratum: int, place: int, values: Features, rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        drawn = self._drawn[stratum * self._width + place]
        draw = _drawn_sums if values.shape[0] <= SMALL_STRATUM else _normal_sums
        counts, sums = drawn.astype(np.float32), draw(values, drawn, rng)
        factor = self._factor[place]
        return (counts, sums) if factor == 1 else (counts * factor, sums * factor)


def _draws_of(size: int) -> int:
    """How many images of a stratum of the design are drawn."""
    return max(size - 1, 1)


def draw_weights(
    rows: int, draws: int, resamples: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """How often each of ``rows`` images is among ``draws``, shape (rows, resamples)."""
    weights = np.empty((rows, resamples), np.float32)
    step = max(1, COUNTED_AT_ONCE // max(draws, 1))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = rng.integers(0, rows, (size, draws))
        drawn += np.arange(size)[:, None] * rows
        counts = np.bincount(drawn.ravel(), minlength=size * rows)
        weights[:, start : start + size] = counts.reshape(size, rows).T
    return weights


def stratum_members(strata: Integers, num_strata: int) -> list[NDArray[np.intp]]:
    """Images of each stratum, in their order."""
    # Sixteen bits are sorted by radix, which is many times faster.
    small = num_strata <= np.iinfo(np.int16).max
    keys = strata.astype(np.int16) if small else strata
    order = np.argsort(keys, kind="stable")
    ends = np.bincount(strata, minlength=num_strata).cumsum()
    return np.split(order, ends[:-1])


def _dense(values: Features) -> Floats:
    return values.dense() if isinstance(values, BinnedValues) else values


def _totals(values: Features) -> Doubles:
    """Sum of each feature, in double precision."""
    if isinstance(values, BinnedValues):
        return values.totals()
    return np.asarray(values.sum(axis=0, dtype=np.float64))


def _drawn_sums(
    values: Features, drawn: NDArray[np.int32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Sums over images that are drawn one by one, ``drawn`` in each resample."""
    values = _dense(values)
    size, resamples = len(values), len(drawn)
    picked = np.repeat(np.arange(resamples) * size, drawn)
    picked += rng.integers(0, size, len(picked))
    counts = np.bincount(picked, minlength=resamples * size)
    weights = counts.reshape(resamples, size).astype(np.float32)
    return np.asarray((weights @ values.astype(np.float32)).T)


def _normal_sums(
    values: Features, drawn: NDArray[np.int32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Sums over many images, from the normal distribution that the bootstrap has.

    Given that N images are drawn, the sums have mean N m and covariance N C, with m and
    C those of the images: the central limit theorem for the multinomial bootstrap
    (van der Vaart, Asymptotic Statistics, 1998, theorem 23.4). Functions of the sums
    are then evaluated as they are, not linearised.
    """
    mean = _totals(values) / values.shape[0]
    root = _covariance_root(_covariance(values, mean))
    shape = (values.shape[1], len(drawn))
    noise = root @ rng.standard_normal(shape, dtype=np.float32)
    return np.asarray(drawn * mean[:, None] + np.sqrt(drawn) * noise, np.float32)


def _covariance(values: Features, mean: Doubles) -> Doubles:
    """Mean product of every two features around their means, block by block."""
    centre = mean.astype(np.float32)
    products: Doubles = np.zeros((len(mean), len(mean)))
    for start in range(0, values.shape[0], ROWS_AT_ONCE):
        block = _dense(values[start : start + ROWS_AT_ONCE])
        centred = block.astype(np.float32, copy=False) - centre
        products += centred.T @ centred
    return np.asarray(products / values.shape[0])


def _covariance_root(covariance: Doubles) -> NDArray[np.float32]:
    """The symmetric root: eigenvectors differ from one processor to the next."""
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return np.asarray(root, np.float32)
