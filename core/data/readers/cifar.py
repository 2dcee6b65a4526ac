"""CIFAR-10 and CIFAR-100, made long-tailed or stepped as in the literature.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; the
profiles of Cui et al., CVPR 2019. Read from a folder of class folders, or from Keras's
own download.
"""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from core.data.archive import folder_of
from core.data.cache import Pixels, Progress, render_file
from core.data.class_folders import MAC_FOLDER, list_pictures, pictures_in
from core.data.harmless_changes import apply_change
from core.data.images import preprocess
from core.data.long_tail import (
    OVER_PROFILE,
    Profile,
    class_counts,
    draw_long_tail,
    imbalance_ratio,
)
from core.data.manifest import (
    LEFT_OUT,
    TEST,
    TRAINING,
    VALIDATION,
    DatasetInfo,
    LoadedDataset,
)
from core.data.splits import with_new_split
from core.errors import DatasetError
from core.language import N_, gettext
from core.study import DatasetOptions, Fit, Resample, Seed
from core.tasks import Multiclass


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CLASSES_10 = _words("airplane automobile bird cat deer dog frog horse ship truck")
CLASSES_100 = _words(
    """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy
    bridge bus butterfly camel can castle caterpillar cattle chair chimpanzee clock
    cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest
    fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard
    lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
    otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum
    rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail
    snake spider squirrel streetcar sunflower sweet_pepper table tank telephone
    television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf
    woman worm"""
)
PARTS = ("train", "test")
_NOTICE = N_(
    "CIFAR was collected from the web for research; its pictures are not passed on. "
    "A copy in JPEG is lossy: its numbers are not exactly those of the original "
    "pixels, which Keras's own download has."
)


def _info(name: str, title: str, classes: tuple[str, ...]) -> DatasetInfo:
    return DatasetInfo(
        name=name,
        title=title,
        tasks=(Multiclass("label", "Class", classes),),
        sensitive_features={},
        shareable=False,
        generated=False,
        notice=_NOTICE,
    )


INFO_10 = _info("cifar10", "CIFAR-10", CLASSES_10)
INFO_100 = _info("cifar100", "CIFAR-100", CLASSES_100)


class CIFAROptions(DatasetOptions):
    """The protocol of a study on CIFAR.

    Parameters
    ----------
    ratio : float, at least 1
        Wanted imbalance ratio of the training images.
    profile : {"exponential", "step"}
        See ``long_tail.class_counts``.
    validation_per_class : int
        Of the published test images of each class, how many are set aside to watch
        the training, fewer than there are: the training images are all in the profile.
    seed : int
        Draws the training and the validation images.
    images_per_class : int, optional
        Training images of the largest class; by default as many as there are.
    """

    ratio: Annotated[float, Field(ge=1)] = 100.0
    profile: Profile = "exponential"
    validation_per_class: Annotated[int, Field(ge=1)] = 100
    seed: Seed = 0
    images_per_class: Annotated[int, Field(ge=1)] | None = None


def load(
    info: DatasetInfo,
    location: Path | None,
    options: CIFAROptions,
    *,
    shipped: pd.DataFrame | None = None,
    progress: Progress = lambda what, done, total: None,
) -> LoadedDataset:
    """Read a copy of CIFAR and make its training images imbalanced.

    Parameters
    ----------
    info : DatasetInfo
        ``INFO_10`` or ``INFO_100``.
    location : Path or None
        A folder or archive with ``train/<class>/`` and ``test/<class>/``; None for
        Keras's own download.
    options : CIFAROptions
    shipped : DataFrame, optional
        Not needed: the split depends on the options and on the names of the images
        alone. An ``image_id`` is part, class and name of the file without its ending;
        in Keras's download, the number within the class in four digits stands for the
        name. Copies whose files are named so, or alike, are split alike.
    progress : callable
        As for ``catalog.load_dataset``.

    Returns
    -------
    LoadedDataset
        Every image; those beyond the profile are left out. The report's ``long_tail``
        holds the wanted imbalance ratio and the realised one.

    Raises
    ------
    DatasetError
        If the copy is missing, not laid out so, has two pictures of one name, or too
        few images.
    """
    rows = _downloaded(info) if location is None else _in_folders(info, location)
    manifest = list_pictures(rows, ("image_id", "path", "label", "split"))
    classes = info.tasks[0].classes  # type: ignore[union-attr]
    ids = manifest["label"].map({name: i for i, name in enumerate(classes)}).to_numpy()
    train = np.flatnonzero(manifest["split"] == "train")
    test = np.flatnonzero(manifest["split"] == "test")
    whole = np.bincount(ids[train], minlength=len(classes))
    largest = options.images_per_class or int(whole.min())
    profile = (options.ratio, options.profile)
    counts = class_counts(len(classes), largest, *profile, names=classes)
    drawn = draw_long_tail(ids[train], counts, seed=options.seed, names=classes)
    kept = train[drawn]
    _check_validation(np.bincount(ids[test], minlength=len(classes)), classes, options)
    wanted = np.full(len(classes), options.validation_per_class)
    drawn = draw_long_tail(ids[test], wanted, seed=options.seed, names=classes)
    watched = test[drawn]
    split = np.full(len(manifest), LEFT_OUT, dtype=object)
    split[kept], split[test], split[watched] = TRAINING, TEST, VALIDATION
    manifest = manifest.assign(split=split, reason="")
    manifest.loc[manifest["split"] == LEFT_OUT, "reason"] = OVER_PROFILE
    long_tail = {
        "profile": options.profile,
        "ratio": options.ratio,
        "realised_ratio": imbalance_ratio(counts),
    }
    return with_new_split(info, manifest, long_tail=long_tail)


