"""Stanford Dogs: 120 breeds, with a bounding box around each dog.

Source: Khosla et al., "Novel Dataset for Fine-Grained Image Categorization", First
Workshop on Fine-Grained Visual Categorization, CVPR 2011, in its published layout:
``Images/n02085620-Chihuahua/n02085620_7.jpg``, ``Annotation/`` with a file of boxes for
each picture, and the split in ``train_list.mat`` and ``test_list.mat``.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal, Self
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from pydantic import model_validator

from core.data.archive import folder_of
from core.data.cache import Pixels, Progress, Render
from core.data.class_folders import (
    MAC_FOLDER,
    NAMED,
    ClassColumn,
    ClassFolderOptions,
    Wanted,
    choose_images,
    class_folders,
    count_used,
    draw_split,
    list_pictures,
    take_split,
)
from core.data.enhancement import Enhancement, enhance, enhanced_renderer
from core.data.harmless_changes import apply_change
from core.data.images import decode_image, preprocess
from core.data.manifest import (
    LEFT_OUT,
    TEST,
    TRAINING,
    VALIDATION,
    DatasetInfo,
    LoadedDataset,
)
from core.data.picture_names import BESIDE
from core.data.splits import leave_out, with_new_split, with_shipped_split
from core.errors import DatasetError, ImageError
from core.language import N_, gettext, ngettext
from core.study import Fit, Resample
from core.tasks import Multiclass

LISTS = {TRAINING: "train_list.mat", TEST: "test_list.mat"}
# For each archive: the content that is looked for, and the text of the error.
PARTS = {
    "images": (
        "Images",
        N_("Images/n02085620-Chihuahua/n02085620_7.jpg and so on."),
    ),
    "lists": (
        LISTS[TRAINING],
        N_("train_list.mat and test_list.mat, as published."),
    ),
    "annotation": (
        "Annotation",
        N_("Annotation/n02085620-Chihuahua/n02085620_7 and so on."),
    ),
}
BREED = ClassColumn("breed", "breed", "breeds")

INFO = DatasetInfo(
    name="stanford-dogs",
    title="Stanford Dogs",
    tasks=(Multiclass(BREED.name, "Breed", ()),),
    sensitive_features={},
    shareable=False,
    generated=False,
    notice=(
        N_(
            "Stanford Dogs was collected from ImageNet, for research: its pictures "
            "belong to those who took them and are not passed on."
        )
    ),
)

_FOLDER = re.compile(r"n\d{8}-(.+)")
_LISTED = re.compile(r"[^/]+/[^/]+\.\w+")
_STEP = 1000
_SOURCE = "vision.stanford.edu/aditya86/ImageNetDogs"
_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")
Box = tuple[int, int, int, int]


class StanfordDogsOptions(ClassFolderOptions):
    """The protocol of a study on Stanford Dogs.

    Parameters
    ----------
    breeds : int or str, optional
        How many breeds, those with the most images, or which: their names, with commas
        between them. All 120 if not given.
    split : {"stratified", "lists"}
        Drawn by the shares, or the published one: 100 training images of each breed,
        of which ``validation_share`` are set aside.
    crop_to_box : bool
        Of each picture only what is in the box of its largest dog. A photo that is
        uploaded has no box and is taken whole.
    """

    breeds: Wanted | None = None
    split: Literal["stratified", "lists"] = "stratified"
    crop_to_box: bool = False

    @model_validator(mode="after")
    def _lists_are_whole(self) -> Self:
        if self.split == "lists" and self.per_class is not None:
            raise ValueError(gettext("'per_class' cannot thin the published lists."))
        return self


def load(
    location: Path,
    options: StanfordDogsOptions,
    *,
    shipped: pd.DataFrame | None = None,
    progress: Progress = lambda what, done, total: None,
) -> LoadedDataset:
    """Read a copy of Stanford Dogs and split it.

    Parameters
    ----------
    location : Path
        A folder in which ``Images/`` is, or ``images.tar``; or one of these archives,
        or one of all. ``lists.tar`` and ``annotation.tar`` are looked for there and
        beside, and only if the options need them.
    options : StanfordDogsOptions
    shipped, progress
        As for ``catalog.load_dataset``.

    Returns
    -------
    LoadedDataset
        Every picture, by ``image_id`` such as "n02085620_7". Images of breeds that are
        not chosen, and those beyond ``per_class``, are left out.

    Raises
    ------
    DatasetError
        If a part that is needed is missing or not as published, if two pictures have
        one name, or if a breed has too few images.
    """
    manifest, strange = _read_pictures(_part(location, "images"))
    if shipped is not None:
        loaded = with_shipped_split(INFO, manifest, shipped, location)
    else:
        manifest = manifest.assign(split="", reason="")
        choose_images(
            manifest,
            BREED,
            options.breeds,
            per_class=options.per_class,
            seed=options.seed,
        )
        _split(manifest, location, options)
        breeds = count_used(manifest, BREED)
        loaded = with_new_split(INFO, manifest, strange, breeds=breeds)
    if options.crop_to_box:
        crops = _add_boxes(loaded.manifest, _part(location, "annotation"), progress)
        if shipped is None:
            loaded.report["crops"] = crops
    return loaded


def read_list(path: Path) -> list[str]:
    """Read one of the published lists.

    Parameters
    ----------
    path : Path
        A MAT file whose ``file_list`` holds names such as
        "n02085620-Chihuahua/n02085620_5927.jpg".

    Returns
    -------
    list of str
        These names, without their suffix.

    Raises
    ------
    DatasetError
        If it is not a MAT file, or has no ``file_list`` of such names.
    """
    import scipy.io

    try:
        content = scipy.io.loadmat(path, variable_names=["file_list"])
    # The reader of MAT files raises many kinds of errors for a file that is not one.
    except Exception as error:  # noqa: BLE001
        raise _bad_list(
            gettext(
                "{path} is not a MAT file that can be read ({error}).",
                path=path,
                error=error,
            )
        ) from None
    if "file_list" not in content:
        raise _bad_list(gettext("{path} has no variable file_list.", path=path))
    # A cell array is read as an array of arrays of one text each.
    cells = np.asarray(content["file_list"]).ravel()
    names = [str(text) for cell in cells for text in np.ravel(cell)]
    if not names:
        raise _bad_list(gettext("{path} has an empty file_list.", path=path))
    wrong = [name for name in names if not _LISTED.fullmatch(name)]
    if wrong:
        raise _bad_list(
            gettext("{path} has '{name}' in its file_list.", path=path, name=wrong[0])
        )
    return [name.rpartition(".")[0] for name in names]


def read_box(path: Path) -> tuple[Box, int]:
    """Read the box of the largest dog in a picture.

    Parameters
    ----------
    path : Path
        Its file under ``Annotation/``, of the Pascal VOC kind.

    Returns
    -------
    tuple of four int
        Left, top, right and bottom, in pixels of the picture.
    int
        Dogs in the picture.

    Raises
    ------
    DatasetError
        If it is not XML, or has no box of four whole numbers.
    """
    try:
        boxes = list(_boxes(ElementTree.parse(path).getroot()))
    except (OSError, ElementTree.ParseError, ValueError, TypeError) as error:
        raise _bad_box(
            gettext(
                "The bounding box {path} cannot be read: {error}.",
                path=path,
                error=error,
            )
        ) from None
    if not boxes:
        raise _bad_box(gettext("The bounding box {path} has no box.", path=path))
    return max(boxes, key=lambda b: (b[2] - b[0]) * (b[3] - b[1])), len(boxes)


def renderer(options: StanfordDogsOptions) -> Render:
    """The function that turns a manifest's ``path`` into pixels under these options."""
    if options.crop_to_box:
        return partial(render_in_box, enhancement=options.enhancement)
    return enhanced_renderer(options.enhancement)


