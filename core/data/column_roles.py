"""What each column of a table of images is likely to be; every guess is said.

A column is a target (a number, or classes), a sensitive feature, the group that must
not be split, the split itself, or nothing that counts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import floor, log10

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.data.image_listing import CLASS_FOLDER, PARTS, SPLIT_FOLDER
from core.data.manifest import TRAINING
from core.language import gettext
from core.tasks import natural_order
from core.text import number

MAX_CLASSES = 50
"""Different values above which a column is not taken for classes unasked."""
MAX_GROUPS = 12
"""Different values above which a column is not a sensitive feature, or is binned."""
FEW_NUMBERS = 10
"""Different whole numbers up to which a target is taken for classes."""
BINS = 10
_LABELS = (
    *("label", "labels", "class", "class_name", "target", "diagnosis", "dx", "y"),
    *("finding", "category", "truth", "ground_truth", "species", "breed", "type"),
    *("disease", "outcome", "grade", "benign_malignant", "melanoma", "malignant"),
)
_SENSITIVE = (
    *("gender", "sex", "ethnicity", "race", "age", "age_group", "skin", "skin_type"),
    *("skin_tone", "fitzpatrick", "hospital", "site", "scanner", "camera", "country"),
    *("region", "device", "view", "age_approx", "patient_age", "patient_gender"),
    *("patient_sex", "view_position", "centre", "center", "group"),
)
_GROUPS = (
    *("patient", "patient_id", "person", "person_id", "subject", "subject_id"),
    *("lesion", "lesion_id", "identity", "identity_id", "case", "case_id", "study_id"),
    *("individual", "animal", "family", "series", "eye_of", "participant"),
)
_SPLITS = ("split", "set", "partition", "subset", "fold", "usage", "dataset")
# Pairs of which everybody knows the positive one, whatever is asked.
PLAIN_POSITIVES = {
    frozenset(("0", "1")): "1",
    frozenset(("-1", "1")): "1",
    frozenset(("no", "yes")): "yes",
    frozenset(("n", "y")): "y",
    frozenset(("false", "true")): "true",
    frozenset(("negative", "positive")): "positive",
    frozenset(("neg", "pos")): "pos",
    frozenset(("absent", "present")): "present",
}
# The same, and those of pictures of patients.
POSITIVES = {
    **PLAIN_POSITIVES,
    frozenset(("benign", "malignant")): "malignant",
    frozenset(("healthy", "sick")): "sick",
    frozenset(("normal", "abnormal")): "abnormal",
}


@dataclass(frozen=True)
class ColumnFacts:
    """What a column holds.

    Parameters
    ----------
    name : str
    counts : Series of int
        Rows of each value that is there, by the value, the most frequent first.
    missing : int
        Rows without a value.
    numbers : float array
        Of each value of ``counts``; NaN where it is not a number.
    """

    name: str
    counts: pd.Series
    missing: int
    numbers: NDArray[np.float64]

    @property
    def is_numeric(self) -> bool:
        """Whether every value is a number."""
        return bool(len(self.numbers)) and bool(np.isfinite(self.numbers).all())

    @property
    def distinct(self) -> int:
        """Different values."""
        return len(self.counts)

    @property
    def rows(self) -> int:
        """Rows with a value."""
        return int(self.counts.sum())

    @property
    def is_whole(self) -> bool:
        """Whether every value is a whole number."""
        return self.is_numeric and bool((self.numbers == self.numbers.round()).all())

    @property
    def is_id(self) -> bool:
        """Whether nearly every row has a value of its own: text or whole numbers."""
        is_apart = self.distinct > 0.95 * self.rows and self.rows > MAX_GROUPS
        return is_apart and (not self.is_numeric or self.is_whole)


@dataclass(frozen=True)
class Roles:
    """The roles of the columns.

    Parameters
    ----------
    numbers : mapping of str to tuple of float
        Targets that are numbers: lowest, highest, and the width of a bin.
    two_classes : mapping of str to tuple of str
        Targets of two classes; the second is the positive one.
    classes : tuple of str
        Targets of more classes.
    sensitive : tuple of str
    bins : mapping of str to float
        Of sensitive features that are numbers, the width of a bin.
    group : str
        Column whose values are never split; empty if there is none.
    split : str
        Column of the split; empty if it is drawn.
    notes : tuple of str
        A sentence for each guess.
    """

    numbers: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    two_classes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    bins: Mapping[str, float] = field(default_factory=dict)
    group: str = ""
    split: str = ""
    notes: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """All columns that are predicted."""
        return (*self.numbers, *self.two_classes, *self.classes)


def describe_column(name: str, cells: pd.Series) -> ColumnFacts:
    """Count the values of a column of text; empty cells are missing."""
    counts = cells[cells != ""].value_counts()
    values = counts.index.to_numpy(object)
    numbers = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce")
    found = numbers.to_numpy(np.float64)
    found = np.where(np.isfinite(found), found, np.nan)
    return ColumnFacts(name, counts, int((cells == "").sum()), found)


def describe_columns(columns: pd.DataFrame) -> dict[str, ColumnFacts]:
    """The facts of every column, by its name."""
    return {str(name): describe_column(str(name), columns[name]) for name in columns}


def order_pair(values: Sequence[str], counts: Mapping[str, int]) -> tuple[str, str]:
    """Two classes with the positive one last: a known one, else the rarer."""
    first, second = natural_order(values)
    known = POSITIVES.get(frozenset(value.casefold() for value in values))
    if known is not None:
        positive = first if first.casefold() == known else second
    else:
        positive = first if counts[first] < counts[second] else second
    return (second, first) if positive == first else (first, second)


def default_range(facts: ColumnFacts) -> tuple[float, float, float]:
    """Lowest, highest, and a round width that makes about ten bins of them."""
    low, high = float(facts.numbers.min()), float(facts.numbers.max())
    return low, high, round_width((high - low) / BINS)


def round_width(width: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... at or above a width."""
    if width <= 0:
        return 1.0
    unit = 10.0 ** floor(log10(width))
    wanted = next(n for n in (1, 2, 5, 10) if n * unit >= width * (1 - 1e-9))
    return float(f"{wanted * unit:.12g}")


