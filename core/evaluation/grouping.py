"""Images by the groups of sensitive features."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd

from core.crossing import SHOWN
from core.errors import EquipoiseError
from core.evaluation.confusion_counts import label_codes
from core.evaluation.resampling import Integers
from core.language import N_, gettext
from core.tasks import Regression, Task, natural_order

MISSING = N_("unknown")
"""Group of the images whose sensitive feature is missing or blank."""
ALL_IMAGES = ""
"""Group of all images together; feature of the grouping that has no other."""
MAX_GROUPS = 200
"""Groups with images beyond which a crossing tells nothing any more."""


@dataclass(frozen=True)
class Grouping:
    """Images by the groups of one sensitive feature, or of several crossed.

    Parameters
    ----------
    feature : str
        Such as ``"gender"`` or ``"gender × ethnicity"``; empty where all images are one
        group.
    levels : DataFrame
        One row a group, its name as index (``"female × Asian"``), a column a feature.
        With several features, all crossings of the groups found are here, so a crossing
        may have no image. Empty if all images are one group.
    codes : int array, shape (rows,)
        Row of ``levels`` that an image is in.
    """

    feature: str
    levels: pd.DataFrame
    codes: Integers

    @property
    def is_whole(self) -> bool:
        """Whether all images are one group."""
        return not self.feature

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all groups, those without an image too."""
        return tuple(self.levels.index)

    @cached_property
    def counts(self) -> Integers:
        """Images of each group, shape (groups,)."""
        return np.bincount(self.codes, minlength=len(self.levels))

    @cached_property
    def present(self) -> Integers:
        """Groups with images."""
        return np.flatnonzero(self.counts)

    @cached_property
    def measured(self) -> tuple[str, ...]:
        """Groups that metrics are computed of: those with images, then all images."""
        if self.is_whole:
            return (ALL_IMAGES,)
        return (*(self.names[place] for place in self.present), ALL_IMAGES)

    @cached_property
    def dense(self) -> Integers:
        """Place of each image's group among those with images, shape (rows,)."""
        places = np.cumsum(self.counts > 0) - 1
        return np.asarray(places[self.codes], np.int64)


def group_labels(table: pd.DataFrame, tasks: Sequence[Task], feature: str) -> pd.Series:
    """Group of each row: a column of the table, or the bin of a regression's truth.

    Raises
    ------
    EquipoiseError
        If there is no such feature.
    """
    codes, names = feature_codes(table, tasks, feature)
    return pd.Series(np.array(names)[codes], index=table.index, name=feature)


def group_images(
    table: pd.DataFrame, tasks: Sequence[Task], features: Sequence[str]
) -> Grouping:
    """Put images into the groups of one sensitive feature, or of several crossed.

    Parameters
    ----------
    table : DataFrame
        Predictions, one row an image, with the features as columns.
    tasks : sequence of Task
        ``"<task>_bin"`` is the bin of a regression's truth, such as ``"age_bin"``.
    features : sequence of str
        Without any, all images are one group.

    Raises
    ------
    EquipoiseError
        If a feature is not there or is named twice, or more than ``MAX_GROUPS`` groups
        have images.

    Notes
    -----
    Groups come in the order of the task's classes or bins, others by name. An image
    image without a value is in the group ``"unknown"``.
    """
    if len(set(features)) < len(features):
        raise EquipoiseError(
            gettext(
                "The sensitive features are {features}.", features=", ".join(features)
            ),
            expected=gettext("each feature once."),
            remedy=gettext("name each feature once, or cross it with another one."),
        )
    codes = np.zeros(len(table), np.int64)
    if not features:
        return Grouping("", pd.DataFrame(index=pd.Index([], name="group")), codes)
    found: list[tuple[str, ...]] = []
    for feature in features:
        own, names = feature_codes(table, tasks, feature)
        used = np.bincount(own, minlength=len(names)) > 0
        places = np.cumsum(used) - 1
        codes = codes * int(used.sum()) + places[own]
        found.append(tuple(n for n, there in zip(names, used, strict=True) if there))
    number = len(np.unique(codes))
    if number > MAX_GROUPS:
        raise EquipoiseError(
            gettext(
                "{features} has {count} groups.",
                features=SHOWN.join(features),
                count=number,
            ),
            expected=gettext(
                "at most {most}: metrics of fewer images tell nothing.",
                most=str(MAX_GROUPS),
            ),
            remedy=gettext("choose fewer features, or one with fewer groups."),
        )
    crossed = list(product(*found))
    index = pd.Index([SHOWN.join(names) for names in crossed], name="group")
    levels = pd.DataFrame(crossed, index=index, columns=list(features))
    return Grouping(SHOWN.join(features), levels, codes)


def feature_codes(
    table: pd.DataFrame, tasks: Sequence[Task], feature: str
) -> tuple[Integers, tuple[str, ...]]:
    """Group of each row as a place in the names of the groups.

    As ``group_labels``, which is many times slower for a million rows.
    """
    order: tuple[str, ...] = ()
    for task in tasks:
        if isinstance(task, Regression) and feature == f"{task.name}_bin":
            return task.bin_of(table[f"{task.name}_true"]), task.bin_labels
        if not isinstance(task, Regression) and feature == task.name:
            order = task.classes
    if feature not in table:
        raise EquipoiseError(
            gettext(
                "There is no sensitive feature '{feature}' in the predictions.",
                feature=feature,
            ),
            expected=gettext("a sensitive feature of the study."),
            remedy=gettext("choose one of the study's features."),
        )
    codes, values = label_codes(table[feature])
    # A name of blanks would read as all images.
    found = [str(value) if str(value).strip() else MISSING for value in values]
    if (codes < 0).any():
        codes = np.where(codes < 0, len(found), codes)
        found.append(MISSING)
    names = [name for name in order if name in found]
    names += natural_order(set(found) - set(names))
    places = np.array([names.index(name) for name in found], np.int64)
    return places[codes], tuple(names)
