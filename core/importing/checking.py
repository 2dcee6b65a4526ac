"""Values of a file against the images that they should be of; every fault at once."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePath

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.data.manifest import TEST, VALIDATION
from core.evaluation.confusion_counts import encode_labels
from core.importing.columns import TaskColumns, is_number, loosely
from core.importing.file_findings import (
    FAULT,
    NOTE,
    ROWS_NAMED,
    WARNING,
    Finding,
    Place,
    faults_in,
)
from core.importing.naming import UNSAFE, unsafe_finding
from core.importing.reading import RawColumn, RawTable, places_of
from core.language import N_, gettext, in_form, ngettext
from core.tasks import Classification, Regression, Task
from core.text import quoted

LEAST_TOLERANCE, MOST_TOLERANCE = 2**-8, 0.1
"""How far probabilities of an image may be from 1 together, whatever their digits: at
least the rounding of 8 bits (bfloat16), and never so far that they mean little."""
NOISE = 1e-6
"""How far a probability may be outside 0 to 1, and a sum from 1, by computing alone."""
MAX_DIGITS, ROWS_LOOKED_AT = 6, 10_000
MAX_NUMBER = 1e15
"""Largest number of a regression. Beyond it, neighbouring whole numbers become equal,
and the squares of errors leave the range of single precision."""
MANY = 20
"""Classes that a sentence lists."""
NAMED = 5
"""Distinct strange values that a sentence names."""
RunKey = tuple[str, int]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Images:
    """The images that methods are compared on, and what is true of them.

    Parameters
    ----------
    table : DataFrame
        ``image_id`` and ``split``, then features, then ``<task>_true``; of the test
        split, and of validation where it is known.
    tasks : tuple of Task
    training : frozenset of str
        Images that were trained on, where they are known.
    """

    table: pd.DataFrame
    tasks: tuple[Task, ...]
    training: frozenset[str] = frozenset()

    @cached_property
    def ids(self) -> pa.Array:
        """All ids, in the order of the table."""
        return pa.array(self.table["image_id"], pa.string())

    @cached_property
    def is_test(self) -> Mask:
        """Whether each belongs to the test split."""
        return np.asarray(self.table["split"] == TEST)

    @cached_property
    def test_table(self) -> pd.DataFrame:
        """Those of the test split."""
        if self.is_test.all():
            return self.table
        return self.table[self.is_test].reset_index(drop=True)

    def truth(self, task: Task) -> NDArray[np.generic]:
        """Truth of every image: places of classes, or numbers."""
        values = self.table[f"{task.name}_true"]
        if isinstance(task, Regression):
            return np.asarray(values.to_numpy(np.float64))
        return encode_labels(values, task.classes, where=f"The {task.name}")

    def example(self) -> str:
        """An id, for a reader."""
        return str(self.test_table["image_id"].iloc[0])


@dataclass(frozen=True)
class Rows:
    """Rows of a file, each of an image and a run.

    Parameters
    ----------
    raw : RawTable
    ids : RawColumn
    runs : tuple of (method, seed)
    run_of : int array, shape (rows,)
        Place in ``runs``; -1 for a row of no run.
    """

    raw: RawTable
    ids: RawColumn
    runs: tuple[RunKey, ...]
    run_of: NDArray[np.intp]


@dataclass(frozen=True)
class Located:
    """Rows of a file and their images.

    Parameters
    ----------
    places : int array, shape (rows,)
        Row of ``Images.table``, -1 for none.
    findings : tuple of Finding
    """

    places: NDArray[np.intp]
    findings: tuple[Finding, ...]


def locate(rows: Rows, images: Images) -> Located:
    """Find the image of each row; say what is missing, unknown or there twice.

    Every run must have each test image once. Validation images are taken too, where a
    run has all of them.
    """
    places = pc.fill_null(pc.index_in(rows.ids.text, value_set=images.ids), -1)
    found = places.to_numpy(zero_copy_only=False).astype(np.intp)
    found, findings = _read_otherwise(rows.ids, found, images)
    findings += _unknown_ids(rows, found, images)
    usable = (found >= 0) & (rows.run_of >= 0)
    size = len(images.table)
    cells = rows.run_of[usable] * size + found[usable]
    counts = np.bincount(cells, minlength=len(rows.runs) * size)
    counts = counts.reshape(len(rows.runs), size)
    if counts.max(initial=0) > 1:
        findings += _twice(rows, np.flatnonzero(usable), cells)
    for run, seen in zip(rows.runs, counts > 0, strict=True):
        findings += _missing(run, seen, images, len(rows.runs) > 1)
    return Located(found, tuple(findings))


def _read_otherwise(
    ids: RawColumn, found: NDArray[np.intp], images: Images
) -> tuple[NDArray[np.intp], list[Finding]]:
    """Find ids that a program wrote in another form, if they fit one image only."""
    unknown = np.flatnonzero(found < 0)
    if not len(unknown):
        return found, []
    own = pd.Series(pc.take(ids.text, pa.array(unknown)).to_pylist(), unknown, str)
    read_as: dict[str, str] = {}
    for change in (_with_slashes, _without_zeros, _without_point):
        if own.empty:
            break
        known = images.table["image_id"].map(change)
        once = known[~known.duplicated(keep=False)]
        places = pd.Series(once.index.to_numpy(), once.to_numpy())
        distinct = pd.Series(own.unique())
        place_of = dict(zip(distinct, distinct.map(change).map(places), strict=True))
        place_of = {text: int(p) for text, p in place_of.items() if text and p == p}
        read_as |= {t: str(images.table["image_id"][p]) for t, p in place_of.items()}
        mine = own[own.isin(list(place_of))]
        found = found.copy()
        found[mine.index.to_numpy()] = mine.map(place_of).to_numpy(np.intp)
        own = own.drop(mine.index)
    if not read_as:
        return found, []
    said = [
        gettext("'{text}' as '{image_id}'", text=text, image_id=image_id)
        for text, image_id in read_as.items()
    ]
    note = gettext(
        "Read in '{column}': {texts}.", column=ids.name, texts=_first_named(said)
    )
    return found, [Finding(NOTE, note)]


def _with_slashes(image_id: str) -> str:
    """Folders as other systems than Windows write them."""
    return image_id.replace("\\", "/")


def _without_zeros(image_id: str) -> str:
    """A number as a spreadsheet leaves it."""
    is_number = image_id.isascii() and image_id.isdigit()
    return image_id.lstrip("0") or "0" if is_number else image_id


def _without_point(image_id: str) -> str:
    """A whole number that was kept as one with decimals."""
    return re.sub(r"^(\d+)\.0$", r"\1", image_id, flags=re.ASCII)


def _unknown_ids(rows: Rows, found: NDArray[np.intp], images: Images) -> list[Finding]:
    unknown = np.flatnonzero(found < 0)
    if not len(unknown):
        return []
    ids = [rows.ids.text[int(row)].as_py() for row in unknown[:ROWS_NAMED]]
    trained = [image_id for image_id in ids if image_id in images.training]
    count = len(unknown)
    said = ngettext(
        "{count} image id is not among the study's {total} test images.",
        "{count} image ids are not among the study's {total} test images.",
        count,
        total=int(images.is_test.sum()),
    )
    remedy = gettext("correct these ids, or delete these rows.")
    if trained:
        hint = gettext(
            "{n} of the first {shown} are training images.",
            n=len(trained),
            shown=len(ids),
        )
        said = f"{said} {hint}"
        remedy = gettext("keep the test images only: delete these rows.")
    elif alike := _alike(ids, images):
        said = f"{said} {alike}"
        remedy = gettext("write the ids exactly as the study has them.")
    return [
        Finding(
            FAULT,
            said,
            expected=gettext("ids such as '{example}'.", example=images.example()),
            remedy=remedy,
            count=count,
            places=places_of(unknown, rows.ids),
        )
    ]


def _alike(ids: Sequence[str], images: Images) -> str:
    """How ids differ from those known, if only by folder, suffix or case."""
    known = images.table["image_id"]
    ways: dict[str, tuple[Callable[[str], str], pd.Series]] = {
        N_("Without their folder they would be."): (_name, known),
        N_("Without their suffix they would be."): (_stem, known),
        N_("With a suffix they would be."): (str, known.map(_stem)),
        N_("In other capitals they would be."): (str.casefold, known.str.casefold()),
    }
    for words, (change, theirs) in ways.items():
        changed = {change(image_id) for image_id in ids if image_id}
        if changed and changed <= set(theirs):
            return gettext(words)
    return ""


def _name(image_id: str) -> str:
    return PurePath(image_id).name


def _stem(image_id: str) -> str:
    return PurePath(image_id).stem


def _twice(
    rows: Rows, usable: NDArray[np.intp], cells: NDArray[np.intp]
) -> list[Finding]:
    order = np.argsort(cells, kind="stable")
    ordered = cells[order]
    again = np.sort(usable[order[1:][ordered[1:] == ordered[:-1]]])
    if len(rows.runs) == 1:
        said = ngettext(
            "{count} row for an image that has one already.",
            "{count} rows for an image that has one already.",
            len(again),
        )
    else:
        said = ngettext(
            "{count} row for an image that has one already in the same run.",
            "{count} rows for an image that has one already in the same run.",
            len(again),
        )
    return [
        Finding(
            FAULT,
            said,
            expected=gettext("one row for each image and seed."),
            remedy=gettext(
                "delete the rows that are too many; several seeds need a column 'seed'."
            ),
            count=len(again),
            places=places_of(again, rows.ids),
        )
    ]


def _missing(
    run: RunKey, seen: Mask, images: Images, is_one_of_several: bool
) -> list[Finding]:
    seed = gettext("seed {seed}", seed=str(run[1]))
    whose = ", ".join([run[0], seed] if run[0] else [seed])
    findings = []
    needed = [(TEST, images.is_test)]
    if (seen & ~images.is_test).any():
        needed.append((VALIDATION, ~images.is_test))
    for split, members in needed:
        absent = np.flatnonzero(members & ~seen)
        if not len(absent):
            continue
        ids = images.table["image_id"].iloc[absent[:ROWS_NAMED]]
        total = {"total": int(members.sum()), "split": gettext(split)}
        if is_one_of_several:
            said = ngettext(
                "{count} of the study's {total} {split} images of {run}, is missing.",
                "{count} of the study's {total} {split} images of {run}, are missing.",
                len(absent),
                run=whose,
                **total,
            )
        else:
            said = ngettext(
                "{count} of the study's {total} {split} images is missing.",
                "{count} of the study's {total} {split} images are missing.",
                len(absent),
                **total,
            )
        findings.append(
            Finding(
                FAULT,
                said,
                expected=gettext("a row for every validation image (or none of them).")
                if split == VALIDATION
                else gettext("a row for every {split} image.", split=gettext(split)),
                remedy=gettext(
                    "predict these images too: methods are compared on the same "
                    "images. The template has every id."
                ),
                count=len(absent),
                places=tuple(Place(None, str(image_id)) for image_id in ids),
            )
        )
    return findings


@dataclass(frozen=True)
class Values:
    """Predictions of one task as they are stored, in the rows of the file.

    Parameters
    ----------
    task : Task
    labels : array, shape (rows,)
        Places of classes, -1 for none; or float64 numbers.
    probabilities : float32 array, shape (rows, classes), or None
    findings : tuple of Finding
    """

    task: Task
    labels: NDArray[np.generic]
    probabilities: NDArray[np.float32] | None
    findings: tuple[Finding, ...]

    def columns(self, rows: NDArray[np.intp]) -> dict[str, object]:
        """Columns of a run's table, of these rows of the file."""
        task = self.task
        labels = self.labels[rows]
        if isinstance(task, Regression):
            return {f"{task.name}_pred": labels}
        kept: dict[str, object] = {
            f"{task.name}_pred": pd.Categorical.from_codes(labels, list(task.classes))
        }
        if self.probabilities is not None:
            for place, label in enumerate(task.classes):
                kept[f"{task.name}_p_{label}"] = self.probabilities[rows, place]
        return kept


