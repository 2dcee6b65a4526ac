"""Shared code of the datasets whose pictures lie in one folder a class."""

import filecmp
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from core.data.enhancement import Enhancement
from core.data.images import SUFFIXES
from core.data.long_tail import draw_long_tail
from core.data.manifest import TEST, TRAINING, VALIDATION
from core.data.splits import least_to_split, leave_out, split_by_group
from core.data.unreadable_pictures import describe_sizes
from core.errors import DatasetError
from core.language import gettext, ngettext
from core.study import Seed
from core.tasks import natural_order
from core.text import listed

# A Mac leaves it in its archives, with a hidden file for every picture.
MAC_FOLDER = "__MACOSX"
NAMED = 3
"""How many of what is wrong a message names."""

Wanted = Annotated[int, Field(ge=2)] | Annotated[str, Field(min_length=1)]
_Share = Annotated[float, Field(ge=0.01, le=0.4)]


class ClassFolderOptions(Enhancement):
    """Options of every dataset of class folders.

    Parameters
    ----------
    per_class : int, optional
        Of each class at most so many images are used, drawn; all of them if not given.
    validation_share, test_share : float, in [0.01, 0.4]
        Shares of the images of each class, where no split comes with them.
    seed : int
        Draws the images and the split.
    """

    per_class: Annotated[int, Field(ge=1)] | None = None
    validation_share: _Share = 0.1
    test_share: _Share = 0.1
    seed: Seed = 0

    @property
    def enhancement(self) -> Enhancement:
        """The change of brightness of every picture."""
        return Enhancement(autocontrast=self.autocontrast, equalize=self.equalize)


@dataclass(frozen=True)
class ClassColumn:
    """The words of a dataset for its classes.

    Parameters
    ----------
    name : str
        Their column in the manifest.
    one, many : str
        In a sentence; the option that chooses among them is called ``many``.
    """

    name: str
    one: str
    many: str


def split_names(text: str) -> tuple[str, ...]:
    """Names that an option gives as text, with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def pictures_in(folder: Path) -> list[Path]:
    """Pictures that lie in a folder itself, by name; hidden files are skipped."""
    if not folder.is_dir():
        return []
    return [path for path in _visible(folder) if path.suffix.lower() in SUFFIXES]


def walk_pictures(root: Path) -> Iterator[str]:
    """Find every picture in a folder and below it, one folder at a time.

    Parameters
    ----------
    root : Path

    Yields
    ------
    str
        Its path seen from the folder, with "/": those in a folder itself by name, then
        those of its folders by name. Hidden files are skipped, and links to folders are
        not followed.

    Raises
    ------
    DatasetError
        If a folder cannot be read.
    """
    for path in walk_files(root):
        name = path.rpartition("/")[2]
        if name[0] != "." and PurePath(name).suffix.lower() in SUFFIXES:
            yield path


def walk_files(root: Path) -> Iterator[str]:
    """Find every file in a folder and below it, as ``walk_pictures`` does.

    Hidden folders are skipped, and hidden files are not.

    Raises
    ------
    DatasetError
        If a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise DatasetError(
            gettext(
                "{file} cannot be read: {why}.",
                file=error.filename,
                why=error.strerror or error,
            ),
            expected=gettext(
                "a folder whose pictures may be read, and all those below it."
            ),
            remedy=gettext("fix its permissions, or take it out."),
        ) from error

    for here, below, names in os.walk(root, onerror=refuse):
        below[:] = sorted(n for n in below if n != MAC_FOLDER and n[0] != ".")
        prefix = PurePath(here).relative_to(root).as_posix()
        for name in sorted(names):
            yield name if prefix == "." else f"{prefix}/{name}"


def published_name(name: str) -> str:
    """The name of a JPEG as datasets publish it: ending in ".jpg".

    Parameters
    ----------
    name : str
        A camera or Windows may have made ".JPG" or ".jpeg" of it.

    Returns
    -------
    str
        Other names are as they were.
    """
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}.jpg" if dot and suffix.lower() in ("jpg", "jpeg") else name


def by_published_name(paths: Iterable[Path]) -> tuple[dict[str, Path], list[Path]]:
    """Files by their published name, and second copies of some of them.

    Parameters
    ----------
    paths : iterable of Path

    Returns
    -------
    dict of str to Path
        The first file of each name.
    list of Path
        Files that have the name and the content of a file before them.

    Raises
    ------
    DatasetError
        If two files of one name differ.
    """
    files: dict[str, Path] = {}
    copies = []
    for path in paths:
        first = files.setdefault(published_name(path.name), path)
        if first == path:
            continue
        if not filecmp.cmp(first, path, shallow=False):
            raise DatasetError(
                gettext(
                    "Two different pictures have one name: {first} and {path}.",
                    first=first,
                    path=path,
                ),
                expected=gettext("one picture of a name."),
                remedy=gettext("take one of them out."),
            )
        copies.append(path)
    return files, copies


