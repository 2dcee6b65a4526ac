"""The manifest: one row an image, and what a dataset says about itself."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from core.data.face_templates import FaceTemplate
from core.language import N_
from core.tasks import Multiclass, Task, natural_order

TRAINING = N_("training")
VALIDATION = N_("validation")
TEST = N_("test")
SPLITS = (TRAINING, VALIDATION, TEST)
LEFT_OUT = N_("left out")
DRAWN_SPLIT = "drawn_split"
"""Column of a manifest of which pictures cannot be read: the split with these."""


@dataclass(frozen=True)
class DatasetInfo:
    """The content of a dataset, and the terms of its pictures.

    Parameters
    ----------
    name : str
        Its name in a study's file.
    title : str
        What a reader sees.
    tasks : tuple of Task
        What can be predicted; each is a column of the manifest. A task without classes
        has those of the images: see ``with_classes_of``.
    sensitive_features : mapping of str to tuple of str
        Columns that fairness is measured over, each with its groups; without groups,
        those of the images.
    shareable : bool
        Whether its pictures may be shown to anyone.
    generated : bool
        Whether its pictures are drawn by a program.
    notice : str
        Licence and limits, shown wherever its results are.
    opt_in : mapping of str to str
        Tasks answered on a photo only for who asks, each with what its label is not.
    faces : FaceTemplate or None
        How its pictures are aligned, if they are faces: these are then found in a photo
        first, and aligned so.
    has_pictures : bool
        Whether there are pictures at all, and not only a table of predictions.
    """

    name: str
    title: str
    tasks: tuple[Task, ...]
    sensitive_features: Mapping[str, tuple[str, ...]]
    shareable: bool
    generated: bool
    notice: str
    opt_in: Mapping[str, str] = field(default_factory=dict)
    faces: FaceTemplate | None = None
    has_pictures: bool = True

    @property
    def of_faces(self) -> bool:
        """Whether its pictures are aligned faces."""
        return self.faces is not None

    def task(self, name: str) -> Task:
        """The task of that name; KeyError if there is none."""
        return {task.name: task for task in self.tasks}[name]

    def answered_tasks(self, opted_in: Collection[str] = ()) -> tuple[Task, ...]:
        """Tasks that are answered on a photo: those in ``opt_in`` only on request.

        Pages, text, JSON and CSV all ask here.

        Parameters
        ----------
        opted_in : collection of str
            Names of the tasks that the person asked for.
        """
        return tuple(
            task
            for task in self.tasks
            if task.name not in self.opt_in or task.name in opted_in
        )

    @property
    def knows_classes(self) -> bool:
        """Whether all classes and groups are known without its images."""
        classes = all(t.classes for t in self.tasks if isinstance(t, Multiclass))
        return classes and all(self.sensitive_features.values())

    def with_classes_of(self, manifest: pd.DataFrame) -> "DatasetInfo":
        """The same, where only the images tell the classes or groups with theirs.

        They are those of the images in a split, in their natural order.
        """
        if self.knows_classes:
            return self
        used = manifest[manifest["split"] != LEFT_OUT]
        tasks = (
            replace(task, classes=_sorted_names(used[task.name]))
            if isinstance(task, Multiclass) and not task.classes
            else task
            for task in self.tasks
        )
        features = {
            name: groups or _sorted_names(used[name])
            for name, groups in self.sensitive_features.items()
        }
        return replace(self, tasks=tuple(tasks), sensitive_features=features)


def _sorted_names(column: pd.Series) -> tuple[str, ...]:
    return tuple(natural_order(str(name) for name in column.unique()))


@dataclass(frozen=True)
class LoadedDataset:
    """A manifest with a split, and the report of how it came about.

    ``report`` holds counts for the Data page: images found, names left out and why,
    images in each split, near-duplicates and the label noise that they show.
    """

    info: DatasetInfo
    manifest: pd.DataFrame
    report: dict[str, object] = field(default_factory=dict)


def drawn_split(manifest: pd.DataFrame) -> pd.Series:
    """The split as it was drawn: with the pictures that cannot be read."""
    return manifest[DRAWN_SPLIT if DRAWN_SPLIT in manifest else "split"]


def split_fingerprint(manifest: pd.DataFrame) -> str:
    """Short hash of which image is in which split, whatever the order of the rows.

    Images that are left out do not count; those that only cannot be read do, so that
    one damaged copy of a dataset has the split of the others.
    """
    split = drawn_split(manifest)
    kept = split != LEFT_OUT
    # As arrays of objects: many times faster to walk through than columns.
    columns = (manifest["image_id"], split)
    rows = sorted(zip(*(c[kept].to_numpy(object) for c in columns), strict=True))
    text = "\n".join(f"{image_id}\t{split}" for image_id, split in rows)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def summarise_split(
    manifest: pd.DataFrame, malformed: Sequence[str] = ()
) -> dict[str, object]:
    """Counts for the Data page: found, left out and why, in each split."""
    splits = manifest["split"].value_counts()
    reasons: dict[str, int] = {}
    if "reason" in manifest:
        left_out = manifest.loc[manifest["split"] == LEFT_OUT, "reason"]
        reasons = {str(k): int(v) for k, v in left_out.value_counts().items()}
    return {
        "counts": {
            "found": len(manifest) + len(malformed),
            "malformed": list(malformed),
            "left_out_by": reasons,
            "per_split": {name: int(splits.get(name, 0)) for name in SPLITS},
        },
        "split_fingerprint": split_fingerprint(manifest),
    }
