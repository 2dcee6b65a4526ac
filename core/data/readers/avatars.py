"""The generated dataset: portraits that need no download and may be shown anywhere.

Everything about image ``i`` comes from ``(seed, i)``: the same person, the same pixels,
in any process, whatever ``count`` is. Its imbalance is made on purpose: ages are
long-tailed, one hair class is rare, one group is rare and its clothes hide part of what
is asked, and one group's labels are noisy.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from core.data.avatar_drawing import RGB, Person, draw_avatar
from core.data.face_templates import UTKFACE
from core.data.manifest import LEFT_OUT, TEST, TRAINING, VALIDATION, DatasetInfo
from core.data.splits import keep_share
from core.errors import DatasetError
from core.language import N_, gettext
from core.study import DatasetOptions, Seed
from core.tasks import Binary, Multiclass, Regression

HAIR = ("short", "long", "curly", "bald")
GROUPS = ("A", "B", "C", "D")
MIN_AGE, MAX_AGE = 1, 79
IMAGE_ID = "avatar-{:06d}"
PATH = "avatars:{}"

NOISY_GROUP = "C"
RARE_HAIR = "bald"
THINNED = N_("bald, under-sampled")

DRAWN = ("greying", "beard", "hat", "freckles", "laughing", "earrings")
"""Attributes of a person that are drawn, and that no label tells."""

# Raise it whenever a drawn pixel or a drawn label changes: caches are keyed by it.
DRAWING = 1

INFO = DatasetInfo(
    name="avatars",
    title=N_("Avatars (generated)"),
    tasks=(
        Regression("age", "Age", N_("years"), 1, 80, 10),
        Binary("glasses", "Glasses", ("no glasses", "glasses")),
        Multiclass("hair", "Hair", HAIR),
    ),
    sensitive_features={"group": GROUPS},
    shareable=True,
    generated=True,
    faces=UTKFACE,
    notice=(
        N_(
            "Generated pictures, drawn by this program: no one is shown, and the "
            "results say nothing about people. The groups A to D are carried by the "
            "clothes."
        )
    ),
)

_Share = Annotated[float, Field(ge=0, le=0.5)]


class AvatarsOptions(DatasetOptions):
    """Options of the dataset, as a study's ``[dataset] options`` gives them.

    Parameters
    ----------
    count : int
        Images, 60 to 200,000.
    seed : int
        Another seed, other people.
    hair_noise : float, in [0, 0.5]
        Share of the hair labels in group C that are replaced by another class.
    age_noise_years : float, in [0, 20]
        Standard deviation of what is added to the age labels in group C, years.
    validation_share, test_share : float, in [0, 0.5]
        Shares of the images; the rest is for training.
    bald_share : float, in (0, 1]
        Share of the training and of the validation images labelled bald that is kept.
    """

    count: Annotated[int, Field(ge=60, le=200_000)] = 6000
    seed: Seed = 0
    hair_noise: _Share = 0.2
    age_noise_years: Annotated[float, Field(ge=0, le=20)] = 6.0
    validation_share: _Share = 1 / 6
    test_share: _Share = 1 / 6
    bald_share: Annotated[float, Field(gt=0, le=1)] = 1.0


def sample_people(options: AvatarsOptions) -> pd.DataFrame:
    """Draw the labels of every image, and split them.

    Parameters
    ----------
    options : AvatarsOptions

    Returns
    -------
    DataFrame
        The manifest, one row an image in the order of their indices: ``image_id``,
        ``path`` ("avatars:123"), ``age`` (int, years), ``glasses``, ``hair``,
        ``group``, ``split``, ``reason`` where an image is left out, and ``age_clean``
        and ``hair_clean``, which are the true values of the person drawn, before label
        noise.
    """
    indices = range(options.count)
    people = [_sample_labels(_rng(options.seed, index)) for index in indices]
    glasses = INFO.tasks[1]
    assert isinstance(glasses, Binary)
    table = pd.DataFrame(
        {
            "image_id": [IMAGE_ID.format(index) for index in indices],
            "path": [PATH.format(index) for index in indices],
            "age": np.array([person.age for person in people], dtype=np.int64),
            "glasses": [glasses.classes[int(person.glasses)] for person in people],
            "hair": [person.hair for person in people],
            "group": [person.group for person in people],
        }
    )
    table["age_clean"] = table["age"]
    table["hair_clean"] = table["hair"]
    _add_label_noise(table, options)
    table["split"] = _split(table, options)
    table["reason"] = ""
    _make_rare(table, options)
    return table


def _add_label_noise(table: pd.DataFrame, options: AvatarsOptions) -> None:
    """Change labels of the noisy group in place; no row depends on ``count``."""
    sequence = np.random.SeedSequence([options.seed, 0, 1])
    draws = np.random.default_rng(sequence).random((options.count, 4))
    noisy = (table["group"] == NOISY_GROUP).to_numpy()
    flipped = noisy & (draws[:, 0] < options.hair_noise)
    hair = table["hair_clean"].map(HAIR.index).to_numpy()
    other = (hair + 1 + (draws[:, 1] * (len(HAIR) - 1)).astype(np.int64)) % len(HAIR)
    table["hair"] = np.array(HAIR, dtype=object)[np.where(flipped, other, hair)]
    # Box-Muller, so that every row uses the same number of draws.
    normal = np.sqrt(-2 * np.log1p(-draws[:, 2])) * np.cos(2 * np.pi * draws[:, 3])
    shift = np.rint(normal * options.age_noise_years).astype(np.int64) * noisy
    table["age"] = np.clip(table["age_clean"] + shift, MIN_AGE, MAX_AGE)


def _split(table: pd.DataFrame, options: AvatarsOptions) -> NDArray[np.object_]:
    """Stratified on hair and group: within a row of the shares in every stratum.

    The rows are laid out stratum by stratum, in random order within each, and every
    so-manieth goes to the test set, then to validation: the totals are exact, and no
    stratum is too small to be split.
    """
    sequence = np.random.SeedSequence([options.seed, 0, 2])
    shuffled = np.random.default_rng(sequence).random(options.count)
    order = np.lexsort((shuffled, table["group"], table["hair"]))
    split = np.full(options.count, TRAINING, dtype=object)
    tests = _every(len(order), options.test_share)
    split[order[tests]] = TEST
    rest = order[~tests]
    share = options.validation_share / (1 - options.test_share)
    split[rest[_every(len(rest), share)]] = VALIDATION
    return split


def _make_rare(table: pd.DataFrame, options: AvatarsOptions) -> None:
    """Leave out bald people of training and validation, in place."""
    for split in (TRAINING, VALIDATION):
        bald = (table["split"] == split) & (table["hair"] == RARE_HAIR)
        dropped = keep_share(bald, options.bald_share, seed=options.seed)
        table.loc[dropped, ["split", "reason"]] = [LEFT_OUT, THINNED]


def _every(rows: int, share: float) -> NDArray[np.bool_]:
    """Evenly spread marks on ``share`` of the rows."""
    # The tiny term keeps shares such as 1/6 from landing just under a whole number.
    steps = np.floor(np.arange(rows + 1) * share + 0.5 + 1e-9)
    marks: NDArray[np.bool_] = np.diff(steps) > 0
    return marks


def render(index: int, size: int, options: AvatarsOptions) -> NDArray[np.uint8]:
    """Draw image ``index``.

    Parameters
    ----------
    index : int, in [0, options.count)
    size : int
        Pixels, at least 16.
    options : AvatarsOptions

    Returns
    -------
    uint8 array, shape (size, size, 3)
        RGB.

    Raises
    ------
    DatasetError
        If there is no such image.
    """
    if not 0 <= index < options.count:
        raise DatasetError(
            gettext(
                "The dataset 'avatars' has no image {index}.",
                index=str(index),
            ),
            expected=gettext("0 to {most}.", most=options.count - 1),
            remedy=gettext(
                "check the manifest, or raise 'count' in the study's options."
            ),
        )
    return np.asarray(draw_avatar(sample_person(options.seed, index), size))


def index_of(path: str) -> int:
    """Index of the image behind a manifest's ``path`` such as "avatars:123".

    Raises
    ------
    DatasetError
        If it is the path of something else.
    """
    name, _, index = path.partition(":")
    if name != INFO.name or not index.isdecimal():
        raise DatasetError(
            gettext(
                "'{path}' is not an image of the dataset 'avatars'.",
                path=path,
            ),
            expected=gettext("a path such as 'avatars:123'."),
            remedy=gettext("make the manifest again."),
        )
    return int(index)


def path_of(image_id: str) -> str:
    """The manifest's ``path`` of an image such as "avatar-000123".

    Raises
    ------
    DatasetError
        If it is the id of something else.
    """
    name, _, index = image_id.rpartition("-")
    if f"{name}-" != IMAGE_ID.partition("{")[0] or not index.isdecimal():
        raise DatasetError(
            gettext(
                "'{image_id}' is not an image of the dataset 'avatars'.",
                image_id=image_id,
            ),
            expected=gettext("an id such as 'avatar-000123'."),
            remedy=gettext("make the manifest again."),
        )
    return PATH.format(int(index))


@dataclass(frozen=True, slots=True)
class _Labels:
    """A person: the labels, and how old each part of them looks."""

    age: int
    glasses: bool
    hair: str
    group: str
    looks: tuple[float, float, float, float]


def _rng(seed: int, index: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, index]))


def _sample_labels(rng: np.random.Generator) -> _Labels:
    kind, spread, share, group, glasses, _ = rng.random(6).tolist()
    first, second, *own = rng.standard_normal(6).tolist()
    age = _sample_age(kind, spread, first)
    # The years tell on one person early and on another late: more so with age.
    stray = 0.6 + 0.05 * age
    looks = age + stray * second
    parts = tuple(max(looks + 0.8 * stray * z, 0.5) for z in own)
    return _Labels(
        age=age,
        glasses=glasses < 0.16 + 0.30 * min(max((age - 8) / 60, 0.0), 1.0),
        hair=_sample_hair(share, age),
        group=GROUPS[sum(group >= edge for edge in (0.46, 0.78, 0.96))],
        looks=(parts[0], parts[1], parts[2], parts[3]),
    )


def _sample_age(kind: float, spread: float, normal: float) -> int:
    """Most between 20 and 40, as in photo collections, with a long tail."""
    if kind < 0.12:
        years = 1 + 15 * spread**1.3
    elif kind < 0.74:
        years = 29 + 7.5 * normal
    else:
        years = 34 + 46 * spread**1.8 + 3 * normal
    if years > MAX_AGE:
        years = 2 * MAX_AGE - years
    return int(min(max(round(years), MIN_AGE), MAX_AGE))


def _sample_hair(share: float, age: int) -> str:
    """Long-tailed: about 50, 30, 12 and 8 percent; bald is likelier with age."""
    bald = 0.06 + 0.07 * min(max((age - 25) / 40, 0.0), 1.0)
    curly = 0.12
    long = 0.31 if age >= 4 else 0.08
    if share < bald:
        return "bald"
    if share < bald + curly:
        return "curly"
    return "long" if share < bald + curly + long else "short"


_SKIN: tuple[RGB, ...] = (
    (255, 226, 202),
    (246, 206, 174),
    (232, 184, 146),
    (212, 156, 114),
    (176, 118, 82),
    (138, 88, 60),
    (104, 65, 46),
    (90, 57, 43),
)
_NATURAL_HAIR: tuple[RGB, ...] = (
    (38, 30, 34),
    (44, 34, 30),
    (72, 48, 36),
    (98, 62, 40),
    (132, 84, 50),
    (156, 72, 40),
    (196, 148, 84),
    (226, 190, 120),
)
_HAIR_COLOURS = _NATURAL_HAIR * 2 + ((92, 104, 176), (206, 108, 132))
_EYES: tuple[RGB, ...] = (
    (72, 44, 32),
    (72, 44, 32),
    (104, 70, 40),
    (76, 112, 150),
    (84, 124, 92),
)
_CLOTHES: tuple[RGB, ...] = (
    (46, 94, 140),
    (206, 82, 74),
    (66, 142, 122),
    (238, 178, 72),
    (118, 92, 160),
    (70, 78, 96),
    (232, 132, 104),
    (142, 168, 92),
)
_TRIMS: tuple[RGB, ...] = (
    (250, 242, 226),
    (255, 214, 130),
    (168, 214, 220),
    (246, 190, 190),
    (200, 216, 160),
)
_BACKGROUNDS: tuple[RGB, ...] = (
    (170, 206, 222),
    (244, 206, 176),
    (196, 214, 178),
    (216, 200, 230),
    (248, 224, 160),
    (188, 196, 214),
    (240, 190, 190),
    (150, 190, 184),
)


def sample_person(seed: int, index: int) -> Person:
    """The person in image ``index``: their labels, and how they are drawn.

    Notes
    -----
    The order of the draws is part of the dataset: append, never insert.
    """
    rng = _rng(seed, index)
    labels = _sample_labels(rng)
    u = iter(rng.random(32).tolist())
    z = iter(rng.standard_normal(16).tolist())
    face_age, skin_age, hair_age, sag_age = labels.looks
    # Some go grey at thirty, some dye their hair.
    turning = 47 + 6 * next(z)
    greying = 1 / (1 + math.exp(-(hair_age - turning) / 5))
    return Person(
        age=labels.age,
        glasses=labels.glasses,
        hair=labels.hair,
        group=labels.group,
        face_age=face_age,
        skin_age=skin_age,
        hair_age=hair_age,
        sag_age=sag_age,
        skin=_between(_SKIN, next(u)),
        hair_colour=_vary(_pick(_HAIR_COLOURS, next(u)), 8 * next(z)),
        eye_colour=_pick(_EYES, next(u)),
        cloth=_vary(_pick(_CLOTHES, next(u)), 10 * next(z)),
        trim=_vary(_pick(_TRIMS, next(u)), 6 * next(z)),
        background=_vary(_pick(_BACKGROUNDS, next(u)), 8 * next(z)),
        hair_style=next(u),
        hair_length=next(u),
        hair_volume=next(u),
        curl=next(u),
        fringe=next(u),
        recession=max(0.0, 1.5 * next(u) - 0.5),
        greying=greying * (next(u) > 0.12),
        frame=next(u),
        beard=_beard(next(u), face_age),
        hat=next(u) < 0.05,
        freckles=next(u) < 0.1,
        laughing=next(u) < 0.3,
        earrings=next(u) < 0.15 and labels.age > 10,
        face_width=_bounded(next(z)),
        jaw=_bounded(next(z)),
        smile=_bounded(next(z)),
        nose=_bounded(next(z)),
        tilt=0.09 * _bounded(next(z)),
        yaw=0.065 * _bounded(next(z)),
        scale=1.0 + 0.055 * _bounded(next(z)),
        shift_x=0.022 * _bounded(next(z)),
        shift_y=0.018 * _bounded(next(z)),
        light_x=0.10 * (2 * next(u) - 1),
        light_y=-0.07 * next(u),
        gain=1.0 + 0.14 * (next(u) - 0.6),
        warmth=0.05 * (2 * next(u) - 1),
    )


def describe_people(people: Sequence[Person]) -> pd.DataFrame:
    """The attributes of people that are drawn beside their labels, one row a person.

    Returns
    -------
    DataFrame
        ``greying`` and ``beard``, shares from 0 to 1, and whether there is a ``hat``,
        there are ``freckles``, a ``laughing`` mouth or ``earrings``.
    """
    return pd.DataFrame(
        {name: [getattr(person, name) for person in people] for name in DRAWN}
    )


def load_attributes(image_ids: Sequence[str], options: AvatarsOptions) -> pd.DataFrame:
    """Attributes of images from their drawing, as ``describe_people`` gives them.

    Parameters
    ----------
    image_ids : sequence of str
    options : AvatarsOptions

    Raises
    ------
    DatasetError
        If one of them is not an image of the dataset.
    """
    indices = [index_of(path_of(image_id)) for image_id in image_ids]
    return describe_people([sample_person(options.seed, index) for index in indices])


def _bounded(normal: float) -> float:
    """A normal draw without its tails."""
    return min(max(normal, -2.0), 2.0)


def _pick(colours: tuple[RGB, ...], share: float) -> RGB:
    return colours[int(share * len(colours))]


def _between(colours: tuple[RGB, ...], share: float) -> RGB:
    """A colour along the row of colours, straight between two neighbours."""
    place = share * (len(colours) - 1)
    low = int(place)
    rest = place - low
    first, second = colours[low], colours[low + 1]
    r, g, b = (round(a + (c - a) * rest) for a, c in zip(first, second, strict=True))
    return (r, g, b)


def _vary(colour: RGB, shift: float) -> RGB:
    """Lighter or darker by ``shift`` levels."""
    r, g, b = (min(max(int(level + shift), 0), 255) for level in colour)
    return (r, g, b)


def _beard(share: float, face_age: float) -> float:
    """No beard below seventeen; above, one in five has one, from stubble to full."""
    if face_age < 17 or share >= 0.2:
        return 0.0
    return 0.1 + 0.9 * share / 0.2