def read_values(
    raw: RawTable, ids: RawColumn, columns: TaskColumns, *, margin: float = 0
) -> Values:
    """Read and check the predictions of one task, for any images.

    Parameters
    ----------
    raw : RawTable
    ids : RawColumn
    columns : TaskColumns
    margin : float
        How far beyond a regression's range a number may be without a word, as a share
        of that range: where it is only that of the truth, answers go beyond it.
    """
    task = columns.task
    if isinstance(task, Regression):
        return _read_numbers(raw, ids, columns, task, margin)
    findings: list[Finding] = []
    labels, probabilities = None, None
    if columns.label:
        labels, found = read_labels(raw.column(columns.label), ids, task)
        findings += found
    if columns.probabilities:
        probabilities, found = _read_probabilities(raw, ids, columns, task)
        findings += found
    if labels is None:
        if probabilities is None:
            return Values(task, np.full(raw.rows, -1), None, ())
        labels = probabilities.argmax(axis=1).astype(np.int16)
        findings += _ties(ids, task, probabilities)
    elif probabilities is not None and not faults_in(findings):
        findings += _contradictions(raw, ids, columns, task, labels, probabilities)
    return Values(task, labels, probabilities, tuple(findings))


def read_labels(
    column: RawColumn, ids: RawColumn | None, task: Classification
) -> tuple[NDArray[np.int16], list[Finding]]:
    """Place of each row's class, -1 if it is not a class of the task."""
    codes, found = column.coded
    places, others = match_classes(found, task.classes)
    labels = places[codes]
    findings = []
    read_as = [
        gettext("'{text}' as {label}", text=text, label=label)
        for text, label in others.items()
    ]
    if read_as:
        said = gettext(
            "Read in '{column}': {texts}.",
            column=column.name,
            texts=", ".join(read_as[:NAMED]),
        )
        findings.append(Finding(NOTE, said))
    bad = np.flatnonzero(labels < 0)
    if len(bad):
        findings.append(_strange_labels(column, ids, task, bad))
    return labels, findings


