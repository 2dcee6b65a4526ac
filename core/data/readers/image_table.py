"""Any images with any targets: class folders, a table beside the pictures, or both.

Rows are images. Any number of columns are predicted, as numbers or as classes; any
number are sensitive features; images of one group stay in one split.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from core.data.archive import folder_of
from core.data.cache import Progress, Render
from core.data.class_folders import (
    NAMED,
    ClassColumn,
    ClassFolderOptions,
    Wanted,
    choose_images,
    count_used,
)
from core.data.column_roles import POSITIVES, Roles, describe_column, round_width
from core.data.enhancement import enhanced_renderer
from core.data.image_listing import (
    CLASS_FOLDER,
    PARTS,
    SPLIT_FOLDER,
    ImageListing,
    list_images,
)
from core.data.manifest import (
    DRAWN_SPLIT,
    LEFT_OUT,
    SPLITS,
    TEST,
    TRAINING,
    VALIDATION,
    DatasetInfo,
    LoadedDataset,
    drawn_split,
)
from core.data.splits import (
    apply_split,
    least_to_split,
    leave_out,
    split_by_group,
    with_new_split,
)
from core.errors import DatasetError
from core.language import N_, gettext
from core.study import FromList
from core.tasks import Binary, Multiclass, Regression, Task, natural_order
from core.text import as_latin

NAME = "image-table"
DRAWN = "drawn"
"""As ``split``: the split is drawn, whatever came with the images."""
UNKNOWN = "unknown"
"""Group of an image whose sensitive feature is not known."""
_TAKEN = frozenset(("image_id", "path", "split", DRAWN_SPLIT, "reason", "seed"))
_STRATUM = 20
MAX_BINS = 1000
"""Bins of a number, or groups that are made of one, at most."""
_FIX = N_("fix it under [dataset] options in the study's file.")
# Why a picture is left out, as the data report says it.
_NO_VALUE = N_("without a value to predict")
_ANOTHER_CLASS = N_("of another class")
_OUT_OF_RANGE = N_("outside the range")
_FEW = N_("of a class with too few images")
_NO_SPLIT = N_("without a split")
_BY_HAND = N_("left out by hand")

Texts = FromList[tuple[str, ...]]


class ImageTableOptions(ClassFolderOptions):
    """The protocol of a study on a table of images.

    Parameters
    ----------
    path : str
        The folder or the archive; ``--data`` takes its place. A path that is not
        absolute is looked for in the user's store, then in the current folder.
    table : str
        File of the table, as seen from the folder; the only one there is if not given.
    image : str
        Its column of the pictures; found out if not given.
    numbers : dict of str to list of float
        Columns that are predicted as numbers, each with its lowest and highest value
        and the width of a bin; with an empty list these are those of the images.
    two_classes : dict of str to list of str
        Columns of two classes; the second is the positive one.
    classes : list of str
        Columns of other classes. Without any target, the class folders are it.
    sensitive : list of str
        Columns that fairness is measured over.
    bins : dict of str to float
        Width of a bin of those of them that are numbers.
    units, labels : dict of str to str
        Unit of a number, and what a reader sees for a column.
    group : str
        Column whose values are never split: a patient, a person.
    split : str, optional
        Column of the split; "drawn" draws one. If not given, folders called train and
        test are taken over.
    chosen : int or str, optional
        How many of the first target's classes, those with the most images, or which:
        their names, with commas between them.
    at_least : int, optional
        Classes with fewer images are left out.
    leave_out : list of str
        Images that are left out, by their ``image_id``.
    """

    path: str = ""
    table: str = ""
    image: str = ""
    numbers: dict[str, FromList[tuple[float, ...]]] = Field(default_factory=dict)
    two_classes: dict[str, Texts] = Field(default_factory=dict)
    classes: Texts = ()
    sensitive: Texts = ()
    bins: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    units: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    group: str = ""
    split: str | None = None
    chosen: Wanted | None = None
    at_least: Annotated[int, Field(ge=1)] | None = None
    leave_out: Texts = ()

    @model_validator(mode="after")
    def _columns_fit(self) -> Self:
        twice = [n for n in self.targets if self.targets.count(n) > 1]
        if twice:
            raise ValueError(gettext("'{name}' is a target twice.", name=twice[0]))
        for name, given in self.numbers.items():
            if given and not (len(given) == 3 and given[0] < given[1] and given[2] > 0):
                raise ValueError(
                    gettext(
                        "'numbers': expected the lowest and the highest value of "
                        "'{name}' and the width of a bin, such as [0, 100, 10].",
                        name=name,
                    )
                )
            if given and (given[1] - given[0]) / given[2] > MAX_BINS:
                raise ValueError(
                    gettext(
                        "'numbers': the bins of '{name}' are too narrow: expected at "
                        "most {n} of them.",
                        name=name,
                        n=MAX_BINS,
                    )
                )
        for name, pair in self.two_classes.items():
            if len(pair) != 2 or pair[0] == pair[1]:
                raise ValueError(
                    gettext(
                        "'two_classes': expected two different classes of '{name}', "
                        "the positive one last.",
                        name=name,
                    )
                )
        for name in self.sensitive:
            if name in self.numbers:
                raise ValueError(
                    gettext(
                        "'sensitive': '{name}' is predicted as a number, and its bins "
                        "are compared anyway.",
                        name=name,
                    )
                )
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """All columns that are predicted."""
        given = (*self.numbers, *self.two_classes, *self.classes)
        return given or (CLASS_FOLDER,)

    @property
    def names(self) -> dict[str, str]:
        """The name in the manifest of each column that is used, by the column."""
        names: dict[str, str] = {}
        for column in dict.fromkeys((*self.targets, *self.sensitive)):
            base = "label" if column == CLASS_FOLDER else _safe_name(column)
            name, count = base, 1
            while name in _TAKEN or name in names.values():
                count += 1
                name = f"{base}_{count}"
            names[column] = name
        return names

    def label(self, column: str) -> str:
        """What a reader sees for a column."""
        if column in self.labels:
            return self.labels[column]
        if column == CLASS_FOLDER:
            return "Class"
        label = " ".join(column.replace("_", " ").split())
        return label[:1].upper() + label[1:] if label == label.lower() else label


def options_of(roles: Roles, **given: object) -> ImageTableOptions:
    """The options that say explicitly what was found out of the columns."""
    return ImageTableOptions.model_validate(
        {
            "numbers": {name: list(each) for name, each in roles.numbers.items()},
            "two_classes": {n: list(pair) for n, pair in roles.two_classes.items()},
            "classes": list(roles.classes),
            "sensitive": list(roles.sensitive),
            "bins": dict(roles.bins),
            "group": roles.group,
            "split": roles.split or DRAWN,
            **given,
        }
    )


def info_of(
    options: ImageTableOptions, manifest: pd.DataFrame | None = None
) -> DatasetInfo:
    """The description of the dataset under these options.

    Parameters
    ----------
    options : ImageTableOptions
    manifest : DataFrame, optional
        Without it the classes, groups and ranges are unknown that the options leave to
        the images.
    """
    names = options.names
    used = None if manifest is None else manifest[drawn_split(manifest) != LEFT_OUT]
    return DatasetInfo(
        name=NAME,
        title=N_("A table of images"),
        tasks=tuple(_task(options, c, names[c], manifest) for c in options.targets),
        sensitive_features={
            names[column]: ()
            if used is None
            else tuple(natural_order(used[names[column]].astype(str).unique()))
            for column in options.sensitive
        },
        shareable=False,
        generated=False,
        notice=(
            N_(
                "Pictures of your own: they are shown on this machine alone, and what "
                "may be done with them, and with models and predictions made from "
                "them, is for you to know."
            )
        ),
    )


def renderer(options: ImageTableOptions) -> Render:
    """The function that turns a manifest's ``path`` into pixels under these options."""
    return enhanced_renderer(options.enhancement)