def render_in_box(
    path: str,
    size: int,
    *,
    enhancement: Enhancement,
    resample: Resample = "bicubic",
    fit: Fit = "crop",
    change: str = "",
) -> Pixels:
    """Read what is in a picture's box, at the model's size, its brightness changed.

    Raises
    ------
    ImageError
        If the picture cannot be read, or its box is not inside it.
    """
    file, _, edges = path.partition(BESIDE)
    image = decode_image(Path(file))
    left, top, right, bottom = map(int, edges.split(","))
    across = 0 <= left < right <= image.width
    if not (across and 0 <= top < bottom <= image.height):
        raise ImageError(
            gettext(
                "{name} has a bounding box outside the picture: {edges} in {width} x "
                "{height} pixels.",
                name=Path(file).name,
                edges=edges,
                width=image.width,
                height=image.height,
            ),
            expected=gettext("left, top, right and bottom inside it, in this order."),
            remedy=_fetch("annotation"),
        )
    cropped = apply_change(image.crop((left, top, right, bottom)), change)
    pixels = preprocess(cropped, size, resample=resample, fit=fit)
    return enhance(pixels, enhancement)


def _part(location: Path, name: str) -> Path:
    """The folder, or the first file, of a part, its archive unpacked if need be.

    Raises
    ------
    DatasetError
        If the part is not there, or not in its published layout.
    """
    sought, expected = PARTS[name]
    folder = location if location.is_dir() else location.parent
    archives = [folder / f"{name}{suffix}" for suffix in _SUFFIXES]
    places = [location, *(p for p in archives if p.is_file() and p != location)]
    for place in places:
        within = folder_of(place, pattern="*", what=INFO.title)
        for found in sorted(within.rglob(sought)):
            if MAC_FOLDER not in found.parts and found.is_file() == bool(found.suffix):
                return found
    raise DatasetError(
        gettext(
            "{location} has no {sought}, and no {archive} that holds it.",
            location=location,
            sought=sought,
            archive=f"{name}.tar",
        ),
        expected=gettext(expected),
        remedy=_fetch(name),
    )