def match_classes(
    found: Sequence[str], classes: Sequence[str]
) -> tuple[NDArray[np.int16], dict[str, str]]:
    """Place of each text among the classes, -1 for none.

    Returns
    -------
    int16 array, dict
        And the texts that were matched to a class in another spelling: other capitals,
        or 1.0 for 1. If two classes differ only in this way, neither is matched.
    """
    exact = {label: place for place, label in enumerate(classes)}
    alike = Counter(map(loosely, exact))
    loose = {
        loosely(label): place
        for label, place in exact.items()
        if alike[loosely(label)] == 1
    }
    places = [exact.get(text, loose.get(loosely(text), -1)) for text in found]
    others = {
        text: classes[place]
        for text, place in zip(found, places, strict=True)
        if place >= 0 and text not in exact
    }
    return np.array(places, np.int16), others


def unsafe_cells(column: RawColumn, ids: RawColumn | None, what: str) -> list[Finding]:
    """Refuse cells that are kept as names, and would be more than text to others."""
    found = pc.match_substring_regex(column.text, UNSAFE)
    rows = np.flatnonzero(found.to_numpy(zero_copy_only=False))
    if not len(rows):
        return []
    texts = pc.unique(pc.take(column.text, pa.array(rows))).to_pylist()
    fault = unsafe_finding(what, texts, places_of(rows, ids, column))
    return [replace(fault, count=len(rows))]


