"""Long-tailed and step profiles: how a balanced dataset is made imbalanced."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import DatasetError
from core.language import N_, gettext, in_form, ngettext
from core.text import quoted

Profile = Literal["exponential", "step"]
Integers = NDArray[np.int64]
# Why an image is left out that its class has too many of.
OVER_PROFILE = N_("over the profile")


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
            gettext(
                "A profile of {classes} classes of at most {largest} images.",
                classes=str(num_classes),
                largest=str(largest),
            ),
            expected=gettext("at least 2 classes and 1 image."),
        )
    if not (np.isfinite(ratio) and ratio >= 1):
        raise DatasetError(
            gettext("The imbalance ratio is {ratio}.", ratio=in_form(str(ratio))),
            expected=gettext("a number from 1: the largest class over the smallest."),
            remedy=gettext("fix `ratio` under [dataset] options in the study's file."),
        )
    if profile not in get_args(Profile):
        raise DatasetError(
            gettext("There is no profile {profile}.", profile=repr(profile)),
            expected=gettext("one of {profile}.", profile=", ".join(get_args(Profile))),
            remedy=gettext(
                "fix `profile` under [dataset] options in the study's file."
            ),
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
            gettext(
                "A ratio of {ratio} leaves class {name} no image of {largest}.",
                ratio=in_form(f"{ratio:g}"),
                name=_class_name(int(counts.argmin()), names),
                largest=largest,
            ),
            expected=gettext("a ratio of at most {n}.", n=largest),
            remedy=gettext("fix `ratio` under [dataset] options in the study's file."),
        )
    return counts


def imbalance_ratio(counts: ArrayLike) -> float:
    """Largest class over smallest, as realised."""
    values = np.asarray(counts)
    return float(values.max() / values.min())


def _class_name(label: int, names: Sequence[str]) -> str:
    return quoted(names[label]) if names else str(label)


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
                ngettext(
                    "Class {name} has {count} image.",
                    "Class {name} has {count} images.",
                    len(members),
                    name=_class_name(label, names),
                ),
                expected=gettext("at least {n}.", n=wanted),
                remedy=gettext("use the whole published set."),
            )
        order = np.random.default_rng([seed, label]).permutation(members)
        parts.append(order[:wanted])
    return np.sort(np.concatenate(parts))
