"""CelebA: faces of celebrities with forty attributes each.

Source: Liu et al., "Deep Learning Face Attributes in the Wild", ICCV 2015; the aligned
and cropped pictures, in their published layout: ``img_align_celeba/000001.jpg`` and so
on, ``list_attr_celeba.txt`` and ``list_eval_partition.txt``, or the same two as CSV.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from core.data.archive import folder_of
from core.data.attribute_expression import (
    Expression,
    parse_expression,
    unknown_attribute,
)
from core.data.cache import Progress
from core.data.class_folders import (
    MAC_FOLDER,
    NAMED,
    by_published_name,
    published_name,
    split_names,
)
from core.data.face_templates import CELEBA
from core.data.manifest import (
    SPLITS,
    TEST,
    VALIDATION,
    DatasetInfo,
    LoadedDataset,
)
from core.data.splits import (
    leave_out,
    split_by_group,
    with_new_split,
    with_shipped_split,
)
from core.errors import DatasetError
from core.language import N_, gettext, ngettext
from core.study import DatasetOptions, Seed
from core.tasks import Binary
from core.text import number

PICTURES = "img_align_celeba"
ATTRIBUTE_FILES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
PARTITION_FILES = ("list_eval_partition.txt", "list_eval_partition.csv")
ATTRIBUTES = (
    "5_o_Clock_Shadow",
    "Arched_Eyebrows",
    "Attractive",
    "Bags_Under_Eyes",
    "Bald",
    "Bangs",
    "Big_Lips",
    "Big_Nose",
    "Black_Hair",
    "Blond_Hair",
    "Blurry",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Chubby",
    "Double_Chin",
    "Eyeglasses",
    "Goatee",
    "Gray_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "Narrow_Eyes",
    "No_Beard",
    "Oval_Face",
    "Pale_Skin",
    "Pointy_Nose",
    "Receding_Hairline",
    "Rosy_Cheeks",
    "Sideburns",
    "Smiling",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Earrings",
    "Wearing_Hat",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
    "Young",
)
GENDER = "Male"
TARGET = "target"
IMAGE = "image_id"
PARTITION = "partition"

# Attributes as sensitive features: the column, and the groups without and with it.
_FEATURES = {
    GENDER: ("gender", ("women", "men")),
    "Young": ("age group", ("not young", "young")),
}
_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
_SOURCE = "mmlab.ie.cuhk.edu.hk/projects/CelebA.html"

_Share = Annotated[float, Field(gt=0, le=0.4)]


class CelebAOptions(DatasetOptions):
    """The protocol of a study on CelebA.

    Parameters
    ----------
    target : str
        What is asked: attributes with ``and``, ``or``, ``not`` and parentheses.
    target_classes : str
        What its two answers are called, the negative one first, with a comma between.
    sensitive : str
        Attributes that fairness is measured over, with commas between them.
    split : {"stratified", "published"}
        Drawn by the shares, stratified on gender and target; or that of
        ``list_eval_partition``.
    count : int, optional
        So many pictures are drawn and used; all of them if not given.
    validation_share, test_share : float, in (0, 0.4]
        Shares of the pictures used, of the drawn split; the rest is for training.
    seed : int
        Draws the pictures and the split.
    """

    target: Annotated[str, Field(max_length=1000)] = "Blond_Hair or Eyeglasses"
    target_classes: str = "no, yes"
    sensitive: str = GENDER
    split: Literal["stratified", "published"] = "stratified"
    count: Annotated[int, Field(ge=1)] | None = None
    validation_share: _Share = 0.2
    test_share: _Share = 0.2
    seed: Seed = 0

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = split_names(self.target_classes)
        if len(names) != 2 or len(set(names)) != 2:
            raise ValueError(
                gettext(
                    "'target_classes': expected two names with a comma between them "
                    "(received '{received}').",
                    received=self.target_classes,
                )
            )
        if not split_names(self.sensitive):
            raise ValueError(gettext("'sensitive': expected at least one attribute."))
        # Read once here, so that a fault is found before any file is.
        _ = self.expression
        for name in self.features:
            if name not in ATTRIBUTES:
                raise unknown_attribute(name, ATTRIBUTES, where="`sensitive`")
        return self

    @property
    def expression(self) -> Expression:
        """The target, parsed."""
        return parse_expression(self.target, ATTRIBUTES)

    @property
    def features(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Attributes asked for as sensitive features: each its column and groups."""
        return {name: _feature(name) for name in split_names(self.sensitive)}


def _feature(attribute: str) -> tuple[str, tuple[str, ...]]:
    phrase = attribute.replace("_", " ").lower()
    return _FEATURES.get(attribute, (phrase, (f"not {phrase}", phrase)))