def _check_validation(
    sizes: NDArray[np.int64], classes: tuple[str, ...], options: CIFAROptions
) -> None:
    """Refuse to set aside all test images of a class, or more."""
    smallest, asked = int(sizes.min()), options.validation_per_class
    if asked >= smallest:
        raise DatasetError(
            gettext(
                "The class '{label}' has {smallest} test images: with {asked} set "
                "aside for validation, none would be left to test on.",
                label=classes[int(sizes.argmin())],
                smallest=smallest,
                asked=asked,
            ),
            expected=gettext(
                "a `validation_per_class` below {smallest}.",
                smallest=smallest,
            ),
            remedy=gettext(
                "fix `validation_per_class` under [dataset] options in the study's "
                "file, or use the whole published set."
            ),
        )


def _in_folders(info: DatasetInfo, location: Path) -> list[tuple[str, str, str, str]]:
    folder = folder_of(location, pattern="train/*/*", what=info.title)
    # Beside a folder, a Mac packs one of the same layout with what is hidden.
    found = (path for path in folder.rglob("train") if MAC_FOLDER not in path.parts)
    root = next((path.parent for path in found if path.is_dir()), folder)
    rows = []
    for part in PARTS:
        for label in info.tasks[0].classes:  # type: ignore[union-attr]
            files = pictures_in(root / part / label)
            if not files:
                raise DatasetError(
                    gettext(
                        "{location} has no picture of the class '{label}' in {part}.",
                        location=location,
                        label=label,
                        part=part,
                    ),
                    expected=gettext(
                        "{part}/{label}/ with its pictures.",
                        part=part,
                        label=label,
                    ),
                    remedy=gettext(
                        "point --data at a folder of class folders of {title}.",
                        title=gettext(info.title),
                    ),
                )
            rows += [
                (f"{part}/{label}/{path.stem}", str(path), label, part)
                for path in files
            ]
    return rows


def _downloaded(info: DatasetInfo) -> list[tuple[str, str, str, str]]:
    classes = info.tasks[0].classes  # type: ignore[union-attr]
    rows = []
    for part, (_, ids) in _arrays(info.name).items():
        seen = np.zeros(len(classes), dtype=int)
        for row, label in enumerate(ids.tolist()):
            number = f"{seen[label]:04d}"
            seen[label] += 1
            name = classes[label]
            path = f"{info.name}:{part}:{row}"
            rows.append((f"{part}/{name}/{number}", path, name, part))
    return rows


@cache
def _arrays(name: str) -> dict[str, tuple[Pixels, NDArray[np.int64]]]:
    """Pixels and class ids of both parts, by Keras's own download."""
    import keras

    source: Callable[[], tuple[tuple[Pixels, ...], tuple[Pixels, ...]]] = (
        keras.datasets.cifar10.load_data
        if name == INFO_10.name
        else partial(keras.datasets.cifar100.load_data, label_mode="fine")
    )
    try:
        loaded = source()
    except Exception as error:  # noqa: BLE001  Keras raises a bare Exception offline
        raise DatasetError(
            gettext(
                "{name} could not be downloaded: {error}",
                name=name,
                error=error,
            ),
            expected=gettext("a network that reaches Keras's own source."),
            remedy=gettext("or give a folder of class folders with --data PATH."),
        ) from None
    return {
        part: (np.asarray(images), np.asarray(labels, dtype=np.int64).ravel())
        for part, (images, labels) in zip(PARTS, loaded, strict=True)
    }


def render(
    path: str,
    size: int,
    *,
    resample: Resample = "bicubic",
    fit: Fit = "crop",
    change: str = "",
) -> Pixels:
    """Pixels of a manifest's ``path``: a file, or a row of Keras's download."""
    name, _, rest = path.partition(":")
    if name not in (INFO_10.name, INFO_100.name):
        return render_file(path, size, resample=resample, fit=fit, change=change)
    part, _, row = rest.partition(":")
    images, _ = _arrays(name)[part]
    picture = apply_change(Image.fromarray(images[int(row)]), change)
    return preprocess(picture, size, resample=resample, fit=fit)
