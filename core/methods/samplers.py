"""Which training images an epoch sees."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import MethodError


def undersample_majority(
    labels: ArrayLike, rng: np.random.Generator, *, keep: float = 0.5
) -> NDArray[np.int64]:
    """Keep a random share of the largest class, and all of the others.

    Parameters
    ----------
    labels : array, shape (n,)
        Class of each training image.
    rng : numpy.random.Generator
        Advanced by one draw, so that every epoch gets other images, and the same
        state the same ones.
    keep : float, in (0, 1]
        Share of the largest class that is kept, rounded, at least one image. Of
        classes that are equally large, the first is the largest.

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
    """
    classes, counts = np.unique(np.asarray(labels), return_counts=True)
    if classes.size == 0:
        raise MethodError("There are no training images to draw from.")
    if not 0 < keep <= 1:
        raise MethodError(
            f"'keep' is {keep}.", expected="a share above 0 and at most 1."
        )
    seed = int(rng.integers(2**32))
    if classes.size == 1 or keep == 1:
        return _keep_share_of_all(len(np.asarray(labels)), seed, keep)
    # scikit-learn comes with it: a second that listing methods should not cost.
    from imblearn.under_sampling import RandomUnderSampler

    majority = int(np.argmax(counts))
    kept = max(1, round(keep * int(counts[majority])))
    sampler = RandomUnderSampler(
        sampling_strategy={classes[majority].item(): kept}, random_state=seed
    )
    sampler.fit_resample(np.zeros((counts.sum(), 1)), np.asarray(labels))
    return np.sort(sampler.sample_indices_).astype(np.int64)


def _keep_share_of_all(n: int, seed: int, keep: float) -> NDArray[np.int64]:
    """Draw from a single class, which imbalanced-learn refuses."""
    kept = max(1, round(keep * n))
    drawn = np.random.default_rng(seed).choice(n, size=kept, replace=False)
    return np.sort(drawn).astype(np.int64)


def undersample_to_smallest(
    labels: ArrayLike, rng: np.random.Generator
) -> NDArray[np.int64]:
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
        Row indices in ascending order; batches do the shuffling. No row is there
        twice, and the rows of the smallest class all are.

    Raises
    ------
    MethodError
        If there are no labels.

    Notes
    -----
    The draw is imbalanced-learn's ``RandomUnderSampler``, without replacement. Equal
    classes are returned as they are.
    """
    _, counts = _count(labels)
    seed = int(rng.integers(2**32))
    if counts.size == 1:
        return np.arange(counts[0], dtype=np.int64)
    # scikit-learn comes with it: a second that listing methods should not cost.
    from imblearn.under_sampling import RandomUnderSampler

    sampler = RandomUnderSampler(random_state=seed)
    sampler.fit_resample(np.zeros((counts.sum(), 1)), np.asarray(labels))
    return np.sort(sampler.sample_indices_).astype(np.int64)


def oversample(labels: ArrayLike, rng: np.random.Generator) -> NDArray[np.int64]:
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
        Row indices in ascending order; batches do the shuffling. Every row is there
        at least once, and the rows of the largest class exactly once.

    Raises
    ------
    MethodError
        If there are no labels.

    Notes
    -----
    The draw is imbalanced-learn's ``RandomOverSampler``, with replacement. Equal
    classes are returned as they are.
    """
    _, counts = _count(labels)
    seed = int(rng.integers(2**32))
    if counts.size == 1:
        return np.arange(counts[0], dtype=np.int64)
    # scikit-learn comes with it: a second that listing methods should not cost.
    from imblearn.over_sampling import RandomOverSampler

    sampler = RandomOverSampler(random_state=seed)
    sampler.fit_resample(np.zeros((counts.sum(), 1)), np.asarray(labels))
    return np.sort(sampler.sample_indices_).astype(np.int64)


def sample_classes_evenly(
    labels: ArrayLike, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Show every class as often as any other, in as many draws as there are images.

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
    Source: Shen et al., ECCV 2016 (class-aware sampling): a class first, each as
    likely; then the next image of its shuffled list. Departures: classes are
    allotted their share of an epoch instead of being drawn one by one.
    """
    return sample_classes_by_power(labels, rng, power=0.0)


def sample_classes_by_square_root(
    labels: ArrayLike, rng: np.random.Generator
) -> NDArray[np.int64]:
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
    """
    return sample_classes_by_power(labels, rng, power=0.5)


def sample_classes_by_power(
    labels: ArrayLike, rng: np.random.Generator, *, power: float
) -> NDArray[np.int64]:
    """Share as many draws as there are images among classes by a power of their size.

    Parameters
    ----------
    labels : array, shape (n,)
        Class of each training image.
    rng : numpy.random.Generator
        Advanced, so that every epoch gets other images, and the same state the same.
    power : float, in [0, 1]
        0 shows every class as often; 0.5 by the square root; 1 shows every image
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
    or down at random so that this is its mean. That is never below 1, as every
    ``n_c^power`` is at least 1 and their sum at most ``n``: no class is left out of
    an epoch. Within a class no image is drawn once more before all others were.
    """
    if not 0 <= power <= 1:
        raise MethodError(f"The power is {power}.", expected="a number from 0 to 1.")
    codes, counts = _count(labels)
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
) -> NDArray[np.int64]:
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
        Row indices in the order of the batches: each ``batch_size`` of them are one.
        Rows of small classes are repeated, and some of large ones left out.

    Raises
    ------
    MethodError
        If there are no labels, or a batch has no room for every class.

    Notes
    -----
    What a batch has beyond a multiple of the classes goes to one class after the
    other, from batch to batch, so that every class has its share of the epoch to
    within one image. Within a class no image is drawn once more before all others
    were.
    """
    codes, counts = _count(labels)
    if batch_size < counts.size:
        raise MethodError(
            f"A batch of {batch_size} has no room for {counts.size} groups.",
            expected=f"a batch of at least {counts.size}.",
            remedy="raise batch_size in the study, or cross fewer columns.",
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


def _cycle(
    rows: NDArray[np.int64], number: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw all rows as often as they go into the number, and the rest at random."""
    rounds, rest = divmod(number, rows.size)
    once_more = rng.choice(rows, size=rest, replace=False)
    return np.concatenate([np.tile(rows, rounds), once_more])


def _count(labels: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Code of each label and images of each class."""
    _, codes, counts = np.unique(
        np.asarray(labels), return_inverse=True, return_counts=True
    )
    if not counts.size:
        raise MethodError("There are no training images to draw from.")
    return codes.astype(np.int64), counts.astype(np.int64)