def info_of(options: CelebAOptions) -> DatasetInfo:
    """The description of the dataset under these options: its target and its groups."""
    phrase = options.expression.phrase
    negative, positive = split_names(options.target_classes)
    return DatasetInfo(
        name="celeba",
        title="CelebA",
        tasks=(Binary(TARGET, phrase[:1].upper() + phrase[1:], (negative, positive)),),
        sensitive_features=dict(options.features.values()),
        shareable=False,
        generated=False,
        faces=CELEBA,
        notice=(
            N_(
                "CelebA may be used for non-commercial research only and its pictures "
                "may not be passed on; models and predictions made from it carry the "
                "same limits. Its attributes, gender among them, are what annotators "
                "saw in a picture and not what is true of a person."
            )
        ),
    )


INFO = info_of(CelebAOptions())


def load(
    location: Path,
    options: CelebAOptions,
    *,
    shipped: pd.DataFrame | None = None,
    progress: Progress = lambda what, done, total: None,
) -> LoadedDataset:
    """Read a copy of CelebA and split it.

    Parameters
    ----------
    location : Path
        A folder, or an archive of it, in which or below which lie
        ``img_align_celeba/`` or its archive, and ``list_attr_celeba.txt`` or ``.csv``.
        ``list_eval_partition`` is looked for only if the options need it. The folder
        or archive of the pictures itself, with the lists beside it, will do too.
    options : CelebAOptions
    shipped, progress
        As for ``catalog.load_dataset``.

    Returns
    -------
    LoadedDataset
        Every picture with attributes, by ``image_id`` such as "000001.jpg": those
        asked for as groups, and every other as a bool column of its published name.

    Raises
    ------
    DatasetError
        If a part is missing or not as published, if pictures are missing, if the
        parts contradict each other, or if there are too few pictures to be split.
    """
    found = _survey(location)
    attributes = read_attributes(found.file(ATTRIBUTE_FILES))
    strange = _check_pictures(attributes.index, found)
    manifest = _describe(attributes, found, options)
    info = info_of(options)
    if shipped is not None:
        return with_shipped_split(info, manifest, shipped, location)
    manifest = manifest.assign(split="", reason="")
    _draw(manifest, options)
    if options.split == "published":
        _take_partition(manifest, found.file(PARTITION_FILES))
    else:
        _split(manifest, attributes[GENDER].to_numpy(), options)
    _check_classes(manifest, options)
    return with_new_split(info, manifest, strange)


def read_attributes(path: Path) -> pd.DataFrame:
    """Read ``list_attr_celeba``.

    Parameters
    ----------
    path : Path
        As text: how many there are, the names, then a line a picture; or as CSV with
        the columns ``image_id`` and the names.

    Returns
    -------
    DataFrame
        One bool column an attribute, indexed and sorted by the picture's name.

    Raises
    ------
    DatasetError
        If it cannot be read, if the number, the names or a row is wrong, if a picture
        is named twice, or if a value is neither 1 nor -1.
    """
    table = _read_rows(path, *_read_head(path))
    values = {name: _to_bool(path, table[name]) for name in ATTRIBUTES}
    return pd.DataFrame(values, index=table.index).sort_index()


def read_partition(path: Path) -> pd.Series:
    """Read ``list_eval_partition``.

    Parameters
    ----------
    path : Path
        As text, a line a picture; or as CSV with ``image_id`` and ``partition``.

    Returns
    -------
    Series of str
        Split of each picture, indexed by its name.

    Raises
    ------
    DatasetError
        If it cannot be read, a picture is named twice, or a value is not 0, 1 or 2.
    """
    if path.suffix == ".csv":
        header = _header_of(path, 0, ",")
        if header != [IMAGE, PARTITION]:
            raise _wrong(
                gettext(
                    "{file} has the columns {columns}.",
                    file=path.name,
                    columns=", ".join(header[:NAMED]),
                ),
                gettext("{first} and {second}.", first=IMAGE, second=PARTITION),
            )
    table = _read_rows(path, [PARTITION], None)
    codes = {str(number): split for number, split in enumerate(SPLITS)}
    wrong = table[~table[PARTITION].isin(codes)]
    if len(wrong):
        raise _wrong(
            ngettext(
                "{file} has {count} row that names no part: {rows}.",
                "{file} has {count} rows that name no part: {rows}.",
                len(wrong),
                file=path.name,
                rows=_said_cells(wrong[PARTITION]),
            ),
            gettext("0 for training, 1 for validation, 2 for test."),
        )
    return table[PARTITION].map(codes)


