"""Any pictures in one folder a class, or an archive of them.

A class is called what its folder is called. Where the class folders lie below ``train``
and ``test`` that split can be taken over; otherwise it is drawn, class by class.
"""

from pathlib import Path
from typing import Literal

import pandas as pd

from core.data.archive import folder_of
from core.data.cache import Progress, Render
from core.data.class_folders import (
    ClassColumn,
    ClassFolderOptions,
    Wanted,
    choose_images,
    class_folders,
    count_used,
    draw_split,
    folders_in,
    list_pictures,
    pictures_in,
    take_split,
)
from core.data.enhancement import enhanced_renderer
from core.data.manifest import (
    TEST,
    TRAINING,
    VALIDATION,
    DatasetInfo,
    LoadedDataset,
)
from core.data.splits import with_new_split, with_shipped_split
from core.errors import DatasetError
from core.language import N_
from core.tasks import Multiclass

# Names of folders of a split, and the split of each.
PARTS = {
    "train": TRAINING,
    "training": TRAINING,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "test": TEST,
    "testing": TEST,
}
LABEL = ClassColumn("label", "class", "classes")

INFO = DatasetInfo(
    name="folder",
    title=N_("A folder of classes"),
    tasks=(Multiclass(LABEL.name, "Class", ()),),
    sensitive_features={},
    shareable=False,
    generated=False,
    notice=(
        N_(
            "Pictures of your own: they are not shown, and what may be done with "
            "them, and with models and predictions made from them, is for you to know."
        )
    ),
)


class FolderOptions(ClassFolderOptions):
    """The protocol of a study on a folder of class folders.

    Parameters
    ----------
    classes : int or str, optional
        How many classes, those with the most images, or which: their names, with
        commas between them. All of them if not given.
    split : {"stratified", "folders"}
        Drawn by the shares, or that of the folders train, test and, if there, val.
    """

    classes: Wanted | None = None
    split: Literal["stratified", "folders"] = "stratified"


def load(
    location: Path,
    options: FolderOptions,
    *,
    shipped: pd.DataFrame | None = None,
    progress: Progress = lambda what, done, total: None,
) -> LoadedDataset:
    """Read a folder of class folders and split it.

    Parameters
    ----------
    location : Path
        The folder, or an archive of it.
    options : FolderOptions
    shipped, progress
        As for ``catalog.load_dataset``.

    Returns
    -------
    LoadedDataset
        Every picture, by ``image_id``: its folder and its name without the suffix.

    Raises
    ------
    DatasetError
        If there are no class folders or an empty one, two pictures of one name, a
        class with too few images, or another one than the options ask for.
    """
    root = _descend(folder_of(location, pattern="*", what="classes"), options)
    manifest, strange = _read(root, options)
    parts = manifest.pop("part")
    if shipped is not None:
        return with_shipped_split(INFO, manifest, shipped, location)
    manifest = manifest.assign(split="", reason="")
    choose_images(
        manifest, LABEL, options.classes, per_class=options.per_class, seed=options.seed
    )
    if options.split == "folders":
        share = options.validation_share
        take_split(manifest, LABEL, parts, validation_share=share, seed=options.seed)
    else:
        shares = {TEST: options.test_share, VALIDATION: options.validation_share}
        draw_split(manifest, LABEL, shares, seed=options.seed)
    classes = count_used(manifest, LABEL)
    return with_new_split(INFO, manifest, strange, classes=classes)


def renderer(options: FolderOptions) -> Render:
    """The function that turns a manifest's ``path`` into pixels under these options."""
    return enhanced_renderer(options.enhancement)


def _descend(folder: Path, options: FolderOptions) -> Path:
    """Where the classes are: an archive often holds one folder with all of them."""
    while len(below := folders_in(folder)) == 1 and not pictures_in(below[0]):
        if options.split == "folders" and below[0].name in PARTS:
            break
        (folder,) = below
    return folder


def _read(root: Path, options: FolderOptions) -> tuple[pd.DataFrame, list[str]]:
    """Every picture with its class and the split that it came with."""
    rows: list[tuple[str, ...]] = []
    strange: list[str] = []
    for part, place in _parts(root, options).items():
        prefix = f"{part}/" if part else ""
        found, others = class_folders(place)
        strange += [f"{prefix}{name}" for name in others]
        rows += [
            (f"{prefix}{label}/{path.stem}", str(path), label, PARTS.get(part, ""))
            for label, pictures in found.items()
            for path in pictures
        ]
    return list_pictures(rows, ("image_id", "path", LABEL.name, "part")), strange


def _parts(root: Path, options: FolderOptions) -> dict[str, Path]:
    """Where class folders lie, by the name of the folder of a split, or of none.

    Raises
    ------
    DatasetError
        If these are not the folders that the options speak of.
    """
    # A class may be called "train" too: then its pictures lie in the folder itself.
    found = {
        path.name: path
        for path in folders_in(root)
        if path.name in PARTS and not pictures_in(path)
    }
    if options.split == "stratified" and not found:
        return {"": root}
    splits = [PARTS[name] for name in found]
    whole = {TRAINING, TEST} <= set(splits) and len(set(splits)) == len(splits)
    if options.split == "folders" and whole:
        return found
    raise DatasetError(
        f"{root} has {', '.join(found) or 'none'} of the folders of a split.",
        expected="train and test, each with its class folders, and perhaps val."
        if options.split == "folders"
        else 'the class folders themselves, with split = "stratified".',
        remedy=f"fix `split` under [dataset] options{'' if whole else ', or rename'}"
        f"{'' if whole else ' them'}.",
    )
