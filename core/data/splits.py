"""Splits, drawn once from a seed and before anything else looks at the data."""

from pathlib import Path

import numpy as np
import pandas as pd

from core.data.manifest import LEFT_OUT, TRAINING, VALIDATION
from core.errors import DatasetError


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
            f"The stratum '{small.index[-1]}' has {small.iloc[-1]} photos.",
            expected=f"at least {count} in each gender, ethnicity and decade of age.",
            remedy="use the whole published set, or a smaller test_per_stratum.",
        )
    rng = np.random.default_rng(seed)
    drawn = [
        rng.choice(rows.to_numpy(), count, replace=False)
        for _, rows in sorted(strata.index.groupby(strata).items())
    ]
    return pd.Index(np.concatenate(drawn))


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
            f"{len(rows)} images in {num_strata} strata are too few to validate on.",
            expected=f"at least {num_strata / share:.0f} images.",
            remedy="use the whole published set.",
        )
    training, validation = train_test_split(
        rows, test_size=share, random_state=seed, stratify=strata[rows]
    )
    manifest.loc[strata.index[alone].union(training), "split"] = TRAINING
    manifest.loc[validation, "split"] = VALIDATION


def apply_split(
    manifest: pd.DataFrame, shipped: pd.DataFrame, location: Path
) -> pd.DataFrame:
    """Give the images their shipped split; images it does not name are left out.

    Raises
    ------
    DatasetError
        If an image of the split is absent.
    """
    split = shipped.set_index("image_id")["split"]
    needed = split.index[split != LEFT_OUT]
    absent = sorted(set(needed) - set(manifest["image_id"]))
    if absent:
        raise DatasetError(
            f"{location} lacks {len(absent)} of the {len(needed)} images of the "
            f"study's split, {', '.join(absent[:3])} among them.",
            expected="the whole published set.",
            remedy="fetch the set again, or train a study of your own on this copy.",
        )
    return manifest.assign(split=manifest["image_id"].map(split).fillna(LEFT_OUT))
