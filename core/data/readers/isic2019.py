"""ISIC 2019: skin lesions under the dermatoscope, each with its diagnosis.

Source: the training part of the challenge "Skin Lesion Analysis Towards Melanoma
Detection 2019", which joins HAM10000 (Tschandl et al., Scientific Data 2018), BCN_20000
(Combalia et al., arXiv 1908.02288) and MSK (Codella et al., arXiv 1710.05006), in its
published layout: a ground truth, a folder of pictures and, if there, the metadata.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from core.data.archive import folder_of
from core.data.cache import Progress
from core.data.class_folders import NAMED, by_published_name, walk_pictures
from core.data.manifest import (
    LEFT_OUT,
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
from core.language import N_, gettext, ngettext
from core.study import DatasetOptions, Seed
from core.tasks import Binary, Multiclass
from core.text import listed

GROUND_TRUTH = "ISIC_2019_Training_GroundTruth.csv"
METADATA = "ISIC_2019_Training_Metadata.csv"
IMAGES = "ISIC_2019_Training_Input"

DIAGNOSES = {
    "MEL": "melanoma",
    "NV": "nevus",
    "BCC": "basal cell carcinoma",
    "AK": "actinic keratosis",
    "BKL": "benign keratosis",
    "DF": "dermatofibroma",
    "VASC": "vascular lesion",
    "SCC": "squamous cell carcinoma",
    "UNK": "none of the eight",
}
DIAGNOSIS = "diagnosis"
UNKNOWN = "unknown"
SEXES = ("female", "male")
AGE_GROUPS = {"0-29": 0, "30-49": 30, "50-69": 50, "70 and over": 70}
OLDEST = 120
AGE_GROUP = "age group"

_NOTICE = N_(
    "ISIC 2019 is licensed CC BY-NC 4.0: for non-commercial use, courtesy of BCN_20000 "
    "(Department of Dermatology, Hospital Clínic de Barcelona), HAM10000 (ViDIR Group, "
    "Department of Dermatology, Medical University of Vienna) and MSK; models and "
    "predictions made from it carry the same limits. This is not a medical device: its "
    "answers compare methods and must not be used to judge anyone's skin."
)


def _info(name: str, title: str, task: Binary | Multiclass) -> DatasetInfo:
    return DatasetInfo(
        name=name,
        title=title,
        tasks=(task,),
        sensitive_features={
            "sex": (*SEXES, UNKNOWN),
            AGE_GROUP: (*AGE_GROUPS, UNKNOWN),
        },
        shareable=False,
        generated=False,
        notice=_NOTICE,
    )


INFO_BINARY = _info(
    "isic2019-binary",
    N_("ISIC 2019, melanoma against nevus"),
    Binary(DIAGNOSIS, "Diagnosis", ("nevus", "melanoma")),
)
INFO_EIGHT = _info(
    "isic2019",
    N_("ISIC 2019, eight diagnoses"),
    Multiclass(DIAGNOSIS, "Diagnosis", tuple(DIAGNOSES.values())[:-1]),
)

_Share = Annotated[float, Field(gt=0, le=0.4)]
_JPEG = re.compile(r"\.jpe?g$", re.IGNORECASE)


class ISICOptions(DatasetOptions):
    """The protocol of a study on ISIC 2019.

    Parameters
    ----------
    validation_share, test_share : float, in (0, 0.4]
        Shares of the images of each class; the rest is for training.
    seed : int
        Draws the split.
    """

    validation_share: _Share = 0.1
    test_share: _Share = 0.1
    seed: Seed = 0


def load(
    info: DatasetInfo,
    location: Path,
    options: ISICOptions,
    *,
    shipped: pd.DataFrame | None = None,
    progress: Progress = lambda what, done, total: None,
) -> LoadedDataset:
    """Read a copy of ISIC 2019 and split it, no lesion in two splits.

    Parameters
    ----------
    info : DatasetInfo
        ``INFO_BINARY`` or ``INFO_EIGHT``; images of other diagnoses are left out.
    location : Path
        The folder, or an archive of it, with ``ISIC_2019_Training_GroundTruth.csv``,
        ``ISIC_2019_Training_Input/`` and perhaps ``ISIC_2019_Training_Metadata.csv``.
    options : ISICOptions
    shipped, progress
        As for ``catalog.load_dataset``.

    Returns
    -------
    LoadedDataset
        Every image, by ``image_id``. Without metadata each image counts as a lesion
        of its own, and sex and age group are "unknown".

    Raises
    ------
    DatasetError
        If the copy is missing or not in its published layout, if its files
        contradict each other, if a class is too small to be split, or if an image of
        the shipped split is not in it.
    """
    folder = folder_of(location, pattern=GROUND_TRUTH, what="ISIC 2019")
    manifest = read_ground_truth(next(folder.rglob(GROUND_TRUTH)))
    files = _find_images(folder, manifest["image_id"])
    manifest["path"] = [str(files[name]) for name in manifest["image_id"]]
    manifest = _describe(manifest, next(folder.rglob(METADATA), None))
    if shipped is not None:
        return with_shipped_split(info, manifest, shipped, location)
    classes = info.tasks[0].classes  # type: ignore[union-attr]
    used = manifest[DIAGNOSIS].isin(classes)
    rows = manifest[used]
    lesions = rows["lesion_id"].where(rows["lesion_id"] != "", rows["image_id"])
    split = split_by_group(
        rows[DIAGNOSIS],
        lesions,
        shares={TEST: options.test_share, VALIDATION: options.validation_share},
        seed=options.seed,
    )
    _check_classes(rows[DIAGNOSIS], split, classes)
    manifest["split"] = split.reindex(manifest.index).fillna(LEFT_OUT)
    manifest["reason"] = ("diagnosis " + manifest[DIAGNOSIS]).where(~used, "")
    counts = {
        "images": len(rows),
        "lesions": int(lesions.nunique()),
        "images_without_lesion_id": int((rows["lesion_id"] == "").sum()),
    }
    return with_new_split(info, manifest, lesions=counts)


def read_ground_truth(path: Path) -> pd.DataFrame:
    """Read the diagnosis of each image.

    Parameters
    ----------
    path : Path
        ``image`` and one column a diagnosis, 1 for the one that it is and 0 elsewhere.

    Returns
    -------
    DataFrame
        ``image_id`` and ``diagnosis``, sorted by ``image_id``.

    Raises
    ------
    DatasetError
        If it cannot be read, lacks a column, names an image twice or none at all, or
        if a row does not mark exactly one diagnosis.
    """
    table = _read_table(path, ("image", *DIAGNOSES))
    marks = table[list(DIAGNOSES)].apply(pd.to_numeric, errors="coerce")
    chosen = marks == 1
    good = (chosen.sum(axis=1) == 1) & (chosen | (marks == 0)).all(axis=1)
    if not good.all():
        faults = [
            _say_marks(table["image"][row], marks.loc[row])
            for row in table.index[~good][:NAMED]
        ]
        raise DatasetError(
            ngettext(
                "{count} row of {file} does not mark one diagnosis: {rows}.",
                "{count} rows of {file} do not mark one diagnosis: {rows}.",
                int((~good).sum()),
                file=path.name,
                rows="; ".join(faults),
            ),
            expected=gettext("1.0 in one column of each row and 0.0 in the others."),
            remedy=gettext("fetch the ground truth again."),
        )
    manifest = pd.DataFrame(
        {
            "image_id": table["image"],
            DIAGNOSIS: chosen.idxmax(axis=1).map(DIAGNOSES),
        }
    )
    return manifest.sort_values("image_id", ignore_index=True)


def _say_marks(image: str, marks: pd.Series) -> str:
    odd = marks.index[~marks.isin([0, 1])]
    if len(odd):
        return gettext(
            "{image} has neither 0 nor 1 in {column}", image=image, column=odd[0]
        )
    marked = listed(marks.index[marks == 1])
    if not marked:
        return gettext("{image} has none", image=image)
    return gettext("{image} has {names}", image=image, names=marked)


def _read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a CSV of one row an image, as text; empty cells are empty strings."""
    try:
        table = pd.read_csv(path, dtype=str, na_filter=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DatasetError(
            gettext("{file} cannot be read: {error}.", file=path.name, error=error),
            expected=gettext("a CSV file as published."),
            remedy=gettext("fetch it again."),
        ) from None
    absent = [name for name in columns if name not in table]
    if absent or table.empty:
        raise DatasetError(
            gettext(
                "{file} has no columns {names}.",
                file=path.name,
                names=", ".join(absent),
            )
            if absent
            else gettext("{file} has no rows.", file=path.name),
            expected=gettext(
                "the columns {names} and one row for each image.",
                names=", ".join(columns),
            ),
            remedy=gettext("fetch it again."),
        )
    table = table.fillna("")
    # Some copies name the files, and not the images.
    table["image"] = table["image"].str.strip().str.replace(_JPEG, "", regex=True)
    twice = table["image"][table["image"].duplicated()].unique()
    if len(twice):
        raise DatasetError(
            ngettext(
                "{file} names {count} image more than once: {names}.",
                "{file} names {count} images more than once: {names}.",
                len(twice),
                file=path.name,
                names=", ".join(twice[:NAMED]),
            ),
            expected=gettext("one row for each image."),
            remedy=gettext("fetch it again, or take out what was added."),
        )
    return table


def _find_images(folder: Path, names: pd.Series) -> dict[str, Path]:
    """The picture of each image of the ground truth, by its name.

    Raises
    ------
    DatasetError
        If the folder of pictures or one of them is missing, or if one of them is not
        in the ground truth.
    """
    root = next((p for p in sorted(folder.rglob(IMAGES)) if p.is_dir()), None)
    if root is None:
        raise DatasetError(
            gettext("{location} has no folder {name}.", location=folder, name=IMAGES),
            expected=gettext("the pictures of {file} in it.", file=GROUND_TRUTH),
            remedy=gettext("unpack {archive} there.", archive=f"{IMAGES}.zip"),
        )
    jpegs = (name for name in walk_pictures(root) if _JPEG.search(name))
    published, _ = by_published_name(root / name for name in jpegs)
    files = {_JPEG.sub("", name): path for name, path in published.items()}
    absent = [name for name in names if name not in files]
    if absent:
        raise DatasetError(
            gettext(
                "{folder} lacks {count} of the {total} images that {file} names, "
                "{names} among them.",
                folder=root,
                count=len(absent),
                total=len(names),
                file=GROUND_TRUTH,
                names=", ".join(absent[:NAMED]),
            ),
            expected=gettext("a picture, such as ISIC_0000000.jpg, for each row."),
            remedy=gettext(
                "unpack the whole {archive} again.", archive=f"{IMAGES}.zip"
            ),
        )
    strange = sorted(set(files) - set(names))
    if strange:
        raise DatasetError(
            ngettext(
                "{folder} holds {count} picture that {file} does not name: {names}.",
                "{folder} holds {count} pictures that {file} does not name, {names} "
                "among them.",
                len(strange),
                folder=root,
                file=GROUND_TRUTH,
                names=", ".join(strange[:NAMED]),
            ),
            expected=gettext("the pictures of the ground truth and no others."),
            remedy=gettext(
                "take them out, or fetch the ground truth that belongs to them."
            ),
        )
    return files


def _describe(manifest: pd.DataFrame, path: Path | None) -> pd.DataFrame:
    """Add the lesion, the sex and the age group of each image, as far as known.

    Raises
    ------
    DatasetError
        If the metadata cannot be read, lacks a column, names an image twice or one
        that is not there, or if a sex or an age cannot be.
    """
    columns = ("image", "age_approx", "lesion_id", "sex")
    if path is None:
        table = pd.DataFrame("", index=manifest.index, columns=columns)
    else:
        table = _read_table(path, columns)
        strange = sorted(set(table["image"]) - set(manifest["image_id"]))
        if strange:
            raise DatasetError(
                ngettext(
                    "{file} describes {count} image that {other} does not name: "
                    "{names}.",
                    "{file} describes {count} images that {other} does not name, "
                    "{names} among them.",
                    len(strange),
                    file=path.name,
                    other=GROUND_TRUTH,
                    names=", ".join(strange[:NAMED]),
                ),
                expected=gettext("metadata of the same images."),
                remedy=gettext("fetch both files again."),
            )
        table = table.set_index("image").reindex(manifest["image_id"], fill_value="")
    return manifest.assign(
        lesion_id=table["lesion_id"].to_numpy(),
        sex=_sexes(table["sex"]).to_numpy(),
        **{AGE_GROUP: _age_groups(table["age_approx"]).to_numpy()},
    )


def _sexes(column: pd.Series) -> pd.Series:
    values = column.str.lower().replace("", UNKNOWN)
    wrong = column[~values.isin([*SEXES, UNKNOWN])]
    if len(wrong):
        expected = gettext("{values} or nothing.", values=", ".join(SEXES))
        raise _wrong_cell("sex", wrong, expected)
    return values


def _age_groups(column: pd.Series) -> pd.Series:
    ages = pd.to_numeric(column.replace(UNKNOWN, ""), errors="coerce")
    wrong = column[~column.isin(["", UNKNOWN]) & ~ages.between(0, OLDEST)]
    if len(wrong):
        expected = gettext("years, 0 to {oldest}, or nothing.", oldest=OLDEST)
        raise _wrong_cell("age_approx", wrong, expected)
    edges = [*AGE_GROUPS.values(), np.inf]
    groups = pd.cut(ages, edges, right=False, labels=list(AGE_GROUPS))
    return groups.astype(object).fillna(UNKNOWN)


def _wrong_cell(name: str, wrong: pd.Series, expected: str) -> DatasetError:
    return DatasetError(
        gettext(
            "{file} gives {image} the {column} '{value}'.",
            file=METADATA,
            image=wrong.index[0],
            column=name,
            value=wrong.iloc[0],
        ),
        expected=expected,
        remedy=gettext("fetch the metadata again."),
    )


def _check_classes(labels: pd.Series, split: pd.Series, classes: Sequence[str]) -> None:
    counts = pd.crosstab(labels, split)
    counts = counts.reindex(index=list(classes), columns=list(SPLITS), fill_value=0)
    for label, row in counts.iterrows():
        for name, count in row.items():
            if count == 0:
                raise DatasetError(
                    gettext(
                        "The class '{label}' has {n} images and none of them is in the "
                        "{split} split.",
                        label=label,
                        n=int(row.sum()),
                        split=gettext(str(name)),
                    ),
                    expected=gettext("enough lesions of each class for every split."),
                    remedy=gettext(
                        "use the whole published set, or larger shares under [dataset] "
                        "options."
                    ),
                )