@dataclass(frozen=True)
class _Survey:
    """The places of the parts of a copy.

    ``files`` are those of the lists that are there; ``names`` gives the file of each
    picture by its published name.
    """

    location: Path
    files: Mapping[str, Path]
    pictures: Path
    names: Mapping[str, str]

    def file(self, names: Sequence[str]) -> Path:
        """The first of these lists that exists."""
        for name in names:
            if name in self.files:
                return self.files[name]
        first, second = names
        raise DatasetError(
            gettext(
                "{location} has no {first} and no {second}.",
                location=self.location,
                first=first,
                second=second,
            ),
            expected=gettext("one of the two, as published."),
            remedy=gettext(
                "put it beside {pictures}; it comes with the published set: {source}.",
                pictures=PICTURES,
                source=_SOURCE,
            ),
        )


def _survey(location: Path) -> _Survey:
    """Look through a copy once, unpacking the archive of the pictures if need be."""
    folder = folder_of(location, pattern="*", what=INFO.title)
    alone = location.is_file() or location.name == PICTURES
    places = [folder, location.parent] if alone else [folder]
    lists: dict[str, Path] = {}
    archive = None
    pictures: tuple[Path, Mapping[str, str]] | None = None
    for place in places:
        for here, names in _walk(place, deep=place == folder):
            for name in (*ATTRIBUTE_FILES, *PARTITION_FILES):
                if name in names:
                    lists.setdefault(name, here / name)
            packed = [n for n in names if n in [PICTURES + s for s in _SUFFIXES]]
            archive = archive or (here / packed[0] if packed else None)
            pictures = pictures or _pictures_in(here, names)
    if pictures is None and archive is not None:
        unpacked = folder_of(archive, pattern="*", what=INFO.title)
        found = (_pictures_in(here, names) for here, names in _walk(unpacked))
        pictures = next((each for each in found if each), None)
    if pictures is None:
        raise DatasetError(
            gettext(
                "{location} has no folder {pictures} with pictures, and no archive of "
                "it.",
                location=location,
                pictures=PICTURES,
            ),
            expected=gettext(
                "{first} and so on, or {archive}.",
                first=f"{PICTURES}/000001.jpg",
                archive=f"{PICTURES}.zip",
            ),
            remedy=gettext(
                "fetch the aligned and cropped pictures of the published set: "
                "{source}.",
                source=_SOURCE,
            ),
        )
    return _Survey(location, lists, *pictures)


def _walk(folder: Path, *, deep: bool = True) -> list[tuple[Path, list[str]]]:
    """Folders with the names of their files, by name; without what a Mac adds."""
    found = []
    for here, below, names in os.walk(folder):
        below[:] = sorted(n for n in below if n != MAC_FOLDER) if deep else []
        found.append((Path(here), names))
    return found


def _pictures_in(
    folder: Path, names: Sequence[str]
) -> tuple[Path, Mapping[str, str]] | None:
    """The folder with its pictures, if its name and content fit.

    Raises
    ------
    DatasetError
        If two of its pictures differ and have one name.
    """
    if folder.name != PICTURES:
        return None
    jpegs = (name for name in sorted(names) if name[0] != ".")
    files, _ = by_published_name(
        folder / name for name in jpegs if published_name(name).endswith(".jpg")
    )
    pictures = {name: path.name for name, path in files.items()}
    return (folder, pictures) if pictures else None


def _read_head(path: Path) -> tuple[list[str], int | None]:
    """The names of the attributes in their order, and how many rows are promised."""
    promised = None
    if path.suffix == ".csv":
        names = _header_of(path, 0, ",")
        if names[:1] != [IMAGE]:
            raise _wrong(
                gettext(
                    "{file} begins with '{first}'.",
                    file=path.name,
                    first=names[0] if names else "",
                ),
                gettext("the column {name}.", name=IMAGE),
            )
        names = names[1:]
    else:
        first = " ".join(_header_of(path, 0, None))
        if not first.isdecimal():
            raise _wrong(
                gettext(
                    "{file} begins with '{first}'.", file=path.name, first=first[:40]
                ),
                gettext("the number of pictures in the first line."),
            )
        promised = int(first)
        names = _header_of(path, 1, None)
    absent = sorted(set(ATTRIBUTES) - set(names))
    strange = sorted(set(names) - set(ATTRIBUTES))
    if absent or strange or len(names) != len(ATTRIBUTES):
        raise _wrong(
            _said_attributes(path, len(names), absent, strange),
            gettext("the {count} published ones, each once.", count=len(ATTRIBUTES)),
        )
    return names, promised