def find_roles(facts: Mapping[str, ColumnFacts]) -> Roles:
    """Guess the role of each column by its name and its values.

    Notes
    -----
    A column that is called as labels are is the target, and so are class folders;
    where neither is there, the column that is alone with few values, or numbers, is.
    """
    notes: list[str] = []
    used: set[str] = set()
    split = _find_split(facts, notes)
    used.add(split)
    group = _find_group(facts, used, notes)
    used.add(group)
    _say_left_out(facts, used, notes)
    numbers: dict[str, tuple[float, float, float]] = {}
    pairs: dict[str, tuple[str, str]] = {}
    classes: list[str] = []
    for name in _find_targets(facts, used):
        used.add(name)
        each = facts[name]
        kind, note = _kind_of(each)
        notes += [note] if note else []
        if kind == "numbers":
            numbers[name] = default_range(each)
        elif kind == "two":
            pairs[name] = order_pair(list(each.counts.index), each.counts.to_dict())
        else:
            classes.append(name)
    bins: dict[str, float] = {}
    sensitive = []
    for name, each in facts.items():
        if name in used or not _is_called(name, _SENSITIVE) or each.distinct < 2:
            continue
        if each.distinct > MAX_GROUPS and each.is_numeric:
            low, high, _ = default_range(each)
            bins[name] = round_width((high - low) / 5)
        elif each.distinct > MAX_GROUPS:
            continue
        sensitive.append(name)
    return Roles(
        numbers, pairs, tuple(classes), tuple(sensitive), bins, group, split, (*notes,)
    )


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


def _is_called(name: str, words: Sequence[str]) -> bool:
    return _key(name) in words


def is_split(facts: ColumnFacts) -> bool:
    """Whether every value names a split, training among them."""
    named = {PARTS.get(str(value).casefold()) for value in facts.counts.index}
    return None not in named and {TRAINING} < named


def _find_split(facts: Mapping[str, ColumnFacts], notes: list[str]) -> str:
    if SPLIT_FOLDER in facts:
        return SPLIT_FOLDER
    for name, each in facts.items():
        if _is_called(name, _SPLITS) and is_split(each):
            said = gettext("'{column}' is the split that came with them.", column=name)
            notes.append(said)
            return name
    return ""


def _find_group(
    facts: Mapping[str, ColumnFacts], used: set[str], notes: list[str]
) -> str:
    for word in _GROUPS:
        for name, each in facts.items():
            if name in used or _key(name) != word or each.distinct < 2:
                continue
            if each.distinct == each.rows:
                notes.append(
                    gettext(
                        "Every image has its own '{column}': there is nothing to keep "
                        "together.",
                        column=name,
                    )
                )
                used.add(name)
                continue
            notes.append(
                gettext(
                    "Images with one '{column}' stay in one split: {groups} of "
                    "{images} images.",
                    column=name,
                    groups=number(each.distinct, 0),
                    images=number(each.rows, 0),
                )
            )
            return name
    return ""


def _say_left_out(
    facts: Mapping[str, ColumnFacts], used: set[str], notes: list[str]
) -> None:
    """Say which columns are not looked at further, and why."""
    for name, each in facts.items():
        if name in used or name == CLASS_FOLDER:
            continue
        if each.distinct < 2:
            used.add(name)
            said = gettext(
                "'{column}' is left out: it has one value alone.", column=name
            )
        elif each.is_id and not _is_called(name, (*_LABELS, *_SENSITIVE)):
            used.add(name)
            said = gettext(
                "'{column}' is left out: it looks like an id, since nearly every image "
                "has a value of its own.",
                column=name,
            )
        elif each.distinct > MAX_CLASSES and not each.is_numeric:
            used.add(name)
            said = gettext(
                "'{column}' is left out: it is text with {n} different values.",
                column=name,
                n=number(each.distinct, 0),
            )
        else:
            continue
        notes.append(said)


def _find_targets(facts: Mapping[str, ColumnFacts], used: set[str]) -> list[str]:
    rest = [name for name in facts if name not in used and facts[name].distinct > 1]
    named = [name for name in rest if _is_called(name, _LABELS)]
    if named:
        return named
    if CLASS_FOLDER in rest:
        return [CLASS_FOLDER]
    others = [name for name in rest if not _is_called(name, _SENSITIVE)]
    few = [n for n in others if facts[n].distinct <= MAX_CLASSES]
    return (few or others or rest)[:1]


def _kind_of(facts: ColumnFacts) -> tuple[str, str]:
    """Numbers, two or more classes, and a note where it could be otherwise."""
    name, distinct = facts.name, facts.distinct
    if distinct == 2:
        if facts.is_numeric:
            return "two", gettext(
                "'{column}' holds two numbers, {first} and {second}: they are taken "
                "for classes.",
                column=name,
                first=facts.counts.index[0],
                second=facts.counts.index[1],
            )
        return "two", ""
    if facts.is_numeric and not (facts.is_whole and distinct <= FEW_NUMBERS):
        return "numbers", gettext(
            "'{column}' holds {n} different numbers: it is predicted as a number.",
            column=name,
            n=number(distinct, 0),
        )
    if facts.is_numeric:
        return "several", gettext(
            "'{column}' holds {n} different whole numbers: they are taken for classes.",
            column=name,
            n=number(distinct, 0),
        )
    return "several", ""
