"""Pictures that cannot be read: their names in reports, and counts without them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core.data.manifest import (
    DRAWN_SPLIT,
    LEFT_OUT,
    SPLITS,
    LoadedDataset,
    drawn_split,
)
from core.data.picture_names import picture_names, without_name
from core.language import N_

CANNOT_BE_READ = N_("cannot be read")
"""Why these pictures are left out, as the data report says it."""
UNREADABLE = "unreadable"
"""Key of the data report, and of a run's record, that lists them."""

# Keys of a report for the sizes of classes.
_SIZES = ("used", "images_of_the_largest", "images_of_the_smallest")


@dataclass(frozen=True)
class DamagedPicture:
    """A picture of the manifest that cannot be read.

    Parameters
    ----------
    picture : str
        Its path, seen from the folder of the dataset.
    split : str
        The split that it was drawn into; "left out" where none was drawn yet.
    reason : str
        What is wrong with it; with ``picture`` in front it is a sentence.
    image_id : str
    """

    picture: str
    split: str
    reason: str
    image_id: str

    def __str__(self) -> str:
        return f"{self.picture} {self.reason}"


def describe_damage(
    rows: pd.DataFrame, reasons: Mapping[int, str], root: Path | None
) -> list[DamagedPicture]:
    """Say which pictures cannot be read.

    Parameters
    ----------
    rows : DataFrame
        ``image_id``, ``path`` and ``split`` of the pictures that were to be read.
    reasons : mapping of int to str
        By the number of the row: what ``ImageError`` says.
    root : Path or None
        The place of the dataset; without it, or for an archive, the folder that all
        pictures have in common.
    """
    numbers = sorted(reasons)
    damaged = rows.iloc[numbers]
    names = picture_names(damaged["path"], rows["path"], root)
    return [
        DamagedPicture(
            picture=name,
            split=str(row["split"]) or LEFT_OUT,
            reason=without_name(reasons[number], name),
            image_id=str(row["image_id"]),
        )
        for number, name, (_, row) in zip(
            numbers, names, damaged.iterrows(), strict=True
        )
    ]


def describe_sizes(classes: pd.Series) -> dict[str, int]:
    """How many classes there are, and images of the largest and of the smallest.

    Parameters
    ----------
    classes : Series of str
        Class of each image.
    """
    counts = classes.value_counts().tolist()
    sizes = (len(counts), max(counts, default=0), min(counts, default=0))
    return dict(zip(_SIZES, sizes, strict=True))


def leave_out_damaged(
    manifest: pd.DataFrame,
    report: Mapping[str, Any],
    damaged: Sequence[DamagedPicture],
    *,
    column: str = "",
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Take pictures that cannot be read out of their splits, and list them.

    Parameters
    ----------
    manifest : DataFrame
    report : mapping
        How the split came about; it may tell of other pictures that cannot be read.
    damaged : sequence of DamagedPicture
        Those of the manifest's splits.
    column : str
        Of the manifest, whose classes the report may describe the sizes of.

    Returns
    -------
    DataFrame, dict
        A manifest that remembers the drawn split, by which the split is known, and the
        report with the counts of what is left.
    """
    if not damaged:
        return manifest, dict(report)
    drawn = drawn_split(manifest)
    is_damaged = manifest["image_id"].astype(str).isin({d.image_id for d in damaged})
    marked = manifest.assign(
        split=manifest["split"].mask(is_damaged, LEFT_OUT), **{DRAWN_SPLIT: drawn}
    )
    known = list(report.get(UNREADABLE) or [])
    listed = [*known, *(asdict(picture) for picture in damaged)]
    if column in marked:
        sizes_now = describe_sizes(marked.loc[marked["split"] != LEFT_OUT, column])
        report = {
            name: {**part, **sizes_now}
            if isinstance(part, Mapping) and part.keys() >= sizes_now.keys()
            else part
            for name, part in report.items()
        }
    counts = report.get("counts")
    if not isinstance(counts, Mapping):
        return marked, {**report, UNREADABLE: listed}
    reasons = dict(counts.get("left_out_by") or {})
    reasons[CANNOT_BE_READ] = reasons.get(CANNOT_BE_READ, 0) + len(damaged)
    sizes = marked["split"].value_counts()
    per_split = {name: int(sizes.get(name, 0)) for name in SPLITS}
    counts = {**counts, "left_out_by": reasons, "per_split": per_split}
    return marked, {**report, "counts": counts, UNREADABLE: listed}


def leave_out_known_damage(
    loaded: LoadedDataset, kept: pd.DataFrame | None
) -> LoadedDataset:
    """Leave out what could not be read when the study's runs were trained.

    Parameters
    ----------
    loaded : LoadedDataset
        With the split as it was drawn.
    kept : DataFrame or None
        The manifest that the study's runs were trained on.
    """
    if kept is None or DRAWN_SPLIT not in kept:
        return loaded
    out = kept.loc[kept[DRAWN_SPLIT] != kept["split"], "image_id"]
    manifest = loaded.manifest
    is_out = manifest["image_id"].isin(out)
    manifest = manifest.assign(
        split=manifest["split"].mask(is_out, LEFT_OUT),
        **{DRAWN_SPLIT: manifest["split"]},
    )
    return LoadedDataset(loaded.info, manifest, loaded.report)