def _said_attributes(
    path: Path, count: int, absent: Sequence[str], strange: Sequence[str]
) -> str:
    """Say which attributes are missing from a list, or should not be in it."""
    fields: dict[str, object] = {
        "file": path.name,
        "count": count,
        "absent": ", ".join(absent[:NAMED]),
        "strange": ", ".join(strange[:NAMED]),
    }
    if absent and strange:
        return gettext(
            "{file} names {count} attributes: it lacks {absent} and has {strange}.",
            **fields,
        )
    if absent:
        return gettext("{file} names {count} attributes: it lacks {absent}.", **fields)
    if strange:
        return gettext("{file} names {count} attributes: it has {strange}.", **fields)
    return gettext("{file} names {count} attributes: one of them twice.", **fields)


def _header_of(path: Path, line: int, separator: str | None) -> list[str]:
    """The words of one of the first lines; none if it is not there."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            lines = [file.readline() for _ in range(line + 1)]
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
    return [word.strip() for word in lines[line].split(separator) if word.strip()]


def _read_rows(path: Path, names: Sequence[str], promised: int | None) -> pd.DataFrame:
    """The cells below the head as text, indexed by the picture's name."""
    is_csv = path.suffix == ".csv"
    head = 1 if is_csv else 2 if promised is not None else 0
    # One column more than there should be: a longer row is then seen.
    columns = [IMAGE, *names, "beyond"]
    try:
        table = pd.read_csv(
            path,
            sep="," if is_csv else r"\s+",
            skiprows=head,
            header=None,
            names=columns,
            index_col=False,
            dtype=str,
            encoding="utf-8-sig",
        )
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    wrong = table[table[columns[:-1]].isna().any(axis=1) | table["beyond"].notna()]
    if len(wrong):
        said = ", ".join(str(row + head + 1) for row in wrong.index[:NAMED])
        raise _wrong(
            ngettext(
                "{file} has {count} row with too few or too many cells: line {lines}.",
                "{file} has {count} rows with too few or too many cells, first: line "
                "{lines}.",
                len(wrong),
                file=path.name,
                lines=said,
            ),
            ngettext(
                "a picture and {count} cell in each.",
                "a picture and {count} cells in each.",
                len(names),
            ),
        )
    if promised is not None and promised != len(table):
        raise _wrong(
            gettext(
                "{file} says that there are {promised} pictures and has {rows} rows.",
                file=path.name,
                promised=number(promised, 0),
                rows=number(len(table), 0),
            ),
            gettext("as many rows as its first line says."),
        )
    twice = table.loc[table[IMAGE].duplicated(), IMAGE]
    if table.empty or len(twice):
        raise _wrong(
            ngettext(
                "{file} names {count} picture twice: {example}.",
                "{file} names {count} pictures twice, {example} for one.",
                len(twice),
                file=path.name,
                example=twice.iloc[0],
            )
            if len(twice)
            else gettext("{file} has no rows.", file=path.name),
            gettext("one row for each picture."),
        )
    return table.set_index(IMAGE)[list(names)]


def _to_bool(path: Path, column: pd.Series) -> NDArray[np.bool_]:
    wrong = column[~column.isin(["1", "-1"])]
    if len(wrong):
        raise _wrong(
            ngettext(
                "{file} has {count} value of {name} that cannot be: {cells}.",
                "{file} has {count} values of {name} that cannot be: {cells}.",
                len(wrong),
                file=path.name,
                name=column.name,
                cells=_said_cells(wrong),
            ),
            gettext("1 or -1."),
        )
    values: NDArray[np.bool_] = (column == "1").to_numpy(dtype=bool)
    return values


def _check_pictures(named: pd.Index, found: _Survey) -> list[str]:
    """Refuse missing pictures; return the names of those without attributes."""
    absent = sorted(set(named) - set(found.names))
    if absent:
        raise DatasetError(
            gettext(
                "{folder} lacks {count} of the {total} pictures that have attributes, "
                "{names} among them.",
                folder=found.pictures,
                count=number(len(absent), 0),
                total=number(len(named), 0),
                names=", ".join(absent[:NAMED]),
            ),
            expected=gettext("every picture that list_attr_celeba names."),
            remedy=gettext(
                "unpack them again, or fetch the published set: {source}.",
                source=_SOURCE,
            ),
        )
    return sorted(set(found.names) - set(named))