def load(
    location: Path,
    options: ImageTableOptions,
    *,
    shipped: pd.DataFrame | None = None,
    progress: Progress = lambda what, done, total: None,
) -> LoadedDataset:
    """Read images with their table and split them.

    Parameters
    ----------
    location : Path
        The folder, or an archive of it.
    options : ImageTableOptions
    shipped, progress
        As for ``catalog.load_dataset``.

    Returns
    -------
    LoadedDataset
        Every picture, by ``image_id``: its place below the folders that all lie in.

    Raises
    ------
    DatasetError
        If there are no pictures, the table does not fit them, a column is missing or
        holds something else, or a class has too few images to be split.
    """
    root = folder_of(location, pattern="*", what=gettext("your images"))
    listing = list_images(
        root, table=options.table, image=options.image, all_there=shipped is None
    )
    if shipped is not None:
        manifest = build_manifest(listing, options)[0].drop(columns="reason")
        manifest = apply_split(manifest, shipped, location)
        return LoadedDataset(info_of(options, manifest), manifest)
    return split_images(listing, options)


def split_images(listing: ImageListing, options: ImageTableOptions) -> LoadedDataset:
    """Split the images of a listing, as the options ask for.

    Raises
    ------
    DatasetError
        If a class has too few images, or the split that came with them does not fit.
    """
    manifest, groups, parts = build_manifest(listing, options)
    info = info_of(options, manifest)
    label = _first_classes(info)
    if label:
        _choose_classes(manifest, label, options)
    _require_spread(manifest, info)
    shares = {TEST: options.test_share, VALIDATION: options.validation_share}
    free = manifest["split"] == ""
    if parts is not None:
        leave_out(manifest, parts == "", _NO_SPLIT)
        free = manifest["split"] == ""
        given = set(parts[free])
        shares = {part: share for part, share in shares.items() if part not in given}
        fixed = free & (parts != TRAINING)
        manifest.loc[fixed, "split"] = parts[fixed]
        free &= ~fixed
    if shares:
        _draw(manifest, info, groups, free, shares, options.seed)
    else:
        manifest.loc[free, "split"] = TRAINING
    # Classes that were not chosen are no longer among them.
    info = info_of(options, manifest)
    if label:
        _require_every_split(manifest, info.task(label), options)
    report: dict[str, object] = {}
    if label:
        report["classes"] = count_used(manifest, ClassColumn(label, "class", "chosen"))
    if listing.missing:
        report["missing_pictures"] = list(listing.missing)
    return with_new_split(info, manifest, listing.others, **report)