def _strange_labels(
    column: RawColumn,
    ids: RawColumn | None,
    task: Classification,
    bad: NDArray[np.intp],
) -> Finding:
    codes, found = column.coded
    used = np.unique(codes[bad])
    names = [
        quoted(found[code]) if found[code] else gettext("no label") for code in used
    ]
    # The one count is of the names, and the other of the rows.
    rows = ngettext("{count} row", "{count} rows", len(bad))
    remedy = gettext("write the classes as the study has them.")
    if all(map(is_number, task.classes)) and all(is_number(found[c]) for c in used):
        remedy = gettext(
            "write the classes as the study has them; of a new study, say --kind "
            "regression if a number is predicted, or name further classes with --class."
        )
    return Finding(
        FAULT,
        ngettext(
            "{labels} in '{column}' is not a class of {task}: {rows}.",
            "{labels} in '{column}' are not classes of {task}: {rows}.",
            len(names),
            labels=_first_named(names),
            column=column.name,
            task=gettext(task.label).lower(),
            rows=rows,
        ),
        expected=gettext("one of {names}.", names=_first_named(task.classes, MANY)),
        remedy=remedy,
        count=len(bad),
        places=places_of(bad, ids, column),
    )


def _read_numbers(
    raw: RawTable,
    ids: RawColumn,
    columns: TaskColumns,
    task: Regression,
    margin: float,
) -> Values:
    if not columns.label:
        return Values(task, np.full(raw.rows, np.nan), None, ())
    column = raw.column(columns.label)
    values = column.numbers
    findings = check_numbers(
        column, ids, gettext("a number of {unit}", unit=gettext(task.unit))
    )
    beyond = margin * (task.maximum - task.minimum)
    low, high = task.minimum - beyond, task.maximum + beyond
    outside = np.flatnonzero((values < low) | (values > high))
    if len(outside) and not faults_in(findings):
        findings.append(
            Finding(
                WARNING,
                ngettext(
                    "{count} row of '{column}' outside the range of {task}.",
                    "{count} rows of '{column}' outside the range of {task}.",
                    len(outside),
                    column=column.name,
                    task=gettext(task.label).lower(),
                ),
                expected=gettext(
                    "{low} to {high} {unit}.",
                    low=in_form(f"{low:g}"),
                    high=in_form(f"{high:g}"),
                    unit=gettext(task.unit),
                ),
                remedy=gettext("check the unit; they are taken as they are."),
                count=len(outside),
                places=places_of(outside, ids, column),
            )
        )
    return Values(task, values, None, tuple(findings))


