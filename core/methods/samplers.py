"""Samplers: the training images that an epoch shows."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import MethodError
from core.language import gettext
from core.methods.checks import SHARE, SHARE_ABOVE_ZERO, check_number

Ints = NDArray[np.int64]


def code_labels(labels: ArrayLike) -> tuple[Ints, Ints]:
    """Code of each label, from 0 in the order of the classes, and images of each class.

    Every sampler reads its labels with this function.

    Raises
    ------
    MethodError
        If there are no labels.

    Examples
    --------
    >>> codes, counts = code_labels(["b", "a", "b"])
    >>> codes.tolist(), counts.tolist()
    ([1, 0, 1], [1, 2])
    """
    _, codes, counts = np.unique(
        np.asarray(labels), return_inverse=True, return_counts=True
    )
    if not counts.size:
        raise MethodError(gettext("There are no training images to draw from."))
    return codes.astype(np.int64), counts.astype(np.int64)


def undersample_majority(
    labels: ArrayLike, rng: np.random.Generator, *, keep: float = 0.5
) -> Ints:
    """Keep a random share of the largest class, and all of the others.

    Parameters
    ----------
    labels : array, shape (n,)
        Class of each training image.
    rng : numpy.random.Generator
        Advanced by one draw: every epoch gets other images, and the same state gives
        the same images.
    keep : float, in (0, 1]
        Share of the largest class that is kept, rounded, at least one image. If
        several classes are equally large, the first of them counts as the largest.

    Returns
    -------
    int64 array, shape (kept,)
        Row indices in ascending order; batches do the shuffling.

    Raises
    ------
    MethodError
        If there are no labels, or ``keep`` is out of range.

    Notes
    -----
    The draw is imbalanced-learn's ``RandomUnderSampler``, without replacement. With
    ``keep`` 1, all rows are returned.

    Examples
    --------
    >>> rows = undersample_majority([0, 1, 1, 1, 1], np.random.default_rng(0), keep=0.5)
    >>> len(rows), int(rows[0])  # the image of class 0, and two of class 1
    (3, 0)
    """
    codes, counts = code_labels(labels)
    check_number("'keep'", keep, SHARE_ABOVE_ZERO)
    majority = int(np.argmax(counts))
    kept = max(1, round(keep * int(counts[majority])))
    seed = _draw_seed(rng)
    if counts.size > 1:
        return _resample(codes, seed, {majority: kept})
    # imbalanced-learn refuses a single class.
    drawn = np.random.default_rng(seed).choice(codes.size, size=kept, replace=False)
    return np.sort(drawn).astype(np.int64)


def undersample_to_smallest(labels: ArrayLike, rng: np.random.Generator) -> Ints:
    """Draw from every class as many random images as the smallest has.

    Parameters
    ----------
    labels : array, shape (n,)
        Class of each training image.
    rng : numpy.random.Generator
        Advanced by one draw, so that every epoch gets other images.

    Returns
    -------
    int64 array, shape (num_classes * smallest,)
        Row indices in ascending order; batches do the shuffling. No row occurs twice,
        and all rows of the smallest class occur.

    Raises
    ------
    MethodError
        If there are no labels.

    Notes
    -----
    The draw is imbalanced-learn's ``RandomUnderSampler``, without replacement. Equal
    classes are returned as they are.

    Examples
    --------
    >>> rows = undersample_to_smallest([0, 1, 1, 1, 1], np.random.default_rng(0))
    >>> len(rows), int(rows[0])  # one image of each class
    (2, 0)
    """
    codes, _ = code_labels(labels)
    return _resample(codes, _draw_seed(rng))


def oversample(labels: ArrayLike, rng: np.random.Generator) -> Ints:
    """Repeat random images of every class up to the size of the largest.

    Parameters
    ----------
    labels : array, shape (n,)
        Class of each training image.
    rng : numpy.random.Generator
        Advanced by one draw, so that every epoch repeats other images.

    Returns
    -------
    int64 array, shape (num_classes * largest,)
        Row indices in ascending order; batches do the shuffling. Every row occurs at
        least once, and each row of the largest class exactly once.

    Raises
    ------
    MethodError
        If there are no labels.

    Notes
    -----
    The draw is imbalanced-learn's ``RandomOverSampler``, with replacement. Equal
    classes are returned as they are.

    Examples
    --------
    >>> oversample([0, 1, 1, 1], np.random.default_rng(0)).tolist()
    [0, 0, 0, 1, 2, 3]
    """
    codes, _ = code_labels(labels)
    return _resample(codes, _draw_seed(rng), repeat=True)


def _draw_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**32))


def _resample(
    codes: Ints,
    seed: int,
    target: Mapping[int, int] | str = "auto",
    *,
    repeat: bool = False,
) -> Ints:
    """Draw rows with imbalanced-learn, ascending; a single class is returned whole."""
    if codes.max() == 0:
        return np.arange(codes.size, dtype=np.int64)
    # scikit-learn comes with it: a second that listing methods should not cost.
    if repeat:
        from imblearn.over_sampling import RandomOverSampler as Sampler
    else:
        from imblearn.under_sampling import RandomUnderSampler as Sampler

    sampler = Sampler(sampling_strategy=target, random_state=seed)
    sampler.fit_resample(np.zeros((codes.size, 1)), codes)
    return np.sort(sampler.sample_indices_).astype(np.int64)


def sample_classes_evenly(labels: ArrayLike, rng: np.random.Generator) -> Ints:
    """Show every class equally often, in as many draws as there are images.

    Parameters
    ----------
    labels : array, shape (n,)
        Class of each training image.
    rng : numpy.random.Generator
        Every epoch gets other images.

    Returns
    -------
    int64 array, shape (n,)
        Row indices in ascending order, rare ones repeated; see
        ``sample_classes_by_power``.

    Raises
    ------
    MethodError
        If there are no labels.

    Notes
    -----
    Source: Shen et al., ECCV 2016 (class-aware sampling): first a class, each with the
    same probability; then the next image of its shuffled list. Departures: each class
    gets its share of an epoch instead of being drawn one by one.

    Examples
    --------
    >>> rows = sample_classes_evenly([0, 1, 1, 1], np.random.default_rng(0))
    >>> rows[:2].tolist()  # two images of class 0, which has one, and two of class 1
    [0, 0]
    """
    return sample_classes_by_power(labels, rng, power=0.0)


def sample_classes_by_square_root(labels: ArrayLike, rng: np.random.Generator) -> Ints:
    """Show every class in proportion to the square root of its number of images.

    Parameters
    ----------
    labels : array, shape (n,)
        Class of each training image.
    rng : numpy.random.Generator
        Every epoch gets other images.

    Returns
    -------
    int64 array, shape (n,)
        Row indices in ascending order; see ``sample_classes_by_power``.

    Raises
    ------
    MethodError
        If there are no labels.

    Notes
    -----
    Source: Mahajan et al., ECCV 2018. Departures: as ``sample_classes_evenly``.

    Examples
    --------
    Classes of 1 and 4 images share five draws as 1 to 2, that is 1.7 to 3.3:

    >>> rows = sample_classes_by_square_root([0, 1, 1, 1, 1], np.random.default_rng(0))
    >>> len(rows), int((rows == 0).sum()) in (1, 2)
    (5, True)
    """
    return sample_classes_by_power(labels, rng, power=0.5)


def sample_classes_by_power(
    labels: ArrayLike, rng: np.random.Generator, *, power: float
) -> Ints:
    """Share as many draws as there are images among classes by a power of their size.

    Parameters
    ----------
    labels : array, shape (n,)
        Class of each training image.
    rng : numpy.random.Generator
        Advanced: every epoch gets other images, and the same state gives the same
        images.
    power : float, in [0, 1]
        0 shows every class equally often; 0.5 by the square root; 1 shows every image
        once.

    Returns
    -------
    int64 array, shape (n,)
        Row indices in ascending order; batches do the shuffling.

    Raises
    ------
    MethodError
        If there are no labels, or the power is out of range.

    Notes
    -----
    A class of ``n_c`` images gets ``n n_c^power / sum_k n_k^power`` draws, rounded up
    or down at random so that this is its mean. The number is at least 1, because every
    ``n_c^power`` is at least 1 and their sum at most ``n``: no class is left out of
    an epoch. Within a class, an image is drawn again only after all others were drawn.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sample_classes_by_power(["a", "b", "b"], rng, power=1.0).tolist()
    [0, 1, 2]
    """
    codes, counts = code_labels(labels)
    check_number("The power", power, SHARE)
    raised = counts.astype(np.float64) ** power
    edges = np.append(0.0, np.cumsum(codes.size * raised / raised.sum()))
    edges[-1] = codes.size
    # Evenly spaced points from a random start: a share of 2.3 gets 2 or 3 of them.
    draws = np.diff(np.ceil(edges - rng.random()).astype(np.int64))
    rows = [
        _cycle(np.flatnonzero(codes == code), int(number), rng)
        for code, number in enumerate(draws)
    ]
    return np.sort(np.concatenate(rows)).astype(np.int64)


def balance_batches(
    labels: ArrayLike, rng: np.random.Generator, *, batch_size: int = 32
) -> Ints:
    """Fill every batch with the same number of images of each class.

    Parameters
    ----------
    labels : array, shape (n,)
        Class of each training image.
    rng : numpy.random.Generator
        Every epoch gets other images.
    batch_size : int
        At least the number of classes.

    Returns
    -------
    int64 array, shape (n,)
        Row indices in the order of the batches, ``batch_size`` rows each. Rows of small
        classes are repeated, and some rows of large classes left out.

    Raises
    ------
    MethodError
        If there are no labels, or a batch has no room for every class.

    Notes
    -----
    If the batch size is not a multiple of the number of classes, the classes take
    turns in getting one image more, so that every class has its share of the epoch to
    within one image. Within a class, an image is drawn again only after all others were
    drawn.

    Examples
    --------
    >>> labels = np.array([0, 1, 1, 1])
    >>> rows = balance_batches(labels, np.random.default_rng(0), batch_size=2)
    >>> labels[rows].reshape(2, 2).sum(axis=1).tolist()  # one image of class 1 in each
    [1, 1]
    """
    codes, counts = code_labels(labels)
    if batch_size < counts.size:
        raise MethodError(
            gettext(
                "A batch of {batch_size} has no room for {groups} groups.",
                batch_size=batch_size,
                groups=counts.size,
            ),
            expected=gettext("a batch of at least {groups}.", groups=counts.size),
            remedy=gettext("raise batch_size in the study, or cross fewer columns."),
        )
    # Class after class, over all batches: a batch has its equal share of each.
    order = np.arange(codes.size) % counts.size
    rows = np.empty(codes.size, dtype=np.int64)
    for code in range(counts.size):
        places = order == code
        own = np.flatnonzero(codes == code)
        drawn = _cycle(own, int(places.sum()), rng)
        rows[places] = rng.permutation(drawn)
    for start in range(0, rows.size, batch_size):
        rng.shuffle(rows[start : start + batch_size])
    return rows


def _cycle(rows: Ints, number: int, rng: np.random.Generator) -> Ints:
    """Repeat all rows as often as they fit into the number, and draw the rest."""
    rounds, rest = divmod(number, rows.size)
    once_more = rng.choice(rows, size=rest, replace=False)
    return np.concatenate([np.tile(rows, rounds), once_more])