def build_manifest(
    listing: ImageListing, options: ImageTableOptions
) -> tuple[pd.DataFrame, pd.Series, pd.Series | None]:
    """Make the manifest of a listing, before it is split.

    Returns
    -------
    DataFrame, Series of str, Series of str or None
        The manifest with ``split``, empty but where an image is left out, and
        ``reason``; the group of each image; and the split that it came with.

    Raises
    ------
    DatasetError
        If a column is missing, or holds what it should not.
    """
    _require_columns(listing, options)
    names = options.names
    manifest = pd.DataFrame(
        {"image_id": listing.ids, "path": listing.paths, "split": "", "reason": ""},
        dtype=object,
    )
    leave_out(manifest, manifest["image_id"].isin(options.leave_out), _BY_HAND)
    for column in options.targets:
        cells = listing.columns[column]
        leave_out(manifest, cells == "", _NO_VALUE)
        if column in options.numbers:
            values = _to_numbers(cells, column)
            manifest[names[column]] = values
            low, high, *_ = options.numbers[column] or (-np.inf, np.inf)
            leave_out(manifest, (values < low) | (values > high), _OUT_OF_RANGE)
            continue
        manifest[names[column]] = cells.to_numpy(object)
        if pair := options.two_classes.get(column):
            _require_pair(cells, column, pair)
            leave_out(manifest, ~cells.isin(pair), _ANOTHER_CLASS)
    for column in options.sensitive:
        if column not in options.targets:
            cells = listing.columns[column]
            manifest[names[column]] = (
                _to_bins(cells, column, options.bins[column])
                if column in options.bins
                else cells.mask(cells == "", UNKNOWN)
            ).to_numpy(object)
    groups = manifest["image_id"]
    if options.group:
        own = listing.columns[options.group]
        # A picture of which the group is unknown is a group of its own.
        groups = ("g " + own).mask(own == "", "i " + groups)
    return manifest, groups, _given_split(listing, options)


def _safe_name(column: str) -> str:
    """A name for columns of predictions and keys of metrics: a-z, 0-9 and "_"."""
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in as_latin(column))
    return "_".join(filter(None, name.split("_"))) or "column"


def _task(
    options: ImageTableOptions,
    column: str,
    name: str,
    manifest: pd.DataFrame | None,
) -> Task:
    label = options.label(column)
    if column in options.numbers:
        given = options.numbers[column]
        if not given and manifest is not None:
            values = manifest[name].dropna().astype(float)
            low, high = float(values.min()), float(values.max())
            given = (low, high, round_width((high - low) / 10))
        low, high, width = given or (0.0, 1.0, 0.1)
        unit = options.units.get(column, N_("units"))
        return Regression(name, label, unit, float(low), float(high), float(width))
    if column in options.two_classes:
        negative, positive = options.two_classes[column]
        return Binary(name, label, (negative, positive))
    if manifest is None:
        return Multiclass(name, label, ())
    used = manifest.loc[drawn_split(manifest) != LEFT_OUT, name].astype(str)
    values = natural_order(used[used != ""].unique())
    if len(values) == 2:
        first, second = values
        known = POSITIVES.get(frozenset(each.casefold() for each in values))
        is_first = known is not None and first.casefold() == known
        return Binary(name, label, (second, first) if is_first else (first, second))
    return Multiclass(name, label, tuple(values))


