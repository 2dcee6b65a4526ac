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
