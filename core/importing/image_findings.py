"""Images of one's own, understood: what is predicted of them, and what is wrong.

Nothing is written here. A table is understood without a look at the pictures; these are
looked at when somebody asks, since that takes longer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from core.data.cache import Progress
from core.data.column_roles import ColumnFacts, Roles, describe_columns, find_roles
from core.data.image_listing import (
    MAX_MISSING_SHARE,
    ImageListing,
    list_images,
)
from core.data.manifest import LEFT_OUT, SPLITS, TRAINING, LoadedDataset
from core.data.near_copies import compare_squares
from core.data.picture_inspection import InspectedPictures, inspect_pictures
from core.data.picture_names import MAX_CORRUPT_SHARE, without_name
from core.data.readers.image_table import (
    DRAWN,
    ImageTableOptions,
    build_manifest,
    options_of,
    split_images,
)
from core.errors import DatasetError, EquipoiseError
from core.importing.file_findings import (
    FAULT,
    NOTE,
    ROWS_NAMED,
    WARNING,
    Finding,
    Level,
    Place,
    faults_in,
)
from core.language import gettext, ngettext
from core.plots.data import Column, columns_of, imbalance_ratio
from core.study import explain_faults
from core.tasks import Regression
from core.text import listed, number, percent

FEW = 20
"""Images of a class or a group below which a number of it says little."""
SEVERE_RATIO = 10.0
"""Imbalance ratio from which on it is worth a warning."""


@dataclass(frozen=True)
class Copies:
    """Pairs of pictures that show one photo, as rows of the manifest.

    Parameters
    ----------
    across : int array, shape (pairs, 2)
        A row, and a row of another split.
    within : int array, shape (pairs, 2)
        Two rows of one split.
    """

    across: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    within: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))


@dataclass(frozen=True)
class Understanding:
    """What was understood of a folder of images.

    Parameters
    ----------
    listing : ImageListing
    facts : dict of str to ColumnFacts
        Of every column.
    options : ImageTableOptions
        The roles of the columns, said explicitly.
    loaded : LoadedDataset or None
        The split images; None where a fault stops it.
    findings : tuple of Finding
    looked : InspectedPictures or None
        What was seen of the pictures, if they were looked at.
    copies : Copies
    """

    listing: ImageListing
    facts: dict[str, ColumnFacts]
    options: ImageTableOptions
    loaded: LoadedDataset | None
    findings: tuple[Finding, ...]
    looked: InspectedPictures | None = None
    copies: Copies = Copies()

    @property
    def is_usable(self) -> bool:
        """Whether a study can be made of it."""
        return self.loaded is not None and not faults_in(self.findings)

    @property
    def columns(self) -> dict[str, Column]:
        """Targets and sensitive features; none where a fault stops it."""
        if self.loaded is None:
            return {}
        return columns_of(self.loaded.info, self.loaded.manifest)

    def roles(self) -> list[tuple[str, str, str]]:
        """Column, role and content of each, in words."""
        return [
            (name, _role(name, self.options), _content(facts))
            for name, facts in self.facts.items()
        ]


def understand_images(
    root: Path, *, table: str = "", image: str = ""
) -> tuple[ImageListing, dict[str, ColumnFacts], Roles]:
    """List the images of a folder, and guess what their columns are.

    Parameters
    ----------
    root : Path
    table, image : str
        As for ``list_images``.

    Raises
    ------
    DatasetError
        As ``list_images``.
    """
    listing = list_images(root, table=table, image=image, all_there=False)
    facts = describe_columns(listing.columns)
    return listing, facts, find_roles(facts)


def propose(listing: ImageListing, roles: Roles) -> ImageTableOptions:
    """The options that state all that was guessed."""
    return options_of(
        roles, table=listing.table, image=listing.image, remove_copies=True
    )


def check_images(
    listing: ImageListing,
    facts: dict[str, ColumnFacts],
    options: ImageTableOptions,
    notes: Sequence[str] = (),
) -> Understanding:
    """Split the images under these options, and say what is to be known of it.

    Parameters
    ----------
    listing, facts
        As ``understand_images`` gives them.
    options : ImageTableOptions
    notes : sequence of str
        Guesses that led to them.
    """
    findings = [Finding(NOTE, note) for note in notes]
    findings += _of_files(listing)
    loaded = None
    try:
        loaded = split_images(listing, options)
    except DatasetError as error:
        findings.insert(0, _as_fault(error))
    else:
        findings += _of_columns(listing, facts, options)
        findings += _of_groups(listing, options, loaded)
        columns = columns_of(loaded.info, loaded.manifest)
        findings += _of_sizes(loaded, columns.values())
    return Understanding(listing, facts, options, loaded, _ordered(findings))


def look_at_pictures(
    understood: Understanding,
    *,
    progress: Progress = lambda what, done, total: None,
    looked: InspectedPictures | None = None,
) -> Understanding:
    """Look at every picture: which cannot be read, are odd, or are there twice.

    Parameters
    ----------
    understood : Understanding
    progress : callable
    looked : InspectedPictures, optional
        What was seen before of the same pictures.
    """
    listing = understood.listing
    seen = looked or inspect_pictures(listing.paths.tolist(), progress=progress)
    findings = [*_unreadable(understood, seen), *_odd(understood, seen)]
    copies = Copies()
    if understood.loaded is not None:
        copies = find_copies(understood.loaded.manifest, seen, progress)
        findings = [*_copied(understood, copies), *findings]
    return replace(
        understood,
        looked=seen,
        copies=copies,
        findings=_ordered([*findings, *understood.findings]),
    )


def find_copies(
    manifest: pd.DataFrame,
    seen: InspectedPictures,
    progress: Progress = lambda what, done, total: None,
) -> Copies:
    """Find pictures that are there twice: across splits, and within one."""
    split = manifest["split"].to_numpy(object)
    used = np.flatnonzero(np.isin(split.astype(str), SPLITS))
    near = compare_squares(
        split,
        used,
        seen.squares[used],
        [place for place, row in enumerate(used) if row in seen.unreadable],
        progress=progress,
    )
    alike = seen.alike().pairs
    alike = alike[(split[alike] != LEFT_OUT).all(axis=1)]
    is_across = split[alike[:, 0]] != split[alike[:, 1]]
    found = [np.sort(pairs, axis=1) for pairs in near.pairs.values()]
    across = np.concatenate([*found, alike[is_across]]).reshape(-1, 2)
    return Copies(np.unique(across, axis=0), alike[~is_across])


def refusal(error: EquipoiseError | ValidationError) -> Finding:
    """The fault that an error says."""
    if isinstance(error, ValidationError):
        return Finding(FAULT, explain_faults(error))
    return _as_fault(error)


def _as_fault(error: EquipoiseError) -> Finding:
    return Finding(FAULT, error.problem, error.expected, error.remedy)


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    order = {FAULT: 0, WARNING: 1, NOTE: 2}
    return tuple(sorted(findings, key=lambda finding: order[finding.level]))


def _role(name: str, options: ImageTableOptions) -> str:
    roles = []
    if name in options.numbers:
        roles.append(gettext("predicted, as a number"))
    if name in options.two_classes:
        roles.append(gettext("predicted, two classes"))
    if name in options.classes:
        roles.append(gettext("predicted, several classes"))
    if name in options.sensitive:
        roles.append(gettext("sensitive feature"))
    if name == options.group:
        roles.append(gettext("group that is never split"))
    if name == options.split:
        roles.append(gettext("split"))
    return listed(roles) or gettext("not used")


def _content(facts: ColumnFacts) -> str:
    """What a column holds, in a few words."""
    if not facts.distinct:
        return gettext("nothing")
    if facts.is_numeric and facts.distinct > 2:
        return gettext(
            "{n} different numbers, {low} to {high}",
            n=number(facts.distinct, 0),
            low=number(float(facts.numbers.min()), _digits(facts)),
            high=number(float(facts.numbers.max()), _digits(facts)),
        )
    shown = [str(value) for value in facts.counts.index[:4]]
    if facts.distinct > len(shown):
        return gettext(
            "{n} different values: {names}, …",
            n=number(facts.distinct, 0),
            names=", ".join(shown),
        )
    return ", ".join(shown)


def _digits(facts: ColumnFacts) -> int:
    return 0 if facts.is_whole else 2


def _named(names: Iterable[str]) -> tuple[Place, ...]:
    return tuple(Place(None, name) for name in [*names][:ROWS_NAMED])


def _of_files(listing: ImageListing) -> list[Finding]:
    """Files that are missing, not named, or not pictures."""
    findings = []
    if listing.missing:
        total = len(listing) + len(listing.missing)
        too_many = len(listing.missing) > MAX_MISSING_SHARE * total
        level: Level = FAULT if too_many else WARNING
        findings.append(
            Finding(
                level,
                ngettext(
                    "{file} names {count} picture that is not there.",
                    "{file} names {count} pictures that are not there.",
                    len(listing.missing),
                    file=listing.table,
                ),
                expected=gettext(
                    "at most {share} of them missing.", share=percent(MAX_MISSING_SHARE)
                ),
                remedy=gettext("put them beside the table, or take these rows out."),
                count=len(listing.missing),
                places=_named(listing.missing),
            )
        )
    if listing.empty:
        findings.append(
            Finding(
                WARNING,
                ngettext(
                    "{count} class folder has no picture.",
                    "{count} class folders have no picture.",
                    len(listing.empty),
                ),
                remedy=gettext("fill it, or take it out; it is not a class here."),
                count=len(listing.empty),
                places=_named(listing.empty),
            )
        )
    if listing.unlisted > 0:
        findings.append(
            Finding(
                NOTE,
                ngettext(
                    "{count} picture is not in {file}, and is left out.",
                    "{count} pictures are not in {file}, and are left out.",
                    listing.unlisted,
                    file=listing.table,
                ),
                count=listing.unlisted,
            )
        )
    if listing.others:
        findings.append(
            Finding(
                NOTE,
                ngettext(
                    "{count} file is not a picture, and is left out.",
                    "{count} files are not pictures, and are left out.",
                    len(listing.others),
                ),
                count=len(listing.others),
                places=_named(listing.others),
            )
        )
    return findings


def _of_columns(
    listing: ImageListing, facts: dict[str, ColumnFacts], options: ImageTableOptions
) -> list[Finding]:
    """Missing values of each column that is used."""
    findings = []
    for name in dict.fromkeys((*options.targets, *options.sensitive, options.group)):
        if not name or not facts[name].missing:
            continue
        rows = np.flatnonzero(listing.columns[name] == "")
        if name in options.targets:
            meaning = ngettext(
                "It is left out: there is nothing to learn of it.",
                "They are left out: there is nothing to learn of them.",
                len(rows),
            )
        elif name in options.sensitive:
            meaning = ngettext(
                "Its group is called 'unknown'.",
                "Their group is called 'unknown'.",
                len(rows),
            )
        else:
            meaning = ngettext(
                "It is a group of its own.",
                "Each of them is a group of its own.",
                len(rows),
            )
        said = ngettext(
            "{count} image of {total} has no '{column}'.",
            "{count} images of {total} have no '{column}'.",
            len(rows),
            total=number(len(listing), 0),
            column=name,
        )
        findings.append(
            Finding(
                WARNING,
                f"{said} {meaning}",
                count=len(rows),
                places=_named(listing.ids.iloc[rows[:ROWS_NAMED]]),
            )
        )
    return findings


def _of_groups(
    listing: ImageListing, options: ImageTableOptions, loaded: LoadedDataset
) -> list[Finding]:
    """Groups that a given split tears apart."""
    if not options.group or options.split in (None, DRAWN):
        return []
    groups = build_manifest(listing, options)[1]
    used = loaded.manifest["split"].isin(SPLITS)
    splits = loaded.manifest.loc[used, "split"].groupby(groups[used]).unique()
    torn = [(name[2:], parts) for name, parts in splits.items() if len(parts) > 1]
    if not torn:
        return []
    return [
        Finding(
            WARNING,
            ngettext(
                "{count} '{column}' is in more than one split: a model is tested on "
                "what it has learnt.",
                "{count} different '{column}' are in more than one split: a model is "
                "tested on what it has learnt.",
                len(torn),
                column=options.group,
            ),
            expected=gettext(
                "all images of one '{column}' in one split.", column=options.group
            ),
            remedy=gettext("draw the split anew."),
            count=len(torn),
            places=tuple(
                Place(
                    None,
                    str(name),
                    gettext("splits"),
                    ", ".join(gettext(part) for part in parts),
                )
                for name, parts in torn[:ROWS_NAMED]
            ),
        )
    ]


def _of_sizes(loaded: LoadedDataset, columns: Iterable[Column]) -> list[Finding]:
    """Imbalance, and classes and groups that are few."""
    findings = []
    used = loaded.manifest[loaded.manifest["split"] != LEFT_OUT]
    training = used[used["split"] == TRAINING]
    for column in columns:
        is_target = column.task is not None
        counts = column.of(used).value_counts().reindex(column.classes, fill_value=0)
        if is_target and not isinstance(column.task, Regression):
            sizes = column.of(training).value_counts()
            ratio = imbalance_ratio(sizes.reindex(column.classes, fill_value=0))
            findings.append(
                Finding(
                    WARNING if ratio >= SEVERE_RATIO else NOTE,
                    gettext(
                        "{label}: '{largest}' has {ratio} times as many training "
                        "images as '{smallest}'.",
                        label=column.label,
                        largest=sizes.index[0],
                        smallest=sizes.index[-1],
                        ratio=number(ratio, 1),
                    ),
                )
            )
        few = counts[(counts > 0) & (counts < FEW)]
        if isinstance(column.task, Regression) or few.empty:
            continue
        findings.append(
            Finding(
                WARNING,
                ngettext(
                    "{label}: {count} group has fewer than {few} images.",
                    "{label}: {count} groups have fewer than {few} images.",
                    len(few),
                    label=column.label,
                    few=FEW,
                ),
                remedy=gettext(
                    "add images of it, or expect wide intervals: of so few nothing is "
                    "certain."
                ),
                count=len(few),
                places=tuple(
                    Place(None, "", str(name), str(n))
                    for name, n in few.iloc[:ROWS_NAMED].items()
                ),
            )
        )
    return findings


def unreadable_ids(understood: Understanding) -> list[str]:
    """Pictures that cannot be read, and that the options do not leave out."""
    seen = understood.looked
    rows = [] if seen is None else sorted(seen.unreadable)
    ids = understood.listing.ids.iloc[rows]
    return [name for name in ids if name not in understood.options.leave_out]


def _unreadable(understood: Understanding, seen: InspectedPictures) -> list[Finding]:
    listing, left_out = understood.listing, {*understood.options.leave_out}
    rows = [r for r in sorted(seen.unreadable) if listing.ids.iloc[r] not in left_out]
    if not rows:
        return []
    too_many = len(rows) > MAX_CORRUPT_SHARE * len(listing)
    names = listing.ids.to_numpy(object)
    return [
        Finding(
            FAULT if too_many else WARNING,
            ngettext(
                "{count} picture cannot be read, and is left out.",
                "{count} pictures cannot be read, and are left out.",
                len(rows),
            ),
            expected=gettext(
                "at most {max_corrupt_share} corrupt images.",
                max_corrupt_share=percent(MAX_CORRUPT_SHARE),
            ),
            remedy=gettext("copy these files again, or take them out."),
            count=len(rows),
            places=tuple(
                Place(
                    None,
                    names[row],
                    value=without_name(seen.unreadable[row], names[row]).rstrip("."),
                )
                for row in rows[:ROWS_NAMED]
            ),
        )
    ]


def _odd(understood: Understanding, seen: InspectedPictures) -> list[Finding]:
    listing, left_out = understood.listing, {*understood.options.leave_out}
    rows = [r for r in seen.oddly_sized() if listing.ids.iloc[r] not in left_out]
    if not rows:
        return []
    return [
        Finding(
            WARNING,
            ngettext(
                "{count} picture has an odd size: tiny, very long, or far smaller than "
                "the others.",
                "{count} pictures have an odd size: tiny, very long, or far smaller "
                "than the others.",
                len(rows),
            ),
            remedy=gettext("look at them: they may be icons or parts of a page."),
            count=len(rows),
            places=tuple(
                Place(
                    None,
                    listing.ids.iloc[row],
                    value=gettext(
                        "has {width} × {height} pixels",
                        width=seen.sizes[row, 0],
                        height=seen.sizes[row, 1],
                    ),
                )
                for row in rows[:ROWS_NAMED]
            ),
        )
    ]


def _copied(understood: Understanding, copies: Copies) -> list[Finding]:
    """Photos that are there twice, across splits first."""
    findings = []
    if len(copies.across):
        removes = understood.options.remove_copies
        findings.append(
            Finding(
                WARNING,
                ngettext(
                    "{count} pair of pictures in two splits shows one photo: a model "
                    "is tested on what it has learnt.",
                    "{count} pairs of pictures in two splits show one photo: a model "
                    "is tested on what it has learnt.",
                    len(copies.across),
                ),
                remedy=gettext("nothing: the study leaves the training images out.")
                if removes
                else gettext("leave the training images out (remove_copies = true)."),
                count=len(copies.across),
                places=_pairs(understood, copies.across),
            )
        )
    if len(copies.within):
        findings.append(
            Finding(
                WARNING,
                ngettext(
                    "{count} pair of pictures in one split shows one photo.",
                    "{count} pairs of pictures in one split show one photo.",
                    len(copies.within),
                ),
                remedy=gettext("take the copies out: they count twice."),
                count=len(copies.within),
                places=_pairs(understood, copies.within),
            )
        )
    pairs = np.concatenate([copies.across, copies.within])
    torn = _torn_labels(understood, pairs)
    if len(torn):
        findings.append(
            Finding(
                WARNING,
                ngettext(
                    "{count} photo is there twice with two labels: one of them is "
                    "wrong.",
                    "{count} photos are there twice with two labels: one of them is "
                    "wrong.",
                    len(torn),
                ),
                remedy=gettext("correct the label, or take both out."),
                count=len(torn),
                places=_pairs(understood, torn),
            )
        )
    return findings


def _torn_labels(understood: Understanding, pairs: np.ndarray) -> np.ndarray:
    assert understood.loaded is not None
    differs = np.zeros(len(pairs), bool)
    for task in understood.loaded.info.tasks:
        if not isinstance(task, Regression):
            values = understood.loaded.manifest[task.name].to_numpy(object)
            differs |= values[pairs[:, 0]] != values[pairs[:, 1]]
    found: np.ndarray = pairs[differs]
    return found


def _pairs(understood: Understanding, pairs: np.ndarray) -> tuple[Place, ...]:
    names = understood.listing.ids.to_numpy(object)
    return tuple(
        Place(None, f"{names[left]} = {names[right]}")
        for left, right in pairs[:ROWS_NAMED]
    )