def _fetch(part: str) -> str:
    return gettext(
        "fetch {archive} from {source} and put it, or its content, there.",
        archive=f"{part}.tar",
        source=_SOURCE,
    )


def _fetch_boxes() -> str:
    return gettext("{fetch} Or set crop_to_box = false.", fetch=_fetch("annotation"))


def _read_pictures(root: Path) -> tuple[pd.DataFrame, list[str]]:
    """Every picture with its breed, and the names of files that are not pictures."""
    found, strange = class_folders(root)
    breeds = {folder: _FOLDER.fullmatch(folder) for folder in found}
    other = [folder for folder, match in breeds.items() if match is None]
    if other:
        raise DatasetError(
            gettext(
                "{folder} has folders that are not breeds: {names}.",
                folder=root,
                names=", ".join(other[:NAMED]),
            ),
            expected=gettext("folders such as n02085620-Chihuahua."),
            remedy=gettext(
                "take them out; for other folders, use the dataset 'folder'."
            ),
        )
    names = {folder: match[1] for folder, match in breeds.items() if match}
    rows = [
        (path.stem, str(path), names[folder].replace("_", " "))
        for folder, pictures in found.items()
        for path in pictures
    ]
    return list_pictures(rows, ("image_id", "path", BREED.name)), strange


def _split(
    manifest: pd.DataFrame, location: Path, options: StanfordDogsOptions
) -> None:
    """Give the images their split, in place: a drawn one, or the published one."""
    if options.split == "stratified":
        shares = {TEST: options.test_share, VALIDATION: options.validation_share}
        draw_split(manifest, BREED, shares, seed=options.seed)
        return
    folder = _part(location, "lists").parent
    names = pd.Series([_listed_name(path) for path in manifest["path"]])
    used = set(names[manifest["split"] == ""].str.partition("/")[0])
    parts = pd.Series("", index=manifest.index)
    for part, file in LISTS.items():
        listed = _read_used(folder / file, used, set(names))
        twice = names[names.isin(listed) & (parts != "")]
        if len(twice):
            raise DatasetError(
                ngettext(
                    "{count} picture is in both {first} and {second}: {example}.",
                    "{count} pictures are in both {first} and {second}, {example} for "
                    "one.",
                    len(twice),
                    first=LISTS[TRAINING],
                    second=LISTS[TEST],
                    example=twice.iloc[0],
                ),
                expected=gettext("each picture in one of them."),
                remedy=_fetch("lists"),
            )
        parts[names.isin(listed)] = part
    leave_out(manifest, parts == "", N_("in no list"))
    share = options.validation_share
    take_split(manifest, BREED, parts, validation_share=share, seed=options.seed)


