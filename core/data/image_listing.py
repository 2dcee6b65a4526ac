"""Pictures with the table beside them: which row belongs to which picture.

A folder holds pictures, perhaps in class folders, perhaps below ``train`` and ``test``,
perhaps with a table that has a row for each. All of it becomes one table of text: a row
for each picture, with a column for each thing that is known of it.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from core.data.archive import is_system_file
from core.data.class_folders import (
    NAMED,
    folders_in,
    published_name,
    walk_files,
)
from core.data.images import SUFFIXES
from core.data.manifest import TEST, TRAINING, VALIDATION
from core.data.tables import TABLE_SUFFIXES, read_table
from core.errors import DatasetError
from core.language import gettext
from core.text import percent

CLASS_FOLDER, SPLIT_FOLDER = "class folder", "split folder"
"""Columns of what the folders say; a table's own columns may not be called so."""
PARTS = {
    **dict.fromkeys(("train", "training", "trn", "learn"), TRAINING),
    **dict.fromkeys(("val", "valid", "validation", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing", "tst", "eval", "holdout"), TEST),
}
"""What a split may be called, in a folder's name or in a cell."""
IMAGE_WORDS = (
    *("filename", "file", "image", "path", "picture", "photo", "img", "image_id"),
    *("file_name", "image_name", "image_path", "file_path", "filepath", "isic_id"),
    *("image_file", "img_path", "image_filename", "id", "name"),
)
"""What the column of the pictures is called, the likeliest first."""
MAX_MISSING_SHARE = 0.01
# A table is not one of labels if hardly a row names a picture.
_LEAST_SHARE = 0.5
_LOOKED_AT = 500


@dataclass(frozen=True)
class ImageListing:
    """The pictures of a folder, with all that is known of each.

    Parameters
    ----------
    root : Path
    columns : DataFrame of str
        A row for each picture: the columns of the table, then ``CLASS_FOLDER`` and
        ``SPLIT_FOLDER`` if the folders say so. Empty is unknown.
    ids, paths : Series of str
        Of each row: its place in the folder, with "/", and its file.
    table, image : str
        File of the table and its column of the pictures; empty if there is none.
    tables : tuple of str
        All files that could be the table.
    missing : tuple of str
        Pictures that the table names and that are not there.
    unlisted : int
        Pictures in the folder that the table does not name.
    others : tuple of str
        Files that are neither pictures nor the table.
    empty : tuple of str
        Class folders without a picture.
    """

    root: Path
    columns: pd.DataFrame
    ids: pd.Series
    paths: pd.Series
    table: str = ""
    image: str = ""
    tables: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unlisted: int = 0
    others: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Pictures."""
        return len(self.ids)


@dataclass(frozen=True)
class FolderFiles:
    """The files below a folder, each as it is seen from it, with "/".

    ``system`` are files that a Mac or Windows leaves everywhere.
    """

    pictures: tuple[str, ...]
    tables: tuple[str, ...]
    others: tuple[str, ...]
    system: int


def same_script(text: str) -> str:
    """A name in one form: a Mac writes é as two signs, and others as one (NFC)."""
    return unicodedata.normalize("NFC", text)


def sort_files(names: Iterable[str]) -> FolderFiles:
    """Tell pictures, tables and other files apart by their names."""
    pictures, tables, others, system = [], [], [], 0
    for name in sorted(names):
        suffix = PurePosixPath(name).suffix.lower()
        if is_system_file(name) or any(p[0] == "." for p in PurePosixPath(name).parts):
            system += 1
        elif suffix in SUFFIXES:
            pictures.append(name)
        elif suffix in TABLE_SUFFIXES:
            tables.append(name)
        else:
            others.append(name)
    return FolderFiles(tuple(pictures), tuple(tables), tuple(others), system)


def list_images(
    root: Path, *, table: str = "", image: str = "", all_there: bool = True
) -> ImageListing:
    """List the pictures of a folder, with what folders and a table say of them.

    Parameters
    ----------
    root : Path
    table : str
        File of the table, as seen from the folder; by default the only one there is.
    image : str
        Its column of the pictures; found by its name and its cells if not given.
    all_there : bool
        Whether it is a fault that over 1 % of the pictures are missing.

    Raises
    ------
    DatasetError
        If there is no picture, or a picture is named twice; if the table cannot be
        read, or does not name the pictures; or if none of several tables is chosen.
    """
    files = sort_files(walk_files(root))
    if not files.pictures:
        raise DatasetError(
            gettext("{folder} holds no picture.", folder=root),
            expected=gettext("pictures that end in {names}.", names=" ".join(SUFFIXES)),
            remedy=gettext("give the folder, or the archive, that holds them."),
        )
    names = pd.Series([*files.pictures], dtype=object)
    said = _said_by_folders(names)
    chosen = _choose_table(root, files, table)
    if not chosen:
        found = np.arange(len(names))
        listing = ImageListing(root, said, _ids(names), _paths(root, names))
        _refuse_alike(listing.ids, names)
        return _with_others(listing, files)
    rows = read_table(root / chosen)
    column = _image_column(rows, image, chosen, files.pictures)
    found, missing = _match(rows[column], chosen, files.pictures)
    if all_there:
        _refuse_missing(missing, len(rows), chosen)
    rows, found = rows[found >= 0].reset_index(drop=True), found[found >= 0]
    _refuse_twice(found, names, chosen)
    taken = {CLASS_FOLDER, SPLIT_FOLDER} & set(rows.columns)
    rows = rows.rename(columns={name: f"{name} (table)" for name in taken})
    both = rows.drop(columns=column).join(said.iloc[found].reset_index(drop=True))
    if CLASS_FOLDER in said or SPLIT_FOLDER in said:
        both, found = _with_unlisted(both, said, found)
    names = names.iloc[found].reset_index(drop=True)
    listing = ImageListing(
        root,
        both,
        _ids(names),
        _paths(root, names),
        chosen,
        column,
        files.tables,
        tuple(missing),
        len(files.pictures) - len(found),
    )
    _refuse_alike(listing.ids, names)
    return _with_others(listing, files)


def _with_others(listing: ImageListing, files: FolderFiles) -> ImageListing:
    tables = [name for name in files.tables if name != listing.table]
    return ImageListing(
        **{
            **vars(listing),
            "others": (*tables, *files.others),
            "empty": _empty_classes(listing.root, listing.columns, files.pictures),
            "tables": files.tables,
        }
    )


def _empty_classes(
    root: Path, columns: pd.DataFrame, pictures: Sequence[str]
) -> tuple[str, ...]:
    """Folders without a picture, beside those of the classes."""
    if CLASS_FOLDER not in columns:
        return ()
    skipped = _common_folders(pictures) + (SPLIT_FOLDER in columns)
    parts = [name.split("/") for name in pictures]
    within = {"/".join(p[:skipped]) for p in parts if len(p) > skipped}
    full = {"/".join(p[: skipped + 1]) for p in parts if len(p) > skipped + 1}
    return tuple(
        path
        for place in sorted(within)
        for folder in folders_in(root / place)
        if (path := folder.relative_to(root).as_posix()) not in full
    )


def _with_unlisted(
    rows: pd.DataFrame, said: pd.DataFrame, found: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    """Pictures that only their folder tells of come below, with empty cells."""
    rest = np.setdiff1d(np.arange(len(said)), found)
    below = said.iloc[rest].reindex(columns=rows.columns, fill_value="")
    return pd.concat([rows, below], ignore_index=True), np.concatenate([found, rest])


def _common_folders(names: Iterable[str]) -> int:
    """How many folders all of these lie in, one in another."""
    folders = {name.rpartition("/")[0] for name in names}
    parts = [folder.split("/") if folder else [] for folder in folders]
    common = 0
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        common += 1
    return common


def _said_by_folders(names: pd.Series) -> pd.DataFrame:
    """Class and split of each picture, by the folders that it lies in."""
    skipped = _common_folders(names)
    places = [same_script(name).split("/")[skipped:-1] for name in names]
    said = {}
    for level in (0, 1):
        here = {place[level] if len(place) > level else "" for place in places}
        parts = {PARTS.get(name.casefold()) for name in here}
        if None not in parts and {TRAINING} < parts:
            said[SPLIT_FOLDER] = [place.pop(level) for place in places]
            break
    classes = [place[0] if place else "" for place in places]
    if len({*classes} - {""}) > 1:
        said[CLASS_FOLDER] = classes
    order = [name for name in (CLASS_FOLDER, SPLIT_FOLDER) if name in said]
    return pd.DataFrame(said, index=names.index, columns=order, dtype=object)


def _ids(names: pd.Series) -> pd.Series:
    """Each picture's place below the folders that all lie in, as it is published."""
    skipped = _common_folders(names)
    return pd.Series(
        [
            published_name(same_script(name).split("/", skipped)[-1])
            if skipped
            else published_name(same_script(name))
            for name in names
        ],
        dtype=object,
    )


def _paths(root: Path, names: pd.Series) -> pd.Series:
    return pd.Series([f"{root}/{name}" for name in names], dtype=object)


def _choose_table(root: Path, files: FolderFiles, table: str) -> str:
    if table:
        if table in files.tables:
            return table
        raise DatasetError(
            gettext("{folder} has no table {file}.", folder=root, file=table),
            expected=gettext("one of {names}.", names=", ".join(files.tables))
            if files.tables
            else gettext("a table as CSV, TSV, Parquet or Excel (.xlsx)."),
            remedy=gettext("fix `table` under [dataset] options, or put it there."),
        )
    if len(files.tables) > 1:
        shown = ", ".join(files.tables[:NAMED])
        raise DatasetError(
            gettext(
                "{folder} has {n} tables: {names}.",
                folder=root,
                n=len(files.tables),
                names=shown,
            ),
            expected=gettext("one table, or the name of the one that counts."),
            remedy=gettext(
                'say which under [dataset] options: table = "{name}".',
                name=files.tables[0],
            ),
        )
    return files.tables[0] if files.tables else ""


def _image_column(
    rows: pd.DataFrame, image: str, table: str, pictures: Sequence[str]
) -> str:
    """The column that names the pictures."""
    if image and image in rows:
        return image
    if image:
        raise DatasetError(
            gettext("{file} has no column '{name}'.", file=table, name=image),
            expected=gettext("one of {names}.", names=", ".join(rows.columns)),
            remedy=gettext("fix `image` under [dataset] options."),
        )
    index = _index(pictures)
    head = rows.iloc[:: max(1, len(rows) // _LOOKED_AT)]
    shares = {
        name: sum(_find(cell, table, index) is not None for cell in head[name])
        / len(head)
        for name in rows
    }
    order = {word: place for place, word in enumerate(IMAGE_WORDS)}
    best = max(
        shares,
        key=lambda name: (shares[name], -order.get(name.casefold(), len(order))),
    )
    if shares[best] >= _LEAST_SHARE:
        return str(best)
    example = rows[best].iloc[0] or gettext("empty")
    raise DatasetError(
        gettext(
            "No column of {file} names the pictures: its first row has {column} = "
            "{cell}, and the first picture is {picture}.",
            file=table,
            column=best,
            cell=example,
            picture=pictures[0],
        ),
        expected=gettext(
            "a column with each picture's name, as it lies in the folder: its file, "
            "or its path seen from the table."
        ),
        remedy=gettext("correct the table, or say which column under `image`."),
    )


@dataclass(frozen=True)
class _Index:
    """Places of the pictures by their path, their name and their name's stem."""

    paths: Mapping[str, int]
    names: Mapping[str, list[int]]
    stems: Mapping[str, list[int]]
    every: Sequence[str]


def _index(pictures: Sequence[str]) -> _Index:
    every = [published_name(same_script(name)) for name in pictures]
    names: dict[str, list[int]] = {}
    stems: dict[str, list[int]] = {}
    for place, path in enumerate(every):
        name = path.rpartition("/")[2]
        names.setdefault(name, []).append(place)
        stems.setdefault(name.rpartition(".")[0], []).append(place)
    return _Index({path: i for i, path in enumerate(every)}, names, stems, every)


def _find(cell: str, table: str, index: _Index) -> int | list[int] | None:
    """Place of the picture that a cell names; several, or none."""
    asked = published_name(same_script(cell.replace("\\", "/"))).removeprefix("./")
    folder = table.rpartition("/")[0]
    for path in (f"{folder}/{asked}" if folder else asked, asked):
        if path in index.paths:
            return index.paths[path]
    name = asked.rpartition("/")[2]
    found = index.names.get(name) or index.stems.get(name) or []
    is_elsewhere = asked.startswith("/") or asked[1:3] == ":/"
    if "/" in asked and not is_elsewhere:
        stem = asked.rpartition(".")[0] if name in index.names else asked
        ending = f"/{stem}"
        found = [
            i for i in found if f"/{index.every[i]}".rpartition(".")[0].endswith(ending)
        ]
    return found[0] if len(found) == 1 else (found or None)


def _match(
    cells: pd.Series, table: str, pictures: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """Picture of each row, -1 where it is not there, and the names of these."""
    index = _index(pictures)
    places = np.full(len(cells), -1)
    missing, several = [], []
    for row, cell in enumerate(cells):
        found = _find(cell, table, index) if cell else None
        if isinstance(found, int):
            places[row] = found
        elif found is None:
            missing.append(cell or gettext("row {row}", row=row + 1))
        else:
            several.append((cell, [pictures[i] for i in found]))
    if several:
        name, files = several[0]
        raise DatasetError(
            gettext(
                "{n} names in {file} fit more than one picture: '{name}' is {places}.",
                n=len(several),
                file=table,
                name=name,
                places=", ".join(files[:NAMED]),
            ),
            expected=gettext("one picture of a name, or its folder in the table too."),
            remedy=gettext("write the path of each picture as seen from the table."),
        )
    return places, missing


def _refuse_missing(missing: Sequence[str], rows: int, table: str) -> None:
    if len(missing) <= MAX_MISSING_SHARE * rows:
        return
    raise DatasetError(
        gettext(
            "{n} of the {total} pictures that {file} names are not there: {names}.",
            n=len(missing),
            total=rows,
            file=table,
            names=", ".join(missing[:NAMED]),
        ),
        expected=gettext(
            "at most {share} of them missing.", share=percent(MAX_MISSING_SHARE)
        ),
        remedy=gettext("put them beside the table, or take these rows out."),
    )


def _refuse_twice(found: np.ndarray, names: pd.Series, table: str) -> None:
    counts = np.bincount(found, minlength=len(names))
    twice = names[counts > 1]
    if len(twice):
        raise DatasetError(
            gettext(
                "{file} names {n} pictures more than once: {names}.",
                file=table,
                n=len(twice),
                names=", ".join(twice[:NAMED]),
            ),
            expected=gettext("one row for each picture."),
            remedy=gettext("take the other rows out of the table."),
        )


def _refuse_alike(ids: pd.Series, names: pd.Series) -> None:
    """Refuse pictures whose names differ only in how a computer writes them."""
    alike = ids.duplicated(keep=False)
    if alike.any():
        first = names[ids == ids[alike].iloc[0]]
        raise DatasetError(
            gettext(
                "Two pictures have one name, written in two ways: {first} and "
                "{second}.",
                first=ascii(first.iloc[0]),
                second=ascii(first.iloc[1]),
            ),
            expected=gettext("one picture of a name."),
            remedy=gettext("take one of them out, or rename it."),
        )