def _first_classes(info: DatasetInfo) -> str:
    """Name of the first task of classes; empty if all are numbers."""
    named = [task.name for task in info.tasks if not isinstance(task, Regression)]
    return named[0] if named else ""


def _require_columns(listing: ImageListing, options: ImageTableOptions) -> None:
    split = options.split if options.split not in (None, DRAWN) else ""
    wanted = (*options.targets, *options.sensitive, options.group, split or "")
    absent = [name for name in wanted if name and name not in listing.columns]
    if not absent:
        return
    known = ", ".join(listing.columns) or gettext("none")
    if absent[0] == CLASS_FOLDER:
        raise DatasetError(
            gettext(
                "The pictures in {folder} do not lie in class folders, and no column "
                "is said to be predicted.",
                folder=listing.root,
            ),
            expected=gettext(
                "at least two folders, named after their classes, or some of these "
                "columns under `numbers`, `two_classes` or `classes`: {columns}.",
                columns=known,
            ),
            remedy=gettext(
                "`equipoise data {folder} --write study.toml` proposes a study.",
                folder=listing.root,
            ),
        )
    raise DatasetError(
        gettext(
            "{file} has no column '{name}'.",
            file=listing.table or listing.root,
            name=absent[0],
        ),
        expected=gettext("one of {names}.", names=known),
        remedy=gettext(_FIX),
    )


def _to_numbers(cells: pd.Series, column: str) -> pd.Series:
    values = pd.to_numeric(cells.mask(cells == "", None), errors="coerce")
    wrong = cells[(cells != "") & ~np.isfinite(values.fillna(np.nan))]
    if len(wrong):
        raise DatasetError(
            gettext(
                "'{column}' is to be a number, and {n} images have something else: "
                "{values}.",
                column=column,
                n=len(wrong),
                values=", ".join(wrong.iloc[:NAMED]),
            ),
            expected=gettext("numbers with a decimal point, or nothing."),
            remedy=gettext("correct them, or take the column for classes."),
        )
    return values.astype(np.float64)


def _to_bins(cells: pd.Series, column: str, width: float) -> pd.Series:
    """Name of each number's bin, or ``UNKNOWN``."""
    values = _to_numbers(cells, column)
    known = values.dropna()
    if known.empty:
        return cells.mask(cells == "", UNKNOWN)
    if (known.max() - known.min()) / width > MAX_BINS:
        raise DatasetError(
            gettext("The groups of '{column}' are too narrow.", column=column),
            expected=gettext("at most {n} groups.", n=MAX_BINS),
            remedy=gettext("make them wider under `bins`."),
        )
    task = Regression(column, column, "", known.min(), known.max(), width)
    labels = np.array(task.bin_labels, dtype=object)
    found = pd.Series(UNKNOWN, cells.index, dtype=object)
    found[known.index] = labels[task.bin_of(known)]
    return found


def _require_pair(cells: pd.Series, column: str, pair: Iterable[str]) -> None:
    there = set(cells)
    absent = [name for name in pair if name not in there]
    if absent:
        raise DatasetError(
            gettext(
                "No image has '{value}' as its '{column}'.",
                value=absent[0],
                column=column,
            ),
            expected=gettext(
                "two of {names}.",
                names=", ".join(natural_order(there - {""})[: 4 * NAMED]),
            ),
            remedy=gettext(_FIX),
        )


def _given_split(listing: ImageListing, options: ImageTableOptions) -> pd.Series | None:
    """Split that each image came with, empty where it has none; None if it is drawn."""
    column = options.split
    if column is None:
        column = SPLIT_FOLDER if SPLIT_FOLDER in listing.columns else DRAWN
    if column == DRAWN:
        return None
    facts = describe_column(column, listing.columns[column])
    meaning = {str(v): PARTS.get(str(v).casefold(), "") for v in facts.counts.index}
    unknown = [value for value, part in meaning.items() if not part]
    if unknown or TRAINING not in meaning.values() or len({*meaning.values()}) < 2:
        found = ", ".join(list(meaning)[:NAMED]) or gettext("nothing")
        raise DatasetError(
            gettext(
                "'{column}' is not a split: it holds {values}.",
                column=column,
                values=", ".join(unknown[:NAMED]) if unknown else found,
            ),
            expected=gettext("train and test, and perhaps validation."),
            remedy=gettext(
                'correct them, or draw the split: split = "{drawn}".', drawn=DRAWN
            ),
        )
    return listing.columns[column].map(meaning).fillna("")


