"""Splits, drawn once from a seed and before anything else looks at the data."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.manifest import (
    LEFT_OUT,
    TRAINING,
    VALIDATION,
    DatasetInfo,
    LoadedDataset,
    drawn_split,
    summarise_split,
)
from core.errors import DatasetError
from core.language import gettext
from core.tasks import Regression, Task
from core.text import number


def draw_balanced_test(strata: pd.Series, count: int, *, seed: int) -> pd.Index:
    """Draw ``count`` rows of each stratum.

    Parameters
    ----------
    strata : Series of str
        Stratum of each row.
    count : int
        Rows to draw of each.
    seed : int

    Returns
    -------
    Index
        Labels of the drawn rows.

    Raises
    ------
    DatasetError
        If a stratum has fewer rows.
    """
    sizes = strata.value_counts()
    small = sizes[sizes < count]
    if len(small):
        raise DatasetError(
            gettext(
                "The stratum '{name}' has {n} photos.",
                name=small.index[-1],
                n=small.iloc[-1],
            ),
            expected=gettext(
                "at least {count} in each gender, ethnicity and decade of age.",
                count=count,
            ),
            remedy=gettext(
                "use the whole published set, or a smaller test_per_stratum."
            ),
        )
    rng = np.random.default_rng(seed)
    drawn = [
        rng.choice(rows.to_numpy(), count, replace=False)
        for _, rows in sorted(strata.index.groupby(strata).items())
    ]
    return pd.Index(np.concatenate(drawn))


def name_strata(table: pd.DataFrame, tasks: Sequence[Task]) -> pd.Series | None:
    """Name the stratum of each row: the crossing of its classes and bins.

    Parameters
    ----------
    table : DataFrame
        Of predictions, with ``<task>_true``, or a manifest, with ``<task>``.
    tasks : sequence of Task
        What the strata are crossed of; of a regression the bin counts.

    Returns
    -------
    Series of str or None
        Indexed as the table, such as "20-29 male Asian"; None if a column is absent.
    """
    parts = []
    for task in tasks:
        names = (f"{task.name}_true", task.name)
        name = next((each for each in names if each in table), None)
        if name is None:
            return None
        if isinstance(task, Regression):
            labels = np.array(task.bin_labels, dtype=object)
            values = labels[task.bin_of(table[name])]
        else:
            values = table[name].astype(str).to_numpy(object)
        parts.append(pd.Series(values, index=table.index, dtype=str))
    return parts[0].str.cat(parts[1:], sep=" ") if parts else None


def keep_share(mask: pd.Series, share: float, *, seed: int) -> pd.Index:
    """Labels of the rows to drop so that ``share`` of the marked rows is kept.

    Random under-sampling by imbalanced-learn; unmarked rows all stay.
    """
    if not mask.any() or share >= 1:
        return mask.index[:0]
    if mask.all():
        rng = np.random.default_rng(seed)
        kept = rng.choice(len(mask), round(share * len(mask)), replace=False)
        return mask.index.delete(kept)
    # Pages that only show results import this module and not scikit-learn.
    from imblearn.under_sampling import RandomUnderSampler

    target = {True: round(share * int(mask.sum())), False: int((~mask).sum())}
    sampler = RandomUnderSampler(sampling_strategy=target, random_state=seed)
    sampler.fit_resample(np.zeros((len(mask), 1)), mask.to_numpy())
    return mask.index.delete(sampler.sample_indices_)


def split_training_validation(
    manifest: pd.DataFrame, strata: pd.Series, *, share: float, seed: int
) -> None:
    """Give the rows of ``strata`` their split, in place, stratified.

    A stratum of one row goes to training.

    Raises
    ------
    DatasetError
        If there are fewer validation rows than strata.
    """
    from sklearn.model_selection import train_test_split

    alone = strata.isin(strata.value_counts().loc[lambda n: n < 2].index)
    rows = strata.index[~alone]
    num_strata = strata[rows].nunique()
    if share * len(rows) < num_strata:
        raise DatasetError(
            gettext(
                "{n} images in {num_strata} strata are too few to validate on.",
                n=len(rows),
                num_strata=num_strata,
            ),
            expected=gettext("at least {n} images.", n=number(num_strata / share, 0)),
            remedy=gettext("use the whole published set."),
        )
    training, validation = train_test_split(
        rows, test_size=share, random_state=seed, stratify=strata[rows]
    )
    manifest.loc[strata.index[alone].union(training), "split"] = TRAINING
    manifest.loc[validation, "split"] = VALIDATION


def split_by_group(
    labels: pd.Series, groups: pd.Series, *, shares: Mapping[str, float], seed: int
) -> pd.Series:
    """Split images class by class, all images of a group together.

    Parameters
    ----------
    labels : Series of str
        Class of each image.
    groups : Series of str
        Group of each image; it counts to the class of most of its images.
    shares : mapping of split to float
        Shares of the images of each class; the rest is for training.
    seed : int
        With the same seed the order of the rows makes no difference.

    Returns
    -------
    Series of str
        Split of each image, indexed as ``labels``.

    Notes
    -----
    The groups of a class are laid out in random order, each as long as it has images:
    where a group's middle lies decides its split. A class is so off its shares by at
    most one group at each border, and with groups of one image by at most one image.
    """
    sizes = pd.DataFrame({"group": groups, "label": labels}).value_counts(sort=False)
    # Stable: of two classes with as many images the first by name stands.
    largest = sizes.sort_index().sort_values(ascending=False, kind="stable")
    class_of = largest.reset_index().drop_duplicates("group").set_index("group")
    counts = groups.value_counts()
    splits: dict[str, str] = {}
    for place, label in enumerate(sorted(set(class_of["label"]))):
        names = np.sort(class_of.index[class_of["label"] == label].to_numpy(dtype=str))
        names = np.random.default_rng([seed, place]).permutation(names)
        length = counts.loc[names].to_numpy()
        splits.update(zip(names, _lay_out(length, shares), strict=True))
    return groups.map(splits)


def _lay_out(lengths: NDArray[np.int64], shares: Mapping[str, float]) -> list[str]:
    """Split of each group of a class, by the place of its middle among the images."""
    middles = (np.cumsum(lengths) - lengths / 2) / lengths.sum()
    edges = np.cumsum(list(shares.values()))
    order = (*shares, TRAINING)
    return [order[i] for i in np.searchsorted(edges, middles, side="left")]


def least_to_split(shares: Mapping[str, float]) -> int:
    """Images of a class from which on each split gets at least one of them.

    Parameters
    ----------
    shares : mapping of split to float, in (0, 1)
        As for ``split_by_group``, of images that are not grouped.

    Notes
    -----
    At 80/10/10 it is 8. With 1 / (the smallest share) images or more, every split gets
    one.
    """
    smallest = min(*shares.values(), 1 - sum(shares.values()))
    sizes = range(1, math.ceil(1 / smallest) + 1)
    wanted = len(shares) + 1
    missed = [
        n for n in sizes if len(set(_lay_out(np.ones(n, np.int64), shares))) < wanted
    ]
    return max(missed, default=0) + 1


def leave_out(manifest: pd.DataFrame, mask: object, reason: str) -> None:
    """Mark rows as left out, in place, unless they have a split or a reason already.

    Parameters
    ----------
    manifest : DataFrame
        With ``split``, empty where nothing is decided, and ``reason``.
    mask : bool array or Series, shape (rows,)
    reason : str
        What a reader sees.
    """
    rows = manifest.index[mask & (manifest["split"] == "")]
    manifest.loc[rows, ["split", "reason"]] = [LEFT_OUT, reason]


def apply_split(
    manifest: pd.DataFrame, shipped: pd.DataFrame, location: Path
) -> pd.DataFrame:
    """Give the images their shipped split; images it does not name are left out.

    Pictures that could not be read when the split was kept may be gone: their rows are
    added, with an empty path, since the split is known by them.

    Raises
    ------
    DatasetError
        If another image of the split is absent.
    """
    split = drawn_split(shipped.set_index("image_id"))
    needed = shipped.loc[shipped["split"] != LEFT_OUT, "image_id"]
    absent = sorted(set(needed) - set(manifest["image_id"]))
    if absent:
        raise DatasetError(
            gettext(
                "{location} lacks {n} of the {total} images of the study's split, "
                "{names} among them.",
                location=location,
                n=len(absent),
                total=len(needed),
                names=", ".join(absent[:3]),
            ),
            expected=gettext("the whole published set."),
            remedy=gettext(
                "fetch the set again, or train a study of your own on this copy."
            ),
        )
    is_gone = split.ne(LEFT_OUT) & ~split.index.isin(manifest["image_id"])
    if is_gone.any():
        gone = shipped[shipped["image_id"].isin(split.index[is_gone])]
        gone = gone.assign(path="").reindex(columns=manifest.columns)
        manifest = pd.concat([manifest, gone], ignore_index=True)
    return manifest.assign(split=manifest["image_id"].map(split).fillna(LEFT_OUT))


def with_shipped_split(
    info: DatasetInfo, manifest: pd.DataFrame, shipped: pd.DataFrame, location: Path
) -> LoadedDataset:
    """A dataset under the split of its runs, without a report; see ``apply_split``."""
    manifest = apply_split(manifest, shipped, location)
    return LoadedDataset(info.with_classes_of(manifest), manifest)


def with_new_split(
    info: DatasetInfo,
    manifest: pd.DataFrame,
    malformed: Sequence[str] = (),
    **parts: object,
) -> LoadedDataset:
    """A dataset under the split that its reader has drawn, with the report of it.

    Parameters
    ----------
    info : DatasetInfo
    manifest : DataFrame
        With ``split``, and ``reason`` if images were left out for one.
    malformed : sequence of str
        Names of files that are not in the manifest.
    parts
        Further parts of the report.
    """
    report = {**summarise_split(manifest, malformed), **parts}
    manifest = manifest.drop(columns="reason", errors="ignore")
    return LoadedDataset(info.with_classes_of(manifest), manifest, report)