def check_numbers(column: RawColumn, ids: RawColumn, what: str) -> list[Finding]:
    """Faults of a column of numbers, where one is missing or too large to compute with.

    Parameters
    ----------
    column, ids : RawColumn
    what : str
        What is expected in a row, such as "a number of years".
    """
    values = column.numbers
    findings = _decimal_commas([column])
    findings += _not_finite(ids, column, ~np.isfinite(values), what)
    rows = np.flatnonzero(np.isfinite(values) & (np.abs(values) > MAX_NUMBER))
    if len(rows):
        findings.append(
            Finding(
                FAULT,
                ngettext(
                    "{count} row of '{column}' too large to compute errors with.",
                    "{count} rows of '{column}' too large to compute errors with.",
                    len(rows),
                    column=column.name,
                ),
                expected=gettext(
                    "numbers from -{max_number} to {max_number}.",
                    max_number=in_form(f"{MAX_NUMBER:g}"),
                ),
                remedy=gettext(
                    "correct these rows, or write the numbers in a larger unit."
                ),
                count=len(rows),
                places=places_of(rows, ids, column),
            )
        )
    return findings


def _decimal_commas(columns: Sequence[RawColumn]) -> list[Finding]:
    """Say in which columns the comma was read as a decimal point."""
    named = [quoted(column.name) for column in columns if column.has_decimal_commas]
    if not named:
        return []
    said = gettext(
        "Commas are read as decimal points in {columns}.", columns=_first_named(named)
    )
    return [Finding(NOTE, said)]


def _not_finite(
    ids: RawColumn, column: RawColumn, bad: Mask, what: str
) -> list[Finding]:
    rows = np.flatnonzero(bad)
    if not len(rows):
        return []
    return [
        Finding(
            FAULT,
            ngettext(
                "No finite number in {count} row of '{column}'.",
                "No finite number in {count} rows of '{column}'.",
                len(rows),
                column=column.name,
            ),
            expected=gettext("{what} in every row.", what=what),
            remedy=gettext("divide percentages by 100, and leave out the sign.")
            if "%" in column.shown(int(rows[0]))
            else gettext(
                "fill in these rows; a decimal point, and no separator of thousands."
            ),
            count=len(rows),
            places=places_of(rows, ids, column),
        )
    ]


def _read_probabilities(
    raw: RawTable, ids: RawColumn, columns: TaskColumns, task: Classification
) -> tuple[NDArray[np.float32], list[Finding]]:
    """Probability of each class, and what is wrong with them; NaN counts once."""
    own = {label: raw.column(name) for label, name in columns.probabilities.items()}
    values = np.empty((raw.rows, len(task.classes)), np.float32)
    total, sound = np.zeros(raw.rows), np.ones(raw.rows, bool)
    clipped = np.zeros(raw.rows, bool)
    findings = _decimal_commas(list(own.values()))
    for place, label in enumerate(task.classes):
        if label not in own:
            continue
        numbers = own[label].numbers
        finite = np.isfinite(numbers)
        findings += _not_finite(ids, own[label], ~finite, gettext("a probability"))
        inside = (numbers >= -NOISE) & (numbers <= 1 + NOISE)
        findings += _outside(ids, own[label], np.flatnonzero(finite & ~inside))
        sound &= inside
        clipped |= inside & ((numbers < 0) | (numbers > 1))
        numbers = np.where(inside, np.clip(numbers, 0, 1), numbers)
        values[:, place] = numbers
        total += numbers
        if len(own) == 1:
            values[:, 1 - place] = 1 - numbers
    if len(own) == len(task.classes):
        findings += _scale_to_one(ids, task, list(own.values()), values, total, sound)
    return values, findings + _clipped_note(task, np.flatnonzero(clipped))