def _choose_classes(
    manifest: pd.DataFrame, label: str, options: ImageTableOptions
) -> None:
    """Leave out, in place, small classes and those that are not chosen."""
    rows = manifest[manifest["split"] == ""].copy()
    if options.at_least is not None:
        sizes = rows[label].map(rows[label].value_counts())
        leave_out(rows, sizes < options.at_least, _FEW)
        manifest.loc[rows.index, ["split", "reason"]] = rows[["split", "reason"]]
        rows = rows[rows["split"] == ""].copy()
    if options.chosen is not None or options.per_class is not None:
        choose_images(
            rows,
            ClassColumn(label, "class", "chosen"),
            options.chosen,
            per_class=options.per_class,
            seed=options.seed,
        )
        manifest.loc[rows.index, ["split", "reason"]] = rows[["split", "reason"]]


def _draw(
    manifest: pd.DataFrame,
    info: DatasetInfo,
    groups: pd.Series,
    free: pd.Series,
    shares: Mapping[str, float],
    seed: int,
) -> None:
    """Draw, in place, the splits that did not come with the images."""
    rows = manifest[free]
    strata = _strata(rows, info)
    drawn = split_by_group(strata, groups[free], shares=shares, seed=seed)
    manifest.loc[rows.index, "split"] = drawn


def _strata(rows: pd.DataFrame, info: DatasetInfo) -> pd.Series:
    """Stratum of each image: classes, and groups too where these are large enough."""
    first = next(
        (t for t in info.tasks if not isinstance(t, Regression)), info.tasks[0]
    )
    if isinstance(first, Regression):
        labels = np.array(first.bin_labels, dtype=object)
        strata = pd.Series(labels[first.bin_of(rows[first.name])], rows.index)
    else:
        strata = rows[first.name].astype(str)
    others = [
        t.name for t in info.tasks if not isinstance(t, Regression) and t != first
    ]
    for name in dict.fromkeys((*others, *info.sensitive_features)):
        if name == first.name:
            continue
        finer = strata + "\t" + rows[name].astype(str)
        if finer.nunique() * _STRATUM <= len(rows):
            strata = finer
    return strata


def _require_spread(manifest: pd.DataFrame, info: DatasetInfo) -> None:
    """Refuse a target that has one value alone."""
    used = manifest[manifest["split"] != LEFT_OUT]
    for task in info.tasks:
        values = used[task.name].unique()
        if len(values) < 2:
            is_number = isinstance(task, Regression)
            shown = "".join(f"{v:g}" if is_number else str(v) for v in values)
            raise DatasetError(
                gettext(
                    "All images have the same '{label}': {value}.",
                    label=task.label,
                    value=shown,
                )
                if len(values)
                else gettext("No image has a '{label}'.", label=task.label),
                expected=gettext("at least two different values."),
                remedy=gettext(
                    "choose another column, or add pictures that have other values."
                ),
            )


def _require_every_split(
    manifest: pd.DataFrame, task: Task, options: ImageTableOptions
) -> None:
    """Refuse a class that a split has no image of."""
    used = manifest[manifest["split"].isin(SPLITS)]
    counts = pd.crosstab(used[task.name].astype(str), used["split"])
    counts = counts.reindex(columns=list(SPLITS), fill_value=0)
    lacking = counts[(counts == 0).any(axis=1)]
    if lacking.empty:
        return
    order = natural_order(lacking.index)
    shown = ", ".join(
        f"{name} ({int(counts.loc[name].sum())})" for name in order[:NAMED]
    )
    if len(order) > NAMED:
        shown = gettext("{names} and {n} more", names=shown, n=str(len(order) - NAMED))
    shares = {TEST: options.test_share, VALIDATION: options.validation_share}
    least = least_to_split(shares)
    raise DatasetError(
        gettext(
            "There are too few images of {names}: a split has none of them.",
            names=shown,
        ),
        expected=gettext("at least {n} of each class.", n=least),
        remedy=gettext(
            "add pictures of it, or leave small classes out: at_least = {n} under "
            "[dataset] options.",
            n=least,
        ),
    )


INFO = info_of(ImageTableOptions())