def folders_in(folder: Path) -> list[Path]:
    """Folders in a folder, by name, without what is hidden."""
    return [p for p in _visible(folder) if p.is_dir() and p.name != MAC_FOLDER]


def class_folders(root: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """The pictures of each class.

    Parameters
    ----------
    root : Path
        A folder with one folder a class.

    Returns
    -------
    dict of str to list of Path
        Folder's name to its pictures, both by name.
    list of str
        Names of files in them that are not pictures.

    Raises
    ------
    DatasetError
        If there are fewer than two folders, or one of them has no picture.
    """
    found = {folder.name: pictures_in(folder) for folder in folders_in(root)}
    empty = [name for name, pictures in found.items() if not pictures]
    if len(found) < 2 or empty:
        raise DatasetError(
            gettext(
                "{folder} has class folders without a picture: {names}.",
                folder=root,
                names=", ".join(empty[:NAMED]),
            )
            if empty
            else gettext("{folder} has {n} class folder.", folder=root, n=len(found))
            if found
            else gettext("{folder} has no class folders.", folder=root),
            expected=gettext(
                "at least two folders, named after their classes, with pictures."
            ),
            remedy=gettext(
                "give the folder in which the classes are, and take empty ones out."
            ),
        )
    strange = [
        f"{name}/{path.name}"
        for name, pictures in found.items()
        for path in sorted(set(_visible(root / name)) - set(pictures))
    ]
    return found, strange


def list_pictures(
    rows: Sequence[tuple[str, ...]], columns: Sequence[str]
) -> pd.DataFrame:
    """Make the manifest, sorted by ``image_id``, in which every picture has its own.

    Parameters
    ----------
    rows : sequence of tuples
    columns : sequence of str
        ``image_id`` and ``path`` among them.

    Raises
    ------
    DatasetError
        If two pictures have one ``image_id``: predictions could not be matched to them.
    """
    manifest = pd.DataFrame(rows, columns=list(columns))
    twice = manifest[manifest["image_id"].duplicated(keep=False)]
    if len(twice):
        name = twice["image_id"].iloc[0]
        files = twice.loc[twice["image_id"] == name, "path"]
        raise DatasetError(
            gettext(
                "Several pictures have one name, {count} in all: '{name}' of "
                "{folders}.",
                count=len(twice),
                name=name,
                folders=listed(files.iloc[:2].tolist()),
            ),
            expected=gettext("one picture of a name, whatever its suffix."),
            remedy=gettext("take the copies out, or rename them."),
        )
    return manifest.sort_values("image_id", ignore_index=True)


def choose_images(
    manifest: pd.DataFrame,
    classes: ClassColumn,
    wanted: int | str | None,
    *,
    per_class: int | None,
    seed: int,
) -> None:
    """Leave out, in place, other classes and images beyond a limit.

    Parameters
    ----------
    manifest : DataFrame
        With an empty ``split`` and ``reason``.
    classes : ClassColumn
    wanted : int, str or None
        How many classes: those with the most images, of equals the first by name. Or
        their names, with commas between them. None is all of them.
    per_class : int or None
        Images of each class, drawn with ``seed``.
    seed : int

    Raises
    ------
    DatasetError
        If there are not so many classes, or none of a name.
    """
    column = manifest[classes.name]
    counts = column.value_counts()
    chosen = _choose(counts, classes, wanted)
    others = ~column.isin(chosen)
    leave_out(manifest, others, f"{classes.one} not chosen")
    if per_class is None:
        return
    kept = manifest.index[~others]
    ids = column[kept].map({name: i for i, name in enumerate(chosen)})
    limits = np.minimum(counts[chosen].to_numpy(), per_class)
    drawn = kept[draw_long_tail(ids.to_numpy(), limits, seed=seed, names=chosen)]
    over = ~manifest.index.isin(drawn)
    leave_out(manifest, over, f"over {per_class} of a {classes.one}")


def draw_split(
    manifest: pd.DataFrame,
    classes: ClassColumn,
    shares: Mapping[str, float],
    *,
    seed: int,
    part: str = "",
) -> None:
    """Split, in place and class by class, the rows that have no split yet.

    Parameters
    ----------
    manifest : DataFrame
    classes : ClassColumn
    shares : mapping of split to float
        The rest is for training.
    seed : int
    part : str
        Split that these images came with, if any, for the message.

    Raises
    ------
    DatasetError
        If a class has too few images for that: which, and how many are needed.
    """
    rows = manifest[manifest["split"] == ""]
    _refuse_small(rows[classes.name], classes, least_to_split(shares), part)
    manifest.loc[rows.index, "split"] = split_by_group(
        rows[classes.name], rows["image_id"], shares=shares, seed=seed
    )


def take_split(
    manifest: pd.DataFrame,
    classes: ClassColumn,
    parts: pd.Series,
    *,
    validation_share: float,
    seed: int,
) -> None:
    """Take over, in place, the split that came with the images.

    Parameters
    ----------
    manifest : DataFrame
    classes : ClassColumn
    parts : Series of str
        Split that each row came with.
    validation_share : float
        Share of the training images of each class that is drawn for validation, if
        none came with it.
    seed : int

    Raises
    ------
    DatasetError
        If a class has no image in a split, or too few to set some aside.
    """
    rows = manifest["split"] == ""
    names = pd.CategoricalDtype(manifest.loc[rows, classes.name].unique())
    for part in sorted({TRAINING, TEST, *parts[rows]}):
        column = manifest.loc[rows & (parts == part), classes.name]
        _refuse_small(column.astype(names), classes, 1, part)
    given = rows & (parts != TRAINING)
    manifest.loc[given, "split"] = parts[given]
    if VALIDATION in set(parts[rows]):
        manifest.loc[rows, "split"] = parts[rows]
        return
    shares = {VALIDATION: validation_share}
    draw_split(manifest, classes, shares, seed=seed, part=TRAINING)


def count_used(manifest: pd.DataFrame, classes: ClassColumn) -> dict[str, int]:
    """Classes found and used, and images of the largest and of the smallest used."""
    used = manifest.loc[manifest["reason"] == "", classes.name]
    return {"found": manifest[classes.name].nunique(), **describe_sizes(used)}


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _choose(
    counts: pd.Series, classes: ClassColumn, wanted: int | str | None
) -> list[str]:
    """Names of the requested classes, among those with these counts.

    Sorted by letters: draws class by class are repeated in that order.
    """
    names = natural_order(counts.index)
    if wanted is None:
        return sorted(names)
    if isinstance(wanted, int):
        if wanted > len(names):
            problem = gettext(
                "There are {count} classes and not {asked}.",
                count=len(names),
                asked=wanted,
            )
            raise _wrong_choice(problem, names, classes)
        # A stable sort: among equal counts the first by name stays in front.
        return sorted(sorted(names, key=lambda name: -int(counts[name]))[:wanted])
    by_key = {_key(name): name for name in names}
    asked = list(split_names(wanted))
    for name in asked:
        if _key(name) not in by_key:
            problem = gettext("There is no class '{name}'.", name=name)
            raise _wrong_choice(problem, names, classes)
    chosen = sorted({by_key[_key(name)] for name in asked})
    if len(chosen) < 2:
        problem = ngettext(
            "'{names}' names {count} class.",
            "'{names}' names {count} classes.",
            len(chosen),
            names=wanted,
        )
        raise _wrong_choice(problem, names, classes)
    return chosen


def _key(name: str) -> str:
    return name.casefold().replace("_", " ")


def _wrong_choice(
    problem: str, names: Sequence[str], classes: ClassColumn
) -> DatasetError:
    return DatasetError(
        problem,
        expected=gettext(
            "2 to {most}, or two or more names such as {names}, with commas between "
            "them.",
            most=len(names),
            names=", ".join(names[:NAMED]),
        ),
        remedy=gettext(
            "fix `{option}` under [dataset] options in the study's file.",
            option=classes.many,
        ),
    )


def _refuse_small(
    column: pd.Series, classes: ClassColumn, least: int, part: str
) -> None:
    counts = column.value_counts()
    small = counts[natural_order(counts.index)].loc[lambda sizes: sizes < least]
    if small.empty:
        return
    named = ", ".join(f"{name} ({n})" for name, n in small.iloc[:NAMED].items())
    if len(small) > NAMED:
        named = gettext(
            "{names} and {count} more", names=named, count=len(small) - NAMED
        )
    raise DatasetError(
        gettext(
            "There are too few images in the {split} split of {names}.",
            split=gettext(part),
            names=named,
        )
        if part
        else gettext("There are too few images of {names}.", names=named),
        expected=gettext("at least {least} of each class.", least=least),
        remedy=gettext(
            "fetch the dataset again, or name the other classes under `{option}` in "
            "[dataset] options.",
            option=classes.many,
        ),
    )