def _scale_to_one(
    ids: RawColumn,
    task: Classification,
    columns: Sequence[RawColumn],
    values: NDArray[np.float32],
    total: NDArray[np.float64],
    sound: Mask,
) -> list[Finding]:
    """Divide ``values`` by their sum where rounding has moved it; refuse other sums."""
    off = np.flatnonzero(sound & (np.abs(total - 1) > NOISE))
    if not len(off):
        return []
    digits, tolerance = _sum_tolerance(columns, total, off)
    wrong = off[np.abs(total[off] - 1) > tolerance + NOISE]
    if len(wrong):
        return _wrong_sums(ids, task, columns, total, wrong, digits, tolerance)
    values[off] /= total[off, None]
    farthest = off[np.abs(total[off] - 1).argmax()]
    return [
        Finding(
            NOTE,
            ngettext(
                "Rounding has moved the sum of '{first}' to '{last}' in {count} row, "
                "as far as {sum}: there they are divided by their sum.",
                "Rounding has moved the sum of '{first}' to '{last}' in {count} rows, "
                "as far as {sum}: there they are divided by their sum.",
                len(off),
                first=columns[0].name,
                last=columns[-1].name,
                sum=in_form(f"{total[farthest]:.6g}"),
            ),
        )
    ]


def _sum_tolerance(
    columns: Sequence[RawColumn], total: NDArray[np.float64], off: NDArray[np.intp]
) -> tuple[int, float]:
    """Digits that probabilities are given with, and how far rounding moves a sum.

    Each of k probabilities is wrong by half a unit of its last digit at the most.
    """
    if np.abs(total[off] - 1).max() <= LEAST_TOLERANCE:
        return MAX_DIGITS, LEAST_TOLERANCE
    size = len(total)
    step = max(1, size // ROWS_LOOKED_AT)
    rows = np.union1d(np.arange(0, size, step), off[:ROWS_LOOKED_AT])
    digits = digits_of(np.stack([column.numbers[rows] for column in columns]))
    rounding = 0.5 * len(columns) * 10.0**-digits
    return digits, min(MOST_TOLERANCE, max(LEAST_TOLERANCE, rounding))


def digits_of(values: NDArray[np.float64]) -> int:
    """Digits that shares were rounded to: decimals, or significant digits if fewer.

    Parameters
    ----------
    values : float64 array
        Those outside 0 to 1 are not looked at.

    Returns
    -------
    int
        From 1 to ``MAX_DIGITS``.
    """
    values = values[(values > NOISE) & (values <= 1)]
    if not len(values):
        return 1
    leading = 10.0 ** np.floor(np.log10(values))
    for digits in range(1, MAX_DIGITS):
        decimals = np.abs(values - np.round(values, digits)) <= 1e-7
        significant = (
            np.abs(values - np.round(values / leading, digits - 1) * leading)
            <= 1e-7 * leading
        )
        if decimals.all() or significant.all():
            return digits
    return MAX_DIGITS


def _clipped_note(task: Classification, rows: NDArray[np.intp]) -> list[Finding]:
    if not len(rows):
        return []
    said = ngettext(
        "Probabilities of {task} just outside 0 to 1 in {count} row are rounding noise "
        "(at most {noise}), and are read as 0 or 1.",
        "Probabilities of {task} just outside 0 to 1 in {count} rows are rounding "
        "noise (at most {noise}), and are read as 0 or 1.",
        len(rows),
        task=gettext(task.label).lower(),
        noise=in_form(f"{NOISE:g}"),
    )
    return [Finding(NOTE, said)]


def _outside(
    ids: RawColumn, column: RawColumn, rows: NDArray[np.intp]
) -> list[Finding]:
    if not len(rows):
        return []
    values = column.numbers
    remedy = gettext("correct these rows.")
    if values.min() < -NOISE:
        remedy = gettext("turn scores or logits into probabilities (softmax) first.")
    elif values.max() <= 100 and np.median(values) > 1:
        remedy = gettext("divide percentages by 100.")
    return [
        Finding(
            FAULT,
            ngettext(
                "{count} row of '{column}' outside 0 to 1.",
                "{count} rows of '{column}' outside 0 to 1.",
                len(rows),
                column=column.name,
            ),
            expected=gettext("probabilities from 0 to 1."),
            remedy=remedy,
            count=len(rows),
            places=places_of(rows, ids, column),
        )
    ]


def _wrong_sums(
    ids: RawColumn,
    task: Classification,
    columns: Sequence[RawColumn],
    total: NDArray[np.float64],
    rows: NDArray[np.intp],
    digits: int,
    tolerance: float,
) -> list[Finding]:
    names = ", ".join(column.name for column in columns[:NAMED])
    more = ", ..." if len(columns) > NAMED else ""
    places = tuple(
        Place(
            int(row) + 1,
            ids.shown(int(row)),
            gettext("sum of {columns}", columns=names + more),
            in_form(f"{total[row]:.6g}"),
        )
        for row in rows[:ROWS_NAMED]
    )
    return [
        Finding(
            FAULT,
            ngettext(
                "Probabilities of {task} do not sum to 1 in {count} row.",
                "Probabilities of {task} do not sum to 1 in {count} rows.",
                len(rows),
                task=gettext(task.label).lower(),
            ),
            expected=ngettext(
                "a sum of 1 in every row, within {tolerance}: so far the rounding of "
                "{classes} classes to {count} digit can move it.",
                "a sum of 1 in every row, within {tolerance}: so far the rounding of "
                "{classes} classes to {count} digits can move it.",
                digits,
                tolerance=in_form(f"{tolerance:.2g}"),
                classes=len(columns),
            ),
            remedy=gettext(
                "give the probabilities of all classes, unrounded; of a model with "
                "one score for each class, apply softmax first."
            ),
            count=len(rows),
            places=places,
        )
    ]


def _ties(
    ids: RawColumn, task: Classification, probabilities: NDArray[np.float32]
) -> list[Finding]:
    best = probabilities.max(axis=1)
    count = np.zeros(len(best), np.int32)
    for place in range(probabilities.shape[1]):
        count += probabilities[:, place] == best
    tied = np.flatnonzero(count > 1)
    if not len(tied):
        return []
    return [
        Finding(
            WARNING,
            ngettext(
                "{count} row with the same highest probability for two classes of "
                "{task}: the first of them is the label.",
                "{count} rows with the same highest probability for two classes of "
                "{task}: the first of them is the label.",
                len(tied),
                task=gettext(task.label).lower(),
            ),
            expected=gettext("one class above the others, or a column of labels."),
            count=len(tied),
            places=places_of(tied, ids),
        )
    ]


def _contradictions(
    raw: RawTable,
    ids: RawColumn,
    columns: TaskColumns,
    task: Classification,
    labels: NDArray[np.int16],
    probabilities: NDArray[np.float32],
) -> list[Finding]:
    best = probabilities.max(axis=1)
    own = probabilities[np.arange(len(labels)), labels]
    rows = np.flatnonzero(own < best)
    if not len(rows):
        return []
    return [
        Finding(
            WARNING,
            ngettext(
                "The label is not the most probable class of {task} in {count} row.",
                "The label is not the most probable class of {task} in {count} rows.",
                len(rows),
                task=gettext(task.label).lower(),
            ),
            expected=gettext(
                "the same, unless labels were decided at another threshold."
            ),
            remedy=gettext(
                "check that the columns belong together; labels are taken as they are."
            ),
            count=len(rows),
            places=places_of(rows, ids, raw.column(columns.label)),
        )
    ]


def build_tables(
    rows: Rows, located: Located, images: Images, values: Sequence[Values]
) -> dict[RunKey, pd.DataFrame]:
    """The predictions table of each run, of a file without a fault."""
    tables = {}
    for place, run in enumerate(rows.runs):
        own = np.flatnonzero(rows.run_of == place)
        row_of = np.full(len(images.table), -1, np.intp)
        row_of[located.places[own]] = own
        is_whole = (row_of >= 0).all()
        table = images.table if is_whole else images.test_table
        chosen = row_of if is_whole else row_of[images.is_test]
        for one in values:
            table = table.assign(**one.columns(chosen))
        tables[run] = table
    return tables


def _first_named(texts: Sequence[str], most: int = NAMED) -> str:
    """Texts one after another, of many the first."""
    shown = ", ".join(texts[:most])
    if len(texts) <= most:
        return shown
    return gettext("{names} and {n} more", names=shown, n=str(len(texts) - most))