def _read_used(path: Path, folders: set[str], known: set[str]) -> set[str]:
    """The files that a list names in these folders, all of them found."""
    if not path.is_file():
        raise DatasetError(
            gettext("{folder} has no {name}.", folder=path.parent, name=path.name),
            expected=gettext(PARTS["lists"][1]),
            remedy=_fetch("lists"),
        )
    listed = [name for name in read_list(path) if name.partition("/")[0] in folders]
    absent = [name for name in listed if name not in known]
    if absent:
        raise DatasetError(
            gettext(
                "{count} of the {total} pictures that {file} names are not there, "
                "{names} among them.",
                count=len(absent),
                total=len(listed),
                file=path.name,
                names=", ".join(absent[:NAMED]),
            ),
            expected=gettext("every picture that it names."),
            remedy=_fetch("images"),
        )
    return set(listed)


def _listed_name(path: str) -> str:
    """A picture as the lists name it, without its suffix."""
    file = Path(path)
    return f"{file.parent.name}/{file.stem}"


def _bad_list(problem: str) -> DatasetError:
    return DatasetError(
        problem,
        expected=gettext(
            "a MAT file with a file_list of names such as "
            "n02085620-Chihuahua/n02085620_5927.jpg."
        ),
        remedy=_fetch("lists"),
    )


def _add_boxes(
    manifest: pd.DataFrame, root: Path, progress: Progress
) -> dict[str, int]:
    """Write the box of each image that is used behind its path, in place."""
    used = manifest["split"] != LEFT_OUT
    paths = manifest.loc[used, "path"]
    files = [_annotation_of(root, path) for path in paths]
    absent = [str(file) for file in files if not file.is_file()]
    if absent:
        raise DatasetError(
            gettext(
                "{count} of {total} pictures have no bounding box, {names} among what "
                "is missing.",
                count=len(absent),
                total=len(files),
                names=", ".join(absent[:NAMED]),
            ),
            expected=gettext(PARTS["annotation"][1]),
            remedy=_fetch_boxes(),
        )
    boxed, several = [], 0
    for done, (path, file) in enumerate(zip(paths, files, strict=True), start=1):
        box, dogs = read_box(file)
        boxed.append(f"{path}{BESIDE}{','.join(map(str, box))}")
        several += dogs > 1
        if done % _STEP == 0 or done == len(files):
            progress(gettext("Reading bounding boxes"), done, len(files))
    manifest.loc[used, "path"] = boxed
    return {"pictures": len(boxed), "with_several_dogs": several}


def _annotation_of(root: Path, path: str) -> Path:
    """The file of boxes of a picture; as published it has no suffix."""
    plain = root / _listed_name(path)
    return plain if plain.is_file() else plain.with_name(f"{plain.name}.xml")


def _boxes(annotation: ElementTree.Element) -> Iterator[Box]:
    for box in annotation.iter("bndbox"):
        left, top, right, bottom = (
            int(box.findtext(edge, "")) for edge in ("xmin", "ymin", "xmax", "ymax")
        )
        yield left, top, right, bottom


def _bad_box(problem: str) -> DatasetError:
    return DatasetError(
        problem,
        expected=gettext(
            "an XML file with xmin, ymin, xmax and ymax of each dog, in pixels."
        ),
        remedy=_fetch_boxes(),
    )
