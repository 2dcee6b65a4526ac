"""Any pictures in a folder with a CSV of labels.

The CSV has a row a picture: its name, its label, -1 or 1 (or 0 or 1), and perhaps
columns of sensitive features, such as gender.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from core.csv_text import given_cell
from core.data.archive import folder_of
from core.data.cache import Progress
from core.data.class_folders import (
    MAC_FOLDER,
    NAMED,
    published_name,
    split_names,
    walk_pictures,
)
from core.data.manifest import (
    DRAWN_SPLIT,
    SPLITS,
    TEST,
    VALIDATION,
    DatasetInfo,
    LoadedDataset,
)
from core.data.splits import (
    split_by_group,
    with_new_split,
    with_shipped_split,
)
from core.errors import DatasetError
from core.language import N_
from core.study import DatasetOptions, Seed
from core.tasks import Binary

FILENAME = "filename"
LABEL = "label"
UNKNOWN = "unknown"
# How the labels of a file may be written: the negative class, then the positive.
CODES = (("-1", "1"), ("0", "1"))
# Columns of the manifest: no sensitive feature may be called so.
_TAKEN = (FILENAME, "image_id", "path", LABEL, "split", DRAWN_SPLIT, "reason")
_FIX = "fix the CSV file, then try again."

_Share = Annotated[float, Field(ge=0.01, le=0.4)]


class CSVLabelsOptions(DatasetOptions):
    """The protocol of a study on a folder with a CSV of labels.

    Parameters
    ----------
    csv : str, optional
        Name of the CSV file; without it, the only one there is.
    asked : str
        What the label is about, for a reader.
    classes : str
        What -1 (or 0) and 1 are called, with a comma between them.
    sensitive : str
        Columns that fairness is measured over, with commas between them; none if
        empty.
    validation_share, test_share : float, in [0.01, 0.4]
        Shares of the pictures of each label and group; the rest is for training.
    seed : int
        Draws the split.
    """

    csv: Annotated[str, Field(min_length=1)] | None = None
    asked: Annotated[str, Field(min_length=1)] = "Label"
    classes: str = "no, yes"
    sensitive: str = ""
    validation_share: _Share = 0.2
    test_share: _Share = 0.2
    seed: Seed = 0

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = split_names(self.classes)
        if len(names) != 2 or len(set(names)) != 2:
            raise ValueError(
                "'classes': expected two names with a comma between them (received "
                f"{self.classes!r})."
            )
        taken = [name for name in self.columns if name in _TAKEN]
        if taken:
            raise ValueError(f"'sensitive': no feature may be called '{taken[0]}'.")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the sensitive features."""
        return tuple(dict.fromkeys(split_names(self.sensitive)))

    @property
    def task(self) -> Binary:
        """The task: the two classes of the label."""
        negative, positive = split_names(self.classes)
        return Binary(LABEL, self.asked, (negative, positive))


def info_of(options: CSVLabelsOptions) -> DatasetInfo:
    """The description of the dataset under these options, without its groups."""
    return DatasetInfo(
        name="labelled",
        title=N_("A folder with a CSV of labels"),
        tasks=(options.task,),
        sensitive_features=dict.fromkeys(options.columns, ()),
        shareable=False,
        generated=False,
        notice=(
            N_(
                "Pictures of your own: they are not shown, and what may be done with "
                "them, and with models and predictions made from them, is for you to "
                "know."
            )
        ),
    )


INFO = info_of(CSVLabelsOptions())


def load(
    location: Path,
    options: CSVLabelsOptions,
    *,
    shipped: pd.DataFrame | None = None,
    progress: Progress = lambda what, done, total: None,
) -> LoadedDataset:
    """Read a folder with a CSV of labels and split it.

    Parameters
    ----------
    location : Path
        The folder, or an archive of it. Pictures are looked for where the CSV says,
        seen from its own folder; a name without a folder also anywhere below.
    options : CSVLabelsOptions
    shipped, progress
        As for ``catalog.load_dataset``.

    Returns
    -------
    LoadedDataset
        Every picture that the CSV names, by ``image_id``: its name there.

    Raises
    ------
    DatasetError
        If there is no CSV or more than one, if it lacks a column, if a row is wrong,
        if a picture is missing, or if there are too few to be split.
    """
    root = folder_of(location, pattern="*", what="pictures with a CSV of labels")
    path = _find_csv(root, options)
    table = read_labels(path, options.columns)
    pictures = [root / name for name in walk_pictures(root)]
    manifest = pd.DataFrame(
        {
            "image_id": table[FILENAME],
            "path": _locate(table[FILENAME], path, pictures),
            LABEL: np.array(options.task.classes, dtype=object)[table[LABEL]],
            **{name: table[name] for name in options.columns},
        }
    )
    info = info_of(options)
    if shipped is not None:
        return with_shipped_split(info, manifest, shipped, location)
    strata = manifest[[LABEL, *options.columns]].agg("\t".join, axis=1)
    manifest["split"] = split_by_group(
        strata,
        manifest["image_id"],
        shares={TEST: options.test_share, VALIDATION: options.validation_share},
        seed=options.seed,
    )
    _check_classes(manifest, options.task, path)
    used = set(manifest["path"])
    strange = [picture.name for picture in pictures if str(picture) not in used]
    return with_new_split(info, manifest, strange)


