"""Label noise: wrong labels that a study asks for, to see how its methods react."""

import numpy as np
import pandas as pd

from core.data.manifest import TRAINING, VALIDATION, DatasetInfo, LoadedDataset
from core.errors import StudyError
from core.language import gettext
from core.study import LabelNoise
from core.tasks import Classification, Regression, natural_order

CLEAN = "{}_clean"
"""Column that keeps the labels of a task as they were."""

COLUMNS = ("group", "split", "labels", "flipped", "percent")
_EVERYONE = "all"


def add_label_noise(loaded: LoadedDataset, noise: LabelNoise) -> LoadedDataset:
    """Flip a share of the labels of a task, and keep the original labels.

    Parameters
    ----------
    loaded : LoadedDataset
    noise : LabelNoise
        Which task, and which share of which group.

    Returns
    -------
    LoadedDataset
        With a column ``<task>_clean`` beside the labels; one that is there already
        stays. Images of the test split, and those left out, keep their labels.

    Raises
    ------
    StudyError
        If the dataset does not have this task with classes, feature or group.

    Notes
    -----
    Of each group and split so many labels are flipped, to the nearest whole number:
    to the other class, or with more than two to any other, each as likely. Which ones
    follows from the seed and the ids of the images, whatever their order.
    """
    task = _task_of(noise, loaded.info)
    groups = _groups_of(noise, loaded)
    table = loaded.manifest.copy()
    if CLEAN.format(task.name) not in table:
        table[CLEAN.format(task.name)] = table[task.name]
    names = sorted(groups.unique())
    for place, split in enumerate(splits_of(noise)):
        for number, group in enumerate(names):
            rows = table.index[(table["split"] == split) & (groups == group)]
            rng = np.random.default_rng([noise.seed, place, number])
            _flip(table, rows, task, noise.share_of(group), rng)
    return LoadedDataset(loaded.info, table, loaded.report)


def count_flipped(manifest: pd.DataFrame, noise: LabelNoise) -> pd.DataFrame:
    """How many labels a study flipped, by group and split.

    Parameters
    ----------
    manifest : DataFrame
        As from ``add_label_noise``.
    noise : LabelNoise

    Returns
    -------
    DataFrame
        Columns group, split, labels (images of both), flipped and percent; empty if the
        manifest does not keep the original labels.
    """
    clean = CLEAN.format(noise.task)
    if clean not in manifest or (noise.by and noise.by not in manifest):
        return pd.DataFrame(columns=list(COLUMNS))
    groups = manifest[noise.by] if noise.by else _everyone(manifest)
    wrong = manifest[noise.task].astype(str) != manifest[clean].astype(str)
    table = (
        pd.DataFrame({"group": groups, "split": manifest["split"], "wrong": wrong})
        .loc[manifest["split"].isin(splits_of(noise))]
        .groupby(["group", "split"], sort=True)["wrong"]
        .agg(labels="size", flipped="sum")
        .reset_index()
    )
    places = {name: place for place, name in enumerate(natural_order(set(groups)))}
    table = table.sort_values(
        "group", key=lambda names: names.map(places), kind="stable", ignore_index=True
    )
    return table.assign(percent=100 * table["flipped"] / table["labels"])


def splits_of(noise: LabelNoise) -> tuple[str, ...]:
    """The splits whose labels are flipped; never the test split."""
    return (TRAINING, VALIDATION) if noise.validation else (TRAINING,)


def _flip(
    table: pd.DataFrame,
    rows: pd.Index,
    task: Classification,
    share: float,
    rng: np.random.Generator,
) -> None:
    """Give a share of the rows another label, in place."""
    ordered = table.loc[rows, "image_id"].sort_values().index
    chosen = rng.choice(len(rows), round(share * len(rows)), replace=False)
    drawn = ordered[np.sort(chosen)]
    codes = table.loc[drawn, task.name].map(task.classes.index).to_numpy(dtype=int)
    steps = rng.integers(1, len(task.classes), len(drawn))
    classes = np.array(task.classes, dtype=object)
    table.loc[drawn, task.name] = classes[(codes + steps) % len(classes)]


def _task_of(noise: LabelNoise, info: DatasetInfo) -> Classification:
    tasks = {t.name: t for t in info.tasks if not isinstance(t, Regression)}
    if noise.task not in tasks:
        raise StudyError(
            gettext(
                "The study adds label noise to '{task}', which is not a task with "
                "classes of {dataset}.",
                task=noise.task,
                dataset=gettext(info.title),
            ),
            expected=gettext("one of {names}.", names=", ".join(tasks))
            if tasks
            else gettext("a study with a classification task."),
            remedy=gettext("fix `task` under [label_noise] in the study's file."),
        )
    return tasks[noise.task]


def _groups_of(noise: LabelNoise, loaded: LoadedDataset) -> pd.Series:
    """Group of each image, as the noise tells them apart."""
    if noise.by is None:
        return _everyone(loaded.manifest)
    features = loaded.info.sensitive_features
    if noise.by not in features:
        raise StudyError(
            gettext(
                "The study adds label noise by '{feature}', which is not a sensitive "
                "feature of {dataset}.",
                feature=noise.by,
                dataset=gettext(loaded.info.title),
            ),
            expected=gettext("one of {names}.", names=", ".join(features))
            if features
            else gettext("a dataset with sensitive features."),
            remedy=gettext("fix `by` under [label_noise] in the study's file."),
        )
    strange = sorted(set(noise.shares) - set(features[noise.by]))
    if strange:
        raise StudyError(
            gettext(
                "The study adds label noise to {strange}, which is not a group of "
                "'{by}'.",
                strange=", ".join(strange),
                by=noise.by,
            ),
            expected=gettext("some of {names}.", names=", ".join(features[noise.by])),
            remedy=gettext("fix `shares` under [label_noise] in the study's file."),
        )
    return loaded.manifest[noise.by]


def _everyone(manifest: pd.DataFrame) -> pd.Series:
    return pd.Series(_EVERYONE, index=manifest.index)
