"""What samplers that mix or generate images do to the counts of the classes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.generated_images import GeneratedSample
from core.language import gettext, ngettext
from core.methods.mixing import Mixes
from core.text import clauses, number, percent


def counts_table(
    classes: Sequence[str], before: NDArray[np.int64], after: NDArray[np.float64]
) -> pd.DataFrame:
    """Images of each class, as they are and as a sampler shows them.

    Parameters
    ----------
    classes : sequence of str
    before : int array, shape (classes,)
        Training images.
    after : float array, shape (classes,)
        Images that an epoch shows; of a mixed image, the shares of its labels.

    Returns
    -------
    DataFrame
        Columns class, images, in an epoch and times; the last row is of all.
    """
    table = pd.DataFrame(
        {"class": list(classes), "images": before, "in an epoch": after}
    )
    table.loc[len(table)] = ["all", before.sum(), after.sum()]
    table["times"] = table["in an epoch"] / table["images"]
    return table


def takeaway_counts(table: pd.DataFrame, label: str) -> str:
    """What becomes of the imbalance, and of the length of an epoch.

    Parameters
    ----------
    table : DataFrame
        From ``counts_table``.
    label : str
        Of the sampler.
    """
    classes, times = table.iloc[:-1], table["times"].iloc[-1]
    before, after = (
        float(classes[name].max() / classes[name].min())
        for name in ("images", "in an epoch")
    )
    ratios = {"before": number(before, 1), "after": number(after, 1)}
    longer = (
        gettext("an epoch is as long as without")
        if np.isclose(times, 1)
        else gettext("an epoch is {times} times as long", times=number(times, 1))
    )
    if np.isclose(before, after, rtol=0.02):
        return gettext(
            "{sampler} leaves the imbalance as it is: the largest class has {before} "
            "times as many images as the smallest; {longer}.",
            sampler=label,
            before=ratios["before"],
            longer=longer,
        )
    if np.isclose(after, 1, rtol=0.02):
        return gettext(
            "{sampler} shows every class as often, where the largest has {before} "
            "times as many images as the smallest; {longer}.",
            sampler=label,
            before=ratios["before"],
            longer=longer,
        )
    return gettext(
        "{sampler} shows the largest class {after} times as often as the smallest, "
        "where it has {before} times as many images; {longer}.",
        sampler=label,
        longer=longer,
        **ratios,
    )


def choose_mixed(
    mixes: Mixes, labels: NDArray[np.int64], *, most: int
) -> NDArray[np.int64]:
    """Places of a few mixed images of two classes, each of another batch if there are.

    Parameters
    ----------
    mixes : Mixes
        Of an epoch.
    labels : int array, shape (images,)
        Class of each image.
    most : int

    Returns
    -------
    int64 array, shape (at most ``most``,)
        Those that show some of both first: neither share is below a tenth.
    """
    first, second = labels[mixes.first], labels[mixes.second]
    both = (mixes.share >= 0.1) & (mixes.share <= 0.9)
    found = np.flatnonzero(mixes.is_mixed & (first != second) & both)
    if not found.size:
        found = np.flatnonzero(mixes.is_mixed)
    # A batch has one share: first those of shares and of pairs that were not yet there.
    seen: dict[tuple[object, ...], int] = {}
    ranks = []
    for place in found:
        keys = ("share", mixes.share[place]), ("pair", first[place], second[place])
        ranks.append([seen.get(key, 0) for key in keys])
        for key in keys:
            seen[key] = seen.get(key, 0) + 1
    order = sorted(range(len(found)), key=lambda at: (ranks[at], at))
    return np.asarray(found[order[:most]], dtype=np.int64)


def say_labels(
    mixes: Mixes, place: int, labels: NDArray[np.int64], classes: Sequence[str]
) -> str:
    """Both labels of a mixed image and their shares, such as "64 % grey, 36 % red"."""
    share = float(mixes.label_share[place])
    names = [str(classes[labels[r[place]]]) for r in (mixes.first, mixes.second)]
    if names[0] == names[1] or share >= 1:
        return names[0]
    if share <= 0:
        return names[1]
    return f"{percent(share)} {names[0]}, {percent(1 - share)} {names[1]}"


def takeaway_sample(sample: GeneratedSample) -> str:
    """How near generated images are to real ones, and real ones to one another."""
    table = pd.DataFrame(
        {
            "class": sample.classes,
            "generated": sample.distance,
            "real": sample.real_distance,
        }
    )
    medians = table.groupby("class", sort=False)[["generated", "real"]].median()
    parts = [
        gettext(
            "{class_name} {generated} (real to real: {real})",
            class_name=name,
            generated=number(row["generated"], 0),
            real=number(row["real"], 0),
        )
        for name, row in medians.iterrows()
    ]
    copies = int((sample.distance < COPY_SHARE * sample.real_distance).sum())
    distances = gettext(
        "Median distance of a generated image to the nearest real one, in levels of "
        "0 to 255: {distances}.",
        distances=clauses(parts),
    )
    said = (
        ngettext(
            "Of those shown, {count} of {shown} are so near to a real one that they "
            "may be copies.",
            "Of those shown, {count} of {shown} are so near to a real one that they "
            "may be copies.",
            copies,
            shown=len(table),
        )
        if copies
        else gettext(
            "Of those shown, none is so near to a real one that it would be a copy."
        )
    )
    return f"{distances} {said}"


COPY_SHARE = 0.25
"""Nearer than this share of what lies between two real images, it may be a copy."""