def read_labels(path: Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read the CSV.

    Parameters
    ----------
    path : Path
        With the columns ``filename`` and ``label``: -1 and 1, or 0 and 1.
    columns : sequence of str
        Sensitive features that it has to have too.

    Returns
    -------
    DataFrame
        ``filename``, sorted; ``label`` as 0 and 1; and the columns as text, "unknown"
        where they are empty.

    Raises
    ------
    DatasetError
        If it cannot be read, lacks a column, has no rows, names a picture twice or not
        at all, or has other labels; the message names the first faulty rows.
    """
    try:
        table = pd.read_csv(path, dtype=str, na_filter=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        said = str(error).strip().splitlines()
        raise DatasetError(
            f"{path.name} cannot be read: {said[-1] if said else 'it is damaged'}",
            expected="a CSV file with a head and commas between its cells.",
            remedy=_FIX,
        ) from None
    table.columns = table.columns.str.strip()
    absent = [name for name in (FILENAME, LABEL, *columns) if name not in table]
    if absent or table.empty:
        found = ", ".join(map(str, table.columns[: 2 * NAMED]))
        raise DatasetError(
            f"{path.name} has no column{'s' * (len(absent) > 1)} {', '.join(absent)}; "
            f"its first line is '{found}'."
            if absent
            else f"{path.name} has no rows.",
            expected=f"a first line such as {','.join((FILENAME, LABEL, *columns))}, "
            "and a row for each picture.",
            remedy=_FIX,
        )
    table = table[[FILENAME, LABEL, *columns]].apply(lambda cells: cells.str.strip())
    table = table.map(given_cell)
    names = table[FILENAME]
    _refuse_rows(path, table, names == "", "without a name", "a name in every row.")
    twice = names.duplicated(keep="first")
    _refuse_rows(path, table, twice, "with a name that occurs before", "each once.")
    table[LABEL] = _to_codes(path, table)
    table[list(columns)] = table[list(columns)].replace("", UNKNOWN)
    return table.sort_values(FILENAME, ignore_index=True)


def _to_codes(path: Path, table: pd.DataFrame) -> pd.Series:
    """0 for the negative class and 1 for the positive."""
    numbers = pd.to_numeric(table[LABEL], errors="coerce")
    expected = f"{' or '.join(' and '.join(pair) for pair in CODES)}."
    wrong = ~numbers.isin([-1, 0, 1])
    _refuse_rows(path, table, wrong, "with a label that cannot be", expected)
    if {-1, 0} <= set(numbers):
        rarer = numbers == numbers[numbers < 1].value_counts().index[-1]
        _refuse_rows(path, table, rarer, "that mix -1 and 0", expected)
    return (numbers == 1).astype(int)


def _refuse_rows(
    path: Path, table: pd.DataFrame, wrong: pd.Series, what: str, expected: str
) -> None:
    """Refuse rows, the first of them said with their lines."""
    if not wrong.any():
        return
    said = [
        f"line {place + 2}: {row[FILENAME] or 'no name'}, {row[LABEL] or 'no label'}"
        for place, row in table[wrong].iloc[:NAMED].iterrows()
    ]
    raise DatasetError(
        f"{path.name} has {wrong.sum():,} rows {what} ({'; '.join(said)}).",
        expected=expected,
        remedy=_FIX,
    )


def _find_csv(root: Path, options: CSVLabelsOptions) -> Path:
    found = sorted(
        path
        for path in root.rglob(options.csv or "*")
        if path.suffix.lower() == ".csv" or options.csv
        if MAC_FOLDER not in path.parts and not path.name.startswith(".")
    )
    if len(found) == 1:
        return found[0]
    names = ", ".join(path.name for path in found[:NAMED])
    raise DatasetError(
        f"{root} has {len(found)} CSV files: {names}."
        if found
        else f"{root} has no file {options.csv or 'that ends in .csv'}.",
        expected="one CSV file with a row for each picture.",
        remedy="name it with `csv` under [dataset] options in the study's file.",
    )


def _locate(names: pd.Series, path: Path, pictures: Sequence[Path]) -> list[str]:
    """Where each picture is; ".jpg" stands for ".JPG" and ".jpeg" too.

    Raises
    ------
    DatasetError
        If one is not there, or if only its name fits and that of several.
    """
    by_name: dict[str, list[Path]] = {}
    beside: dict[str, list[Path]] = {}
    for picture in pictures:
        by_name.setdefault(published_name(picture.name), []).append(picture)
        beside.setdefault(published_name(str(picture)), []).append(picture)
    known = set(pictures)
    places: list[list[Path]] = []
    for name in names:
        place = path.parent / PurePosixPath(name)
        near = [place] if place in known else beside.get(published_name(str(place)), [])
        places.append(near or by_name.get(published_name(name), []))
    for count, what in ((0, "not there"), (2, "there more than once")):
        wrong = [
            name
            for name, found in zip(names, places, strict=True)
            if min(len(found), 2) == count
        ]
        if wrong:
            raise DatasetError(
                f"{len(wrong):,} of the {len(names):,} pictures that {path.name} names "
                f"are {what}: {', '.join(wrong[:NAMED])}.",
                expected="each picture once, beside the CSV file or below it, as a "
                "JPEG, PNG, WebP, GIF, BMP or TIFF.",
                remedy="put them there, or take their rows out.",
            )
    return [str(found[0]) for found in places]


def _check_classes(manifest: pd.DataFrame, task: Binary, path: Path) -> None:
    counts = pd.crosstab(manifest[LABEL], manifest["split"])
    counts = counts.reindex(
        index=list(task.classes), columns=list(SPLITS), fill_value=0
    )
    for name, row in counts.iterrows():
        empty = row.index[row == 0]
        if len(empty):
            raise DatasetError(
                f"{path.name} has {row.sum()} pictures of '{name}', and none falls in "
                f"the {empty[0]} split.",
                expected="enough pictures of both labels for every split.",
                remedy="add some, or larger shares under [dataset] options.",
            )