def _describe(
    attributes: pd.DataFrame, found: _Survey, options: CelebAOptions
) -> pd.DataFrame:
    """The manifest without a split: target, groups and other attributes of each."""
    arrays = {name: attributes[name].to_numpy() for name in ATTRIBUTES}
    classes = np.array(split_names(options.target_classes), dtype=object)
    columns = {
        column: np.array(groups, dtype=object)[arrays[name].astype(int)]
        for name, (column, groups) in options.features.items()
    }
    return pd.DataFrame(
        {
            IMAGE: attributes.index.to_numpy(),
            "path": [str(found.pictures / found.names[n]) for n in attributes.index],
            TARGET: classes[options.expression.holds(arrays).astype(int)],
            **columns,
            **{n: own for n, own in arrays.items() if n not in options.features},
        }
    )


def _draw(manifest: pd.DataFrame, options: CelebAOptions) -> None:
    """Leave out, in place, pictures beyond the requested number."""
    if options.count is None:
        return
    if options.count > len(manifest):
        there = number(len(manifest), 0)
        raise DatasetError(
            gettext(
                "There are {count} pictures and not {asked}.",
                count=there,
                asked=number(options.count, 0),
            ),
            expected=gettext("at most {most} for `count`.", most=there),
            remedy=gettext("fix `count` under [dataset] options in the study's file."),
        )
    rng = np.random.default_rng([options.seed, 1])
    drawn = rng.choice(len(manifest), options.count, replace=False)
    leave_out(manifest, ~np.isin(np.arange(len(manifest)), drawn), N_("not drawn"))


def _take_partition(manifest: pd.DataFrame, path: Path) -> None:
    """Give the pictures their published split, in place."""
    parts = read_partition(path)
    absent = manifest.loc[~manifest[IMAGE].isin(parts.index), IMAGE]
    strange = parts.index.difference(manifest[IMAGE])
    if len(absent) or len(strange):
        raise _wrong(
            gettext(
                "{file} does not name {n} pictures with attributes, {example} for one.",
                file=path.name,
                n=number(len(absent), 0),
                example=absent.iloc[0],
            )
            if len(absent)
            else gettext(
                "{file} names {n} pictures without attributes, {example} for one.",
                file=path.name,
                n=number(len(strange), 0),
                example=strange[0],
            ),
            gettext("the pictures of list_attr_celeba."),
        )
    rows = manifest["split"] == ""
    manifest.loc[rows, "split"] = manifest.loc[rows, IMAGE].map(parts)


def _split(
    manifest: pd.DataFrame, men: NDArray[np.bool_], options: CelebAOptions
) -> None:
    """Draw the split, in place: stratified on gender and target."""
    rows = manifest[manifest["split"] == ""]
    gender = np.array(_FEATURES[GENDER][1], dtype=object)[men.astype(int)]
    strata = pd.Series(gender, index=manifest.index) + " " + manifest[TARGET]
    manifest.loc[rows.index, "split"] = split_by_group(
        strata[rows.index],
        rows[IMAGE],
        shares={TEST: options.test_share, VALIDATION: options.validation_share},
        seed=options.seed,
    )


def _check_classes(manifest: pd.DataFrame, options: CelebAOptions) -> None:
    """Refuse a split without an image of each class and of each group."""
    features = dict(options.features.values())
    for column, names in {
        TARGET: split_names(options.target_classes),
        **features,
    }.items():
        counts = pd.crosstab(manifest[column], manifest["split"])
        counts = counts.reindex(index=list(names), columns=list(SPLITS), fill_value=0)
        for name, row in counts.iterrows():
            empty = row.index[row == 0]
            if len(empty):
                raise DatasetError(
                    gettext(
                        "'{name}' of {column} has {n} pictures, and none in the "
                        "{split} split.",
                        name=name,
                        column=column,
                        n=int(row.sum()),
                        split=gettext(empty[0]),
                    ),
                    expected=gettext(
                        "pictures of each class and each group in every split."
                    ),
                    remedy=gettext(
                        "use more pictures, larger shares, or another `target` or "
                        "`sensitive`, under [dataset] options."
                    ),
                )


def _said_cells(wrong: pd.Series) -> str:
    """The first cells that are wrong, each after the picture of its row."""
    return "; ".join(
        gettext("{image} has '{value}'", image=image, value=value)
        for image, value in wrong.iloc[:NAMED].items()
    )


def _wrong(problem: str, expected: str) -> DatasetError:
    return DatasetError(problem, expected=expected, remedy=gettext("fetch it again."))


def _unreadable(path: Path, error: Exception) -> DatasetError:
    said = str(error).strip().splitlines()
    return _wrong(
        gettext(
            "{file} cannot be read: {error}.",
            file=path.name,
            error=said[-1] if said else type(error).__name__,
        ),
        gettext("the list as published."),
    )
