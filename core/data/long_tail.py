"""Long-tailed and step profiles: how a balanced dataset is made imbalanced."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import DatasetError

Profile = Literal["exponential", "step"]
Integers = NDArray[np.int64]
# Why an image is left out that its class has too many of.
OVER_PROFILE = "over the profile"


def class_counts(
    num_classes: int,
    largest: int,
    ratio: float,
    profile: Profile = "exponential",
    *,
    names: Sequence[str] = (),
) -> Integers:
    """Images of each class under a profile, the largest class first.

    Parameters
    ----------
    num_classes : int, at least 2
    largest : int
        Images of the largest class.
    ratio : float, at least 1
        Wanted imbalance ratio; counts are whole numbers, so the realised one may be
        larger: see ``imbalance_ratio``.
    profile : {"exponential", "step"}
        ``int(largest ratio^(-i / (C - 1)))``, or ``largest`` for the first half of
        the classes and ``int(largest / ratio)`` for the others.
    names : sequence of str, optional
        Names of the classes, for messages.

    Returns
    -------
    int64 array, shape (num_classes,)

    Raises
    ------
    DatasetError
        If a parameter is out of range, or a class would be left with no image.

    Notes
    -----
    Source: Cui et al., CVPR 2019, and Cao et al., NeurIPS 2019, in whose code the
    factor is ``1 / ratio``: the same rounding. Ratio 1 leaves every class whole.
    """
    if num_classes < 2 or largest < 1:
        raise DatasetError(
            f"A profile of {num_classes} classes of at most {largest} images.",
            expected="at least 2 classes and 1 image.",
        )
    if not (np.isfinite(ratio) and ratio >= 1):
        raise DatasetError(
            f"The imbalance ratio is {ratio}.",
            expected="a number from 1: the largest class over the smallest.",
            remedy="fix `ratio` under [dataset] options in the study's file.",
        )
    if profile not in get_args(Profile):
        raise DatasetError(
            f"There is no profile {profile!r}.",
            expected=f"one of {', '.join(get_args(Profile))}.",
            remedy="fix `profile` under [dataset] options in the study's file.",
        )
    factor = 1 / ratio
    if profile == "exponential":
        shares = [factor ** (i / (num_classes - 1.0)) for i in range(num_classes)]
    else:
        half = num_classes // 2
        shares = [1.0] * half + [factor] * (num_classes - half)
    counts = np.array([int(largest * share) for share in shares], dtype=np.int64)
    if counts.min() < 1:
        raise DatasetError(
            f"A ratio of {ratio:g} leaves class "
            f"{_class_name(int(counts.argmin()), names)} no image of {largest}.",
            expected=f"a ratio of at most {largest}.",
            remedy="fix `ratio` under [dataset] options in the study's file.",
        )
    return counts


def imbalance_ratio(counts: ArrayLike) -> float:
    """Largest class over smallest, as realised."""
    values = np.asarray(counts)
    return float(values.max() / values.min())


def _class_name(label: int, names: Sequence[str]) -> str:
    return f"'{names[label]}'" if names else str(label)


def draw_long_tail(
    labels: ArrayLike, counts: ArrayLike, *, seed: int, names: Sequence[str] = ()
) -> Integers:
    """Draw so many images of each class.

    Parameters
    ----------
    labels : int array, shape (n,)
        Class of each image, in an order that does not change.
    counts : int array, shape (num_classes,)
        Images wanted of each class.
    seed : int
    names : sequence of str, optional
        Names of the classes, for messages.

    Returns
    -------
    int64 array, shape (sum of counts,)
        Row indices in ascending order. With the same seed a smaller count draws some
        of what a larger one does.

    Raises
    ------
    DatasetError
        If a class has fewer images than wanted.
    """
    ids = np.asarray(labels)
    parts = []
    for label, wanted in enumerate(np.asarray(counts).tolist()):
        members = np.flatnonzero(ids == label)
        if len(members) < wanted:
            raise DatasetError(
                f"Class {_class_name(label, names)} has {len(members)} "
                f"image{'' if len(members) == 1 else 's'}.",
                expected=f"at least {wanted}.",
                remedy="use the whole published set.",
            )
        order = np.random.default_rng([seed, label]).permutation(members)
        parts.append(order[:wanted])
    return np.sort(np.concatenate(parts))
