"""The generated counterpart of the soft-biometrics task: grey hair or glasses.

The people are those of the dataset 'avatars', in other clothes: people of group B wear
a scarf, and often a hood, which hides their hair. Group B is the rarer one. The labels
are true; wrong ones are for a study to add, with ``[label_noise]``.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from core.data.avatar_drawing import Person, draw_avatar
from core.data.cache import Pixels, Progress, Render
from core.data.face_templates import UTKFACE
from core.data.images import preprocess_drawn
from core.data.manifest import (
    TEST,
    VALIDATION,
    DatasetInfo,
    LoadedDataset,
)
from core.data.readers import avatars
from core.data.splits import split_by_group, with_new_split
from core.errors import DatasetError
from core.language import N_, gettext
from core.study import DatasetOptions, Fit, Resample, Seed
from core.tasks import Binary

TARGET = Binary("target", "Grey hair or glasses", ("neither", "grey hair or glasses"))
GROUP = "group"
GROUPS = ("A", "B")
# The clothes of each group in the drawing: plain, and with a scarf.
_CLOTHES = {"A": "A", "B": "D"}

# About 23 % of the people have what is asked for.
_GREY_FROM = 0.5
_GLASSES_KEPT = 0.4

# Raise it whenever a drawn pixel or a label changes: caches are keyed by it.
DRAWING = 1

INFO = DatasetInfo(
    name="avatars-softbio",
    title=N_("Avatars, soft biometrics (generated)"),
    tasks=(TARGET,),
    sensitive_features={GROUP: GROUPS},
    shareable=True,
    generated=True,
    faces=UTKFACE,
    notice=(
        N_(
            "Generated pictures, drawn by this program: no one is shown, and the "
            "results say nothing about people. The groups A and B are carried by the "
            "clothes."
        )
    ),
)

_Share = Annotated[float, Field(gt=0, le=0.4)]


class AvatarsSoftbioOptions(DatasetOptions):
    """Options of the dataset, as a study's ``[dataset] options`` gives them.

    Parameters
    ----------
    count : int
        Images, 100 to 200,000.
    seed : int
        Another seed, other people.
    rare_share : float, in [0.05, 0.5]
        Share of the people who are of group B.
    hood_share : float, in [0, 1]
        Share of group B whose hood is up; people of group A have none.
    validation_share, test_share : float, in (0, 0.4]
        Shares of the images; the rest is for training.
    """

    count: Annotated[int, Field(ge=100, le=200_000)] = 6000
    seed: Seed = 0
    rare_share: Annotated[float, Field(ge=0.05, le=0.5)] = 0.25
    hood_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    validation_share: _Share = 0.2
    test_share: _Share = 0.2


def load(
    location: Path | None,
    options: AvatarsSoftbioOptions,
    *,
    shipped: pd.DataFrame | None = None,
    progress: Progress = lambda what, done, total: None,
) -> LoadedDataset:
    """Draw who is in the pictures; there is no copy to read and no split to keep.

    Parameters
    ----------
    location : Path or None
        Not looked at.
    options : AvatarsSoftbioOptions
    shipped : DataFrame, optional
        Not looked at: the options give the same split.
    progress : callable
        Not called.

    Returns
    -------
    LoadedDataset
        ``image_id`` and ``path`` as of the dataset 'avatars', ``target``, ``group``
        and ``split``, stratified on the last two.
    """
    return with_new_split(INFO, sample_people(options))


def sample_people(options: AvatarsSoftbioOptions) -> pd.DataFrame:
    """Draw the labels of every image, and split them.

    Returns
    -------
    DataFrame
        The manifest, one row an image in the order of their indices.
    """
    indices = range(options.count)
    people = [sample_person(index, options) for index in indices]
    groups = [_GROUP_OF[person.group] for person in people]
    labels = [TARGET.classes[int(has_target(person))] for person in people]
    manifest = pd.DataFrame(
        {
            "image_id": [avatars.IMAGE_ID.format(index) for index in indices],
            "path": [avatars.PATH.format(index) for index in indices],
            TARGET.name: labels,
            GROUP: groups,
        }
    )
    manifest["split"] = split_by_group(
        manifest[GROUP] + " " + manifest[TARGET.name],
        manifest["image_id"],
        shares={TEST: options.test_share, VALIDATION: options.validation_share},
        seed=options.seed,
    )
    return manifest


_GROUP_OF = {clothes: group for group, clothes in _CLOTHES.items()}


def sample_person(index: int, options: AvatarsSoftbioOptions) -> Person:
    """The person in image ``index``: that of 'avatars', in the clothes of a group.

    No person is bald, so that all hair can be grey, and fewer wear glasses. Each change
    is drawn from the seed and the index alone. None depends on the skin or on another
    change.
    """
    person = avatars.sample_person(options.seed, index)
    sequence = np.random.SeedSequence([options.seed, index, 2])
    rare, hood, glasses = np.random.default_rng(sequence).random(3).tolist()
    group = "B" if rare < options.rare_share else "A"
    hooded = group == "B" and hood < options.hood_share
    return replace(
        person,
        group=_CLOTHES[group],
        hair="short" if person.hair == "bald" else person.hair,
        hat=person.hat and not hooded,
        hood=hooded,
        glasses=person.glasses and glasses < _GLASSES_KEPT,
    )


def load_attributes(
    image_ids: Sequence[str], options: AvatarsSoftbioOptions
) -> pd.DataFrame:
    """Attributes of images from their drawing: the parts of the label, and others.

    Parameters
    ----------
    image_ids : sequence of str
    options : AvatarsSoftbioOptions

    Returns
    -------
    DataFrame
        One row an image: ``age`` in years, ``glasses``, ``hair``, ``hood``, and what
        ``avatars.describe_people`` has.

    Raises
    ------
    DatasetError
        If one of them is not an image of the dataset.
    """
    indices = [avatars.index_of(avatars.path_of(image_id)) for image_id in image_ids]
    people = [sample_person(index, options) for index in indices]
    named = ("age", "glasses", "hair", "hood")
    own = {name: [getattr(person, name) for person in people] for name in named}
    return pd.DataFrame(own).join(avatars.describe_people(people))


def has_target(person: Person) -> bool:
    """Whether somebody has what is asked for: seen or under a hood."""
    return person.glasses or person.greying >= _GREY_FROM


def render(
    path: str,
    size: int,
    *,
    options: AvatarsSoftbioOptions,
    drawing: tuple[int, int],
    resample: Resample = "bicubic",
    fit: Fit = "crop",
    change: str = "",
) -> Pixels:
    """Draw a manifest's ``path``.

    Parameters
    ----------
    path : str
        Such as "avatars:123".
    size : int
        Pixels, at least 16.
    options : AvatarsSoftbioOptions
    drawing : tuple of int
        Only makes a changed drawing another cache.
    resample, fit, change
        As for ``preprocess_drawn``.

    Returns
    -------
    uint8 array, shape (size, size, 3)

    Raises
    ------
    DatasetError
        If there is no such image.
    """
    index = avatars.index_of(path)
    if index >= options.count:
        raise DatasetError(
            gettext(
                "The dataset '{name}' has no image {index}.",
                name=INFO.name,
                index=str(index),
            ),
            expected=gettext("0 to {most}.", most=options.count - 1),
            remedy=gettext(
                "check the manifest, or raise 'count' in the study's options."
            ),
        )
    person = sample_person(index, options)

    def draw(side: int) -> Pixels:
        return np.asarray(draw_avatar(person, side))

    return preprocess_drawn(draw, size, change, resample=resample, fit=fit)


def renderer(options: AvatarsSoftbioOptions) -> Render:
    """The function that turns a manifest's ``path`` into pixels under these options."""
    return partial(render, options=options, drawing=(avatars.DRAWING, DRAWING))
